/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message of the agent's processes: a good one passes, and nothing that
 * is of another size, direction, range or spelling.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc.h"
#include "messages.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static _Alignas(16) uint8_t packet[MSG_MAX];

static size_t make(enum msg_type type, const void *body, size_t tail)
{
	struct msg_hdr h = { MSG_MAGIC, type, 7, (uint32_t)tail };
	size_t size = msg_body_size(type);

	memset(packet, 0, sizeof(packet));
	memcpy(packet, &h, sizeof(h));
	if (body)
		memcpy(packet + sizeof(h), body, size);
	return sizeof(h) + size + tail;
}

static int decode(enum msg_role from, enum msg_role to, size_t len, int fds)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m = { 0 };
	int rc = msg_decode(from, to, packet, len, fds, &m, &err);

	assert_true(rc == 0 || rc == -EPROTO);
	assert_int_equal(!rc, !err.text[0]);
	return rc;
}

static struct msg_net_request good_request(void)
{
	return (struct msg_net_request){
		.method = MSG_METHOD_GET, .port = 80, .max = 100, .path = "/x"
	};
}

static struct msg_domu good_domu(void)
{
	return (struct msg_domu){ .memory_mib = 64,
				  .vcpus = 1,
				  .weight = 256,
				  .n_config = 1,
				  .id = "batch-1",
				  .image = "batch",
				  .image_version = "1",
				  .manifest = HEX,
				  .mac = "00:16:3e:00:00:01",
				  .config = { { "ip", "10.0.0.1/8" } } };
}

static struct msg_hv_create good_create(void)
{
	return (struct msg_hv_create){
		.domu = good_domu(),
		.disk = HEX,
		.tag = "0123456789abcdef0123456789abcdef",
		.cmdline = "console=hvc0",
	};
}

static void test_size_must_be_equal(void **state)
{
	struct msg_net_request q = good_request();
	size_t len = make(MSG_NET_REQUEST, &q, 10);

	(void)state;
	assert_int_equal(decode(MSG_MAIN, MSG_NET, len, 0), 0);
	assert_int_equal(decode(MSG_MAIN, MSG_NET, len + 1, 0), -EPROTO);
	assert_int_equal(decode(MSG_MAIN, MSG_NET, len - 1, 0), -EPROTO);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(decode(MSG_MAIN, MSG_NET, i, 0), -EPROTO);
}

static void test_tail_is_bounded(void **state)
{
	struct msg_net_request q = good_request();

	(void)state;
	assert_int_equal(decode(MSG_NET, MSG_MAIN,
				make(MSG_NET_DATA, NULL, MSG_DATA_MAX), 0),
			 0);
	assert_int_equal(decode(MSG_NET, MSG_MAIN,
				make(MSG_NET_DATA, NULL, MSG_DATA_MAX + 1), 0),
			 -EPROTO);
	assert_int_equal(decode(MSG_MAIN, MSG_NET,
				make(MSG_NET_REQUEST, &q, MSG_DOC_MAX), 0),
			 0);
}

/* Each type passes between two roles only, and only one way. */
static void test_direction(void **state)
{
	uint8_t zero[MSG_BODY_MAX] = { 0 };

	(void)state;
	for (int t = 1; t < MSG_TYPES; t++) {
		int ways = 0;

		for (int from = 0; from < MSG_ROLES; from++)
			for (int to = 0; to < MSG_ROLES; to++) {
				struct errinfo err = ERRINFO_INIT;
				size_t len = make(t, zero, 0);
				struct msg m;
				int rc = msg_decode(from, to, packet, len, 0,
						    &m, &err);

				ways += !rc || !strstr(err.text, "not for");
			}
		assert_int_equal(ways, 1);
		assert_string_not_equal(msg_type_name(t), "?");
	}
}

static void test_unknown_type_and_magic(void **state)
{
	struct msg_hdr h = { MSG_MAGIC, MSG_TYPES, 1, 0 };

	(void)state;
	memcpy(packet, &h, sizeof(h));
	assert_int_equal(decode(MSG_MAIN, MSG_NET, sizeof(h), 0), -EPROTO);
	h.type = 0;
	memcpy(packet, &h, sizeof(h));
	assert_int_equal(decode(MSG_MAIN, MSG_NET, sizeof(h), 0), -EPROTO);
	h.type = MSG_NET_CANCEL;
	memcpy(packet, &h, sizeof(h));
	assert_int_equal(decode(MSG_MAIN, MSG_NET, sizeof(h), 0), 0);
	h.magic++;
	memcpy(packet, &h, sizeof(h));
	assert_int_equal(decode(MSG_MAIN, MSG_NET, sizeof(h), 0), -EPROTO);
}

