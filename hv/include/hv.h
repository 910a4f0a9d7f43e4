/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv - domains on this machine's hypervisor.
 *
 *	struct hv *hv = hv_open("libxl", NULL, NULL, &err);
 *	struct hv_config cfg = HV_CONFIG_INIT;
 *	...
 *	rc = hv_domain_create(hv, &cfg, &domid, &err);
 *	...
 *	poll hv_fd(hv); hv_dispatch(hv, &err);
 *	while (hv_event_next(hv, &event)) ...	 // domain 7: poweroff
 *	rc = hv_domain_destroy(hv, domid, &err);
 *	hv_close(hv);
 *
 * Errors: 0 or a negative errno, worded in err (may be NULL). -EINVAL for a
 * request that can never work, -ENOENT no such domain, -EEXIST the name or
 * uuid is taken, -ENOMEM not enough free memory on the machine, -EBUSY the
 * name is held by a domain that is still being torn down (try again),
 * -ETIMEDOUT a backend did not answer, -EIO for what the toolstack says no
 * more about.
 *
 * Ownership: everything passed in is borrowed for the call; descriptors are
 * never closed and may be closed by the caller as soon as the call returns
 * (the domain keeps its disks by itself). Results are plain structs.
 *
 * Failure: what a failed call had begun is undone before it returns: domain
 * destroyed, loop devices detached, xenstore entries gone.
 *
 * Restart: nothing that matters lives in this process only. Domains outlive
 * the handle and the process; a new handle finds them by hv_domain_list with
 * the name and uuid they were created with, reads their consoles and reports
 * their deaths. Loop devices belong to the domain's block backend and vanish
 * with it, whether or not anyone of us is alive then. Everything else that a
 * domain was given is taken away by hv_domain_destroy, from any process.
 *
 * Threads: one handle belongs to one thread (libxenstore makes a helper thread
 * of its own, with all signals blocked). Fork: a handle is useless in a forked
 * child, which may only exec or _exit; all descriptors are close-on-exec.
 * libxl forks once in hv_domain_destroy and reaps that child by itself: leave
 * SIGCHLD's disposition at its default (blocked, as for a signalfd, is fine),
 * and do not wait for children you did not start. Nothing is ever executed.
 *
 * Calls block: create takes from a tenth of a second to a few seconds, most of
 * it copying the kernel and waiting for the device backends (at most
 * HV_BACKEND_WAIT_MS each); destroy the same; the rest are hypercalls and
 * xenstore round trips.
 */
#ifndef HV_H
#define HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"

typedef uint32_t hv_domid;

#define HV_NAME_MAX        63 /* as parse_is_name() has it */
#define HV_UUID_LEN        16
#define HV_CMDLINE_MAX     1024 /* Linux on x86 takes 2047 */
#define HV_VDEV_MAX        7    /* "xvda" */
#define HV_IFNAME_MAX      15   /* IFNAMSIZ - 1 */
#define HV_PATH_MAX        255
#define HV_VBD_MAX         4
#define HV_VIF_MAX         2
#define HV_KEY_MAX         32 /* entries below vm-data/nightshift */
#define HV_KEY_NAME_MAX    63
#define HV_KEY_VALUE_MAX   1024
#define HV_VCPU_MAX        128
#define HV_MEMORY_MIN_MIB  16
#define HV_WEIGHT_DEFAULT  256
#define HV_WEIGHT_MAX      65535
#define HV_DOMAIN_MAX      64    /* hv_domain_list lists no more */
#define HV_CONSOLE_RING    65536 /* bytes of output kept for a domain */
#define HV_BACKEND_WAIT_MS 20000

/* ---- the handle ------------------------------------------------------- */

struct hv;

enum hv_log_level { HV_LOG_ERR, HV_LOG_WARN, HV_LOG_INFO, HV_LOG_DEBUG };

/* What the toolstack below says, one line without newline. Called only from
 * within hv_ functions. */
typedef void (*hv_log_fn)(enum hv_log_level level, const char *text, void *arg);

/*
 * Opens a backend by its name:
 *	"libxl"		the Xen we run on; needs root in dom0, xenstored
 *	"fake:DIR"	none: domains are files in DIR (see hv-fake below)
 * log may be NULL: silent. Returns NULL with err->rc and err->text set.
 */
struct hv *hv_open(const char *backend, hv_log_fn log, void *arg,
		   struct errinfo *err);
void hv_close(struct hv *hv); /* NULL is fine; domains stay */

/* ---- host facts ------------------------------------------------------- */

struct hv_host {
	char xen_version[32]; /* "4.17.5" */
	char xen_cmdline[HV_CMDLINE_MAX];
	char cpu_model[64];           /* as /proc/cpuinfo names it */
	uint64_t total_mib, free_mib; /* of the machine; not yet allocated */
	uint32_t cpus;                /* logical, online */
	bool hvm, hap, iommu;         /* PVH needs hvm */
};

int hv_host_get(struct hv *hv, struct hv_host *host_out, struct errinfo *err);

