/* SPDX-License-Identifier: Apache-2.0 */
/* dhcp-frame - reading with bounds, writing by offsets. */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "dhcp-frame.h"

#define ETHER_LEN   14
#define TAG_LEN     4 /* 802.1Q */
#define ETHER_IPV4  0x0800
#define ETHER_VLAN  0x8100
#define IPV4_LEN    20
#define IPV4_UDP    17
#define UDP_LEN     8
#define BOOTP_LEN   236
#define BOOTP_REPLY 2
#define MAGIC       0x63825363U

/* Offsets in BOOTP. */
#define AT_XID    4
#define AT_FLAGS  10
#define AT_YIADDR 16
#define AT_SIADDR 20
#define AT_CHADDR 28
#define AT_SNAME  44
#define AT_FILE   108
#define SNAME_LEN 64
#define FILE_LEN  128

enum option {
	OPT_PAD = 0,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_CLASS = 60,
	OPT_TFTP_SERVER = 66,
	OPT_BOOT_FILE = 67,
	OPT_ARCH = 93,
	OPT_NDI = 94,
	OPT_GUID = 97,
	OPT_END = 255,
};

enum type {
	TYPE_DISCOVER = 1,
	TYPE_OFFER = 2,
	TYPE_REQUEST = 3,
	TYPE_ACK = 5,
	TYPE_NAK = 6,
};

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Reading */

struct span {
	const uint8_t *p;
	size_t len;
};

/* IPv4 in Ethernet, tagged or not. -ENOMSG for another type. */
static int skip_ether(struct span *s, uint8_t mac[PARSE_MAC_LEN])
{
	size_t head = ETHER_LEN;

	if (s->len < ETHER_LEN + TAG_LEN)
		return -EBADMSG;
	memcpy(mac, s->p + PARSE_MAC_LEN, PARSE_MAC_LEN);
	if (get16(s->p + 12) == ETHER_VLAN)
		head += TAG_LEN;
	if (get16(s->p + head - 2) != ETHER_IPV4)
		return -ENOMSG;
	s->p += head;
	s->len -= head;
	return 0;
}

/* Fragments are none: no PC's firmware puts them together. */
static int skip_ipv4(struct span *s, uint32_t *from)
{
	size_t head, total;

	if (s->len < IPV4_LEN || s->p[0] >> 4 != 4)
		return -EBADMSG;
	head = (size_t)(s->p[0] & 15) * 4;
	total = get16(s->p + 2);
	if (head < IPV4_LEN || total < head || total > s->len)
		return -EBADMSG;
	if (s->p[9] != IPV4_UDP || (get16(s->p + 6) & 0x3fff))
		return -ENOMSG;
	*from = get32(s->p + 12);
	s->p += head;
	s->len = total - head;
	return 0;
}

static int is_server_port(unsigned int port)
{
	return port == DHCP_PORT_SERVER || port == DHCP_PORT_PXE;
}

static int is_client_port(unsigned int port)
{
	return port == DHCP_PORT_CLIENT || port == DHCP_PORT_PXE;
}

static int skip_udp(struct span *s)
{
	size_t len;

	if (s->len < UDP_LEN)
		return -EBADMSG;
	if (!is_server_port(get16(s->p)) || !is_client_port(get16(s->p + 2)))
		return -ENOMSG;
	len = get16(s->p + 4);
	if (len < UDP_LEN || len > s->len)
		return -EBADMSG;
	s->p += UDP_LEN;
	s->len = len - UDP_LEN;
	return 0;
}

static void take_file(struct dhcp_answer *out, const uint8_t *name, size_t len)
{
	size_t n = 0;

	while (n < len && n < DHCP_FILE_MAX - 1 && name[n]) {
		out->file[n] =
			name[n] > ' ' && name[n] < 127 ? (char)name[n] : '?';
		n++;
	}
	out->file[n] = '\0';
	if (n)
		out->offers_boot = 1;
}

struct options {
	struct dhcp_answer *out;
	unsigned int type, overload;
};

static int take_option(struct options *o, enum option code, const uint8_t *p,
		       size_t len)
{
	switch ((int)code) {
	case OPT_OVERLOAD:
		if (len != 1 || p[0] > 3)
			return -EBADMSG;
		o->overload = p[0];
		break;
	case OPT_TYPE:
		if (len != 1)
			return -EBADMSG;
		o->type = p[0];
		break;
	case OPT_SERVER:
		if (len != 4)
			return -EBADMSG;
		o->out->server = get32(p);
		break;
	case OPT_CLASS:
		if (len >= 9 && !memcmp(p, "PXEClient", 9))
			o->out->offers_boot = 1;
		break;
	case OPT_TFTP_SERVER:
		o->out->offers_boot = 1;
		break;
	case OPT_BOOT_FILE:
		take_file(o->out, p, len);
		break;
	default:
		break;
	}
	return 0;
}

static int take_options(struct options *o, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	int rc = 0;

	while (!rc && p < end && *p != OPT_END) {
		if (*p == OPT_PAD) {
			p++;
			continue;
		}
		if (end - p < 2 || end - p - 2 < p[1])
			return -EBADMSG;
		rc = take_option(o, p[0], p + 2, p[1]);
		p += 2 + p[1];
	}
	return rc;
}

