/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse-when - hours and rates.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parser.h"

#define DAY_MIN   1440
#define RATE_MAX  1000000000U
#define BURST_MAX 1000000
#define MBIT_MAX  100000U

/* "18:00" to minutes, or -1. 24:00 is the end of the day. */
static int minutes(const char *s)
{
	int h, m;

	if (strlen(s) != 5 || s[2] != ':' || strspn(s, "0123456789") != 2 ||
	    strspn(s + 3, "0123456789") != 2)
		return -1;
	h = (s[0] - '0') * 10 + s[1] - '0';
	m = (s[3] - '0') * 10 + s[4] - '0';
	if (h > 24 || m > 59 || (h == 24 && m))
		return -1;
	return h * 60 + m;
}

static int parse_time(struct acl_parser *ps, struct acl_hours *h)
{
	char from[6] = "", to[6] = "";
	const char *word = ps->token.text;

	if (strlen(word) == 11 && word[5] == '-') {
		memcpy(from, word, 5);
		memcpy(to, word + 6, 5);
	}
	h->from_min = minutes(from);
	h->to_min = minutes(to);
	if (h->from_min < 0 || h->from_min == DAY_MIN || h->to_min < 0) {
		acl_parse_error(ps, "'%s' is no time like 18:00-07:00", word);
		return -1;
	}
	if (h->from_min == h->to_min ||
	    (h->from_min == 0 && h->to_min == DAY_MIN)) {
		acl_parse_error(ps, "'%s' is all day: leave it out", word);
		return -1;
	}
	return 0;
}

/* "mon", "weekdays", "mon-fri", "sat-mon"; 0: none of them */
static unsigned int days_of(const char *word)
{
	char from[4] = "";
	unsigned int a, b, all = acl_days_find(word);

	if (all || strlen(word) != 7 || word[3] != '-')
		return all;
	memcpy(from, word, 3);
	a = acl_days_find(from);
	b = acl_days_find(word + 4);
	if (!a || !b)
		return 0;
	for (all = a; a != b; all |= a)
		a = a == 0x40 ? 1 : a << 1;
	return all;
}

static int parse_day(struct acl_parser *ps, struct acl_list *list)
{
	struct acl_item item = { .kind = ACL_PORTS, .a = days_of(ps->token.text) };

	if (!item.a) {
		acl_parse_error(ps,
				"'%s' is no day: mon, mon-fri, weekdays, "
				"weekends",
				ps->token.text);
		return -1;
	}
	return acl_policy_add(ps->p, list, &item);
}

int acl_parse_during(struct acl_parser *ps, struct acl_hours *h)
{
	struct acl_list list = { 0, 0 };
	int timed = 0;

	h->line = ps->token.line;
	h->col = ps->token.col;
	while (ps->token.kind == CONF_TOKEN_OPEN ||
	       (ps->token.kind == CONF_TOKEN_WORD &&
		(days_of(ps->token.text) ||
		 (!timed && strchr("0123456789", ps->token.text[0]))))) {
		if (ps->token.kind == CONF_TOKEN_WORD &&
		    !days_of(ps->token.text)) {
			if (parse_time(ps, h))
				return -1;
			timed = 1;
			acl_parse_next(ps);
			continue;
		}
		list = (struct acl_list){ 0, 0 };
		if (acl_parse_list(ps, &list, parse_day, "a day"))
			return -1;
		for (size_t i = 0; i < list.n; i++)
			h->days |= acl_policy_items(ps->p, &list)[i].a;
	}
	if (h->days == 0x7f)
		h->days = 0;
	if (!timed && !h->days) {
		acl_parse_error(ps, "expected days or a time like 18:00-07:00");
		return -1;
	}
	return 0;
}

/* "600mbit" as nightshift.conf(5) and tc(8) say it: bits in a second. */
static int parse_bits(const char *word, uint64_t *bytes)
{
	static const struct {
		const char *unit;
		uint64_t bits;
	} units[] = {
		{ "kbit", 1000 },
		{ "mbit", 1000000 },
		{ "gbit", 1000000000 },
	};
	size_t len = strspn(word, "0123456789");
	char number[16];
	uint64_t n;

	if (len == 0 || len >= sizeof(number))
		return -1;
	memcpy(number, word, len);
	number[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(word + len, units[i].unit) == 0 &&
		    !parse_u64(number, 1, MBIT_MAX * 1000000ULL / units[i].bits,
			       &n)) {
			*bytes = n * units[i].bits / 8;
			return 0;
		}
	return -1;
}

static const struct {
	const char *word;
	enum acl_rate_unit unit;
	const char *per;
} rate_words[] = {
	{ "packets/second", ACL_RATE_PACKETS, "second" },
	{ "packets/minute", ACL_RATE_PACKETS, "minute" },
	{ "packets/hour", ACL_RATE_PACKETS, "hour" },
	{ "connections/second", ACL_RATE_CONNECTIONS, "second" },
	{ "connections/minute", ACL_RATE_CONNECTIONS, "minute" },
	{ "connections/hour", ACL_RATE_CONNECTIONS, "hour" },
};

static int parse_count(struct acl_parser *ps, struct acl_rate *r)
{
	if (parse_u64(ps->token.text, 1, RATE_MAX, &r->value)) {
		acl_parse_error(ps,
				"'%s' is no rate like 100 packets/second, "
				"20 connections/minute or 10mbit",
				ps->token.text);
		return -1;
	}
	acl_parse_next(ps);
	for (size_t i = 0; i < ARRAY_SIZE(rate_words); i++)
		if (acl_parse_is(ps, rate_words[i].word)) {
			r->unit = rate_words[i].unit;
			r->per = rate_words[i].per;
			return 0;
		}
	acl_parse_error(ps, "expected packets/second or connections/second "
			    "(or minute, hour) here");
	return -1;
}

int acl_parse_rate(struct acl_parser *ps, struct acl_rate *r)
{
	int burst;

	r->line = ps->token.line;
	r->col = ps->token.col;
	if (ps->token.kind != CONF_TOKEN_WORD) {
		acl_parse_error(ps, "expected a rate here");
		return -1;
	}
	if (parse_bits(ps->token.text, &r->value) == 0) {
		r->unit = ACL_RATE_BYTES;
		r->per = "second";
	} else if (parse_count(ps, r)) {
		return -1;
	}
	acl_parse_next(ps);
	if (acl_parse_is(ps, "burst")) {
		acl_parse_next(ps);
		if (r->unit == ACL_RATE_BYTES ||
		    ps->token.kind != CONF_TOKEN_WORD ||
		    parse_int(ps->token.text, 1, BURST_MAX, &burst)) {
			acl_parse_error(ps,
					"burst: 1 to %d packets or "
					"connections; bits have none",
					BURST_MAX);
			return -1;
		}
		r->burst = (unsigned int)burst;
		acl_parse_next(ps);
	}
	if (acl_parse_is(ps, "each")) {
		r->each = 1;
		acl_parse_next(ps);
	}
	return 0;
}
