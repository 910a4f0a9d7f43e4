/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core - what the main process knows and decides.
 *
 * Level-triggered: whatever happens only changes a state and calls core_kick();
 * core_step() then looks at everything there is and does what is next. Each
 * X_step() returns when it wants to be called again (boot clock, ms).
 *
 *	node	who we are to the gateway: statement, lease, desired, reports
 *	image	manifest -> blobs -> ready, or refused
 *	blob	bytes in a memfd, sealed, then checked by the verify process
 *	disk	an image's disk: opened by blk, a block device by hv
 *	netdom	the domain that net, air and tun run in
 *	tunnel	netdom's walls, and what domUs' packets leave by
 *	scratch	the partition that the owner lends, and modules' closing
 *	air	bundles from the segment's carousel
 *	domu	desired against actual
 */
#ifndef CORE_H
#define CORE_H

#include <stdint.h>

#include "agent.h"
#include "buf.h"
#include "ipc.h"
#include "loop.h"
#include "reconcile.h"
#include "trust.h"

#define NEVER INT64_MAX

struct core;

/* ---- calls: a request to another process, and its answers -------------- */

#define CALLS_MAX 32

/* m is NULL if the process died; the call is over then, and after *_DONE. */
typedef void (*call_fn)(struct core *c, void *arg, const struct msg *m);

struct call {
	uint32_t id; /* 0: free */
	enum msg_role role;
	call_fn fn;
	void *arg;
};

/* Returns the call's id; 0: it could not be sent, fn will not be called. */
uint32_t call_send(struct core *c, enum msg_role role, enum msg_type type,
		   const void *body, const void *tail, size_t tail_len,
		   const int *fds, int n_fds, call_fn fn, void *arg);
void call_forget(struct core *c, uint32_t id);
void calls_dispatch(struct core *c, enum msg_role role, const struct msg *m);
void calls_fail(struct core *c, enum msg_role role);

/* ---- HTTP -------------------------------------------------------------- */

#define HTTP_MAX 8

struct http_reply {
	int status; /* 0: there was none, rc and text say why */
	int rc;
	char text[MSG_TEXT_LEN];
	const char *data; /* NULL if a sink took it */
	size_t len;
};

typedef void (*http_fn)(struct core *c, void *arg, const struct http_reply *r);
/* Takes bytes as they come; non-zero: enough. */
typedef int (*http_sink)(struct core *c, void *arg, const void *data, size_t len);

struct http_req {
	struct core *core;
	int used, is_signed, is_enrol, sent;
	uint32_t call;
	struct buf body;
	http_sink sink;
	http_fn fn;
	void *arg;
	enum msg_method method;
	struct msg_net_request q;
	struct buf payload; /* of a signed one that waits its turn */
};

/* All return NULL if there is no room: try again later. */
struct http_req *http_get(struct core *c, const char *path, uint64_t max,
			  http_sink sink, http_fn fn, void *arg);
/* Signed for the lease's node and epoch; while there is none, for the MAC and
 * epoch 0. body: copied. */
struct http_req *http_signed(struct core *c, enum msg_method method,
			     const char *path, const void *body, size_t len,
			     int wait_sec, http_fn fn, void *arg);
void http_cancel(struct http_req *r); /* NULL is fine */
void http_cancel_signed(struct core *c);
void http_step(struct core *c);

/* ---- node -------------------------------------------------------------- */

enum node_state { NODE_SEGMENT, NODE_ENROL, NODE_LEASED, NODE_FENCED };

struct node {
	enum node_state state;
	int busy; /* a request or check of this state is out */
	unsigned int fails;
	int64_t retry_at;
	char nonce[HASH_HEX];
	struct msg_verify_segment segment;
	int64_t time_boot_ms; /* when segment.time_ms was true */
	struct msg_verify_lease lease;
	int64_t lease_at; /* last renewed */
	int lease_lost;   /* said so */
	int have_desired, desired_busy;
	unsigned int desired_fails;
	int64_t desired_at, desired_asked;
	int poll_now; /* do not wait for a change */
	uint64_t gen;
	struct msg_domu incoming[MSG_DOMUS_MAX];
	int n_incoming;
	int dirty, report_busy; /* dirty: something to tell */
	unsigned int report_fails;
	int64_t report_at;
	int denied; /* 401 in a row */
	int64_t fenced_at;
	char error[ERRINFO_MAX];
};

