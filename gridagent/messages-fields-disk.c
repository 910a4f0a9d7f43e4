/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What blk, air, tun and hv ask and answer.
 */
#include "messages-fields.h"

const struct field fields_scratch_open[] = {
	SCRATCH_FIELDS(msg_scratch_policy, ),
	END,
};

const struct field fields_scratch_done[] = {
	RANGE(msg_scratch_done, rc, ERRNO_LOW, 0),
	RANGE(msg_scratch_done, closed, 0, 1),
	RANGE(msg_scratch_done, drivers, 0, 1),
	RANGE(msg_scratch_done, device, -1, MINOR_MAX),
	RANGE(msg_scratch_done, size, 0, INT64_MAX),
	STRING(msg_scratch_done, text, TEXT),
	END,
};

const struct field fields_blk_open[] = { OPEN_FIELDS(msg_blk_open, ), END };

const struct field fields_blk_disk[] = {
	STRING(msg_blk_disk, disk, HEX),
	END,
};

const struct field fields_blk_stats[] = {
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

const struct field fields_blk_done[] = {
	RANGE(msg_blk_done, rc, ERRNO_LOW, 0),
	RANGE(msg_blk_done, zero, 0, 0),
	RANGE(msg_blk_done, size, 0, DISK_MAX),
	STRING(msg_blk_done, text, TEXT),
	END,
};

const struct field fields_get[] = {
	RANGE(msg_get, priority, 0, MSG_PRIORITIES - 1),
	RANGE(msg_get, zero, 0, 0),
	RANGE(msg_get, offset, 0, SIZE_LIMIT),
	RANGE(msg_get, len, 1, RANGE_MAX),
	STRING(msg_get, sha256, HEX),
	END,
};

const struct field fields_get_end[] = {
	RANGE(msg_get_end, rc, ERRNO_LOW, 0),
	RANGE(msg_get_end, zero, 0, 0),
	END,
};

const struct field fields_air_join[] = {
	RANGE(msg_air_join, port, 0, PORT_MAX),
	RANGE(msg_air_join, zero, 0, 0),
	END,
};

const struct field fields_air_want[] = {
	RANGE(msg_air_want, size, 1, BUNDLE_MAX),
	STRING(msg_air_want, sha256, HEX),
	END,
};

const struct field fields_air_blob[] = {
	STRING(msg_air_blob, sha256, HEX),
	END,
};

const struct field fields_air_idle[] = {
	RANGE(msg_air_idle, rc, ERRNO_LOW, 0),
	RANGE(msg_air_idle, zero, 0, 0),
	STRING(msg_air_idle, sha256, HEX),
	END,
};

const struct field fields_offer[] = {
	RANGE(msg_offer, offset, 0, BUNDLE_MAX),
	STRING(msg_offer, sha256, HEX),
	END,
};

const struct field fields_offer_range[] = {
	RANGE(msg_offer_range, offset, 0, BUNDLE_MAX),
	RANGE(msg_offer_range, len, 1, BUNDLE_MAX),
	STRING(msg_offer_range, sha256, HEX),
	END,
};

const struct field fields_tun_hello[] = {
	STRING(msg_tun_hello, key, KEY),
	END,
};

const struct field fields_walls_fields[] = {
	RANGE(msg_walls, carousel_port, 0, PORT_MAX),
	RANGE(msg_walls, repo_port, 0, PORT_MAX),
	RANGE(msg_walls, https_port, 1, PORT_MAX),
	RANGE(msg_walls, tunnel_port, 0, PORT_MAX),
	RANGE(msg_walls, zero, 0, 0),
	STRING(msg_walls, gateway_mac, MAC),
	END,
};

const struct field fields_tun_done[] = {
	RANGE(msg_tun_done, rc, ERRNO_LOW, 0),
	STRING(msg_tun_done, text, TEXT),
	END,
};

const struct field fields_tun_peer[] = {
	STRING(msg_tun_peer, key, KEY),
	RANGE(msg_tun_peer, port, 1, PORT_MAX),
	RANGE(msg_tun_peer, keepalive_sec, 0, PORT_MAX),
	END,
};

const struct field fields_hv_attach[] = {
	RANGE(msg_hv_attach, size, 4096, DISK_MAX),
	STRING(msg_hv_attach, disk, HEX),
	END,
};

const struct field fields_hv_detach[] = {
	RANGE(msg_hv_detach, device, 0, DEVICE_MAX),
	RANGE(msg_hv_detach, zero, 0, 0),
	STRING(msg_hv_detach, disk, HEX),
	END,
};

const struct field fields_hv_create[] = {
	DOMU_FIELDS(msg_hv_create, domu.),
	RANGE(msg_hv_create, has_initrd, 0, 1),
	RANGE(msg_hv_create, device, 0, DEVICE_MAX),
	STRING(msg_hv_create, disk, HEX),
	RANGE(msg_hv_create, scratch, -1, MINOR_MAX),
	STRING(msg_hv_create, tag, TAG),
	STRING(msg_hv_create, cmdline, TEXT),
	END,
};

const struct field fields_hv_domid[] = {
	RANGE(msg_hv_domid, domid, 1, DOMID_MAX),
	STRING(msg_hv_domid, id, NAME),
	END,
};

const struct field fields_hv_sched[] = {
	RANGE(msg_hv_sched, domid, 1, DOMID_MAX),
	RANGE(msg_hv_sched, weight, 1, 65535),
	RANGE(msg_hv_sched, cap, 0, 12800),
	STRING(msg_hv_sched, id, NAME),
	END,
};

const struct field fields_hv_clock[] = {
	RANGE(msg_hv_clock, unix_ms, 1, TIME_MAX),
	END,
};

const struct field fields_hv_facts[] = {
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

const struct field fields_hv_domain[] = {
	RANGE(msg_hv_domain, domid, 1, DOMID_MAX),
	RANGE(msg_hv_domain, dead, 0, 1),
	RANGE(msg_hv_domain, pv, 0, 1),
	STRING(msg_hv_domain, id, NAME),
	STRING(msg_hv_domain, tag, TAG),
	END,
};

const struct field fields_hv_death[] = {
	RANGE(msg_hv_death, domid, 1, DOMID_MAX),
	RANGE(msg_hv_death, reason, 0, MSG_DEATHS - 1),
	STRING(msg_hv_death, id, NAME),
	END,
};

const struct field fields_hv_done[] = {
	RANGE(msg_hv_done, rc, ERRNO_LOW, 0),
	RANGE(msg_hv_done, domid, 0, DOMID_MAX),
	RANGE(msg_hv_done, pv, 0, 1),
	RANGE(msg_hv_done, device, 0, DEVICE_MAX),
	STRING(msg_hv_done, text, TEXT),
	END,
};
