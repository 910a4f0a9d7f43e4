/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of servers, whole, cut at each byte and bent, and our own question.
 * That a real server is found is tests/integration/gateway-foreign.sh's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "dhcp-frame.h"

#define IP      14
#define UDP     34
#define BOOTP   42
#define OPTIONS (BOOTP + 240)

static const uint8_t mac[PARSE_MAC_LEN] = { 2, 0, 0, 0, 0, 9 };

/* An offer, made of our own question: ports and kind turned round. */
static size_t make_offer(uint8_t frame[DHCP_FRAME_MAX])
{
	static const uint8_t options[] = { 53, 1,  2, 54,  4,   10,  77,  0,
					   66, 67, 4, 'e', 'v', 'i', 'l', 255 };
	size_t len = OPTIONS + sizeof(options);

	dhcp_frame_ask(mac, 0x12345678, DHCP_PORT_SERVER, frame);
	memcpy(frame + OPTIONS, options, sizeof(options));
	frame[IP + 3] = (uint8_t)(len - IP);
	frame[IP + 2] = (uint8_t)((len - IP) >> 8);
	memcpy(frame + IP + 12, "\x0a\x4d\x00\x42", 4);
	frame[UDP + 1] = DHCP_PORT_SERVER;
	frame[UDP + 3] = DHCP_PORT_CLIENT;
	frame[UDP + 5] = (uint8_t)(len - UDP);
	frame[UDP + 4] = (uint8_t)((len - UDP) >> 8);
	frame[BOOTP] = 2;
	frame[BOOTP + 19] = 7; /* yiaddr */
	return len;
}

static void an_offer_is_read(void **state)
{
	uint8_t frame[DHCP_FRAME_MAX];
	size_t len = make_offer(frame);
	struct dhcp_answer a;

	(void)state;
	assert_int_equal(dhcp_frame_parse(frame, len, &a), 0);
	assert_memory_equal(a.mac, mac, sizeof(mac));
	assert_int_equal(a.address, 0x0a4d0042);
	assert_int_equal(a.server, 0x0a4d0042);
	assert_int_equal(a.xid, 0x12345678);
	assert_true(a.offers_address && a.offers_boot);
	assert_string_equal(a.file, "evil");
	/* With padding behind it, as a short Ethernet frame has. */
	assert_int_equal(dhcp_frame_parse(frame, len + 8, &a), 0);
}

static void a_cut_offer_is_refused(void **state)
{
	uint8_t frame[DHCP_FRAME_MAX];
	size_t len = make_offer(frame);
	struct dhcp_answer a;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, frame, n);
		assert_int_not_equal(dhcp_frame_parse(cut, n, &a), 0);
		free(cut);
	}
}

struct bend {
	size_t at;
	uint8_t to;
	int rc;
};

static void bent_offers_are_refused(void **state)
{
	static const struct bend bends[] = {
		{ 12, 0x86, -ENOMSG },       /* another EtherType */
		{ IP, 0x65, -EBADMSG },      /* IPv6 says IPv4 */
		{ IP, 0x44, -EBADMSG },      /* a head of 16 bytes */
		{ IP, 0x4f, -ENOMSG },       /* options: other ports then */
		{ IP + 2, 0xff, -EBADMSG },  /* longer than the frame */
		{ IP + 6, 0x20, -ENOMSG },   /* a fragment */
		{ IP + 7, 1, -ENOMSG },      /* a later one */
		{ IP + 9, 6, -ENOMSG },      /* TCP */
		{ UDP + 1, 68, -ENOMSG },    /* a client's port */
		{ UDP + 3, 67, -ENOMSG },    /* to a server */
		{ UDP + 4, 0xff, -EBADMSG }, /* longer than the packet */
		{ BOOTP, 1, -ENOMSG },       /* a question */
		{ OPTIONS + 1, 0, -EBADMSG }, { OPTIONS + 1, 200, -EBADMSG },
		{ OPTIONS + 2, 1, -ENOMSG }, /* DISCOVER */
		{ OPTIONS + 2, 8, -ENOMSG }, /* INFORM */
		{ OPTIONS + 4, 3, -EBADMSG },
	};
	uint8_t frame[DHCP_FRAME_MAX];
	struct dhcp_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bends); i++) {
		size_t len = make_offer(frame);

		frame[bends[i].at] = bends[i].to;
		if (dhcp_frame_parse(frame, len, &a) != bends[i].rc)
			fail_msg("bend %zu", i);
	}
}

static void names_are_made_printable(void **state)
{
	uint8_t frame[DHCP_FRAME_MAX];
	size_t len = make_offer(frame);
	struct dhcp_answer a;

	(void)state;
	memcpy(frame + OPTIONS + 11, "\x1b[2\n", 4);
	assert_int_equal(dhcp_frame_parse(frame, len, &a), 0);
	assert_string_equal(a.file, "?[2?");
	/* And whole names in the old field end where the field does. */
	frame[OPTIONS + 9] = 12;
	memset(frame + BOOTP + 108, 'x', 128);
	assert_int_equal(dhcp_frame_parse(frame, len, &a), 0);
	assert_int_equal(strlen(a.file), 128);
}

static void options_go_on_in_other_fields(void **state)
{
	uint8_t frame[DHCP_FRAME_MAX];
	size_t len = make_offer(frame);
	struct dhcp_answer a;

	(void)state;
	memcpy(frame + OPTIONS + 3, "\x34\x01\x03\xff", 4); /* overload */
	memcpy(frame + BOOTP + 108, "\x42\x01t\xff", 4);
	memcpy(frame + BOOTP + 44, "\x36\x04\x01\x02\x03\x04\xff", 7);
	assert_int_equal(dhcp_frame_parse(frame, len, &a), 0);
	assert_true(a.offers_boot);
	assert_int_equal(a.server, 0x01020304);
	assert_string_equal(a.file, "");
	memcpy(frame + BOOTP + 44, "\x36\x40", 2); /* past the field's end */
	assert_int_equal(dhcp_frame_parse(frame, len, &a), -EBADMSG);
}

static void a_question_is_no_answer(void **state)
{
	uint8_t frame[DHCP_FRAME_MAX];
	struct dhcp_answer a;
	uint32_t sum = 0;
	size_t len;

	(void)state;
	len = dhcp_frame_ask(mac, 1, DHCP_PORT_PXE, frame);
	assert_true(len > OPTIONS && len < DHCP_FRAME_MAX);
	assert_int_equal(dhcp_frame_parse(frame, len, &a), -ENOMSG);
	/* RFC 1071: the sum over a right header is all ones. */
	for (size_t i = IP; i < IP + 20; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_is_read),
		cmocka_unit_test(a_cut_offer_is_refused),
		cmocka_unit_test(bent_offers_are_refused),
		cmocka_unit_test(names_are_made_printable),
		cmocka_unit_test(options_go_on_in_other_fields),
		cmocka_unit_test(a_question_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
