/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image - from a manifest's digest to bytes a domain can be made of.
 *
 *	MANIFEST --good--> ROOM --fits--> FETCHING -> VERIFYING -> READY
 *	    \                \                 \           \
 *	     +----------------+-----------------+-----------+--> REFUSED
 *
 * Refused is what no retry helps against: a wrong signature, wrong bytes, too
 * large. It is tried again after a long while, or when desired changes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "log.h"

#define RETRY_MS     1000
#define RETRY_MAX_MS 60000
#define REFUSED_MS   900000

static const char *const roles[MSG_BLOB_ROLES] = {
	[MSG_BLOB_KERNEL] = "kernel",
	[MSG_BLOB_INITRD] = "initrd",
	[MSG_BLOB_ROOT] = "root",
};

static void set_state(struct core *c, struct image *im, enum image_state s)
{
	static const char *const names[] = {
		[IMAGE_MANIFEST] = "manifest", [IMAGE_ROOM] = "room",
		[IMAGE_FETCHING] = "fetching", [IMAGE_VERIFYING] = "verifying",
		[IMAGE_READY] = "ready",       [IMAGE_REFUSED] = "refused",
	};

	if (im->state == s)
		return;
	log_info("image %s %s: %s -> %s", im->name, im->version,
		 names[im->state], names[s]);
	im->state = s;
	core_changed(c);
}

static void put_blobs(struct core *c, struct image *im)
{
	for (int i = 0; i < MSG_BLOB_ROLES; i++) {
		blob_put(c, im->blob[i]);
		im->blob[i] = NULL;
	}
}

static void refuse(struct core *c, struct image *im, const char *text)
{
	char quoted[ERRINFO_MAX];

	put_blobs(c, im);
	snprintf(im->error, sizeof(im->error), "%s", text);
	im->retry_at = clock_boot_ms() + core_backoff(0, REFUSED_MS, REFUSED_MS);
	log_err("image %s %s: refused: %s", im->name, im->version, text);
	core_mark("refused image=%s version=%s error=\"%s\"", im->name,
		  im->version,
		  log_quote(quoted, sizeof(quoted), text, strlen(text)));
	set_state(c, im, IMAGE_REFUSED);
}

static void later(struct image *im, const char *text)
{
	snprintf(im->error, sizeof(im->error), "%s", text);
	im->retry_at = clock_boot_ms() +
		       core_backoff(im->fails++, RETRY_MS, RETRY_MAX_MS);
	log_warn("image %s %s: %s", im->name, im->version, text);
}

/* ---- manifest -------------------------------------------------------------- */

static void on_manifest_verified(struct core *c, void *arg, const struct msg *m)
{
	struct image *im = arg;
	const struct msg_verify_done *d;
	char text[ERRINFO_MAX];

	if (m && m->type == MSG_VERIFY_MANIFEST) {
		memcpy(&im->m, m->body, sizeof(im->m));
		im->have_m = 1;
		return;
	}
	im->call = 0;
	if (!m) {
		later(im, "the verify process died");
		return;
	}
	d = m->body;
	if (d->rc || !im->have_m) {
		snprintf(text, sizeof(text), "manifest %.12s: %.480s",
			 im->manifest, d->text);
		refuse(c, im, text);
		return;
	}
	im->fails = 0;
	im->error[0] = '\0';
	set_state(c, im, IMAGE_ROOM);
	core_kick(c);
}

static void on_manifest(struct core *c, void *arg, const struct http_reply *r)
{
	struct msg_verify_doc q = { .kind = MSG_DOC_MANIFEST };
	struct image *im = arg;
	char text[MSG_TEXT_LEN + 32];

	im->req = NULL;
	if (r->status != 200) {
		if (r->status)
			snprintf(text, sizeof(text), "manifest: HTTP %d",
				 r->status);
		else
			snprintf(text, sizeof(text), "manifest: %s", r->text);
		later(im, text);
		return;
	}
	q.base_unix_ms = c->node.segment.time_ms;
	q.base_boot_ms = c->node.time_boot_ms;
	memcpy(q.digest, im->manifest, sizeof(q.digest));
	im->have_m = 0;
	im->call = call_send(c, MSG_VERIFY, MSG_VERIFY_DOC, &q, r->data, r->len,
			     NULL, 0, on_manifest_verified, im);
	if (!im->call)
		later(im, "manifest: not now");
}

