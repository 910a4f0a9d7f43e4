/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show - what hvctl prints about the machine and its domains.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "cmd.h"
#include "parse.h"

#include "hvctl.h"

#define UUID_STR 37 /* with the final NUL */

static void format_uuid(const uint8_t u[HV_UUID_LEN], char out[UUID_STR])
{
	char hex[2 * HV_UUID_LEN + 1];

	format_hex(u, HV_UUID_LEN, hex);
	snprintf(out, UUID_STR, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		 hex + 12, hex + 16, hex + 20);
}

static int print_json(json_t *root)
{
	if (!root || json_dumpf(root, stdout, JSON_INDENT(2))) {
		json_decref(root);
		return CMD_EXIT_FAILED;
	}
	putchar('\n');
	json_decref(root);
	return CMD_EXIT_OK;
}

static const char *yes(bool b)
{
	return b ? "yes" : "no";
}

int hvctl_info(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_host h;
	int rc;

	(void)argv;
	if (argc != 1)
		return cmd_misuse("takes no argument");
	rc = hv_host_get(ctl->hv, &h, &err);
	if (rc)
		return hvctl_fail(&err, rc);
	if (ctl->json)
		return print_json(json_pack(
			"{s:s, s:s, s:s, s:I, s:I, s:i, s:b, s:b, s:b}",
			"xen_version", h.xen_version, "xen_cmdline",
			h.xen_cmdline, "cpu_model", h.cpu_model, "memory_mib",
			(json_int_t)h.total_mib, "free_mib",
			(json_int_t)h.free_mib, "cpus", (int)h.cpus, "hvm",
			h.hvm, "hap", h.hap, "iommu", h.iommu));
	printf("xen_version  %s\nxen_cmdline  %s\ncpu_model    %s\n"
	       "cpus         %u\nmemory_mib   %" PRIu64 "\nfree_mib     %" PRIu64
	       "\nhvm          %s\nhap          %s\niommu        %s\n",
	       h.xen_version, h.xen_cmdline, h.cpu_model, h.cpus, h.total_mib,
	       h.free_mib, yes(h.hvm), yes(h.hap), yes(h.iommu));
	return CMD_EXIT_OK;
}

/* ---- domains ---------------------------------------------------------- */

static json_t *pack_domain(const struct hv_domain *d)
{
	char uuid[UUID_STR];

	format_uuid(d->uuid, uuid);
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I}",
		"domid", (int)d->domid, "name", d->name, "uuid", uuid, "kind",
		hv_kind_name(d->kind), "state", hv_state_name(d->state), "reason",
		hv_reason_name(d->reason), "memory_mib", (int)d->memory_mib,
		"vcpus", (int)d->vcpus, "weight", (int)d->weight, "cap",
		(int)d->cap, "cpu_ms", (json_int_t)d->cpu_ms);
}

/* "running", or how it ended. */
static const char *state_word(const struct hv_domain *d)
{
	return d->state == HV_STATE_SHUTDOWN ? hv_reason_name(d->reason)
					     : hv_state_name(d->state);
}

static void print_domains(const struct hv_domain *list, int n)
{
	int i;

	printf("%5s  %-20s %-4s %-9s %7s %5s %6s %5s %9s\n", "DOMID", "NAME",
	       "KIND", "STATE", "MIB", "VCPUS", "WEIGHT", "CAP", "CPU_S");
	for (i = 0; i < n; i++)
		printf("%5u  %-20s %-4s %-9s %7u %5u %6u %5u %9.1f\n",
		       list[i].domid, list[i].name, hv_kind_name(list[i].kind),
		       state_word(&list[i]), list[i].memory_mib, list[i].vcpus,
		       list[i].weight, list[i].cap,
		       (double)list[i].cpu_ms / 1000);
}

int hvctl_list(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain list[HV_DOMAIN_MAX];
	json_t *array;
	int i, n;

	(void)argv;
	if (argc != 1)
		return cmd_misuse("takes no argument");
	n = hv_domain_list(ctl->hv, list, HV_DOMAIN_MAX, &err);
	if (n < 0)
		return hvctl_fail(&err, n);
	if (!ctl->json) {
		print_domains(list, n);
		return CMD_EXIT_OK;
	}
	array = json_array();
	for (i = 0; i < n; i++)
		json_array_append_new(array, pack_domain(&list[i]));
	return print_json(json_pack("{s:o}", "domains", array));
}

/* ---- one domain ------------------------------------------------------- */

struct devices {
	struct hv_vbd_info vbds[HV_VBD_MAX];
	struct hv_vif_info vifs[HV_VIF_MAX];
	int vbd_count, vif_count;
};

static int get_devices(struct hv *hv, hv_domid domid, struct devices *out,
		       struct errinfo *err)
{
	out->vbd_count = hv_domain_vbds(hv, domid, out->vbds, err);
	if (out->vbd_count < 0)
		return out->vbd_count;
	out->vif_count = hv_domain_vifs(hv, domid, out->vifs, err);
	return out->vif_count < 0 ? out->vif_count : 0;
}

static json_t *pack_devices(const struct hv_domain *d, const struct devices *dev)
{
	json_t *root = pack_domain(d), *vbds = json_array(), *vifs = json_array();
	char mac[PARSE_MAC_STR];
	int i;

	for (i = 0; i < dev->vbd_count; i++) {
		const struct hv_vbd_info *v = &dev->vbds[i];

		json_array_append_new(
			vbds, json_pack("{s:s, s:s, s:b, s:b}", "vdev", v->vdev,
					"device", v->device, "writable",
					v->writable, "connected", v->connected));
	}
	for (i = 0; i < dev->vif_count; i++) {
		const struct hv_vif_info *v = &dev->vifs[i];

		format_mac(v->mac, mac);
		json_array_append_new(
			vifs, json_pack("{s:s, s:s, s:s, s:b}", "ifname",
					v->ifname, "bridge", v->bridge, "mac",
					mac, "connected", v->connected));
	}
	json_object_set_new(root, "vbds", vbds);
	json_object_set_new(root, "vifs", vifs);
	return root;
}

static void print_devices(const struct devices *dev)
{
	char mac[PARSE_MAC_STR];
	int i;

	for (i = 0; i < dev->vbd_count; i++)
		printf("vbd %s %s %s %s\n", dev->vbds[i].vdev,
		       dev->vbds[i].device, dev->vbds[i].writable ? "rw" : "ro",
		       dev->vbds[i].connected ? "connected" : "waiting");
	for (i = 0; i < dev->vif_count; i++) {
		format_mac(dev->vifs[i].mac, mac);
		if (dev->vifs[i].backend)
			printf("vif %s %s in domain %u %s\n",
			       dev->vifs[i].ifname, mac, dev->vifs[i].backend,
			       dev->vifs[i].connected ? "connected" : "waiting");
		else
			printf("vif %s %s %s %s\n", dev->vifs[i].ifname, mac,
			       dev->vifs[i].bridge[0] ? dev->vifs[i].bridge : "-",
			       dev->vifs[i].connected ? "connected" : "waiting");
	}
}

int hvctl_show(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct devices dev;
	struct hv_domain d;
	int rc;

	if (argc != 2)
		return cmd_misuse("needs a domain");
	rc = hvctl_find(ctl, argv[1], &d, &err);
	if (!rc)
		rc = get_devices(ctl->hv, d.domid, &dev, &err);
	if (rc)
		return hvctl_fail(&err, rc);
	if (ctl->json)
		return print_json(pack_devices(&d, &dev));
	print_domains(&d, 1);
	print_devices(&dev);
	return CMD_EXIT_OK;
}
