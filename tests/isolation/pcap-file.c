/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "pcap-file.h"

#define PCAP_MAGIC    0xa1b2c3d4U
#define PCAP_ETHERNET 1
#define PCAP_RAW      101 /* IP packets */
#define SNAP_MAX      65535
/* The kernel's queue: all that one sender has to say, should nobody look. */
#define SLOT       2048
#define SLOTS      8192
#define BLOCK      65536
#define QUEUE_SIZE ((size_t)SLOT * SLOTS)

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t sigfigs, snaplen, link;
};

struct pcap_record {
	uint32_t sec, usec, len, orig;
};

/* Shared with the kernel (packet(7), PACKET_RX_RING): a socket's own queue
 * cannot be made long enough by who has no rights on the machine. */
static uint8_t *map_queue(int fd)
{
	struct tpacket_req ring = { .tp_block_size = BLOCK,
				    .tp_block_nr = QUEUE_SIZE / BLOCK,
				    .tp_frame_size = SLOT,
				    .tp_frame_nr = SLOTS };
	int version = TPACKET_V2;
	void *map;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
		return NULL;
	map = mmap(NULL, QUEUE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return map == MAP_FAILED ? NULL : map;
}

static int listen_at(const char *interface, uint32_t *link_out,
		     uint8_t **queue_out)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(0x0003) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r))
		return -1;
	*link_out = r.ifr_hwaddr.sa_family == ARPHRD_ETHER ? PCAP_ETHERNET
							   : PCAP_RAW;
	*queue_out = map_queue(fd);
	if (!*queue_out || ioctl(fd, SIOCGIFINDEX, &r))
		return -1;
	at.sll_ifindex = r.ifr_ifindex;
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -1 : fd;
}

/* The kernel takes a tag out of a frame; it belongs there. */
static void write_frame(FILE *f, const struct tpacket2_hdr *h)
{
	const uint8_t *data = (const uint8_t *)h + h->tp_mac;
	uint32_t len = h->tp_snaplen;
	int has_tag = (h->tp_status & TP_STATUS_VLAN_VALID) && len >= 12;
	uint8_t tag[4] = { 0x81, 0, (uint8_t)(h->tp_vlan_tci >> 8),
			   (uint8_t)h->tp_vlan_tci };
	struct pcap_record r = { h->tp_sec, h->tp_nsec / 1000,
				 len + (has_tag ? 4 : 0), h->tp_len };

	fwrite(&r, sizeof(r), 1, f);
	if (has_tag) {
		fwrite(data, 12, 1, f);
		fwrite(tag, sizeof(tag), 1, f);
		data += 12;
		len -= 12;
	}
	fwrite(data, len, 1, f);
}

/* All that is there; the slot that comes next. */
static unsigned int write_frames(FILE *f, uint8_t *queue, unsigned int slot,
				 enum pcap_way way)
{
	for (;;) {
		void *at = queue + (size_t)slot * SLOT;
		struct tpacket2_hdr *h = at;
		const struct sockaddr_ll *from =
			(const void *)((const uint8_t *)at +
				       TPACKET_ALIGN(sizeof(*h)));

		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) &
		      TP_STATUS_USER))
			return slot;
		if (way !=
		    (from->sll_pkttype == PACKET_OUTGOING ? PCAP_IN : PCAP_OUT))
			write_frame(f, h);
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL,
				 __ATOMIC_RELEASE);
		slot = (slot + 1) % SLOTS;
	}
}

int pcap_record(const char *interface, const char *path, enum pcap_way way)
{
	struct pcap_head head = { PCAP_MAGIC, 2, 4, 0, 0, SNAP_MAX, 0 };
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN } };
	struct tpacket_stats lost = { 0 };
	socklen_t size = sizeof(lost);
	FILE *f = fopen(path, "w");
	unsigned int slot = 0;
	uint8_t *queue = NULL;

	fds[1].fd = listen_at(interface, &head.link, &queue);
	fds[1].events = POLLIN;
	if (!f || fds[1].fd < 0 || fwrite(&head, sizeof(head), 1, f) != 1 ||
	    fflush(f)) {
		perror(interface);
		return 1;
	}
	while (!fds[0].revents && poll(fds, 2, -1) >= 0) {
		slot = write_frames(f, queue, slot, way);
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
