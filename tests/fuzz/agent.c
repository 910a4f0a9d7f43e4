/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what a node hears. The first byte says what the rest is:
 *
 *	's' 'l' 'd'	what a segment statement, a lease, a desired state
 *			says, which is then rightly signed
 *	'e'		a signed document as it comes, for all three
 *	'm' 'b'		a manifest, build.json
 *	'p'		from, to, number of descriptors, then a packet between
 *			the agent's processes
 *
 * What the verify process takes is a message that main takes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"
#include "verify-docs.h"

/* A key for this test alone: everybody knows it. */
#define SEED "78e9e43176ca30c0831b6eed8a7b5c28567578833b4e8455cdddb92d3ec334fb"
#define PUBLIC \
	"9b9ebe63421ccc22d1efd1fd02e31c732c1e7a4316806598119d8fdc1ddd496d"
#define KEYID "6d0904b4b6b3fb0e22dffc8c5e9dc8c6ee8f88f41efe19237e938fb1e9db5151"
#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NOW   INT64_C(1795226400000) /* 2026-11-21T02:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct trust_key key;
static struct trust_root *root;
static struct verified v;

static void setup(void)
{
	struct trust_role roles[] = { { "root", &key, 1, 1 },
				      { "gateways", &key, 1, 1 } };
	auto_free char *doc = NULL;

	if (root)
		return;
	key.has_secret = 1;
	strcpy(key.keyid, KEYID);
	if (parse_hex(PUBLIC, key.public, sizeof(key.public)) ||
	    parse_hex(SEED PUBLIC, key.secret, sizeof(key.secret)) ||
	    trust_root_make(roles, ARRAY_SIZE(roles), 1, NOW + 1000, &doc, NULL) ||
	    trust_root_load(doc, strlen(doc), NOW, &root, NULL))
		abort();
}

/* As verify sends it, main takes it. */
static void check(enum msg_type type, const void *body)
{
	static _Alignas(16) uint8_t packet[MSG_MAX];
	struct msg_hdr h = { MSG_MAGIC, type, 7, 0 };
	size_t size = msg_body_size(type);
	struct msg m;

	memcpy(packet, &h, sizeof(h));
	memcpy(packet + sizeof(h), body, size);
	if (msg_decode(MSG_VERIFY, MSG_MAIN, packet, sizeof(h) + size, 0, &m,
		       NULL))
		abort();
}

static void check_all(enum msg_doc kind)
{
	if (kind == MSG_DOC_SEGMENT)
		check(MSG_VERIFY_SEGMENT, &v.segment);
	if (kind == MSG_DOC_LEASE)
		check(MSG_VERIFY_LEASE, &v.lease);
	if (kind != MSG_DOC_DESIRED)
		return;
	check(MSG_VERIFY_DESIRED, &v.desired);
	for (int i = 0; i < v.desired.n_domus; i++)
		check(MSG_VERIFY_DOMU, &v.domu[i]);
}

static void try_doc(enum msg_doc kind, const void *doc, size_t len)
{
	const struct msg_verify_doc q = {
		.kind = kind, .epoch = 3, .nonce = HEX, .boot_id = HEX, .node = "pc1"
	};

	if (!verify_doc(root, &q, doc, len, NOW, &v, NULL))
		check_all(kind);
}

static void try_signed(enum msg_doc kind, const char *text, size_t len)
{
	json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	auto_free char *doc = NULL;

	if (body)
		trust_sign(body, &key, 1, &doc, NULL);
	json_decref(body);
	if (doc)
		try_doc(kind, doc, strlen(doc));
}

static void try_manifest(const void *doc, size_t len)
{
	struct msg_verify_manifest m;

	if (!verify_manifest(doc, len, &m, NULL))
		check(MSG_VERIFY_MANIFEST, &m);
}

static void try_build(const void *doc, size_t len)
{
	struct msg_verify_ready r;

	if (!verify_build(doc, len, &r, NULL))
		check(MSG_VERIFY_READY, &r);
}

static void try_packet(const uint8_t *data, size_t len)
{
	auto_free uint8_t *packet = NULL;
	struct msg m;

	if (len < 3)
		return;
	packet = malloc(len); /* aligned, and with an end */
	if (!packet)
		abort();
	memcpy(packet, data + 3, len - 3);
	if (!msg_decode(data[0] % MSG_ROLES, data[1] % MSG_ROLES, packet,
			len - 3, data[2], &m, NULL) &&
	    (m.tail_len > len || !msg_type_name(m.type)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data + 1;

	setup();
	if (!len)
		return 0;
	switch (data[0]) {
	case 's':
		try_signed(MSG_DOC_SEGMENT, text, len - 1);
		break;
	case 'l':
		try_signed(MSG_DOC_LEASE, text, len - 1);
		break;
	case 'd':
		try_signed(MSG_DOC_DESIRED, text, len - 1);
		break;
	case 'e':
		for (int kind = 0; kind < MSG_DOCS; kind++)
			try_doc(kind, text, len - 1);
		break;
	case 'm':
		try_manifest(text, len - 1);
		break;
	case 'b':
		try_build(text, len - 1);
		break;
	case 'p':
		try_packet(data + 1, len - 1);
		break;
	}
	return 0;
}
