/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf - a growable byte buffer with an upper bound.
 *
 * Always NUL terminated behind len once anything was added. Once an addition
 * failed (-ENOMEM, or -EFBIG past max) `rc` stays set and later additions do
 * nothing, so that it may be checked once at the end.
 */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>

struct buf {
	char *data;
	size_t len, cap, max; /* max 0: no bound */
	int rc;
};

/* clang-format off */
#define BUF_INIT        { NULL, 0, 0, 0, 0 }
#define BUF_INIT_MAX(m) { NULL, 0, 0, (m), 0 }
/* clang-format on */

int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_reset(struct buf *b); /* empty, keeps its memory */
char *buf_take(struct buf *b); /* caller frees; "" if empty; NULL on rc */
void buf_dispose(struct buf *b);

#define auto_buf __attribute__((cleanup(buf_dispose)))

#endif
