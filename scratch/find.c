/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch: the disks that the kernel has, by sysfs. Disks are opened for
 * reading only; every partition but the one is set read-only on the way.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "parse.h"
#include "private.h"

#define SYS "/sys/class/block"

struct search {
	const struct scratch_policy *policy;
	struct scratch_part part;
	unsigned int n;
	struct errinfo why; /* of a disk that could not be looked at */
	struct errinfo *err;
};

static int get_number(const char *name, const char *what, uint64_t *out)
{
	char path[128], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), SYS "/%.*s/%s", SCRATCH_PATH, name, what);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, 0, UINT64_MAX, out);
}

/* A disk that is soldered or screwed in: hardware behind it, not a partition,
 * not to be pulled out. */
static int is_disk(const char *name)
{
	char path[128];
	uint64_t v;

	snprintf(path, sizeof(path), SYS "/%.*s/device", SCRATCH_PATH, name);
	return !access(path, F_OK) && get_number(name, "partition", &v) &&
	       !get_number(name, "removable", &v) && !v;
}

/* fn for each name in a directory of sysfs; ends when it says other than 0. */
static int each_name(const char *dir, int (*fn)(void *arg, const char *name),
		     void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int rc = 0;

	while (d && !rc && (e = readdir(d)))
		if (e->d_name[0] != '.' && strlen(e->d_name) < SCRATCH_PATH)
			rc = fn(arg, e->d_name);
	if (d)
		closedir(d);
	return rc;
}

/* ---- which partition of the kernel's it is ----------------------------------- */

static int match_name(void *arg, const char *name)
{
	struct scratch_part *p = arg;
	uint64_t v, start, size;

	if (strncmp(name, p->disk, strlen(p->disk)) != 0 ||
	    get_number(name, "partition", &v) ||
	    get_number(name, "start", &start) || get_number(name, "size", &size))
		return 0;
	if (start * 512 != p->start || size * 512 != p->size)
		return 0;
	snprintf(p->name, sizeof(p->name), "%s", name);
	return 1;
}

static int name_part(struct scratch_part *p, struct errinfo *err)
{
	char dir[128];

	snprintf(dir, sizeof(dir), SYS "/%s", p->disk);
	if (each_name(dir, match_name, p) == 1)
		return 0;
	return errinfo_set(err, -ESTALE,
			   "%s: the kernel sees other partitions than its "
			   "table names",
			   p->disk);
}

/* ---- all disks ------------------------------------------------------------------ */

static int look_at(void *arg, const char *name)
{
	struct search *s = arg;
	struct scratch_part part;
	struct errinfo why = ERRINFO_INIT;
	auto_close int fd = -1;
	uint64_t sectors, sector;
	unsigned int n = 0;
	int rc;

	if (!is_disk(name) || get_number(name, "size", &sectors) || !sectors ||
	    get_number(name, "queue/logical_block_size", &sector))
		return 0;
	fd = scratch_device(name, O_RDONLY, &why);
	rc = fd < 0 ? fd
		    : scratch_gpt_find(fd, sectors * 512, (unsigned int)sector,
				       s->policy, &part, &n, &why);
	if (rc == -ENOMEM)
		return errinfo_set(s->err, rc, "out of memory");
	if (rc && rc != -ENOMSG)
		errinfo_set(&s->why, rc, "%s: %s", name, why.text);
	if (!rc && n) {
		s->part = part;
		snprintf(s->part.disk, sizeof(s->part.disk), "%s", name);
		s->n += n;
	}
	return 0;
}

int scratch_find(const struct scratch_policy *policy, struct scratch_part *part,
		 struct errinfo *err)
{
	struct search s = { .policy = policy, .err = err };
	char type[SCRATCH_GUID_STR];
	int rc = each_name(SYS, look_at, &s);

	if (rc)
		return rc;
	scratch_format_guid(policy->type, type);
	/* One that we cannot read may be the second of its kind. */
	if (s.why.rc)
		return errinfo_set(err, s.why.rc, "%s", s.why.text);
	if (!s.n)
		return errinfo_set(err, -ENOENT,
				   "no partition has type %s and label \"%s\"",
				   type, policy->label);
	if (s.n > 1)
		return errinfo_set(err, -ENOTUNIQ,
				   "%u partitions have type %s and label \"%s\"",
				   s.n, type, policy->label);
	*part = s.part;
	return name_part(part, err);
}

/* ---- guards ---------------------------------------------------------------------- */

static int guard(void *arg, const char *name)
{
	const struct scratch_part *p = arg;
	auto_close int fd = -1;
	uint64_t v;
	int on = 1;

	/* The disk itself is its partitions' guard as well: it stays. */
	if (!strcmp(name, p->name) || !strcmp(name, p->disk) ||
	    (!is_disk(name) && get_number(name, "partition", &v)))
		return 0;
	fd = scratch_device(name, O_RDONLY, NULL);
	if (fd >= 0 && !ioctl(fd, BLKROSET, &on))
		return 0;
	return -errno;
}

int scratch_guard_others(const struct scratch_part *p, struct errinfo *err)
{
	struct scratch_part copy = *p;
	int rc = each_name(SYS, guard, &copy);

	return rc ? errinfo_set_errno(err, rc, "setting partitions read-only")
		  : 0;
}

int scratch_device(const char *name, int flags, struct errinfo *err)
{
	char path[SCRATCH_PATH + 8];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? errinfo_set_errno(err, -errno, "%s", path) : fd;
}
