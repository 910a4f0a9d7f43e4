/* SPDX-License-Identifier: Apache-2.0 */
/* Text in a buffer of fixed size. */

#include "text.h"

static void put_char(struct text *text, char c)
{
	if (text->len + 1 >= sizeof(text->s)) {
		text->cut = true;
		return;
	}
	text->s[text->len++] = c;
	text->s[text->len] = '\0';
}

void text_put(struct text *text, const char *s)
{
	while (*s != '\0')
		put_char(text, *s++);
}

void text_put_uint(struct text *text, uint64_t n)
{
	char digits[21]; /* 2^64 has 20 */
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = '0' + n % 10;
		n /= 10;
	} while (n > 0);
	text_put(text, p);
}

void text_put_mac(struct text *text, const uint8_t mac[6])
{
	static const char hex[] = "0123456789abcdef";
	unsigned int i;

	for (i = 0; i < 6; i++) {
		if (i > 0)
			put_char(text, '-');
		put_char(text, hex[mac[i] >> 4]);
		put_char(text, hex[mac[i] & 15]);
	}
}

void text_put_ip(struct text *text, const uint8_t ip[4])
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (i > 0)
			put_char(text, '.');
		text_put_uint(text, ip[i]);
	}
}

bool text_is_whole(const struct text *text)
{
	return !text->cut;
}
