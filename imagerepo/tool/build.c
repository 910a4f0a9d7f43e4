/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build: a recipe becomes kernel, initrd, root and image.json.
 *
 * All is made in OUT/tmp and moved to its place at the end, image.json last: a
 * directory with an image.json holds a whole image.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "cleanup.h"
#include "cmd.h"
#include "fileio.h"
#include "tool.h"

static void progress(const struct build *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void progress(const struct build *b, const char *fmt, ...)
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

static int copy_file(const char *from, const char *to, struct errinfo *err)
{
	auto_free char *data = NULL;
	size_t len;
	int rc = fileio_read(from, imagerepo_role_max(IMAGEREPO_KERNEL), &data,
			     &len, err);

	return rc ? rc : fileio_write_atomic(to, data, len, 0644, err);
}

static int make_initrd(struct build *b, const char *to, struct errinfo *err)
{
	auto_free char *cpio = tool_join(b->tmp, "initrd.cpio");
	/* one thread: zstd's output depends on it */
	const char *argv[] = { "zstd", "-q", "-19", "--single-thread",
			       "-f",   "-o", to,    cpio,
			       NULL };
	int rc;

	if (!cpio)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = tree_write_cpio(&b->initrd, cpio, err);
	return rc ? rc : tool_run(argv, "zstd", err);
}

/* mksquashfs takes no times beside SOURCE_DATE_EPOCH, which is for the date of
 * the image, not for the files in it. */
static void hide_epoch(struct build *b)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	b->epoch = epoch ? strdup(epoch) : NULL;
	unsetenv("SOURCE_DATE_EPOCH");
}

static int make_root(struct build *b, const char *to, struct errinfo *err)
{
	auto_free char *dir = tool_join(b->tmp, "tree");
	const char *argv[] = { "mksquashfs",
			       dir,
			       to,
			       "-quiet",
			       "-no-progress",
			       "-noappend",
			       "-all-root",
			       "-no-xattrs",
			       "-mkfs-time",
			       "0",
			       "-all-time",
			       "0",
			       "-comp",
			       "zstd",
			       "-Xcompression-level",
			       "19",
			       NULL };
	int rc;

	if (!dir)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (mkdir(dir, 0755))
		return errinfo_set_errno(err, -errno, "%s", dir);
	rc = tree_write_dir(&b->root, dir, err);
	return rc ? rc : tool_run(argv, "squashfs-tools", err);
}

static int make_role(struct build *b, enum imagerepo_role role,
		     struct errinfo *err)
{
	struct imagerepo_blob *blob = &b->m.blob[role];
	auto_free char *to = tool_join(b->tmp, imagerepo_role_name(role));
	char size[TOOL_SIZE];
	int rc;

	if (role == IMAGEREPO_INITRD && !b->recipe.initrd)
		return 0;
	if (!to)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (role == IMAGEREPO_KERNEL)
		rc = copy_file(b->stage.kernel, to, err);
	else if (role == IMAGEREPO_INITRD)
		rc = make_initrd(b, to, err);
	else
		rc = make_root(b, to, err);
	if (!rc)
		rc = hash_file_hex(to, blob->sha256, &blob->size, err);
	if (!rc)
		progress(b, "%-7s %10s  %.12s", imagerepo_role_name(role),
			 tool_size(blob->size, size), blob->sha256);
	return rc;
}

/* "1" -> "1-3f9a2c1b": two different images never have one version. */
static int name_version(struct build *b, struct errinfo *err)
{
	auto_free char *text = NULL;
	char hex[HASH_HEX];
	json_t *body;

	b->m.created_ms = b->m.expires_ms = 0;
	strcpy(b->m.version, b->recipe.version);
	body = imagerepo_manifest_json(&b->m);
	text = body ? trust_canonical(body) : NULL;
	json_decref(body);
	if (!text)
		return errinfo_set(err, -ENOMEM, "out of memory");
	hash_bytes_hex(text, strlen(text), hex);
	snprintf(b->m.version, sizeof(b->m.version), "%.54s-%.8s",
		 b->recipe.version, hex);
	return 0;
}

/* When the content came to be: SOURCE_DATE_EPOCH, or when it was first built
 * here, or now. */
static void set_created(struct build *b, const char *json_path)
{
	struct imagerepo_manifest old;
	uint64_t sec;
	json_t *body;

	b->m.created_ms = clock_unix_ms() / 1000 * 1000;
	if (b->epoch && !parse_u64(b->epoch, 0, INT32_MAX, &sec)) {
		b->m.created_ms = (int64_t)sec * 1000;
		return;
	}
	body = json_load_file(json_path, 0, NULL);
	if (body && !imagerepo_manifest_parse(body, &old, NULL) &&
	    !strcmp(old.name, b->m.name) && !strcmp(old.version, b->m.version))
		b->m.created_ms = old.created_ms;
	json_decref(body);
}

