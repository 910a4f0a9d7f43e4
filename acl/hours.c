/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hours - local hours as the kernel knows them.
 *
 * nft's `meta day` and `meta hour` are of UTC, and a rule has one day and one
 * range of hours. So each window is laid on a week of minutes, moved by the
 * offset of the zone, cut at midnight, and days with the same cut are put
 * together again.
 */
#include <string.h>

#include "rules.h"

#define DAY_MIN  1440
#define WEEK_MIN (7 * DAY_MIN)
#define EVERY    0x7fU

int acl_utc_offset(time_t now)
{
	struct tm tm;

	return localtime_r(&now, &tm) ? (int)tm.tm_gmtoff : 0;
}

static size_t add(struct acl_window *out, size_t n, int day, int from, int to)
{
	struct acl_window w = { 1U << day, (uint32_t)from * 60,
				(uint32_t)to * 60 - 1 };

	for (size_t i = 0; i < n; i++)
		if (out[i].from == w.from && out[i].to == w.to) {
			out[i].days |= w.days;
			return n;
		}
	if (n < ACL_WINDOWS_MAX)
		out[n++] = w;
	return n;
}

/* Marks what the windows cover, in minutes of UTC's week. */
static void mark(const struct acl_hours *h, int offset_min, char week[WEEK_MIN])
{
	unsigned int days = h->days ? h->days : EVERY;
	int from = h->from_min, to = h->to_min;

	if (!from && !to)
		to = DAY_MIN;
	if (to <= from)
		to += DAY_MIN;
	for (int day = 0; day < 7; day++)
		for (int m = from; days & 1U << day && m < to; m++)
			week[(day * DAY_MIN + m - offset_min + 2 * WEEK_MIN) %
			     WEEK_MIN] = 1;
}

size_t acl_hours_windows(const struct acl_hours *h, int utc_offset_sec,
			 struct acl_window out[ACL_WINDOWS_MAX])
{
	char week[WEEK_MIN] = "";
	size_t n = 0;

	mark(h, utc_offset_sec / 60, week);
	for (int day = 0; day < 7; day++) {
		const char *at = week + day * DAY_MIN;
		int from = 0;

		while (from < DAY_MIN) {
			int to = from;

			while (to < DAY_MIN && at[to])
				to++;
			if (to > from)
				n = add(out, n, day, from, to);
			from = to + 1;
		}
	}
	return n;
}
