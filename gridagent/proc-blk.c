/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk - the disks of images. It gets indexes that verify has checked, reads the
 * chunks that net brings, checks them, and answers the reads of NBD clients:
 * the kernel's, one a disk, behind Xen's block backend.
 *
 * No file, no network, no key. It may be killed at any time: main opens the
 * disks anew and gives the kernel another socket; reads wait meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent.h"
#include "blk.h"
#include "cleanup.h"
#include "imagedev_nbd.h"
#include "log.h"

#define CLIENTS_MAX   4 /* of one disk: the old one and the new, and room */
#define STATS_MS      1000
#define STATS_FILL_MS 50  /* a domU waits for the last chunk */
#define SILENCE_MS    200 /* of the carousel: then HTTP */
#define SILENCE_STEP  20
#define DECODED_BYTES (16ULL << 20)
#define SEALS         (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

struct disk;

struct client {
	struct disk *disk;
	struct imagedev_nbd *nbd; /* NULL: free */
};

struct disk {
	char name[HASH_HEX]; /* "": free */
	char bundle[HASH_HEX];
	int64_t heard_ms; /* the carousel, last; 0: it is not waited for */
	struct imagedev *dev;
	struct blk_source source;
	struct client clients[CLIENTS_MAX];
	struct msg_blk_stats told;
	int fill; /* all of it is wanted at once */
};

static struct {
	struct loop *loop;
	struct ipc *main;
	struct loop_timer *timer, *silence;
	struct imagedev_set *set; /* chunks of several disks are fetched once */
	struct disk disks[MSG_DISKS_MAX];
} blk;

/*
 * Reads of the device wait for this process, so it must not wait for a device.
 * dom0 has no swap, and its files lie in memory that only swap could take: no
 * page of ours is ever read back, so there is nothing for mlockall() to hold.
 * Nor is anything written to the device, which is read-only. Short of memory,
 * this process must still not be sent to write back others' pages: IO_FLUSHER.
 */
int proc_blk_prepare(const struct options *o, struct errinfo *err)
{
	uint8_t digest[HASH_LEN];

	(void)o;
	(void)err;
	hash_bytes("", 0, digest); /* OpenSSL looks around at its first use */
	if (geteuid() == 0)
		prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	return 0;
}

static void must_send(int rc)
{
	if (rc)
		exit(EXIT_FAILURE);
}

static void done(uint32_t id, int rc, const struct errinfo *err, uint64_t size)
{
	struct msg_blk_done d = { .rc = rc, .size = size };
	const char *text = rc ? errinfo_text(err, rc) : "";

	log_quote(d.text, sizeof(d.text), text, strlen(text));
	must_send(ipc_post(blk.main, MSG_BLK_DONE, id, &d));
}

static struct disk *find(const char *name)
{
	for (int i = 0; i < MSG_DISKS_MAX; i++)
		if (!strcmp(blk.disks[i].name, name))
			return &blk.disks[i];
	return NULL;
}

/* ---- what is told ----------------------------------------------------------- */

static void tell(struct disk *d)
{
	struct imagedev_stats s;
	struct msg_blk_stats m = { 0 };

	imagedev_stats_get(d->dev, &s);
	memcpy(m.disk, d->name, sizeof(m.disk));
	m.chunks = s.chunks;
	m.chunks_have = s.chunks_have;
	m.bundle = s.bundle_bytes;
	m.bundle_have = s.bundle_have;
	m.cached = s.cached_bytes;
	m.fetched = s.fetched_bytes;
	m.offered = s.offered_bytes;
	m.requests = s.requests;
	m.bad = s.bad;
	m.retries = s.retries;
	m.waiting_since_ms = s.waiting_since_ms;
	for (int i = 0; i < CLIENTS_MAX; i++)
		m.clients += d->clients[i].nbd != NULL;
	/* The disk's name, last, is always the same. */
	if (!memcmp(&m, &d->told, offsetof(struct msg_blk_stats, disk)))
		return;
	if (m.fetched != d->told.fetched && m.bundle_have != d->told.bundle_have)
		blk_air_have(d->bundle, d->dev);
	d->told = m;
	must_send(ipc_post(blk.main, MSG_BLK_STATS, 0, &m));
}

