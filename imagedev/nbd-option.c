/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed newstyle handshake. There is one export; any name means it.
 */
#include <errno.h>

#include "nbd-private.h"

#define FLAG_FIXED     1u
#define FLAG_NO_ZEROES 2u

#define EXPORT_HAS_FLAGS 1u
#define EXPORT_READ_ONLY 2u
#define EXPORT_MULTI     256u /* CAN_MULTI_CONN */
#define EXPORT_FLAGS     (EXPORT_HAS_FLAGS | EXPORT_READ_ONLY | EXPORT_MULTI)

#define REPLY_ACK     1u
#define REPLY_SERVER  2u
#define REPLY_INFO    3u
#define REPLY_UNSUP   0x80000001u
#define REPLY_INVALID 0x80000003u
#define REPLY_TOO_BIG 0x80000009u

#define INFO_EXPORT     0u
#define INFO_BLOCK_SIZE 3u

#define OPTION_HEAD 16u

int imagedev_nbd_greet(struct imagedev_nbd *n)
{
	uint8_t hello[18];

	nbd_put(hello, NBD_INIT_MAGIC, 8);
	nbd_put(hello + 8, NBD_OPT_MAGIC, 8);
	nbd_put(hello + 16, FLAG_FIXED | FLAG_NO_ZEROES, 2);
	return imagedev_nbd_say(n, hello, sizeof(hello));
}

static int answer(struct imagedev_nbd *n, uint32_t option, uint32_t reply,
		  const void *data, uint32_t len)
{
	uint8_t head[20];

	nbd_put(head, NBD_OPT_REPLY, 8);
	nbd_put(head + 8, option, 4);
	nbd_put(head + 12, reply, 4);
	nbd_put(head + 16, len, 4);
	return imagedev_nbd_say(n, head, sizeof(head)) ||
			       (len && imagedev_nbd_say(n, data, len))
		       ? -ENOMEM
		       : 0;
}

static int opt_export_name(struct imagedev_nbd *n, const uint8_t *data,
			   uint32_t len)
{
	uint8_t reply[8 + 2 + 124] = { 0 };

	(void)data;
	(void)len;
	nbd_put(reply, imagedev_size(n->dev), 8);
	nbd_put(reply + 8, EXPORT_FLAGS, 2);
	n->state = NBD_SENDING;
	return imagedev_nbd_say(n, reply, n->no_zeroes ? 10 : sizeof(reply));
}

static int opt_abort(struct imagedev_nbd *n, const uint8_t *data, uint32_t len)
{
	(void)data;
	(void)len;
	n->state = NBD_LAST_WORDS;
	return answer(n, 2, REPLY_ACK, NULL, 0);
}

static int opt_list(struct imagedev_nbd *n, const uint8_t *data, uint32_t len)
{
	static const uint8_t empty_name[4];

	(void)data;
	if (len)
		return answer(n, 3, REPLY_INVALID, NULL, 0);
	return answer(n, 3, REPLY_SERVER, empty_name, 4) ||
	       answer(n, 3, REPLY_ACK, NULL, 0);
}

/* u32 length of name, name, u16 how many, that many u16. */
static int info_is_sound(const uint8_t *data, uint32_t len)
{
	uint64_t name;

	if (len < 6)
		return 0;
	name = nbd_get(data, 4);
	return name <= len - 6 &&
	       len == 6 + name + 2 * nbd_get(data + 4 + name, 2);
}

static int inform(struct imagedev_nbd *n, uint32_t option, const uint8_t *data,
		  uint32_t len)
{
	uint8_t export[12], block[14];

	if (!info_is_sound(data, len))
		return answer(n, option, REPLY_INVALID, NULL, 0);
	nbd_put(export, INFO_EXPORT, 2);
	nbd_put(export + 2, imagedev_size(n->dev), 8);
	nbd_put(export + 10, EXPORT_FLAGS, 2);
	nbd_put(block, INFO_BLOCK_SIZE, 2);
	nbd_put(block + 2, 1, 4);
	nbd_put(block + 6, 4096, 4);
	nbd_put(block + 10, NBD_READ_MAX, 4);
	return answer(n, option, REPLY_INFO, export, sizeof(export)) ||
	       answer(n, option, REPLY_INFO, block, sizeof(block)) ||
	       answer(n, option, REPLY_ACK, NULL, 0);
}

static int opt_info(struct imagedev_nbd *n, const uint8_t *data, uint32_t len)
{
	return inform(n, 6, data, len);
}

static int opt_go(struct imagedev_nbd *n, const uint8_t *data, uint32_t len)
{
	int rc = inform(n, 7, data, len);

	if (!rc && info_is_sound(data, len))
		n->state = NBD_SENDING;
	return rc;
}

static int (*const options[])(struct imagedev_nbd *n, const uint8_t *data,
			      uint32_t len) = {
	[1] = opt_export_name, [2] = opt_abort, [3] = opt_list,
	[6] = opt_info,        [7] = opt_go,
};

static ssize_t client_flags(struct imagedev_nbd *n, const uint8_t *in, size_t len)
{
	uint32_t flags;

	if (len < 4)
		return 0;
	flags = (uint32_t)nbd_get(in, 4);
	if (flags & ~(FLAG_FIXED | FLAG_NO_ZEROES))
		return -EPROTO;
	n->no_zeroes = !!(flags & FLAG_NO_ZEROES);
	n->state = NBD_OPTIONS;
	return 4;
}

ssize_t imagedev_nbd_option(struct imagedev_nbd *n, const uint8_t *in, size_t len)
{
	uint32_t option, n_data;
	int rc;

	if (n->state == NBD_FLAGS)
		return client_flags(n, in, len);
	if (len < OPTION_HEAD)
		return 0;
	if (nbd_get(in, 8) != NBD_OPT_MAGIC)
		return -EPROTO;
	option = (uint32_t)nbd_get(in + 8, 4);
	n_data = (uint32_t)nbd_get(in + 12, 4);
	if (n_data > NBD_OPTION_MAX) {
		if (option == 1) /* has no way to say no */
			return -EPROTO;
		n->skip = n_data;
		rc = answer(n, option, REPLY_TOO_BIG, NULL, 0);
		return rc ? -ENOMEM : (ssize_t)OPTION_HEAD;
	}
	if (len < OPTION_HEAD + n_data)
		return 0;
	if (option < sizeof(options) / sizeof(options[0]) && options[option])
		rc = options[option](n, in + OPTION_HEAD, n_data);
	else
		rc = answer(n, option, REPLY_UNSUP, NULL, 0);
	return rc ? -ENOMEM : (ssize_t)(OPTION_HEAD + n_data);
}
