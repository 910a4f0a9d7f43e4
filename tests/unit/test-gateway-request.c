/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "parse.h"
#include "request.h"

#define SIG_NONE                                                         \
	"00000000000000000000000000000000000000000000000000000000000000" \
	"00000000000000000000000000000000000000000000000000000000000000" \
	"0000"

static struct request sample(void)
{
	struct request q = {
		.node = "pc1",
		.epoch_text = "1800000000",
		.seq_text = "7",
		.signature = SIG_NONE,
		.method = "POST",
		.target = "/v1/node/report?x=1",
		.body = "{}",
		.len = 2,
	};

	return q;
}

/* The message is spelled here once more, from docs/protocol.md. */
static const char message[] =
	"nightshift-request 1\nPOST\n/v1/node/report?x=1\npc1\n1800000000\n7\n"
	"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n";

static void signature_covers_each_part(void **state)
{
	struct trust_key key, other;
	char hex[TRUST_SIG_LEN * 2 + 1];
	uint8_t sig[TRUST_SIG_LEN];
	struct request q = sample(), bad;

	(void)state;
	assert_int_equal(trust_key_generate(&key, NULL), 0);
	assert_int_equal(trust_key_generate(&other, NULL), 0);
	trust_sign_bytes(&key, message, strlen(message), sig);
	format_hex(sig, sizeof(sig), hex);
	q.signature = hex;
	assert_int_equal(request_parse(&q, NULL), 0);
	assert_int_equal(q.epoch, 1800000000);
	assert_int_equal(q.seq, 7);
	assert_int_equal(request_verify(&q, key.public), 0);
	assert_int_equal(request_verify(&q, other.public), -EBADMSG);

	bad = q, bad.method = "GET";
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
	bad = q, bad.target = "/v1/node/report?x=2";
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
	bad = q, bad.node = "pc2";
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
	bad = q, bad.epoch_text = "1800000001";
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
	bad = q, bad.seq_text = "8";
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
	bad = q, bad.body = "[]";
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
	bad = q, bad.len = 1;
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
	bad = q, bad.sig[63] ^= 1;
	assert_int_equal(request_verify(&bad, key.public), -EBADMSG);
}

static void headers_have_one_spelling(void **state)
{
	static const struct {
		const char *epoch, *seq, *sig;
		int rc;
	} cases[] = {
		{ "0", "1", SIG_NONE, 0 },
		{ "9223372036854775807", "9223372036854775807", SIG_NONE, 0 },
		{ "9223372036854775808", "1", SIG_NONE, -EINVAL },
		{ "00", "1", SIG_NONE, -EINVAL },
		{ "-1", "1", SIG_NONE, -EINVAL },
		{ "1 ", "1", SIG_NONE, -EINVAL },
		{ "", "1", SIG_NONE, -EINVAL },
		{ "1", "0", SIG_NONE, -EINVAL },
		{ "1", "01", SIG_NONE, -EINVAL },
		{ "1", "1x", SIG_NONE, -EINVAL },
		{ "1", "1", SIG_NONE "0", -EINVAL },
		{ "1", "1", "A" SIG_NONE, -EINVAL },
		{ "1", "1", "", -EINVAL },
		{ NULL, "1", SIG_NONE, -EINVAL },
		{ "1", NULL, SIG_NONE, -EINVAL },
		{ "1", "1", NULL, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request q = sample();

		q.epoch_text = cases[i].epoch;
		q.seq_text = cases[i].seq;
		q.signature = cases[i].sig;
		assert_int_equal(request_parse(&q, NULL), cases[i].rc);
	}
}

static void a_seq_counts_once(void **state)
{
	int64_t top = 0;
	uint64_t seen = UINT64_MAX;

	(void)state;
	assert_int_equal(request_take_seq(&top, &seen, 3), 0);
	assert_int_equal(request_take_seq(&top, &seen, 3), -EALREADY);
	/* Overtaken on its way. */
	assert_int_equal(request_take_seq(&top, &seen, 2), 0);
	assert_int_equal(request_take_seq(&top, &seen, 2), -EALREADY);
	assert_int_equal(request_take_seq(&top, &seen, 1), 0);
	assert_int_equal(request_take_seq(&top, &seen, 100), 0);
	assert_int_equal(request_take_seq(&top, &seen, 3), -EALREADY);
	assert_int_equal(request_take_seq(&top, &seen, 37), 0);
	assert_int_equal(request_take_seq(&top, &seen, 36), -EALREADY);
	assert_int_equal(request_take_seq(&top, &seen, INT64_MAX), 0);
	assert_int_equal(request_take_seq(&top, &seen, 100), -EALREADY);
	/* After a restart all up to the stored one are seen. */
	seen = UINT64_MAX;
	assert_int_equal(request_take_seq(&top, &seen, INT64_MAX - 1), -EALREADY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signature_covers_each_part),
		cmocka_unit_test(headers_have_one_spelling),
		cmocka_unit_test(a_seq_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
