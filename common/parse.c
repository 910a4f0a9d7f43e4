/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"

struct unit {
	char letter;
	uint64_t factor;
};

/* Digits only: no sign, no space, no leading '+'; *end is behind them. */
static int digits(const char *s, const char **end, uint64_t *out)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (v > (UINT64_MAX - (uint64_t)(*p - '0')) / 10)
			return -ERANGE;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (p == s)
		return -EINVAL;
	*end = p;
	*out = v;
	return 0;
}

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *end;
	uint64_t v;
	int rc;

	rc = digits(s, &end, &v);
	if (rc)
		return rc;
	if (*end)
		return -EINVAL;
	if (v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int parse_int(const char *s, int min, int max, int *out)
{
	const char *end;
	uint64_t v;
	int64_t n;
	int rc;

	rc = digits(s + (*s == '-'), &end, &v);
	if (rc)
		return rc;
	if (*end)
		return -EINVAL;
	if (v > (uint64_t)INT32_MAX + 1)
		return -ERANGE;
	n = *s == '-' ? -(int64_t)v : (int64_t)v;
	if (n < min || n > max)
		return -ERANGE;
	*out = (int)n;
	return 0;
}

static int with_unit(const char *s, const struct unit *units, size_t n,
		     uint64_t *out)
{
	const char *end;
	uint64_t v;
	size_t i;
	int rc;

	rc = digits(s, &end, &v);
	if (rc)
		return rc;
	if (!*end) {
		*out = v;
		return 0;
	}
	if (end[1])
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (units[i].letter != *end)
			continue;
		if (v > UINT64_MAX / units[i].factor)
			return -ERANGE;
		*out = v * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int parse_size(const char *s, uint64_t *bytes)
{
	static const struct unit units[] = {
		{ 'K', 1ULL << 10 },
		{ 'M', 1ULL << 20 },
		{ 'G', 1ULL << 30 },
		{ 'T', 1ULL << 40 },
	};

	return with_unit(s, units, ARRAY_SIZE(units), bytes);
}

int parse_duration(const char *s, uint64_t *sec)
{
	static const struct unit units[] = {
		{ 's', 1 },
		{ 'm', 60 },
		{ 'h', 3600 },
		{ 'd', 86400 },
	};

	return with_unit(s, units, ARRAY_SIZE(units), sec);
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int parse_mac(const char *s, uint8_t mac[PARSE_MAC_LEN])
{
	uint8_t out[PARSE_MAC_LEN];
	char sep = '\0';

	for (int i = 0; i < PARSE_MAC_LEN; i++, s += 3) {
		int hi = hex_digit(tolower((unsigned char)s[0]));
		int lo = hi < 0 ? -1 : hex_digit(tolower((unsigned char)s[1]));
		char want = i == PARSE_MAC_LEN - 1 ? '\0' : sep;

		if (lo < 0)
			return -EINVAL;
		if (i == 0) {
			want = sep = s[2];
			if (sep != ':' && sep != '-')
				return -EINVAL;
		}
		if (s[2] != want)
			return -EINVAL;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(mac, out, sizeof(out));
	return 0;
}

void format_mac(const uint8_t mac[PARSE_MAC_LEN], char out[PARSE_MAC_STR])
{
	snprintf(out, PARSE_MAC_STR, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* The address in front of *end; one spelling only: no leading zeros. */
static int ipv4_part(const char *s, const char **end, uint32_t *addr)
{
	uint32_t a = 0;
	uint64_t v;
	int rc;

	for (int i = 0; i < 4; i++) {
		const char *start = s;

		rc = digits(s, &s, &v);
		if (rc || v > 255)
			return -EINVAL;
		if (*start == '0' && s != start + 1)
			return -EINVAL;
		a = a << 8 | (uint32_t)v;
		if (i < 3 && *s++ != '.')
			return -EINVAL;
	}
	*end = s;
	*addr = a;
	return 0;
}

int parse_ipv4(const char *s, uint32_t *addr)
{
	const char *end;
	uint32_t a;
	int rc;

	rc = ipv4_part(s, &end, &a);
	if (rc)
		return rc;
	if (*end)
		return -EINVAL;
	*addr = a;
	return 0;
}

int parse_ipv4_prefix(const char *s, uint32_t *addr, unsigned int *len)
{
	const char *end;
	uint32_t a;
	uint64_t v;
	int rc;

	rc = ipv4_part(s, &end, &a);
	if (rc)
		return rc;
	if (*end != '/')
		return -EINVAL;
	rc = parse_u64(end + 1, 0, 32, &v);
	if (rc)
		return rc;
	*addr = a;
	*len = (unsigned int)v;
	return 0;
}

void format_ipv4(uint32_t addr, char out[PARSE_IPV4_STR])
{
	snprintf(out, PARSE_IPV4_STR, "%u.%u.%u.%u", addr >> 24,
		 addr >> 16 & 255, addr >> 8 & 255, addr & 255);
}

int parse_hex(const char *s, uint8_t *out, size_t len)
{
	if (strlen(s) != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < 2 * len; i++)
		if (hex_digit(s[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(hex_digit(s[2 * i]) * 16 +
				   hex_digit(s[2 * i + 1]));
	return 0;
}

void format_hex(const uint8_t *in, size_t len, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = hex[in[i] >> 4];
		*out++ = hex[in[i] & 15];
	}
	*out = '\0';
}

static int is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int parse_is_name(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > PARSE_NAME_MAX)
		return 0;
	if (!is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return 0;
	for (; *s; s++)
		if (!is_alnum(*s) && *s != '.' && *s != '_' && *s != '-')
			return 0;
	return 1;
}
