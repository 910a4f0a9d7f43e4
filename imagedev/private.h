/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the library share. The data model:
 *
 *	unit	what is fetched and checked as a whole: a stored chunk, a frame
 *		of the bundle, or the bundle's head. Chunks lie in `chunks` in
 *		the order of their packs, frames in the order of the bundle, so
 *		that neighbours in the array are neighbours on the wire.
 *	request	a run of such neighbours, asked of the source
 *	page	a unit's decoded bytes
 *	read	a client's, while it waits for a unit
 *
 * A unit is absent, wanted (QUEUED), on the way (FLYING), or stored; a stored
 * one may be decoded (page) or on its way there (DECODING).
 *
 *	find.c	  which unit holds a byte
 *	read.c	  reads, what is read ahead, what is lent
 *	unit.c	  arrival: check, keep, wake; the bundle's head
 *	cache.c	  both caches
 *	decode.c  threads
 *	fetch.c	  requests, retries
 *	offer.c	  bytes that nobody asked for
 *	late.c	  a bundle that comes slowly
 *	share.c	  chunks that several devices have in common
 */
#ifndef IMAGEDEV_PRIVATE_H
#define IMAGEDEV_PRIVATE_H

#include "bundle.h"
#include "imagedev.h"
#include "index.h"

#define CACHE_MIN      (8ULL << 20)
#define DECODED_MIN    (2ULL << 20)
#define WINDOW_MIN     (64u * 1024)   /* a lone miss brings so much along */
#define WINDOW_MAX     (1024u * 1024) /* a long sequential read */
#define AHEAD_MAX      (4u << 20)     /* decoded ahead of the reader */
#define PAGE_STEP      (16u * 1024)   /* sizes of pages, for their reuse */
#define SEQUENCE       (256u * 1024)  /* so much in a row is a sequence */
#define STREAMS        8              /* sequential readers told apart */
#define STREAM_NEAR    (1u << 20)     /* disorder among requests on the way */
#define FILLS_MAX      2              /* requests of IMAGEDEV_FILL at once */
#define RETRY_MIN_MS   50
#define RETRY_MAX_MS   3000
#define SOURCE_FULL_MS 200 /* after -EAGAIN, if nothing ends before */
#define AIR_WAIT_MS    300 /* for the carousel, when a read needs a frame */
#define LATE_MS        300 /* so long a read waits for a stream whose */
#define LATE_BYTES     (512u << 10) /* place is so far behind, or that */
#define LATE_STALL_MS  1000         /* brings nothing for so long */
#define BAD_TRIES      3 /* then reads do without this of the bundle */
#define NONE           UINT32_MAX

enum unit_type { UNIT_CHUNK, UNIT_FRAME, UNIT_HEAD };

enum unit_flag {
	UNIT_QUEUED = 1, /* in dev->queue */
	UNIT_FLYING = 2, /* in a request */
	UNIT_DECODING = 4,
	UNIT_SOON = 8,  /* decode it when it comes */
	UNIT_USED = 16, /* since the clock's hand passed */
	UNIT_HAD = 32,  /* was here once: not prefetched again */
	UNIT_AIR = 64,  /* waited for the carousel once */
	UNIT_LATE = 128 /* of the bundle, on its way: reads do without it */
};

struct page {
	struct page *prev, *next; /* dev->pages */
	struct unit *unit;
	uint32_t cap;
	uint8_t used;
	uint8_t data[];
};

struct part; /* offer.c */
struct early;

struct unit {
	struct imagedev *dev;
	struct unit *twin;        /* of another device, a ring; NULL: none */
	struct unit *prev, *next; /* dev->lru, while stored */
	struct unit *queued;      /* next in dev->queue, or among jobs */
	uint8_t *stored;          /* checked bytes; maybe a twin's as well */
	struct page *page;
	struct part *part;
	struct read *waiters;
	uint32_t pins;   /* decoded, or lent: stored and page stay */
	int64_t due_ms;  /* not asked for before, boot clock */
	uint32_t no;     /* chunk of the index, frame of the bundle */
	uint32_t blob;   /* pack; NONE: the bundle */
	uint64_t offset; /* in the blob */
	uint32_t size;   /* as stored */
	uint32_t raw;
	uint8_t type, kind, flags, tries;
	uint8_t bad;        /* came wrong the last time */
	uint8_t decoded_ok; /* a thread's word */
};

struct read {
	struct read *prev, *next; /* dev->reads */
	struct read *wait_next;   /* of the unit's waiters */
	struct unit *unit;
	uint64_t pos, end;
	uint8_t *buf; /* where pos goes */
	imagedev_read_fn fn;
	void *arg;
	int64_t since_ms;
};

struct request {
	struct request *next;
	uint64_t id;
	enum imagedev_priority priority;
	struct unit *first;
	uint32_t n, at;              /* units; the one that is coming */
	uint8_t *buf;                /* of that one */
	uint32_t got;                /* bytes in it */
	uint64_t offset, len, total; /* total: bytes that came, */
	int64_t heard_ms;            /* the last of them, or the beginning */
	int then_frames;             /* the head's: the frames follow */
};

struct stream {
	uint64_t next; /* offset after the last read */
	uint64_t run;  /* bytes since it began */
	uint64_t gaps; /* of those, not read */
	uint64_t stamp;
};

struct decoder; /* decode.c */

