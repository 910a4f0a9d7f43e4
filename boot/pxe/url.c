/* SPDX-License-Identifier: Apache-2.0 */
/* Take the server's address from a URL. */

#include <string.h>

#include "url.h"

#define SCHEME "http://"

/* A decimal number up to 255 without leading zeros, and what follows it. */
static bool parse_byte(const char **p, const char *end, char follows,
		       uint8_t *byte_out)
{
	const char *start = *p;
	unsigned int n = 0;

	for (; *p < end && **p >= '0' && **p <= '9' && *p - start < 3; ++*p)
		n = n * 10 + (**p - '0');
	if (*p == start || n > 255 || (*start == '0' && *p - start > 1))
		return false;
	if (*p == end || *(*p)++ != follows)
		return false;
	*byte_out = n;
	return true;
}

bool url_server(const char *url, size_t len, uint8_t ip_out[4])
{
	static const char follows[4] = { '.', '.', '.', '/' };
	const char *p = url, *end = url + len;
	size_t i;

	if (len < strlen(SCHEME) || memcmp(url, SCHEME, strlen(SCHEME)) != 0)
		return false;
	p += strlen(SCHEME);
	for (i = 0; i < 4; i++) {
		if (!parse_byte(&p, end, follows[i], &ip_out[i]))
			return false;
	}
	return true;
}
