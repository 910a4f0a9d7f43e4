/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch: device mapper, by its ioctls (Linux, include/uapi/linux/dm-ioctl.h).
 * The kernel keeps the device when this process ends, and its name says whose
 * it is: nothing of it must be remembered here.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "parse.h"
#include "private.h"

#define NAME    SCRATCH_NAME
#define UUID    "NIGHTSHIFT-"
#define CONTROL "/dev/mapper/control"
#define KEY     64 /* two AES-256 keys */
#define ROOM    2048

union request {
	struct dm_ioctl dm;
	uint8_t bytes[ROOM];
};

static int talk(union request *q, unsigned long what, const char *doing,
		struct errinfo *err)
{
	auto_close int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errinfo_set_errno(err, -errno, CONTROL);
	if (ioctl(fd, what, q))
		return errinfo_set_errno(err, -errno, "device mapper: %s", doing);
	return 0;
}

static void begin(union request *q)
{
	memset(q, 0, sizeof(*q));
	q->dm.version[0] = DM_VERSION_MAJOR;
	q->dm.data_size = sizeof(*q);
	q->dm.data_start = sizeof(q->dm);
	strcpy(q->dm.name, NAME);
}

static int create(const uint8_t guid[SCRATCH_GUID], char path[SCRATCH_PATH],
		  struct errinfo *err)
{
	char text[SCRATCH_GUID_STR];
	union request q;
	int rc;

	begin(&q);
	scratch_format_guid(guid, text);
	snprintf(q.dm.uuid, sizeof(q.dm.uuid), UUID "%s", text);
	rc = talk(&q, DM_DEV_CREATE, "create", err);
	if (!rc)
		snprintf(path, SCRATCH_PATH, "/dev/dm-%u", minor(q.dm.dev));
	return rc;
}

static int load(const struct stat *below, uint64_t from, uint64_t size,
		struct errinfo *err)
{
	uint8_t key[KEY];
	char hex[2 * KEY + 1];
	struct dm_target_spec *t;
	union request q;
	char *params;
	int rc;

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return errinfo_set(err, -EIO, "no random numbers");
	format_hex(key, sizeof(key), hex);
	begin(&q);
	q.dm.target_count = 1;
	q.dm.flags = DM_SECURE_DATA_FLAG; /* the kernel wipes its copy, too */
	t = (struct dm_target_spec *)(q.bytes + sizeof(q.dm));
	t->length = size / 512;
	strcpy(t->target_type, "crypt");
	params = (char *)(t + 1);
	snprintf(params, ROOM - sizeof(q.dm) - sizeof(*t),
		 "aes-xts-plain64 %s 0 %u:%u %llu 1 allow_discards", hex,
		 major(below->st_rdev), minor(below->st_rdev),
		 (unsigned long long)(from / 512));
	rc = talk(&q, DM_TABLE_LOAD, "load", err);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(hex, sizeof(hex));
	explicit_bzero(&q, sizeof(q));
	return rc;
}

int scratch_crypt_add(const char *name, const uint8_t guid[SCRATCH_GUID],
		      uint64_t from, uint64_t size, char path[SCRATCH_PATH],
		      struct errinfo *err)
{
	auto_close int fd = scratch_device(name, O_RDONLY, err);
	union request q;
	struct stat st;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || !S_ISBLK(st.st_mode))
		return errinfo_set(err, -ENOTBLK, "/dev/%s", name);
	rc = create(guid, path, err);
	if (rc)
		return rc;
	rc = load(&st, from, size, err);
	if (!rc) {
		begin(&q);
		rc = talk(&q, DM_DEV_SUSPEND, "start", err); /* that is: resume */
	}
	if (rc)
		scratch_crypt_remove(NULL);
	return rc;
}

static int below(const struct dm_target_deps *deps, char name[SCRATCH_PATH])
{
	char path[64], to[PATH_MAX] = "";

	if (deps->count != 1)
		return -EBADMSG;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u",
		 major(deps->dev[0]), minor(deps->dev[0]));
	if (readlink(path, to, sizeof(to) - 1) < 0)
		return -errno;
	snprintf(name, SCRATCH_PATH, "%.*s", SCRATCH_PATH - 1, basename(to));
	return 0;
}

int scratch_crypt_get(uint8_t guid[SCRATCH_GUID], char path[SCRATCH_PATH],
		      char name[SCRATCH_PATH], struct errinfo *err)
{
	union request q;
	int rc;

	if (access(CONTROL, F_OK))
		return -ENOENT;
	begin(&q);
	rc = talk(&q, DM_TABLE_DEPS, "ask", err);
	if (rc == -ENXIO)
		return -ENOENT;
	if (rc)
		return rc;
	if (strncmp(q.dm.uuid, UUID, strlen(UUID)) != 0 ||
	    scratch_parse_guid(q.dm.uuid + strlen(UUID), guid) ||
	    q.dm.data_start > sizeof(q) - sizeof(struct dm_target_deps) - 8 ||
	    below((void *)(q.bytes + q.dm.data_start), name))
		return errinfo_set(err, -EBUSY,
				   "device " NAME " is there and not ours");
	snprintf(path, SCRATCH_PATH, "/dev/dm-%u", minor(q.dm.dev));
	return 0;
}

int scratch_crypt_remove(struct errinfo *err)
{
	union request q;

	begin(&q);
	return talk(&q, DM_DEV_REMOVE, "remove", err);
}
