/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: blobs, some at once. Each is written to TO/partial/HEX64 while its
 * digest is taken; a part that is there already is gone on with.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fetch-private.h"
#include "fileio.h"

#define TICK_MS     200
#define PACE_MS     20    /* between looks at what the rate allows */
#define BURST_LEAST 16384 /* what libcurl hands over at once */
#define READ_BYTES  65536
#define PROGRESS    (64 * 1024)
#define WRONG_TRIES 2 /* of a blob that comes with the wrong bytes */

struct batch;

struct transfer {
	struct batch *batch;
	struct fetch *f;
	CURL *h;
	const struct image_blob *blob; /* NULL: the slot is free */
	struct hash *hash;
	int fd;            /* -1: nothing is kept */
	uint64_t at, from; /* bytes that are here; of them before the request */
	int over;          /* more came than there may be */
	int io;            /* errno of our own disk */
	int tries, wrong, running;
	int paused; /* until the rate allows more */
	int64_t not_before_ms;
	char path[IMAGE_PATH], why[CURL_ERROR_SIZE];
};

struct batch {
	struct fetch *f;
	const char *to;
	const struct fetch_hooks *hooks;
	struct transfer slot[FETCH_PARALLEL];
	int n_slots;
	int64_t may, filled_ms; /* bytes that the rate allows now, or owes */
	int turn;               /* who may go on first */
};

/* Begins the file anew. */
static int rewind_part(struct transfer *t)
{
	uint8_t drop[HASH_LEN];

	hash_final(t->hash, drop);
	t->at = t->from = 0;
	if (t->fd >= 0 && (ftruncate(t->fd, 0) || lseek(t->fd, 0, SEEK_SET)))
		return -errno;
	return 0;
}

/* Takes the digest of what an earlier run has left. */
static int resume_part(struct transfer *t)
{
	auto_free char *chunk = malloc(READ_BYTES);
	ssize_t n;

	if (!chunk)
		return -ENOMEM;
	while ((n = read(t->fd, chunk, READ_BYTES)) > 0) {
		hash_update(t->hash, chunk, (size_t)n);
		t->at += (uint64_t)n;
	}
	if (n < 0)
		return -errno;
	return t->at > t->blob->size ? rewind_part(t) : 0;
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;
	long status = 0;

	if (t->f->rate && t->batch->may <= 0) {
		t->paused = 1;
		return CURL_WRITEFUNC_PAUSE;
	}
	t->batch->may -= (int64_t)len;
	/* A server without ranges begins at the beginning. */
	curl_easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &status);
	if (t->at && t->at == t->from && status == 200) {
		t->io = rewind_part(t);
		if (t->io)
			return 0;
	}
	if (status && status != 200 && status != 206)
		return len; /* an error's text is nobody's blob */
	if (len > t->blob->size - t->at) {
		t->over = 1;
		return 0;
	}
	hash_update(t->hash, data, len);
	if (t->fd >= 0)
		t->io = fileio_write_all(t->fd, data, len);
	if (t->io)
		return 0;
	t->at += len;
	return len;
}

