/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build: a recipe becomes kernel, initrd, root, contents and image.json.
 *
 * All is made in OUT/tmp and moved to its place at the end, image.json last: a
 * directory with an image.json holds a whole image.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "cleanup.h"
#include "ext4.h"
#include "fileio.h"
#include "tool.h"

/* What a directory holds, in the order of making. */
enum part { KERNEL, INITRD, ROOT, CONTENTS, PARTS };
static const char *const part_names[PARTS] = { "kernel", "initrd", "root",
					       "contents" };

void build_progress(const struct build *b, const char *fmt, ...)
{
	va_list ap;

	if (b->quiet)
		return;
	fprintf(stderr, "%6.1f s  ",
		(double)(clock_boot_ms() - b->started_ms) / 1000);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int copy_file(const char *from, const char *to, uint64_t max,
		     struct errinfo *err)
{
	auto_free char *data = NULL;
	size_t len;
	int rc = fileio_read(from, max, &data, &len, err);

	return rc ? rc : fileio_write_atomic(to, data, len, 0644, err);
}

static int make_kernel(struct build *b, const char *to, struct errinfo *err)
{
	return copy_file(b->kernel ? b->kernel : b->stage.kernel, to,
			 IMAGE_KERNEL_MAX, err);
}

static int make_initrd(struct build *b, const char *to, struct errinfo *err)
{
	auto_free char *cpio = tool_join(b->tmp, "initrd.cpio");
	/* one thread: zstd's output depends on it */
	const char *argv[] = { "zstd", "-q", "-19", "--single-thread",
			       "-f",   "-o", to,    cpio,
			       NULL };
	int rc;

	if (b->initrd_file)
		return copy_file(b->initrd_file, to, IMAGE_INITRD_MAX, err);
	if (!cpio)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = tree_write_cpio(&b->initrd, cpio, err);
	return rc ? rc : tool_run(argv, "zstd", err);
}

static int64_t newest_time(const struct tree *t)
{
	int64_t newest = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->entries[i].mtime > newest)
			newest = t->entries[i].mtime;
	return newest;
}

/* mksquashfs reads a tar archive: owners and devices without any rights. Its
 * own idea of the time, for the top directory, is what only SOURCE_DATE_EPOCH
 * changes. */
static int make_squashfs(struct build *b, const char *to, struct errinfo *err)
{
	auto_free char *tar = tool_join(b->tmp, "root.tar");
	char epoch[24];
	static const char script[] =
		"SOURCE_DATE_EPOCH=$3 exec mksquashfs - \"$2\" -tar -quiet "
		"-no-progress -noappend -comp zstd -Xcompression-level 19 "
		"-root-mode 0755 -root-uid 0 -root-gid 0 <\"$1\"";
	const char *argv[] = { "sh", "-c", script, "sh", tar, to, epoch, NULL };
	struct stat st;
	int rc;

	if (!tar)
		return errinfo_set(err, -ENOMEM, "out of memory");
	snprintf(epoch, sizeof(epoch), "%lld", (long long)newest_time(&b->root));
	rc = tree_write_tar(&b->root, tar, err);
	if (!rc)
		rc = tool_run(argv, "squashfs-tools", err);
	if (!rc && stat(to, &st))
		rc = errinfo_set_errno(err, -errno, "%s", to);
	if (!rc && truncate(to, (st.st_size + 4095) / 4096 * 4096))
		rc = errinfo_set_errno(err, -errno, "%s", to);
	return rc;
}

static int make_root(struct build *b, const char *to, struct errinfo *err)
{
	struct ext4_options o = { .label = "root" };
	uint64_t size;

	if (build_is_disk(b))
		return build_disk(b, to, &size, err);
	if (b->recipe.fs == RECIPE_SQUASHFS)
		return make_squashfs(b, to, err);
	return ext4_write(&b->root, &o, to, &size, err);
}

static int make_contents(struct build *b, const char *to, struct errinfo *err)
{
	return build_write_contents(b, to, err);
}

static int has_part(const struct build *b, enum part part)
{
	if (part == INITRD)
		return b->initrd_file || b->initrd.n;
	return part != CONTENTS || !build_is_disk(b);
}

static int make_part(struct build *b, enum part part, struct errinfo *err)
{
	static int (*const make[PARTS])(struct build *, const char *,
					struct errinfo *) = {
		[KERNEL] = make_kernel,
		[INITRD] = make_initrd,
		[ROOT] = make_root,
		[CONTENTS] = make_contents,
	};
	struct image_manifest *m = &b->draft.m;
	char *sha256[PARTS] = { m->kernel.sha256, m->initrd.sha256,
				b->draft.root_sha256, m->contents.sha256 };
	uint64_t *bytes[PARTS] = { &m->kernel.size, &m->initrd.size,
				   &m->disk_size, &m->contents.size };
	auto_free char *to = tool_join(b->tmp, part_names[part]);
	char size[TOOL_SIZE];
	int rc;

	if (!has_part(b, part))
		return 0;
	if (!to)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = make[part](b, to, err);
	if (!rc)
		rc = hash_file_hex(to, sha256[part], bytes[part], err);
	if (!rc)
		build_progress(b, "%-8s %10s  %.12s", part_names[part],
			       tool_size(*bytes[part], size), sha256[part]);
	return rc;
}

/* "1" -> "1-3f9a2c1b": two different images never have one version. */
static int name_version(struct build *b, struct errinfo *err)
{
	const char *version = b->version ? b->version : b->recipe.version;
	auto_free char *text = NULL;
	char hex[HASH_HEX];
	int rc;

	b->draft.m.created_ms = 0;
	strcpy(b->draft.m.version, version);
	rc = imagerepo_draft_print(&b->draft, &text, err);
	if (rc)
		return rc;
	hash_bytes_hex(text, strlen(text), hex);
	snprintf(b->draft.m.version, sizeof(b->draft.m.version), "%.54s-%.8s",
		 version, hex);
	return 0;
}

