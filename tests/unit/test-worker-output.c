/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output on its way to a central that loses some, takes nothing, or has
 * dropped the lease: httpc_request is replaced.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "worker.h"

static struct {
	int status, rc;
	long long size;            /* what it says it has */
	unsigned long long offset; /* what it was sent */
	size_t len;
	int calls;
} central;

int httpc_request(struct httpc *c, const char *method, const char *path,
		  const char *const *headers, const void *body, size_t len,
		  size_t max, struct httpc_reply *reply, struct errinfo *err)
{
	(void)c;
	(void)headers;
	(void)body;
	(void)max;
	assert_string_equal(method, "PUT");
	assert_int_equal(sscanf(path, "/v1/work/leases/abc/output?offset=%llu",
				&central.offset),
			 1);
	central.len = len;
	central.calls++;
	if (central.rc)
		return errinfo_set(err, central.rc, "no");
	*reply = (struct httpc_reply){ .status = central.status };
	buf_addf(&reply->body, "{\"size\":%lld}", central.size);
	return 0;
}

static struct output spool(size_t len)
{
	struct output o = { .fd = memfd_create("test", MFD_CLOEXEC) };

	assert_int_equal(ftruncate(o.fd, (off_t)len), 0);
	memset(&central, 0, sizeof(central));
	central.status = 200;
	return o;
}

static void sends_from_where_central_is(void **state)
{
	struct output o = spool(1000);

	(void)state;
	central.size = 1000;
	assert_int_equal(output_push(NULL, "abc", &o, NULL), 0);
	assert_true(central.offset == 0 && central.len == 1000);
	assert_true(output_is_sent(&o));
	assert_int_equal(ftruncate(o.fd, 1500), 0);
	assert_false(output_is_sent(&o));
	central.size = 400; /* it lost some */
	assert_int_equal(output_push(NULL, "abc", &o, NULL), 0);
	assert_true(central.offset == 1000 && central.len == 500);
	assert_int_equal(o.sent, 400);
	central.size = 99999; /* nonsense */
	assert_int_equal(output_push(NULL, "abc", &o, NULL), 0);
	assert_true(central.offset == 400 && central.len == 1100);
	assert_int_equal(o.sent, 1500);
	close(o.fd);
}

static void fails_where_it_makes_no_progress(void **state)
{
	struct output o = spool(1000);

	(void)state;
	central.size = 0;
	assert_int_equal(output_push(NULL, "abc", &o, NULL), -EIO);
	central.status = 503;
	assert_int_equal(output_push(NULL, "abc", &o, NULL), -EIO);
	central.status = 409;
	assert_int_equal(output_push(NULL, "abc", &o, NULL), -ESTALE);
	central.rc = -ECONNREFUSED;
	assert_int_equal(output_push(NULL, "abc", &o, NULL), -ECONNREFUSED);
	assert_int_equal(o.sent, 0);
	close(o.fd);
}

static void is_due_by_time_or_amount(void **state)
{
	struct output o = spool(0);
	int64_t now = clock_boot_ms();

	(void)state;
	assert_false(output_is_due(&o, now));
	assert_int_equal(ftruncate(o.fd, 10), 0);
	o.next_ms = now + 1000;
	assert_false(output_is_due(&o, now));
	assert_true(output_is_due(&o, now + 1000));
	assert_int_equal(ftruncate(o.fd, 64 * 1024), 0);
	assert_true(output_is_due(&o, now));
	o.next_ms = now + 10000; /* after a failure */
	assert_false(output_is_due(&o, now));
	close(o.fd);
}

static void long_output_goes_in_pieces(void **state)
{
	struct output o = spool(1000 * 1000);

	(void)state;
	o.final = 1;
	while (!output_is_sent(&o) && central.calls < 10) {
		uint64_t left = 1000 * 1000 - o.sent;

		central.size =
			(long long)o.sent + (left < 262144 ? left : 262144);
		assert_int_equal(output_push(NULL, "abc", &o, NULL), 0);
	}
	assert_int_equal(central.calls, 4);
	close(o.fd);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(sends_from_where_central_is),
		cmocka_unit_test(fails_where_it_makes_no_progress),
		cmocka_unit_test(is_due_by_time_or_amount),
		cmocka_unit_test(long_output_goes_in_pieces),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
