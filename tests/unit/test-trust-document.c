/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed documents: what is accepted, and that nothing else is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "trust.h"

#define NOW INT64_C(1795226400000) /* 2026-11-21T02:00:00Z */
#define DAY INT64_C(86400000)

static struct trust_key root_key, images[3], gateway, stranger;
static struct trust_root *root;
static char *root_doc;
static struct errinfo err;

static int make_root(int threshold, char **doc)
{
	struct trust_role roles[] = {
		{ "root", &root_key, 1, 1 },
		{ "images", images, 3, threshold },
		{ "gateways", &gateway, 1, 1 },
	};

	return trust_root_make(roles, ARRAY_SIZE(roles), 1, NOW + 30 * DAY, doc,
			       &err);
}

static int setup(void **state)
{
	struct trust_key *all[] = { &root_key,  &images[0], &images[1],
				    &images[2], &gateway,   &stranger };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (trust_key_generate(all[i], &err))
			return 1;
	return make_root(1, &root_doc) ||
	       trust_root_load(root_doc, strlen(root_doc), NOW, &root, &err);
}

static int teardown(void **state)
{
	(void)state;
	trust_root_free(root);
	free(root_doc);
	return 0;
}

static json_t *body_of(const char *type, const char *expires)
{
	return json_pack("{s:s, s:s, s:s, s:i}", "_type", type, "spec_version",
			 "1", "expires", expires, "n", 7);
}

static char *sign(const char *type, const struct trust_key *keys, size_t n)
{
	json_t *body = body_of(type, "2026-12-01T00:00:00Z");
	char *doc = NULL;

	assert_int_equal(0, trust_sign(body, keys, n, &doc, &err));
	json_decref(body);
	return doc;
}

/* Verifies text as an image; drops the body. */
static int verify(const struct trust_root *r, const void *doc, size_t len)
{
	json_t *body = NULL;
	int rc = trust_verify(r, "images", "image", doc, len, NOW, &body, &err);

	assert_true((rc == 0) == (body != NULL));
	json_decref(body);
	return rc;
}

static int verify_text(const char *doc)
{
	return verify(root, doc, strlen(doc));
}

static void test_sign_and_verify(void **state)
{
	auto_free char *doc = sign("image", images, 1);
	json_t *body;

	(void)state;
	assert_int_equal(0, trust_verify(root, "images", "image", doc,
					 strlen(doc), NOW, &body, &err));
	assert_int_equal(7, json_integer_value(json_object_get(body, "n")));
	json_decref(body);
	assert_int_equal('\n', doc[strlen(doc) - 1]);
}

static void test_every_changed_byte_is_refused(void **state)
{
	auto_free char *doc = sign("image", images, 1);
	size_t len = strlen(doc);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char was = doc[i];

		for (int byte = 0; byte < 256; byte++) {
			if ((char)byte == was)
				continue;
			doc[i] = (char)byte;
			assert_int_not_equal(0, verify(root, doc, len));
		}
		doc[i] = was;
	}
	for (size_t i = 0; i < len; i++)
		assert_int_not_equal(0, verify(root, doc, i));
	assert_int_equal(0, verify_text(doc));
}

static void test_wrong_keys(void **state)
{
	auto_free char *by_stranger = sign("image", &stranger, 1);
	auto_free char *by_gateway = sign("image", &gateway, 1);
	auto_free char *by_root = sign("image", &root_key, 1);
	const struct trust_key both[] = { stranger, images[2] };
	auto_free char *by_both = sign("image", both, 2);
	json_t *body;

	(void)state;
	assert_int_equal(-ENOKEY, verify_text(by_stranger));
	assert_int_equal(-ENOKEY, verify_text(by_gateway));
	assert_int_equal(-ENOKEY, verify_text(by_root));
	assert_int_equal(0, verify_text(by_both));
	assert_int_equal(-ENOKEY,
			 trust_verify(root, "nobody", "image", by_both,
				      strlen(by_both), NOW, &body, &err));
}

static void test_wrong_type(void **state)
{
	auto_free char *doc = sign("channel", images, 1);

	(void)state;
	assert_int_equal(-EBADMSG, verify_text(doc));
}

