/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxl-log - xentoollog's levels to ours.
 */
#include <stdio.h>
#include <string.h>

#include "libxl-log.h"

static enum hv_log_level level_of(xentoollog_level level)
{
	if (level >= XTL_ERROR)
		return HV_LOG_ERR;
	if (level >= XTL_WARN)
		return HV_LOG_WARN;
	return level >= XTL_NOTICE ? HV_LOG_INFO : HV_LOG_DEBUG;
}

/* One line: whatever would end or garble it becomes a space. */
static void flatten(char *s)
{
	size_t len;

	for (len = 0; s[len]; len++) {
		if ((unsigned char)s[len] < 0x20 || s[len] == 0x7f)
			s[len] = ' ';
	}
	while (len && s[len - 1] == ' ')
		s[--len] = '\0';
}

/* libxl prefixes its words with file, line and function; people need none. */
static const char *without_place(const char *s)
{
	const char *end = strstr(s, "Domain ");
	const char *p = strstr(s, ".c:");

	if (!p)
		return s;
	if (end)
		return end;
	p = strchr(p, ' ');
	return p && p[1] ? p + 1 : s;
}

static void vmessage(struct xentoollog_logger *logger, xentoollog_level level,
		     int errnoval, const char *context, const char *format,
		     va_list al)
{
	struct hv_xtl *x = (struct hv_xtl *)logger;
	char text[512];
	size_t len;

	vsnprintf(text, sizeof(text), format, al);
	flatten(text);
	len = strlen(text);
	if (errnoval >= 0 && len < sizeof(text))
		snprintf(text + len, sizeof(text) - len, ": %s",
			 strerror(errnoval));
	if (level >= XTL_ERROR && !x->first[0])
		snprintf(x->first, sizeof(x->first), "%.255s",
			 without_place(text));
	(void)context;
	if (x->log)
		x->log(level_of(level), text, x->arg);
}

static void destroy(struct xentoollog_logger *logger)
{
	(void)logger; /* lies within its owner */
}

void hv_xtl_init(struct hv_xtl *x, hv_log_fn log, void *arg)
{
	memset(x, 0, sizeof(*x));
	x->vtable.vmessage = vmessage;
	x->vtable.destroy = destroy;
	x->log = log;
	x->arg = arg;
}

void hv_xtl_reset(struct hv_xtl *x)
{
	x->first[0] = '\0';
}
