/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "cleanup.h"
#include "fileio.h"

#define RAW_MAX 20

const uint8_t bench_gateway_mac[6] = { 0x52, 0x54, 0, 0x77, 0, 1 };
const uint8_t bench_uplink_mac[6] = { 0x52, 0x54, 0, 0x99, 0, 1 };

static const char *const names[] = { "seg0", "wg0", "up0", "" };
static int ports[BENCH_LOCAL];
static struct {
	int fd, is_v6;
} raws[RAW_MAX];
static int n_raws;
static int send4 = -1, send6 = -1;

/* Protocols that raw sockets listen for. */
static const int protocols[] = { 1, 2, 4, 6, 17, 47, 50, 132 };
static const int protocols6[] = { 6, 17, 58, 132 };

const char *bench_interface(enum bench_port port)
{
	return names[port];
}

/* Who is where is settled, so that nothing waits for ARP; neighbours of IPv6
 * likewise. */
static const char setup[] =
	"link set lo up\n"
	"link set seg0 address 52:54:00:77:00:01\n"
	"link set up0 address 52:54:00:99:00:01\n"
	"link set seg0 up\nlink set up0 up\nlink set wg0 up\n"
	"addr add 10.77.0.1/16 brd + dev seg0\n"
	"addr add 10.99.0.1/24 brd + dev up0\n"
	"route add 10.77.128.0/17 dev wg0\n"
	"route add default via 10.99.0.254\n"
	"neigh add 10.77.0.11 lladdr 52:54:00:77:00:11 dev seg0 nud permanent\n"
	"neigh add 10.77.0.12 lladdr 52:54:00:77:00:12 dev seg0 nud permanent\n"
	"neigh add 10.77.0.211 lladdr 52:54:00:77:d0:11 dev seg0 nud permanent\n"
	"neigh add 10.77.0.200 lladdr 52:54:00:77:00:c8 dev seg0 nud permanent\n"
	"neigh add 10.99.0.2 lladdr 52:54:00:99:00:02 dev up0 nud permanent\n"
	"neigh add 10.99.0.254 lladdr 52:54:00:99:00:fe dev up0 nud permanent\n"
	"addr add fd00:77::1/64 dev seg0 nodad\n"
	"addr add fd00:80::1/64 dev wg0 nodad\n"
	"addr add fd00:99::1/64 dev up0 nodad\n"
	"route add default via fd00:99::fe\n"
	"neigh add fd00:77::b lladdr 52:54:00:77:00:11 dev seg0 nud permanent\n"
	"neigh add fd00:77::c lladdr 52:54:00:77:00:12 dev seg0 nud permanent\n"
	"neigh add fd00:77::d3 lladdr 52:54:00:77:d0:11 dev seg0 nud permanent\n"
	"neigh add fd00:77::c8 lladdr 52:54:00:77:00:c8 dev seg0 nud permanent\n"
	"neigh add fd00:99::2 lladdr 52:54:00:99:00:02 dev up0 nud permanent\n"
	"neigh add fd00:99::fe lladdr 52:54:00:99:00:fe dev up0 nud permanent\n";

static const struct {
	const char *path, *value;
} sysctls[] = {
	{ "net/ipv4/ip_forward", "1" },
	{ "net/ipv4/conf/all/rp_filter", "0" },
	{ "net/ipv4/conf/default/rp_filter", "0" },
	{ "net/ipv4/conf/seg0/rp_filter", "0" },
	{ "net/ipv4/conf/wg0/rp_filter", "0" },
	{ "net/ipv4/conf/up0/rp_filter", "0" },
	{ "net/ipv4/conf/all/accept_source_route", "1" },
	{ "net/ipv4/conf/seg0/accept_source_route", "1" },
	{ "net/ipv4/icmp_ratelimit", "0" },
	{ "net/ipv6/conf/all/forwarding", "1" },
	{ "net/netfilter/nf_conntrack_tcp_be_liberal", "1" },
};

static int write_file(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fileio_write_all(fd, text, strlen(text));
}

static int make_tap(const char *name, int flags)
{
	struct ifreq r = { .ifr_flags = (short)(flags | IFF_NO_PI) };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &r)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static int run_ip(void)
{
	FILE *p = popen("ip -batch - >/dev/null", "w");

	if (!p)
		return -errno;
	fputs(setup, p);
	return pclose(p) ? -EIO : 0;
}

static int open_raw(int family, int protocol)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			protocol);

	if (fd >= 0 && n_raws < RAW_MAX) {
		raws[n_raws].is_v6 = family == AF_INET6;
		raws[n_raws++].fd = fd;
	}
	return fd < 0 ? -errno : 0;
}

static int open_sockets(void)
{
	const int on = 1;
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(protocols); i++)
		rc = open_raw(AF_INET, protocols[i]);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(protocols6); i++)
		rc = open_raw(AF_INET6, protocols6[i]);
	send4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	send6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (rc || send4 < 0 || send6 < 0 ||
	    setsockopt(send4, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)))
		return rc ? rc : -errno;
	return 0;
}

