/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define LINE_MAX_BYTES 1024 /* longer lines are cut */

static struct {
	const char *name, *role;
	enum log_level level;
	int fd, kmsg, timestamps;
} state = { "nightshift", NULL, LOG_LEVEL_INFO, STDERR_FILENO, 0, 0 };

/* By level: syslog's priority number, and the word put before the message. */
static const struct {
	int priority;
	const char *word;
} levels[] = {
	[LOG_LEVEL_ERR] = { 3, "error: " },
	[LOG_LEVEL_WARN] = { 4, "warning: " },
	[LOG_LEVEL_INFO] = { 6, "" },
	[LOG_LEVEL_DEBUG] = { 7, "debug: " },
};

void log_init(const char *name, const char *role)
{
	state.name = name;
	state.role = role;
}

void log_set_level(enum log_level level)
{
	state.level = level;
}

void log_set_fd(int fd, int kmsg)
{
	state.fd = fd;
	state.kmsg = kmsg;
}

void log_set_timestamps(int on)
{
	state.timestamps = on;
}

static size_t line_prefix(char *line, size_t size, enum log_level level)
{
	char stamp[CLOCK_ISO] = "";
	char priority[8] = "";

	if (state.kmsg)
		snprintf(priority, sizeof(priority), "<%d>",
			 levels[level].priority);
	if (state.timestamps)
		clock_format(clock_unix_ms(), stamp);
	return (size_t)snprintf(line, size, "%s%s%s%s%s%s%s: %s", priority,
				stamp, stamp[0] ? " " : "", state.name,
				state.role ? "[" : "",
				state.role ? state.role : "",
				state.role ? "]" : "", levels[level].word);
}

void log_write(enum log_level level, const char *file, int srcline,
	       const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t n, room = sizeof(line) - 1;
	va_list ap;
	ssize_t written;
	int k;

	if (level > state.level)
		return;
	n = line_prefix(line, room, level);
	if (level == LOG_LEVEL_DEBUG && n < room)
		n += (size_t)snprintf(line + n, room - n, "%s:%d: ", file,
				      srcline);
	if (n < room) {
		va_start(ap, fmt);
		k = vsnprintf(line + n, room - n, fmt, ap);
		va_end(ap);
		n += k > 0 ? (size_t)k : 0;
	}
	if (n >= room)
		n = room - 1;
	line[n++] = '\n';
	/* One write, so that lines of several processes do not mix. */
	written = write(state.fd, line, n);
	(void)written;
}

const char *log_quote(char *buf, size_t size, const void *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = text;
	size_t o = 0, i;

	if (size < 8) {
		if (size)
			buf[0] = '\0';
		return buf;
	}
	for (i = 0; i < len; i++) {
		int plain = s[i] >= 0x20 && s[i] < 0x7f && s[i] != '\\';

		/* room for this one, "..." and the NUL */
		if (o + (plain ? 1 : 4) + 4 > size)
			break;
		if (plain) {
			buf[o++] = (char)s[i];
			continue;
		}
		buf[o++] = '\\';
		buf[o++] = 'x';
		buf[o++] = hex[s[i] >> 4];
		buf[o++] = hex[s[i] & 15];
	}
	if (i < len) {
		memcpy(buf + o, "...", 3);
		o += 3;
	}
	buf[o] = '\0';
	return buf;
}
