/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-dnsmasq - DHCP and TFTP for the segment, and nothing else.
 *
 * Reservations are the allow-list: a PC without one gets no answer at all, and
 * a boot storm sees neither NAKs nor the wait of a ping check (dnsmasq(8),
 * --dhcp-hostsfile). No DNS and no script: most of dnsmasq's holes were there.
 * dnsmasq.hosts is read again at SIGHUP, dnsmasq.conf only at a restart.
 */
#include <string.h>

#include "generate.h"

/* Client architectures, RFC 4578 section 2.1 and the IANA registry. */
#define ARCH_BIOS     0
#define ARCH_EFI_BC   7
#define ARCH_EFI_X64  9
#define ARCH_EFI_HTTP 16

static void add_service(const struct config *c, const char *dir, struct buf *out)
{
	char mask[PARSE_IPV4_STR], net[PARSE_IPV4_STR];

	format_ipv4(config_mask(c->prefix), mask);
	format_ipv4(c->address & config_mask(c->prefix), net);
	buf_addf(out,
		 "port=0\n"
		 "interface=%s\n"
		 "except-interface=lo\n"
		 "bind-dynamic\n"
		 "no-resolv\n"
		 "no-hosts\n"
		 "pid-file=%s/dnsmasq.pid\n"
		 "dhcp-leasefile=%s/dnsmasq.leases\n"
		 "\n"
		 "# Reservations only; who has none gets no answer.\n"
		 "dhcp-range=%s,static,%s,1h\n"
		 "dhcp-hostsfile=%s/dnsmasq.hosts\n"
		 "dhcp-ignore=tag:!known\n"
		 "dhcp-ignore-names\n"
		 "dhcp-authoritative\n"
		 "no-ping\n"
		 "dhcp-lease-max=%d\n"
		 "\n"
		 "# The gateway routes; it is no name server.\n"
		 "dhcp-option=option:router,%s\n"
		 "dhcp-option=option:dns-server\n"
		 "\n",
		 c->interface, c->state, c->state, net, mask, dir,
		 CONFIG_NODES_MAX * 2, c->address_text);
	/* In a user namespace it can drop no group (setgroups(2)) and would
	 * end; this leaves it as it is, without a pid file. */
	if (!strcmp(generate_user(c), "root"))
		buf_adds(out, "no-daemon\n\n");
}

static void add_tftp(const struct config *c, struct buf *out)
{
	buf_addf(out,
		 "# First loaders only; all that is larger goes by HTTP.\n"
		 "enable-tftp\n"
		 "tftp-root=%s/tftp\n"
		 "tftp-max=1000\n"
		 "tftp-single-port\n"
		 "tftp-no-fail\n"
		 "\n",
		 c->boot);
}

/*
 * PCs whose loader is named. Not by set: in dnsmasq.hosts, which would need no
 * restart: dnsmasq (2.86 to 2.90 at least) links a tag of its own to such a
 * line's when it serves the PC, and dies by freeing it at the next SIGHUP.
 */
static void add_loaders(const struct config *c, struct buf *out)
{
	static const char *const tags[] = {
		[CONFIG_LOADER_PXELINUX] = "pxelinux",
		[CONFIG_LOADER_IPXE] = "useipxe",
	};

	for (size_t i = 0; i < c->n_nodes; i++)
		if (c->nodes[i].loader != CONFIG_LOADER_AUTO)
			buf_addf(out, "dhcp-mac=set:%s,%s\n",
				 tags[c->nodes[i].loader], c->nodes[i].mac_text);
}

/* Which loader: what the firmware is, whether it is iPXE already, and what the
 * configuration says of this PC. A tag is a fact, a boot line joins facts. */
static void add_boot(const struct config *c, struct buf *out)
{
	const char *gw = c->address_text;

	buf_addf(out,
		 "dhcp-match=set:bios,option:client-arch,%d\n"
		 "dhcp-match=set:efi,option:client-arch,%d\n"
		 "dhcp-match=set:efi,option:client-arch,%d\n"
		 "dhcp-match=set:efihttp,option:client-arch,%d\n"
		 "# iPXE says so by its own option (ipxe.org/howto/dhcpd).\n"
		 "dhcp-match=set:ipxe,175\n"
		 "\n",
		 ARCH_BIOS, ARCH_EFI_BC, ARCH_EFI_X64, ARCH_EFI_HTTP);
	buf_addf(out,
		 "# BIOS by PXELINUX, which goes on below its path prefix"
		 " (iPXE ROMs do\n# not ask for it, so it is forced).\n"
		 "dhcp-boot=tag:bios,tag:pxelinux,lpxelinux.0,,%s\n"
		 "dhcp-option-force=tag:bios,210,http://%s/boot/pxelinux/\n"
		 "# When a download broke off it starts anew after so many"
		 " seconds, not after\n# 300 (RFC 5071).\n"
		 "dhcp-option-force=tag:bios,211,20i\n"
		 "# BIOS by iPXE: first our loader, then its script.\n"
		 "dhcp-boot=tag:bios,tag:useipxe,tag:!ipxe,undionly.kpxe,,%s\n"
		 "dhcp-boot=tag:bios,tag:useipxe,tag:ipxe,"
		 "http://%s/boot/ipxe/${netX/mac:hexhyp},,%s\n",
		 gw, gw, gw, gw, gw);
	buf_addf(out,
		 "# BIOS, neither named: iPXE if it is iPXE, else PXELINUX.\n"
		 "dhcp-boot=tag:bios,tag:!pxelinux,tag:!useipxe,tag:ipxe,"
		 "http://%s/boot/ipxe/${netX/mac:hexhyp},,%s\n"
		 "dhcp-boot=tag:bios,tag:!pxelinux,tag:!useipxe,tag:!ipxe,lpxelinux.0,,%s\n"
		 "# UEFI: our own loader asks for its decision itself.\n"
		 "dhcp-boot=tag:efi,nightshift.efi,,%s\n"
		 "dhcp-boot=tag:efihttp,http://%s/boot/tftp/nightshift.efi\n"
		 "dhcp-option-force=tag:efihttp,60,HTTPClient\n",
		 gw, gw, gw, gw, gw);
}

void generate_dnsmasq(const struct config *c, const char *dir, struct buf *out)
{
	buf_addf(out,
		 "# Made by gatewayd from %s; do not edit.\n"
		 "# dnsmasq --keep-in-foreground --conf-file=THIS\n",
		 c->base);
	add_service(c, dir, out);
	add_tftp(c, out);
	add_loaders(c, out);
	add_boot(c, out);
}

void generate_hosts(const struct config *c, const char *dir, struct buf *out)
{
	(void)dir;
	buf_addf(out, "# Made by gatewayd from %s; do not edit.\n", c->base);
	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct config_node *n = &c->nodes[i];

		buf_addf(out, "%s,%s,%s\n", n->mac_text, n->address_text,
			 n->name);
	}
}
