/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"

static int64_t now_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_unix_ms(void)
{
	return now_ms(CLOCK_REALTIME);
}

int64_t clock_boot_ms(void)
{
	return now_ms(CLOCK_BOOTTIME);
}

void clock_format(int64_t unix_ms, char out[CLOCK_ISO])
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(out, CLOCK_ISO, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = '\0';
}

int clock_parse(const char *iso, int64_t *unix_ms)
{
	char again[CLOCK_ISO];
	struct tm tm = { 0 };
	const char *end;
	int64_t ms;

	end = strptime(iso, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return -EINVAL;
	ms = (int64_t)timegm(&tm) * 1000;
	/* One spelling only; also refuses the 31st of February. */
	clock_format(ms, again);
	if (strcmp(iso, again) != 0)
		return -EINVAL;
	*unix_ms = ms;
	return 0;
}
