/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What net and verify ask and answer.
 */
#include "messages-fields.h"

const struct field fields_super_child[] = {
	RANGE(msg_super_child, role, MSG_NET, MSG_SCRATCH),
	END,
};

const struct field fields_net_request[] = {
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

const struct field fields_net_done[] = {
	RANGE(msg_net_done, status, 0, 999),
	RANGE(msg_net_done, rc, ERRNO_LOW, 0),
	STRING(msg_net_done, text, TEXT),
	END,
};

const struct field fields_net_link[] = {
	RANGE(msg_net_link, repo_port, 0, PORT_MAX),
	RANGE(msg_net_link, zero, 0, 0),
	END,
};

const struct field fields_verify_ready[] = {
	RANGE(msg_verify_ready, build_ms, 0, TIME_MAX),
	RANGE(msg_verify_ready, drivers_size, 0, DRIVERS_MAX),
	STRING(msg_verify_ready, drivers_sha256, HEX0),
	STRING(msg_verify_ready, release, NAME),
	STRING(msg_verify_ready, build_time, TEXT),
	END,
};

const struct field fields_verify_doc[] = {
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

const struct field fields_verify_blob[] = {
	RANGE(msg_verify_blob, size, 1, SIZE_LIMIT),
	STRING(msg_verify_blob, sha256, HEX),
	END,
};

const struct field fields_verify_segment[] = {
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

const struct field fields_verify_lease[] = {
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

const struct field fields_verify_desired[] = {
	RANGE(msg_verify_desired, gen, 0, INT64_MAX),
	RANGE(msg_verify_desired, n_domus, 0, MSG_DOMUS_MAX),
	RANGE(msg_verify_desired, zero, 0, 0),
	END,
};

const struct field fields_domu[] = { DOMU_FIELDS(msg_domu, ), END };

const struct field fields_verify_image[] = {
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

const struct field fields_verify_want[] = {
	RANGE(msg_verify_want, max, 1, INDEX_MAX),
	RANGE(msg_verify_want, may_be_absent, 0, 1),
	RANGE(msg_verify_want, zero, 0, 0),
	STRING(msg_verify_want, path, TEXT),
	END,
};

const struct field fields_verify_manifest[] = {
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

const struct field fields_verify_done[] = {
	RANGE(msg_verify_done, rc, ERRNO_LOW, 0),
	STRING(msg_verify_done, found, HEX0),
	STRING(msg_verify_done, text, TEXT),
	END,
};