static void test_descriptors_are_counted(void **state)
{
	struct msg_hv_create q = good_create();
	struct msg_verify_blob b = { .size = 1, .sha256 = HEX };
	size_t len = make(MSG_HV_CREATE, &q, 0);

	(void)state;
	assert_int_equal(decode(MSG_MAIN, MSG_HV, len, 0), -EPROTO);
	assert_int_equal(decode(MSG_MAIN, MSG_HV, len, 1), 0);
	assert_int_equal(decode(MSG_MAIN, MSG_HV, len, 2), 0);
	assert_int_equal(decode(MSG_MAIN, MSG_HV, len, 3), -EPROTO);
	len = make(MSG_VERIFY_BLOB, &b, 0);
	assert_int_equal(decode(MSG_MAIN, MSG_VERIFY, len, 0), -EPROTO);
	assert_int_equal(decode(MSG_MAIN, MSG_VERIFY, len, 1), 0);
	len = make(MSG_NET_CANCEL, NULL, 0);
	assert_int_equal(decode(MSG_MAIN, MSG_NET, len, 1), -EPROTO);
}

#define BAD_REQUEST(change)                                               \
	do {                                                              \
		struct msg_net_request q = good_request();                \
		change;                                                   \
		assert_int_equal(decode(MSG_MAIN, MSG_NET,                \
					make(MSG_NET_REQUEST, &q, 0), 0), \
				 -EPROTO);                                \
	} while (0)

static void test_ranges_of_request(void **state)
{
	(void)state;
	BAD_REQUEST(q.method = MSG_METHODS);
	BAD_REQUEST(q.method = -1);
	BAD_REQUEST(q.https = 2);
	BAD_REQUEST(q.port = 0);
	BAD_REQUEST(q.port = 65536);
	BAD_REQUEST(q.wait_sec = 1000);
	BAD_REQUEST(q.max = 0);
	BAD_REQUEST(q.max = UINT64_MAX);
	BAD_REQUEST(q.zero = 1);
	BAD_REQUEST(memset(q.path, 'x', sizeof(q.path)));
	BAD_REQUEST(memset(q.pin, 'x', sizeof(q.pin)));
	BAD_REQUEST(q.path[1] = '\n');
	BAD_REQUEST(q.path[1] = 0x7f);
}

#define BAD_CREATE(change)                                              \
	do {                                                            \
		struct msg_hv_create q = good_create();                 \
		change;                                                 \
		assert_int_equal(decode(MSG_MAIN, MSG_HV,               \
					make(MSG_HV_CREATE, &q, 0), 2), \
				 -EPROTO);                              \
	} while (0)

static void test_fields_of_create(void **state)
{
	struct msg_hv_create good = good_create();

	(void)state;
	assert_int_equal(
		decode(MSG_MAIN, MSG_HV, make(MSG_HV_CREATE, &good, 0), 2), 0);
	BAD_CREATE(q.domu.memory_mib = 0);
	BAD_CREATE(q.domu.memory_mib = -1);
	BAD_CREATE(q.domu.vcpus = 0);
	BAD_CREATE(q.domu.vcpus = 129);
	BAD_CREATE(q.domu.weight = 0);
	BAD_CREATE(q.domu.weight = 65536);
	BAD_CREATE(q.domu.cap = -1);
	BAD_CREATE(q.domu.index = MSG_DOMUS_MAX);
	BAD_CREATE(q.domu.n_config = MSG_CONFIG_MAX + 1);
	BAD_CREATE(q.domu.n_config = -1);
	BAD_CREATE(q.has_initrd = 2);
	BAD_CREATE(strcpy(q.domu.id, "../x"));
	BAD_CREATE(strcpy(q.domu.id, ""));
	BAD_CREATE(strcpy(q.domu.id, "Domain-0"));
	BAD_CREATE(memset(q.domu.id, 'a', sizeof(q.domu.id)));
	BAD_CREATE(q.domu.manifest[3] = 'G');
	BAD_CREATE(q.domu.manifest[63] = '\0');
	BAD_CREATE(memset(q.domu.manifest, '0', sizeof(q.domu.manifest)));
	BAD_CREATE(strcpy(q.domu.mac, "00:16:3e:00:00"));
	BAD_CREATE(memset(q.cmdline, 'x', sizeof(q.cmdline)));
	BAD_CREATE(q.tag[31] = '\0');
	BAD_CREATE(q.tag[0] = 'X');
	BAD_CREATE(strcpy(q.domu.config[1].key, "a b"));
	BAD_CREATE(memset(q.domu.config[15].value, 'x', MSG_CONFIG_VAL_LEN));
	BAD_CREATE(q.domu.config[0].value[0] = '\n');
}