static int start_request(struct transfer *t)
{
	char range[32];
	int rc = fetch_setup(t->f, t->h, t->path, t->why);

	if (rc)
		return rc;
	t->from = t->at;
	t->over = t->io = t->paused = 0;
	curl_easy_setopt(t->h, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(t->h, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->h, CURLOPT_PRIVATE, t);
	/* Has a cache on the way ask again, too. */
	if (t->wrong)
		curl_easy_setopt(t->h, CURLOPT_HTTPHEADER, t->f->no_cache);
	if (t->from) {
		snprintf(range, sizeof(range), "%llu-",
			 (unsigned long long)t->from);
		curl_easy_setopt(t->h, CURLOPT_RANGE, range);
	}
	if (curl_multi_add_handle(t->f->multi, t->h))
		return -ENOMEM;
	t->running = 1;
	return 0;
}

static int start_blob(struct batch *b, struct transfer *t,
		      const struct image_blob *blob, struct errinfo *err)
{
	int rc = 0;

	t->batch = b;
	t->f = b->f;
	t->blob = blob;
	t->tries = t->wrong = 0;
	t->at = t->from = 0;
	t->not_before_ms = 0;
	imagerepo_blob_file(blob->sha256, t->path);
	if (!t->h)
		t->h = curl_easy_init();
	if (!t->hash)
		t->hash = hash_new();
	if (!t->h || !t->hash)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (b->to) {
		t->fd = fetch_part_open(b->to, blob, err);
		if (t->fd < 0)
			return t->fd;
		rc = resume_part(t);
		if (rc)
			return errinfo_set_errno(err, rc, "%s/partial/%s",
						 b->to, blob->sha256);
	}
	return 0;
}

/* What came is not what was signed: nothing of it is kept. */
static int wrong_bytes(struct transfer *t, const char *what, struct errinfo *err)
{
	int rc;

	t->wrong++;
	rc = rewind_part(t);
	if (rc)
		return errinfo_set_errno(err, rc, "temporary file");
	return errinfo_set(err, -EBADMSG, "%s/%s: %s", t->f->where, t->path,
			   what);
}

/* All of the blob is here: is it the right one? */
static int judge_bytes(struct batch *b, struct transfer *t, struct errinfo *err)
{
	uint8_t digest[HASH_LEN];
	char hex[HASH_HEX], what[128];

	if (t->at != t->blob->size) {
		snprintf(what, sizeof(what), "has %llu bytes instead of %llu",
			 (unsigned long long)t->at,
			 (unsigned long long)t->blob->size);
		return wrong_bytes(t, what, err);
	}
	hash_final(t->hash, digest);
	format_hex(digest, sizeof(digest), hex);
	if (strcmp(hex, t->blob->sha256) != 0) {
		snprintf(what, sizeof(what),
			 "its SHA-256 is %.12s..., not %.12s...", hex,
			 t->blob->sha256);
		return wrong_bytes(t, what, err);
	}
	return b->to ? fetch_part_publish(b->to, t->blob, t->fd, err) : 0;
}

static int judge(struct batch *b, struct transfer *t, CURLcode code,
		 struct errinfo *err)
{
	char what[64];
	long status = 0;
	int rc;

	if (t->io)
		return errinfo_set_errno(err, t->io, "%s/partial", b->to);
	if (t->over) {
		snprintf(what, sizeof(what), "has more than %llu bytes",
			 (unsigned long long)t->blob->size);
		return wrong_bytes(t, what, err);
	}
	curl_easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &status);
	if (status == 416)
		return wrong_bytes(t, "is shorter than its part", err);
	rc = fetch_result(t->f, t->h, code, t->path, t->why, err);
	return rc ? rc : judge_bytes(b, t, err);
}

static void free_slot(struct transfer *t)
{
	uint8_t drop[HASH_LEN];

	if (t->running)
		curl_multi_remove_handle(t->f->multi, t->h);
	if (t->hash)
		hash_final(t->hash, drop);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->running = t->paused = 0;
	t->blob = NULL;
}

static int end_blob(struct batch *b, struct transfer *t, int rc,
		    struct errinfo *why)
{
	const struct image_blob *blob = t->blob;

	free_slot(t);
	rc = b->hooks->done(blob, rc, !rc, why, b->hooks->arg);
	return rc > 0 ? -EIO : rc;
}

static int end_request(struct batch *b, struct transfer *t, CURLcode code)
{
	struct errinfo why = ERRINFO_INIT;
	int rc;

	fetch_count(b->f, t->h);
	curl_multi_remove_handle(b->f->multi, t->h);
	t->running = t->paused = 0;
	/* Progress makes new hope; a trickle does not. */
	if (t->at >= t->from + PROGRESS)
		t->tries = 0;
	rc = judge(b, t, code, &why);
	if ((fetch_may_retry(rc) && ++t->tries < b->f->tries) ||
	    (rc == -EBADMSG && t->wrong < WRONG_TRIES && !b->f->is_dir)) {
		t->not_before_ms =
			clock_boot_ms() + ((int64_t)FETCH_PAUSE_MS << t->tries);
		return 0;
	}
	/* A blob that stays unfinished keeps its part, unless it is empty. */
	if (rc && b->to && !t->at)
		fetch_part_drop(b->to, t->blob);
	return end_blob(b, t, rc, &why);
}

/* An empty blob, and one whose part is whole, need no request. */
static int start_or_end(struct batch *b, struct transfer *t, struct errinfo *err)
{
	struct errinfo why = ERRINFO_INIT;
	int rc;

	if (b->to && t->at == t->blob->size) {
		rc = judge_bytes(b, t, &why);
		if (rc != -EBADMSG)
			return end_blob(b, t, rc, &why);
		t->wrong = 0; /* it was our own part */
	}
	rc = start_request(t);
	return rc ? errinfo_set_errno(err, rc, "%s", t->path) : 0;
}

