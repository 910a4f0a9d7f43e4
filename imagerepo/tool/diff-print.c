/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: for people.
 */
#include <stdio.h>
#include <string.h>

#include "diff.h"
#include "log.h"
#include "tool.h"

#define FILES_SHOWN 40 /* unless all are asked for */

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static uint64_t number(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static char sign(const json_t *entry)
{
	const char *change = member(entry, "change");

	return *change == 'a' ? '+' : *change == 'r' ? '-' : '*';
}

static void print_packages(const json_t *packages)
{
	size_t i, counts[128] = { 0 };
	json_t *p;

	json_array_foreach(packages, i, p)
	{
		char c = sign(p);

		counts[(int)c]++;
		if (c == '*')
			printf("  * %s %s -> %s\n", member(p, "name"),
			       member(p, "from"), member(p, "to"));
		else
			printf("  %c %s %s\n", c, member(p, "name"),
			       member(p, c == '+' ? "to" : "from"));
	}
	printf("packages: %zu added, %zu removed, %zu changed\n", counts['+'],
	       counts['-'], counts['*']);
}

static void print_file(const json_t *f)
{
	const json_t *from = json_object_get(f, "from");
	const json_t *to = json_object_get(f, "to");
	const char *path = member(f, "path");
	char quoted[4 * CONTENTS_PATH_MAX];
	char was[TOOL_SIZE] = "", is[TOOL_SIZE] = "";

	if (from)
		tool_size(number(from, "size"), was);
	if (to)
		tool_size(number(to, "size"), is);
	log_quote(quoted, sizeof(quoted), path, strlen(path));
	printf("  %c %s  %s%s%s", sign(f), quoted, was,
	       from && to ? " -> " : "", is);
	if (from && to && number(from, "mode") != number(to, "mode"))
		printf("  mode %o -> %o", (unsigned int)number(from, "mode"),
		       (unsigned int)number(to, "mode"));
	putchar('\n');
}

static void print_files(const json_t *files, int all)
{
	size_t i, counts[128] = { 0 };
	uint64_t added = 0, removed = 0;
	json_t *f;

	json_array_foreach(files, i, f)
	{
		counts[(int)sign(f)]++;
		removed += number(json_object_get(f, "from"), "size");
		added += number(json_object_get(f, "to"), "size");
		if (all || i < FILES_SHOWN)
			print_file(f);
	}
	if (!all && i > FILES_SHOWN)
		printf("  ... and %zu more (--all)\n", i - FILES_SHOWN);
	printf("files: %zu added, %zu removed, %zu changed, %+lld bytes\n",
	       counts['+'], counts['-'], counts['*'],
	       (long long)added - (long long)removed);
}

static void print_bytes(const json_t *bytes)
{
	char shared[TOOL_SIZE], fresh[TOOL_SIZE], delta[TOOL_SIZE];

	if (json_is_true(json_object_get(bytes, "kernel_changed")))
		printf("kernel: changed\n");
	if (json_is_true(json_object_get(bytes, "initrd_changed")))
		printf("initrd: changed\n");
	if (!json_object_get(bytes, "new"))
		return;
	printf("disk: %s new in %llu chunks, %s shared in %llu chunks\n",
	       tool_size(number(bytes, "new"), fresh),
	       (unsigned long long)number(bytes, "chunks_new"),
	       tool_size(number(bytes, "shared"), shared),
	       (unsigned long long)number(bytes, "chunks_shared"));
	if (json_object_get(bytes, "delta"))
		printf("delta: %s\n", tool_size(number(bytes, "delta"), delta));
}

void diff_print(const json_t *diff, int all_files)
{
	const json_t *a = json_object_get(diff, "a");
	const json_t *b = json_object_get(diff, "b");

	printf("%s %s -> %s %s\n", member(a, "name"), member(a, "version"),
	       member(b, "name"), member(b, "version"));
	if (json_object_get(diff, "packages")) {
		print_packages(json_object_get(diff, "packages"));
		print_files(json_object_get(diff, "files"), all_files);
	} else {
		printf("no list of contents on one side: only bytes are "
		       "compared\n");
	}
	print_bytes(json_object_get(diff, "bytes"));
}
