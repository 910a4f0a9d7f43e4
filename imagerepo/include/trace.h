/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - which blocks of its root disk an image reads while it starts, in the
 * order of their first reading: DIR/root.trace, from `imagerepo trace`.
 *
 * Little-endian u32 numbers (offset on the disk / 4096), each once, nothing
 * else; no file or an empty one: no trace.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"

#define TRACE_FILE  "root.trace"
#define TRACE_BLOCK 4096u

/* n_blocks: of the disk; a number past it, one named twice, or a length that
 * is no multiple of 4 is -EBADMSG. Caller frees *blocks (NULL if empty). */
int imagerepo_trace_parse(const void *doc, size_t len, uint64_t n_blocks,
			  uint32_t **blocks, size_t *n, struct errinfo *err);

#endif
