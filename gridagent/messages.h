/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages - what the agent's processes say to each other.
 *
 *	+--------+--------+--------+--------+----------------+-----------+
 *	| magic  | type   | id     | tail   | fixed struct   | tail      |
 *	| u32    | u32    | u32    | u32    | exact size     | `tail` B  |
 *	+--------+--------+--------+--------+----------------+-----------+
 *
 * One message is one packet of a SOCK_SEQPACKET pair; as the header says how
 * long it is, a byte stream (libxenvchan) can carry the same bytes. Main stands
 * in the middle, the others speak with main:
 *
 *	super --> main <--> net | verify | blk | air | tun | scratch | hv
 *	                     blk <--> net, air	bytes of disks, past main
 *
 * On a node net, air and tun run in netdom, a domain of their own: there chan
 * (chan.h) sits at the other end of their sockets.
 *
 * A receiver checks direction, size (equal, not "at least"), number of
 * descriptors, every field by the table in messages.c, then its own policy.
 * Anything else is a broken or hostile peer and ends the connection.
 *
 * Requests carry an id of main's choice; all that answers it carries the same.
 * `*_DONE` is always the last. Strings are printable and NUL terminated.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "errinfo.h"
#include "hash.h"
#include "parse.h"

#define MSG_MAGIC       0x4e534d31u /* "NSM1": version 1 of this file */
#define MSG_NAME_LEN    (PARSE_NAME_MAX + 1)
#define MSG_TEXT_LEN    256
#define MSG_PIN_LEN     64 /* "sha256//" and 44 of Base64 */
#define MSG_PATH_LEN    512
#define MSG_DOC_MAX     65536 /* TRUST_DOC_MAX */
#define MSG_DATA_MAX    32768 /* bytes of one NET_DATA */
#define MSG_CONSOLE_MAX 4096  /* of a dead domain's last words */
#define MSG_FDS_MAX     2     /* kernel, initrd */

#define MSG_DOMUS_MAX      4  /* domUs of one node; one is the rule */
#define MSG_DISKS_MAX      8  /* disks in use: two a domU, while one ends */
#define MSG_CONFIG_MAX     16 /* config entries of one domU */
#define MSG_CONFIG_VAL_LEN 1025
#define MSG_CMDLINE_LEN    513
#define MSG_DEVICES_MAX    8 /* block devices and nics told of */

enum msg_role {
	MSG_SUPER,
	MSG_MAIN,
	MSG_NET,
	MSG_VERIFY,
	MSG_BLK,
	MSG_AIR,
	MSG_TUN,     /* only with netdom */
	MSG_SCRATCH, /* the only one that opens a disk of the PC */
	MSG_HV,
	MSG_CHAN, /* speaks no message, carries them */
	MSG_ROLES
};

