/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tun-net - see tun-net.h. By rtnetlink.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "cleanup.h"
#include "tun-net.h"
#include "walls.h"

#define REQUEST_MAX 512
#define TABLE       51820

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

static int add_rule(uint32_t priority, const char *iif, uint32_t flags,
		    uint32_t table)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *rule;
	int rc;

	nlh->nlmsg_type = RTM_NEWRULE;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	rule = mnl_nlmsg_put_extra_header(nlh, sizeof(*rule));
	*rule = (struct fib_rule_hdr){ .family = AF_INET,
				       .action = FR_ACT_TO_TBL,
				       .flags = flags };
	mnl_attr_put_u32(nlh, FRA_PRIORITY, priority);
	mnl_attr_put_strz(nlh, FRA_IIFNAME, iif);
	mnl_attr_put_u32(nlh, FRA_TABLE, table);
	rc = ask(nlh);
	return rc == -EEXIST ? 0 : rc;
}

int tun_net_rules(struct errinfo *err)
{
	int rc = add_rule(99, WALLS_TUNNEL, 0, RT_TABLE_MAIN);

	if (!rc)
		rc = add_rule(100, "lo", FIB_RULE_INVERT, TABLE);
	return rc ? errinfo_set_errno(err, rc, "routing rules") : 0;
}

static int add_route(const char *ifname, uint32_t address, unsigned int prefix,
		     uint32_t table)
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
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	if (prefix)
		mnl_attr_put_u32(nlh, RTA_DST, htonl(address));
	mnl_attr_put_u32(nlh, RTA_OIF, index);
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	return ask(nlh);
}

/* Who may send from where is the walls' and the tunnel's to say: by the main
 * table no address of the world would be behind the tunnel. */
static int trust_sources(const char *ifname)
{
	auto_close int fd = -1;
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter",
		 ifname);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "0", 1) != 1 ? -errno : 0;
}

int tun_net_default(const char *tunnel, struct errinfo *err)
{
	int rc = trust_sources(tunnel);

	if (!rc)
		rc = add_route(tunnel, 0, 0, TABLE);
	return rc ? errinfo_set_errno(err, rc, "route into %s", tunnel) : 0;
}

static int set_up(const char *ifname)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	*ifi = (struct ifinfomsg){ .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	mnl_attr_put_strz(nlh, IFLA_IFNAME, ifname);
	return ask(nlh);
}

static int add_address(const char *ifname, uint32_t address)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = RTM_NEWADDR;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	*ifa = (struct ifaddrmsg){ .ifa_family = AF_INET,
				   .ifa_prefixlen = 32,
				   .ifa_index = if_nametoindex(ifname) };
	mnl_attr_put_u32(nlh, IFA_LOCAL, htonl(address));
	mnl_attr_put_u32(nlh, IFA_ADDRESS, htonl(address));
	return ask(nlh);
}

int tun_net_vif(const char *ifname, uint32_t address, struct errinfo *err)
{
	int rc = add_address(ifname, WALLS_VIF_ADDRESS);

	if (!rc)
		rc = set_up(ifname);
	if (!rc)
		rc = add_route(ifname, address, 32, RT_TABLE_MAIN);
	return rc ? errinfo_set_errno(err, rc, "%s", ifname) : 0;
}
