/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, and what wireguard-go answers. That tunnels carry packets is
 * tests/integration/wg.sh's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "private.h"

/* RFC 7748 section 6.1, in base64. */
static void knows_its_public_key(void **state)
{
	char text[WG_KEY_STR];
	uint8_t key[WG_KEY_LEN], shown[WG_KEY_LEN];

	(void)state;
	assert_int_equal(
		wg_key_parse("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=", key),
		0);
	wg_key_public(key, shown);
	wg_key_format(shown, text);
	assert_string_equal(text, "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
}

static void makes_keys_that_differ(void **state)
{
	uint8_t a[WG_KEY_LEN], b[WG_KEY_LEN];

	(void)state;
	wg_key_new(a);
	wg_key_new(b);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(a[0] & 7, 0);
	assert_int_equal(a[31] & 0xc0, 0x40);
}

static void refuses_bad_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp=", /* spare bits */
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n",
		"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTm==",
		"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo=",
		/* Of small order: 0, 1, and RFC 7748's neighbours of 2^255. */
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"7P///////////////////////////////////////38=",
		"7f///////////////////////////////////////38=",
		"4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=",
	};
	uint8_t key[WG_KEY_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(wg_key_parse(bad[i], key), -EINVAL);
}

#define KEY_A "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define KEY_B "b1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

static void reads_an_answer(void **state)
{
	static const char text[] =
		"private_key=" KEY_A "\nlisten_port=51820\n"
		"public_key=" KEY_A "\npreshared_key=" KEY_B "\n"
		"protocol_version=1\nendpoint=10.77.0.11:4711\n"
		"last_handshake_time_sec=1700000000\n"
		"last_handshake_time_nsec=250000000\ntx_bytes=5\nrx_bytes=6\n"
		"persistent_keepalive_interval=25\n"
		"allowed_ip=10.77.128.11/32\n"
		"public_key=" KEY_B "\nendpoint=[fe80::1]:5\n"
		"last_handshake_time_sec=0\nlast_handshake_time_nsec=0\n"
		"allowed_ip=fe80::/64\nerrno=0\n\n";
	struct wg_list l = { 0 };

	(void)state;
	assert_int_equal(wg_uapi_parse(text, strlen(text), &l, NULL), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.peers[0].key[0], 0xa1);
	assert_int_equal(l.peers[0].endpoint, 0x0a4d000b);
	assert_int_equal(l.peers[0].endpoint_port, 4711);
	assert_int_equal(l.peers[0].handshake_ms, 1700000000250);
	assert_int_equal(l.peers[0].rx_bytes, 6);
	assert_int_equal(l.peers[0].tx_bytes, 5);
	assert_int_equal(l.peers[0].keepalive_sec, 25);
	assert_int_equal(l.peers[0].address, 0x0a4d800b);
	assert_int_equal(l.peers[0].prefix, 32);
	assert_int_equal(l.peers[1].endpoint, 0);
	assert_int_equal(l.peers[1].handshake_ms, 0);
	free(l.peers);
}

static void refuses_strange_answers(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "", -EPROTO },
		{ "\n", -EPROTO },
		{ "errno=0", -EPROTO },
		{ "listen_port=1\n\n", -EPROTO },
		{ "errno=22\n\n", -EINVAL },
		{ "errno=-22\n\n", -EINVAL },
		{ "errno=x\n\n", -EPROTO },
		{ "errno=0\nlisten_port=1\n\n", -EPROTO },
		{ "rx_bytes=1\nerrno=0\n\n", -EPROTO },
		{ "public_key=abc\nerrno=0\n\n", -EPROTO },
		{ "public_key=" KEY_A "\nrx_bytes=-1\nerrno=0\n\n", -EPROTO },
		{ "public_key=" KEY_A "\nendpoint=1.2.3.4\nerrno=0\n\n", -EPROTO },
		{ "public_key=" KEY_A
		  "\nendpoint=1.2.3.4.5.6.7.8.9:1\nerrno=0\n\n",
		  -EPROTO },
		{ "public_key=" KEY_A "\nallowed_ip=1.2.3.4/33\nerrno=0\n\n",
		  -EPROTO },
		{ "no equals sign\nerrno=0\n\n", -EPROTO },
		{ KEY_A "=1\nerrno=0\n\n", -EPROTO },
	};
	struct wg_list l = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(wg_uapi_parse(cases[i].text,
					       strlen(cases[i].text), &l, NULL),
				 cases[i].rc);
	free(l.peers);
}

static void open_needs_a_name_that_fits(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	struct wg *w;

	(void)state;
	assert_int_equal(wg_open("", NULL, &w, &err), -EINVAL);
	assert_int_equal(wg_open("a-name-too-long-for-it", NULL, &w, &err),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_its_public_key),
		cmocka_unit_test(makes_keys_that_differ),
		cmocka_unit_test(refuses_bad_keys),
		cmocka_unit_test(reads_an_answer),
		cmocka_unit_test(refuses_strange_answers),
		cmocka_unit_test(open_needs_a_name_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
