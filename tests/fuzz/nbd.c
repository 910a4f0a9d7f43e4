/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev's end of an NBD connection, fed with what a client may send. The
 * first byte says how: bit 0: from the handshake on, else requests at once;
 * bit 1: replies are taken only when nothing else goes on; the rest: in what
 * pieces. Without a handshake every byte of the replies is foreseen.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/imagedev-fixture.h"
#include "buf.h"
#include "cleanup.h"
#include "imagedev_nbd.h"

#define DISK        (128u * 1024)
#define REQUEST_LEN 28u
#define INPUT_MAX   4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct fixture image;
static struct loop *loop;
static struct loop_timer *stop;
static struct imagedev *dev;

static struct {
	struct imagedev_nbd *nbd;
	int fd, ended;
	const uint8_t *in; /* what is to be sent still */
	size_t in_len, piece;
	size_t out; /* bytes that came */
} c;

/* ---- the device: all of it decoded, so that replies come in order ---------------- */

static int get(void *arg, uint64_t id, enum imagedev_priority priority,
	       const char *sha256, uint64_t offset, uint64_t len)
{
	const struct fixture_blob *b = fixture_find(&image, sha256);

	(void)arg;
	(void)priority;
	imagedev_data(dev, id, b->data + offset, len);
	imagedev_end(dev, id, 0);
	return 0;
}

static void cancel(void *arg, uint64_t id)
{
	(void)arg;
	(void)id;
}

static void on_stop(void *arg)
{
	(void)arg;
	loop_quit(loop, 0);
}

static void one_round(void)
{
	loop_timer_set(stop, 0);
	loop_run(loop);
}

static void on_read(void *arg, int rc)
{
	if (rc)
		abort();
	*(int *)arg = 1;
}

static void begin(void)
{
	struct imagedev_source source = { get, cancel, NULL };
	struct imagedev_config config;
	auto_free uint8_t *all = malloc(DISK);
	int done = 0;

	loop = loop_new();
	stop = loop_timer_add(loop, on_stop, NULL);
	if (fixture_make(&image, DISK, 3))
		abort();
	fixture_config(&image, &config);
	config.bundle_sha256[0] = 0;
	if (imagedev_open(loop, &config, &source, &dev, NULL))
		abort();
	imagedev_read(dev, 0, DISK, all, on_read, &done);
	while (!done)
		one_round();
	if (memcmp(all, image.disk, DISK))
		abort();
}

/* ---- what is to be answered ------------------------------------------------------- */

static void foresee_reply(struct buf *b, const uint8_t *request, uint32_t error)
{
	uint32_t head[2] = { htobe32(0x67446698), htobe32(error) };

	buf_add(b, head, sizeof(head));
	buf_add(b, request + 8, 8);
}

static uint32_t error_of(uint16_t type, uint64_t offset, uint32_t len)
{
	switch (type) {
	case 0:
		return !len || offset > DISK || len > DISK - offset ? 22 : 0;
	case 1:
	case 4:
	case 6:
		return 1;
	case 3:
		return 0;
	}
	return 22;
}

/* Returns 1 if the connection lives on after all of it. */
static int foresee(struct buf *b, const uint8_t *p, size_t left)
{
	while (left >= REQUEST_LEN) {
		uint64_t offset;
		uint32_t magic, len, error;
		uint16_t type;

		memcpy(&magic, p, 4);
		memcpy(&type, p + 6, 2);
		memcpy(&offset, p + 16, 8);
		memcpy(&len, p + 24, 4);
		type = be16toh(type);
		offset = be64toh(offset);
		len = be32toh(len);
		if (magic != htobe32(0x25609513) || type == 2)
			return 0;
		error = error_of(type, offset, len);
		foresee_reply(b, p, error);
		if (!type && !error)
			buf_add(b, image.disk + offset, len);
		p += REQUEST_LEN;
		left -= REQUEST_LEN;
		if (type != 1)
			continue;
		p += len < left ? len : left;
		left -= len < left ? len : left;
	}
	return 1;
}

/* ---- the client -------------------------------------------------------------------- */

static void on_end(void *arg, int rc)
{
	(void)arg;
	(void)rc;
	c.ended = 1;
}

static int send_some(void)
{
	size_t n = c.in_len < c.piece ? c.in_len : c.piece;
	ssize_t k = n ? send(c.fd, c.in, n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (k <= 0)
		return 0;
	c.in += k;
	c.in_len -= (size_t)k;
	return 1;
}

static int take_some(const struct buf *foreseen)
{
	static uint8_t data[256 * 1024];
	ssize_t n = recv(c.fd, data, sizeof(data), MSG_DONTWAIT);

	if (n <= 0)
		return 0;
	if (foreseen && (!foreseen->data || c.out + (size_t)n > foreseen->len ||
			 memcmp(foreseen->data + c.out, data, (size_t)n)))
		abort();
	c.out += (size_t)n;
	return 1;
}

static void talk(const struct buf *foreseen, int lazy)
{
	for (int goes_on = 1; goes_on;) {
		goes_on = !c.ended && send_some();
		if (!c.ended)
			one_round();
		if (!lazy || !goes_on)
			goes_on |= take_some(foreseen);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_buf struct buf foreseen = BUF_INIT;
	int fds[2], newstyle, whole = 0;

	if (!dev)
		begin();
	if (len < 1 || len > INPUT_MAX ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return 0;
	newstyle = data[0] & 1;
	memset(&c, 0, sizeof(c));
	c.fd = fds[0];
	c.in = data + 1;
	c.in_len = len - 1;
	c.piece = 1 + 7 * (size_t)(data[0] >> 2);
	if (!newstyle)
		whole = foresee(&foreseen, c.in, c.in_len);
	if (imagedev_nbd_serve(loop, dev, fds[1],
			       newstyle ? IMAGEDEV_NBD_NEWSTYLE
					: IMAGEDEV_NBD_TRANSMISSION,
			       on_end, NULL, &c.nbd, NULL))
		abort();
	talk(newstyle ? NULL : &foreseen, data[0] & 2);
	if (whole && (c.ended || c.out != foreseen.len))
		abort();
	if (!c.ended)
		imagedev_nbd_close(c.nbd);
	close(c.fd);
	one_round(); /* what is dead is swept */
	return 0;
}