static void fetch_manifest(struct core *c, struct image *im)
{
	char path[160];

	snprintf(path, sizeof(path), "/repo/manifests/%s.json", im->manifest);
	im->req = http_get(c, path, MSG_DOC_MAX, NULL, on_manifest, im);
	if (!im->req)
		later(im, "too many requests at once");
}

/* ---- room ------------------------------------------------------------------ */

/* What it would add to what lies in memory already. */
static uint64_t bytes_needed(struct core *c, const struct image *im)
{
	uint64_t sum = 0;

	for (int i = 0; i < MSG_BLOB_ROLES; i++) {
		uint64_t size = im->m.blob[i].size;

		for (int j = 0; j < BLOBS_MAX; j++)
			if (c->blobs[j].refs &&
			    !strcmp(c->blobs[j].sha256, im->m.blob[i].sha256))
				size -= c->blobs[j].done < size ? c->blobs[j].done
								: size;
		sum += size;
	}
	return sum;
}

static void on_host(struct core *c, void *arg, const struct msg *m)
{
	struct image *im = arg;
	const struct msg_hv_done *d;
	uint64_t need, bound;
	char text[ERRINFO_MAX];

	if (!m)
		return; /* super ends us */
	if (m->type == MSG_HV_HOST_IS) {
		memcpy(&c->host, m->body, sizeof(c->host));
		return;
	}
	im->call = 0;
	d = m->body;
	if (d->rc) {
		later(im, d->text);
		return;
	}
	need = bytes_needed(c, im) >> 20;
	bound = c->host.dom0_free_mib * (uint64_t)c->o->image_percent / 100;
	if (need < bound) {
		set_state(c, im, IMAGE_FETCHING);
		return;
	}
	snprintf(text, sizeof(text),
		 "needs %llu MiB, dom0 has %llu MiB free, of which images may "
		 "take %d %%",
		 (unsigned long long)need + 1,
		 (unsigned long long)c->host.dom0_free_mib, c->o->image_percent);
	refuse(c, im, text);
}

static void ask_room(struct core *c, struct image *im)
{
	im->call = call_send(c, MSG_HV, MSG_HV_HOST, NULL, NULL, 0, NULL, 0,
			     on_host, im);
	if (!im->call)
		later(im, "not now");
}

/* ---- blobs ----------------------------------------------------------------- */

static int get_blobs(struct core *c, struct image *im)
{
	for (int i = 0; i < MSG_BLOB_ROLES; i++) {
		if (!im->m.blob[i].size || im->blob[i])
			continue;
		im->blob[i] =
			blob_get(c, im->m.blob[i].sha256, im->m.blob[i].size);
		if (!im->blob[i])
			return -ENOSPC;
	}
	return 0;
}

static void ready(struct core *c, struct image *im)
{
	im->error[0] = '\0';
	core_mark("image name=%s version=%s manifest=%.12s", im->m.name,
		  im->m.version, im->manifest);
	set_state(c, im, IMAGE_READY);
}

static void watch_blobs(struct core *c, struct image *im)
{
	char text[ERRINFO_MAX];
	int fetching = 0, verifying = 0;

	if (get_blobs(c, im)) {
		later(im, "too many blobs at once");
		return;
	}
	for (int i = 0; i < MSG_BLOB_ROLES; i++) {
		struct blob *b = im->blob[i];

		if (!b)
			continue;
		if (b->state == BLOB_REFUSED) {
			snprintf(text, sizeof(text), "%s %.12s: %.480s",
				 roles[i], b->sha256, b->error);
			refuse(c, im, text);
			return;
		}
		fetching += b->state == BLOB_FETCHING;
		verifying += b->state == BLOB_VERIFYING;
		if (b->error[0])
			snprintf(im->error, sizeof(im->error), "%s %.12s: %.480s",
				 roles[i], b->sha256, b->error);
	}
	if (fetching)
		set_state(c, im, IMAGE_FETCHING);
	else if (verifying)
		set_state(c, im, IMAGE_VERIFYING);
	else
		ready(c, im);
}

