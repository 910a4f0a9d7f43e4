/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages - the tables that every received message is checked against.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "messages.h"

enum field_kind {
	FIELD_TEXT,  /* terminated, printable */
	FIELD_NAME,  /* a NAME of ours */
	FIELD_NAME0, /* or empty */
	FIELD_HEX,   /* 64 hex digits */
	FIELD_HEX0,  /* or empty */
	FIELD_TAG,   /* 32 hex digits */
	FIELD_MAC,
	FIELD_KEY,  /* 44 of Base64 */
	FIELD_KEY0, /* or empty */
	FIELD_I32,
	FIELD_I64,
};

struct field {
	enum field_kind kind;
	size_t off, size;     /* of one element */
	size_t count, stride; /* elements, and from one to the next */
	int64_t min, max;
	const char *name;
};

#define MEMBER_SIZE(s, m) sizeof(((struct s *)0)->m)
#define STRING(s, m, k)                                                       \
	{                                                                     \
		FIELD_##k, offsetof(struct s, m), MEMBER_SIZE(s, m), 1, 0, 0, \
			0, #m                                                 \
	}
/* each member m of the elements of array a */
#define STRINGS(s, a, m, k)                                                    \
	{                                                                      \
		FIELD_##k, offsetof(struct s, a[0].m), MEMBER_SIZE(s, a[0].m), \
			MEMBER_SIZE(s, a) / MEMBER_SIZE(s, a[0]),              \
			MEMBER_SIZE(s, a[0]), 0, 0, #a "." #m                  \
	}
#define TEXTS(s, a)                                                      \
	{                                                                \
		FIELD_TEXT, offsetof(struct s, a), MEMBER_SIZE(s, a[0]), \
			MEMBER_SIZE(s, a) / MEMBER_SIZE(s, a[0]),        \
			MEMBER_SIZE(s, a[0]), 0, 0, #a                   \
	}
#define RANGE(s, m, lo, hi)                                                   \
	{                                                                     \
		MEMBER_SIZE(s, m) == 4 ? FIELD_I32 : FIELD_I64,               \
			offsetof(struct s, m), MEMBER_SIZE(s, m), 1, 0, (lo), \
			(hi), #m                                              \
	}
#define END                  \
	{                    \
		.name = NULL \
	}

#define PORT_MAX    65535
#define ERRNO_LOW   -4095
#define TIME_MAX    INT64_C(253402300799000) /* the year 9999 */
#define WAIT_MAX    60
#define SIZE_LIMIT  (INT64_C(1) << 40)
#define DRIVERS_MAX (INT64_C(64) << 20)
#define MINOR_MAX   255
#define DOMID_MAX   0x7fef /* DOMID_FIRST_RESERVED - 1 */

static const struct field super_child[] = {
	RANGE(msg_super_child, role, MSG_NET, MSG_SCRATCH),
	END,
};

static const struct field net_request[] = {
	RANGE(msg_net_request, method, 0, MSG_METHODS - 1),
	RANGE(msg_net_request, https, 0, 1),
	RANGE(msg_net_request, port, 1, PORT_MAX),
	RANGE(msg_net_request, wait_sec, 0, WAIT_MAX),
	RANGE(msg_net_request, max, 1, SIZE_LIMIT),
	RANGE(msg_net_request, zero, 0, 0),
	STRING(msg_net_request, pin, TEXT),
	STRING(msg_net_request, path, TEXT),
	END,
};

static const struct field net_done[] = {
	RANGE(msg_net_done, status, 0, 999),
	RANGE(msg_net_done, rc, ERRNO_LOW, 0),
	STRING(msg_net_done, text, TEXT),
	END,
};

static const struct field net_link[] = {
	RANGE(msg_net_link, repo_port, 0, PORT_MAX),
	RANGE(msg_net_link, zero, 0, 0),
	END,
};

