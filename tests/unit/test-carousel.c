/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carousel: the code, the datagrams, what both ends do with them. No network:
 * datagrams are handed over.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "private.h"

#define HEX "4141414141414141414141414141414141414141414141414141414141414141"

static const struct carousel_sockets none = { -1, -1 };

static void fill(uint8_t *p, size_t len)
{
	uint64_t state = 7;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)carousel_random(&state, 256);
}

/* Loses n data symbols, takes parity from `first` on for them. */
static void mend(unsigned int k, unsigned int n, unsigned int first)
{
	size_t len = (size_t)k * CAROUSEL_SYMBOL;
	uint8_t *was = malloc(len), *is = malloc(len);
	uint8_t *parity = malloc((size_t)n * CAROUSEL_SYMBOL + 1);
	uint8_t missing[CAROUSEL_PARITY], symbol[CAROUSEL_PARITY];
	uint8_t *each[CAROUSEL_PARITY];

	fill(was, len);
	memcpy(is, was, len);
	carousel_fec_encode(was, k, first, n, parity);
	for (unsigned int i = 0; i < n; i++) {
		missing[i] = (uint8_t)(i * k / n);
		symbol[i] = (uint8_t)(first + i);
		each[i] = parity + (size_t)i * CAROUSEL_SYMBOL;
		memset(is + (size_t)missing[i] * CAROUSEL_SYMBOL, 0xee,
		       CAROUSEL_SYMBOL);
	}
	assert_int_equal(carousel_fec_decode(is, k, missing, symbol, each, n), 0);
	assert_memory_equal(was, is, len);
	free(was);
	free(is);
	free(parity);
}

static void any_k_symbols_give_the_block(void **state)
{
	(void)state;
	mend(192, 0, 192);
	mend(192, 1, 192);
	mend(192, 1, 254);
	mend(192, 9, 200);
	mend(192, 63, 192);
	mend(1, 1, 254);
	mend(1, 1, 1);
	mend(5, 5, 5);
	mend(127, 127, 127);
}

static void blocks_cover_a_blob(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t blocks;
		uint8_t last_k;
	} t[] = {
		{ 1, 1, 1 },
		{ CAROUSEL_SYMBOL, 1, 1 },
		{ CAROUSEL_SYMBOL + 1, 1, 2 },
		{ CAROUSEL_BLOCK, 1, 192 },
		{ CAROUSEL_BLOCK + 1, 2, 1 },
		{ CAROUSEL_BLOB_MAX, 3972, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t n = carousel_blocks(t[i].size);
		uint64_t sum = 0;

		assert_int_equal(n, t[i].blocks);
		for (uint32_t b = 0; b < n; b++)
			sum += carousel_block_len(t[i].size, b);
		assert_int_equal(sum, t[i].size);
		if (t[i].last_k)
			assert_int_equal(carousel_block_k(t[i].size, n - 1),
					 t[i].last_k);
	}
}

/* A receiver of one blob and all that it said. */
struct heard {
	struct loop *loop;
	struct carousel_recv *r;
	uint8_t id[CAROUSEL_OBJECT], *blob, *got;
	uint64_t size;
	unsigned int calls, idles;
	int idle_rc;
};

static void on_data(void *arg, const char *sha256, uint64_t offset,
		    const void *data, size_t len)
{
	struct heard *h = arg;

	assert_string_equal(sha256, HEX);
	assert_true(offset + len <= h->size);
	memcpy(h->got + offset, data, len);
	h->calls++;
}

static void on_idle(void *arg, const char *sha256, int rc)
{
	struct heard *h = arg;

	(void)sha256;
	h->idles++;
	h->idle_rc = rc;
}

static void hear(struct heard *h, uint64_t size, uint64_t memory)
{
	struct carousel_recv_config c = { .sender = 1,
					  .memory = memory,
					  .sockets = &none };

	memset(h, 0, sizeof(*h));
	memset(h->id, 'A', sizeof(h->id));
	h->size = size;
	h->blob = calloc(carousel_blocks(size), CAROUSEL_BLOCK);
	h->got = calloc(carousel_blocks(size), CAROUSEL_BLOCK);
	fill(h->blob, size);
	h->loop = loop_new();
	assert_int_equal(carousel_recv_new(h->loop, &c, on_data, on_idle, h,
					   &h->r, NULL),
			 0);
	assert_int_equal(carousel_recv_want(h->r, HEX, size, NULL), 0);
}

