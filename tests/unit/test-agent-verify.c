/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verify process makes of documents: a good one of each kind, then
 * each way it may be wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "image.h"
#include "verify-docs.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX2   "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PIN    "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOW    INT64_C(1767225600000) /* 2026-01-01 */
#define LATER  "2026-06-01T00:00:00Z"
#define BEFORE "2025-06-01T00:00:00Z"
#define YEAR   INT64_C(31536000000)

static struct trust_key root_key, images_key, gateway_key;
static struct trust_root *root;
static struct verified v;

static int setup(void **state)
{
	struct trust_role roles[] = { { "root", &root_key, 1, 1 },
				      { "images", &images_key, 1, 1 },
				      { "gateways", &gateway_key, 1, 1 } };
	auto_free char *doc = NULL;

	(void)state;
	if (trust_key_generate(&root_key, NULL) ||
	    trust_key_generate(&images_key, NULL) ||
	    trust_key_generate(&gateway_key, NULL) ||
	    trust_root_make(roles, 3, 1, NOW + YEAR, &doc, NULL))
		return -1;
	return trust_root_load(doc, strlen(doc), NOW, &root, NULL);
}

static int teardown(void **state)
{
	(void)state;
	trust_root_free(root);
	return 0;
}

/* Signs the object that the JSON text is, and verifies it as kind. */
static int check(const char *text, const struct trust_key *key,
		 const struct msg_verify_doc *q)
{
	struct errinfo err = ERRINFO_INIT;
	json_t *body = json_loads(text, 0, NULL);
	auto_free char *doc = NULL;
	int rc;

	if (!body)
		fail_msg("test's own JSON: %s", text);
	assert_int_equal(trust_sign(body, key, 1, &doc, NULL), 0);
	json_decref(body);
	rc = verify_doc(root, q, doc, strlen(doc), NOW, &v, &err);
	assert_int_equal(!rc, !err.text[0]);
	return rc;
}

static const struct msg_verify_doc segment_q = { .kind = MSG_DOC_SEGMENT,
						 .nonce = HEX };
static const struct msg_verify_doc lease_q = { .kind = MSG_DOC_LEASE,
					       .boot_id = HEX };
static const struct msg_verify_doc desired_q = { .kind = MSG_DOC_DESIRED,
						 .node = "pc1",
						 .epoch = 3 };

#define COMMON(type, expires) \
	"\"_type\": \"" type  \
	"\", \"spec_version\": \"1\", \"expires\": \"" expires "\""
#define SEGMENT(expires, nonce, time, pin, port)                             \
	"{" COMMON("segment",                                                \
		   expires) ", \"segment\": \"lab\", \"nonce\": \"" nonce    \
			    "\", \"time_ms\": " time ", \"tls_pin\": \"" pin \
			    "\", \"https_port\": " port "}"

static void test_segment(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ SEGMENT(LATER, HEX, "1767225600001", PIN, "443"), 0 },
		{ SEGMENT(LATER, HEX, "1", PIN, "443"), 0 },
		{ SEGMENT(BEFORE, HEX, "1767225600001", PIN, "443"), -ESTALE },
		/* by its own time it has expired */
		{ SEGMENT(LATER, HEX, "1800000000000", PIN, "443"), -ESTALE },
		{ SEGMENT(LATER, HEX2, "1767225600001", PIN, "443"), -EBADMSG },
		{ SEGMENT(LATER, HEX, "0", PIN, "443"), -EBADMSG },
		{ SEGMENT(LATER, HEX, "1", PIN, "0"), -EBADMSG },
		{ SEGMENT(LATER, HEX, "1", PIN, "65536"), -EBADMSG },
		{ SEGMENT(LATER, HEX, "1", "sha256//AAAA", "443"), -EBADMSG },
		{ SEGMENT(LATER, HEX, "1", "md5//", "443"), -EBADMSG },
		{ SEGMENT(LATER, HEX, "\"1\"", PIN, "443"), -EBADMSG },
		{ SEGMENT(LATER, HEX, "1, \"more\": 1", PIN, "443"), -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(check(cases[i].text, &gateway_key, &segment_q),
				 cases[i].rc);
	assert_int_equal(check(cases[0].text, &images_key, &segment_q), -ENOKEY);
	assert_int_equal(check(cases[0].text, &gateway_key, &segment_q), 0);
	assert_string_equal(v.segment.segment, "lab");
	assert_string_equal(v.segment.tls_pin, PIN);
	assert_int_equal(v.segment.https_port, 443);
	/* one kind is not another */
	assert_int_not_equal(check(cases[0].text, &gateway_key, &lease_q), 0);
}