static const struct field verify_ready[] = {
	RANGE(msg_verify_ready, build_ms, 0, TIME_MAX),
	RANGE(msg_verify_ready, drivers_size, 0, DRIVERS_MAX),
	STRING(msg_verify_ready, drivers_sha256, HEX0),
	STRING(msg_verify_ready, release, NAME),
	STRING(msg_verify_ready, build_time, TEXT),
	END,
};

static const struct field verify_doc[] = {
	RANGE(msg_verify_doc, kind, 0, MSG_DOCS - 1),
	RANGE(msg_verify_doc, zero, 0, 0),
	RANGE(msg_verify_doc, base_unix_ms, 0, TIME_MAX),
	RANGE(msg_verify_doc, base_boot_ms, 0, TIME_MAX),
	RANGE(msg_verify_doc, epoch, 0, INT64_MAX),
	STRING(msg_verify_doc, nonce, HEX0),
	STRING(msg_verify_doc, boot_id, HEX0),
	STRING(msg_verify_doc, node, NAME0),
	END,
};

static const struct field verify_blob[] = {
	RANGE(msg_verify_blob, size, 1, SIZE_LIMIT),
	STRING(msg_verify_blob, sha256, HEX),
	END,
};

static const struct field verify_segment[] = {
	RANGE(msg_verify_segment, time_ms, 1, TIME_MAX),
	RANGE(msg_verify_segment, https_port, 1, PORT_MAX),
	RANGE(msg_verify_segment, repo_port, 0, PORT_MAX),
	RANGE(msg_verify_segment, floor[0], 0, INT32_MAX),
	RANGE(msg_verify_segment, floor[1], 0, INT32_MAX),
	RANGE(msg_verify_segment, floor[2], 0, INT32_MAX),
	RANGE(msg_verify_segment, carousel_port, 0, PORT_MAX),
	STRING(msg_verify_segment, segment, NAME),
	STRING(msg_verify_segment, tls_pin, TEXT),
	STRING(msg_verify_segment, gateway_mac, MAC),
	END,
};

#define SCRATCH_FIELDS(s, m)                                          \
	RANGE(s, m size_mib, 0, SIZE_LIMIT), STRING(s, m type, TEXT), \
		STRING(s, m label, TEXT)

static const struct field scratch_open[] = {
	SCRATCH_FIELDS(msg_scratch_policy, ),
	END,
};

static const struct field scratch_done[] = {
	RANGE(msg_scratch_done, rc, ERRNO_LOW, 0),
	RANGE(msg_scratch_done, closed, 0, 1),
	RANGE(msg_scratch_done, drivers, 0, 1),
	RANGE(msg_scratch_done, device, -1, MINOR_MAX),
	RANGE(msg_scratch_done, size, 0, INT64_MAX),
	STRING(msg_scratch_done, text, TEXT),
	END,
};

#define SECONDS_MAX 86400
static const struct field verify_lease[] = {
	RANGE(msg_verify_lease, epoch, 1, INT64_MAX),
	RANGE(msg_verify_lease, gen, 0, INT64_MAX),
	RANGE(msg_verify_lease, lease_sec, 1, SECONDS_MAX),
	RANGE(msg_verify_lease, report_sec, 1, SECONDS_MAX),
	RANGE(msg_verify_lease, tunnel_port, 0, PORT_MAX),
	RANGE(msg_verify_lease, tunnel_keepalive, 0, PORT_MAX),
	STRING(msg_verify_lease, tunnel_key, KEY0),
	SCRATCH_FIELDS(msg_verify_lease, scratch.),
	STRING(msg_verify_lease, node, NAME),
	END,
};

static const struct field verify_desired[] = {
	RANGE(msg_verify_desired, gen, 0, INT64_MAX),
	RANGE(msg_verify_desired, n_domus, 0, MSG_DOMUS_MAX),
	RANGE(msg_verify_desired, zero, 0, 0),
	END,
};