static void end(struct heard *h)
{
	carousel_recv_free(h->r);
	loop_free(h->loop);
	free(h->blob);
	free(h->got);
}

static void give(struct heard *h, uint32_t block, unsigned int symbol)
{
	uint8_t out[CAROUSEL_DATA_LEN];
	const uint8_t *data = h->blob + (size_t)block * CAROUSEL_BLOCK;
	struct carousel_datagram d = {
		.object = h->id,
		.size = h->size,
		.block = block,
		.k = carousel_block_k(h->size, block),
		.symbol = (uint8_t)symbol,
	};

	carousel_wire_data(out, &d);
	if (symbol < d.k)
		memcpy(out + CAROUSEL_DATA_HEAD,
		       data + (size_t)symbol * CAROUSEL_SYMBOL, CAROUSEL_SYMBOL);
	else
		carousel_fec_encode(data, d.k, symbol, 1,
				    out + CAROUSEL_DATA_HEAD);
	carousel_recv_input(h->r, out, sizeof(out));
}

static void late_and_lossy_receiver_gets_it_all(void **state)
{
	struct carousel_recv_stats s;
	struct heard h;

	(void)state;
	hear(&h, 2 * CAROUSEL_BLOCK + 3333, 0);
	/* It joined in the middle of block 1; repairs close the gap. */
	for (unsigned int i = 100; i < 255; i++)
		give(&h, 1, i);
	assert_int_equal(h.calls, 0);
	for (unsigned int i = 0; i < 37; i++)
		give(&h, 1, i);
	assert_int_equal(h.calls, 1);
	for (unsigned int i = 0; i < 200; i++)
		if (i % 50)
			give(&h, 0, i);
	assert_int_equal(h.calls, 2);
	for (unsigned int i = 0; i < 3; i++)
		give(&h, 2, 100 + i);
	assert_int_equal(h.calls, 3);
	assert_int_equal(h.idles, 1);
	assert_int_equal(h.idle_rc, 0);
	assert_memory_equal(h.got, h.blob, h.size);
	carousel_recv_stats_get(h.r, &s);
	assert_int_equal(s.refused, 0);
	assert_int_equal(s.symbols, 2 * 192 + 3);
	end(&h);
}

static void duplicates_count_once(void **state)
{
	struct carousel_recv_stats s;
	struct heard h;

	(void)state;
	hear(&h, CAROUSEL_SYMBOL * 2, 0);
	give(&h, 0, 0);
	give(&h, 0, 0);
	assert_int_equal(h.calls, 0);
	give(&h, 0, 1);
	give(&h, 0, 2);
	assert_int_equal(h.calls, 1);
	carousel_recv_stats_get(h.r, &s);
	assert_int_equal(s.symbols, 2);
	assert_int_equal(s.useless, 2);
	end(&h);
}

static void forged_datagrams_are_refused(void **state)
{
	static const struct {
		size_t at, len;
		uint8_t value;
	} t[] = {
		{ 0, CAROUSEL_DATA_LEN, 'X' }, /* magic */
		{ 4, CAROUSEL_DATA_LEN, 2 },   /* a WANT */
		{ 4, CAROUSEL_DATA_LEN, 77 },
		{ 5, CAROUSEL_DATA_LEN, 191 }, /* k */
		{ 6, CAROUSEL_DATA_LEN, 255 }, /* symbol */
		{ 7, CAROUSEL_DATA_LEN, 1 },
		{ 9, CAROUSEL_DATA_LEN, 'B' },  /* object */
		{ 24, CAROUSEL_DATA_LEN, 1 },   /* size: huge */
		{ 31, CAROUSEL_DATA_LEN, 9 },   /* another size */
		{ 32, CAROUSEL_DATA_LEN, 200 }, /* block */
		{ 36, CAROUSEL_DATA_LEN, 1 },   /* position */
		{ 8, CAROUSEL_DATA_LEN - 1, 'A' },
		{ 8, 7, 'A' },
		{ 8, 0, 'A' },
	};
	struct carousel_recv_stats s;
	struct heard h;

	(void)state;
	hear(&h, 2 * CAROUSEL_BLOCK, 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t out[CAROUSEL_DATA_LEN] = { 0 };
		struct carousel_datagram d = { .object = h.id,
					       .k = 192,
					       .size = h.size };

		carousel_wire_data(out, &d);
		out[t[i].at] = t[i].value;
		carousel_recv_input(h.r, out, t[i].len);
		carousel_recv_stats_get(h.r, &s);
		assert_int_equal(s.refused, i + 1);
	}
	assert_int_equal(s.symbols, 0);
	end(&h);
}

