/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies below the recipe's own files: a Debian, or the files of an archive.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "build.h"
#include "cleanup.h"
#include "tool.h"

/* Traces of one installation, on one machine, at one time. fnmatch(3) where '*'
 * matches '/' too. */
static const struct {
	const char *pattern;
	int dirs_stay; /* only what is no directory goes */
} leftovers[] = {
	{ "dev/*", 0 },
	{ "run/*", 0 },
	{ "tmp/*", 0 },
	{ "var/tmp/*", 0 },
	{ "var/log/*", 1 },
	{ "var/cache/apt/*", 1 },
	{ "var/lib/apt/lists/*", 1 },
	{ "var/cache/debconf/*-old", 0 },
	{ "var/cache/ldconfig/aux-cache", 0 },
	{ "var/lib/dpkg/*-old", 0 },
	{ "var/lib/dbus/machine-id", 0 },
	{ "var/lib/systemd/random-seed", 0 },
	{ "etc/apt/apt.conf.d/99mmdebstrap", 0 },
	{ "etc/apt/sources.list", 0 },
	{ "etc/apt/sources.list.d/*", 1 },
	{ "etc/hostname", 0 },
	{ "etc/resolv.conf", 0 },
	{ "etc/machine-id", 0 },
	{ "etc/.pwd.lock", 0 },
	{ "etc/passwd-", 0 },
	{ "etc/group-", 0 },
	{ "etc/shadow-", 0 },
	{ "etc/gshadow-", 0 },
	{ "etc/subuid-", 0 },
	{ "etc/subgid-", 0 },
	{ "root/.bash_history", 0 },
	{ ".dockerenv", 0 },
};

static int is_leftover(const struct tree_entry *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(leftovers); i++)
		if (!fnmatch(leftovers[i].pattern, e->path, 0) &&
		    !(leftovers[i].dirs_stay && S_ISDIR(e->mode)))
			return 1;
	return 0;
}

/* An empty one says "make your own at the first start" (machine-id(5)). */
static int empty_machine_id(struct build *b, struct errinfo *err)
{
	struct tree_entry e = { .path = (char *)"etc/machine-id",
				.mode = S_IFREG | 0444,
				.source = b->base.spool };
	const struct tree_entry *etc = tree_find(&b->root, "etc");

	return etc && S_ISDIR(etc->mode) ? tree_put(&b->root, &e, err) : 0;
}

static int clean(struct build *b, struct errinfo *err)
{
	int rc;

	for (size_t i = 0; i < b->root.n; i++)
		if (is_leftover(&b->root.entries[i]))
			b->root.entries[i].gone = 1;
	rc = empty_machine_id(b, err);
	return rc ? rc : tree_mend(&b->root, err);
}

/*
 * Files that came to be while this ran have the time of now; those of packages
 * have their own. The former get the time of the newest of the latter: the same
 * packages give the same times.
 */
static void settle_times(struct build *b, int64_t since)
{
	int64_t newest = 0;

	for (size_t i = 0; i < b->root.n; i++) {
		const struct tree_entry *e = &b->root.entries[i];

		if (!e->gone && e->mtime < since && e->mtime > newest)
			newest = e->mtime;
	}
	if (b->epoch >= 0 && b->epoch < newest)
		newest = b->epoch;
	for (size_t i = 0; i < b->root.n; i++) {
		struct tree_entry *e = &b->root.entries[i];

		if (e->mtime > newest)
			e->mtime = newest;
	}
}

static int import(struct build *b, const char *format, const char *file,
		  struct errinfo *err)
{
	char size[TOOL_SIZE];
	int rc;

	build_progress(b, "%s %s", format, file);
	if (!strcmp(format, "oci"))
		rc = archive_read_oci(&b->base, file, err);
	else
		rc = archive_read_file(&b->base, file, err);
	if (rc)
		return rc;
	build_progress(b, "%zu files, %s", tree_files(&b->root),
		       tool_size(tree_size(&b->root), size));
	if (b->base.ignored)
		build_progress(b, "%llu extended attributes left out",
			       (unsigned long long)b->base.ignored);
	return 0;
}

/* As one writes it: beside its recipe. */
static int import_statement(struct build *b, const struct recipe *r,
			    struct errinfo *err)
{
	const char *file = r->import->argv[1];
	auto_free char *path =
		*file == '/' ? strdup(file) : tool_join(r->dir, file);

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return import(b, r->import->argv[0], path, err);
}

int build_is_disk(const struct build *b)
{
	return b->format && strcmp(b->format, "tar") != 0 &&
	       strcmp(b->format, "oci") != 0;
}

static int read_base(struct build *b, struct errinfo *err)
{
	const struct recipe *r;

	if (b->format)
		return import(b, b->format, b->file, err);
	for (r = &b->recipe; r; r = r->base) {
		if (r->debian)
			return build_debian(b, err);
		if (r->import)
			return import_statement(b, r, err);
	}
	return 0;
}

static int has_base(const struct build *b)
{
	if (b->format)
		return !build_is_disk(b);
	for (const struct recipe *r = &b->recipe; r; r = r->base)
		if (r->debian || r->import)
			return 1;
	return 0;
}

int build_base(struct build *b, struct errinfo *err)
{
	auto_free char *spool = tool_join(b->tmp, "spool");
	int64_t since = clock_unix_ms() / 1000;
	int rc;

	if (!has_base(b))
		return 0;
	if (!spool)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = archive_open(&b->base, &b->root, spool, err);
	if (rc)
		return rc;
	b->base.max = b->max_bytes;
	b->root.layer = 1;
	rc = read_base(b, err);
	if (!rc)
		rc = clean(b, err);
	if (!rc)
		settle_times(b, since);
	return rc;
}
