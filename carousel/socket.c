/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of both sides.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "parse.h"
#include "private.h"

#define SOCKET_BUFFER (4 << 20) /* 35 ms at 1 Gbit/s */

static struct sockaddr_in address(uint32_t host, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };

	sa.sin_addr.s_addr = htonl(host);
	sa.sin_port = htons(port);
	return sa;
}

uint32_t carousel_group(uint32_t group)
{
	struct in_addr a = { group };

	if (!group)
		inet_aton(CAROUSEL_GROUP, &a);
	return group ? group : ntohl(a.s_addr);
}

static int udp_socket(struct errinfo *err)
{
	static const int buffers[][2] = {
		{ SO_RCVBUFFORCE, SO_RCVBUF },
		{ SO_SNDBUFFORCE, SO_SNDBUF },
	};
	int size = SOCKET_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "UDP socket");
	/* Best effort: smaller ones lose more, which is mended. */
	for (int i = 0; i < 2; i++)
		if (setsockopt(fd, SOL_SOCKET, buffers[i][0], &size, sizeof(size)))
			setsockopt(fd, SOL_SOCKET, buffers[i][1], &size,
				   sizeof(size));
	return fd;
}

static int bind_to(int fd, uint32_t host, uint16_t port, struct errinfo *err)
{
	struct sockaddr_in sa = address(host, port);
	char text[PARSE_IPV4_STR];

	format_ipv4(host, text);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return errinfo_set_errno(err, -errno, "bind to %s:%u", text,
					 port);
	return 0;
}

static int check_group(uint32_t group, struct errinfo *err)
{
	char text[PARSE_IPV4_STR];

	format_ipv4(group, text);
	if (!IN_MULTICAST(group))
		return errinfo_set(err, -EINVAL,
				   "%s is no multicast address (239.0.0.0/8)",
				   text);
	return 0;
}

static int join(int fd, uint32_t group, uint32_t interface, struct errinfo *err)
{
	struct ip_mreqn m = { { htonl(group) }, { htonl(interface) }, 0 };
	int on = 1, off = 0;

	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off));
	/* Several datagrams in one read, where the kernel knows how. */
	setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)))
		return errinfo_set_errno(err, -errno, "join the group");
	return 0;
}

int carousel_recv_sockets(const struct carousel_recv_config *c,
			  struct carousel_sockets *out, struct errinfo *err)
{
	uint16_t port = c->port ? c->port : CAROUSEL_PORT;
	struct sockaddr_in to = address(c->sender, port);
	uint32_t group = carousel_group(c->group);
	auto_close int data = -1, ask = -1;
	int on = 1, rc;

	rc = check_group(group, err);
	if (rc)
		return rc;
	data = udp_socket(err);
	if (data < 0)
		return data;
	setsockopt(data, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	rc = bind_to(data, group, port, err);
	if (!rc)
		rc = join(data, group, c->interface, err);
	if (rc)
		return rc;
	ask = udp_socket(err);
	if (ask < 0)
		return ask;
	rc = c->interface ? bind_to(ask, c->interface, 0, err) : 0;
	if (rc)
		return rc;
	if (connect(ask, (struct sockaddr *)&to, sizeof(to)))
		return errinfo_set_errno(err, -errno, "address of the sender");
	out->data = TAKE_FD(data);
	out->ask = TAKE_FD(ask);
	return 0;
}

int carousel_send_sockets(const struct carousel_send_config *c,
			  struct carousel_sockets *out, struct errinfo *err)
{
	struct in_addr via = { htonl(c->interface) };
	auto_close int fd = -1;
	int rc, ttl = 1;

	rc = check_group(carousel_group(c->group), err);
	if (rc)
		return rc;
	if (!c->interface)
		return errinfo_set(err, -EINVAL,
				   "the sender needs its interface's address");
	fd = udp_socket(err);
	if (fd < 0)
		return fd;
	rc = bind_to(fd, c->interface, c->port ? c->port : CAROUSEL_PORT, err);
	if (rc)
		return rc;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &via, sizeof(via)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)))
		return errinfo_set_errno(err, -errno,
					 "multicast by this "
					 "interface");
	*out = (struct carousel_sockets){ TAKE_FD(fd), -1 };
	return 0;
}