static void test_expiry(void **state)
{
	auto_free char *doc = sign("image", images, 1);
	int64_t end;
	json_t *body;

	(void)state;
	assert_int_equal(0, clock_parse("2026-12-01T00:00:00Z", &end));
	assert_int_equal(-ESTALE, trust_verify(root, "images", "image", doc,
					       strlen(doc), end, &body, &err));
	assert_int_equal(0, trust_verify(root, "images", "image", doc,
					 strlen(doc), end - 1, &body, &err));
	json_decref(body);
	assert_int_equal(0, trust_verify(root, "images", "image", doc,
					 strlen(doc), 0, &body, &err));
	json_decref(body);
	/* The root's own end ends everything. */
	assert_int_equal(-ESTALE,
			 trust_verify(root, "images", "image", doc, strlen(doc),
				      NOW + 30 * DAY, &body, &err));
}

/* The text with the first `from` replaced by `to`. */
static char *replaced(const char *doc, const char *from, const char *to)
{
	const char *at = strstr(doc, from);
	char *out = NULL;

	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - doc), doc, to,
			     at + strlen(from)) > 0);
	return out;
}

static void test_threshold_counts_keys_not_signatures(void **state)
{
	const struct trust_key twice[] = { images[0], images[0] };
	auto_free char *doc2 = NULL;
	struct trust_root *two = NULL;
	auto_free char *one = sign("image", images, 1);
	auto_free char *same = sign("image", twice, 2);
	auto_free char *both = sign("image", images, 2);

	(void)state;
	assert_int_equal(0, make_root(2, &doc2));
	assert_int_equal(0, trust_root_load(doc2, strlen(doc2), NOW, &two, &err));
	assert_int_equal(-ENOKEY, verify(two, one, strlen(one)));
	assert_int_equal(-ENOKEY, verify(two, same, strlen(same)));
	assert_int_equal(0, verify(two, both, strlen(both)));
	assert_int_equal(0, verify_text(same));
	trust_root_free(two);
}

struct bad {
	const char *from, *to; /* NULL: to is the whole document */
};

static const struct bad bad_docs[] = {
	{ "\"n\":7", "\"n\":7,\"n\":7" },
	{ "\"n\":7", "\"n\":7.0" },
	{ "\"n\":7", "\"n\":07" },
	{ "\"n\":7", "\"n\": 7" },
	{ "\"n\":7", "\"n\":-0" },
	{ "\"n\":7", "\"n\":99999999999999999999" },
	{ "\"_type\":\"image\"", "\"_type\":\"im\\u0061ge\"" },
	{ "{\"signatures\":", "{\"extra\":1,\"signatures\":" },
	{ "\"keyid\":", "\"a\":1,\"keyid\":" },
	{ "}}\n", "}}" },
	{ "}}\n", "}}\n\n" },
	{ "}}\n", "}}\n{}" },
	{ "{\"signatures\"", " {\"signatures\"" },
	{ NULL, "" },
	{ NULL, "\n" },
	{ NULL, "null\n" },
	{ NULL, "[]\n" },
	{ NULL, "{}\n" },
	{ NULL, "{\"signatures\":[],\"signed\":[]}\n" },
	{ NULL, "{\"signatures\":{},\"signed\":{}}\n" },
	{ NULL, "{\"signatures\":[],\"signed\":{}}\n" },
	{ NULL, "{\"signatures\":[null],\"signed\":{}}\n" },
	{ NULL, "{\"signatures\":[[]],\"signed\":{}}\n" },
};

static void test_malformed_documents(void **state)
{
	auto_free char *doc = sign("image", images, 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_docs); i++) {
		auto_free char *text =
			bad_docs[i].from
				? replaced(doc, bad_docs[i].from, bad_docs[i].to)
				: strdup(bad_docs[i].to);

		assert_int_not_equal(0, verify_text(text));
		assert_int_not_equal('\0', err.text[0]);
	}
}

static void test_without_signature(void **state)
{
	auto_free char *doc = sign("image", images, 1);
	auto_free char *text = NULL;

	(void)state;
	assert_true(asprintf(&text, "{\"signatures\":[],%s",
			     strstr(doc, "\"signed\":")) > 0);
	assert_int_equal(-ENOKEY, verify_text(text));
}

