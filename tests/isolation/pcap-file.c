/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "pcap-file.h"

#define PCAP_MAGIC    0xa1b2c3d4U
#define PCAP_ETHERNET 1
#define PCAP_RAW      101 /* IP packets */
#define SNAP_MAX      65535
#define QUEUE         (32 << 20) /* of the kernel's, for what comes at once */

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t sigfigs, snaplen, link;
};

struct pcap_record {
	uint32_t sec, usec, len, orig;
};

static int listen_at(const char *interface, uint32_t *link_out)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(0x0003) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), queue = QUEUE;
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r))
		return -1;
	*link_out = r.ifr_hwaddr.sa_family == ARPHRD_ETHER ? PCAP_ETHERNET
							   : PCAP_RAW;
	/* Without the right to more it is what an ordinary user gets. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue,
				 sizeof(queue));
	if (ioctl(fd, SIOCGIFINDEX, &r))
		return -1;
	at.sll_ifindex = r.ifr_ifindex;
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -1 : fd;
}

static void write_frame(FILE *f, const uint8_t *data, size_t len)
{
	struct timespec t;
	struct pcap_record r;

	clock_gettime(CLOCK_REALTIME, &t);
	r = (struct pcap_record){ (uint32_t)t.tv_sec,
				  (uint32_t)(t.tv_nsec / 1000), (uint32_t)len,
				  (uint32_t)len };
	fwrite(&r, sizeof(r), 1, f);
	fwrite(data, len, 1, f);
}

static void record_one(int fd, FILE *f, enum pcap_way way)
{
	static uint8_t data[SNAP_MAX];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, data, sizeof(data), 0,
			     (struct sockaddr *)&from, &size);
	int is_out = from.sll_pkttype == PACKET_OUTGOING;

	if (n > 0 && way != (is_out ? PCAP_IN : PCAP_OUT))
		write_frame(f, data, (size_t)n);
}

int pcap_record(const char *interface, const char *path, enum pcap_way way)
{
	struct pcap_head head = { PCAP_MAGIC, 2, 4, 0, 0, SNAP_MAX, 0 };
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN } };
	struct tpacket_stats lost = { 0 };
	socklen_t size = sizeof(lost);
	FILE *f = fopen(path, "w");

	fds[1].fd = listen_at(interface, &head.link);
	fds[1].events = POLLIN;
	if (!f || fds[1].fd < 0 || fwrite(&head, sizeof(head), 1, f) != 1 ||
	    fflush(f)) {
		perror(interface);
		return 1;
	}
	while (!fds[0].revents && poll(fds, 2, -1) >= 0) {
		if (fds[1].revents)
			record_one(fds[1].fd, f, way);
		/* Whoever waits for a frame finds it, once there is a pause. */
		if (poll(&fds[1], 1, 0) == 0)
			fflush(f);
	}
	/* A frame that nobody saw may be the one that matters. */
	if (getsockopt(fds[1].fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) ||
	    lost.tp_drops) {
		fprintf(stderr, "%s: %u frames were lost\n", interface,
			lost.tp_drops);
		return 1;
	}
	return fclose(f) != 0;
}

int pcap_read(const char *path, pcap_fn fn, void *arg)
{
	static uint8_t data[SNAP_MAX];
	FILE *f = fopen(path, "r");
	struct pcap_head head;
	struct pcap_record r;

	if (!f || fread(&head, sizeof(head), 1, f) != 1 ||
	    head.magic != PCAP_MAGIC ||
	    (head.link != PCAP_ETHERNET && head.link != PCAP_RAW)) {
		fprintf(stderr, "%s: no recording of frames\n", path);
		if (f)
			fclose(f);
		return -1;
	}
	while (fread(&r, sizeof(r), 1, f) == 1 && r.len <= sizeof(data) &&
	       fread(data, 1, r.len, f) == r.len)
		fn(data, r.len, head.link == PCAP_ETHERNET, arg);
	fclose(f);
	return 0;
}
