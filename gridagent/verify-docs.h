/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify-docs - signed documents to fixed-size structs, strictly: what is not
 * exactly as docs/protocol.md has it is refused. No files, no clock.
 */
#ifndef VERIFY_DOCS_H
#define VERIFY_DOCS_H

#include "messages.h"
#include "trust.h"

/* One document's content; which member is set follows from the kind asked. */
struct verified {
	struct msg_verify_segment segment;
	struct msg_verify_lease lease;
	struct msg_verify_desired desired;
	struct msg_domu domu[MSG_DOMUS_MAX]; /* desired.n_domus of them */
};

/* now_ms is the least that the time can be; q says what was asked for. */
int verify_doc(const struct trust_root *root, const struct msg_verify_doc *q,
	       const void *doc, size_t len, int64_t now_ms,
	       struct verified *out, struct errinfo *err);

/* An image's manifest (image.h), whose digest has been checked. */
int verify_manifest(const void *doc, size_t len,
		    struct msg_verify_manifest *out, struct errinfo *err);

/* build.json: release and build_time. */
int verify_build(const void *text, size_t len, struct msg_verify_ready *out,
		 struct errinfo *err);

#endif