static int write_json(struct build *b, const char *path, struct errinfo *err)
{
	auto_free char *text = NULL;
	json_t *body;

	set_created(b, path);
	b->m.expires_ms = b->m.created_ms; /* set when it is published */
	body = imagerepo_manifest_json(&b->m);
	text = body ? json_dumps(body, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	json_decref(body);
	if (!text)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return fileio_write_atomic(path, text, strlen(text), 0644, err);
}

static int move_in(struct build *b, struct errinfo *err)
{
	auto_free char *json = tool_join(b->out, IMAGE_JSON);
	int rc;

	if (!json)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < IMAGEREPO_ROLES; i++) {
		auto_free char *from = tool_join(b->tmp, imagerepo_role_name(i));
		auto_free char *to = tool_join(b->out, imagerepo_role_name(i));

		if (b->m.blob[i].size && rename(from, to))
			return errinfo_set_errno(err, -errno, "%s", to);
	}
	rc = build_write_list(b, err);
	return rc ? rc : write_json(b, json, err);
}

static int run_build(struct build *b, struct errinfo *err)
{
	struct recipe *r = &b->recipe;
	int rc;

	progress(b, "%s %s from %s", r->name, r->version, r->dir);
	stage_kernel(&b->stage);
	if (r->initrd)
		stage_block(&b->stage, r->initrd, &b->initrd);
	stage_block(&b->stage, r->root, &b->root);
	if (recipe_errors(r))
		return errinfo_set(err, -EINVAL, "%s: refused, nothing built",
				   r->dir);
	strcpy(b->m.name, r->name);
	snprintf(b->m.cmdline, sizeof(b->m.cmdline), "%s", r->cmdline);
	b->m.memory_min_mib = r->memory_mib;
	for (int i = 0; i < IMAGEREPO_ROLES; i++) {
		rc = make_role(b, i, err);
		if (rc)
			return rc;
	}
	rc = name_version(b, err);
	return rc ? rc : move_in(b, err);
}

static int build(struct build *b, const char *path, struct errinfo *err)
{
	int rc = recipe_load(path, &b->recipe);

	if (rc)
		return errinfo_set(err, rc, "%s: refused, nothing built", path);
	hide_epoch(b);
	b->stage.recipe = &b->recipe;
	b->tmp = tool_join(b->out, "tmp");
	if (!b->tmp)
		return errinfo_set(err, -ENOMEM, "out of memory");
	remove_tree(b->tmp);
	rc = fileio_mkdirs(b->tmp, 0755, err);
	b->stage.tmp = b->tmp;
	if (!rc)
		rc = run_build(b, err);
	remove_tree(b->tmp);
	if (!rc)
		build_report(b);
	return rc;
}

static void build_dispose(struct build *b)
{
	stage_dispose(&b->stage);
	tree_dispose(&b->initrd);
	tree_dispose(&b->root);
	recipe_dispose(&b->recipe);
	free(b->tmp);
	free(b->epoch);
}

static int parse_options(int argc, char **argv, struct build *b)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "from", required_argument, NULL, 'f' },
		{ "bin", required_argument, NULL, 'b' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:f:b:q", options, NULL)) != -1) {
		if (c == 'o')
			b->out = optarg;
		else if (c == 'b')
			b->stage.bin = optarg;
		else if (c == 'q')
			b->quiet = 1;
		else if (c == 'f' && b->stage.n_from == STAGE_FROM_MAX)
			return cmd_misuse("more than %d times --from",
					  STAGE_FROM_MAX);
		else if (c == 'f') /* "/" is "" before "/bin" */
			b->stage.from[b->stage.n_from++] =
				strcmp(optarg, "/") ? optarg : "";
		else
			return cmd_misuse("see --help");
	}
	if (argc - optind != 1 || !b->out)
		return cmd_misuse("name one recipe and --output DIR");
	return 0;
}

int tool_build(int argc, char **argv, void *arg)
{
	struct build b = { .started_ms = clock_boot_ms() };
	struct errinfo err = ERRINFO_INIT;
	int rc;

	(void)arg;
	b.stage.bin = "build/bin";
	rc = parse_options(argc, argv, &b);
	if (rc)
		return rc;
	if (!b.stage.n_from)
		b.stage.from[b.stage.n_from++] = "";
	rc = build(&b, argv[optind], &err);
	build_dispose(&b);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