static void memory_is_bounded(void **state)
{
	struct carousel_recv_stats s;
	struct heard h;

	(void)state;
	hear(&h, 8 * CAROUSEL_BLOCK, 2 * CAROUSEL_BLOCK + 16384);
	for (uint32_t b = 0; b < 8; b++)
		give(&h, b, 0);
	carousel_recv_stats_get(h.r, &s);
	assert_int_equal(s.symbols, 2);
	assert_int_equal(s.refused, 6);
	end(&h);
}

static void bad_blocks_are_not_asked_for_again(void **state)
{
	struct heard h;

	(void)state;
	hear(&h, 2 * CAROUSEL_BLOCK, 0);
	carousel_recv_bad(h.r, HEX, 5, 10);
	for (unsigned int i = 0; i < 192; i++)
		give(&h, 0, i);
	assert_int_equal(h.calls, 0);
	for (unsigned int i = 0; i < 192; i++)
		give(&h, 1, i);
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.idles, 1);
	end(&h);
}

/* ---- the sender ----------------------------------------------------------- */

static int opened;

/* NOLINTNEXTLINE(readability-non-const-parameter): its type is given */
static int open_none(void *arg, const char *object, int *fd, uint64_t *size)
{
	(void)arg, (void)object, (void)fd, (void)size;
	opened++;
	return -ENOENT;
}

static void sender_hears_its_network_only(void **state)
{
	struct carousel_send_config c = { .interface = 0x0a4d0001,
					  .prefix = 16,
					  .rate_bps = 1000000,
					  .sockets = &none };
	static const struct {
		uint32_t addr;
		int heard;
	} t[] = { { 0x0a4d0102, 1 }, { 0x0a4e0102, 0 }, { 0x08080808, 0 } };
	uint8_t out[CAROUSEL_WANT_LEN], id[CAROUSEL_OBJECT] = { 1 };
	size_t len = carousel_wire_want(out, id, NULL, 0);
	struct loop *loop = loop_new();
	struct carousel_send *s;

	(void)state;
	assert_int_equal(carousel_send_new(loop, &c, open_none, NULL, &s, NULL),
			 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		opened = 0;
		carousel_send_input(s, out, len, t[i].addr, 1000);
		assert_int_equal(opened, t[i].heard);
	}
	/* Who asks for what is not here does not keep the disk busy. */
	opened = 0;
	for (int i = 0; i < 1000; i++)
		carousel_send_input(s, out, len, t[0].addr, 1000);
	assert_true(opened <= 100);
	carousel_send_free(s);
	loop_free(loop);
}

static void rates_are_checked(void **state)
{
	struct carousel_send_config c = { .interface = 1,
					  .rate_bps = 1000,
					  .sockets = &none };
	struct loop *loop = loop_new();
	struct carousel_send *s;

	(void)state;
	assert_int_equal(carousel_send_new(loop, &c, open_none, NULL, &s, NULL),
			 -EINVAL);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_k_symbols_give_the_block),
		cmocka_unit_test(blocks_cover_a_blob),
		cmocka_unit_test(late_and_lossy_receiver_gets_it_all),
		cmocka_unit_test(duplicates_count_once),
		cmocka_unit_test(forged_datagrams_are_refused),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(bad_blocks_are_not_asked_for_again),
		cmocka_unit_test(sender_hears_its_network_only),
		cmocka_unit_test(rates_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
