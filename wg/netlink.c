/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink - the kernel's WireGuard by generic netlink (linux/wireguard.h).
 *
 * What a message may hold is bounded (64 KiB in an attribute), so many peers
 * are many messages. A dump may split one peer over two.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "cleanup.h"
#include "private.h"

#define CHUNK       128 /* peers in a message, 120 bytes each */
#define REQUEST_MAX 32768

struct channel {
	struct mnl_socket *nl;
	uint16_t family;
	unsigned int seq;
	char *buf;
};

static void channel_close(struct channel *c)
{
	if (c->nl)
		mnl_socket_close(c->nl);
	free(c->buf);
}

/* Sends what c->buf holds; each message of the answer goes to fn. */
static int talk(struct channel *c, mnl_cb_t fn, void *arg)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)c->buf;
	unsigned int port = mnl_socket_get_portid(c->nl);
	ssize_t n;
	int rc = MNL_CB_OK;

	nlh->nlmsg_seq = ++c->seq;
	if (mnl_socket_sendto(c->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (rc > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(c->nl, c->buf, REQUEST_MAX);
		if (n < 0)
			return -errno;
		rc = mnl_cb_run(c->buf, (size_t)n, c->seq, port, fn, arg);
	}
	return rc < 0 ? -errno : 0;
}

static struct nlmsghdr *begin(struct channel *c, uint16_t type, uint16_t flags,
			      uint8_t command, uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(c->buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = command;
	g->version = version;
	return nlh;
}

static int take_family(const struct nlmsghdr *nlh, void *arg)
{
	struct channel *c = arg;
	const struct nlattr *a;

	mnl_attr_for_each(
		a, nlh,
		sizeof(struct genlmsghdr)) if (mnl_attr_get_type(a) ==
						       CTRL_ATTR_FAMILY_ID &&
					       mnl_attr_validate(
						       a, MNL_TYPE_U16) >= 0)
		c->family = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

/* -ENOENT where the kernel knows no such family. */
static int channel_open(struct channel *c)
{
	struct nlmsghdr *nlh;
	int rc;

	c->buf = malloc(REQUEST_MAX);
	c->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!c->buf || !c->nl || mnl_socket_bind(c->nl, 0, MNL_SOCKET_AUTOPID))
		return c->buf ? -errno : -ENOMEM;
	nlh = begin(c, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	rc = talk(c, take_family, c);
	return rc ? rc : c->family ? 0 : -ENOENT;
}

static struct nlmsghdr *begin_set(struct channel *c, const struct wg *w)
{
	struct nlmsghdr *nlh = begin(c, c->family, NLM_F_ACK, WG_CMD_SET_DEVICE,
				     WG_GENL_VERSION);

	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, w->ifname);
	return nlh;
}

static int set_key(struct wg *w, const uint8_t private_key[WG_KEY_LEN],
		   uint16_t port, struct errinfo *err)
{
	struct channel c = { 0 };
	struct nlmsghdr *nlh;
	int rc = channel_open(&c);

	if (!rc) {
		nlh = begin_set(&c, w);
		mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN,
			     private_key);
		mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, port);
		rc = talk(&c, NULL, NULL);
		explicit_bzero(c.buf, REQUEST_MAX);
	}
	channel_close(&c);
	return rc ? errinfo_set_errno(err, rc, "%s: key, port %u", w->ifname, port)
		  : 0;
}

static void put_range(struct nlmsghdr *nlh, const struct wg_peer *p)
{
	struct nlattr *list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	struct nlattr *one = mnl_attr_nest_start(nlh, 0);

	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, AF_INET);
	mnl_attr_put_u32(nlh, WGALLOWEDIP_A_IPADDR, htonl(p->address));
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, (uint8_t)p->prefix);
	mnl_attr_nest_end(nlh, one);
	mnl_attr_nest_end(nlh, list);
}

static void put_peer(struct nlmsghdr *nlh, const struct wg_peer *p)
{
	struct nlattr *one = mnl_attr_nest_start(nlh, 0);
	const struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(p->endpoint_port),
		.sin_addr.s_addr = htonl(p->endpoint),
	};

	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, p->key);
	mnl_attr_put_u32(nlh, WGPEER_A_FLAGS,
			 p->remove ? WGPEER_F_REMOVE_ME
				   : WGPEER_F_REPLACE_ALLOWEDIPS);
	if (!p->remove) {
		if (p->endpoint)
			mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(sin), &sin);
		mnl_attr_put_u16(nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
				 p->keepalive_sec);
		put_range(nlh, p);
	}
	mnl_attr_nest_end(nlh, one);
}

static int set_peers(struct wg *w, const struct wg_peer *peers, size_t n,
		     struct errinfo *err)
{
	struct channel c = { 0 };
	struct nlmsghdr *nlh;
	struct nlattr *list;
	int rc = channel_open(&c);