static int enter(struct errinfo *err)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	char map[32];

	/* Root needs no more, and may load more at once. */
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return errinfo_set_errno(err, -errno, "no user namespaces here");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	(void)write_file("/proc/self/setgroups", "deny");
	if (write_file("/proc/self/uid_map", map))
		return errinfo_set(err, -EPERM, "no user namespaces here");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	(void)write_file("/proc/self/gid_map", map);
	return 0;
}

static int run_nft(const char *text, unsigned int in, struct errinfo *err)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int r;

	if (!nft || nft_ctx_buffer_error(nft) || nft_ctx_buffer_output(nft))
		return errinfo_set(err, -ENOMEM, "libnftables");
	nft_ctx_output_set_flags(nft, in);
	r = nft_run_cmd_from_buffer(nft, text);
	if (r)
		errinfo_set(err, -EINVAL, "nft: %.200s",
			    nft_ctx_get_error_buffer(nft));
	nft_ctx_free(nft);
	return r ? -EINVAL : 0;
}

int bench_load(const char *text, struct errinfo *err)
{
	return run_nft(text, 0, err);
}

char *bench_list_json(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	char *text = NULL;

	if (!nft || nft_ctx_buffer_output(nft))
		return NULL;
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
	if (nft_run_cmd_from_buffer(nft, "list ruleset") == 0)
		text = strdup(nft_ctx_get_output_buffer(nft));
	nft_ctx_free(nft);
	return text;
}

int bench_load_json(const char *json, struct errinfo *err)
{
	return run_nft(json, NFT_CTX_OUTPUT_JSON, err);
}

int bench_open(const char *rules, struct errinfo *err)
{
	static const int kinds[] = { IFF_TAP, IFF_TUN, IFF_TAP };
	char path[128];
	int rc;

	rc = enter(err);
	if (rc)
		return rc;
	for (int i = 0; i < BENCH_LOCAL; i++) {
		ports[i] = make_tap(names[i], kinds[i]);
		if (ports[i] < 0)
			return errinfo_set_errno(err, ports[i], "interface %s",
						 names[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		snprintf(path, sizeof(path), "/proc/sys/%s", sysctls[i].path);
		rc = write_file(path, sysctls[i].value);
		if (rc)
			return errinfo_set_errno(err, rc, "%s", path);
	}
	rc = bench_load(rules, err);
	if (rc)
		return rc;
	rc = run_ip();
	if (rc)
		return errinfo_set(err, rc, "ip -batch failed");
	rc = open_sockets();
	return rc ? errinfo_set_errno(err, rc, "raw sockets") : 0;
}

int bench_forget(struct errinfo *err)
{
	struct {
		struct nlmsghdr h;
		struct nfgenmsg g;
	} m = {
		.h = { .nlmsg_len = sizeof(m),
		       .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 |
				     IPCTNL_MSG_CT_DELETE,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.g = { .nfgen_family = AF_UNSPEC },
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[256];
	} answer;
	auto_close int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0 || send(fd, &m, sizeof(m), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return errinfo_set_errno(err, -errno, "ctnetlink");
	return answer.e.error
		       ? errinfo_set_errno(err, answer.e.error, "ctnetlink")
		       : 0;
}

static int send_local(const struct wire_frame *f)
{
	int v6 = f->data[0] >> 4 == 6;
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	ssize_t n;

	memcpy(&to.sin_addr, f->data + 16, 4);
	memcpy(&to6.sin6_addr, f->data + 24, 16);
	n = v6 ? sendto(send6, f->data, f->len, 0, (void *)&to6, sizeof(to6))
	       : sendto(send4, f->data, f->len, 0, (void *)&to, sizeof(to));
	return n < 0 ? -errno : 0;
}

int bench_send(enum bench_port port, const struct wire_frame *f)
{
	if (port == BENCH_LOCAL)
		return send_local(f);
	return write(ports[port], f->data, f->len) < 0 ? -errno : 0;
}

/* Raw sockets of IPv6 leave the header out. */
static ssize_t hear(int i, int fd, uint8_t *data, size_t size)
{
	int local = i - BENCH_LOCAL;
	ssize_t n;

	if (local < 0 || !raws[local].is_v6)
		return read(fd, data, size);
	memset(data, 0, 40);
	data[0] = 0x60;
	n = read(fd, data + 40, size - 40);
	return n > 0 ? n + 40 : n;
}

int bench_listen(int wait_ms, bench_heard_fn fn, void *arg)
{
	struct pollfd fds[BENCH_LOCAL + RAW_MAX];
	uint8_t data[2048];
	int n = 0;

	for (; n < BENCH_LOCAL; n++)
		fds[n] = (struct pollfd){ ports[n], POLLIN, 0 };
	for (int i = 0; i < n_raws; i++)
		fds[n++] = (struct pollfd){ raws[i].fd, POLLIN, 0 };
	if (poll(fds, (nfds_t)n, wait_ms) <= 0)
		return 0;
	for (int i = 0; i < n; i++) {
		ssize_t len;

		while (fds[i].revents &&
		       (len = hear(i, fds[i].fd, data, sizeof(data))) > 0)
			fn(i < BENCH_LOCAL ? (enum bench_port)i : BENCH_LOCAL,
			   data, (size_t)len, arg);
	}
	return 1;
}
