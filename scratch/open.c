/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch: from a policy to a device, and back.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "private.h"

static int device_size(const char *path, uint64_t *size, struct errinfo *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, size))
		return errinfo_set_errno(err, -errno, "%s", path);
	return 0;
}

/* The kernel's partition, held alone while it is looked at and marked. */
static int claim(const struct scratch_part *p, struct errinfo *err)
{
	auto_close int fd = scratch_device(p->name, O_RDWR | O_EXCL, err);
	uint64_t size = 0;
	int rc;

	if (fd < 0)
		return fd;
	if (ioctl(fd, BLKGETSIZE64, &size) || size != p->size)
		return errinfo_set(err, -ESTALE, "its size has changed");
	rc = scratch_check(fd, size, p->guid, err);
	return rc ? rc : scratch_mark(fd, size, p->guid, err);
}

static int open_new(const struct scratch_policy *policy,
		    const struct scratch_part *p, char path[SCRATCH_PATH],
		    struct errinfo *err)
{
	uint64_t size = p->size - 2 * (uint64_t)SCRATCH_MARK;
	int rc = scratch_guard_others(p, err);

	if (!rc)
		rc = claim(p, err);
	if (rc)
		return rc;
	if (policy->size_max && policy->size_max < size)
		size = policy->size_max;
	size &= ~(uint64_t)4095;
	return scratch_crypt_add(p->name, p->guid, SCRATCH_MARK, size, path, err);
}

int scratch_open(const struct scratch_policy *policy, char path[SCRATCH_PATH],
		 uint64_t *size, struct errinfo *err)
{
	uint8_t guid[SCRATCH_GUID];
	char name[SCRATCH_PATH];
	struct scratch_part p;
	int rc;

	if (!scratch_label_ok(policy->label) || scratch_type_owner(policy->type) ||
	    (policy->size_max && policy->size_max < SCRATCH_SIZE_MIN))
		return errinfo_set(err, -EINVAL,
				   "a scratch partition has a type of its own, "
				   "a label and at least %d MiB",
				   SCRATCH_SIZE_MIN >> 20);
	rc = scratch_find(policy, &p, err);
	if (rc)
		return rc;
	rc = scratch_crypt_get(guid, path, name, err);
	if (!rc && memcmp(guid, p.guid, sizeof(guid)) != 0)
		rc = errinfo_set(err, -EBUSY, "another one is in use");
	if (rc == -ENOENT)
		rc = open_new(policy, &p, path, err);
	if (rc)
		return errinfo_wrap(err, rc, "scratch partition %s", p.name);
	return device_size(path, size, err);
}

int scratch_get(char path[SCRATCH_PATH], uint64_t *size, struct errinfo *err)
{
	uint8_t guid[SCRATCH_GUID];
	char name[SCRATCH_PATH];
	int rc = scratch_crypt_get(guid, path, name, err);

	return rc ? rc : device_size(path, size, err);
}

/* Best effort: an old disk cannot, and the key is gone anyway. */
static void discard(const char *name)
{
	auto_close int fd = scratch_device(name, O_RDWR | O_EXCL, NULL);
	uint64_t range[2] = { SCRATCH_MARK, 0 };

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &range[1]) ||
	    range[1] <= 2 * (uint64_t)SCRATCH_MARK)
		return;
	range[1] -= 2 * (uint64_t)SCRATCH_MARK;
	(void)ioctl(fd, BLKDISCARD, range);
}

int scratch_close(struct errinfo *err)
{
	char path[SCRATCH_PATH], name[SCRATCH_PATH];
	uint8_t guid[SCRATCH_GUID];
	int rc = scratch_crypt_get(guid, path, name, err);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = scratch_crypt_remove(err);
	if (rc)
		return errinfo_wrap(err, rc, "scratch partition %s", name);
	discard(name);
	return 0;
}
