/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what a configuration may say. Called for every create, whoever asks:
 * the caller may be our own parent process, and still be wrong.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "parse.h"

#include "hv.h"

/* Printable ASCII, and where `more` allows them tab and newline. */
static bool is_text(const char *s, const char *more)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x20 || c == 0x7f) && !strchr(more, c))
			return false;
	}
	return true;
}

static int check_fd(int fd, const char *what, struct errinfo *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errinfo_set_errno(err, -EINVAL, "%s", what);
	if (!S_ISREG(st.st_mode))
		return errinfo_set(err, -EINVAL,
				   "%s: neither a memfd nor a file", what);
	if (!st.st_size)
		return errinfo_set(err, -EINVAL, "%s: empty", what);
	return 0;
}

static int check_vbd_source(const struct hv_vbd *vbd, struct errinfo *err)
{
	struct stat st;

	if ((vbd->fd >= 0) == (vbd->path != NULL))
		return errinfo_set(err, -EINVAL,
				   "needs a descriptor or a path, not both");
	if (vbd->fd >= 0 && vbd->writable)
		return errinfo_set(err, -EINVAL,
				   "only a block device may be writable");
	if (vbd->fd >= 0)
		return check_fd(vbd->fd, "disk", err);
	if (strlen(vbd->path) > HV_PATH_MAX || vbd->path[0] != '/')
		return errinfo_set(err, -EINVAL, "no absolute path");
	if (stat(vbd->path, &st) < 0)
		return errinfo_set_errno(err, -EINVAL, "%s", vbd->path);
	if (!S_ISBLK(st.st_mode))
		return errinfo_set(err, -EINVAL, "%s: no block device",
				   vbd->path);
	return 0;
}

static int check_vbds(const struct hv_config *cfg, struct errinfo *err)
{
	unsigned int seen = 0;
	uint32_t i;
	int rc;

	if (cfg->vbd_count > HV_VBD_MAX)
		return errinfo_set(err, -EINVAL, "more than %d vbds", HV_VBD_MAX);
	for (i = 0; i < cfg->vbd_count; i++) {
		const char *vdev = cfg->vbds[i].vdev;

		if (!vdev || strlen(vdev) != 4 || memcmp(vdev, "xvd", 3) ||
		    vdev[3] < 'a' || vdev[3] > 'p')
			return errinfo_set(err, -EINVAL,
					   "vbd %u: vdev is not xvda to xvdp", i);
		if (seen & 1U << (vdev[3] - 'a'))
			return errinfo_set(err, -EINVAL, "vbd %u: second %s", i,
					   vdev);
		seen |= 1U << (vdev[3] - 'a');
		rc = check_vbd_source(&cfg->vbds[i], err);
		if (rc)
			return errinfo_wrap(err, rc, "vbd %s", vdev);
	}
	return 0;
}

static int check_vifs(const struct hv_config *cfg, struct errinfo *err)
{
	static const uint8_t zero[6];
	uint32_t i;

	if (cfg->vif_count > HV_VIF_MAX)
		return errinfo_set(err, -EINVAL, "more than %d vifs", HV_VIF_MAX);
	for (i = 0; i < cfg->vif_count; i++) {
		const struct hv_vif *vif = &cfg->vifs[i];

		if (vif->mac[0] & 1 || !memcmp(vif->mac, zero, 6))
			return errinfo_set(err, -EINVAL,
					   "vif %u: no unicast address", i);
		if (vif->backend) {
			if (vif->bridge || !vif->address)
				return errinfo_set(err, -EINVAL,
						   "vif %u: a backend needs an "
						   "address and no bridge",
						   i);
			continue;
		}
		if (!vif->bridge || !*vif->bridge ||
		    strlen(vif->bridge) > HV_IFNAME_MAX ||
		    strchr(vif->bridge, '/') || !is_text(vif->bridge, ""))
			return errinfo_set(err, -EINVAL, "vif %u: no bridge", i);
	}
	return 0;
}

static bool is_key_name(const char *s)
{
	static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = s ? strlen(s) : 0;

	return len && len <= HV_KEY_NAME_MAX && strspn(s, ok) == len;
}

static int check_keys(const struct hv_config *cfg, struct errinfo *err)
{
	uint32_t i, j;

	if (cfg->key_count > HV_KEY_MAX)
		return errinfo_set(err, -EINVAL, "more than %d keys", HV_KEY_MAX);
	for (i = 0; i < cfg->key_count; i++) {
		const struct hv_key *key = &cfg->keys[i];

		if (!is_key_name(key->name))
			return errinfo_set(err, -EINVAL, "key %u: bad name", i);
		if (!key->value || strlen(key->value) > HV_KEY_VALUE_MAX ||
		    !is_text(key->value, "\t\n"))
			return errinfo_set(err, -EINVAL, "key %s: bad value",
					   key->name);
		for (j = 0; j < i; j++) {
			if (!strcmp(cfg->keys[j].name, key->name))
				return errinfo_set(err, -EINVAL,
						   "key %s: twice", key->name);
		}
	}
	return 0;
}

static int check_numbers(const struct hv_config *cfg, struct errinfo *err)
{
	if (cfg->kind > HV_KIND_PV)
		return errinfo_set(err, -EINVAL, "no kind of domain: %u",
				   (unsigned int)cfg->kind);
	if (cfg->memory_mib < HV_MEMORY_MIN_MIB || cfg->memory_mib > 1U << 24)
		return errinfo_set(err, -EINVAL, "%u MiB of memory",
				   cfg->memory_mib);
	if (!cfg->vcpus || cfg->vcpus > HV_VCPU_MAX)
		return errinfo_set(err, -EINVAL, "%u vcpus", cfg->vcpus);
	if (cfg->weight > HV_WEIGHT_MAX)
		return errinfo_set(err, -EINVAL, "weight %u", cfg->weight);
	if (cfg->cap > 100 * cfg->vcpus)
		return errinfo_set(err, -EINVAL, "cap %u%% is more than %u vcpus",
				   cfg->cap, cfg->vcpus);
	return 0;
}

int hv_config_check(const struct hv_config *cfg, struct errinfo *err)
{
	static int (*const checks[])(const struct hv_config *,
				     struct errinfo *) = {
		check_numbers, check_vbds, check_vifs, check_keys
	};
	size_t i;
	int rc;

	if (!cfg->name || !parse_is_name(cfg->name))
		return errinfo_set(err, -EINVAL, "bad name");
	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		rc = checks[i](cfg, err);
		if (rc)
			return rc;
	}
	if (cfg->cmdline && (strlen(cfg->cmdline) >= HV_CMDLINE_MAX ||
			     !is_text(cfg->cmdline, "")))
		return errinfo_set(err, -EINVAL, "bad command line");
	rc = check_fd(cfg->kernel_fd, "kernel", err);
	if (!rc && cfg->initrd_fd >= 0)
		rc = check_fd(cfg->initrd_fd, "initrd", err);
	return rc;
}