static int start_waiting(struct batch *b, struct errinfo *err)
{
	int64_t now_ms = clock_boot_ms();
	int rc = 0;

	for (int i = 0; i < b->n_slots && !rc; i++) {
		struct transfer *t = &b->slot[i];

		if (t->blob && !t->running && t->not_before_ms <= now_ms)
			rc = start_or_end(b, t, err);
	}
	return rc;
}

static int fill_slots(struct batch *b, const struct image_blob *blobs, size_t n,
		      size_t *next, struct errinfo *err)
{
	int rc = 0;

	for (int i = 0; i < b->n_slots && !rc; i++) {
		while (!b->slot[i].blob && *next < n && !rc) {
			const struct image_blob *blob = &blobs[(*next)++];

			if (b->to && fetch_has(b->to, blob))
				rc = b->hooks->done(blob, 0, 0, NULL,
						    b->hooks->arg);
			else
				rc = start_blob(b, &b->slot[i], blob, err);
		}
	}
	return rc ? rc : start_waiting(b, err);
}

/* Requests that have ended: how many, or a negative errno. */
static int end_requests(struct batch *b)
{
	CURLMsg *m;
	int rc = 0, left, n = 0;

	while (!rc && (m = curl_multi_info_read(b->f->multi, &left))) {
		struct transfer *t = NULL;
		CURLcode code = m->data.result;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		assert(t);
		rc = end_request(b, t, code);
		n++;
	}
	return rc ? rc : n;
}

/* Holds all transfers to one rate: libcurl's own limit is that of one transfer,
 * and lets a short one pass. What may come in a tenth of a second may come at
 * once; whoever has more waits, and so does its sender. */
static void pace(struct batch *b)
{
	int64_t now_ms = clock_boot_ms();
	int64_t rate = (int64_t)b->f->rate, most = rate / 10;
	int64_t more = rate * (now_ms - b->filled_ms) / 1000;

	if (!more)
		return;
	if (most < BURST_LEAST)
		most = BURST_LEAST;
	b->filled_ms = now_ms;
	b->may = b->may + more < most ? b->may + more : most;
	b->turn++;
	for (int i = 0; i < b->n_slots && b->may > 0; i++) {
		struct transfer *t = &b->slot[(b->turn + i) % b->n_slots];

		if (!t->paused)
			continue;
		t->paused = 0;
		curl_easy_pause(t->h, CURLPAUSE_CONT);
	}
}

static int step(struct batch *b, struct errinfo *err)
{
	uint64_t now = 0;
	int n, running, wait_ms = TICK_MS;

	pace(b);
	if (curl_multi_perform(b->f->multi, &running))
		return errinfo_set(err, -EIO, "libcurl");
	n = end_requests(b);
	if (n < 0)
		return n;
	for (int i = 0; i < b->n_slots; i++) {
		if (b->slot[i].blob)
			now += b->slot[i].at;
		if (b->slot[i].paused)
			wait_ms = PACE_MS;
	}
	if (!n && curl_multi_poll(b->f->multi, NULL, 0, wait_ms, NULL))
		return errinfo_set(err, -EIO, "libcurl");
	return b->hooks->tick ? b->hooks->tick(now, b->hooks->arg) : 0;
}

static int busy(const struct batch *b)
{
	for (int i = 0; i < b->n_slots; i++)
		if (b->slot[i].blob)
			return 1;
	return 0;
}

int fetch_blobs(struct fetch *f, const struct image_blob *blobs, size_t n,
		const char *to, const struct fetch_hooks *hooks,
		struct errinfo *err)
{
	struct batch b = { .f = f,
			   .to = to,
			   .hooks = hooks,
			   .n_slots = FETCH_PARALLEL,
			   .filled_ms = clock_boot_ms() };
	size_t next = 0;
	int rc = 0;

	for (int i = 0; i < b.n_slots; i++)
		b.slot[i].fd = -1;
	if (to) {
		char tmp[PATH_MAX];

		snprintf(tmp, sizeof(tmp), "%s/partial", to);
		rc = fileio_mkdirs(tmp, 0755, err);
	}
	while (!rc) {
		rc = fill_slots(&b, blobs, n, &next, err);
		if (rc || (next == n && !busy(&b)))
			break;
		rc = step(&b, err);
	}
	for (int i = 0; i < b.n_slots; i++) {
		if (b.slot[i].blob)
			free_slot(&b.slot[i]);
		curl_easy_cleanup(b.slot[i].h);
		hash_free(b.slot[i].hash);
	}
	return rc;
}
