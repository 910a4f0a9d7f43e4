/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and URLs put together in a buffer of fixed size. Too long a text is
 * cut and marked as such: whoever acts on one asks text_is_whole() first.
 */
#ifndef BOOT_PXE_TEXT_H
#define BOOT_PXE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_MAX = 256 };

struct text {
	char s[TEXT_MAX]; /* always ends with a NUL */
	size_t len;
	bool cut;
};

#define TEXT_INIT       \
	{               \
		.s = "" \
	}

void text_put(struct text *text, const char *s);
void text_put_uint(struct text *text, uint64_t n);

/* 52-54-00-77-00-11: needs no escape in a URL. */
void text_put_mac(struct text *text, const uint8_t mac[6]);
void text_put_ip(struct text *text, const uint8_t ip[4]);

bool text_is_whole(const struct text *text);

#endif
