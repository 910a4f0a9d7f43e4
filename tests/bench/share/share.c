/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share REPO OLD NEW: manifests (files below REPO) of two images. Fetches the
 * whole disk of OLD, then that of NEW, in one set and each by itself, and
 * prints "OLD-BYTES NEW-BYTES NEW-BYTES-ALONE".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "image.h"
#include "imagedev.h"

#define ASKED_MAX 16
#define CACHE     (4ULL << 30) /* all of it */
#define LOOK_MS   20

struct source {
	struct imagedev *dev;
	struct {
		uint64_t id, offset, len; /* id 0: free */
		char path[IMAGE_PATH];
	} asked[ASKED_MAX];
};

static const char *repo;
static struct loop *loop;
static struct loop_timer *answer, *look;
static struct source sources[2];

static int get(void *arg, uint64_t id, enum imagedev_priority priority,
	       const char *sha256, uint64_t offset, uint64_t len)
{
	struct source *s = arg;

	(void)priority;
	for (int i = 0; i < ASKED_MAX; i++) {
		if (s->asked[i].id)
			continue;
		s->asked[i].id = id;
		s->asked[i].offset = offset;
		s->asked[i].len = len;
		imagerepo_blob_file(sha256, s->asked[i].path);
		loop_timer_set(answer, 0);
		return 0;
	}
	return -EAGAIN;
}

static void cancel(void *arg, uint64_t id)
{
	struct source *s = arg;

	for (int i = 0; i < ASKED_MAX; i++)
		if (s->asked[i].id == id)
			s->asked[i].id = 0;
}

static void give(struct source *s, int i)
{
	auto_free char *path = NULL;
	auto_free char *data = malloc(s->asked[i].len);
	uint64_t id = s->asked[i].id;
	auto_close int fd = -1;
	ssize_t n = -1;

	if (asprintf(&path, "%s/%s", repo, s->asked[i].path) >= 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && data)
		n = pread(fd, data, s->asked[i].len, (off_t)s->asked[i].offset);
	if (n < 0) {
		perror(s->asked[i].path);
		exit(1);
	}
	s->asked[i].id = 0;
	imagedev_data(s->dev, id, data, (size_t)n);
	imagedev_end(s->dev, id, 0);
}

static void on_answer(void *arg)
{
	(void)arg;
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < ASKED_MAX; i++)
			if (sources[k].asked[i].id)
				give(&sources[k], i);
}

static void on_look(void *arg)
{
	struct imagedev_stats s;

	(void)arg;
	for (int k = 0; k < 2; k++) {
		if (!sources[k].dev)
			continue;
		imagedev_stats_get(sources[k].dev, &s);
		if (s.chunks_have < s.chunks) {
			loop_timer_set(look, LOOK_MS);
			return;
		}
	}
	loop_quit(loop, 0);
}

static void die(const char *what, const struct errinfo *err)
{
	fprintf(stderr, "share: %s: %s\n", what, err->text);
	exit(1);
}

/* Its disk, whole; returns the bytes that were fetched for it. */
static uint64_t fetch(int no, const char *file, struct imagedev_set *set)
{
	struct source *s = &sources[no];
	struct imagedev_source source = { get, cancel, s };
	struct imagedev_config c = { .cache_bytes = CACHE, .fill = 1, .set = set };
	auto_free char *doc = NULL, *index = NULL, *path = NULL;
	struct errinfo err = ERRINFO_INIT;
	char name[IMAGE_PATH];
	struct image_manifest m;
	struct imagedev_stats stats;
	size_t len;

	if (asprintf(&path, "%s/%s", repo, file) < 0 ||
	    fileio_read(path, IMAGE_MAX, &doc, &len, &err) ||
	    imagerepo_image_parse(doc, len, &m, &err))
		die(file, &err);
	imagerepo_blob_file(m.index.sha256, name);
	free(path);
	if (asprintf(&path, "%s/%s", repo, name) < 0 ||
	    fileio_read(path, m.index.size, &index, &c.index_len, &err))
		die(name, &err);
	c.index = index;
	memcpy(c.index_sha256, m.index.sha256, HASH_HEX);
	if (imagedev_open(loop, &c, &source, &s->dev, &err))
		die(file, &err);
	loop_timer_set(look, LOOK_MS);
	loop_run(loop);
	imagedev_stats_get(s->dev, &stats);
	return stats.fetched_bytes;
}

static void end(int no)
{
	imagedev_close(sources[no].dev);
	sources[no].dev = NULL;
}

int main(int argc, char **argv)
{
	struct imagedev_set *set;
	uint64_t old, new, alone;

	if (argc != 4)
		return 2;
	repo = argv[1];
	loop = loop_new();
	answer = loop_timer_add(loop, on_answer, NULL);
	look = loop_timer_add(loop, on_look, NULL);
	if (imagedev_set_new(&set))
		return 1;
	old = fetch(0, argv[2], set);
	new = fetch(1, argv[3], set);
	end(0);
	end(1);
	alone = fetch(1, argv[3], NULL);
	end(1);
	imagedev_set_free(set);
	printf("%llu %llu %llu\n", (unsigned long long)old,
	       (unsigned long long)new, (unsigned long long)alone);
	return 0;
}
