/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sha256.h"

static void hex_of(const uint8_t digest[SHA256_SIZE], char *hex_out)
{
	size_t i;

	for (i = 0; i < SHA256_SIZE; i++)
		sprintf(hex_out + 2 * i, "%02x", digest[i]);
}

static void assert_digest(struct sha256 *sha, const char *want)
{
	char hex[2 * SHA256_SIZE + 1];
	uint8_t digest[SHA256_SIZE];

	sha256_final(sha, digest);
	hex_of(digest, hex);
	assert_string_equal(hex, want);
}

/* FIPS 180-4's own examples, and what sha256sum says of the empty file. */
static void knows_the_examples(void **state)
{
	static const struct {
		const char *text, *digest;
	} cases[] = {
		{ "",
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc",
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	struct sha256 sha;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sha256_init(&sha);
		sha256_update(&sha, cases[i].text, strlen(cases[i].text));
		assert_digest(&sha, cases[i].digest);
	}
}

static void takes_a_million_bytes(void **state)
{
	static char a[1000];
	struct sha256 sha;
	size_t i;

	(void)state;
	memset(a, 'a', sizeof(a));
	sha256_init(&sha);
	for (i = 0; i < 1000; i++)
		sha256_update(&sha, a, sizeof(a));
	assert_digest(
		&sha,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* However a text is cut into pieces, and wherever padding begins: the same. */
static void does_not_care_for_pieces(void **state)
{
	uint8_t text[3 * SHA256_BLOCK], whole[SHA256_SIZE], parts[SHA256_SIZE];
	struct sha256 sha;
	size_t len, cut, i;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = i * 7;
	for (len = 0; len <= sizeof(text); len++) {
		sha256_init(&sha);
		sha256_update(&sha, text, len);
		sha256_final(&sha, whole);
		for (cut = 0; cut <= len; cut++) {
			sha256_init(&sha);
			sha256_update(&sha, text, cut);
			sha256_update(&sha, text + cut, len - cut);
			sha256_final(&sha, parts);
			assert_memory_equal(whole, parts, sizeof(whole));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_examples),
		cmocka_unit_test(takes_a_million_bytes),
		cmocka_unit_test(does_not_care_for_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