enum msg_type {
	MSG_NONE,
	MSG_SUPER_CHILD,    /* super->main: a child started anew */
	MSG_NET_REQUEST,    /* main->net: tail is headers, then body */
	MSG_NET_CANCEL,     /* main->net: forget that request */
	MSG_NET_LINK,       /* main->net: + socket to blk, in place of any */
	MSG_NET_SENT,       /* net->main: it leaves now */
	MSG_NET_DATA,       /* net->main: tail is the reply's bytes */
	MSG_NET_DONE,       /* net->main: the reply ended */
	MSG_VERIFY_READY,   /* verify->main: at its start */
	MSG_VERIFY_DOC,     /* main->verify: tail is a document */
	MSG_VERIFY_BLOB,    /* main->verify: + sealed memfd */
	MSG_VERIFY_IMAGE,   /* main->verify: find an image's manifest */
	MSG_VERIFY_WANT,    /* verify->main: that file is needed for it */
	MSG_VERIFY_FILE,    /* main->verify: + sealed memfd: there it is */
	MSG_VERIFY_ABSENT,  /* main->verify: there is none */
	MSG_VERIFY_SEGMENT, /* verify->main: a document's content */
	MSG_VERIFY_LEASE,
	MSG_VERIFY_DESIRED,
	MSG_VERIFY_DOMU, /* one per domU, before VERIFY_DESIRED */
	MSG_VERIFY_MANIFEST,
	MSG_VERIFY_DONE,  /* verify->main: good or not */
	MSG_BLK_LINK,     /* main->blk: + socket to net, in place of any */
	MSG_BLK_OPEN,     /* main->blk: + sealed memfd: a checked index */
	MSG_BLK_SERVE,    /* main->blk: + stream socket: an NBD client's */
	MSG_BLK_CLOSE,    /* main->blk: no answer */
	MSG_BLK_AIR,      /* main->blk: + socket to air, in place of any */
	MSG_BLK_OFF_AIR,  /* main->blk: wait for the carousel no more */
	MSG_BLK_STATS,    /* blk->main, unasked */
	MSG_BLK_DONE,     /* blk->main: to OPEN and SERVE */
	MSG_GET,          /* blk->net: a range of a blob */
	MSG_GET_CANCEL,   /* blk->net: forget it */
	MSG_GET_DATA,     /* net->blk: tail is the range's next bytes */
	MSG_GET_END,      /* net->blk: that was all, or why not */
	MSG_AIR_LINK,     /* main->air: + socket to blk, in place of any */
	MSG_AIR_JOIN,     /* main->air: that carousel, instead of any other */
	MSG_AIR_WANT,     /* main->air: listen and ask for a blob, anew */
	MSG_AIR_LEAVE,    /* main->air: no more */
	MSG_AIR_IDLE,     /* air->main, unasked: get it elsewhere */
	MSG_OFFER,        /* air->blk: tail is bytes that nobody asked for */
	MSG_OFFER_BAD,    /* blk->air: they were not what they should be */
	MSG_OFFER_HAVE,   /* blk->air: that is here from elsewhere */
	MSG_TUN_HELLO,    /* tun->main: at its start: who netdom is */
	MSG_TUN_WALLS,    /* main->tun: whom netdom may speak with */
	MSG_TUN_PEER,     /* main->tun: the tunnel's other end */
	MSG_TUN_DONE,     /* tun->main: to both */
	MSG_HV_NETDOM,    /* main->hv: see to it that netdom runs */
	MSG_HV_WALLS,     /* main->hv: whom netdom may speak with */
	MSG_HV_FACTS,     /* main->hv: what machine is this? */
	MSG_HV_HOST,      /* main->hv: how much memory is free? */
	MSG_HV_LIST,      /* main->hv: which domains run? */
	MSG_HV_ATTACH,    /* main->hv: + socket: make it a block device, or
			   * give the device of that disk another socket */
	MSG_HV_DETACH,    /* main->hv: end the device */
	MSG_HV_CREATE,    /* main->hv: + kernel, maybe initrd */
	MSG_HV_SHUTDOWN,  /* main->hv: ask it to end */
	MSG_HV_DESTROY,   /* main->hv */
	MSG_HV_SCHED,     /* main->hv: its share of the CPUs */
	MSG_HV_CLOCK,     /* main->hv: set the clock */
	MSG_HV_ALIVE,     /* main->hv: we are; no answer */
	MSG_HV_FACTS_ARE, /* hv->main */
	MSG_HV_HOST_IS,
	MSG_HV_DOMAIN, /* one per domain, before HV_DONE */
	MSG_HV_DEATH,  /* hv->main, unasked: tail is console */
	MSG_HV_DONE,
	MSG_SCRATCH_ASK,     /* main->scratch: how do things stand? */
	MSG_SCRATCH_PREPARE, /* main->scratch: + drivers (sealed memfd) if they
			      * are to be loaded; then close modules */
	MSG_SCRATCH_OPEN,    /* main->scratch: find it, encrypt it anew */
	MSG_SCRATCH_CLOSE,   /* main->scratch: forget the key */
	MSG_SCRATCH_DONE,    /* scratch->main: to each of these */
	MSG_TYPES
};

struct msg_hdr {
	uint32_t magic, type, id, tail;
};
_Static_assert(sizeof(struct msg_hdr) == 16, "wire format");

struct msg_super_child { /* + its socket */
	int32_t role;
};

struct msg_net_link {      /* + socket */
	int32_t repo_port; /* HTTP/2 without TLS; 0: the HTTP port, HTTP/1.1 */
	int32_t zero;
};

enum msg_method { MSG_METHOD_GET, MSG_METHOD_POST, MSG_METHODS };