static void test_bounds(void **state)
{
	auto_free char *big = malloc(TRUST_DOC_MAX + 1);
	auto_free char *deep = malloc(TRUST_DOC_MAX);
	json_t *body = body_of("image", "2026-12-01T00:00:00Z");
	char *doc = NULL;

	(void)state;
	memset(big, ' ', TRUST_DOC_MAX + 1);
	assert_int_equal(-EFBIG, verify(root, big, TRUST_DOC_MAX + 1));
	memset(deep, '[', TRUST_DOC_MAX);
	assert_int_equal(-EBADMSG, verify(root, deep, TRUST_DOC_MAX));
	memset(deep + 1000, ']', 1000);
	assert_int_equal(-EBADMSG, verify(root, deep, 2000));

	memset(big, 'x', TRUST_DOC_MAX);
	big[TRUST_DOC_MAX] = '\0';
	json_object_set_new(body, "big", json_string(big));
	assert_int_equal(-EFBIG, trust_sign(body, images, 1, &doc, &err));
	json_decref(body);
}

static void test_refuses_to_sign_what_cannot_be_verified(void **state)
{
	struct trust_key half = images[0];
	json_t *good = body_of("image", "2026-12-01T00:00:00Z");
	json_t *no_end = body_of("image", "tomorrow");
	json_t *nothing = json_object();
	char *doc = NULL;

	(void)state;
	half.has_secret = 0;
	assert_int_not_equal(0, trust_sign(good, &half, 1, &doc, &err));
	assert_int_not_equal(0, trust_sign(good, images, 0, &doc, &err));
	assert_int_not_equal(0, trust_sign(no_end, images, 1, &doc, &err));
	assert_int_not_equal(0, trust_sign(nothing, images, 1, &doc, &err));
	json_object_set_new(good, "real", json_real(1.5));
	assert_int_equal(-EINVAL, trust_sign(good, images, 1, &doc, &err));
	assert_null(doc);
	json_decref(good);
	json_decref(no_end);
	json_decref(nothing);
}

static int load_root(const char *doc, int64_t now_ms)
{
	struct trust_root *r = NULL;
	int rc = trust_root_load(doc, strlen(doc), now_ms, &r, &err);

	trust_root_free(r);
	return rc;
}

static void test_root_document(void **state)
{
	auto_free char *changed =
		replaced(root_doc, "\"version\":1", "\"version\":2");
	auto_free char *image = sign("image", &root_key, 1);
	char *doc = NULL;

	(void)state;
	assert_int_equal(0, load_root(root_doc, 0));
	assert_int_equal(0, load_root(root_doc, NOW));
	assert_int_equal(-ESTALE, load_root(root_doc, NOW + 30 * DAY));
	assert_int_equal(-EBADMSG, load_root(changed, NOW));
	assert_int_equal(-EBADMSG, load_root(image, NOW));
	assert_int_not_equal(0, make_root(4, &doc));
	assert_int_not_equal(0, make_root(0, &doc));
	assert_null(doc);
}

static const struct bad bad_roots[] = {
	{ "\"threshold\":1", "\"threshold\":4294967297" },
	{ "\"threshold\":1", "\"threshold\":-1" },
	{ "\"threshold\":1", "\"threshold\":\"1\"" },
	{ "\"version\":1", "\"version\":0" },
	{ "\"version\":1", "\"aversion\":1" },
	{ "\"spec_version\":\"1\"", "\"spec_version\":\"2\"" },
	{ "\"scheme\":\"ed25519\"", "\"scheme\":\"rsa\"" },
	{ "\"root\":{", "\"rood\":{" },
	{ "\"images\":{", "\"../im\":{" },
};

/* Signed rightly by the root key, and wrong all the same. */
static void test_malformed_roots(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_roots); i++) {
		auto_free char *text =
			replaced(root_doc, bad_roots[i].from, bad_roots[i].to);
		json_t *top = json_loads(text, 0, NULL);
		auto_free char *doc = NULL;
		int rc;

		rc = trust_sign(json_object_get(top, "signed"), &root_key, 1,
				&doc, &err);
		json_decref(top);
		if (rc) /* already refused there */
			continue;
		assert_int_equal(-EBADMSG, load_root(doc, NOW));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_and_verify),
		cmocka_unit_test(test_every_changed_byte_is_refused),
		cmocka_unit_test(test_wrong_keys),
		cmocka_unit_test(test_wrong_type),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_threshold_counts_keys_not_signatures),
		cmocka_unit_test(test_malformed_documents),
		cmocka_unit_test(test_without_signature),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_refuses_to_sign_what_cannot_be_verified),
		cmocka_unit_test(test_root_document),
		cmocka_unit_test(test_malformed_roots),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