static void test_answers(void **state)
{
	struct msg_verify_done d = { .rc = -EBADMSG, .text = "no" };
	struct msg_hv_death death = { .domid = 3, .id = "a" };

	(void)state;
	assert_int_equal(
		decode(MSG_VERIFY, MSG_MAIN, make(MSG_VERIFY_DONE, &d, 0), 0), 0);
	d.rc = 1;
	assert_int_equal(
		decode(MSG_VERIFY, MSG_MAIN, make(MSG_VERIFY_DONE, &d, 0), 0),
		-EPROTO);
	d.rc = 0;
	strcpy(d.found, "short");
	assert_int_equal(
		decode(MSG_VERIFY, MSG_MAIN, make(MSG_VERIFY_DONE, &d, 0), 0),
		-EPROTO);
	assert_int_equal(decode(MSG_HV, MSG_MAIN,
				make(MSG_HV_DEATH, &death, MSG_CONSOLE_MAX), 0),
			 0);
	death.domid = 0; /* dom0 does not die so */
	assert_int_equal(
		decode(MSG_HV, MSG_MAIN, make(MSG_HV_DEATH, &death, 0), 0),
		-EPROTO);
	death.domid = 3;
	death.reason = MSG_DEATHS;
	assert_int_equal(
		decode(MSG_HV, MSG_MAIN, make(MSG_HV_DEATH, &death, 0), 0),
		-EPROTO);
}

static void test_the_carousel(void **state)
{
	struct msg_air_join j = { .group = 0xefff4e53, .port = 7883 };
	struct msg_air_want w = { .size = 1, .sha256 = HEX };
	struct msg_air_idle idle = { .rc = -EAGAIN, .sha256 = HEX };
	struct msg_offer_range bad = { .len = 1, .sha256 = HEX };
	struct msg_offer o = { .sha256 = HEX };

	(void)state;
	assert_int_equal(decode(MSG_MAIN, MSG_AIR, make(MSG_AIR_JOIN, &j, 0), 0),
			 0);
	j.port = 65536;
	assert_int_equal(decode(MSG_MAIN, MSG_AIR, make(MSG_AIR_JOIN, &j, 0), 0),
			 -EPROTO);
	assert_int_equal(decode(MSG_MAIN, MSG_AIR, make(MSG_AIR_WANT, &w, 0), 0),
			 0);
	w.size = 0;
	assert_int_equal(decode(MSG_MAIN, MSG_AIR, make(MSG_AIR_WANT, &w, 0), 0),
			 -EPROTO);
	assert_int_equal(
		decode(MSG_AIR, MSG_MAIN, make(MSG_AIR_IDLE, &idle, 0), 0), 0);
	idle.rc = 1;
	assert_int_equal(
		decode(MSG_AIR, MSG_MAIN, make(MSG_AIR_IDLE, &idle, 0), 0),
		-EPROTO);
	assert_int_equal(
		decode(MSG_AIR, MSG_BLK, make(MSG_OFFER, &o, MSG_DOC_MAX), 0), 0);
	assert_int_equal(decode(MSG_AIR, MSG_BLK,
				make(MSG_OFFER, &o, MSG_DOC_MAX + 1), 0),
			 -EPROTO);
	assert_int_equal(decode(MSG_NET, MSG_BLK, make(MSG_OFFER, &o, 1), 0),
			 -EPROTO);
	o.offset = UINT64_MAX;
	assert_int_equal(decode(MSG_AIR, MSG_BLK, make(MSG_OFFER, &o, 1), 0),
			 -EPROTO);
	assert_int_equal(
		decode(MSG_BLK, MSG_AIR, make(MSG_OFFER_BAD, &bad, 0), 0), 0);
	bad.len = 0;
	assert_int_equal(decode(MSG_BLK, MSG_AIR, make(MSG_OFFER_BAD, &bad, 0), 0),
			 -EPROTO);
}