#define MEMORY_MAX_MIB 1048576
#define DOMU_FIELDS(s, m)                                                     \
	RANGE(s, m index, 0, MSG_DOMUS_MAX - 1),                              \
		RANGE(s, m memory_mib, 1, MEMORY_MAX_MIB),                    \
		RANGE(s, m vcpus, 1, 128), RANGE(s, m weight, 1, 65535),      \
		RANGE(s, m cap, 0, 12800),                                    \
		RANGE(s, m n_config, 0, MSG_CONFIG_MAX),                      \
		STRING(s, m id, NAME), STRING(s, m image, NAME),              \
		STRING(s, m image_version, NAME), STRING(s, m manifest, HEX), \
		STRING(s, m mac, MAC), STRINGS(s, m config, key, NAME0),      \
		STRINGS(s, m config, value, TEXT)

static const struct field domu[] = { DOMU_FIELDS(msg_domu, ), END };

#define DISK_MAX   (INT64_C(64) << 30) /* IMAGE_DISK_MAX */
#define INDEX_MAX  (INT64_C(64) << 20)
#define BUNDLE_MAX (INT64_C(1) << 30)
#define RANGE_MAX  (INT64_C(1) << 30)
#define DEVICE_MAX 255

#define OPEN_FIELDS(s, m)                                                 \
	RANGE(s, m index_size, 1, INDEX_MAX),                             \
		RANGE(s, m bundle_size, 0, BUNDLE_MAX),                   \
		RANGE(s, m bundle_head, 0, BUNDLE_MAX),                   \
		RANGE(s, m cache, 0, SIZE_LIMIT), RANGE(s, m fill, 0, 1), \
		RANGE(s, m air, 0, 1), STRING(s, m disk, HEX),            \
		STRING(s, m bundle, HEX0),                                \
		STRING(s, m bundle_head_sha256, HEX0)

static const struct field blk_open[] = { OPEN_FIELDS(msg_blk_open, ), END };

static const struct field verify_image[] = {
	RANGE(msg_verify_image, base_unix_ms, 0, TIME_MAX),
	RANGE(msg_verify_image, base_boot_ms, 0, TIME_MAX),
	RANGE(msg_verify_image, floor[0], 0, INT32_MAX),
	RANGE(msg_verify_image, floor[1], 0, INT32_MAX),
	RANGE(msg_verify_image, floor[2], 0, INT32_MAX),
	RANGE(msg_verify_image, zero, 0, 0),
	STRING(msg_verify_image, image, NAME),
	STRING(msg_verify_image, version, NAME),
	STRING(msg_verify_image, manifest, HEX),
	END,
};

static const struct field verify_want[] = {
	RANGE(msg_verify_want, max, 1, INDEX_MAX),
	RANGE(msg_verify_want, may_be_absent, 0, 1),
	RANGE(msg_verify_want, zero, 0, 0),
	STRING(msg_verify_want, path, TEXT),
	END,
};

static const struct field verify_manifest[] = {
	RANGE(msg_verify_manifest, disk_stored, 0, SIZE_LIMIT),
	RANGE(msg_verify_manifest, memory_min_mib, 0, MEMORY_MAX_MIB),
	RANGE(msg_verify_manifest, zero, 0, 0),
	RANGE(msg_verify_manifest, blob[MSG_BLOB_KERNEL].size, 1, SIZE_LIMIT),
	RANGE(msg_verify_manifest, blob[MSG_BLOB_INITRD].size, 0, SIZE_LIMIT),
	STRING(msg_verify_manifest, name, NAME),
	STRING(msg_verify_manifest, version, NAME),
	STRING(msg_verify_manifest, cmdline, TEXT),
	STRINGS(msg_verify_manifest, blob, sha256, HEX0),
	OPEN_FIELDS(msg_verify_manifest, disk.),
	END,
};

static const struct field verify_done[] = {
	RANGE(msg_verify_done, rc, ERRNO_LOW, 0),
	STRING(msg_verify_done, found, HEX0),
	STRING(msg_verify_done, text, TEXT),
	END,
};

static const struct field blk_disk[] = {
	STRING(msg_blk_disk, disk, HEX),
	END,
};

