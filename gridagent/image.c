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

static void put_all(struct core *c, struct image *im)
{
	disk_put(c, im->disk);
	im->disk = NULL;
	for (int i = 0; i < MSG_BLOB_ROLES; i++) {
		blob_put(c, im->blob[i]);
		im->blob[i] = NULL;
	}
}

static void refuse(struct core *c, struct image *im, const char *text)
{
	char quoted[ERRINFO_MAX];

	put_all(c, im);
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

static void on_manifest(struct core *c, void *arg, int rc, const char *why)
{
	struct image *im = arg;
	char text[ERRINFO_MAX];

	snprintf(text, sizeof(text), "manifest %.12s: %.480s", im->manifest, why);
	if (rc == -EAGAIN) {
		later(im, text);
	} else if (rc) {
		refuse(c, im, text);
	} else {
		im->m = im->search.found;
		im->have_m = 1;
		im->fails = 0;
		im->error[0] = '\0';
		set_state(c, im, IMAGE_ROOM);
	}
	core_kick(c);
}

static void fetch_manifest(struct core *c, struct image *im)
{
	if (manifest_get(c, &im->search, im->name, im->version, im->manifest,
			 on_manifest, im))
		later(im, "manifest: not now");
}

/* ---- room ------------------------------------------------------------------ */

/* Less than this and each read would wait for the network. */
#define CACHE_MIN (8ULL << 20)

/* To hold a disk whole: a cache lets what is fetched ahead fill 7/8 of it. */
static uint64_t cache_whole(const struct image *im)
{
	return im->m.disk_stored / 7 * 8 + CACHE_MIN;
}

/* Fixed: kernel and initrd for a while, the index (as it came, and parsed). */
static uint64_t bytes_fixed(const struct image *im)
{
	uint64_t sum = 3 * im->m.disk.index_size;

	for (int i = 0; i < MSG_BLOB_ROLES; i++)
		sum += im->m.blob[i].size;
	return sum;
}

/* Another image's disk, which may end sooner than this domU is to start. */
static int is_another(const struct core *c, const struct image *im)
{
	for (int i = 0; i < IMAGES_MAX; i++)
		if (c->images[i].used && &c->images[i] != im && c->images[i].disk)
			return 1;
	return 0;
}

static void on_host(struct core *c, void *arg, const struct msg *m)
{
	struct image *im = arg;
	const struct msg_hv_done *d;
	uint64_t need, bound, least, most;
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
	bound = c->host.dom0_free_mib * (uint64_t)c->o->image_percent / 100 << 20;
	least = c->o->image_whole ? cache_whole(im) : CACHE_MIN;
	most = c->o->image_whole ? least
				 : im->m.disk_stored + im->m.disk.bundle_size;
	/* A quarter of it more: what is decoded of it, see proc-blk.c. */
	need = bytes_fixed(im) + least / 4 * 5;
	if (need <= bound) {
		/* No more than there is of it. */
		im->cache = (bound - bytes_fixed(im)) / 5 * 4;
		if (im->cache > most)
			im->cache = most;
		set_state(c, im, IMAGE_FETCHING);
		return;
	}
	snprintf(text, sizeof(text),
		 "needs %llu MiB, dom0 has %llu MiB free, of which images may "
		 "take %d %%",
		 (unsigned long long)(need >> 20) + 1,
		 (unsigned long long)c->host.dom0_free_mib, c->o->image_percent);
	if (is_another(c, im))
		later(im, text);
	else
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

/* Kernel and initrd are for a domain that is to be made. */
static int get_parts(struct core *c, struct image *im)
{
	struct msg_blk_open q = im->m.disk;

	q.cache = im->cache;
	if (c->o->image_whole) { /* all chunks: the bundle's blocks are in them */
		q.fill = 1;
		q.bundle_size = q.bundle_head = 0;
		q.bundle[0] = q.bundle_head_sha256[0] = '\0';
	}
	if (!im->disk)
		im->disk = disk_get(c, &q, im->m.disk_stored);
	if (!im->disk)
		return -ENOSPC;
	for (int i = 0; i < MSG_BLOB_ROLES && im->need == NEED_ALL; i++) {
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

static void watch_parts(struct core *c, struct image *im)
{
	char text[ERRINFO_MAX];
	int fetching, verifying;

	if (get_parts(c, im)) {
		later(im, "too many images at once");
		return;
	}
	if (im->disk->state == DISK_REFUSED) {
		snprintf(text, sizeof(text), "disk %.500s", im->disk->error);
		refuse(c, im, text);
		return;
	}
	fetching = im->disk->state == DISK_INDEX ||
		   im->disk->state == DISK_FILLING;
	verifying = !fetching && im->disk->state != DISK_READY;
	if (im->disk->error[0])
		snprintf(im->error, sizeof(im->error), "disk: %.480s",
			 im->disk->error);
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

/* The kernel has been copied into the domain; the disk stays. */
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
	manifest_cancel(c, &im->search);
	call_forget(c, im->call);
	put_all(c, im);
	im->used = 0;
	/* There is room now. */
	for (int i = 0; i < IMAGES_MAX; i++)
		if (c->images[i].used && c->images[i].state == IMAGE_ROOM)
			c->images[i].retry_at = 0;
	core_kick(c);
	core_changed(c);
}

void image_progress(const struct image *im, uint64_t *done, uint64_t *total)
{
	uint64_t d = 0, t = 0;

	*done = *total = 0;
	if (!im->have_m)
		return;
	for (int i = 0; i < MSG_BLOB_ROLES; i++) {
		uint64_t size = im->m.blob[i].size;

		*total += size;
		if (im->blob[i])
			*done += im->blob[i]->done;
		else if (im->state == IMAGE_READY)
			*done += size;
	}
	if (im->disk)
		disk_progress(im->disk, &d, &t);
	else
		t = im->m.disk.bundle_size ? im->m.disk.bundle_size
					   : im->m.disk.index_size;
	*done += d;
	*total += t;
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
	if (im->search.call || im->call || now < im->retry_at)
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
		watch_parts(c, im);
		return;
	case IMAGE_READY:
		if (im->need == NEED_DISK)
			put_kernel(c, im);
		else if (!im->blob[MSG_BLOB_KERNEL])
			set_state(c, im, IMAGE_FETCHING);
		return;
	}
}

/* What its disk has fetched, one that is to be opened may have in common. It
 * waits for that, unless the other one is in trouble: for room, maybe. */
static int is_waited_for(const struct core *c, const struct image *im)
{
	if (!im->disk || im->state != IMAGE_READY)
		return 0;
	for (int i = 0; i < IMAGES_MAX; i++) {
		const struct image *o = &c->images[i];

		if (o->used && o != im && o->need != NEED_NONE && !o->fails &&
		    o->state != IMAGE_REFUSED &&
		    (!o->disk || o->disk->state < DISK_FILLING))
			return 1;
	}
	return 0;
}

int64_t images_step(struct core *c, int64_t now)
{
	int64_t next = NEVER;

	for (int i = 0; i < IMAGES_MAX; i++) {
		struct image *im = &c->images[i];

		if (!im->used)
			continue;
		if (im->need == NEED_NONE) {
			if (is_waited_for(c, im))
				put_kernel(c, im);
			else
				image_free(c, im);
			continue;
		}
		image_step(c, im, now);
		if (im->retry_at > now && im->retry_at < next)
			next = im->retry_at;
	}
	return next;
}
