/* SPDX-License-Identifier: Apache-2.0 */
/* Times and sizes as people read them. */
#include "clock.h"

#include "ctl.h"

const char *format_age(char out[FORMAT_MAX], int64_t ms)
{
	long long sec = ms < 0 ? 0 : ms / 1000;

	if (sec < 120)
		snprintf(out, FORMAT_MAX, "%llds", sec);
	else if (sec < 7200)
		snprintf(out, FORMAT_MAX, "%lldm", sec / 60);
	else if (sec < 48 * 3600)
		snprintf(out, FORMAT_MAX, "%lldh%02lldm", sec / 3600,
			 sec / 60 % 60);
	else
		snprintf(out, FORMAT_MAX, "%lldd%lldh", sec / 86400,
			 sec / 3600 % 24);
	return out;
}

const char *format_since(char out[FORMAT_MAX], int64_t unix_ms)
{
	if (unix_ms <= 0)
		snprintf(out, FORMAT_MAX, "-");
	else
		format_age(out, clock_unix_ms() - unix_ms);
	return out;
}

const char *format_size(char out[FORMAT_MAX], int64_t bytes)
{
	static const char units[] = "KMGT";
	double n = (double)bytes;
	int i = -1;

	while (n >= 1000 && i < 3) {
		n /= 1024;
		i++;
	}
	if (i < 0)
		snprintf(out, FORMAT_MAX, "%lld", (long long)bytes);
	else
		snprintf(out, FORMAT_MAX, n < 10 ? "%.1f%c" : "%.0f%c", n,
			 units[i]);
	return out;
}
