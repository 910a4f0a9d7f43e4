/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-guest - what a guest that never runs would do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"

#include "fake-file.h"

#define SEC_MAX 1000000

struct plan {
	struct hv_fake_dom *dom;
	char *say;
	size_t say_size;
	struct errinfo *err;
};

static int end_after(struct plan *p, const char *value, enum hv_reason reason)
{
	int sec;

	if (parse_int(value, 0, SEC_MAX, &sec))
		return errinfo_set(p->err, -EINVAL, "fake guest: '%s' seconds",
				   value);
	p->dom->after_ms = (int64_t)sec * 1000;
	p->dom->end_reason = reason;
	return 0;
}

static int plan_exit(struct plan *p, const char *value)
{
	return end_after(p, value, HV_REASON_POWEROFF);
}

static int plan_crash(struct plan *p, const char *value)
{
	return end_after(p, value, HV_REASON_CRASH);
}

static int plan_deaf(struct plan *p, const char *value)
{
	(void)value;
	p->dom->deaf = true;
	return 0;
}

static int plan_fail(struct plan *p, const char *value)
{
	static const struct {
		const char *name;
		int rc;
	} codes[] = { { "nomem", -ENOMEM },
		      { "io", -EIO },
		      { "timeout", -ETIMEDOUT } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		if (!strcmp(codes[i].name, value))
			return errinfo_set(p->err, codes[i].rc,
					   "fake failure '%s'", value);
	}
	return errinfo_set(p->err, -EINVAL, "fake guest: failure '%s'", value);
}

static int plan_say(struct plan *p, const char *value)
{
	char *s;

	snprintf(p->say, p->say_size, "%s", value);
	for (s = p->say; *s; s++) {
		if (*s == '_')
			*s = ' ';
	}
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct plan *p, const char *value);
} words[] = {
	{ "fake-exit=", plan_exit }, { "fake-crash=", plan_crash },
	{ "fake-deaf", plan_deaf },  { "fake-fail=", plan_fail },
	{ "fake-say=", plan_say },
};

static int obey(struct plan *p, const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i].name);

		if (!strncmp(word, words[i].name, len))
			return words[i].fn(p, word + len);
	}
	return 0;
}

int hv_fake_plan(const char *cmdline, struct hv_fake_dom *dom, char *say_out,
		 size_t say_size, struct errinfo *err)
{
	struct plan p = { dom, say_out, say_size, err };
	char copy[HV_CMDLINE_MAX], *word, *save = NULL;
	int rc = 0;

	say_out[0] = '\0';
	dom->after_ms = dom->end_ms = -1;
	snprintf(copy, sizeof(copy), "%s", cmdline);
	for (word = strtok_r(copy, " ", &save); word && !rc;
	     word = strtok_r(NULL, " ", &save))
		rc = obey(&p, word);
	return rc;
}
