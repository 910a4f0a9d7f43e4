/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of the carousel, fed with datagrams. The first byte says which end,
 * and how the rest is cut: it holds datagrams, each with its length before it
 * (two bytes, big endian). The object, that both know, is 16 times 'A'.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "private.h"

#define BLOB   (3 * CAROUSEL_BLOCK + 5000) /* the last block has 4 symbols */
#define OBJECT "41414141414141414141414141414141"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int open_blob(void *arg, const char *object, int *fd, uint64_t *size)
{
	(void)arg;
	if (strcmp(object, OBJECT))
		return -ENOENT;
	*fd = memfd_create("blob", MFD_CLOEXEC);
	*size = BLOB;
	return *fd < 0 ? -errno : ftruncate(*fd, BLOB);
}

/* What a caller does on bad news, from inside the call. */
static void on_data(void *arg, const char *sha256, uint64_t offset,
		    const void *data, size_t len)
{
	struct carousel_recv **r = arg;

	if (!len || offset + len > BLOB)
		abort();
	if (((const uint8_t *)data)[0] == 1)
		carousel_recv_bad(*r, sha256, offset, len);
	else if (((const uint8_t *)data)[len - 1] == 2)
		carousel_recv_leave(*r, sha256);
	else
		carousel_recv_have(*r, sha256, 0, offset);
}

static void on_idle(void *arg, const char *sha256, int rc)
{
	struct carousel_recv **r = arg;

	if (rc == -ENOENT)
		carousel_recv_leave(*r, sha256);
}

static size_t next(const uint8_t **data, size_t *left, size_t max)
{
	size_t n;

	if (*left < 2)
		return 0;
	n = (size_t)(*data)[0] << 8 | (*data)[1];
	*data += 2;
	*left -= 2;
	n = n < *left ? n : *left;
	return n < max ? n : max;
}

static void receiver(struct loop *loop, const uint8_t *data, size_t left)
{
	static const struct carousel_sockets none = { -1, -1 };
	struct carousel_recv_config c = { .sender = 1,
					  .memory = 2 * CAROUSEL_BLOCK,
					  .sockets = &none };
	struct carousel_recv *r;
	size_t n;

	if (carousel_recv_new(loop, &c, on_data, on_idle, &r, &r, NULL))
		abort();
	if (carousel_recv_want(r, OBJECT OBJECT, BLOB, NULL))
		abort();
	while ((n = next(&data, &left, CAROUSEL_DATA_LEN)) > 0) {
		uint8_t whole[CAROUSEL_DATA_LEN] = { 0 };

		/* A short one counts as DATA of zeros. */
		memcpy(whole, data, n);
		carousel_recv_input(r, whole,
				    n == CAROUSEL_DATA_HEAD ? sizeof(whole) : n);
		data += n;
		left -= n;
	}
	carousel_recv_free(r);
}

static void sender(struct loop *loop, const uint8_t *data, size_t left)
{
	static const struct carousel_sockets none = { -1, -1 };
	struct carousel_send_config c = { .interface = 0x0a000001,
					  .prefix = 8,
					  .rate_bps = 1000000,
					  .sockets = &none };
	struct carousel_send *s;
	uint16_t port = 1;
	size_t n;

	if (carousel_send_new(loop, &c, open_blob, NULL, &s, NULL))
		abort();
	while ((n = next(&data, &left, 2048)) > 0) {
		carousel_send_input(s, data, n, 0x0a000002, port++ % 5);
		data += n;
		left -= n;
	}
	carousel_send_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct loop *loop;

	if (!len)
		return 0;
	loop = loop_new();
	if (!loop)
		return 0;
	if (data[0] & 1)
		receiver(loop, data + 1, len - 1);
	else
		sender(loop, data + 1, len - 1);
	loop_free(loop);
	return 0;
}
