/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was built: list of files, sizes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "build.h"
#include "cleanup.h"
#include "fileio.h"
#include "tool.h"

#define LARGEST 8 /* files in the size report */

static void list_tree(struct buf *list, const char *role, const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_entry *e = &t->entries[i];

		buf_addf(list, "%s %06o %llu /%s%s%s\n", role, e->mode,
			 S_ISREG(e->mode) ? (unsigned long long)e->size : 0,
			 e->path, S_ISLNK(e->mode) ? " -> " : "",
			 S_ISLNK(e->mode) ? e->source : "");
	}
}

int build_write_list(const struct build *b, struct errinfo *err)
{
	auto_free char *path = tool_join(b->out, "files.txt");
	auto_buf struct buf list = BUF_INIT;

	list_tree(&list, "initrd", &b->initrd);
	list_tree(&list, "root", &b->root);
	if (!path || list.rc)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return fileio_write_atomic(path, list.data, list.len, 0644, err);
}

static int by_size(const void *a, const void *b)
{
	const struct tree_entry *const *x = a, *const *y = b;

	if ((*x)->size != (*y)->size)
		return (*x)->size < (*y)->size ? 1 : -1;
	return strcmp((*x)->path, (*y)->path);
}

static void report_largest(const struct tree *t)
{
	auto_free const struct tree_entry **list =
		calloc(t->n + 1, sizeof(*list));
	char size[TOOL_SIZE];
	size_t n = 0;

	if (!list)
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

void build_report(const struct build *b)
{
	const struct tree *trees[IMAGEREPO_ROLES] = {
		[IMAGEREPO_INITRD] = &b->initrd, [IMAGEREPO_ROOT] = &b->root
	};
	char size[TOOL_SIZE], unpacked[TOOL_SIZE];

	printf("%s %s in %s\n", b->m.name, b->m.version, b->out);
	for (int i = 0; i < IMAGEREPO_ROLES; i++) {
		if (!b->m.blob[i].size)
			continue;
		printf("  %-7s %10s  ", imagerepo_role_name(i),
		       tool_size(b->m.blob[i].size, size));
		if (trees[i])
			printf("%zu files, %s unpacked\n", tree_files(trees[i]),
			       tool_size(tree_size(trees[i]), unpacked));
		else
			printf("Linux %s\n", b->stage.kernel_version);
	}
	printf("  %-7s %10s  starts with %d MiB of memory\n", "total",
	       tool_size(imagerepo_manifest_size(&b->m), size),
	       b->m.memory_min_mib);
	report_largest(&b->root);
}
