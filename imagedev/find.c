/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which unit holds a byte: a chunk, or the frame of the bundle that does as
 * well; the bundle's head, as long as that is not known.
 */
#include "private.h"

/* The frame with place `i` of the bundle's list. */
static struct unit *frame_of(const struct imagedev *dev, uint32_t i,
			     uint32_t *first)
{
	uint32_t low = 0, high = dev->n_frames;
	struct bundle_frame f;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		imagerepo_bundle_frame(dev->bundle, mid, &f);
		if (f.first <= i)
			low = mid;
		else
			high = mid;
	}
	imagerepo_bundle_frame(dev->bundle, low, &f);
	*first = f.first;
	return &dev->frames[low];
}

static struct unit *find_frame(const struct imagedev *dev, uint64_t pos,
			       struct spot *s)
{
	uint64_t block = pos / INDEX_BLOCK;
	struct unit *u;
	uint32_t first, i, last;
	int64_t place;

	place = dev->bundle ? imagerepo_bundle_find(dev->bundle, block) : -1;
	if (place < 0)
		return NULL;
	i = (uint32_t)place;
	u = frame_of(dev, i, &first);
	last = first + u->raw / INDEX_BLOCK - 1;
	s->unit = u;
	s->offset = (i - first) * INDEX_BLOCK + (uint32_t)(pos % INDEX_BLOCK);
	s->run = INDEX_BLOCK - pos % INDEX_BLOCK;
	while (i < last && imagerepo_bundle_block(dev->bundle, ++i) == ++block)
		s->run += INDEX_BLOCK;
	return u;
}

static int is_near(struct unit *u)
{
	return u->stored || u->flags & UNIT_DECODING || imagedev_share_stored(u);
}

/* The frame rather than the chunk? Not if the chunk is here, nor if the frame
 * was here and is gone, or does not come out right. */
static int frame_is_better(struct unit *frame, struct unit *chunk)
{
	if (imagedev_unit_data(frame))
		return 1;
	if (is_near(chunk))
		return 0;
	if (is_near(frame) || frame->flags & UNIT_LATE)
		return is_near(frame);
	return frame->flags & UNIT_FLYING ||
	       (!(frame->flags & UNIT_HAD) && !imagedev_given_up(frame));
}

void imagedev_find(struct imagedev *dev, uint64_t pos, struct spot *s)
{
	uint32_t i = imagerepo_index_find(dev->index, pos);
	struct index_chunk c;
	struct unit *u, *f;
	struct spot frame;

	imagerepo_index_chunk(dev->index, i, &c);
	*s = (struct spot){ NULL, (uint32_t)(pos - c.offset),
			    c.offset + c.size - pos };
	if (c.kind == INDEX_HOLE)
		return;
	u = s->unit = &dev->chunks[dev->unit_of[i]];
	if (imagedev_unit_data(u) || !dev->bundle_sha256[0])
		return;
	if (!dev->bundle && !is_near(u) && !(dev->head.flags & UNIT_LATE) &&
	    !imagedev_given_up(&dev->head)) {
		*s = (struct spot){ &dev->head, 0, dev->size - pos };
		return;
	}
	f = find_frame(dev, pos, &frame);
	if (f && frame_is_better(f, u))
		*s = frame;
}
