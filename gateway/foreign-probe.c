/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign-probe - the process that reads what strangers say. It begins as
 * gatewayd, anew (no key of ours is in its memory), and gives up all rights.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "dhcp-frame.h"
#include "foreign.h"

/* IPv4, UDP, no later fragment, to port 68 or 4011. The kernel throws away the
 * rest, which may be a gigabit a second. */
static struct sock_filter only_answers[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 9),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 7),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 5, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_PORT_CLIENT, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_PORT_PXE, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, DHCP_FRAME_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

int foreign_probe_socket(const char *ifname, struct errinfo *err)
{
	const struct sock_fprog filter = { ARRAY_SIZE(only_answers),
					   only_answers };
	/* What we send ourselves is not heard with this protocol. */
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(ifname),
	};
	/* None until it is bound: nothing of other interfaces comes in. */
	auto_close int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (!at.sll_ifindex)
		return errinfo_set_errno(err, -ENODEV, "%s", ifname);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return errinfo_set_errno(err, -errno, "%s: raw socket", ifname);
	return TAKE_FD(fd);
}

/* The sanitizers' runtimes need more calls than a filter could list. */
#ifdef __SANITIZE_ADDRESS__
#define FILTER 0
#else
#define FILTER 1
#endif

static int sandbox(void)
{
	static const int calls[] = {
		SCMP_SYS(poll),         SCMP_SYS(recvfrom),
		SCMP_SYS(sendto),       SCMP_SYS(clock_gettime),
		SCMP_SYS(getrandom),    SCMP_SYS(restart_syscall),
		SCMP_SYS(rt_sigreturn), SCMP_SYS(exit_group),
	};
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[2] = { 0 };
	scmp_filter_ctx f;
	int rc = 0;

	if (prctl(PR_SET_NAME, "gatewayd-dhcp", 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    syscall(SYS_capset, &head, none))
		return -errno;
	if (!FILTER)
		return 0;
	f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; f && !rc && i < ARRAY_SIZE(calls); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	if (f && !rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return f ? rc : -ENOMEM;
}

/* A cable that is out is no end; an interface that is gone is one. */
static int ask(const uint8_t mac[PARSE_MAC_LEN])
{
	static const int ports[] = { DHCP_PORT_SERVER, DHCP_PORT_PXE };
	uint8_t frame[DHCP_FRAME_MAX];
	uint32_t xid = 0;
	size_t len;

	if (getrandom(&xid, sizeof(xid), 0) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		len = dhcp_frame_ask(mac, xid, ports[i], frame);
		if (send(FOREIGN_PROBE_SOCKET, frame, len, MSG_DONTWAIT) < 0 &&
		    (errno == ENXIO || errno == ENODEV))
			return -errno;
	}
	return 0;
}

/* What finds no room is asked for again. */
static void hear(void)
{
	uint8_t frame[DHCP_FRAME_MAX];
	struct dhcp_answer answer;
	ssize_t n =
		recv(FOREIGN_PROBE_SOCKET, frame, sizeof(frame), MSG_DONTWAIT);

	if (n > 0 && !dhcp_frame_parse(frame, (size_t)n, &answer))
		send(FOREIGN_PROBE_OUT, &answer, sizeof(answer),
		     MSG_DONTWAIT | MSG_NOSIGNAL);
}

int foreign_probe(const char *every_text, const char *mac_text)
{
	struct pollfd fds[] = { { FOREIGN_PROBE_SOCKET, POLLIN, 0 },
				{ FOREIGN_PROBE_OUT, 0, 0 } };
	uint8_t mac[PARSE_MAC_LEN];
	int64_t next = 0, now;
	int every;

	if (parse_int(every_text, 1, INT_MAX / 1000, &every) ||
	    parse_mac(mac_text, mac))
		return CMD_EXIT_USAGE;
	if (sandbox())
		return CMD_EXIT_FAILED;
	while (!fds[1].revents) {
		now = clock_boot_ms();
		if (now >= next) {
			if (ask(mac))
				return CMD_EXIT_FAILED;
			next = now + every * 1000LL;
		}
		if (poll(fds, ARRAY_SIZE(fds), (int)(next - now)) > 0 &&
		    fds[0].revents)
			hear();
	}
	return CMD_EXIT_OK;
}