static const struct field blk_stats[] = {
	RANGE(msg_blk_stats, chunks, 0, UINT32_MAX),
	RANGE(msg_blk_stats, chunks_have, 0, UINT32_MAX),
	RANGE(msg_blk_stats, bundle, 0, BUNDLE_MAX),
	RANGE(msg_blk_stats, bundle_have, 0, BUNDLE_MAX),
	RANGE(msg_blk_stats, waiting_since_ms, 0, TIME_MAX),
	RANGE(msg_blk_stats, clients, 0, 64),
	RANGE(msg_blk_stats, zero, 0, 0),
	STRING(msg_blk_stats, disk, HEX),
	END,
};

static const struct field blk_done[] = {
	RANGE(msg_blk_done, rc, ERRNO_LOW, 0),
	RANGE(msg_blk_done, zero, 0, 0),
	RANGE(msg_blk_done, size, 0, DISK_MAX),
	STRING(msg_blk_done, text, TEXT),
	END,
};

static const struct field get[] = {
	RANGE(msg_get, priority, 0, MSG_PRIORITIES - 1),
	RANGE(msg_get, zero, 0, 0),
	RANGE(msg_get, offset, 0, SIZE_LIMIT),
	RANGE(msg_get, len, 1, RANGE_MAX),
	STRING(msg_get, sha256, HEX),
	END,
};

static const struct field get_end[] = {
	RANGE(msg_get_end, rc, ERRNO_LOW, 0),
	RANGE(msg_get_end, zero, 0, 0),
	END,
};

static const struct field air_join[] = {
	RANGE(msg_air_join, port, 0, PORT_MAX),
	RANGE(msg_air_join, zero, 0, 0),
	END,
};

static const struct field air_want[] = {
	RANGE(msg_air_want, size, 1, BUNDLE_MAX),
	STRING(msg_air_want, sha256, HEX),
	END,
};

static const struct field air_blob[] = {
	STRING(msg_air_blob, sha256, HEX),
	END,
};

static const struct field air_idle[] = {
	RANGE(msg_air_idle, rc, ERRNO_LOW, 0),
	RANGE(msg_air_idle, zero, 0, 0),
	STRING(msg_air_idle, sha256, HEX),
	END,
};

static const struct field offer[] = {
	RANGE(msg_offer, offset, 0, BUNDLE_MAX),
	STRING(msg_offer, sha256, HEX),
	END,
};

static const struct field offer_range[] = {
	RANGE(msg_offer_range, offset, 0, BUNDLE_MAX),
	RANGE(msg_offer_range, len, 1, BUNDLE_MAX),
	STRING(msg_offer_range, sha256, HEX),
	END,
};

static const struct field tun_hello[] = {
	STRING(msg_tun_hello, key, KEY),
	END,
};

static const struct field walls_fields[] = {
	RANGE(msg_walls, carousel_port, 0, PORT_MAX),
	RANGE(msg_walls, repo_port, 0, PORT_MAX),
	RANGE(msg_walls, https_port, 1, PORT_MAX),
	RANGE(msg_walls, tunnel_port, 0, PORT_MAX),
	RANGE(msg_walls, zero, 0, 0),
	STRING(msg_walls, gateway_mac, MAC),
	END,
};

static const struct field tun_done[] = {
	RANGE(msg_tun_done, rc, ERRNO_LOW, 0),
	STRING(msg_tun_done, text, TEXT),
	END,
};

static const struct field tun_peer[] = {
	STRING(msg_tun_peer, key, KEY),
	RANGE(msg_tun_peer, port, 1, PORT_MAX),
	RANGE(msg_tun_peer, keepalive_sec, 0, PORT_MAX),
	END,
};

static const struct field hv_attach[] = {
	RANGE(msg_hv_attach, size, 4096, DISK_MAX),
	STRING(msg_hv_attach, disk, HEX),
	END,
};