struct imagedev {
	struct loop *loop;
	struct imagedev_set *set; /* NULL: alone */
	struct imagedev *set_next;
	struct imagedev_source source;
	uint64_t size;
	imagedev_plain_fn plain;
	void *plain_arg;
	struct index *index;
	uint32_t *unit_of; /* chunk of the index -> unit; NONE: a hole */
	struct unit *chunks, *frames, head;
	uint32_t n_chunks, n_frames;
	struct bundle *bundle; /* once its head is here */
	char bundle_sha256[HASH_HEX];
	uint64_t bundle_size, bundle_head;
	uint8_t head_sha256[HASH_LEN];
	char index_sha256[HASH_HEX];
	int on_air, fill;
	uint32_t bundle_cursor, fill_cursor;

	struct unit lru; /* head of the list: next is the newest */
	struct page *pages_new, *pages_old;
	uint64_t cache_max, decoded_max;

	struct unit *queue, **queue_tail;
	struct request *requests;
	uint64_t last_id;
	struct loop_timer *later; /* schedule(), */
	int soon;                 /* which is to run now */
	int64_t source_full_ms;   /* asked again after that; 0: not full */

	struct read *reads; /* the oldest is last */
	struct read *reads_old, *spare, *woken;
	int waking;
	struct stream streams[STREAMS];
	uint64_t stamp, chance;
	struct decoder *decoder;
	uint64_t part_bytes; /* offered and not whole */
	uint64_t lent_bytes; /* of units that are lent, raw */
	struct early *early; /* offered before the head was here */
	imagedev_trace_fn trace;
	void *trace_arg;
	uint8_t *traced; /* bits */
	struct imagedev_stats stats;
};

/* What holds the byte at an offset. */
struct spot {
	struct unit *unit; /* NULL: zeros */
	uint32_t offset;   /* in the unit */
	uint64_t run;      /* bytes from there on */
};

/* find.c */
void imagedev_find(struct imagedev *dev, uint64_t pos, struct spot *s);

/* read.c */
void imagedev_wake(struct imagedev *dev, struct unit *u);

/* unit.c */
const uint8_t *imagedev_unit_sha256(const struct imagedev *dev,
				    const struct unit *u);
/* The decoded bytes, or NULL. */
const uint8_t *imagedev_unit_data(struct unit *u);
/* All bytes of a unit: takes buf. 0, or -EBADMSG: thrown away. */
int imagedev_unit_complete(struct imagedev *dev, struct unit *u, uint8_t *buf);
/* Decodes if it is stored, else queues it. */
void imagedev_unit_want(struct imagedev *dev, struct unit *u);
/* It is here, checked: takes stored. */
void imagedev_unit_arrived(struct imagedev *dev, struct unit *u, uint8_t *stored);
/* It did not come: later again, if anybody waits. */
void imagedev_unit_failed(struct imagedev *dev, struct unit *u);
int imagedev_unit_absent(const struct unit *u);
/* A frame, or the head, that came wrong too often. */
int imagedev_given_up(const struct unit *u);

/* cache.c */
void imagedev_cache_add(struct imagedev *dev, struct unit *u, uint8_t *buf);
void imagedev_cache_drop(struct imagedev *dev, struct unit *u);
struct page *imagedev_page_new(struct imagedev *dev, struct unit *u);
void imagedev_page_drop(struct imagedev *dev, struct page *p);

/* decode.c */
int imagedev_decoder_new(struct imagedev *dev, int threads);
void imagedev_decoder_free(struct imagedev *dev);
/* Begins; imagedev_decoded() follows, maybe before this returns. */
void imagedev_decode(struct imagedev *dev, struct unit *u);
int imagedev_decode_ahead(const struct imagedev *dev); /* worth it? */
/* unit.c */
void imagedev_decoded(struct imagedev *dev, struct unit *u, int ok);

/* fetch.c */
void imagedev_schedule_soon(struct imagedev *dev);
void imagedev_schedule(void *arg);
void imagedev_dequeue(struct imagedev *dev, struct unit *u);
void imagedev_enqueue(struct imagedev *dev, struct unit *u);
void imagedev_requests_free(struct imagedev *dev);
/* Requests for frames that no read waits for: they come another way. */
void imagedev_bundle_recall(struct imagedev *dev);
/* Of a request that was not urgent and has not begun: takes the unit out. */
void imagedev_request_recall(struct imagedev *dev, const struct unit *u);
uint64_t imagedev_window(const struct imagedev *dev, const struct unit *u);

/* late.c */
enum imagedev_priority imagedev_flight_priority(const struct unit *u);
/* A read waits for it, maybe too long: looks soon, and again. */
void imagedev_late_watch(struct imagedev *dev, const struct unit *u);
/* Reads that waited too long; when to look again in *due. */
void imagedev_late_wake(struct imagedev *dev, int64_t now, int64_t *due);

/* share.c */
int imagedev_share_join(struct imagedev *dev, struct imagedev_set *set);
/* Leaves to the others what they have room for. */
void imagedev_share_leave(struct imagedev *dev);
/* The bytes that a twin has; NULL: none. */
uint8_t *imagedev_share_stored(const struct unit *u);
/* If a twin has it, so has this unit then; returns whether. */
int imagedev_share_take(struct imagedev *dev, struct unit *u);
/* A twin is on its way, and no less urgent. */
int imagedev_share_awaited(const struct unit *u, enum imagedev_priority priority);
/* To twins: it has come, or is not on its way any more. */
void imagedev_share_tell(const struct unit *u);
/* Frees what is stored, unless a twin has it as well. */
void imagedev_share_free(struct unit *u);

/* offer.c */
void imagedev_part_free(struct imagedev *dev, struct unit *u);
/* The head is here, or nothing of the bundle is wanted any more. */
void imagedev_early_use(struct imagedev *dev);

#endif
