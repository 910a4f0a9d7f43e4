/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxl-facts - what Xen says of the host and of its domains.
 */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#include "backend-libxl.h"

#define PAGES_PER_MIB 256

static void read_cpu_model(char *out, size_t size)
{
	auto_fclose FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *p;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10))
			continue;
		p = strchr(line, ':');
		if (!p)
			continue;
		p += strspn(p, ": \t");
		p[strcspn(p, "\n")] = '\0';
		snprintf(out, size, "%s", p);
		return;
	}
}

int hv_xl_host(void *be, struct hv_host *out, struct errinfo *err)
{
	struct hv_xl *x = be;
	const libxl_version_info *v;
	libxl_physinfo info;
	int rc;

	hv_xtl_reset(&x->xtl);
	v = libxl_get_version_info(x->ctx);
	if (!v)
		return hv_xl_failed(x, ERROR_FAIL, "version", err);
	libxl_physinfo_init(&info);
	rc = libxl_get_physinfo(x->ctx, &info);
	if (rc)
		return hv_xl_failed(x, rc, "host", err);
	snprintf(out->xen_version, sizeof(out->xen_version), "%d.%d%s",
		 v->xen_version_major, v->xen_version_minor,
		 v->xen_version_extra);
	snprintf(out->xen_cmdline, sizeof(out->xen_cmdline), "%s",
		 v->commandline);
	read_cpu_model(out->cpu_model, sizeof(out->cpu_model));
	out->total_mib = info.total_pages / PAGES_PER_MIB;
	out->free_mib =
		(info.free_pages + info.scrub_pages - info.outstanding_pages) /
		PAGES_PER_MIB;
	out->cpus = info.nr_cpus;
	out->hvm = info.cap_hvm;
	out->hap = info.cap_hap;
	out->iommu = info.cap_hvm_directio;
	libxl_physinfo_dispose(&info);
	return 0;
}

static enum hv_reason reason_of(const libxl_dominfo *d)
{
	switch (d->shutdown_reason) {
	case LIBXL_SHUTDOWN_REASON_POWEROFF:
		return HV_REASON_POWEROFF;
	case LIBXL_SHUTDOWN_REASON_REBOOT:
	case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
		return HV_REASON_REBOOT;
	case LIBXL_SHUTDOWN_REASON_SUSPEND:
		return HV_REASON_SUSPEND;
	default:
		return HV_REASON_CRASH;
	}
}

static void fill_state(const libxl_dominfo *d, struct hv_domain *out)
{
	if (d->shutdown) {
		out->reason = reason_of(d);
		out->state = HV_STATE_SHUTDOWN;
	} else if (d->dying) {
		out->reason = HV_REASON_DESTROYED;
	} else {
		out->state = d->paused ? HV_STATE_PAUSED : HV_STATE_RUNNING;
	}
	if (d->dying)
		out->state = HV_STATE_DYING;
}

static void fill_domain(struct hv_xl *x, const libxl_dominfo *d,
			struct hv_domain *out)
{
	auto_free char *name = libxl_domid_to_name(x->ctx, d->domid);
	libxl_domain_sched_params sched;

	out->domid = d->domid;
	snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
	memcpy(out->uuid, libxl_uuid_bytearray_const(&d->uuid), HV_UUID_LEN);
	out->kind = d->domain_type == LIBXL_DOMAIN_TYPE_PV ? HV_KIND_PV
							   : HV_KIND_PVH;
	fill_state(d, out);
	out->memory_mib = (uint32_t)((d->current_memkb + HV_KIB_PER_MIB - 1) /
				     HV_KIB_PER_MIB);
	out->vcpus = d->vcpu_online;
	out->cpu_ms = d->cpu_time / 1000000;
	libxl_domain_sched_params_init(&sched);
	if (!d->dying &&
	    !libxl_domain_sched_params_get(x->ctx, d->domid, &sched)) {
		out->weight = (uint32_t)sched.weight;
		out->cap = (uint32_t)sched.cap;
	}
	libxl_domain_sched_params_dispose(&sched);
}

int hv_xl_list(void *be, struct hv_domain *out, size_t max, struct errinfo *err)
{
	struct hv_xl *x = be;
	libxl_dominfo *info;
	int i, count = 0, n = 0;

	hv_xtl_reset(&x->xtl);
	info = libxl_list_domain(x->ctx, &count);
	if (!info)
		return hv_xl_failed(x, ERROR_FAIL, "list", err);
	for (i = 0; i < count && (size_t)n < max; i++) {
		if (info[i].domid)
			fill_domain(x, &info[i], &out[n++]);
	}
	libxl_dominfo_list_free(info, count);
	return n;
}
