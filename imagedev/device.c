/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing; what is asked of a device besides reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "parse.h"
#include "private.h"

static struct imagedev *device_new(struct loop *loop)
{
	struct imagedev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	dev->loop = loop;
	dev->lru.next = dev->lru.prev = &dev->lru;
	dev->queue_tail = &dev->queue;
	dev->chance = (uint64_t)clock_unix_ms() ^ (uintptr_t)dev;
	return dev;
}

int imagedev_open_plain(struct loop *loop, uint64_t size, imagedev_plain_fn fn,
			void *arg, struct imagedev **out, struct errinfo *err)
{
	struct imagedev *dev = device_new(loop);

	if (!dev)
		return errinfo_set(err, -ENOMEM, "out of memory");
	dev->size = size;
	dev->plain = fn;
	dev->plain_arg = arg;
	*out = dev;
	return 0;
}

/* By place in the packs; equal chunks of a disk are one. */
static int by_place(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;

	if (x->blob != y->blob)
		return x->blob < y->blob ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->no < y->no ? -1 : x->no > y->no;
}

static uint32_t list_chunks(struct imagedev *dev, uint32_t n)
{
	struct index_chunk c;
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++) {
		dev->unit_of[i] = NONE;
		imagerepo_index_chunk(dev->index, i, &c);
		if (c.kind == INDEX_HOLE)
			continue;
		dev->chunks[k++] = (struct unit){
			.dev = dev,
			.no = i,
			.blob = c.pack,
			.offset = c.pack_offset,
			.size = c.stored,
			.raw = c.size,
			.type = UNIT_CHUNK,
			.kind = (uint8_t)c.kind,
		};
	}
	return k;
}

static int make_units(struct imagedev *dev)
{
	uint32_t n = imagerepo_index_n_chunks(dev->index), k, u = 0;

	dev->unit_of = calloc(n ? n : 1, sizeof(*dev->unit_of));
	dev->chunks = calloc(n ? n : 1, sizeof(*dev->chunks));
	if (!dev->unit_of || !dev->chunks)
		return -ENOMEM;
	k = list_chunks(dev, n);
	qsort(dev->chunks, k, sizeof(*dev->chunks), by_place);
	for (uint32_t i = 0; i < k; i++) {
		const struct unit *c = &dev->chunks[i];
		uint32_t no = c->no;

		if (u && c->blob == dev->chunks[u - 1].blob &&
		    c->offset == dev->chunks[u - 1].offset &&
		    c->size == dev->chunks[u - 1].size &&
		    c->raw == dev->chunks[u - 1].raw &&
		    c->kind == dev->chunks[u - 1].kind)
			u--;
		else
			dev->chunks[u] = *c;
		dev->unit_of[no] = u++;
	}
	dev->n_chunks = u;
	dev->stats.chunks = u;
	return 0;
}

static int take_bundle(struct imagedev *dev, const struct imagedev_config *c,
		       struct errinfo *err)
{
	if (!c->bundle_sha256[0])
		return 0;
	if (!hash_is_hex(c->bundle_sha256) ||
	    parse_hex(c->bundle_head_sha256, dev->head_sha256, HASH_LEN) ||
	    !c->bundle_head || c->bundle_head > BUNDLE_HEAD_MAX ||
	    c->bundle_head > c->bundle_size)
		return errinfo_set(err, -EINVAL,
				   "bundle: sizes or digests do "
				   "not fit together");
	memcpy(dev->bundle_sha256, c->bundle_sha256, HASH_HEX);
	dev->bundle_size = c->bundle_size;
	dev->bundle_head = c->bundle_head;
	dev->stats.bundle_bytes = c->bundle_size;
	dev->head = (struct unit){ .dev = dev,
				   .blob = NONE,
				   .size = (uint32_t)c->bundle_head,
				   .type = UNIT_HEAD,
				   .kind = INDEX_ZSTD };
	imagedev_enqueue(dev, &dev->head);
	return 0;
}

static int set_up(struct imagedev *dev, const struct imagedev_config *c,
		  struct errinfo *err)
{
	int rc = imagerepo_index_parse(c->index, c->index_len, &dev->index, err);

	if (rc)
		return rc;
	dev->size = imagerepo_index_disk_size(dev->index);
	memcpy(dev->index_sha256, c->index_sha256, HASH_HEX);
	dev->cache_max = c->cache_bytes > CACHE_MIN ? c->cache_bytes : CACHE_MIN;
	dev->decoded_max =
		c->decoded_bytes > DECODED_MIN ? c->decoded_bytes : DECODED_MIN;
	dev->fill = c->fill;
	dev->later = loop_timer_add(dev->loop, imagedev_schedule, dev);
	if (!dev->later || make_units(dev) ||
	    (c->set && imagedev_share_join(dev, c->set)) ||
	    imagedev_decoder_new(dev, c->threads))
		return errinfo_set(err, -ENOMEM, "out of memory, or of threads");
	rc = take_bundle(dev, c, err);
	if (!rc)
		imagedev_schedule_soon(dev);
	return rc;
}

int imagedev_open(struct loop *loop, const struct imagedev_config *config,
		  const struct imagedev_source *source, struct imagedev **out,
		  struct errinfo *err)
{
	struct imagedev *dev = device_new(loop);
	int rc;

	if (!dev)
		return errinfo_set(err, -ENOMEM, "out of memory");
	dev->source = *source;
	rc = set_up(dev, config, err);
	if (rc)
		imagedev_close(dev);
	else
		*out = dev;
	return rc;
}

static void units_free(struct imagedev *dev, struct unit *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		imagedev_part_free(dev, &list[i]);
		free(list[i].stored);
	}
	free(list);
}

static void reads_free(struct read *r)
{
	struct read *next;

	for (; r; r = next) {
		next = r->next;
		free(r);
	}
}

void imagedev_close(struct imagedev *dev)
{
	if (!dev)
		return;
	imagedev_decoder_free(dev);
	imagedev_requests_free(dev);
	while (dev->pages_new)
		imagedev_page_drop(dev, dev->pages_new);
	imagedev_part_free(dev, &dev->head);
	imagerepo_bundle_free(dev->bundle);
	dev->bundle = NULL;
	imagedev_early_use(dev);
	if (dev->set)
		imagedev_share_leave(dev);
	units_free(dev, dev->frames, dev->n_frames);
	units_free(dev, dev->chunks, dev->n_chunks);
	reads_free(dev->reads);
	reads_free(dev->spare);
	loop_timer_del(dev->later);
	imagerepo_index_free(dev->index);
	free(dev->unit_of);
	free(dev->traced);
	free(dev);
}

uint64_t imagedev_size(const struct imagedev *dev)
{
	return dev->size;
}

void imagedev_trace(struct imagedev *dev, imagedev_trace_fn fn, void *arg)
{
	if (!dev->traced)
		dev->traced = calloc(1, dev->size / INDEX_BLOCK / 8 + 1);
	dev->trace = dev->traced ? fn : NULL;
	dev->trace_arg = arg;
}

void imagedev_stats_get(const struct imagedev *dev, struct imagedev_stats *s)
{
	*s = dev->stats;
	s->waiting_since_ms = dev->reads_old ? dev->reads_old->since_ms : 0;
}