int64_t node_step(struct core *c, int64_t now);
void node_new_key(struct core *c); /* of the tunnel: the gateway must know */
const char *node_state_name(enum node_state s);

/* ---- blobs ------------------------------------------------------------- */

/* Kernel, initrd and index of each image. */
#define BLOBS_MAX (MSG_DOMUS_MAX * 3 * 2 + 1) /* and the drivers */

enum blob_state { BLOB_FETCHING, BLOB_VERIFYING, BLOB_READY, BLOB_REFUSED };

struct blob {
	int refs; /* 0: free */
	enum blob_state state;
	char sha256[HASH_HEX];
	char found[HASH_HEX]; /* what came instead */
	uint64_t size, done;
	int fd;
	char path[96];      /* at the gateway */
	int tries;          /* bad transfers */
	unsigned int fails; /* transfers that did not come about */
	int64_t retry_at;
	struct http_req *req;
	uint32_t call;
	char error[ERRINFO_MAX];
};

/* NULL: no room. Same digest: the same blob. */
struct blob *blob_get(struct core *c, const char *sha256, uint64_t size);
/* One that is no blob of the repository. */
struct blob *blob_get_at(struct core *c, const char *path, const char *sha256,
			 uint64_t size);
void blob_put(struct core *c, struct blob *b); /* NULL is fine */
int64_t blobs_step(struct core *c, int64_t now);

/* ---- disks ------------------------------------------------------------- */

enum disk_state {
	DISK_INDEX,     /* being fetched and checked */
	DISK_OPENING,   /* blk was asked, or is away */
	DISK_FILLING,   /* where it is wanted whole: not all is here */
	DISK_ATTACHING, /* blk serves a socket, hv makes a device of it */
	DISK_READY,
	DISK_REFUSED,
};

struct disk {
	int refs; /* 0: free */
	enum disk_state state;
	struct msg_blk_open q; /* named by q.disk, its index's digest */
	uint64_t stored;       /* bytes of all its chunks */
	struct blob *index;
	uint64_t size;
	int attached, device; /* hv knows it, under this number */
	int air;              /* its bundle is listened for */
	uint32_t call;
	unsigned int fails;
	int64_t retry_at;
	struct msg_blk_stats stats;
	char error[ERRINFO_MAX];
};

/* facts: all but `cache` and `fill`, which are of the first who asks. NULL: no
 * room. Same index: the same disk. fill: it is ready only once it is whole. */
struct disk *disk_get(struct core *c, const struct msg_blk_open *facts,
		      uint64_t stored);
void disk_put(struct core *c, struct disk *d); /* NULL is fine */
/* Of what it starts from: what is here, and all of it. */
void disk_progress(const struct disk *d, uint64_t *done, uint64_t *total);
void disk_stats(struct core *c, const struct msg_blk_stats *s);
/* blk or net came, or blk went. */
void disks_link(struct core *c);
void disks_lost(struct core *c);
int64_t disks_step(struct core *c, int64_t now);

/* ---- the carousel ------------------------------------------------------- */

/* air or blk came; air came, or there is another segment statement. */
void air_link(struct core *c);
void air_join(struct core *c);
/* air came: the bundles that are not whole are listened for again. */
void air_resume(struct core *c);
void air_lost(struct core *c);
/* May a bundle be hoped for? */
int air_expected(const struct core *c, const struct disk *d);
void air_want(struct core *c, struct disk *d);
void air_leave(struct core *c, struct disk *d);
void air_idle(struct core *c, const struct msg_air_idle *m);

/* ---- manifests --------------------------------------------------------- */

/* rc 0: s->found is it; -EAGAIN: something was not to be had, ask again;
 * else: refused. The search is over. */
typedef void (*manifest_fn)(struct core *c, void *arg, int rc, const char *text);

struct manifest {
	struct http_req *req;
	uint32_t call; /* 0: none is being looked for */
	struct msg_verify_want want;
	struct msg_verify_manifest found;
	int have;
	manifest_fn fn;
	void *arg;
};