/* ---- create ----------------------------------------------------------- */

enum hv_kind {
	HV_KIND_AUTO, /* PVH where the CPU has VT-x/SVM, else PV */
	HV_KIND_PVH,
	HV_KIND_PV,
};

struct hv_vbd {
	const char *vdev; /* "xvda" to "xvdp"; unlike in one domain */
	int fd;           /* a sealed memfd or regular file, or -1 */
	const char *path; /* else a block device */
	bool writable;    /* needs path: what comes by fd is read-only */
};

struct hv_vif {
	uint8_t mac[6];     /* unicast, not zero */
	const char *bridge; /* of dom0, must exist; NULL with a backend */
	uint32_t rate_kbps; /* guest's sending, kilobit/s; 0: no limit */
	/* In place of a bridge: a domain, made with `driver`, that is to be the
	 * backend. It is told the guest's IPv4 address (host order), does what
	 * a hotplug script would, and answers within HV_BACKEND_WAIT_MS. */
	hv_domid backend;
	uint32_t address;
};

struct hv_key {            /* vm-data/nightshift/NAME = VALUE */
	const char *name;  /* [A-Za-z0-9_-], 1 to HV_KEY_NAME_MAX */
	const char *value; /* no control character but tab and newline */
};

struct hv_config {
	const char *name; /* parse_is_name(), unlike any other domain's */
	uint8_t uuid[HV_UUID_LEN]; /* all zero: made up */
	enum hv_kind kind;
	uint32_t memory_mib;
	uint32_t vcpus;
	uint32_t weight;     /* credit2, 1 to HV_WEIGHT_MAX; 0: default */
	uint32_t cap;        /* percent of one CPU; 0: none */
	int kernel_fd;       /* bzImage or ELF: sealed memfd or file */
	int initrd_fd;       /* or -1 */
	const char *cmdline; /* NULL: "" */
	uint32_t vbd_count, vif_count, key_count;
	struct hv_vbd vbds[HV_VBD_MAX];
	struct hv_vif vifs[HV_VIF_MAX];
	struct hv_key keys[HV_KEY_MAX];
	bool driver; /* it may map what others grant it: backends, vchans */
	bool paused; /* leave it paused */
};

#define HV_CONFIG_INIT                           \
	{                                        \
		.kernel_fd = -1, .initrd_fd = -1 \
	}

/* Says whether a create with cfg could ever work; asks no hypervisor. */
int hv_config_check(const struct hv_config *cfg, struct errinfo *err);

/*
 * Builds the domain, connects its devices, hands it its keys and starts it.
 * The domain is never restarted by itself: however it ends, it stays as a
 * dead domain, with its memory, until hv_domain_destroy.
 */
int hv_domain_create(struct hv *hv, const struct hv_config *cfg,
		     hv_domid *domid_out, struct errinfo *err);

/* ---- what runs -------------------------------------------------------- */

enum hv_state {
	HV_STATE_PAUSED,
	HV_STATE_RUNNING,  /* or idle in its own time */
	HV_STATE_SHUTDOWN, /* it ended; reason says how */
	HV_STATE_DYING,    /* destroyed, its last pages still held */
};

enum hv_reason {
	HV_REASON_NONE, /* it has not ended */
	HV_REASON_POWEROFF,
	HV_REASON_REBOOT, /* it asked for one, or a PVH kernel triple-faulted */
	HV_REASON_SUSPEND,
	HV_REASON_CRASH,     /* kernel panic, watchdog */
	HV_REASON_DESTROYED, /* by us or someone else */
};

struct hv_domain {
	hv_domid domid;
	char name[HV_NAME_MAX + 1];
	uint8_t uuid[HV_UUID_LEN];
	enum hv_kind kind; /* never HV_KIND_AUTO */
	enum hv_state state;
	enum hv_reason reason;
	uint32_t memory_mib; /* what it holds now */
	uint32_t vcpus;      /* online */
	uint32_t weight, cap;
	uint64_t cpu_ms; /* CPU time used */
};

struct hv_vbd_info {
	char vdev[HV_VDEV_MAX + 1];
	char device[HV_PATH_MAX + 1]; /* "/dev/loop3" */
	bool writable;
	bool connected; /* both ends agree */
};

struct hv_vif_info {
	char ifname[HV_IFNAME_MAX + 1]; /* "vif7.0", in the backend's domain */
	hv_domid backend;               /* 0: dom0 */
	char bridge[HV_IFNAME_MAX + 1]; /* "" if it is in none */
	uint8_t mac[6];
	bool connected;
};

/* "pvh", "running", "poweroff"; never NULL. */
const char *hv_kind_name(enum hv_kind kind);
const char *hv_state_name(enum hv_state state);
const char *hv_reason_name(enum hv_reason reason);

/* All domUs by rising domid, dead ones as well, never dom0. Returns how many
 * were written to list_out (at most max), or a negative errno. */
int hv_domain_list(struct hv *hv, struct hv_domain *list_out, size_t max,
		   struct errinfo *err);