/* When the content came to be: SOURCE_DATE_EPOCH, or when it was first built
 * here, or now. */
static void set_created(struct build *b)
{
	auto_free struct image_draft *old = calloc(1, sizeof(*old));

	b->draft.m.created_ms = clock_unix_ms() / 1000 * 1000;
	if (b->epoch >= 0) {
		b->draft.m.created_ms = b->epoch * 1000;
		return;
	}
	if (old && !imagerepo_draft_load(b->out, old, NULL) &&
	    !strcmp(old->m.name, b->draft.m.name) &&
	    !strcmp(old->m.version, b->draft.m.version))
		b->draft.m.created_ms = old->m.created_ms;
}

static int write_json(struct build *b, const char *path, struct errinfo *err)
{
	auto_free char *text = NULL;
	int rc = imagerepo_draft_print(&b->draft, &text, err);

	return rc ? rc : fileio_write_atomic(path, text, strlen(text), 0644, err);
}

/* A trace is of the disk that it was made with. */
static int drop_trace(const struct build *b, struct errinfo *err)
{
	auto_free char *trace = tool_join(b->out, DRAFT_TRACE);
	auto_free char *root = tool_join(b->out, part_names[ROOT]);
	char hex[HASH_HEX];
	uint64_t size;

	if (!trace || !root)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (access(trace, F_OK) || (!hash_file_hex(root, hex, &size, NULL) &&
				    !strcmp(hex, b->draft.root_sha256)))
		return 0;
	if (unlink(trace))
		return errinfo_set_errno(err, -errno, "%s", trace);
	return 0;
}

static int move_in(struct build *b, struct errinfo *err)
{
	auto_free char *json = tool_join(b->out, DRAFT_FILE);
	int rc;

	if (!json)
		return errinfo_set(err, -ENOMEM, "out of memory");
	set_created(b);
	rc = drop_trace(b, err);
	if (rc)
		return rc;
	if (unlink(json) && errno != ENOENT)
		return errinfo_set_errno(err, -errno, "%s", json);
	for (int i = 0; i < PARTS; i++) {
		auto_free char *from = tool_join(b->tmp, part_names[i]);
		auto_free char *to = tool_join(b->out, part_names[i]);

		if (!from || !to)
			return errinfo_set(err, -ENOMEM, "out of memory");
		if (has_part(b, i) ? rename(from, to)
				   : unlink(to) && errno != ENOENT)
			return errinfo_set_errno(err, -errno, "%s", to);
	}
	rc = build_write_list(b, err);
	return rc ? rc : write_json(b, json, err);
}

static void fill_draft(struct build *b)
{
	struct image_draft *d = &b->draft;

	strcpy(d->m.name, b->name ? b->name : b->recipe.name);
	strcpy(d->m.cmdline, b->recipe.cmdline);
	d->m.memory_min_mib = b->recipe.memory_mib;
	for (const struct recipe *r = &b->recipe; r && !d->n_warm; r = r->base)
		for (const struct conf_stmt *st =
			     conf_find(conf_first(r->conf), "warm");
		     st; st = conf_next(st))
			strcpy(d->warm[d->n_warm++], st->argv[0]);
}

static int stage_all(struct build *b, struct errinfo *err)
{
	struct recipe *r = &b->recipe;

	if (!b->kernel || !b->initrd_file)
		stage_kernel(&b->stage, r);
	if (!b->initrd_file)
		stage_blocks(&b->stage, r, STAGE_INITRD, &b->initrd);
	if (!build_is_disk(b))
		stage_blocks(&b->stage, r, STAGE_ROOT, &b->root);
	if (recipe_errors(r))
		return errinfo_set(err, -EINVAL, "%s: refused, nothing built",
				   r->dir);
	return 0;
}

static int run(struct build *b, struct errinfo *err)
{
	int rc;

	fill_draft(b);
	build_progress(b, "%s %s from %s", b->draft.m.name, b->recipe.version,
		       b->recipe.dir);
	rc = build_base(b, err);
	if (!rc)
		rc = stage_all(b, err);
	for (int i = 0; i < PARTS && !rc; i++)
		rc = make_part(b, i, err);
	if (!rc)
		rc = name_version(b, err);
	return rc ? rc : move_in(b, err);
}

int build_run(struct build *b, struct errinfo *err)
{
	int rc;

	b->tmp = tool_join(b->out, "tmp");
	if (!b->tmp)
		return errinfo_set(err, -ENOMEM, "out of memory");
	remove_tree(b->tmp);
	rc = fileio_mkdirs(b->tmp, 0755, err);
	b->stage.tmp = b->tmp;
	if (!rc)
		rc = run(b, err);
	if (!rc)
		build_report(b);
	remove_tree(b->tmp);
	return rc;
}

/* SOURCE_DATE_EPOCH is for the date of the image; tools that we call must not
 * mix it with what they are told. */
void build_init(struct build *b)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t sec;

	memset(b, 0, sizeof(*b));
	b->started_ms = clock_boot_ms();
	b->stage.bin = "build/bin";
	b->max_bytes = ARCHIVE_BYTES_MAX;
	b->epoch = epoch && !parse_u64(epoch, 0, INT32_MAX, &sec) ? (int64_t)sec
								  : -1;
	unsetenv("SOURCE_DATE_EPOCH");
}

void build_dispose(struct build *b)
{
	stage_dispose(&b->stage);
	tree_dispose(&b->initrd);
	tree_dispose(&b->root);
	archive_close(&b->base);
	recipe_dispose(&b->recipe);
	free(b->tmp);
}