struct msg_net_request {
	int32_t method;
	int32_t https; /* 0: plain, to the gateway's HTTP port */
	int32_t port;
	int32_t wait_sec;     /* a long poll's; on top of the usual bound */
	uint64_t max;         /* of the reply's body */
	uint32_t headers_len; /* "Name: value\n" lines at the tail's start */
	uint32_t zero;
	char pin[MSG_PIN_LEN]; /* https: of the gateway's key */
	char path[MSG_PATH_LEN];
};

struct msg_net_done {
	int32_t status; /* HTTP; 0: no whole reply */
	int32_t rc;     /* then a negative errno, -EPERM: wrong pin */
	char text[MSG_TEXT_LEN];
};

struct msg_verify_ready {
	int64_t build_ms;
	uint64_t drivers_size; /* of the release's drivers.img; 0: it has none */
	char drivers_sha256[HASH_HEX];
	char release[MSG_NAME_LEN];
	char build_time[CLOCK_ISO];
};

/* What the owner lends (scratch.h). */
#define MSG_GUID_LEN  40 /* 36 characters, NUL, padding */
#define MSG_LABEL_LEN 40
struct msg_scratch_policy {      /* compared byte by byte */
	uint64_t size_mib;       /* at most; 0: all of it */
	char type[MSG_GUID_LEN]; /* "": nothing */
	char label[MSG_LABEL_LEN];
};

struct msg_scratch_done {
	int32_t rc;
	int32_t closed;  /* no module can be loaded any more */
	int32_t drivers; /* those for disks are there */
	int32_t device;  /* minor of the mapped device, -1: it is not open */
	uint64_t size;   /* its bytes */
	char text[ERRINFO_MAX];
};

enum msg_doc { MSG_DOC_SEGMENT, MSG_DOC_LEASE, MSG_DOC_DESIRED, MSG_DOCS };

struct msg_verify_doc {
	int32_t kind;
	int32_t zero;
	int64_t base_unix_ms;    /* signed time of the segment statement, */
	int64_t base_boot_ms;    /* and when it came; 0: none yet */
	uint64_t epoch;          /* desired: must be this one */
	char nonce[HASH_HEX];    /* segment: as asked */
	char boot_id[HASH_HEX];  /* lease: ours */
	char node[MSG_NAME_LEN]; /* desired: ours */
};

/* What the metadata of the repository say of an image, see tuf.h: answered by
 * VERIFY_WANT again and again, each followed by VERIFY_FILE or VERIFY_ABSENT
 * with the same id; then VERIFY_MANIFEST and VERIFY_DONE. */
struct msg_verify_image {
	int64_t base_unix_ms, base_boot_ms; /* as above */
	int32_t floor[3];                   /* as msg_verify_segment has it */
	int32_t zero;
	char image[MSG_NAME_LEN], version[MSG_NAME_LEN];
	char manifest[HASH_HEX]; /* it must have this digest */
};

struct msg_verify_want {
	uint64_t max;
	int32_t may_be_absent;
	int32_t zero;
	char path[MSG_PATH_LEN]; /* below the repository */
};

struct msg_verify_blob { /* + sealed memfd */
	uint64_t size;
	char sha256[HASH_HEX];
};

struct msg_verify_segment {
	int64_t time_ms;
	int32_t https_port;
	int32_t repo_port; /* HTTP/2 without TLS; 0: none */
	int32_t floor[3];  /* root, timestamp, snapshot; 0: any */
	uint32_t carousel; /* its group, IPv4; 0: none */
	int32_t carousel_port;
	uint32_t gateway; /* with its MAC; 0: not said */
	char segment[MSG_NAME_LEN];
	char tls_pin[MSG_PIN_LEN];
	char gateway_mac[PARSE_MAC_STR];
};

#define MSG_KEY_LEN   48 /* 44 of Base64, NUL, padding: an X25519 key */
#define MSG_KEY_CHARS 44

struct msg_verify_lease {
	uint64_t epoch, gen;
	int32_t lease_sec, report_sec;
	int32_t tunnel_port, tunnel_keepalive; /* 0: there is no tunnel */
	char tunnel_key[MSG_KEY_LEN];          /* the gateway's, or "" */
	struct msg_scratch_policy scratch;
	char node[MSG_NAME_LEN];
};

struct msg_verify_desired {
	uint64_t gen;
	int32_t n_domus;
	int32_t zero;
};

