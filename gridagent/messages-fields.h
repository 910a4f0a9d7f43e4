/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages-fields - what may stand in each field of a message: the lists that
 * messages.c checks against. NULL ends a list.
 */
#ifndef MESSAGES_FIELDS_H
#define MESSAGES_FIELDS_H

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

#define SCRATCH_FIELDS(s, m)                                          \
	RANGE(s, m size_mib, 0, SIZE_LIMIT), STRING(s, m type, TEXT), \
		STRING(s, m label, TEXT)

#define SECONDS_MAX    86400
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

extern const struct field fields_super_child[], fields_net_request[],
	fields_net_done[], fields_net_link[], fields_verify_ready[],
	fields_verify_doc[], fields_verify_blob[], fields_verify_segment[],
	fields_scratch_open[], fields_scratch_done[], fields_verify_lease[],
	fields_verify_desired[], fields_domu[], fields_blk_open[],
	fields_verify_image[], fields_verify_want[], fields_verify_manifest[],
	fields_verify_done[], fields_blk_disk[], fields_blk_stats[],
	fields_blk_done[], fields_get[], fields_get_end[], fields_air_join[],
	fields_air_want[], fields_air_blob[], fields_air_idle[], fields_offer[],
	fields_offer_range[], fields_tun_hello[], fields_walls_fields[],
	fields_tun_done[], fields_tun_peer[], fields_hv_attach[],
	fields_hv_detach[], fields_hv_create[], fields_hv_domid[],
	fields_hv_sched[], fields_hv_clock[], fields_hv_facts[],
	fields_hv_domain[], fields_hv_death[], fields_hv_done[];

#endif
