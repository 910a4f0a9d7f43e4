/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob - bytes named by their digest, in a memory file each.
 *
 *	FETCHING --all bytes--> (sealed) VERIFYING --good--> READY
 *	   ^  \--not come about: again, after a while      \
 *	   +----------- wrong bytes: again, twice ----------+--> REFUSED
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core.h"
#include "log.h"

#define TRIES_MAX    3 /* transfers of wrong bytes, then refused */
#define RETRY_MS     1000
#define RETRY_MAX_MS 30000
#define SEALS        (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void blob_drop_bytes(struct blob *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->done = 0;
}

struct blob *blob_get(struct core *c, const char *sha256, uint64_t size)
{
	char path[sizeof(((struct blob *)0)->path)];

	snprintf(path, sizeof(path), "/repo/blobs/%.2s/%s", sha256, sha256);
	return blob_get_at(c, path, sha256, size);
}

struct blob *blob_get_at(struct core *c, const char *path, const char *sha256,
			 uint64_t size)
{
	struct blob *b = NULL;

	for (int i = 0; i < BLOBS_MAX; i++) {
		if (c->blobs[i].refs && !strcmp(c->blobs[i].sha256, sha256) &&
		    c->blobs[i].size == size) {
			c->blobs[i].refs++;
			return &c->blobs[i];
		}
		if (!c->blobs[i].refs && !b)
			b = &c->blobs[i];
	}
	if (!b)
		return NULL;
	memset(b, 0, sizeof(*b));
	b->refs = 1;
	b->fd = -1;
	b->size = size;
	snprintf(b->sha256, sizeof(b->sha256), "%s", sha256);
	snprintf(b->path, sizeof(b->path), "%s", path);
	core_kick(c);
	return b;
}

void blob_put(struct core *c, struct blob *b)
{
	if (!b || --b->refs)
		return;
	http_cancel(b->req);
	call_forget(c, b->call);
	blob_drop_bytes(b);
}

/* Nothing is known to be wrong with the bytes: wait and try for ever. */
static void not_come(struct blob *b, const char *text)
{
	blob_drop_bytes(b);
	b->state = BLOB_FETCHING;
	snprintf(b->error, sizeof(b->error), "%s", text);
	b->retry_at = clock_boot_ms() +
		      core_backoff(b->fails++, RETRY_MS, RETRY_MAX_MS);
	log_warn("blob %.12s: %s", b->sha256, text);
}

/* A line may garble bytes, a wrong file stays wrong. */
static void wrong_bytes(struct core *c, struct blob *b, const char *text)
{
	blob_drop_bytes(b);
	snprintf(b->error, sizeof(b->error), "%s", text);
	b->state = ++b->tries < TRIES_MAX ? BLOB_FETCHING : BLOB_REFUSED;
	b->retry_at = clock_boot_ms() + core_backoff((unsigned int)b->tries,
						     RETRY_MS, RETRY_MAX_MS);
	log_warn("blob %.12s: %s (try %d of %d)", b->sha256, text, b->tries,
		 TRIES_MAX);
	core_kick(c);
}

static void on_verified(struct core *c, void *arg, const struct msg *m)
{
	struct blob *b = arg;
	const struct msg_verify_done *d;

	b->call = 0;
	if (!m) {
		not_come(b, "the verify process died");
		return;
	}
	d = m->body;
	if (d->rc) {
		memcpy(b->found, d->found, sizeof(b->found));
		wrong_bytes(c, b, d->text);
		return;
	}
	b->state = BLOB_READY;
	b->error[0] = '\0';
	log_info("blob %.12s: %llu bytes, verified", b->sha256,
		 (unsigned long long)b->size);
	core_kick(c);
}

static void verify(struct core *c, struct blob *b)
{
	struct msg_verify_blob q = { .size = b->size };

	memcpy(q.sha256, b->sha256, sizeof(q.sha256));
	if (fcntl(b->fd, F_ADD_SEALS, SEALS) < 0) {
		not_come(b, "cannot be sealed");
		return;
	}
	b->state = BLOB_VERIFYING;
	b->call = call_send(c, MSG_VERIFY, MSG_VERIFY_BLOB, &q, NULL, 0, &b->fd,
			    1, on_verified, b);
	if (!b->call)
		not_come(b, "the verify process takes no request");
}

static int on_bytes(struct core *c, void *arg, const void *data, size_t len)
{
	struct blob *b = arg;
	const char *p = data;
	ssize_t r;

	if (len > b->size - b->done)
		return -EFBIG;
	while (len) {
		r = pwrite(b->fd, p, len, (off_t)b->done);
		if (r < 0)
			return -errno;
		b->done += (uint64_t)r;
		p += r;
		len -= (size_t)r;
	}
	core_progress(c);
	return 0;
}

static void on_fetched(struct core *c, void *arg, const struct http_reply *r)
{
	struct blob *b = arg;
	char text[MSG_TEXT_LEN];

	b->req = NULL;
	if (r->status == 200 && b->done == b->size) {
		b->fails = 0;
		verify(c, b);
		return;
	}
	if (r->status == 200) {
		snprintf(text, sizeof(text), "%llu bytes instead of %llu",
			 (unsigned long long)b->done,
			 (unsigned long long)b->size);
		wrong_bytes(c, b, text);
		return;
	}
	if (r->rc == -EFBIG) {
		snprintf(text, sizeof(text), "more than %llu bytes",
			 (unsigned long long)b->size);
		wrong_bytes(c, b, text);
		return;
	}
	if (r->status)
		snprintf(text, sizeof(text), "HTTP %d", r->status);
	else
		snprintf(text, sizeof(text), "%s", r->text);
	not_come(b, text);
}

static void fetch(struct core *c, struct blob *b)
{
	b->fd = memfd_create("blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (b->fd < 0) {
		not_come(b, "no memory file");
		return;
	}
	b->req = http_get(c, b->path, b->size, on_bytes, on_fetched, b);
	if (!b->req)
		not_come(b, "too many requests at once");
}

int64_t blobs_step(struct core *c, int64_t now)
{
	int64_t next = NEVER;

	for (int i = 0; i < BLOBS_MAX; i++) {
		struct blob *b = &c->blobs[i];

		if (!b->refs || b->state != BLOB_FETCHING || b->req)
			continue;
		if (now >= b->retry_at)
			fetch(c, b);
		if (b->state == BLOB_FETCHING && !b->req && b->retry_at < next)
			next = b->retry_at;
	}
	return next;
}