struct msg_config {
	char key[MSG_NAME_LEN];
	char value[MSG_CONFIG_VAL_LEN];
};

struct msg_domu {
	int32_t index;
	int32_t memory_mib, vcpus, weight, cap;
	int32_t n_config;
	char id[MSG_NAME_LEN];
	char image[MSG_NAME_LEN], image_version[MSG_NAME_LEN];
	char manifest[HASH_HEX];
	char mac[PARSE_MAC_STR];
	struct msg_config config[MSG_CONFIG_MAX];
};

/* What is fetched whole. */
enum msg_blob_role { MSG_BLOB_KERNEL, MSG_BLOB_INITRD, MSG_BLOB_ROLES };

struct msg_blob {
	uint64_t size; /* 0: there is none of this role */
	char sha256[HASH_HEX];
};

/* A disk is named by its index's digest. */
struct msg_blk_open { /* + sealed memfd */
	uint64_t index_size;
	uint64_t bundle_size, bundle_head; /* 0: there is no bundle */
	uint64_t cache;                    /* bytes it may keep */
	int32_t fill;                      /* fetch all of it, ahead */
	int32_t air; /* the bundle is hoped for from the carousel */
	char disk[HASH_HEX];
	char bundle[HASH_HEX], bundle_head_sha256[HASH_HEX];
};

struct msg_verify_manifest {
	uint64_t disk_stored; /* bytes of all its chunks */
	int32_t memory_min_mib;
	int32_t zero;
	char name[MSG_NAME_LEN], version[MSG_NAME_LEN];
	char cmdline[MSG_CMDLINE_LEN];
	struct msg_blob blob[MSG_BLOB_ROLES];
	struct msg_blk_open disk; /* cache, fill and air: 0 */
};

struct msg_verify_done {
	int32_t rc;           /* 0: good */
	char found[HASH_HEX]; /* blob: its real digest, or "" */
	char text[ERRINFO_MAX];
};

struct msg_blk_disk { /* SERVE: + socket; CLOSE; OFF_AIR */
	char disk[HASH_HEX];
};

struct msg_blk_stats {
	uint64_t chunks, chunks_have;
	uint64_t bundle, bundle_have; /* bytes */
	uint64_t cached, fetched, offered;
	uint64_t requests, bad, retries;
	int64_t waiting_since_ms; /* boot clock: the oldest read; 0: none */
	int32_t clients;          /* NBD connections */
	int32_t zero;
	char disk[HASH_HEX];
};

struct msg_blk_done {
	int32_t rc;
	int32_t zero;
	uint64_t size; /* OPEN: of the disk */
	char text[MSG_TEXT_LEN];
};

enum msg_priority { MSG_DEMAND, MSG_BUNDLE, MSG_FILL, MSG_PRIORITIES };

struct msg_get {
	int32_t priority;
	int32_t zero;
	uint64_t offset, len;
	char sha256[HASH_HEX];
};

struct msg_get_end {
	int32_t rc; /* 0: all bytes came */
	int32_t zero;
};

/* A carousel (carousel.h); addresses in host order. */
struct msg_air_join {
	uint32_t group; /* 0: leave, there is none any more */
	uint32_t sender;
	int32_t port;
	int32_t zero;
};

struct msg_air_want {
	uint64_t size;
	char sha256[HASH_HEX];
};

struct msg_air_blob { /* LEAVE */
	char sha256[HASH_HEX];
};

struct msg_air_idle {
	int32_t rc; /* 0: all of it came; else as carousel_idle_fn has it */
	int32_t zero;
	char sha256[HASH_HEX];
};

struct msg_offer {
	uint64_t offset;
	char sha256[HASH_HEX];
};

struct msg_offer_range { /* BAD, HAVE */
	uint64_t offset, len;
	char sha256[HASH_HEX];
};

struct msg_tun_hello {             /* addresses in host order */
	uint32_t address, gateway; /* as DHCP told netdom; 0: it does not */
	char key[MSG_KEY_LEN];     /* public, made at netdom's boot */
};

/* What a node may use of its gateway, and nobody else (walls.h). Addresses in
 * host order; 0: that there is not. */
struct msg_walls {
	uint32_t address, gateway;
	uint32_t carousel;
	int32_t carousel_port, repo_port, https_port, tunnel_port;
	int32_t zero;
	char gateway_mac[PARSE_MAC_STR];
};

