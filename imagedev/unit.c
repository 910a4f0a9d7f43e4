/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit's life: wanted, here and checked, decoded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "private.h"

const uint8_t *imagedev_unit_sha256(const struct imagedev *dev,
				    const struct unit *u)
{
	struct index_chunk c;
	struct bundle_frame f;

	if (u->type == UNIT_HEAD)
		return dev->head_sha256;
	if (u->type == UNIT_FRAME) {
		imagerepo_bundle_frame(dev->bundle, u->no, &f);
		return f.sha256;
	}
	imagerepo_index_chunk(dev->index, u->no, &c);
	return c.sha256;
}

const uint8_t *imagedev_unit_data(struct unit *u)
{
	if (u->kind == INDEX_RAW) {
		u->flags |= UNIT_USED;
		return u->stored;
	}
	if (!u->page || u->flags & UNIT_DECODING)
		return NULL;
	u->page->used = 1;
	return u->page->data;
}

int imagedev_unit_absent(const struct unit *u)
{
	return !u->stored && !(u->flags & UNIT_FLYING) &&
	       !(u->page && u->type != UNIT_HEAD);
}

int imagedev_given_up(const struct unit *u)
{
	return u->bad && u->tries >= BAD_TRIES;
}

/* The head says what the frames are. */
static int learn_frames(struct imagedev *dev, const uint8_t *head)
{
	struct bundle_frame f;
	uint32_t n;

	if (imagerepo_bundle_parse(head, dev->bundle_head, dev->size,
				   dev->index_sha256, &dev->bundle, NULL))
		return -1;
	n = imagerepo_bundle_n_frames(dev->bundle);
	dev->frames = calloc(n ? n : 1, sizeof(*dev->frames));
	if (!dev->frames)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		imagerepo_bundle_frame(dev->bundle, i, &f);
		if (f.offset + f.stored > dev->bundle_size)
			return -1;
		dev->frames[i] = (struct unit){
			.dev = dev,
			.no = i,
			.blob = NONE,
			.offset = f.offset,
			.size = f.stored,
			.raw = f.blocks * INDEX_BLOCK,
			.type = UNIT_FRAME,
			.kind = INDEX_ZSTD,
		};
	}
	dev->n_frames = n;
	return 0;
}

/* It is looked for no more. */
static void landed(struct imagedev *dev, struct unit *u)
{
	u->flags &= (uint8_t) ~(UNIT_FLYING | UNIT_LATE);
	imagedev_part_free(dev, u);
	if (u->flags & UNIT_QUEUED)
		imagedev_dequeue(dev, u);
}

static int take_head(struct imagedev *dev, uint8_t *buf)
{
	int rc = learn_frames(dev, buf);

	free(buf);
	landed(dev, &dev->head);
	dev->head.flags |= UNIT_HAD;
	if (rc) { /* signed, and yet it does not fit: do without */
		imagerepo_bundle_free(dev->bundle);
		free(dev->frames);
		dev->bundle = NULL;
		dev->frames = NULL;
		dev->bundle_sha256[0] = 0;
		dev->stats.bad++;
	} else {
		dev->stats.bundle_have += dev->bundle_head;
	}
	imagedev_early_use(dev);
	imagedev_wake(dev, &dev->head);
	return 0;
}

void imagedev_unit_arrived(struct imagedev *dev, struct unit *u, uint8_t *stored)
{
	landed(dev, u);
	imagedev_cache_add(dev, u, stored);
	imagedev_share_tell(u);
	if (u->kind == INDEX_RAW) {
		u->tries = 0;
		imagedev_wake(dev, u);
	} else if (u->waiters || u->flags & UNIT_SOON) {
		imagedev_decode(dev, u);
	}
}

int imagedev_unit_complete(struct imagedev *dev, struct unit *u, uint8_t *buf)
{
	uint8_t digest[HASH_LEN], *twins;

	hash_bytes(buf, u->size, digest);
	if (memcmp(digest, imagedev_unit_sha256(dev, u), HASH_LEN)) {
		dev->stats.bad++;
		free(buf);
		return -EBADMSG;
	}
	if (u->type == UNIT_HEAD)
		return take_head(dev, buf);
	twins = imagedev_share_stored(u);
	if (twins)
		free(buf);
	imagedev_unit_arrived(dev, u, twins ? twins : buf);
	return 0;
}

void imagedev_decoded(struct imagedev *dev, struct unit *u, int ok)
{
	u->flags &= (uint8_t)~UNIT_DECODING;
	u->pins--;
	if (ok) {
		u->tries = 0;
		u->flags |= UNIT_USED;
		imagedev_wake(dev, u);
		return;
	}
	/* as signed, and yet no frame of zstd: memory failed, or the publisher */
	dev->stats.bad++;
	u->bad = 1;
	imagedev_page_drop(dev, u->page);
	imagedev_cache_drop(dev, u);
	imagedev_unit_failed(dev, u);
}

void imagedev_unit_want(struct imagedev *dev, struct unit *u)
{
	if (u->flags & UNIT_DECODING || imagedev_unit_data(u))
		return;
	if (u->stored) {
		imagedev_decode(dev, u);
		return;
	}
	u->flags |= UNIT_SOON;
	if (imagedev_share_take(dev, u))
		return;
	if (u->flags & UNIT_FLYING)
		imagedev_request_recall(dev, u);
	if (!(u->flags & (UNIT_FLYING | UNIT_QUEUED)))
		imagedev_enqueue(dev, u);
}

/* Once nearly at once, then twice as long each time, and not all nodes at the
 * same moment. */
static int64_t delay(struct imagedev *dev, struct unit *u)
{
	int64_t ms = RETRY_MAX_MS;

	if (u->tries < 6)
		ms = u->tries ? RETRY_MIN_MS << u->tries : 2;
	if (u->tries < 255)
		u->tries++;
	dev->chance =
		dev->chance * 6364136223846793005ULL + 1442695040888963407ULL;
	return ms / 2 + (int64_t)((dev->chance >> 33) % (uint64_t)ms);
}

void imagedev_unit_failed(struct imagedev *dev, struct unit *u)
{
	u->flags &= (uint8_t) ~(UNIT_FLYING | UNIT_LATE);
	imagedev_share_tell(u);
	u->due_ms = clock_boot_ms() + delay(dev, u);
	if (u->type != UNIT_CHUNK && imagedev_given_up(u))
		imagedev_wake(dev, u); /* to read chunks instead */
	if (u->waiters || u->type == UNIT_HEAD) {
		u->flags |= UNIT_SOON;
		if (!(u->flags & UNIT_QUEUED))
			imagedev_enqueue(dev, u);
	} else {
		u->flags &= (uint8_t)~UNIT_SOON;
		imagedev_schedule_soon(dev);
	}
}
