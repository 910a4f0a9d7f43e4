/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's own certificate, and its pin as others work it out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fileio.h"
#include "tls.h"

static char base[] = "/tmp/test-tls.XXXXXX";

static const char *in(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

/* A certificate made elsewhere, and its pin from
 *	openssl x509 -pubkey -noout | openssl pkey -pubin -outform der |
 *	openssl dgst -sha256 -binary | base64 */
static const char known[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBbjCCAROgAwIBAgIUBaOnrh8FupoeXDQi187emzotjEUwCgYIKoZIzj0EAwIw\n"
	"DDEKMAgGA1UEAwwBeDAeFw0yNjExMjEwMzUyMTlaFw0yNjEyMjEwMzUyMTlaMAwx\n"
	"CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASfGP714cF1TUBM\n"
	"uRHPkPrPJxpDg0fqw66SiMNbrbZJRrX9eqNJVW84SE8bs8C+/JE58vAWhwkdFuLI\n"
	"WHYQQtAno1MwUTAdBgNVHQ4EFgQU/d2XhbPjJulLOS77QrirT+h2AGEwHwYDVR0j\n"
	"BBgwFoAU/d2XhbPjJulLOS77QrirT+h2AGEwDwYDVR0TAQH/BAUwAwEB/zAKBggq\n"
	"hkjOPQQDAgNJADBGAiEA2Gjoc34tBHi2ZmdiPI7+G2PHO1E/GjBn/2QD9yYviZwC\n"
	"IQC5P3w3IE3hGV1JfNDO71mHwC7VvGk0t2gTBLBHNqvaNQ==\n"
	"-----END CERTIFICATE-----\n";
static const char known_pin[] =
	"sha256//ZcLMGojTmi9RLUZNgso/S3zT2L5C03InTKe07fX57jo=";

static void makes_a_pair_once(void **state)
{
	char first[TLS_PIN_LEN], again[TLS_PIN_LEN];
	struct stat sb;
	int made;

	(void)state;
	assert_int_equal(tls_ensure(in("new/state"), "lab", &made, NULL), 0);
	assert_true(made);
	assert_int_equal(stat(in("new/state/tls.key"), &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	assert_int_equal(stat(in("new/state/tls.crt"), &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0644);
	assert_int_equal(tls_pin(in("new/state"), first, NULL), 0);

	assert_int_equal(tls_ensure(in("new/state"), "lab", &made, NULL), 0);
	assert_false(made);
	assert_int_equal(tls_pin(in("new/state"), again, NULL), 0);
	assert_string_equal(first, again);
}

static void makes_both_if_one_is_missing(void **state)
{
	char first[TLS_PIN_LEN], again[TLS_PIN_LEN];

	(void)state;
	assert_int_equal(tls_ensure(in("half"), "lab", NULL, NULL), 0);
	assert_int_equal(tls_pin(in("half"), first, NULL), 0);
	assert_int_equal(unlink(in("half/tls.key")), 0);
	assert_int_equal(tls_ensure(in("half"), "lab", NULL, NULL), 0);
	assert_int_equal(tls_pin(in("half"), again, NULL), 0);
	assert_string_not_equal(first, again);
}

static void pins_as_others_do(void **state)
{
	char pin[TLS_PIN_LEN];

	(void)state;
	assert_int_equal(mkdir(in("known"), 0700), 0);
	assert_int_equal(fileio_write_atomic(in("known/tls.crt"), known,
					     strlen(known), 0600, NULL),
			 0);
	assert_int_equal(tls_pin(in("known"), pin, NULL), 0);
	assert_string_equal(pin, known_pin);
	assert_int_equal(strlen(pin), TLS_PIN_LEN - 1);
}

static void says_what_is_wrong(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	char pin[TLS_PIN_LEN];

	(void)state;
	assert_int_equal(tls_pin(in("none"), pin, &err), -ENOENT);
	assert_int_equal(mkdir(in("bad"), 0700), 0);
	assert_int_equal(
		fileio_write_atomic(in("bad/tls.crt"), "no\n", 3, 0600, NULL), 0);
	assert_int_equal(tls_pin(in("bad"), pin, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "bad/tls.crt: not a certificate"));
	/* a file where the folder should be */
	assert_int_not_equal(tls_ensure(in("bad/tls.crt"), "x", NULL, &err), 0);
}

static int remove_all(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", base);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(makes_a_pair_once),
		cmocka_unit_test(makes_both_if_one_is_missing),
		cmocka_unit_test(pins_as_others_do),
		cmocka_unit_test(says_what_is_wrong),
	};

	if (!mkdtemp(base))
		return 1;
	return cmocka_run_group_tests(all, NULL, remove_all);
}
