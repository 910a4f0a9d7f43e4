/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define CAP_MIN 256

static int reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	char *data;

	if (b->rc)
		return b->rc;
	if (more > SIZE_MAX / 2 - b->len - 1)
		return b->rc = -EFBIG;
	need = b->len + more;
	if (b->max && need > b->max)
		return b->rc = -EFBIG;
	need++;
	if (need <= b->cap)
		return 0;
	cap = b->cap ? b->cap : CAP_MIN;
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		return b->rc = -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	if (reserve(b, len))
		return b->rc;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return b->rc = b->rc ? b->rc : -EINVAL;
	if (reserve(b, (size_t)n))
		return b->rc;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->rc = 0;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_take(struct buf *b)
{
	char *data;

	if (b->rc || buf_add(b, "", 0))
		return NULL;
	data = b->data;
	*b = (struct buf)BUF_INIT_MAX(b->max);
	return data;
}

void buf_dispose(struct buf *b)
{
	size_t max = b->max;

	free(b->data);
	*b = (struct buf)BUF_INIT_MAX(max);
}