#define LEASE(boot, epoch, lease, report)                                      \
	"{" COMMON("lease", LATER) ", \"node\": \"pc1\", \"boot_id\": \"" boot \
				   "\", \"epoch\": " epoch                     \
				   ", \"lease_sec\": " lease                   \
				   ", \"report_sec\": " report ", \"gen\": 5}"

#define WG_KEY "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="
#define TUNNEL(key, port)                                                      \
	LEASE(HEX, "3", "60",                                                  \
	      "20, \"tunnel\": {\"gateway_key\": \"" key "\", \"port\": " port \
	      ", \"keepalive\": 25}")

static void test_tunnel(void **state)
{
	(void)state;
	assert_int_equal(
		check(LEASE(HEX, "3", "60", "20"), &gateway_key, &lease_q), 0);
	assert_int_equal(v.lease.tunnel_port, 0);
	assert_int_equal(check(TUNNEL(WG_KEY, "0"), &gateway_key, &lease_q),
			 -EBADMSG);
	assert_int_equal(check(TUNNEL(WG_KEY, "65536"), &gateway_key, &lease_q),
			 -EBADMSG);
	assert_int_equal(check(TUNNEL("short", "51820"), &gateway_key, &lease_q),
			 -EBADMSG);
	assert_int_equal(check(TUNNEL(WG_KEY, "51820"), &gateway_key, &lease_q),
			 0);
	assert_int_equal(v.lease.tunnel_port, 51820);
	assert_int_equal(v.lease.tunnel_keepalive, 25);
	assert_string_equal(v.lease.tunnel_key, WG_KEY);
}

#define GUID    "7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3"
#define WINDOWS "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
#define LENT(type, label, size)                                               \
	LEASE(HEX, "3", "60",                                                 \
	      "20, \"scratch\": {\"type\": \"" type "\", \"label\": \"" label \
	      "\", \"size_mib\": " size "}")
#define LABEL36 "123456789012345678901234567890123456"

static void test_scratch(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ LENT(GUID, "night", "64"), 0 },
		{ LENT(GUID, LABEL36, "0"), 0 },
		{ LENT(GUID, LABEL36 "7", "0"), -EBADMSG },
		{ LENT(GUID, "", "64"), -EBADMSG },
		{ LENT(GUID, "n\303\254ght", "64"), -EBADMSG },
		{ LENT(GUID, "night", "15"), -EBADMSG },
		{ LENT(GUID, "night", "-1"), -EBADMSG },
		{ LENT(GUID, "night", "99999999"), -EBADMSG },
		{ LENT(GUID, "night", "64, \"disk\": \"sda\""), -EBADMSG },
		{ LENT("sda3", "night", "64"), -EBADMSG },
		{ LENT(WINDOWS, "night", "64"), -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(check(cases[i].text, &gateway_key, &lease_q),
				 cases[i].rc);
	check(cases[0].text, &gateway_key, &lease_q);
	assert_string_equal(v.lease.scratch.type, GUID);
	assert_string_equal(v.lease.scratch.label, "night");
	assert_int_equal(v.lease.scratch.size_mib, 64);
	check(LEASE(HEX, "3", "60", "20"), &gateway_key, &lease_q);
	assert_string_equal(v.lease.scratch.type, "");
}

static void test_lease(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ LEASE(HEX, "3", "60", "20"), 0 },
		{ LEASE(HEX2, "3", "60", "20"), -EBADMSG },
		{ LEASE(HEX, "0", "60", "20"), -EBADMSG },
		{ LEASE(HEX, "-1", "60", "20"), -EBADMSG },
		{ LEASE(HEX, "3", "0", "20"), -EBADMSG },
		{ LEASE(HEX, "3", "60", "0"), -EBADMSG },
		{ LEASE(HEX, "3", "60", "100000"), -EBADMSG },
		{ LEASE(HEX, "3", "60", "20, \"x\": 0"), -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(check(cases[i].text, &gateway_key, &lease_q),
				 cases[i].rc);
	check(cases[0].text, &gateway_key, &lease_q);
	assert_int_equal(v.lease.epoch, 3);
	assert_int_equal(v.lease.gen, 5);
	assert_string_equal(v.lease.node, "pc1");
}

#define DOMU(id, memory, mac, config)                                           \
	"{\"id\": \"" id "\", \"image\": \"batch\", \"image_version\": \"1\", " \
	"\"manifest\": \"" HEX "\", \"memory_mib\": " memory                    \
	", \"vcpus\": 1, \"weight\": 256, \"cap\": 0, \"mac\": \"" mac          \
	"\", \"config\": " config "}"
#define MAC "00:16:3e:00:00:01"
#define DESIRED(node, epoch, domus)                          \
	"{" COMMON("desired", LATER) ", \"node\": \"" node   \
				     "\", \"epoch\": " epoch \
				     ", \"gen\": 9, \"domus\": [" domus "]}"