/* 0; -EAGAIN: not now, fn will not be called. */
int manifest_get(struct core *c, struct manifest *s, const char *image,
		 const char *version, const char *digest, manifest_fn fn,
		 void *arg);
void manifest_cancel(struct core *c, struct manifest *s);

/* ---- images ------------------------------------------------------------ */

#define IMAGES_MAX (MSG_DOMUS_MAX * 2)

enum image_state {
	IMAGE_MANIFEST, /* being fetched and checked */
	IMAGE_ROOM,     /* is there memory for it? */
	IMAGE_FETCHING,
	IMAGE_VERIFYING,
	IMAGE_READY,
	IMAGE_REFUSED,
};

struct image {
	int used;
	enum image_state state;
	enum image_need need; /* set in each step */
	char manifest[HASH_HEX];
	char name[MSG_NAME_LEN], version[MSG_NAME_LEN]; /* as desired says */
	struct manifest search;
	struct msg_verify_manifest m;
	int have_m;
	struct blob *blob[MSG_BLOB_ROLES];
	struct disk *disk;
	uint64_t cache; /* bytes that its disk may keep */
	uint32_t call;
	unsigned int fails;
	int64_t retry_at;
	char error[ERRINFO_MAX]; /* of REFUSED, or of the last try */
};

struct image *image_find(struct core *c, const char *manifest);
/* Finds or begins it. NULL: no room. */
struct image *image_want(struct core *c, const struct msg_domu *domu);
void image_progress(const struct image *im, uint64_t *done, uint64_t *total);
int64_t images_step(struct core *c, int64_t now);
/* Desired has changed: what was refused gets another chance. */
void images_retry(struct core *c);

/* ---- domUs ------------------------------------------------------------- */

#define DOMUS_MAX (MSG_DOMUS_MAX * 2) /* the old ones end meanwhile */

struct domu {
	int used, desired;
	struct msg_domu want;
	char tag[MSG_TAG_LEN];       /* of want */
	char run_tag[MSG_TAG_LEN];   /* of what runs, */
	char run_manifest[HASH_HEX]; /* and its image: "" if not known */
	enum domu_state state;
	enum domu_actual actual;
	int domid, pv;
	int busy;                /* hv was asked something */
	int run_weight, run_cap; /* as hv was told last; 0: unknown */
	int64_t since_ms;        /* Unix time of the last change */
	int64_t born_at, retry_at, stop_at;
	unsigned int fails;
	char error[ERRINFO_MAX];
};

/* What domains are made from has changed: those that differ start anew. */
void domus_retag(struct core *c);
void domus_desired(struct core *c, const struct msg_domu *list, int n);
void domus_found(struct core *c, const struct msg_hv_domain *m);
void domus_died(struct core *c, const struct msg *m);
int64_t domus_step(struct core *c, int64_t now);
/* How Xen runs it, once it does. */
const char *domu_type(const struct domu *d);
/* Fencing: asks for the end of all. Returns how many are left. */
int domus_destroy_all(struct core *c);

/* ---- netdom ------------------------------------------------------------- */

struct netdom {
	int busy, domid; /* domid 0: it does not run */
	int up;          /* it has a network, and said so: */
	struct msg_tun_hello hello;
	unsigned int fails;
	int64_t retry_at, wait_until;
};

/* Or there is none, and net runs here. */
int netdom_is_up(const struct core *c);
int64_t netdom_step(struct core *c, int64_t now);
void netdom_hello(struct core *c, const struct msg_tun_hello *m);
void netdom_silent(struct core *c); /* tun is gone */
void netdom_died(struct core *c);

/* ---- walls and tunnel --------------------------------------------------- */

struct tunnel_part {
	const char *name; /* for people */
	int busy, is_loaded;
	unsigned int fails;
	int64_t retry_at;
	uint8_t sent[sizeof(struct msg_tun_peer) > sizeof(struct msg_walls)
			     ? sizeof(struct msg_tun_peer)
			     : sizeof(struct msg_walls)];
};

struct tunnel {
	struct tunnel_part dom0, netdom, peer;
	int complained;
};

