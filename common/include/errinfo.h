/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errinfo - a reason that travels up with a negative errno.
 *
 * A function that a person must be able to understand takes a last parameter
 * `struct errinfo *err` (may be NULL) and fails in one statement:
 *
 *	return errinfo_set(err, -ENOENT, "vif %d: no bridge '%s'", i, name);
 *
 * Callers add context as it travels and the program prints it once, at the top:
 *
 *	if (rc)
 *		return errinfo_wrap(err, rc, "domain %s", name);
 *
 * Fixed size, no allocation, one line; longer texts are cut.
 */
#ifndef ERRINFO_H
#define ERRINFO_H

#define ERRINFO_MAX 512

struct errinfo {
	int rc;                 /* the negative errno last set, 0 if none */
	char text[ERRINFO_MAX]; /* one line, no newline, "" if none */
};

/* clang-format off */
#define ERRINFO_INIT { 0, "" }
/* clang-format on */

/* Sets the text; returns rc. */
int errinfo_set(struct errinfo *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like errinfo_set, with ": <strerror(-rc)>" appended. */
int errinfo_set_errno(struct errinfo *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text that is there; returns rc. */
int errinfo_wrap(struct errinfo *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* It sees one source at a time: tell it that these return rc. */
#define errinfo_set(err, rc, ...) (errinfo_set(err, rc, __VA_ARGS__), rc)
#define errinfo_set_errno(err, rc, ...) \
	(errinfo_set_errno(err, rc, __VA_ARGS__), rc)
#define errinfo_wrap(err, rc, ...) (errinfo_wrap(err, rc, __VA_ARGS__), rc)
#endif

/* The text, or strerror of rc if none was set. Never NULL. */
const char *errinfo_text(const struct errinfo *err, int rc);

#endif