	for (size_t i = 0; !rc && i < n; i += CHUNK) {
		nlh = begin_set(&c, w);
		list = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
		for (size_t k = i; k < n && k < i + CHUNK; k++)
			put_peer(nlh, &peers[k]);
		mnl_attr_nest_end(nlh, list);
		rc = talk(&c, NULL, NULL);
	}
	channel_close(&c);
	return rc ? errinfo_set_errno(err, rc, "%s: peers", w->ifname) : 0;
}

static void get_range(const struct nlattr *list, struct wg_peer *p)
{
	const struct nlattr *one, *a;

	mnl_attr_for_each_nested(one, list) mnl_attr_for_each_nested(a, one)
	{
		if (mnl_attr_get_type(a) == WGALLOWEDIP_A_IPADDR &&
		    mnl_attr_get_payload_len(a) == sizeof(uint32_t))
			p->address = ntohl(mnl_attr_get_u32(a));
		else if (mnl_attr_get_type(a) == WGALLOWEDIP_A_CIDR_MASK &&
			 mnl_attr_get_payload_len(a) == 1)
			p->prefix = mnl_attr_get_u8(a);
	}
}

static void get_endpoint(const struct nlattr *a, struct wg_peer *p)
{
	struct sockaddr_in sin;

	if (mnl_attr_get_payload_len(a) != sizeof(sin))
		return; /* IPv6 */
	memcpy(&sin, mnl_attr_get_payload(a), sizeof(sin));
	p->endpoint = ntohl(sin.sin_addr.s_addr);
	p->endpoint_port = ntohs(sin.sin_port);
}

static void get_handshake(const struct nlattr *a, struct wg_peer *p)
{
	struct { /* __kernel_timespec */
		int64_t sec, nsec;
	} t;

	if (mnl_attr_get_payload_len(a) != sizeof(t))
		return;
	memcpy(&t, mnl_attr_get_payload(a), sizeof(t));
	p->handshake_ms = t.sec * 1000 + t.nsec / 1000000;
}

static void get_number(const struct nlattr *a, struct wg_peer *p)
{
	switch (mnl_attr_get_type(a)) {
	case WGPEER_A_RX_BYTES:
		p->rx_bytes = mnl_attr_get_u64(a);
		break;
	case WGPEER_A_TX_BYTES:
		p->tx_bytes = mnl_attr_get_u64(a);
		break;
	case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
		p->keepalive_sec = mnl_attr_get_u16(a);
		break;
	default:
		break;
	}
}

/* The key comes first; the same key again goes on with the peer before. */
static int get_peer(const struct nlattr *nest, struct wg_list *l)
{
	struct wg_peer *p = NULL;
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) == WGPEER_A_PUBLIC_KEY &&
		    mnl_attr_get_payload_len(a) == WG_KEY_LEN) {
			p = l->n ? &l->peers[l->n - 1] : NULL;
			if (!p ||
			    memcmp(p->key, mnl_attr_get_payload(a), WG_KEY_LEN))
				p = wg_list_add(l);
			if (!p)
				return -ENOMEM;
			memcpy(p->key, mnl_attr_get_payload(a), WG_KEY_LEN);
		} else if (!p) {
			continue;
		} else if (mnl_attr_get_type(a) == WGPEER_A_ALLOWEDIPS) {
			get_range(a, p);
		} else if (mnl_attr_get_type(a) == WGPEER_A_ENDPOINT) {
			get_endpoint(a, p);
		} else if (mnl_attr_get_type(a) == WGPEER_A_LAST_HANDSHAKE_TIME) {
			get_handshake(a, p);
		} else {
			get_number(a, p);
		}
	}
	return 0;
}

static int take_device(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a, *one;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(a) != WGDEVICE_A_PEERS)
			continue;
		mnl_attr_for_each_nested(one, a)
		{
			if (get_peer(one, arg)) {
				errno = ENOMEM;
				return MNL_CB_ERROR;
			}
		}
	}
	return MNL_CB_OK;
}

static int get_peers(struct wg *w, struct wg_peer **peers, size_t *n,
		     struct errinfo *err)
{
	struct wg_list list = { 0 };
	struct channel c = { 0 };
	struct nlmsghdr *nlh;
	int rc = channel_open(&c);

	if (!rc) {
		nlh = begin(&c, c.family, NLM_F_DUMP, WG_CMD_GET_DEVICE,
			    WG_GENL_VERSION);
		mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, w->ifname);
		rc = talk(&c, take_device, &list);
		explicit_bzero(c.buf, REQUEST_MAX); /* it holds our key */
	}
	channel_close(&c);
	if (rc) {
		free(list.peers);
		return errinfo_set_errno(err, rc, "%s: peers", w->ifname);
	}
	*peers = list.peers;
	*n = list.n;
	return 0;
}

const struct wg_backend wg_backend_netlink = { set_key, set_peers, get_peers };
