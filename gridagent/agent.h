/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent - what all processes of the agent know: options and the table of
 * children (main.c).
 */
#ifndef AGENT_H
#define AGENT_H

#include "errinfo.h"
#include "messages.h"
#include "sandbox.h"

#define AGENT_EXIT_FENCED 3 /* init reboots on it */
#define AGENT_EXIT_NO_NET 4 /* init tries another NIC */

#define NETDOM_NAME "netdom" /* of the domain; no domU may have it */

struct options {
	const char *gateway;    /* IPv4 address; NULL: netdom knows */
	const char *address;    /* in netdom: its own */
	const char *netdom;     /* folder of its kernel and image, or NULL */
	const char *root_path;  /* root document */
	const char *build_path; /* build.json */
	const char *backend;    /* as hv_open() has it */
	const char *mac;        /* of the NIC that booted; NULL: find it */
	const char *bridge;     /* of the domUs' vifs */
	const char *state_dir;  /* tmpfs, this boot only */
	const char *cmdlines;   /* folder, see cmdline.h; NULL: no look */
	int http_port;
	int https_port;    /* 0: as the segment statement says */
	int image_percent; /* of dom0's free memory, for images */
	int image_whole;   /* read no disk lazily */
	int uid_base;      /* main's; the others' follow, see `children` */
	int watchdog_sec;  /* 0: none */
	int debug;
};

/* The sockets a child starts with; -1 where it has none. */
struct child_fds {
	int super;           /* main's, to super */
	int peer[MSG_ROLES]; /* main, chan: of each; others: [MSG_MAIN] */
};

struct child {
	enum msg_role role;
	/* Opens what needs rights, with all rights. */
	int (*prepare)(const struct options *o, struct errinfo *err);
	/* Runs in the sandbox; returns the exit status. */
	int (*run)(const struct child_fds *fds);
	int uid_offset; /* from uid_base; -1: keeps its uid */
	enum sandbox sandbox;
	int restart;        /* harmless: super starts it anew */
	unsigned int plays; /* bits 1 << role: whom it stands for; 0: itself */
};

int proc_main_prepare(const struct options *o, struct errinfo *err);
int proc_main_run(const struct child_fds *fds);
int proc_net_prepare(const struct options *o, struct errinfo *err);
int proc_net_run(const struct child_fds *fds);
int proc_verify_prepare(const struct options *o, struct errinfo *err);
int proc_verify_run(const struct child_fds *fds);
int proc_blk_prepare(const struct options *o, struct errinfo *err);
int proc_blk_run(const struct child_fds *fds);
int proc_air_prepare(const struct options *o, struct errinfo *err);
int proc_air_run(const struct child_fds *fds);
int proc_tun_prepare(const struct options *o, struct errinfo *err);
int proc_tun_run(const struct child_fds *fds);
/* In dom0 and in netdom. */
int proc_chan_connect(const struct options *o, struct errinfo *err);
int proc_chan_serve(const struct options *o, struct errinfo *err);
int proc_chan_run(const struct child_fds *fds);
int proc_scratch_prepare(const struct options *o, struct errinfo *err);
int proc_scratch_run(const struct child_fds *fds);
int proc_hv_prepare(const struct options *o, struct errinfo *err);
int proc_hv_run(const struct child_fds *fds);

/* The first child is the one that the others speak with: main, or netdom's
 * chan. Starts the children and keeps them; returns the program's exit status. */
int super_run(const struct options *o, const struct child *children, int n);

#endif
