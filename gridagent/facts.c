/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts - see facts.h. A fact that cannot be read is left empty: it is for
 * people, nothing but the MAC is decided by it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "facts.h"
#include "fileio.h"

#define FILE_MAX 65536

void facts_text(char *out, size_t size, const char *text)
{
	size_t n = 0;

	while (*text == ' ' || *text == '\t')
		text++;
	for (; *text && *text != '\n' && n + 1 < size; text++)
		out[n++] = *text >= 0x20 && *text < 0x7f ? *text : '?';
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

static char *read_text(const char *root, const char *path)
{
	char full[4096];
	char *text = NULL;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return fileio_read(full, FILE_MAX, &text, NULL, NULL) ? NULL : text;
}

static void read_line(const char *root, const char *path, char *out, size_t size)
{
	auto_free char *text = read_text(root, path);

	out[0] = '\0';
	if (text)
		facts_text(out, size, text);
}

/* "key : value" or "key: value" lines, the first of its key. */
static void read_field(const char *root, const char *path, const char *key,
		       char *out, size_t size)
{
	auto_free char *text = read_text(root, path);
	size_t len = strlen(key);
	char *line, *rest = text;

	out[0] = '\0';
	while (rest && (line = strsep(&rest, "\n"))) {
		char *colon = strchr(line, ':');

		if (strncmp(line, key, len) != 0 || !colon)
			continue;
		facts_text(out, size, colon + 1);
		return;
	}
}

uint64_t facts_free_mib(const char *root)
{
	char text[32];

	read_field(root, "/proc/meminfo", "MemAvailable", text, sizeof(text));
	return strtoull(text, NULL, 10) / 1024;
}

static int is_device(const struct dirent *e, const char *except)
{
	return e->d_name[0] != '.' &&
	       strncmp(e->d_name, except, strlen(except)) != 0;
}

static void read_block(const char *root, struct msg_hv_facts *f)
{
	char path[4096];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/sys/block", root);
	d = opendir(path);
	while (d && (e = readdir(d)) && f->n_block < MSG_DEVICES_MAX)
		/* Without anything real behind them: images. */
		if (is_device(e, "loop") && is_device(e, "nbd"))
			facts_text(f->block[f->n_block++], sizeof(f->block[0]),
				   e->d_name);
	if (d)
		closedir(d);
}

/* Real ones have a device below; bridges, vifs and lo do not (a vif's is a
 * xenbus backend). */
static int is_nic(const char *root, const char *name)
{
	char path[4096];

	if (!strncmp(name, "vif", 3))
		return 0;
	snprintf(path, sizeof(path), "%s/sys/class/net/%s/device", root, name);
	return access(path, F_OK) == 0;
}

static void read_nic(const char *root, const char *name, struct msg_hv_facts *f)
{
	char path[512], mac[PARSE_MAC_STR], link[4096], driver[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%.200s/address", name);
	read_line(root, path, mac, sizeof(mac));
	if (!strcmp(mac, FACTS_LENT_MAC) && f->mac[0])
		memcpy(mac, f->mac, sizeof(mac));
	snprintf(link, sizeof(link), "%s/sys/class/net/%s/device/driver", root,
		 name);
	n = readlink(link, driver, sizeof(driver) - 1);
	driver[n > 0 ? n : 0] = '\0';
	snprintf(f->nics[f->n_nics++], sizeof(f->nics[0]), "%.15s %s %.30s",
		 name, mac, strrchr(driver, '/') ? strrchr(driver, '/') + 1 : "");
	if (!f->mac[0])
		memcpy(f->mac, mac, sizeof(mac));
}

static void read_nics(const char *root, struct msg_hv_facts *f)
{
	char path[4096];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/sys/class/net", root);
	d = opendir(path);
	while (d && (e = readdir(d)) && f->n_nics < MSG_DEVICES_MAX)
		if (is_device(e, "lo") && is_nic(root, e->d_name))
			read_nic(root, e->d_name, f);
	if (d)
		closedir(d);
}

/* BOOTIF=01-MAC, from the loader: which of several NICs it was. */
static void boot_mac(struct msg_hv_facts *f)
{
	const char *p = strstr(f->dom0_cmdline, "BOOTIF=");
	char text[PARSE_MAC_STR];
	uint8_t mac[PARSE_MAC_LEN];

	if (!p)
		return;
	p += strlen("BOOTIF=");
	if (!strncmp(p, "01-", 3))
		p += 3;
	snprintf(text, sizeof(text), "%s", p);
	if (!parse_mac(text, mac))
		format_mac(mac, f->mac);
}

void facts_read(const char *root, struct msg_hv_facts *f)
{
	char path[4096];
	uint8_t mac[PARSE_MAC_LEN];

	read_line(root, "/proc/cmdline", f->dom0_cmdline,
		  sizeof(f->dom0_cmdline));
	read_line(root, "/sys/class/dmi/id/product_name", f->product,
		  sizeof(f->product));
	read_field(root, "/proc/cpuinfo", "model name", f->cpu_model,
		   sizeof(f->cpu_model));
	/* Under Xen on UEFI dom0 gets this folder through Xen's own calls. */
	snprintf(path, sizeof(path), "%s/sys/firmware/efi", root);
	f->uefi = access(path, F_OK) == 0;
	boot_mac(f);
	read_block(root, f);
	read_nics(root, f);
	if (parse_mac(f->mac, mac))
		snprintf(f->mac, sizeof(f->mac), "00:00:00:00:00:00");
	else
		format_mac(mac, f->mac);
}
