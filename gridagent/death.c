/* SPDX-License-Identifier: Apache-2.0 */
/*
 * death - see death.h.
 */
#include <string.h>

#include "death.h"
#include "log.h"

#define CONSOLE_LINES 20

const char *death_reason(const struct msg *m)
{
	static const char *const reasons[MSG_DEATHS] = {
		[MSG_DEATH_POWEROFF] = "powered off",
		[MSG_DEATH_REBOOT] = "rebooted or triple-faulted",
		[MSG_DEATH_CRASH] = "crashed",
		[MSG_DEATH_OTHER] = "ended",
	};
	const struct msg_hv_death *d = m->body;

	return reasons[d->reason];
}

void death_last_words(const struct msg *m, char *out, size_t size)
{
	const char *end = (const char *)m->tail + m->tail_len;
	const char *p;

	while (end > (const char *)m->tail && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	for (p = end; p > (const char *)m->tail && p[-1] != '\n'; p--)
		;
	log_quote(out, size, p, (size_t)(end - p));
}

void death_log_console(const char *who, const struct msg *m)
{
	const char *p = (const char *)m->tail, *end = p + m->tail_len, *eol;
	char line[128];
	int lines = 0;

	for (const char *q = p; q < end; q++)
		lines += *q == '\n';
	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		if (lines-- <= CONSOLE_LINES)
			log_info("%s: console: %s", who,
				 log_quote(line, sizeof(line), p,
					   (size_t)(eol - p)));
	}
}