static const struct field hv_detach[] = {
	RANGE(msg_hv_detach, device, 0, DEVICE_MAX),
	RANGE(msg_hv_detach, zero, 0, 0),
	STRING(msg_hv_detach, disk, HEX),
	END,
};

static const struct field hv_create[] = {
	DOMU_FIELDS(msg_hv_create, domu.),
	RANGE(msg_hv_create, has_initrd, 0, 1),
	RANGE(msg_hv_create, device, 0, DEVICE_MAX),
	STRING(msg_hv_create, disk, HEX),
	RANGE(msg_hv_create, scratch, -1, MINOR_MAX),
	STRING(msg_hv_create, tag, TAG),
	STRING(msg_hv_create, cmdline, TEXT),
	END,
};

static const struct field hv_domid[] = {
	RANGE(msg_hv_domid, domid, 1, DOMID_MAX),
	STRING(msg_hv_domid, id, NAME),
	END,
};

static const struct field hv_sched[] = {
	RANGE(msg_hv_sched, domid, 1, DOMID_MAX),
	RANGE(msg_hv_sched, weight, 1, 65535),
	RANGE(msg_hv_sched, cap, 0, 12800),
	STRING(msg_hv_sched, id, NAME),
	END,
};

static const struct field hv_clock[] = {
	RANGE(msg_hv_clock, unix_ms, 1, TIME_MAX),
	END,
};

static const struct field hv_facts[] = {
	RANGE(msg_hv_facts, cpus, 1, 65536),
	RANGE(msg_hv_facts, hvm, 0, 1),
	RANGE(msg_hv_facts, hap, 0, 1),
	RANGE(msg_hv_facts, iommu, 0, 1),
	RANGE(msg_hv_facts, uefi, 0, 1),
	RANGE(msg_hv_facts, n_block, 0, MSG_DEVICES_MAX),
	RANGE(msg_hv_facts, n_nics, 0, MSG_DEVICES_MAX),
	STRING(msg_hv_facts, mac, MAC),
	STRING(msg_hv_facts, xen_version, TEXT),
	STRING(msg_hv_facts, xen_cmdline, TEXT),
	STRING(msg_hv_facts, dom0_cmdline, TEXT),
	STRING(msg_hv_facts, cpu_model, TEXT),
	STRING(msg_hv_facts, product, TEXT),
	TEXTS(msg_hv_facts, block),
	TEXTS(msg_hv_facts, nics),
	END,
};

static const struct field hv_domain[] = {
	RANGE(msg_hv_domain, domid, 1, DOMID_MAX),
	RANGE(msg_hv_domain, dead, 0, 1),
	RANGE(msg_hv_domain, pv, 0, 1),
	STRING(msg_hv_domain, id, NAME),
	STRING(msg_hv_domain, tag, TAG),
	END,
};

static const struct field hv_death[] = {
	RANGE(msg_hv_death, domid, 1, DOMID_MAX),
	RANGE(msg_hv_death, reason, 0, MSG_DEATHS - 1),
	STRING(msg_hv_death, id, NAME),
	END,
};

static const struct field hv_done[] = {
	RANGE(msg_hv_done, rc, ERRNO_LOW, 0),
	RANGE(msg_hv_done, domid, 0, DOMID_MAX),
	RANGE(msg_hv_done, pv, 0, 1),
	RANGE(msg_hv_done, device, 0, DEVICE_MAX),
	STRING(msg_hv_done, text, TEXT),
	END,
};

