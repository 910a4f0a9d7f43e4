/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - see policy.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent.h"
#include "policy.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A domU's name is seen by people and scripts on the node. */
static int name_ok(const char *id)
{
	return parse_is_name(id) && strcmp(id, "dom0") != 0 &&
	       strcmp(id, NETDOM_NAME) != 0 && strcasecmp(id, "domain-0") != 0;
}

/* Printable ASCII; nothing a shell or a boot loader could take otherwise. */
static int cmdline_ok(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e || strchr("`$\\;|&<>", *s))
			return 0;
	return 1;
}

int policy_create(const struct msg_hv_create *q, int n_fds,
		  const struct policy_host *host, struct errinfo *err)
{
	const struct msg_domu *d = &q->domu;
	uint8_t mac[PARSE_MAC_LEN];

	if (!name_ok(d->id))
		return errinfo_set(err, -EPERM, "name refused");
	if (n_fds != 1 + q->has_initrd)
		return errinfo_set(err, -EPERM, "%d descriptors", n_fds);
	if (!cmdline_ok(q->cmdline))
		return errinfo_set(err, -EPERM, "kernel command line refused");
	if ((uint64_t)d->memory_mib > host->total_mib)
		return errinfo_set(err, -EPERM, "%d MiB, the PC has %llu",
				   d->memory_mib,
				   (unsigned long long)host->total_mib);
	if (d->vcpus > host->cpus * POLICY_VCPUS_PER_CPU)
		return errinfo_set(err, -EPERM, "%d vcpus, the PC has %d CPUs",
				   d->vcpus, host->cpus);
	if (host->n_domus >= POLICY_DOMUS)
		return errinfo_set(err, -EPERM, "there are %d domUs already",
				   host->n_domus);
	if (parse_mac(d->mac, mac) || (mac[0] & 1) || !(mac[0] | mac[1]))
		return errinfo_set(err, -EPERM, "MAC %s refused", d->mac);
	return 0;
}

int policy_fd(int fd, const char *what, struct errinfo *err)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS)
		return errinfo_set(err, -EPERM, "%s: not a sealed memory file",
				   what);
	if (fstat(fd, &st) < 0 || st.st_size == 0)
		return errinfo_set(err, -EPERM, "%s: empty", what);
	return 0;
}
