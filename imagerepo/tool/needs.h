/* SPDX-License-Identifier: Apache-2.0 */
/*
 * needs - which shared libraries does a program name?
 */
#ifndef NEEDS_H
#define NEEDS_H

#include <stddef.h>

#include "errinfo.h"

#define NEEDS_MAX 64

struct needs {
	char *data;                  /* owns the strings below */
	const char *interp;          /* "/lib64/ld-linux-x86-64.so.2", NULL */
	const char *libs[NEEDS_MAX]; /* "libc.so.6" */
	size_t n;
};

/* -ENOEXEC if it is no x86-64 ELF file (a script, say). */
int needs_read(const char *path, struct needs *out, struct errinfo *err);
void needs_dispose(struct needs *n);

#endif
