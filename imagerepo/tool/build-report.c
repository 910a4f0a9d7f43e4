/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was built: sizes of parts, of packages, of files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build.h"
#include "cleanup.h"
#include "tool.h"

#define LARGEST 8 /* of each kind, in the report */

static int by_size(const void *a, const void *b)
{
	const struct tree_entry *const *x = a, *const *y = b;

	if ((*x)->size != (*y)->size)
		return (*x)->size < (*y)->size ? 1 : -1;
	return strcmp((*x)->path, (*y)->path);
}

static void report_files(const struct tree *t)
{
	auto_free const struct tree_entry **list =
		calloc(t->n + 1, sizeof(*list));
	char size[TOOL_SIZE];
	size_t n = 0;

	if (!list || !t->n)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (S_ISREG(t->entries[i].mode))
			list[n++] = &t->entries[i];
	qsort(list, n, sizeof(*list), by_size);
	printf("largest in root:\n");
	for (size_t i = 0; i < n && i < LARGEST; i++)
		printf("  %10s  /%s\n", tool_size(list[i]->size, size),
		       list[i]->path);
}

static int by_kib(const void *a, const void *b)
{
	const struct contents_package *x = a, *y = b;

	if (x->kib != y->kib)
		return x->kib < y->kib ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void report_packages(const struct build *b)
{
	struct contents_package *list;
	char size[TOOL_SIZE];
	uint64_t kib = 0;
	char *text;
	size_t n;

	if (build_packages(b, &list, &n, &text, NULL))
		n = 0;
	for (size_t i = 0; i < n; i++)
		kib += list[i].kib;
	if (n) {
		qsort(list, n, sizeof(*list), by_kib);
		printf("%zu packages, %s by their own account; largest:\n", n,
		       tool_size(kib << 10, size));
	}
	for (size_t i = 0; i < n && i < LARGEST; i++)
		printf("  %10s  %s %s\n", tool_size(list[i].kib << 10, size),
		       list[i].name, list[i].version);
	free(list);
	free(text);
}

static void report_part(const char *name, uint64_t bytes, const struct tree *t)
{
	char size[TOOL_SIZE], unpacked[TOOL_SIZE];

	if (!bytes)
		return;
	printf("  %-8s %10s", name, tool_size(bytes, size));
	if (t && t->n)
		printf("  %zu files, %s", tree_files(t),
		       tool_size(tree_size(t), unpacked));
	putchar('\n');
}

void build_report(const struct build *b)
{
	const struct image_manifest *m = &b->draft.m;

	printf("%s %s in %s, starts with %d MiB of memory\n", m->name,
	       m->version, b->out, m->memory_min_mib);
	report_part("kernel", m->kernel.size, NULL);
	report_part("initrd", m->initrd.size, &b->initrd);
	report_part("root", m->disk_size, &b->root);
	report_packages(b);
	report_files(&b->root);
}
