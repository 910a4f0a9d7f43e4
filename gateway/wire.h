/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire - what nodes say, before anything of it is kept: known members of the
 * right type and a bounded size, in new objects. A node is not trusted.
 */
#ifndef WIRE_H
#define WIRE_H

#include <jansson.h>

#include "errinfo.h"
#include "hash.h"
#include "node.h"

struct wire_enrol {
	const char *boot_id, *mac; /* borrowed from the body */
	int has_tunnel_key;
	uint8_t tunnel_key[WG_KEY_LEN];
	json_t *host; /* new; NULL is fine to json_decref */
};

struct wire_report {
	const char *boot_id;
	enum node_state state;
	char error[NODE_ERROR_MAX];
	int64_t gen;
	json_t *image, *domus; /* new */
	json_t *scratch;       /* new; NULL: it lends nothing */
	json_t *host;          /* new: only what a report has of it */
};

/* 0 or -EINVAL with the reason; then nothing is to be freed. */
int wire_enrol(const json_t *body, struct wire_enrol *out, struct errinfo *err);
int wire_report(const json_t *body, struct wire_report *out, struct errinfo *err);

#endif