static int take_bootp(const uint8_t *p, size_t len, struct dhcp_answer *out)
{
	struct options o = { .out = out, .type = TYPE_ACK };
	int rc = 0;

	if (len < BOOTP_LEN)
		return -EBADMSG;
	if (p[0] != BOOTP_REPLY)
		return -ENOMSG;
	out->xid = get32(p + AT_XID);
	out->offers_address = get32(p + AT_YIADDR) != 0;
	/* Without the magic it is a BOOTP server's, and an answer as well. */
	if (len >= BOOTP_LEN + 4 && get32(p + BOOTP_LEN) == MAGIC)
		rc = take_options(&o, p + BOOTP_LEN + 4, len - BOOTP_LEN - 4);
	if (!rc && o.overload & 1)
		rc = take_options(&o, p + AT_FILE, FILE_LEN);
	else if (!rc && !out->file[0])
		take_file(out, p + AT_FILE, FILE_LEN);
	if (!rc && o.overload & 2)
		rc = take_options(&o, p + AT_SNAME, SNAME_LEN);
	if (rc)
		return rc;
	return o.type == TYPE_OFFER || o.type == TYPE_ACK || o.type == TYPE_NAK
		       ? 0
		       : -ENOMSG;
}

int dhcp_frame_parse(const uint8_t *frame, size_t len, struct dhcp_answer *out)
{
	struct span s = { frame, len };
	int rc;

	memset(out, 0, sizeof(*out));
	rc = skip_ether(&s, out->mac);
	if (!rc)
		rc = skip_ipv4(&s, &out->address);
	if (!rc)
		rc = skip_udp(&s);
	return rc ? rc : take_bootp(s.p, s.len, out);
}

/* Writing */

static uint8_t *put_option(uint8_t *p, enum option code, const void *data,
			   size_t len)
{
	*p++ = (uint8_t)code;
	*p++ = (uint8_t)len;
	memcpy(p, data, len);
	return p + len;
}

/* What PXE firmware sends (PXE 2.1, table 2-1): without it a boot server may
 * keep quiet. */
static uint8_t *put_options(uint8_t *p, int port)
{
	static const char class[] = "PXEClient:Arch:00007:UNDI:003001";
	static const uint8_t wants[] = {
		1, 3, OPT_SERVER, OPT_CLASS, 43, OPT_TFTP_SERVER, OPT_BOOT_FILE
	};
	static const uint8_t arch[] = { 0, 7 }, ndi[] = { 1, 3, 1 };
	static const uint8_t guid[17];
	const uint8_t type = port == DHCP_PORT_PXE ? TYPE_REQUEST : TYPE_DISCOVER;

	p = put_option(p, OPT_TYPE, &type, 1);
	p = put_option(p, OPT_PARAMETERS, wants, sizeof(wants));
	p = put_option(p, OPT_CLASS, class, sizeof(class) - 1);
	p = put_option(p, OPT_ARCH, arch, sizeof(arch));
	p = put_option(p, OPT_NDI, ndi, sizeof(ndi));
	p = put_option(p, OPT_GUID, guid, sizeof(guid));
	*p++ = OPT_END;
	return p;
}

static uint8_t *put_bootp(uint8_t *p, const uint8_t mac[PARSE_MAC_LEN],
			  uint32_t xid, int port)
{
	memset(p, 0, BOOTP_LEN);
	p[0] = 1; /* request */
	p[1] = 1; /* Ethernet */
	p[2] = PARSE_MAC_LEN;
	put32(p + AT_XID, xid);
	put16(p + AT_FLAGS, 0x8000); /* answer to everybody */
	memcpy(p + AT_CHADDR, mac, PARSE_MAC_LEN);
	put32(p + BOOTP_LEN, MAGIC);
	return put_options(p + BOOTP_LEN + 4, port);
}

static unsigned int checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

size_t dhcp_frame_ask(const uint8_t mac[PARSE_MAC_LEN], uint32_t xid, int port,
		      uint8_t out[DHCP_FRAME_MAX])
{
	uint8_t *ip = out + ETHER_LEN, *udp = ip + IPV4_LEN;
	uint8_t *end = put_bootp(udp + UDP_LEN, mac, xid, port);

	memset(out, 0xff, PARSE_MAC_LEN);
	memcpy(out + PARSE_MAC_LEN, mac, PARSE_MAC_LEN);
	put16(out + 12, ETHER_IPV4);
	memset(ip, 0, IPV4_LEN);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)(end - ip));
	ip[8] = 64; /* hops */
	ip[9] = IPV4_UDP;
	put32(ip + 16, 0xffffffff);
	put16(ip + 10, checksum(ip, IPV4_LEN));
	put16(udp, DHCP_PORT_CLIENT);
	put16(udp + 2, (unsigned int)port);
	put16(udp + 4, (unsigned int)(end - udp));
	put16(udp + 6, 0); /* none, as RFC 768 allows */
	return (size_t)(end - out);
}