static void on_timer(void *arg)
{
	(void)arg;
	int filling = 0;

	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &blk.disks[i];

		if (!d->name[0])
			continue;
		tell(d);
		filling |= d->fill && d->told.chunks_have < d->told.chunks;
	}
	loop_timer_set(blk.timer, filling ? STATS_FILL_MS : STATS_MS);
}

/* ---- the carousel -------------------------------------------------------------- */

static void air_on(struct disk *d)
{
	d->heard_ms = clock_boot_ms();
	imagedev_carousel(d->dev, 1);
	loop_timer_set(blk.silence, SILENCE_STEP);
}

static void air_off(struct disk *d)
{
	if (d->heard_ms)
		imagedev_carousel(d->dev, 0);
	d->heard_ms = 0;
}

/* Whatever air and main do: a boot waits for the carousel no longer. */
static void on_silence(void *arg)
{
	int64_t now = clock_boot_ms();
	int on = 0;

	(void)arg;
	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &blk.disks[i];

		if (!d->heard_ms)
			continue;
		if (now - d->heard_ms >= SILENCE_MS) {
			log_info("disk %.12s: nothing from the air", d->name);
			air_off(d);
		}
		on |= d->heard_ms != 0;
	}
	if (on)
		loop_timer_set(blk.silence, SILENCE_STEP);
}

/* What was off the air is on it again with the first bytes that are of use. */
static int offer(struct disk *d, uint64_t offset, const void *data, size_t len)
{
	struct imagedev_stats before, after;

	imagedev_stats_get(d->dev, &before);
	if (imagedev_offer(d->dev, d->bundle, offset, data, len))
		return -EBADMSG;
	imagedev_stats_get(d->dev, &after);
	if (d->heard_ms) {
		d->heard_ms = clock_boot_ms();
	} else if (after.offered_bytes > before.offered_bytes) {
		log_info("disk %.12s: on the air again", d->name);
		blk_air_have(d->bundle, d->dev);
		air_on(d);
	}
	return 0;
}

int blk_offer(const char *sha256, uint64_t offset, const void *data, size_t len)
{
	int rc = 0;

	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &blk.disks[i];

		if (!d->name[0] || strcmp(d->bundle, sha256) != 0)
			continue;
		if (offer(d, offset, data, len))
			rc = -EBADMSG;
	}
	return rc;
}

/* ---- disks ------------------------------------------------------------------- */

static void disk_close(struct disk *d)
{
	struct imagedev_stats s;

	imagedev_stats_get(d->dev, &s);
	log_info("disk %.12s: %llu bytes fetched, %llu had of other disks",
		 d->name, (unsigned long long)s.fetched_bytes,
		 (unsigned long long)s.shared_bytes);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (d->clients[i].nbd)
			imagedev_nbd_close(d->clients[i].nbd);
	blk_get_forget(&d->source);
	imagedev_close(d->dev);
	memset(d, 0, sizeof(*d));
}

/* The index in the descriptor, mapped; it is sealed and of that size. */
static int map_index(int fd, uint64_t size, void **out, struct errinfo *err)
{
	int seals = fcntl(fd, F_GET_SEALS);
	off_t len = lseek(fd, 0, SEEK_END);
	void *p;

	if (seals < 0 || (seals & SEALS) != SEALS || len < 0 ||
	    (uint64_t)len != size)
		return errinfo_set(err, -EPERM, "index is not what was checked");
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return errinfo_set_errno(err, -errno, "index");
	*out = p;
	return 0;
}

static int disk_open(struct disk *d, const struct msg_blk_open *q, int fd,
		     struct errinfo *err)
{
	struct imagedev_config config = {
		.index_len = q->index_size,
		.bundle_size = q->bundle_size,
		.bundle_head = q->bundle_head,
		.cache_bytes = q->cache,
		.decoded_bytes = q->cache / 4 < DECODED_BYTES ? q->cache / 4
							      : DECODED_BYTES,
		.fill = q->fill,
		.set = blk.set,
	};
	struct imagedev_source source;
	void *index = NULL;
	int rc;

