/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - the floor under every request to the hypervisor: what the hv process
 * refuses whatever main says. The gateway's owner sets the real limits; these
 * are the bounds of what a node is for.
 */
#ifndef POLICY_H
#define POLICY_H

#include "messages.h"

#define POLICY_VCPUS_PER_CPU 2
#define POLICY_DOMUS         MSG_DOMUS_MAX

struct policy_host {
	uint64_t total_mib, free_mib;
	int cpus;
	int n_domus; /* that exist, dead ones included */
};

int policy_create(const struct msg_hv_create *q, int n_fds,
		  const struct policy_host *host, struct errinfo *err);
/* A memory file that nobody can change any more, and not empty. */
int policy_fd(int fd, const char *what, struct errinfo *err);

#endif
