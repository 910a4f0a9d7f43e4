/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend - what stands behind the front: libxl or a fake.
 *
 * The front (hv.c) has checked every argument against the header's limits,
 * knows that domid is not dom0, and looks after events and console rings. A
 * backend does the deed, and undoes it all where it fails.
 */
#ifndef HV_BACKEND_H
#define HV_BACKEND_H

#include "hv_disk.h"

struct hv_ops {
	const char *name; /* "fake" opens "fake" and "fake:ARG" */
	int (*open)(void **be_out, const char *arg, hv_log_fn log,
		    void *log_arg, struct errinfo *err);
	void (*close)(void *be);

	/* A descriptor that becomes readable when the list of domains may have
	 * changed or a console may have more to say; drain never blocks. */
	int (*fd)(void *be);
	int (*drain)(void *be, struct errinfo *err);

	int (*host)(void *be, struct hv_host *out, struct errinfo *err);
	int (*list)(void *be, struct hv_domain *out, size_t max,
		    struct errinfo *err);
	/* cfg->uuid is set and neither it nor the name is taken. */
	int (*create)(void *be, const struct hv_config *cfg,
		      hv_domid *domid_out, struct errinfo *err);
	int (*destroy)(void *be, hv_domid domid, struct errinfo *err);
	int (*shutdown)(void *be, hv_domid domid, struct errinfo *err);
	int (*pause)(void *be, hv_domid domid, bool on, struct errinfo *err);
	int (*set_sched)(void *be, hv_domid domid, uint32_t weight,
			 uint32_t cap, struct errinfo *err);
	int (*set_memory)(void *be, hv_domid domid, uint32_t memory_mib,
			  struct errinfo *err);
	int (*set_vcpus)(void *be, hv_domid domid, uint32_t vcpus,
			 struct errinfo *err);
	int (*vbds)(void *be, hv_domid domid, struct hv_vbd_info *out,
		    struct errinfo *err);
	int (*vifs)(void *be, hv_domid domid, struct hv_vif_info *out,
		    struct errinfo *err);

	int (*disk_attach)(void *be, const char *disk, uint64_t size, int fd,
			   uint32_t *device_out, struct errinfo *err);
	int (*disk_detach)(void *be, uint32_t device, const char *disk,
			   struct errinfo *err);
	int (*disk_vbd)(void *be, uint32_t device, const char *disk,
			struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
			struct errinfo *err);
	int (*mapped_vbd)(void *be, uint32_t minor, const char *name,
			  struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
			  struct errinfo *err);

	/* Opens its console for reading, non-blocking: a descriptor, -EAGAIN
	 * where there is none yet, or another negative errno. */
	int (*console)(void *be, hv_domid domid);
};

extern const struct hv_ops hv_ops_libxl;
extern const struct hv_ops hv_ops_fake;

#endif
