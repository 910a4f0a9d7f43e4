/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-netdom - see hv-netdom.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "cleanup.h"
#include "hv-netdom.h"

/* Debian's kernel takes 48 MiB of it for itself, and needs 60 in one piece to
 * start; the image takes 23. Fixed: where netdom's balloon gave pages back, its
 * kernel faulted on others, minutes later (Linux 6.1, Xen 4.17, QEMU 7.2). */
#define MEMORY_MIB 128
#define CMDLINE                                                             \
	"console=hvc0 loglevel=4 panic=1 oops=panic ipv6.disable=1 "        \
	"lockdown=integrity module.sig_enforce=1 xen_netback.max_queues=1 " \
	"xen_netfront.max_queues=1"

static int open_file(const char *dir, const char *name, struct errinfo *err)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errinfo_set_errno(err, -errno, "%s", path) : fd;
}

static int create(struct hv *hv, const char *dir, const char *bridge,
		  const uint8_t mac[6], hv_domid *domid_out, struct errinfo *err)
{
	auto_close int kernel = open_file(dir, "vmlinuz", err);
	auto_close int image = -1;
	struct hv_config cfg = HV_CONFIG_INIT;

	if (kernel < 0)
		return kernel;
	image = open_file(dir, "netdom.img", err);
	if (image < 0)
		return image;
	cfg.name = NETDOM_NAME;
	cfg.kind = HV_KIND_PV;
	cfg.memory_mib = MEMORY_MIB;
	cfg.vcpus = 1;
	cfg.kernel_fd = kernel;
	cfg.initrd_fd = image;
	cfg.cmdline = CMDLINE;
	cfg.driver = true;
	cfg.vif_count = 1;
	cfg.vifs[0].bridge = bridge;
	memcpy(cfg.vifs[0].mac, mac, sizeof(cfg.vifs[0].mac));
	return hv_domain_create(hv, &cfg, domid_out, err);
}

int netdom_start(struct hv *hv, const char *dir, const char *bridge,
		 const uint8_t mac[6], hv_domid *domid_out, struct errinfo *err)
{
	struct hv_domain d;
	int rc;

	rc = hv_domain_find(hv, NETDOM_NAME, &d, err);
	if (rc == -ENOENT)
		return create(hv, dir, bridge, mac, domid_out, err);
	if (rc)
		return rc;
	*domid_out = d.domid;
	if (d.state == HV_STATE_RUNNING)
		return 0;
	rc = hv_domain_destroy(hv, d.domid, err);
	if (rc && rc != -ENOENT)
		return rc;
	return create(hv, dir, bridge, mac, domid_out, err);
}