/* Netdom reaches nobody but the gateway: domUs may start. */
int tunnel_is_closed(const struct core *c);
int64_t tunnel_step(struct core *c, int64_t now);
/* netdom, or the part of us in it, is another now. */
void tunnel_forget(struct core *c, int is_new_domain);

/* ---- scratch ------------------------------------------------------------- */

/* In this order, see scratch.c. */
enum scratch_state {
	SCRATCH_UNKNOWN,
	SCRATCH_DRIVERS,
	SCRATCH_NONE,
	SCRATCH_REFUSED,
	SCRATCH_READY,
	SCRATCH_OPEN,
};

struct scratch {
	enum scratch_state state;
	struct msg_scratch_policy policy; /* of this boot */
	int have_policy, withdrawn;
	struct blob *drivers;
	int device;              /* OPEN: minor of the mapped one, */
	uint64_t size;           /* and its bytes */
	const struct domu *user; /* whose it is; NULL: anybody's */
	int taken;               /* the domU was created with it */
	uint32_t call;
	enum msg_type asked;
	int64_t retry_at, deadline;
	char failed[ERRINFO_MAX]; /* why there will be no drivers */
	char error[ERRINFO_MAX];
};

int64_t scratch_step(struct core *c, int64_t now);
/* No module can be loaded any more: domUs may start. */
int scratch_is_settled(const struct core *c);
/* What a domU that is to be created gets: 0 and *device, -1 for none; -EAGAIN:
 * wait. scratch_taken(): it was created with it. */
int scratch_for(struct core *c, const struct domu *d, int *device);
void scratch_taken(struct core *c);
int scratch_is_open(const struct core *c); /* or being opened or closed */
/* What of it a domain is made from. */
void scratch_tag(const struct core *c, struct buf *b);
const char *scratch_state_name(const struct scratch *s);

/* ---- boot -------------------------------------------------------------- */

/* This boot's identity, in a file that only root reads (boot.c). */
struct boot {
	char id[HASH_HEX];
	struct trust_key key;
};

int boot_load(const char *dir, struct boot *boot, struct errinfo *err);

/* ---- report ------------------------------------------------------------ */

void report_enrol(struct core *c, struct buf *b);
void report_state(struct core *c, struct buf *b);
/* NODE_STATE of docs/protocol.md, by all domUs and images. */
const char *report_node_state(struct core *c, const char **error);

/* ---- all of it --------------------------------------------------------- */

struct peer {
	struct core *core;
	enum msg_role role;
	struct ipc *ipc; /* NULL: dead */
	struct loop_fd *watch;
};

struct core {
	const struct options *o;
	struct loop *loop;
	struct loop_timer *timer, *alive;
	int kicked;
	struct peer peers[MSG_ROLES];
	struct call calls[CALLS_MAX];
	uint32_t last_id;
	uint64_t last_seq;
	struct http_req http[HTTP_MAX];
	struct boot boot;
	struct msg_verify_ready build;
	struct msg_hv_facts facts;
	struct msg_hv_host host;
	int64_t progress_at; /* when progress is told next */
	int have_build, have_facts, have_list;
	struct node node;
	struct netdom netdom;
	struct tunnel tunnel;
	struct scratch scratch;
	struct blob blobs[BLOBS_MAX];
	struct disk disks[MSG_DISKS_MAX];
	struct image images[IMAGES_MAX];
	struct domu domus[DOMUS_MAX];
};

void core_kick(struct core *c);     /* step soon */
void core_changed(struct core *c);  /* and tell the gateway */
void core_progress(struct core *c); /* the same, but not too often */
void core_exit(struct core *c, int status);
int core_send(struct core *c, enum msg_role role, enum msg_type type,
	      uint32_t id, const void *body, const void *tail, size_t tail_len,
	      const int *fds, int n_fds);
/* Has nothing to do with it any more; it is started anew. */
void core_drop(struct core *c, enum msg_role role);
/* The segment's gateway, in host order; 0: not known. */
uint32_t core_gateway(const struct core *c);
/* "nightshift: MARK ..." on the console, for people and tests. */
void core_mark(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* base * 2^fails, at most max, less up to half of it by chance: a segment's
 * PCs must not come in step. */
int64_t core_backoff(unsigned int fails, int64_t base_ms, int64_t max_ms);

#endif
