/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-file - the fake backend's domains as files.
 *
 *	DIR/domain-N	lines "KEY VALUE", replaced whole
 *	DIR/vm-data-N/	one file a key
 *	DIR/console-N	what it printed
 *	DIR/nbd-N	what was read of a disk, see fake-disk.c
 *	DIR/last	the last domid given out
 *	DIR/lock	flock(2)ed while something changes
 *	DIR/host, DIR/fail	see hv.h
 */
#ifndef HV_FAKE_FILE_H
#define HV_FAKE_FILE_H

#include "hv.h"

struct hv_fake_disk;

struct hv_fake {
	char dir[160];
	int inotify; /* changes in DIR, by whomever */
	int timer;   /* the next planned end of a domain */
	int epoll;   /* both */
	struct hv_fake_disk *disks;
};

struct hv_fake_dom {
	struct hv_domain d; /* state and reason follow from the rest */
	uint32_t max_memory_mib, max_vcpus;
	bool paused, deaf;
	int64_t after_ms;    /* time it runs until its end; -1: for ever */
	int64_t end_ms;      /* when it ends, by clock_boot_ms; -1: open */
	uint32_t end_reason; /* how */
	uint32_t vbd_count, vif_count;
	struct hv_vbd_info vbds[HV_VBD_MAX];
	struct hv_vif_info vifs[HV_VIF_MAX];
};

int hv_fake_lock(struct hv_fake *f); /* a descriptor: close to unlock */

int hv_fake_load(struct hv_fake *f, hv_domid domid, struct hv_fake_dom *out,
		 struct errinfo *err);
int hv_fake_save(struct hv_fake *f, const struct hv_fake_dom *dom,
		 struct errinfo *err);
/* Sorted by domid; returns how many. */
int hv_fake_load_all(struct hv_fake *f, struct hv_fake_dom *out, int max,
		     struct errinfo *err);
void hv_fake_remove(struct hv_fake *f, hv_domid domid);

int hv_fake_write_keys(struct hv_fake *f, hv_domid domid,
		       const struct hv_config *cfg, struct errinfo *err);
int hv_fake_next_domid(struct hv_fake *f, hv_domid *out, struct errinfo *err);
void hv_fake_read_host(struct hv_fake *f, struct hv_host *out);
/* Whether DIR/fail names op; it is removed then. */
bool hv_fake_must_fail(struct hv_fake *f, const char *op);

/* What the words in a command line plan for the domain; see hv.h. A planned
 * failure of create is returned. say_out borrows from cmdline. */
int hv_fake_plan(const char *cmdline, struct hv_fake_dom *dom, char *say_out,
		 size_t say_size, struct errinfo *err);

#endif
