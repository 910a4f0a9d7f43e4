/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: what export wrote, into a directory that a web server serves. The
 * file is unpacked beside it and then taken like any foreign repository, by
 * the mirror's TUF client: nothing counts because it came in a file.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "fileio.h"
#include "mirror.h"
#include "tool.h"

#define READ_BYTES 65536
#define NAME_CHARS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"

static const struct {
	const char *dir;
	uint64_t max;
} places[] = {
	{ "metadata/", TUF_META_MAX },
	{ "targets/", IMAGE_MAX },
	{ "blobs/", IMAGE_DELTA_MAX },
};

/* What may be in such a file, and how large; 0: nothing of that name. */
static uint64_t allowed(const char *path)
{
	if (strlen(path) >= IMAGE_PATH ||
	    strspn(path, NAME_CHARS) != strlen(path) || strstr(path, "/.") ||
	    strstr(path, "//"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!strncmp(path, places[i].dir, strlen(places[i].dir)))
			return places[i].max;
	return 0;
}

static int copy_out(struct archive *tar, int fd, struct errinfo *err)
{
	auto_free char *chunk = malloc(READ_BYTES);
	la_ssize_t n;
	int rc = chunk ? 0 : -ENOMEM;

	while (!rc && (n = archive_read_data(tar, chunk, READ_BYTES)) != 0) {
		if (n < 0)
			return errinfo_set(err, -EBADMSG, "%s",
					   archive_error_string(tar));
		rc = fileio_write_all(fd, chunk, (size_t)n);
	}
	return rc ? errinfo_set_errno(err, rc, "write") : 0;
}

static int unpack_one(struct archive *tar, struct archive_entry *e,
		      const char *to, struct errinfo *err)
{
	const char *path = archive_entry_pathname(e);
	uint64_t max = path ? allowed(path) : 0;
	auto_free char *file = NULL, *dir = NULL;
	auto_close int fd = -1;
	int rc;

	if (!max || archive_entry_filetype(e) != AE_IFREG ||
	    archive_entry_hardlink(e))
		return errinfo_set(err, -EBADMSG,
				   "holds more than a repository: not what "
				   "imagerepo export writes");
	if (archive_entry_size(e) < 0 || (uint64_t)archive_entry_size(e) > max)
		return errinfo_set(err, -EFBIG, "%s: larger than %llu bytes",
				   path, (unsigned long long)max);
	file = tool_join(to, path);
	dir = file ? strdup(file) : NULL;
	if (!dir)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_mkdirs(dirname(dir), 0755, err);
	if (rc)
		return rc;
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0644);
	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	rc = copy_out(tar, fd, err);
	return rc ? errinfo_wrap(err, rc, "%s", path) : 0;
}

static int unpack(const char *file, const char *to, struct errinfo *err)
{
	struct archive *tar = archive_read_new();
	struct archive_entry *e;
	int r, rc = 0;

	if (!tar)
		return errinfo_set(err, -ENOMEM, "out of memory");
	archive_read_support_format_tar(tar);
	if (archive_read_open_filename(tar, file, READ_BYTES) != ARCHIVE_OK)
		rc = errinfo_set(err, -EBADMSG, "%s", archive_error_string(tar));
	while (!rc && (r = archive_read_next_header(tar, &e)) != ARCHIVE_EOF) {
		if (r != ARCHIVE_OK)
			rc = errinfo_set(err, -EBADMSG, "%s",
					 archive_error_string(tar));
		else
			rc = unpack_one(tar, e, to, err);
	}
	archive_read_free(tar);
	return rc ? errinfo_wrap(err, rc, "%s", file) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	remove(path);
	return 0;
}

