/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbd - the kernel's network block devices, by generic netlink.
 *
 * A device carries its disk's name as "backend identifier" (Linux 5.14), which
 * sysfs shows: so any process finds it again.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <linux/nbd.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "nbd.h"

#define MESSAGE_MAX 1024
#define DEVICES_MAX 256
#define YEARS_SEC   (10ULL * 365 * 86400) /* reads wait that long */

/* Absent from older headers. */
#define BACKEND_IDENTIFIER (NBD_ATTR_DEVICE_LIST + 1)

struct message {
	_Alignas(8) uint8_t data[MESSAGE_MAX];
	size_t len;
};

static struct nlmsghdr *header(struct message *m)
{
	return (struct nlmsghdr *)(void *)m->data;
}

static void begin(struct message *m, uint16_t family, uint8_t cmd, uint8_t version)
{
	struct genlmsghdr g = { .cmd = cmd, .version = version };

	memset(m, 0, sizeof(*m));
	header(m)->nlmsg_type = family;
	header(m)->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	memcpy(m->data + NLMSG_HDRLEN, &g, sizeof(g));
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

static void put(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len),
			    .nla_type = type };

	/* All that is put here is a few numbers and a short name. */
	if (m->len + NLA_HDRLEN + NLA_ALIGN(len) > MESSAGE_MAX)
		abort();
	memcpy(m->data + m->len, &a, sizeof(a));
	if (len)
		memcpy(m->data + m->len + NLA_HDRLEN, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
}

static void put_u32(struct message *m, uint16_t type, uint32_t v)
{
	put(m, type, &v, sizeof(v));
}

static void put_u64(struct message *m, uint16_t type, uint64_t v)
{
	put(m, type, &v, sizeof(v));
}

/* Nested: SOCKETS { SOCK_ITEM { SOCK_FD } } */
static void put_socket(struct message *m, int fd)
{
	struct nlattr fd_attr = { NLA_HDRLEN + 4, NBD_SOCK_FD };
	struct nlattr item = { (uint16_t)(NLA_HDRLEN + fd_attr.nla_len),
			       NBD_SOCK_ITEM | NLA_F_NESTED };
	uint32_t v = (uint32_t)fd;
	uint8_t data[2 * NLA_HDRLEN + 4];

	memcpy(data, &item, NLA_HDRLEN);
	memcpy(data + NLA_HDRLEN, &fd_attr, NLA_HDRLEN);
	memcpy(data + 2 * NLA_HDRLEN, &v, sizeof(v));
	put(m, NBD_ATTR_SOCKETS | NLA_F_NESTED, data, sizeof(data));
}

/* ---- asking ------------------------------------------------------------------ */

/* What a reply may tell: one attribute that we look for. */
struct wanted {
	uint16_t type;
	uint8_t value[8];
	size_t len; /* 0: not found yet */
};

static void look(const uint8_t *p, size_t len, struct wanted *w)
{
	struct nlattr a;

	while (len >= NLA_HDRLEN) {
		memcpy(&a, p, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > len)
			return;
		if ((a.nla_type & NLA_TYPE_MASK) == w->type &&
		    (size_t)a.nla_len - NLA_HDRLEN <= sizeof(w->value)) {
			w->len = a.nla_len - NLA_HDRLEN;
			memcpy(w->value, p + NLA_HDRLEN, w->len);
		}
		if ((size_t)NLA_ALIGN(a.nla_len) >= len)
			return;
		p += NLA_ALIGN(a.nla_len);
		len -= NLA_ALIGN(a.nla_len);
	}
}

/* One datagram; 1: it held the acknowledgement, with *rc. */
static int read_reply(const uint8_t *p, size_t len, struct wanted *w, int *rc)
{
	struct nlmsghdr h;
	int32_t error;

	while (len >= NLMSG_HDRLEN) {
		memcpy(&h, p, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > len)
			break;
		if (h.nlmsg_type == NLMSG_ERROR &&
		    h.nlmsg_len >= NLMSG_HDRLEN + sizeof(error)) {
			memcpy(&error, p + NLMSG_HDRLEN, sizeof(error));
			*rc = error;
			return 1;
		}
		if (w && h.nlmsg_type >= NLMSG_MIN_TYPE &&
		    h.nlmsg_len > NLMSG_HDRLEN + GENL_HDRLEN)
			look(p + NLMSG_HDRLEN + GENL_HDRLEN,
			     h.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, w);
		if ((size_t)NLMSG_ALIGN(h.nlmsg_len) >= len)
			break;
		p += NLMSG_ALIGN(h.nlmsg_len);
		len -= NLMSG_ALIGN(h.nlmsg_len);
	}
	return 0;
}