/* The kernel has been copied into the domain; the root stays. */
static void put_kernel(struct core *c, struct image *im)
{
	if (!im->blob[MSG_BLOB_KERNEL])
		return;
	blob_put(c, im->blob[MSG_BLOB_KERNEL]);
	blob_put(c, im->blob[MSG_BLOB_INITRD]);
	im->blob[MSG_BLOB_KERNEL] = im->blob[MSG_BLOB_INITRD] = NULL;
	log_debug("image %s %s: kernel and initrd freed", im->name, im->version);
}

/* ---- all ------------------------------------------------------------------- */

struct image *image_find(struct core *c, const char *manifest)
{
	for (int i = 0; i < IMAGES_MAX; i++)
		if (c->images[i].used && !strcmp(c->images[i].manifest, manifest))
			return &c->images[i];
	return NULL;
}

struct image *image_want(struct core *c, const struct msg_domu *domu)
{
	struct image *im = image_find(c, domu->manifest);

	for (int i = 0; i < IMAGES_MAX && !im; i++) {
		if (c->images[i].used)
			continue;
		im = &c->images[i];
		memset(im, 0, sizeof(*im));
		im->used = 1;
		im->state = IMAGE_MANIFEST;
		memcpy(im->manifest, domu->manifest, sizeof(im->manifest));
		memcpy(im->name, domu->image, sizeof(im->name));
		memcpy(im->version, domu->image_version, sizeof(im->version));
		log_info("image %s %s: manifest %.12s", im->name, im->version,
			 im->manifest);
		core_changed(c);
	}
	return im;
}

static void image_free(struct core *c, struct image *im)
{
	http_cancel(im->req);
	call_forget(c, im->call);
	put_blobs(c, im);
	im->used = 0;
	core_changed(c);
}

void image_progress(const struct image *im, uint64_t *done, uint64_t *total)
{
	*done = *total = 0;
	for (int i = 0; i < MSG_BLOB_ROLES; i++) {
		uint64_t size = im->have_m ? im->m.blob[i].size : 0;

		*total += size;
		if (im->blob[i])
			*done += im->blob[i]->done;
		else if (im->state == IMAGE_READY)
			*done += size;
	}
}

void images_retry(struct core *c)
{
	for (int i = 0; i < IMAGES_MAX; i++)
		if (c->images[i].used) {
			c->images[i].retry_at = 0;
			c->images[i].fails = 0;
		}
	core_kick(c);
}

static void image_step(struct core *c, struct image *im, int64_t now)
{
	if (im->req || im->call || now < im->retry_at)
		return;
	switch (im->state) {
	case IMAGE_REFUSED:
		set_state(c, im, IMAGE_MANIFEST);
		fetch_manifest(c, im);
		return;
	case IMAGE_MANIFEST:
		fetch_manifest(c, im);
		return;
	case IMAGE_ROOM:
		ask_room(c, im);
		return;
	case IMAGE_FETCHING:
	case IMAGE_VERIFYING:
		watch_blobs(c, im);
		return;
	case IMAGE_READY:
		if (im->need == NEED_ROOT)
			put_kernel(c, im);
		else if (!im->blob[MSG_BLOB_KERNEL])
			set_state(c, im, IMAGE_FETCHING);
		return;
	}
}

int64_t images_step(struct core *c, int64_t now)
{
	int64_t next = NEVER;

	for (int i = 0; i < IMAGES_MAX; i++) {
		struct image *im = &c->images[i];

		if (!im->used)
			continue;
		if (im->need == NEED_NONE) {
			image_free(c, im);
			continue;
		}
		image_step(c, im, now);
		if (im->retry_at > now && im->retry_at < next)
			next = im->retry_at;
	}
	return next;
}
