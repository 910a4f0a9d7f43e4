/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fileio.h"
#include "repo-fixture.h"

struct imagerepo_repo *repo;
struct errinfo err;
uint8_t disk[2][SIZE];
struct image_manifest image[2];
char digest[2][HASH_HEX];
size_t gzip_len;

static char dir[] = "/tmp/test-repo-XXXXXX";

uint32_t rnd(void)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

void in_dir(const char *name, char out[IMAGE_PATH])
{
	snprintf(out, IMAGE_PATH, "%s/%s", dir, name);
}

/* Text of few words, so that it compresses; a hole; noise. */
static void make_disks(void)
{
	static const char words[] = "the quick brown fox jumps over dogs";

	for (size_t i = 0; i < SIZE; i++)
		disk[0][i] = (uint8_t)words[rnd() % (sizeof(words) - 1)];
	memset(disk[0] + 100 * INDEX_BLOCK, 0, 200 * INDEX_BLOCK);
	for (size_t i = 400 * INDEX_BLOCK; i < 420 * INDEX_BLOCK; i++)
		disk[0][i] = (uint8_t)rnd();
	/* the next version: a word inserted, a part moved, a byte changed */
	memcpy(disk[1], disk[0], SIZE);
	memmove(disk[1] + 500 * INDEX_BLOCK + 7, disk[0] + 500 * INDEX_BLOCK,
		60 * INDEX_BLOCK);
	memcpy(disk[1] + 600 * INDEX_BLOCK, disk[0] + 20 * INDEX_BLOCK,
	       40 * INDEX_BLOCK);
	disk[1][5 * INDEX_BLOCK + 99] ^= 1;
}

/* A text on both disks, as gzip makes it; in the second a word is another. */
static int put_gzip(int v)
{
	auto_free char *text = NULL, *pack = NULL, *file = NULL, *run = NULL;
	auto_free char *data = malloc(20000);
	size_t n = 0;

	if (!data || asprintf(&text, "%s/text", dir) < 0 ||
	    asprintf(&pack, "gzip -9nc %s > %s.gz", text, text) < 0 ||
	    asprintf(&file, "%s.gz", text) < 0)
		return -1;
	memcpy(data, disk[0] + 310 * INDEX_BLOCK, 20000);
	if (v)
		memcpy(data, "another", 7);
	if (fileio_write_atomic(text, data, 20000, 0600, &err) ||
	    system(pack) || fileio_read(file, 20000, &run, &n, &err))
		return -1;
	memset(disk[v] + 640 * INDEX_BLOCK, 0, 5 * INDEX_BLOCK);
	memcpy(disk[v] + 640 * INDEX_BLOCK, run, n);
	gzip_len = n;
	return 0;
}

static int publish(int v, const struct imagerepo_publish *more)
{
	struct imagerepo_publish how = *more;
	auto_free char *doc = NULL;
	char file[IMAGE_PATH], target[IMAGE_PATH];
	struct image_manifest *m = &image[v];

	in_dir("disk", file);
	if (fileio_write_atomic(file, disk[v], SIZE, 0644, &err))
		return -1;
	how.disk = file;
	*m = (struct image_manifest){ .name = "batch",
				      .created_ms = 1795226400000,
				      .memory_min_mib = 64,
				      .cmdline = "quiet" };
	snprintf(m->version, sizeof(m->version), "%d", v);
	if (imagerepo_repo_put(repo, "kernel", 6, &m->kernel, &err) ||
	    imagerepo_repo_publish(repo, &how, m, NULL, &err) ||
	    imagerepo_image_print(m, &doc, &err))
		return -1;
	hash_bytes_hex(doc, strlen(doc), digest[v]);
	snprintf(target, sizeof(target), "targets/batch/%s.%d.json", digest[v],
		 v);
	return imagerepo_repo_put_doc(repo, target, doc, strlen(doc), &err);
}

int repo_setup(void **state)
{
	static const uint32_t trace[] = { 700, 3, 4, 5, 150, 410, 510, 511, 2 };
	/* little is compressed a thousand times */
	struct imagerepo_publish first = { .level = 1,
					   .trace = trace,
					   .n_trace = ARRAY_SIZE(trace) };
	struct imagerepo_publish second = { .level = 1,
					    .previous = &image[0],
					    .previous_sha256 = digest[0] };
	char path[IMAGE_PATH];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	make_disks();
	if (put_gzip(0) || put_gzip(1))
		return -1;
	in_dir("repo", path);
	return imagerepo_repo_open(path, 1, &repo, &err) ||
	       imagerepo_repo_lock(repo, &err) || publish(0, &first) ||
	       publish(1, &second);
}

int repo_teardown(void **state)
{
	char *rm = NULL;
	int r;

	(void)state;
	imagerepo_repo_close(repo);
	r = asprintf(&rm, "rm -rf %s", dir) < 0 ? -1 : system(rm);
	free(rm);
	return r;
}

int copy_blob(const struct image_blob *b, void *to)
{
	struct image_blob got;
	auto_free char *data = NULL;

	assert_int_equal(imagerepo_repo_get(repo, b, &data, &err), 0);
	return imagerepo_repo_put(to, data, b->size, &got, &err);
}

struct imagerepo_repo *mirror_of_first(const char *name)
{
	struct imagerepo_repo *to;
	char path[IMAGE_PATH];

	in_dir(name, path);
	assert_int_equal(imagerepo_repo_open(path, 1, &to, &err), 0);
	assert_int_equal(imagerepo_repo_lock(to, &err), 0);
	assert_int_equal(
		imagerepo_repo_each(repo, &image[0], 1, copy_blob, to, &err), 0);
	return to;
}

void keep_image(int v, struct imagerepo_keep *k)
{
	strcpy(k->sha256, digest[v]);
	snprintf(k->file, sizeof(k->file), "targets/batch/%s.%d.json",
		 digest[v], v);
}
