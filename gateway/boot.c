/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot - the three loaders' answers, grid and local.
 *
 * PXELINUX: mboot.c32 takes modules parted by "---" (syslinux, mboot.txt);
 * LOCALBOOT -1 goes on to the firmware's next device, as iPXE's exit does.
 * iPXE: paths are below the script's own URL; Xen uncompressed, as Debian's
 * iPXE boots no gzipped one; what cannot be had ends in the local disk.
 */
#include <errno.h>
#include <string.h>

#include "boot.h"

static void pxelinux_local(const struct release *r, const char *gateway,
			   struct buf *out)
{
	(void)r;
	(void)gateway;
	buf_adds(out, "DEFAULT local\n"
		      "PROMPT 0\n"
		      "LABEL local\n"
		      "  LOCALBOOT -1\n");
}

static void pxelinux_grid(const struct release *r, const char *gateway,
			  struct buf *out)
{
	buf_addf(out,
		 "DEFAULT grid\n"
		 "PROMPT 0\n"
		 "TIMEOUT 0\n"
		 "LABEL grid\n"
		 "  KERNEL mboot.c32\n"
		 "  APPEND http://%s/boot/r/%s/xen.gz %s"
		 " --- http://%s/boot/r/%s/vmlinuz %s"
		 " --- http://%s/boot/r/%s/dom0.img\n",
		 gateway, r->id, r->xen_cmdline, gateway, r->id,
		 r->dom0_cmdline, gateway, r->id);
}

static void ipxe_local(const struct release *r, const char *gateway,
		       struct buf *out)
{
	(void)r;
	(void)gateway;
	buf_adds(out, "#!ipxe\n"
		      "exit\n");
}

static void ipxe_grid(const struct release *r, const char *gateway,
		      struct buf *out)
{
	(void)gateway;
	buf_addf(out,
		 "#!ipxe\n"
		 "kernel /boot/r/%s/xen %s || exit\n"
		 "module /boot/r/%s/vmlinuz %s || exit\n"
		 "module /boot/r/%s/dom0.img || exit\n"
		 "boot || exit\n",
		 r->id, r->xen_cmdline, r->id, r->dom0_cmdline, r->id);
}

static void uefi_local(const struct release *r, const char *gateway,
		       struct buf *out)
{
	(void)r;
	(void)gateway;
	buf_adds(out, "nightshift-boot 1\naction local\n");
}

static void uefi_grid(const struct release *r, const char *gateway,
		      struct buf *out)
{
	(void)gateway;
	buf_addf(out,
		 "nightshift-boot 1\n"
		 "action grid\n"
		 "path /boot/r/%s/grid.efi\n",
		 r->id);
}

typedef void (*text_fn)(const struct release *r, const char *gateway,
			struct buf *out);

static const text_fn texts[][2] = {
	[BOOT_LOADER_PXELINUX] = {
		[BOOT_LOCAL] = pxelinux_local,
		[BOOT_GRID] = pxelinux_grid,
	},
	[BOOT_LOADER_IPXE] = {
		[BOOT_LOCAL] = ipxe_local,
		[BOOT_GRID] = ipxe_grid,
	},
	[BOOT_LOADER_UEFI] = {
		[BOOT_LOCAL] = uefi_local,
		[BOOT_GRID] = uefi_grid,
	},
};

void boot_text(enum boot_loader loader, enum boot_choice choice,
	       const struct release *r, const char *gateway, struct buf *out)
{
	texts[loader][choice](r, gateway, out);
}

int boot_parse_mac(enum boot_loader loader, const char *text,
		   uint8_t mac[PARSE_MAC_LEN])
{
	if (loader == BOOT_LOADER_PXELINUX) {
		if (strncmp(text, "01-", 3))
			return -EINVAL;
		text += 3;
	}
	return parse_mac(text, mac);
}

const char *boot_firmware(enum boot_loader loader)
{
	return loader == BOOT_LOADER_UEFI ? "uefi" : "bios";
}
