/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carouseld's commands and what they share.
 */
#ifndef CAROUSELD_TOOL_H
#define CAROUSELD_TOOL_H

#include <stdint.h>

#include "errinfo.h"

int tool_serve(int argc, char **argv, void *arg);
int tool_receive(int argc, char **argv, void *arg);

/* "10.77.0.1"; else says so and returns 2. */
int tool_address(const char *text, uint32_t *out);
int tool_port(const char *text, uint16_t *out);

/* A blob of a repository over HTTP. */
struct fetch;
/* Does with `len` bytes at `offset` what is to be done; 0 or negative errno. */
typedef int (*fetch_fn)(void *arg, uint64_t offset, const void *data, size_t len);
int fetch_new(const char *repo_url, const char *sha256, struct fetch **out,
	      struct errinfo *err);
void fetch_free(struct fetch *f);
int fetch_size(struct fetch *f, uint64_t *size, struct errinfo *err);
int fetch_range(struct fetch *f, uint64_t offset, uint64_t len, fetch_fn fn,
		void *arg, struct errinfo *err);

#endif
