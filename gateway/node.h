/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - what the gateway knows of one PC. What is here is stored after each
 * change (store.h), except where it says otherwise.
 */
#ifndef NODE_H
#define NODE_H

#include <stdint.h>

#include <jansson.h>

#include "config.h"
#include "hash.h"
#include "trust.h"
#include "wg.h"

struct httpd_req;
struct loop_timer;
struct gateway;

/* In the order of a night (docs/protocol.md section 3). */
enum node_state {
	NODE_UNKNOWN,
	NODE_LOCAL,
	NODE_ASKED,
	NODE_DOM0,
	NODE_ENROLLED,
	NODE_FETCHING,
	NODE_VERIFIED,
	NODE_RUNNING,
	NODE_REFUSED,
	NODE_FAILED,
	NODE_LOST,
};

/* The states whose first time in a boot is kept: ASKED to RUNNING. */
#define NODE_STEPS     (NODE_RUNNING - NODE_ASKED + 1)
#define NODE_ERROR_MAX 512
#define NODE_FIRMWARE  8

enum node_override {
	NODE_AS_CONFIGURED,
	NODE_BOOT_LOCAL, /* the owner's word, until it is taken back */
	NODE_BOOT_GRID,
	NODE_ONCE_LOCAL, /* for the next boot only */
	NODE_ONCE_GRID,
};

struct node {
	const struct config_node *conf; /* not stored */

	enum node_state state;
	int64_t since_ms, seen_ms;
	int64_t steps_ms[NODE_STEPS];
	char error[NODE_ERROR_MAX];
	char firmware[NODE_FIRMWARE];

	/* The boot that has the right to act for this node. */
	int64_t epoch;
	char boot_id[HASH_HEX]; /* "": none */
	uint8_t key[TRUST_PUBLIC_LEN];
	int64_t seq; /* the highest taken (request_take_seq) */
	int has_tunnel_key;
	uint8_t tunnel_key[WG_KEY_LEN]; /* public, of the same boot */

	/* As the node said last, cleaned by wire.h; NULL: nothing yet. */
	json_t *host, *image, *domus;
	json_t *scratch; /* as reported last; not stored */

	/* What it should run. */
	int64_t gen;
	json_t *wanted; /* array, never NULL */

	enum node_override override;
	int64_t once_used_ms; /* when a one-shot was first served, or 0 */
	int granted_once;     /* this boot is on the grid by a one-shot */

	/* Not stored. */
	uint64_t seq_seen; /* after a restart: all up to seq, see node_new */
	int64_t alive_ms;  /* clock_boot_ms() of its last sign of life */
	struct httpd_req *held; /* its long poll */
	struct loop_timer *hold_timer;
	struct gateway *gw;            /* for that timer */
	char domu_image[CONFIG_IMAGE]; /* assigned to it: "NAME/CHANNEL" or "" */
	int is_enrolled;               /* walls.c: whether the rules have it */
	int is_open;                   /* and its domU, as which */
	char open_image[CONFIG_IMAGE];
	int has_peer; /* tunnel.c: what the interface has of it */
	uint8_t peer_key[WG_KEY_LEN];
	int64_t handshake_ms; /* Unix time of the last one, 0: none */
	uint64_t rx_bytes, tx_bytes;
	uint64_t dropped; /* walls.c: its packets and its domU's, since loaded */
};

struct node *node_new(const struct config_node *conf);
void node_free(struct node *n); /* held must be answered before */

const char *node_state_name(enum node_state state);
/* -1 if it is none. */
int node_state_parse(const char *name);

/* Enrolled and in its lease, whatever it is doing. */
int node_is_up(const struct node *n);
/* What the owner wants of this PC's next boot. */
enum boot_choice node_choice(const struct node *n);
/* Whether the boot under way may be on the grid. */
int node_is_allowed(const struct node *n);

/* Notes the time a state was first reached in this boot. */
void node_step(struct node *n, enum node_state state, int64_t now_ms);
/* A new boot begins: nothing of the older one is true any more. */
void node_forget_boot(struct node *n);
/* A node's key and right to act end, its epoch stays. */
void node_forget_key(struct node *n);

/* The form of docs/protocol.md section 4; new reference. */
json_t *node_to_json(const struct node *n, const char *segment);

#endif