static const struct message {
	const char *name;
	enum msg_role from, to;
	size_t size; /* of the fixed struct */
	size_t tail_max;
	int fds_min, fds_max;
	const struct field *fields;
} messages[MSG_TYPES] = {
#define M(type, from, to, size, tail, fds, fields) \
	[MSG_##type] = { #type, MSG_##from, MSG_##to, size, tail, fds, fields }
#define S(s)        sizeof(struct s)
#define FDS(lo, hi) lo, hi
	M(SUPER_CHILD, SUPER, MAIN, S(msg_super_child), 0, FDS(1, 1), super_child),
	M(NET_REQUEST, MAIN, NET, S(msg_net_request), MSG_DOC_MAX, FDS(0, 0),
	  net_request),
	M(NET_CANCEL, MAIN, NET, 0, 0, FDS(0, 0), NULL),
	M(NET_LINK, MAIN, NET, S(msg_net_link), 0, FDS(1, 1), net_link),
	M(NET_SENT, NET, MAIN, 0, 0, FDS(0, 0), NULL),
	M(NET_DATA, NET, MAIN, 0, MSG_DATA_MAX, FDS(0, 0), NULL),
	M(NET_DONE, NET, MAIN, S(msg_net_done), 0, FDS(0, 0), net_done),
	M(VERIFY_READY, VERIFY, MAIN, S(msg_verify_ready), 0, FDS(0, 0),
	  verify_ready),
	M(VERIFY_DOC, MAIN, VERIFY, S(msg_verify_doc), MSG_DOC_MAX, FDS(0, 0),
	  verify_doc),
	M(VERIFY_BLOB, MAIN, VERIFY, S(msg_verify_blob), 0, FDS(1, 1),
	  verify_blob),
	M(VERIFY_IMAGE, MAIN, VERIFY, S(msg_verify_image), 0, FDS(0, 0),
	  verify_image),
	M(VERIFY_WANT, VERIFY, MAIN, S(msg_verify_want), 0, FDS(0, 0),
	  verify_want),
	M(VERIFY_FILE, MAIN, VERIFY, 0, 0, FDS(1, 1), NULL),
	M(VERIFY_ABSENT, MAIN, VERIFY, 0, 0, FDS(0, 0), NULL),
	M(VERIFY_SEGMENT, VERIFY, MAIN, S(msg_verify_segment), 0, FDS(0, 0),
	  verify_segment),
	M(VERIFY_LEASE, VERIFY, MAIN, S(msg_verify_lease), 0, FDS(0, 0),
	  verify_lease),
	M(VERIFY_DESIRED, VERIFY, MAIN, S(msg_verify_desired), 0, FDS(0, 0),
	  verify_desired),
	M(VERIFY_DOMU, VERIFY, MAIN, S(msg_domu), 0, FDS(0, 0), domu),
	M(VERIFY_MANIFEST, VERIFY, MAIN, S(msg_verify_manifest), 0, FDS(0, 0),
	  verify_manifest),
	M(VERIFY_DONE, VERIFY, MAIN, S(msg_verify_done), 0, FDS(0, 0),
	  verify_done),
	M(BLK_LINK, MAIN, BLK, 0, 0, FDS(1, 1), NULL),
	M(BLK_OPEN, MAIN, BLK, S(msg_blk_open), 0, FDS(1, 1), blk_open),
	M(BLK_SERVE, MAIN, BLK, S(msg_blk_disk), 0, FDS(1, 1), blk_disk),
	M(BLK_CLOSE, MAIN, BLK, S(msg_blk_disk), 0, FDS(0, 0), blk_disk),
	M(BLK_AIR, MAIN, BLK, 0, 0, FDS(1, 1), NULL),
	M(BLK_OFF_AIR, MAIN, BLK, S(msg_blk_disk), 0, FDS(0, 0), blk_disk),
	M(BLK_STATS, BLK, MAIN, S(msg_blk_stats), 0, FDS(0, 0), blk_stats),
	M(BLK_DONE, BLK, MAIN, S(msg_blk_done), 0, FDS(0, 0), blk_done),
	M(GET, BLK, NET, S(msg_get), 0, FDS(0, 0), get),
	M(GET_CANCEL, BLK, NET, 0, 0, FDS(0, 0), NULL),
	M(GET_DATA, NET, BLK, 0, MSG_DATA_MAX, FDS(0, 0), NULL),
	M(GET_END, NET, BLK, S(msg_get_end), 0, FDS(0, 0), get_end),
	M(AIR_LINK, MAIN, AIR, 0, 0, FDS(1, 1), NULL),
	M(AIR_JOIN, MAIN, AIR, S(msg_air_join), 0, FDS(0, 0), air_join),
	M(AIR_WANT, MAIN, AIR, S(msg_air_want), 0, FDS(0, 0), air_want),
	M(AIR_LEAVE, MAIN, AIR, S(msg_air_blob), 0, FDS(0, 0), air_blob),
	M(AIR_IDLE, AIR, MAIN, S(msg_air_idle), 0, FDS(0, 0), air_idle),
	M(OFFER, AIR, BLK, S(msg_offer), MSG_DOC_MAX, FDS(0, 0), offer),
	M(OFFER_BAD, BLK, AIR, S(msg_offer_range), 0, FDS(0, 0), offer_range),
	M(OFFER_HAVE, BLK, AIR, S(msg_offer_range), 0, FDS(0, 0), offer_range),
	M(TUN_HELLO, TUN, MAIN, S(msg_tun_hello), 0, FDS(0, 0), tun_hello),
	M(TUN_WALLS, MAIN, TUN, S(msg_walls), 0, FDS(0, 0), walls_fields),
	M(TUN_DONE, TUN, MAIN, S(msg_tun_done), 0, FDS(0, 0), tun_done),
	M(TUN_PEER, MAIN, TUN, S(msg_tun_peer), 0, FDS(0, 0), tun_peer),
	M(SCRATCH_ASK, MAIN, SCRATCH, 0, 0, FDS(0, 0), NULL),
	M(SCRATCH_PREPARE, MAIN, SCRATCH, 0, 0, FDS(0, 1), NULL),
	M(SCRATCH_OPEN, MAIN, SCRATCH, S(msg_scratch_policy), 0, FDS(0, 0),
	  scratch_open),
	M(SCRATCH_CLOSE, MAIN, SCRATCH, 0, 0, FDS(0, 0), NULL),
	M(SCRATCH_DONE, SCRATCH, MAIN, S(msg_scratch_done), 0, FDS(0, 0),
	  scratch_done),
	M(HV_NETDOM, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_WALLS, MAIN, HV, S(msg_walls), 0, FDS(0, 0), walls_fields),
	M(HV_FACTS, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_HOST, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_LIST, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_ATTACH, MAIN, HV, S(msg_hv_attach), 0, FDS(1, 1), hv_attach),
	M(HV_DETACH, MAIN, HV, S(msg_hv_detach), 0, FDS(0, 0), hv_detach),
	M(HV_CREATE, MAIN, HV, S(msg_hv_create), 0, FDS(1, 2), hv_create),
	M(HV_SHUTDOWN, MAIN, HV, S(msg_hv_domid), 0, FDS(0, 0), hv_domid),
	M(HV_DESTROY, MAIN, HV, S(msg_hv_domid), 0, FDS(0, 0), hv_domid),
	M(HV_SCHED, MAIN, HV, S(msg_hv_sched), 0, FDS(0, 0), hv_sched),
	M(HV_CLOCK, MAIN, HV, S(msg_hv_clock), 0, FDS(0, 0), hv_clock),
	M(HV_ALIVE, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_FACTS_ARE, HV, MAIN, S(msg_hv_facts), 0, FDS(0, 0), hv_facts),
	M(HV_HOST_IS, HV, MAIN, S(msg_hv_host), 0, FDS(0, 0), NULL),
	M(HV_DOMAIN, HV, MAIN, S(msg_hv_domain), 0, FDS(0, 0), hv_domain),
	M(HV_DEATH, HV, MAIN, S(msg_hv_death), MSG_CONSOLE_MAX, FDS(0, 0),
	  hv_death),
	M(HV_DONE, HV, MAIN, S(msg_hv_done), 0, FDS(0, 0), hv_done),
};

static const char *const roles[MSG_ROLES] = {
	"super", "main", "net",     "verify", "blk",
	"air",   "tun",  "scratch", "hv",     "chan",
};

const char *msg_type_name(unsigned int type)
{
	return type < MSG_TYPES && messages[type].name ? messages[type].name
						       : "?";
}

const char *msg_role_name(unsigned int role)
{
	return role < MSG_ROLES ? roles[role] : "?";
}

size_t msg_body_size(enum msg_type type)
{
	return messages[type].size;
}

static int text_ok(const char *s, size_t size)
{
	const char *end = memchr(s, '\0', size);

	if (!end)
		return 0;
	for (; s < end; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return 0;
	return 1;
}

static int key_ok(const char *s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(s) == MSG_KEY_CHARS &&
	       strspn(s, digits) == MSG_KEY_CHARS - 1 &&
	       s[MSG_KEY_CHARS - 1] == '=';
}

static int in_range(const struct field *f, const void *p)
{
	int32_t i32;
	int64_t i64;

	if (f->kind == FIELD_I32) {
		memcpy(&i32, p, sizeof(i32));
		i64 = i32;
	} else {
		memcpy(&i64, p, sizeof(i64));
	}
	return i64 >= f->min && i64 <= f->max;
}

static int element_ok(const struct field *f, const char *p)
{
	uint8_t mac[PARSE_MAC_LEN], tag[MSG_TAG_LEN / 2];

	if (f->kind == FIELD_I32 || f->kind == FIELD_I64)
		return in_range(f, p);
	if (!text_ok(p, f->size))
		return 0;
	switch (f->kind) {
	case FIELD_NAME0:
		return !*p || parse_is_name(p);
	case FIELD_NAME:
		return parse_is_name(p);
	case FIELD_HEX0:
		return !*p || hash_is_hex(p);
	case FIELD_HEX:
		return hash_is_hex(p);
	case FIELD_TAG:
		return !parse_hex(p, tag, sizeof(tag));
	case FIELD_MAC:
		return !parse_mac(p, mac);
	case FIELD_KEY0:
		return !*p || key_ok(p);
	case FIELD_KEY:
		return key_ok(p);
	default:
		return 1;
	}
}

static const char *first_bad(const struct field *f, const char *body)
{
	for (; f && f->name; f++)
		for (size_t i = 0; i < f->count; i++)
			if (!element_ok(f, body + f->off + i * f->stride))
				return f->name;
	return NULL;
}

int msg_decode(enum msg_role from, enum msg_role to, const void *data,
	       size_t len, int n_fds, struct msg *out, struct errinfo *err)
{
	const struct message *m;
	const char *body = (const char *)data + sizeof(struct msg_hdr);
	const char *bad;
	struct msg_hdr hdr;

	if (len < sizeof(hdr))
		return errinfo_set(err, -EPROTO, "%zu bytes are no message", len);
	memcpy(&hdr, data, sizeof(hdr));
	if (hdr.magic != MSG_MAGIC || hdr.type >= MSG_TYPES ||
	    !messages[hdr.type].name)
		return errinfo_set(err, -EPROTO, "unknown message %u", hdr.type);
	m = &messages[hdr.type];
	if (m->from != from || m->to != to)
		return errinfo_set(err, -EPROTO, "%s: not for %s to send to %s",
				   m->name, roles[from], roles[to]);
	if (hdr.tail > m->tail_max || len != sizeof(hdr) + m->size + hdr.tail)
		return errinfo_set(err, -EPROTO, "%s: %zu bytes, tail %u",
				   m->name, len, hdr.tail);
	if (n_fds < m->fds_min || n_fds > m->fds_max)
		return errinfo_set(err, -EPROTO, "%s: %d descriptors", m->name,
				   n_fds);
	bad = first_bad(m->fields, body);
	if (bad)
		return errinfo_set(err, -EPROTO, "%s: bad %s", m->name, bad);
	out->type = hdr.type;
	out->id = hdr.id;
	out->body = body;
	out->tail = (const uint8_t *)body + m->size;
	out->tail_len = hdr.tail;
	return 0;
}
