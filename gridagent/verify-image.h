/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify-image - what the repository's metadata say of an image (tuf.h), file
 * by file as main brings them.
 */
#ifndef VERIFY_IMAGE_H
#define VERIFY_IMAGE_H

#include "messages.h"

/* root: the trusted document, must outlive all. */
void verify_image_init(const void *root, size_t len);
/* Each returns 1: *want is needed next; 0: *found is it; negative: refused. id
 * names the run, which is over unless 1 came. */
int verify_image_start(uint32_t id, const struct msg_verify_image *q,
		       int64_t now_ms, struct msg_verify_want *want,
		       struct msg_verify_manifest *out, struct errinfo *err);
/* data NULL: there is no such file. */
int verify_image_file(uint32_t id, const void *data, size_t len,
		      struct msg_verify_want *want,
		      struct msg_verify_manifest *out, struct errinfo *err);

#endif