#define A DOMU("a", "64", MAC, "{\"ip\": \"10.0.0.1/8\"}")

static void test_desired(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ DESIRED("pc1", "3", A), 0 },
		{ DESIRED("pc1", "3", ""), 0 },
		{ DESIRED("pc1", "3", A "," DOMU("b", "1", MAC, "{}")), 0 },
		{ DESIRED("pc2", "3", A), -EBADMSG },
		{ DESIRED("pc1", "2", A), -EBADMSG },
		{ DESIRED("pc1", "3", A "," A), -EBADMSG },
		{ DESIRED("pc1", "3",
			  A "," DOMU("b", "1", MAC, "{}") "," DOMU(
				  "c", "1", MAC,
				  "{}") "," DOMU("d", "1", MAC,
						 "{}") "," DOMU("e", "1", MAC,
								"{}")),
		  -EBADMSG },
		{ DESIRED("pc1", "3", "1"), -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("../x", "64", MAC, "{}")), -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("A", "64", MAC, "{}")), -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("a", "0", MAC, "{}")), -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("a", "99999999", MAC, "{}")),
		  -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("a", "64", "nope", "{}")), -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("a", "64", "01:00:00:00:00:01", "{}")),
		  -EBADMSG }, /* multicast */
		{ DESIRED("pc1", "3", DOMU("a", "64", MAC, "[]")), -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("a", "64", MAC, "{\"k\": 1}")),
		  -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("a", "64", MAC, "{\"a/b\": \"\"}")),
		  -EBADMSG },
		{ DESIRED("pc1", "3", DOMU("a", "64", MAC, "{\"..\": \"\"}")),
		  -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (check(cases[i].text, &gateway_key, &desired_q) != cases[i].rc)
			fail_msg("case %zu: %s", i, cases[i].text);
	check(cases[0].text, &gateway_key, &desired_q);
	assert_int_equal(v.desired.n_domus, 1);
	assert_int_equal(v.desired.gen, 9);
	assert_string_equal(v.domu[0].id, "a");
	assert_string_equal(v.domu[0].config[0].key, "ip");
	assert_string_equal(v.domu[0].config[0].value, "10.0.0.1/8");
}

static void test_config_is_bounded(void **state)
{
	char text[40000], config[20000] = "{";
	size_t n;

	(void)state;
	for (int i = 0; i < MSG_CONFIG_MAX + 1; i++) {
		n = strlen(config);
		snprintf(config + n, sizeof(config) - n, "%s\"k%d\": \"v\"",
			 i ? ", " : "", i);
		snprintf(text, sizeof(text),
			 DESIRED("pc1", "3", DOMU("a", "64", MAC, "%s}")),
			 config);
		assert_int_equal(check(text, &gateway_key, &desired_q),
				 i < MSG_CONFIG_MAX ? 0 : -EBADMSG);
	}
	for (int len = 1023; len <= 1025; len++) {
		snprintf(config, sizeof(config), "{\"k\": \"%0*d\"}", len, 0);
		snprintf(text, sizeof(text),
			 DESIRED("pc1", "3", DOMU("a", "64", MAC, "%s")), config);
		assert_int_equal(check(text, &gateway_key, &desired_q),
				 len <= 1024 ? 0 : -EBADMSG);
	}
}

static struct msg_verify_doc segment_asked = {
	.kind = MSG_DOC_SEGMENT,
	.nonce = HEX,
};

/* What a segment statement may say of repository and carousel. */
static void test_segment_options(void **state)
{
	static const struct {
		const char *more;
		int good;
	} cases[] = {
		{ "", 1 },
		{ ", \"repo_port\": 8080", 1 },
		{ ", \"repo_port\": 65536", 0 },
		{ ", \"repo_floor\": {\"root\": 1, \"timestamp\": 7, "
		  "\"snapshot\": 5}",
		  1 },
		{ ", \"repo_floor\": {\"root\": 1, \"timestamp\": -7, "
		  "\"snapshot\": 5}",
		  0 },
		{ ", \"repo_floor\": {\"root\": 1}", 0 },
		{ ", \"carousel\": {\"group\": \"239.255.78.83\", "
		  "\"port\": 7883}",
		  1 },
		{ ", \"carousel\": {\"group\": \"10.0.0.1\", \"port\": 7883}", 0 },
		{ ", \"carousel\": {\"group\": \"239.255.78.83\", \"port\": 0}",
		  0 },
		{ ", \"carousal\": {}", 0 },
		{ ", \"gateway_address\": \"10.77.0.1\"", 1 },
		{ ", \"gateway_address\": \"10.77.0.1\", "
		  "\"gateway_mac\": \"52:54:00:77:00\"",
		  0 },
		{ ", \"gateway_address\": \"10.77.0.x\", "
		  "\"gateway_mac\": \"52:54:00:77:00:01\"",
		  0 },
		{ ", \"gateway_address\": \"0.0.0.0\", "
		  "\"gateway_mac\": \"52:54:00:77:00:01\"",
		  0 },
		{ ", \"gateway_address\": \"10.77.0.1\", "
		  "\"gateway_mac\": \"52:54:00:77:00:01\"",
		  1 },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text),
			 "{\"_type\": \"segment\", \"spec_version\": \"1\", "
			 "\"expires\": \"" LATER "\", \"segment\": \"lab\", "
			 "\"nonce\": \"" HEX "\", \"time_ms\": 1767225600001, "
			 "\"tls_pin\": \"" PIN "\", \"https_port\": 443%s}",
			 cases[i].more);
		assert_int_equal(check(text, &gateway_key, &segment_asked),
				 cases[i].good ? 0 : -EBADMSG);
	}
	assert_int_equal(v.segment.carousel, 0);
	assert_int_equal(v.segment.gateway, 0x0a4d0001);
	assert_string_equal(v.segment.gateway_mac, "52:54:00:77:00:01");
}

