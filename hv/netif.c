/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netif - puts a vif into a bridge.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"

#include "netif.h"
#include "xenbus.h"

#define POLL_MS 10

int hv_netif_wait(const char *ifname, int timeout_ms)
{
	int64_t end = clock_boot_ms() + timeout_ms;

	while (!if_nametoindex(ifname)) {
		if (clock_boot_ms() >= end)
			return -ETIMEDOUT;
		hv_sleep_ms(POLL_MS);
	}
	return 0;
}

bool hv_netif_is_bridge(const char *ifname)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", ifname);
	return !access(path, F_OK);
}

/* No IPv6 address by itself: a port of a bridge needs none, and dom0 must not
 * be reachable by one. Without IPv6 in the kernel there is nothing to do. */
static void disable_ipv6(const char *ifname)
{
	auto_close int fd = -1;
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
		 ifname);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) < 0)
		return;
}

static void name_request(struct ifreq *ifr, const char *ifname)
{
	memset(ifr, 0, sizeof(*ifr));
	snprintf(ifr->ifr_name, IFNAMSIZ, "%s", ifname);
}

static int copy_mtu(int s, const char *ifname, const char *bridge)
{
	struct ifreq ifr;
	int mtu;

	name_request(&ifr, bridge);
	if (ioctl(s, SIOCGIFMTU, &ifr) < 0)
		return -errno;
	mtu = ifr.ifr_mtu;
	name_request(&ifr, ifname);
	ifr.ifr_mtu = mtu;
	return ioctl(s, SIOCSIFMTU, &ifr) < 0 ? -errno : 0;
}

static int set_up(int s, const char *ifname)
{
	struct ifreq ifr;

	name_request(&ifr, ifname);
	if (ioctl(s, SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

int hv_netif_join(const char *ifname, const char *bridge)
{
	auto_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr;
	int rc;

	if (s < 0)
		return -errno;
	disable_ipv6(ifname);
	rc = copy_mtu(s, ifname, bridge);
	if (rc)
		return rc;
	name_request(&ifr, bridge);
	ifr.ifr_ifindex = (int)if_nametoindex(ifname);
	if (ioctl(s, SIOCBRADDIF, &ifr) < 0 && errno != EBUSY)
		return -errno;
	return set_up(s, ifname);
}

void hv_netif_bridge(const char *ifname, char out[HV_IFNAME_MAX + 1])
{
	char path[64], target[256];
	const char *name;
	ssize_t n;

	out[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/master", ifname);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	name = strrchr(target, '/');
	if (name && strlen(name + 1) <= HV_IFNAME_MAX)
		strcpy(out, name + 1);
}