/* -ENOENT if there is none. */
int hv_domain_get(struct hv *hv, hv_domid domid, struct hv_domain *out,
		  struct errinfo *err);
int hv_domain_find(struct hv *hv, const char *name, struct hv_domain *out,
		   struct errinfo *err);

/* Return how many were written. */
int hv_domain_vbds(struct hv *hv, hv_domid domid,
		   struct hv_vbd_info out[HV_VBD_MAX], struct errinfo *err);
int hv_domain_vifs(struct hv *hv, hv_domid domid,
		   struct hv_vif_info out[HV_VIF_MAX], struct errinfo *err);

/* ---- change ----------------------------------------------------------- */

/* Asks the guest to power off; it may take its time, or not listen. */
int hv_domain_shutdown(struct hv *hv, hv_domid domid, struct errinfo *err);
/* Ends it at once, or takes a dead one's remains away. Its console goes too.
 * Idempotent: -ENOENT once it is gone. */
int hv_domain_destroy(struct hv *hv, hv_domid domid, struct errinfo *err);
int hv_domain_pause(struct hv *hv, hv_domid domid, struct errinfo *err);
int hv_domain_unpause(struct hv *hv, hv_domid domid, struct errinfo *err);
int hv_domain_set_sched(struct hv *hv, hv_domid domid, uint32_t weight,
			uint32_t cap, struct errinfo *err);
/* Balloon target, at most what it was created with. The guest follows in its
 * own time. */
int hv_domain_set_memory(struct hv *hv, hv_domid domid, uint32_t memory_mib,
			 struct errinfo *err);
/* 1 to what it was created with; the guest hot-(un)plugs in its own time. */
int hv_domain_set_vcpus(struct hv *hv, hv_domid domid, uint32_t vcpus,
			struct errinfo *err);

/* ---- deaths ----------------------------------------------------------- */

struct hv_event { /* a domain has ended */
	hv_domid domid;
	char name[HV_NAME_MAX + 1];
	uint8_t uuid[HV_UUID_LEN];
	enum hv_reason reason;
};

/*
 * One descriptor for poll(2), POLLIN, owned by the handle and the same for its
 * life. When it is readable call hv_dispatch: it takes in console output and
 * notices deaths, and never blocks. Level-triggered.
 */
int hv_fd(struct hv *hv);
int hv_dispatch(struct hv *hv, struct errinfo *err);

/*
 * The next noticed death: 1 and *out, or 0. Each domain is reported once by a
 * handle, those that were already dead when it was opened included, so that a
 * restarted agent loses none; one that vanished wholly between two handles is
 * not (compare hv_domain_list). Domains this handle destroyed itself are not
 * reported.
 */
int hv_event_next(struct hv *hv, struct hv_event *out);

/* Dispatches until the domain has ended (reason in *reason_out) or timeout_ms
 * is over (-ETIMEDOUT; -1: never). For tools; other events stay queued. */
int hv_domain_wait(struct hv *hv, hv_domid domid, int timeout_ms,
		   enum hv_reason *reason_out, struct errinfo *err);

/* ---- console ---------------------------------------------------------- */

/*
 * Output of the domain's console, kept in a ring of HV_CONSOLE_RING bytes that
 * hv_dispatch fills. Positions count bytes since this handle first saw the
 * domain. Copies at most size bytes from *pos on and moves *pos behind them;
 * where the ring has already lost bytes *pos first jumps to the oldest kept.
 * Returns the number of bytes, 0 if there is nothing new. -ENOENT: no such
 * domain (dead ones keep theirs until destroyed). The first call for a domain
 * attaches to its console; until then xenconsoled keeps the last 1 MiB. One
 * process at a time gets a domain's output. The bytes are the guest's: escape
 * before you print.
 */
int hv_console_read(struct hv *hv, hv_domid domid, uint64_t *pos, void *buf,
		    size_t size, struct errinfo *err);

/* ---- hv-fake ---------------------------------------------------------- */

/*
 * "fake:DIR" keeps each domain as a file DIR/domain-N and shares it with every
 * process that opens the same DIR, so that hvctl works beside an agent under
 * test. Memory is accounted, names are unique, disks are opened and checked
 * for what a real create would refuse; no guest runs. Words in the domain's
 * command line say what the guest would do:
 *
 *	fake-exit=SEC	  powers off after SEC seconds (0: at once)
 *	fake-crash=SEC	  crashes after SEC seconds
 *	fake-deaf	  ignores hv_domain_shutdown (else it powers off)
 *	fake-fail=CODE	  create fails: nomem, io or timeout
 *	fake-say=TEXT	  its first console line; '_' stands for a space
 *
 * DIR/host, if there is one, holds lines "KEY VALUE" with the members of
 * struct hv_host (total_mib 2048, cpus 2, hvm 0, ...). DIR/fail, if there is
 * one, makes the next call of the operation it names (create, destroy, list,
 * ...) fail with -EIO, and is removed.
 */

#endif
