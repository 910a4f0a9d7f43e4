/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "errinfo.h"

/* In parentheses: to the analyzer these names are macros as well. */
int(errinfo_set)(struct errinfo *err, int rc, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return rc;
	err->rc = rc;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return rc;
}

int(errinfo_set_errno)(struct errinfo *err, int rc, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!err)
		return rc;
	err->rc = rc;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(-rc));
	return rc;
}

int(errinfo_wrap)(struct errinfo *err, int rc, const char *fmt, ...)
{
	char context[ERRINFO_MAX], inner[ERRINFO_MAX];
	va_list ap;

	if (!err)
		return rc;
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	snprintf(inner, sizeof(inner), "%s", errinfo_text(err, rc));
	err->rc = rc;
	/* What does not fit is cut, as the header says. */
	if (snprintf(err->text, sizeof(err->text), "%s: %s", context, inner) < 0)
		err->text[0] = '\0';
	return rc;
}

const char *errinfo_text(const struct errinfo *err, int rc)
{
	if (err && err->text[0])
		return err->text;
	return strerror(rc < 0 ? -rc : rc);
}
