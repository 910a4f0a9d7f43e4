/* SPDX-License-Identifier: Apache-2.0 */
/* link - rtnetlink: the interface, up, its routes. */
#include <arpa/inet.h>
#include <errno.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "private.h"

#define REQUEST_MAX 512

/* Sends one request and waits for the kernel's word. */
static int ask(struct nlmsghdr *nlh)
{
	char reply[MNL_NLMSG_HDRLEN + REQUEST_MAX + sizeof(struct nlmsgerr)];
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	ssize_t n;
	int rc = 0;

	if (!nl)
		return -errno;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0) {
		rc = -errno;
	} else {
		n = mnl_socket_recvfrom(nl, reply, sizeof(reply));
		if (n < 0 || mnl_cb_run(reply, (size_t)n, 1,
					mnl_socket_get_portid(nl), NULL, NULL) < 0)
			rc = -errno;
	}
	mnl_socket_close(nl);
	return rc;
}

static struct nlmsghdr *begin_link(void *buf, uint16_t type, uint16_t flags,
				   const char *ifname)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, ifname);
	return nlh;
}

int wg_link_make(const char *ifname)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh =
		begin_link(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifname);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "wireguard");
	mnl_attr_nest_end(nlh, info);
	return ask(nlh);
}

int wg_link_delete(const char *ifname)
{
	char buf[REQUEST_MAX];

	return ask(begin_link(buf, RTM_DELLINK, 0, ifname));
}

int wg_link_up(const char *ifname, unsigned int mtu)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = begin_link(buf, RTM_NEWLINK, 0, ifname);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return ask(nlh);
}

int wg_link_route(const char *ifname, uint32_t address, unsigned int prefix)
{
	char buf[REQUEST_MAX];
	unsigned int index = if_nametoindex(ifname);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	if (!index)
		return -errno;
	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	*rtm = (struct rtmsg){
		.rtm_family = AF_INET,
		.rtm_dst_len = (unsigned char)prefix,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	mnl_attr_put_u32(nlh, RTA_DST, htonl(address));
	mnl_attr_put_u32(nlh, RTA_OIF, index);
	return ask(nlh);
}