/* Random bytes behind a right header never get through as something else. */
static void test_who_netdom_is(void **state)
{
	struct msg_tun_hello h = {
		.address = 0x0a4d000b,
		.gateway = 0x0a4d0001,
		.key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
	};

	(void)state;
	assert_int_equal(
		decode(MSG_TUN, MSG_MAIN, make(MSG_TUN_HELLO, &h, 0), 0), 0);
	h.key[3] = '"';
	assert_int_equal(decode(MSG_TUN, MSG_MAIN, make(MSG_TUN_HELLO, &h, 0), 0),
			 -EPROTO);
	h.key[3] = '\0';
	assert_int_equal(decode(MSG_TUN, MSG_MAIN, make(MSG_TUN_HELLO, &h, 0), 0),
			 -EPROTO);
	memset(h.key, 'A', sizeof(h.key));
	assert_int_equal(decode(MSG_TUN, MSG_MAIN, make(MSG_TUN_HELLO, &h, 0), 0),
			 -EPROTO);
}

static void test_random_bytes(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		struct msg_hdr h = { MSG_MAGIC, (uint32_t)random() % MSG_TYPES,
				     0, 0 };
		size_t len = sizeof(h) + msg_body_size(h.type);

		for (size_t j = 0; j < len; j++)
			packet[j] = (uint8_t)random();
		memcpy(packet, &h, sizeof(h));
		for (int to = 0; to < MSG_ROLES; to++)
			decode(MSG_MAIN, to, len, random() % 4);
	}
}

static void test_ipc_carries_messages_and_descriptors(void **state)
{
	struct msg_verify_blob q = { .size = 5, .sha256 = HEX };
	struct errinfo err = ERRINFO_INIT;
	struct ipc *a, *b;
	int fds[2];
	struct msg m;

	(void)state;
	assert_int_equal(ipc_pair(fds), 0);
	a = ipc_new(fds[0], MSG_MAIN, MSG_VERIFY, 1 << 20);
	b = ipc_new(fds[1], MSG_VERIFY, MSG_MAIN, 0);
	assert_int_equal(ipc_recv(a, &m, &err), 0);
	assert_int_equal(
		ipc_send(a, MSG_VERIFY_BLOB, 9, &q, NULL, 0, (int[]){ 0 }, 1), 0);
	assert_int_equal(ipc_recv(b, &m, &err), 1);
	assert_int_equal(m.type, MSG_VERIFY_BLOB);
	assert_int_equal(m.id, 9);
	assert_int_equal(m.n_fds, 1);
	ipc_close_fds(&m);
	ipc_free(a);
	assert_int_equal(ipc_recv(b, &m, &err), -EPIPE);
	ipc_free(b);
}

static void test_ipc_queue_is_bounded_and_kept_in_order(void **state)
{
	struct msg_net_request q = good_request();
	struct errinfo err = ERRINFO_INIT;
	static char body[MSG_DOC_MAX];
	uint32_t sent = 0, got = 0;
	struct ipc *a, *b;
	struct msg m;
	int fds[2], rc;

	(void)state;
	assert_int_equal(ipc_pair(fds), 0);
	a = ipc_new(fds[0], MSG_MAIN, MSG_NET, 1 << 20);
	b = ipc_new(fds[1], MSG_NET, MSG_MAIN, 0);
	while (!(rc = ipc_send(a, MSG_NET_REQUEST, sent, &q, body, sizeof(body),
			       NULL, 0)))
		sent++;
	assert_int_equal(rc, -ENOBUFS);
	assert_true(ipc_queued(a));
	while (got < sent) {
		assert_int_equal(ipc_flush(a), 0);
		assert_int_equal(ipc_recv(b, &m, &err), 1);
		assert_int_equal(m.id, got++);
	}
	assert_false(ipc_queued(a));
	ipc_free(a);
	ipc_free(b);
}

static void test_ipc_refuses_nonsense(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	struct ipc *b;
	struct msg m;
	int fds[2];

	(void)state;
	assert_int_equal(ipc_pair(fds), 0);
	b = ipc_new(fds[1], MSG_NET, MSG_MAIN, 0);
	assert_int_equal(send(fds[0], "hello", 5, 0), 5);
	assert_int_equal(ipc_recv(b, &m, &err), -EPROTO);
	close(fds[0]);
	ipc_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_must_be_equal),
		cmocka_unit_test(test_tail_is_bounded),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_unknown_type_and_magic),
		cmocka_unit_test(test_descriptors_are_counted),
		cmocka_unit_test(test_ranges_of_request),
		cmocka_unit_test(test_fields_of_create),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_the_carousel),
		cmocka_unit_test(test_who_netdom_is),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_ipc_carries_messages_and_descriptors),
		cmocka_unit_test(test_ipc_queue_is_bounded_and_kept_in_order),
		cmocka_unit_test(test_ipc_refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
