/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library alone, for benches and for tests that kill it: what the tool
 * does without keys.
 *
 *	library publish REPO DISK OUT [LEVEL]
 *	library update REPO DISK OUT PREVIOUS [LEVEL]	with a delta
 *	library apply REPO OLD NEW	from a delta that is here
 *	library read REPO MANIFEST	the disk, to standard output
 *	library blobs REPO MANIFEST	"SIZE FILE" of all but deltas
 *	library gc REPO FILE...		manifests that are kept
 *	library fsck REPO FILE...
 *
 * OUT and MANIFEST are files (manifest(5)) below REPO; the kernel is one byte.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "delta.h"
#include "fileio.h"
#include "repo.h"

static struct imagerepo_repo *repo;
static struct errinfo error;

static int load(const char *file, struct image_manifest *m, char hex[HASH_HEX])
{
	auto_free char *doc = NULL;
	size_t len;
	int rc = imagerepo_repo_get_doc(repo, file, IMAGE_MAX, &doc, &len,
					&error);

	if (rc)
		return rc;
	hash_bytes_hex(doc, len, hex);
	return imagerepo_image_parse(doc, len, m, &error);
}

static int publish(int argc, char **argv, int update)
{
	struct imagerepo_publish_stats stats;
	struct image_manifest m = { .name = "bench",
				    .version = "1",
				    .created_ms = 1795226400000,
				    .memory_min_mib = 64 };
	struct image_manifest old;
	char hex[HASH_HEX];
	struct imagerepo_publish how = { .disk = argv[0] };
	auto_free char *doc = NULL;
	int rc = 0, level = 2 + update;

	if (argc > level)
		how.level = atoi(argv[level]);
	if (update) {
		rc = load(argv[2], &old, hex);
		how.previous = &old;
		how.previous_sha256 = hex;
	}
	if (!rc)
		rc = imagerepo_repo_put(repo, "k", 1, &m.kernel, &error);
	if (!rc)
		rc = imagerepo_repo_publish(repo, &how, &m, &stats, &error);
	if (!rc)
		rc = imagerepo_image_print(&m, &doc, &error);
	if (!rc)
		rc = imagerepo_repo_put_doc(repo, argv[1], doc, strlen(doc),
					    &error);
	if (!rc)
		printf("chunks %u holes %u new_chunks %u new_packs %u "
		       "new_bytes %llu index %llu stored %llu delta %llu\n",
		       stats.chunks, stats.holes, stats.new_chunks,
		       stats.new_packs, (unsigned long long)stats.new_bytes,
		       (unsigned long long)m.index.size,
		       (unsigned long long)m.disk_stored,
		       (unsigned long long)(m.n_deltas ? m.delta[0].blob.size
						       : 0));
	return rc;
}

static int apply(char **argv)
{
	struct imagerepo_delta_stats stats;
	struct image_manifest old, new;
	char hex[HASH_HEX];
	int rc = load(argv[0], &old, hex);

	if (!rc)
		rc = load(argv[1], &new, hex);
	if (!rc)
		rc = imagerepo_delta_apply(repo, &old.index, &new.index,
					   &new.delta[0].blob, 0, &stats, &error);
	if (!rc)
		printf("packs %u rebuilt %u bytes %llu\n", stats.packs,
		       stats.rebuilt, (unsigned long long)stats.bytes);
	return rc;
}

static int read_disk(char **argv)
{
	static char buf[1 << 20];
	struct image_manifest m;
	struct imagerepo_disk *d;
	char hex[HASH_HEX];
	int rc = load(argv[0], &m, hex);

	if (!rc)
		rc = imagerepo_disk_open(repo, &m.index, &d, &error);
	if (rc)
		return rc;
	for (uint64_t at = 0; !rc && at < m.disk_size; at += sizeof(buf)) {
		size_t n = m.disk_size - at < sizeof(buf) ? m.disk_size - at
							  : sizeof(buf);

		rc = imagerepo_disk_read(d, at, buf, n, &error);
		if (!rc)
			rc = fileio_write_all(1, buf, n);
	}
	imagerepo_disk_close(d);
	return rc;
}

static int print_blob(const struct image_blob *b, void *arg)
{
	char path[IMAGE_PATH];

	(void)arg;
	imagerepo_blob_file(b->sha256, path);
	printf("%llu %s\n", (unsigned long long)b->size, path);
	return 0;
}

static int blobs(char **argv)
{
	struct image_manifest m;
	char hex[HASH_HEX];
	int rc = load(argv[0], &m, hex);

	return rc ? rc
		  : imagerepo_repo_each(repo, &m, 0, print_blob, NULL, &error);
}

static void tell_fault(const char *where, const char *what, void *arg)
{
	(void)arg;
	printf("%s: %s\n", where, what);
}

static int sweep(int argc, char **argv, int check)
{
	auto_free struct imagerepo_keep *keep =
		calloc((size_t)argc + 1, sizeof(*keep));
	struct imagerepo_fsck_stats found = { 0 };
	struct imagerepo_gc_stats stats = { 0 };
	struct image_manifest m;
	int rc = keep ? 0 : -ENOMEM;

	for (int i = 0; !rc && i < argc; i++) {
		rc = load(argv[i], &m, keep[i].sha256);
		snprintf(keep[i].file, sizeof(keep[i].file), "%s", argv[i]);
	}
	if (!rc && check)
		rc = imagerepo_repo_fsck(repo, keep, (size_t)argc, 1,
					 tell_fault, NULL, &found, &error);
	else if (!rc)
		rc = imagerepo_repo_gc(repo, keep, (size_t)argc, 0, 0, &stats,
				       &error);
	if (!rc)
		printf("kept %llu swept %llu faults %llu\n",
		       (unsigned long long)stats.kept,
		       (unsigned long long)stats.swept,
		       (unsigned long long)found.faults);
	return rc ? rc : found.faults ? -EBADMSG : 0;
}

static int run(int argc, char **argv, const char *what)
{
	if (!strcmp(what, "publish") && argc >= 2)
		return publish(argc, argv, 0);
	if (!strcmp(what, "update") && argc >= 3)
		return publish(argc, argv, 1);
	if (!strcmp(what, "apply") && argc == 2)
		return apply(argv);
	if (!strcmp(what, "read") && argc == 1)
		return read_disk(argv);
	if (!strcmp(what, "blobs") && argc == 1)
		return blobs(argv);
	if (!strcmp(what, "gc"))
		return sweep(argc, argv, 0);
	if (!strcmp(what, "fsck"))
		return sweep(argc, argv, 1);
	return errinfo_set(&error, -EINVAL, "see the source for its use");
}

int main(int argc, char **argv)
{
	int rc;

	if (argc < 3)
		return 2;
	rc = imagerepo_repo_open(argv[2], 1, &repo, &error);
	if (!rc)
		rc = imagerepo_repo_lock(repo, &error);
	if (!rc)
		rc = run(argc - 3, argv + 3, argv[1]);
	imagerepo_repo_close(repo);
	if (rc)
		fprintf(stderr, "library: %s\n", errinfo_text(&error, rc));
	return rc != 0;
}
