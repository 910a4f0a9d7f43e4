/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical JSON and keys.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fileio.h"
#include "parse.h"
#include "trust.h"

struct vector {
	const char *in, *out; /* out NULL: has no canonical form */
};

static const struct vector vectors[] = {
	{ "{}", "{}" },
	{ "[ ]", "[]" },
	{ "[ 1, 2 ,3]", "[1,2,3]" },
	{ "{\"b\": 1, \"a\": 2}", "{\"a\":2,\"b\":1}" },
	{ "{\"a\": {\"z\": null, \"y\": [true, false]}}",
	  "{\"a\":{\"y\":[true,false],\"z\":null}}" },
	{ "{\"aa\":1,\"a\":2,\"B\":3}", "{\"B\":3,\"a\":2,\"aa\":1}" },
	{ "[\"q\\\"b\\\\\"]", "[\"q\\\"b\\\\\"]" },
	{ "[\"a\\/b\"]", "[\"a/b\"]" },
	{ "[\"\\u00e4\"]", "[\"\xc3\xa4\"]" },
	{ "[\"\\u0041\"]", "[\"A\"]" },
	{ "[-0]", "[0]" },
	{ "[-9223372036854775808]", "[-9223372036854775808]" },
	/* byte order is code point order: U+FFFD before U+1F600 */
	{ "{\"\xf0\x9f\x98\x80\":1,\"\xef\xbf\xbd\":2}",
	  "{\"\xef\xbf\xbd\":2,\"\xf0\x9f\x98\x80\":1}" },
	{ "[1.0]", NULL },
	{ "[1e2]", NULL },
	{ "[\"a\\nb\"]", NULL },
	{ "[\"a\\u0001b\"]", NULL },
	{ "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
	  "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]" },
	{ "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", NULL },
};

static void test_canonical_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		json_t *v = json_loads(vectors[i].in, 0, NULL);
		auto_free char *text = NULL;

		assert_non_null(v);
		text = trust_canonical(v);
		json_decref(v);
		if (!vectors[i].out) {
			assert_null(text);
			continue;
		}
		assert_non_null(text);
		assert_string_equal(text, vectors[i].out);
	}
}

static void test_canonical_refuses_bytes_that_are_not_utf8(void **state)
{
	json_t *v = json_string_nocheck("a\xff");

	(void)state;
	assert_null(trust_canonical(v));
	json_decref(v);
	assert_null(trust_canonical(NULL));
}

/* RFC 8032, 7.1, TEST 2. */
static void test_signature_of_rfc_8032(void **state)
{
	uint8_t public[TRUST_PUBLIC_LEN], sig[TRUST_SIG_LEN];
	const uint8_t message = 0x72;

	(void)state;
	assert_int_equal(0, parse_hex("3d4017c3e843895a92b70aa74d1b7ebc"
				      "9c982ccf2ec4968cc0cd55f12af4660c",
				      public, sizeof(public)));
	assert_int_equal(0, parse_hex("92a009a9f0d4cab8720e820b5f642540"
				      "a2b27b5416503f8fb3762223ebdb69da"
				      "085ac1e43e15996e458f3613d0f11d8c"
				      "387b2eaeb4302aeeb00d291612bb0c00",
				      sig, sizeof(sig)));
	assert_int_equal(0, trust_verify_bytes(public, &message, 1, sig));
	sig[3] ^= 1;
	assert_int_equal(-EBADMSG, trust_verify_bytes(public, &message, 1, sig));
	sig[3] ^= 1;
	assert_int_equal(-EBADMSG, trust_verify_bytes(public, &message, 0, sig));
}

/* The directory of a test; its files are named k and k.pub. */
static int setup_dir(void **state)
{
	char *dir = strdup("/tmp/test-trust-XXXXXX");

	*state = dir;
	return !dir || !mkdtemp(dir);
}

static int teardown_dir(void **state)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/k", (char *)*state);
	unlink(path);
	strcat(path, ".pub");
	unlink(path);
	rmdir(*state);
	free(*state);
	return 0;
}

static void test_key_files(void **state)
{
	struct trust_key key, secret, public;
	struct errinfo err = ERRINFO_INIT;
	char path[256], pub[260];
	struct stat st;

	snprintf(path, sizeof(path), "%s/k", (char *)*state);
	snprintf(pub, sizeof(pub), "%s.pub", path);
	assert_int_equal(0, trust_key_generate(&key, &err));
	assert_int_equal(0, trust_key_save(&key, path, &err));
	assert_int_equal(-EEXIST, trust_key_save(&key, path, &err));
	assert_int_equal(0, stat(path, &st));
	assert_int_equal(0600, st.st_mode & 07777);

	assert_int_equal(0, trust_key_load(path, &secret, &err));
	assert_int_equal(1, secret.has_secret);
	assert_memory_equal(key.secret, secret.secret, TRUST_SECRET_LEN);
	assert_string_equal(key.keyid, secret.keyid);
	assert_int_equal(0, trust_key_load(pub, &public, &err));
	assert_int_equal(0, public.has_secret);
	assert_memory_equal(key.public, public.public, TRUST_PUBLIC_LEN);
	assert_string_equal(key.keyid, public.keyid);

	assert_int_equal(0, chmod(path, 0604));
	assert_int_equal(-EPERM, trust_key_load(path, &secret, &err));
	trust_key_wipe(&key);
	assert_int_equal(0, key.has_secret);
}

static void test_key_file_with_two_different_halves(void **state)
{
	struct trust_key key, other;
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL;
	char path[256], hex[2 * TRUST_PUBLIC_LEN + 1];

	snprintf(path, sizeof(path), "%s/k", (char *)*state);
	assert_int_equal(0, trust_key_generate(&key, &err));
	assert_int_equal(0, trust_key_generate(&other, &err));
	assert_int_equal(0, trust_key_save(&key, path, &err));
	assert_int_equal(0, fileio_read(path, 4096, &text, NULL, &err));
	format_hex(other.public, TRUST_PUBLIC_LEN, hex);
	memcpy(strstr(text, "\"public\":\"") + 10, hex, sizeof(hex) - 1);
	assert_int_equal(
		0, fileio_write_atomic(path, text, strlen(text), 0600, &err));
	assert_int_equal(-EBADMSG, trust_key_load(path, &key, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_vectors),
		cmocka_unit_test(test_canonical_refuses_bytes_that_are_not_utf8),
		cmocka_unit_test(test_signature_of_rfc_8032),
		cmocka_unit_test_setup_teardown(test_key_files, setup_dir,
						teardown_dir),
		cmocka_unit_test_setup_teardown(
			test_key_file_with_two_different_halves, setup_dir,
			teardown_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