/* Only the kernel's words are heard: its port is 0. */
static int ask(int nl, struct message *m, struct wanted *w)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK }, from;
	_Alignas(8) uint8_t reply[8192];
	socklen_t from_len;
	ssize_t n;
	int rc;

	header(m)->nlmsg_len = (uint32_t)m->len;
	if (sendto(nl, m->data, m->len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	for (;;) {
		from_len = sizeof(from);
		n = recvfrom(nl, reply, sizeof(reply), 0,
			     (struct sockaddr *)&from, &from_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		if (from_len == sizeof(from) && !from.nl_pid &&
		    read_reply(reply, (size_t)n, w, &rc))
			return rc;
	}
}

static int open_netlink(void)
{
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static int find_family(int nl, uint16_t *family)
{
	struct wanted w = { .type = CTRL_ATTR_FAMILY_ID };
	struct message m;
	int rc;

	begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	put(&m, CTRL_ATTR_FAMILY_NAME, NBD_GENL_FAMILY_NAME,
	    sizeof(NBD_GENL_FAMILY_NAME));
	rc = ask(nl, &m, &w);
	if (rc)
		return rc == -ENOENT ? -ENODEV : rc;
	if (w.len != sizeof(*family))
		return -EIO;
	memcpy(family, w.value, sizeof(*family));
	return 0;
}

/* ---- which device is whose --------------------------------------------------- */

static int backend_is(uint32_t device, const char *disk)
{
	char path[64];
	auto_free char *text = NULL;
	size_t len;

	snprintf(path, sizeof(path), "/sys/block/nbd%u/backend", device);
	if (fileio_read(path, 256, &text, &len, NULL))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return !strcmp(text, disk);
}

static int find_device(const char *disk)
{
	for (uint32_t i = 0; i < DEVICES_MAX; i++)
		if (backend_is(i, disk))
			return (int)i;
	return -1;
}

int hv_nbd_check(uint32_t device, const char *disk, struct errinfo *err)
{
	if (backend_is(device, disk))
		return 0;
	return errinfo_set(err, -ENOENT, "nbd%u is not disk %.16s", device, disk);
}

/* ---- the three commands ------------------------------------------------------- */

static int do_connect(int nl, uint16_t family, const char *disk, uint64_t size,
		      int fd, uint32_t *device)
{
	struct wanted w = { .type = NBD_ATTR_INDEX };
	struct message m;
	int rc;

	begin(&m, family, NBD_CMD_CONNECT, NBD_GENL_VERSION);
	put_u64(&m, NBD_ATTR_SIZE_BYTES, size);
	put_u64(&m, NBD_ATTR_BLOCK_SIZE_BYTES, HV_DISK_BLOCK);
	put_u64(&m, NBD_ATTR_SERVER_FLAGS,
		NBD_FLAG_HAS_FLAGS | NBD_FLAG_READ_ONLY);
	/* No NBD_ATTR_TIMEOUT: a slow answer is waited for. */
	put_u64(&m, NBD_ATTR_DEAD_CONN_TIMEOUT, YEARS_SEC);
	put(&m, BACKEND_IDENTIFIER, disk, strlen(disk) + 1);
	put_socket(&m, fd);
	rc = ask(nl, &m, &w);
	if (rc)
		return rc;
	if (w.len != sizeof(*device))
		return -EIO;
	memcpy(device, w.value, sizeof(*device));
	return 0;
}

static int do_reconfigure(int nl, uint16_t family, uint32_t device,
			  const char *disk, int fd)
{
	struct message m;

	begin(&m, family, NBD_CMD_RECONFIGURE, NBD_GENL_VERSION);
	put_u32(&m, NBD_ATTR_INDEX, device);
	put_u64(&m, NBD_ATTR_DEAD_CONN_TIMEOUT, YEARS_SEC);
	put(&m, BACKEND_IDENTIFIER, disk, strlen(disk) + 1);
	put_socket(&m, fd);
	return ask(nl, &m, NULL);
}

static int begin_talk(uint16_t *family, struct errinfo *err)
{
	int nl = open_netlink(), rc;

	if (nl < 0)
		return errinfo_set_errno(err, nl, "generic netlink");
	rc = find_family(nl, family);
	if (!rc)
		return nl;
	close(nl);
	if (rc == -ENODEV)
		return errinfo_set(err, rc,
				   "the kernel has no network block devices "
				   "(module nbd)");
	return errinfo_set_errno(err, rc, "netlink family nbd");
}

int hv_nbd_attach(const char *disk, uint64_t size, int fd, uint32_t *device,
		  struct errinfo *err)
{
	auto_close int nl = -1;
	uint16_t family = 0;
	int known, rc;

	nl = begin_talk(&family, err);
	if (nl < 0)
		return nl;
	known = find_device(disk);
	if (known >= 0) {
		*device = (uint32_t)known;
		rc = do_reconfigure(nl, family, *device, disk, fd);
		return rc ? errinfo_set_errno(err, rc, "nbd%d: new socket", known)
			  : 0;
	}
	rc = do_connect(nl, family, disk, size, fd, device);
	return rc ? errinfo_set_errno(err, rc, "disk %.16s: nbd connect", disk)
		  : 0;
}

int hv_nbd_detach(uint32_t device, const char *disk, struct errinfo *err)
{
	auto_close int nl = -1;
	struct message m;
	uint16_t family = 0;
	int rc;

	rc = hv_nbd_check(device, disk, err);
	if (rc)
		return rc;
	nl = begin_talk(&family, err);
	if (nl < 0)
		return nl;
	begin(&m, family, NBD_CMD_DISCONNECT, NBD_GENL_VERSION);
	put_u32(&m, NBD_ATTR_INDEX, device);
	rc = ask(nl, &m, NULL);
	return rc ? errinfo_set_errno(err, rc, "nbd%u: disconnect", device) : 0;
}