struct msg_tun_done {
	int32_t rc;
	char text[MSG_TEXT_LEN];
};

struct msg_tun_peer {
	uint32_t gateway; /* as the statement says */
	uint32_t zero;
	char key[MSG_KEY_LEN]; /* the gateway's, public */
	int32_t port;
	int32_t keepalive_sec;
};

struct msg_hv_attach { /* + stream socket */
	uint64_t size;
	char disk[HASH_HEX];
};

struct msg_hv_detach {
	int32_t device;
	int32_t zero;
	char disk[HASH_HEX];
};

/* What a domain was made from, as its uuid: an agent that starts anew sees
 * by it whether a domain that runs is still the one that is wanted. */
#define MSG_TAG_LEN 33

struct msg_hv_create { /* + kernel, and initrd if has_initrd */
	struct msg_domu domu;
	int32_t has_initrd;
	int32_t device;      /* xvda: what ATTACH gave, */
	char disk[HASH_HEX]; /* and whose it is */
	int32_t scratch;     /* xvdb: as SCRATCH_DONE has it; -1: none */
	char tag[MSG_TAG_LEN];
	char cmdline[MSG_CMDLINE_LEN];
};

struct msg_hv_domid { /* SHUTDOWN, DESTROY: both must agree */
	int32_t domid;
	char id[MSG_NAME_LEN];
};

struct msg_hv_sched {
	int32_t domid;
	int32_t weight, cap;
	char id[MSG_NAME_LEN];
};

struct msg_hv_clock {
	int64_t unix_ms;
};

struct msg_hv_facts {
	uint64_t memory_mib, free_mib;
	int32_t cpus;
	int32_t hvm, hap, iommu;
	int32_t uefi;
	int32_t n_block, n_nics;
	char mac[PARSE_MAC_STR]; /* of the NIC that booted */
	char xen_version[MSG_NAME_LEN];
	char xen_cmdline[1024], dom0_cmdline[1024];
	char cpu_model[128], product[128];
	char block[MSG_DEVICES_MAX][32];
	char nics[MSG_DEVICES_MAX][64];
};

struct msg_hv_host {
	uint64_t free_mib;      /* Xen's, for domUs */
	uint64_t dom0_free_mib; /* dom0's, for images */
};

struct msg_hv_domain {
	int32_t domid;
	int32_t dead; /* ended or ending */
	int32_t pv;   /* else PVH */
	char id[MSG_NAME_LEN];
	char tag[MSG_TAG_LEN];
};

enum msg_death {
	MSG_DEATH_POWEROFF,
	MSG_DEATH_REBOOT,
	MSG_DEATH_CRASH,
	MSG_DEATH_OTHER,
	MSG_DEATHS
};

struct msg_hv_death {
	int32_t domid;
	int32_t reason;
	char id[MSG_NAME_LEN];
};

struct msg_hv_done {
	int32_t rc;
	int32_t domid;  /* CREATE: the new domain's, */
	int32_t pv;     /* and whether it is PV, not PVH */
	int32_t device; /* ATTACH: number of the block device */
	char text[ERRINFO_MAX];
};

/* A received message; pointers into the receiver's buffer. */
struct msg {
	enum msg_type type;
	uint32_t id;
	const void *body; /* the type's struct, aligned */
	const uint8_t *tail;
	size_t tail_len;
	int fds[MSG_FDS_MAX]; /* the receiver closes what it does not keep */
	int n_fds;
};

/* The longest packet. */
#define MSG_BODY_MAX sizeof(struct msg_hv_create)
#define MSG_MAX      (sizeof(struct msg_hdr) + MSG_BODY_MAX + MSG_DOC_MAX)

const char *msg_type_name(unsigned int type); /* "?" if unknown */
const char *msg_role_name(unsigned int role);
size_t msg_body_size(enum msg_type type);

/*
 * Checks one packet of len bytes with n_fds descriptors that `from` sent to
 * `to`, and fills out (its fds are not touched). 0 or -EPROTO, the text says
 * what is wrong.
 */
int msg_decode(enum msg_role from, enum msg_role to, const void *data,
	       size_t len, int n_fds, struct msg *out, struct errinfo *err);

#endif