/* "targets/IMAGE/HEX64.NAME.json", "targets/IMAGE/channels/HEX64.NAME.json" */
static int add_wanted(struct mirror *m, const char *file)
{
	char copy[PATH_MAX], target[2 * IMAGE_PATH], *name, *dir;
	struct mirror_image *more, *i;
	char image[IMAGE_NAME], word[IMAGE_NAME];
	int is_channel;

	snprintf(copy, sizeof(copy), "%s", file);
	name = strrchr(copy, '/');
	*name++ = '\0';
	dir = strstr(copy, "/targets/");
	if (!dir || strlen(name) <= HASH_HEX || name[HASH_HEX - 1] != '.')
		return -EBADMSG;
	snprintf(target, sizeof(target), "%s/%s", dir + strlen("/targets/"),
		 name + HASH_HEX);
	if (target_split(target, image, word, &is_channel))
		return -EBADMSG;
	more = reallocarray(m->images, m->n_images + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->images = more;
	i = memset(&more[m->n_images++], 0, sizeof(*i));
	strcpy(i->w.image, image);
	strcpy(is_channel ? i->w.channel : i->w.version, word);
	snprintf(i->w.sha256, sizeof(i->w.sha256), "%.64s", name);
	strcpy(i->sha256, i->w.sha256);
	return 0;
}

static int list_images(struct mirror *m, const char *dir, struct errinfo *err)
{
	static const char *const patterns[] = { "targets/*/*.json",
						"targets/*/channels/*.json" };
	glob_t found = { 0 };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(patterns) && !rc; i++) {
		auto_free char *pattern = tool_join(dir, patterns[i]);

		if (!pattern || glob(pattern, i ? GLOB_APPEND : 0, NULL,
				     &found) == GLOB_NOSPACE)
			rc = -ENOMEM;
	}
	for (size_t i = 0; i < found.gl_pathc && !rc; i++)
		rc = add_wanted(m, found.gl_pathv[i]);
	if (!rc && !found.gl_pathc)
		rc = -ENOENT;
	globfree(&found);
	return rc ? errinfo_set(err, rc,
				"holds no images as imagerepo export writes "
				"them")
		  : 0;
}

static int take(struct mirror *m, const char *dir, struct errinfo *err)
{
	const struct fetch_config config = { .where = dir, .tries = 1 };
	int rc = list_images(m, dir, err);

	if (!rc)
		rc = fetch_open(&config, &m->from, err);
	if (!rc)
		rc = mirror_load(m, err);
	if (!rc)
		rc = mirror_run(m, err);
	mirror_end(m);
	for (size_t i = 0; i < m->n_images && !rc; i++)
		if (m->images[i].state == MIRROR_FAILED)
			rc = errinfo_set(err, -EBADMSG, "%s", m->images[i].error);
	fetch_close(m->from);
	return rc;
}

static int run(struct mirror *m, const char *file, struct errinfo *err)
{
	auto_free char *partial = tool_join(m->dir, "partial");
	auto_free char *dir =
		partial ? tool_join(partial, "import.XXXXXX") : NULL;
	int rc;

	if (!dir)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_mkdirs(partial, 0755, err);
	if (rc)
		return rc;
	if (!mkdtemp(dir))
		return errinfo_set_errno(err, -errno, "%s", dir);
	rc = unpack(file, dir, err);
	if (!rc)
		rc = take(m, dir, err);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return rc;
}

static void print_result(const struct mirror *m)
{
	char total[TOOL_SIZE];
	char text[IMAGE_PATH];

	if (m->json) {
		json_t *j = mirror_json(m);

		json_dumpf(j, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(j);
		return;
	}
	for (size_t i = 0; i < m->n_images; i++) {
		wanted_text(&m->images[i].w, text);
		printf("%s  %s  %s\n", text, m->images[i].m.version,
		       tool_size(m->images[i].total, total));
	}
}

int tool_import(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "root", required_argument, NULL, 'R' },
		{ "at", required_argument, NULL, 'A' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	static struct mirror m;
	struct errinfo err = ERRINFO_INIT;
	int c, rc = 0;

	(void)arg;
	while (!rc &&
	       (c = getopt_long(argc, argv, "t:R:jq", options, NULL)) != -1) {
		if (c == 't')
			m.dir = optarg;
		else if (c == 'R')
			m.root_file = optarg;
		else if (c == 'A')
			rc = tool_parse_at(optarg, &m.at_ms);
		else if (c == 'j')
			m.json = 1;
		else if (c == 'q')
			m.quiet = 1;
		else
			rc = cmd_misuse("see --help");
	}
	if (rc)
		return rc;
	if (!m.dir || !m.root_file || argc - optind != 1)
		return cmd_misuse("--to, --root and one file are needed");
	rc = run(&m, argv[optind], &err);
	if (!rc && !m.quiet)
		print_result(&m);
	mirror_free_images(&m);
	free(m.root);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