	rc = map_index(fd, q->index_size, &index, err);
	if (rc)
		return rc;
	config.index = index;
	memcpy(config.index_sha256, q->disk, sizeof(config.index_sha256));
	memcpy(config.bundle_sha256, q->bundle, sizeof(config.bundle_sha256));
	memcpy(config.bundle_head_sha256, q->bundle_head_sha256,
	       sizeof(config.bundle_head_sha256));
	blk_get_source(&d->source, &source);
	rc = imagedev_open(blk.loop, &config, &source, &d->dev, err);
	munmap(index, q->index_size);
	if (rc)
		return rc;
	d->source.dev = d->dev;
	memcpy(d->name, q->disk, sizeof(d->name));
	memcpy(d->bundle, q->bundle, sizeof(d->bundle));
	d->fill = q->fill;
	if (d->fill)
		loop_timer_set(blk.timer, 0);
	if (q->air)
		air_on(d);
	return 0;
}

static void on_open(const struct msg *m)
{
	const struct msg_blk_open *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	struct disk *d = find(q->disk);
	int rc = 0;

	if (!d) {
		d = find("");
		rc = d ? disk_open(d, q, m->fds[0], &err)
		       : errinfo_set(&err, -ENOSPC, "too many disks at once");
	}
	done(m->id, rc, &err, rc ? 0 : imagedev_size(d->dev));
}

static void on_client_end(void *arg, int rc)
{
	struct client *c = arg;

	c->nbd = NULL;
	if (rc)
		log_warn("disk %.12s: client: %s", c->disk->name, strerror(-rc));
}

static int serve(struct disk *d, int fd, struct errinfo *err)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &d->clients[i];

		if (c->nbd)
			continue;
		c->disk = d;
		return imagedev_nbd_serve(blk.loop, d->dev, fd,
					  IMAGEDEV_NBD_TRANSMISSION,
					  on_client_end, c, &c->nbd, err);
	}
	close(fd);
	return errinfo_set(err, -EBUSY, "too many clients of one disk");
}

static void on_serve(struct msg *m)
{
	const struct msg_blk_disk *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	struct disk *d = find(q->disk);
	int rc;

	if (d) {
		rc = serve(d, m->fds[0], &err);
		m->n_fds = 0; /* it owns it */
	} else {
		rc = errinfo_set(&err, -ENOENT, "no such disk is open");
	}
	done(m->id, rc, &err, 0);
}

/* ---- main's messages ---------------------------------------------------------- */

static void on_link(struct msg *m)
{
	must_send(m->type == MSG_BLK_LINK ? blk_get_link(blk.loop, m->fds[0])
					  : blk_air_link(blk.loop, m->fds[0]));
	m->n_fds = 0;
}

static void on_disk(const struct msg *m)
{
	struct disk *d = find(((const struct msg_blk_disk *)m->body)->disk);

	if (!d)
		return;
	if (m->type == MSG_BLK_CLOSE)
		disk_close(d);
	else
		air_off(d);
}

static void on_main(int fd, short revents, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r;

	(void)fd;
	(void)revents;
	(void)arg;
	r = ipc_recv(blk.main, &m, &err);
	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		exit(EXIT_FAILURE);
	}
	switch (m.type) {
	case MSG_BLK_LINK:
	case MSG_BLK_AIR:
		on_link(&m);
		break;
	case MSG_BLK_OPEN:
		on_open(&m);
		break;
	case MSG_BLK_SERVE:
		on_serve(&m);
		break;
	default: /* MSG_BLK_CLOSE, MSG_BLK_OFF_AIR */
		on_disk(&m);
	}
	ipc_close_fds(&m);
}

int proc_blk_run(const struct child_fds *fds)
{
	blk.main = ipc_new(fds->peer[MSG_MAIN], MSG_BLK, MSG_MAIN, 0);
	blk.loop = loop_new();
	if (!blk.main || !blk.loop ||
	    !loop_fd_add(blk.loop, fds->peer[MSG_MAIN], POLLIN, on_main, NULL))
		return EXIT_FAILURE;
	blk.timer = loop_timer_add(blk.loop, on_timer, NULL);
	blk.silence = loop_timer_add(blk.loop, on_silence, NULL);
	if (!blk.timer || !blk.silence || imagedev_set_new(&blk.set))
		return EXIT_FAILURE;
	loop_timer_set(blk.timer, STATS_MS);
	return loop_run(blk.loop);
}
