/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev - the virtual disk of an image (index.h), read lazily: what is asked
 * for and not here is fetched, checked, and only then used.
 *
 *	NBD client (kernel, qemu)		nbdkit
 *	        | imagedev_nbd.h		  | plugin
 *	        +---------- imagedev -------------+
 *	                       | struct imagedev_source
 *	      libcurl (source_curl.h)   or   the agent's net process
 *
 * A read is served, in this order, from the bundle, from the cache of chunks
 * (kept as stored, LRU, bounded), or from the network: then the missing chunk
 * and its neighbours on the way are asked for in one range of their pack.
 * Several reads of a chunk that is under way share one request. What arrives
 * is checked against the index or the bundle's head, as stored; what does not
 * fit is thrown away and asked for again, with back-off, for ever: a read waits
 * for an outage to end and never fails, nor ever returns a byte that was not
 * checked.
 *
 * All calls in the loop's thread; nothing blocks. Decoding may run in threads
 * of its own (config.threads), which touch no state but their job.
 */
#ifndef IMAGEDEV_H
#define IMAGEDEV_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "hash.h"
#include "loop.h"

struct imagedev;

/* Where bytes come from. One request: `len` bytes at `offset` of the blob
 * named sha256. The source answers with imagedev_data() any number of times, in
 * order, and imagedev_end() once; or is told to forget it. It may keep requests
 * back, but starts higher priorities first. */
enum imagedev_priority { IMAGEDEV_DEMAND, IMAGEDEV_BUNDLE, IMAGEDEV_FILL };

struct imagedev_source {
	/* 0, or -EAGAIN: no room, ask again when something ends. */
	int (*get)(void *arg, uint64_t id, enum imagedev_priority priority,
		   const char *sha256, uint64_t offset, uint64_t len);
	void (*cancel)(void *arg, uint64_t id);
	void *arg;
};

/* Devices of one set have the chunks in common that their images do: what one
 * has, or is being sent, another does not ask for, and its bytes lie in memory
 * once (each device's cache counts them). A device that is closed leaves to the
 * others what they have room for, and the newest may keep as much as it might.
 * Free it after the last device. */
struct imagedev_set;
int imagedev_set_new(struct imagedev_set **out);  /* 0, -ENOMEM */
void imagedev_set_free(struct imagedev_set *set); /* NULL is fine */

struct imagedev_config {
	const void *index; /* checked bytes, borrowed for the call */
	size_t index_len;
	char index_sha256[HASH_HEX];
	char bundle_sha256[HASH_HEX]; /* "": none */
	uint64_t bundle_size, bundle_head;
	char bundle_head_sha256[HASH_HEX];
	uint64_t cache_bytes;   /* chunks as stored; floor: 8 MiB */
	uint64_t decoded_bytes; /* decoded ones; floor: 2 MiB */
	int threads;            /* 0: decode in the loop */
	int fill; /* fetch all of it, in the background, as room allows */
	struct imagedev_set *set; /* of the same loop; NULL: alone */
};

int imagedev_open(struct loop *loop, const struct imagedev_config *config,
		  const struct imagedev_source *source, struct imagedev **out,
		  struct errinfo *err);
/* A device whose reads are answered at once by a function of the caller's (0,
 * or -errno): a plain disk, to trace its boot. Has no source and no cache. */
typedef int (*imagedev_plain_fn)(void *arg, uint64_t offset, uint32_t len,
				 void *buf);
int imagedev_open_plain(struct loop *loop, uint64_t size, imagedev_plain_fn fn,
			void *arg, struct imagedev **out, struct errinfo *err);
/* Cancels what is out; reads that wait are forgotten without a call. */
void imagedev_close(struct imagedev *dev);
uint64_t imagedev_size(const struct imagedev *dev);

/* rc: 0, or -EINVAL for a range outside the disk (or what a plain one says). buf must live until then. */
typedef void (*imagedev_read_fn)(void *arg, int rc);
/* Completion may happen before imagedev_read returns. */
void imagedev_read(struct imagedev *dev, uint64_t offset, uint32_t len,
		   void *buf, imagedev_read_fn fn, void *arg);

/* Instead of a read: where the bytes of a range lie, if all of them are decoded
 * right now, in at most IMAGEDEV_PIECES pieces; they stay there until they are
 * given back, which must be before imagedev_close(). Returns how many; 0: not
 * all is here, or too much is lent already: read it. */
#define IMAGEDEV_PIECES 8
struct imagedev_piece {
	const uint8_t *data;
	size_t len;
	void *unit; /* ours */
};
int imagedev_lend(struct imagedev *dev, uint64_t offset, uint32_t len,
		  struct imagedev_piece piece[IMAGEDEV_PIECES]);
void imagedev_give_back(struct imagedev *dev,
			const struct imagedev_piece *piece, int n);

/* Forgets the reads with this arg that still wait: no call, buf is free. */
void imagedev_cancel(struct imagedev *dev, void *arg);

/* From the source. rc of end: 0: all came; else why not (it is asked again). */
void imagedev_data(struct imagedev *dev, uint64_t id, const void *data,
		   size_t len);
void imagedev_end(struct imagedev *dev, uint64_t id, int rc);
/* Bytes that nobody asked for (the carousel's): used if they are missing and
 * fit, else dropped; of the bundle a bounded amount is kept until its head says
 * what they are. -EBADMSG: something did not verify; 0. */
int imagedev_offer(struct imagedev *dev, const char *sha256, uint64_t offset,
		   const void *data, size_t len);
/* While bytes of the bundle are on the air: its frames are not asked for, until
 * a read needs one that did not come in time. 0: off again. */
void imagedev_carousel(struct imagedev *dev, int on);
/* The next stretch of the bundle that is here, or was, at or after `from`: who
 * offers may leave it out. -ENOENT: none. */
int imagedev_bundle_had(const struct imagedev *dev, uint64_t from,
			uint64_t *start, uint64_t *end);

/* Called at the first read of each 4096-byte block, in order: a boot trace. */
typedef void (*imagedev_trace_fn)(void *arg, uint32_t block);
void imagedev_trace(struct imagedev *dev, imagedev_trace_fn fn, void *arg);

struct imagedev_stats {
	uint64_t reads, read_bytes;       /* by the client */
	uint64_t requests, fetched_bytes; /* of the source */
	uint64_t offered_bytes;           /* used, of what was offered */
	uint64_t shared_bytes;            /* had of other devices of the set */
	uint64_t bad;             /* chunks or frames that did not verify */
	uint64_t retries;         /* requests that did not come about */
	uint64_t waiting;         /* reads that wait now */
	int64_t waiting_since_ms; /* boot clock; 0: none waits */
	uint64_t cached_bytes, decoded_bytes, bundle_bytes, bundle_have;
	uint64_t chunks, chunks_have;
};
void imagedev_stats_get(const struct imagedev *dev, struct imagedev_stats *s);

#endif
