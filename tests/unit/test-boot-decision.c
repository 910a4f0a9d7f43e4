/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decision.h"
#include "text.h"
#include "url.h"

#define HEAD "nightshift-boot 1\n"
#define GRID HEAD "action grid\n"
#define PATH "path /boot/r/0123456789abcdef/grid.efi\n"

/* From memory of exactly that size: a read beyond it is seen by ASan. */
static const char *parse(const char *text, size_t len, struct decision *d)
{
	char *copy = malloc(len > 0 ? len : 1);
	const char *wrong;

	memcpy(copy, text, len);
	wrong = decision_parse(copy, len, d);
	free(copy);
	return wrong;
}

static void takes_both_actions(void **state)
{
	struct decision d;

	(void)state;
	assert_null(parse(HEAD "action local\n", strlen(HEAD "action local\n"),
			  &d));
	assert_int_equal(d.action, BOOT_LOCAL);
	assert_string_equal(d.path, "");
	assert_null(parse(GRID PATH, strlen(GRID PATH), &d));
	assert_int_equal(d.action, BOOT_GRID);
	assert_string_equal(d.path, "/boot/r/0123456789abcdef/grid.efi");
	assert_null(parse(HEAD PATH "action grid\n",
			  strlen(HEAD PATH "action grid\n"), &d));
	assert_int_equal(d.action, BOOT_GRID);
}

static void refuses_all_else(void **state)
{
	static const char *const cases[] = {
		"",
		"\n",
		"nightshift-boot 1",
		HEAD,
		"nightshift-boot 2\naction local\n",
		" " HEAD "action local\n",
		HEAD "action local",
		HEAD "action local\r\n",
		HEAD "action  local\n",
		HEAD "action\n",
		HEAD "action \n",
		HEAD "action Grid\n",
		HEAD "action local\naction local\n",
		HEAD "action local\naction grid\n" PATH,
		HEAD "action local\n" PATH,
		HEAD "action local\n\n",
		HEAD "action local\nextra\n",
		HEAD "<html>\n",
		GRID,
		GRID PATH PATH,
		GRID "path \n",
		GRID "path /\n",
		GRID "path /boot/r/\n",
		GRID "path /boot/r/x/\n",
		GRID "path /boot/r//x\n",
		GRID "path /boot/r/../x\n",
		GRID "path /boot/r/x/..\n",
		GRID "path /boot/r/.x\n",
		GRID "path /boot/uefi/x\n",
		GRID "path boot/r/x\n",
		GRID "path /boot/r/x y\n",
		GRID "path /boot/r/x?y\n",
		GRID "path /boot/r/%2e%2e/x\n",
		GRID "path /boot/r/x@evil\n",
		GRID "path http://192.0.2.1/boot/r/x\n",
	};
	struct decision d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		d.action = BOOT_GRID;
		if (parse(cases[i], strlen(cases[i]), &d) == NULL)
			fail_msg("case %zu was taken: %s", i, cases[i]);
		assert_int_equal(d.action, BOOT_LOCAL);
		assert_string_equal(d.path, "");
	}
}

static void refuses_what_is_too_long(void **state)
{
	char text[DECISION_TEXT_MAX + 2];
	struct decision d;
	size_t len = strlen(GRID "path /boot/r/");

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, GRID "path /boot/r/", len);
	/* The longest path there may be, then one more. */
	len += DECISION_PATH_MAX - 1 - strlen("/boot/r/");
	text[len] = '\n';
	assert_null(parse(text, len + 1, &d));
	assert_int_equal(strlen(d.path), DECISION_PATH_MAX - 1);
	text[len] = 'a';
	text[len + 1] = '\n';
	assert_non_null(parse(text, len + 2, &d));
	assert_non_null(parse(text, sizeof(text), &d));
}

/* Whatever one byte of a good text becomes: no crash, and only a path like ours. */
static void survives_any_byte(void **state)
{
	char text[] = GRID PATH;
	struct decision d;
	size_t i;
	int c;

	(void)state;
	for (i = 0; i < strlen(GRID PATH); i++) {
		char was = text[i];

		for (c = 0; c < 256; c++) {
			text[i] = (char)c;
			if (parse(text, strlen(GRID PATH), &d) != NULL)
				assert_int_equal(d.action, BOOT_LOCAL);
			else
				assert_memory_equal(d.path, "/boot/r/", 8);
		}
		text[i] = was;
	}
}

static void text_is_cut_and_says_so(void **state)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x77, 0xff, 0x0a };
	static const uint8_t ip[4] = { 10, 77, 0, 255 };
	struct text text = TEXT_INIT;
	int i;

	(void)state;
	text_put_mac(&text, mac);
	text_put(&text, " ");
	text_put_ip(&text, ip);
	text_put(&text, " ");
	text_put_uint(&text, UINT64_MAX);
	assert_string_equal(
		text.s, "52-54-00-77-ff-0a 10.77.0.255 18446744073709551615");
	assert_true(text_is_whole(&text));
	for (i = 0; i < TEXT_MAX; i++)
		text_put(&text, "x");
	assert_false(text_is_whole(&text));
	assert_int_equal(strlen(text.s), TEXT_MAX - 1);
}

static bool server(const char *url, uint8_t ip_out[4])
{
	char *copy = malloc(strlen(url) + 1);
	bool ok;

	memcpy(copy, url, strlen(url));
	ok = url_server(copy, strlen(url), ip_out);
	free(copy);
	return ok;
}

static void url_names_a_server(void **state)
{
	static const char *const bad[] = {
		"",
		"http",
		"http://",
		"http:///x",
		"http://10.77.0.1",
		"http://10.77.0/x",
		"http://10.77.0.1.2/x",
		"http://10.77.0.256/x",
		"http://10.77.0.0001/x",
		"http://10.77.00.1/x",
		"http://10..0.1/x",
		"http://10.77.0.1:80/x",
		"http://10.77.0.1@192.0.2.1/x",
		"http://gateway/x",
		"https://10.77.0.1/x",
		"HTTP://10.77.0.1/x",
	};
	static const uint8_t want[4] = { 10, 77, 0, 255 };
	uint8_t ip[4];
	size_t i;

	(void)state;
	assert_true(server("http://10.77.0.255/boot/x.efi", ip));
	assert_memory_equal(ip, want, sizeof(ip));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (server(bad[i], ip))
			fail_msg("%s was taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_both_actions),
		cmocka_unit_test(refuses_all_else),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(survives_any_byte),
		cmocka_unit_test(text_is_cut_and_says_so),
		cmocka_unit_test(url_names_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