static void test_manifest(void **state)
{
	struct image_manifest m = {
		.name = "batch",
		.version = "1",
		.created_ms = NOW,
		.memory_min_mib = 32,
		.cmdline = "console=hvc0",
		.kernel = { HEX, 10 },
		.disk_size = 8192,
		.disk_stored = 100,
		.index = { HEX2, 20 },
		.bundle = { HEX, 300 },
		.bundle_head = 70,
		.bundle_head_sha256 = HEX2,
	};
	struct msg_verify_manifest out;
	auto_free char *doc = NULL;
	size_t len;

	(void)state;
	assert_int_equal(imagerepo_image_print(&m, &doc, NULL), 0);
	len = strlen(doc);
	assert_int_equal(verify_manifest(doc, len, &out, NULL), 0);
	assert_string_equal(out.name, "batch");
	assert_int_equal(out.blob[MSG_BLOB_KERNEL].size, 10);
	assert_int_equal(out.blob[MSG_BLOB_INITRD].size, 0);
	assert_string_equal(out.disk.disk, HEX2);
	assert_int_equal(out.disk.bundle_head, 70);
	for (size_t i = 0; i < len; i++)
		assert_int_not_equal(verify_manifest(doc, i, &out, NULL), 0);
}

/* No flipped bit of a document gets through. */
static void test_flipped_bits(void **state)
{
	json_t *body =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:i}", "_type",
			  "segment", "spec_version", "1", "expires", LATER,
			  "segment", "lab", "nonce", HEX, "time_ms",
			  (json_int_t)NOW, "tls_pin", PIN, "https_port", 443);
	struct msg_verify_doc q = segment_asked;
	auto_free char *doc = NULL;
	size_t len;

	(void)state;
	assert_int_equal(trust_sign(body, &gateway_key, 1, &doc, NULL), 0);
	json_decref(body);
	len = strlen(doc);
	assert_int_equal(verify_doc(root, &q, doc, len, NOW, &v, NULL), 0);
	for (size_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			doc[i] = (char)(doc[i] ^ 1 << bit);
			assert_int_not_equal(
				verify_doc(root, &q, doc, len, NOW, &v, NULL), 0);
			doc[i] = (char)(doc[i] ^ 1 << bit);
		}
	for (size_t i = 0; i < len; i++)
		assert_int_not_equal(verify_doc(root, &q, doc, i, NOW, &v, NULL),
				     0);
}

static void test_build(void **state)
{
	static const struct {
		const char *text;
		int good;
	} cases[] = {
		{ "{\"release\": \"00ff\", \"build_time\": "
		  "\"2026-01-01T00:00:00Z\", \"kernel\": \"6.1\"}",
		  1 },
		{ "{\"release\": \"00ff\"}", 0 },
		{ "{\"release\": \"00ff\", \"build_time\": \"today\"}", 0 },
		{ "{\"release\": \"\", \"build_time\": "
		  "\"2026-01-01T00:00:00Z\"}",
		  0 },
		{ "", 0 },
		{ "[]", 0 },
	};
	struct msg_verify_ready r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(!verify_build(cases[i].text,
					       strlen(cases[i].text), &r, NULL),
				 cases[i].good);
	verify_build(cases[0].text, strlen(cases[0].text), &r, NULL);
	assert_int_equal(r.build_ms, NOW);
	assert_string_equal(r.release, "00ff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segment),
		cmocka_unit_test(test_scratch),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_desired),
		cmocka_unit_test(test_config_is_bounded),
		cmocka_unit_test(test_segment_options),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_build),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
