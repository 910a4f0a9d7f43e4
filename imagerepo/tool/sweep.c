/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "meta.h"
#include "sweep.h"

#define TAIL ".json"

/* "12.snapshot.json"; 0: the file is of another kind. */
static long split(const char *file, char role[TUF_NAME])
{
	char *dot;
	long n = file[0] >= '1' && file[0] <= '9' ? strtol(file, &dot, 10) : 0;
	size_t len, tail = strlen(TAIL);

	if (!n || *dot != '.')
		return 0;
	len = strlen(++dot);
	if (len <= tail || len - tail >= TUF_NAME ||
	    strcmp(dot + len - tail, TAIL) != 0)
		return 0;
	memcpy(role, dot, len - tail);
	role[len - tail] = '\0';
	return n;
}

static int is_old(const char *file, sweep_body_fn body, const void *of)
{
	char role[TUF_NAME];
	long n = split(file, role);
	const json_t *in_force;

	if (!n || !strcmp(role, "root"))
		return 0;
	in_force = body(of, role);
	return in_force &&
	       n < json_integer_value(json_object_get(in_force, "version"));
}

int sweep_metadata(struct imagerepo_repo *r, sweep_body_fn body, const void *of,
		   uint64_t grace_sec, int dry_run,
		   struct imagerepo_gc_stats *stats, struct errinfo *err)
{
	int fd = openat(imagerepo_repo_dir(r), META_DIR,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	time_t before = time(NULL) - (time_t)grace_sec + (grace_sec ? 0 : 2);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		rc = errinfo_set_errno(err, -errno, META_DIR);
		cleanup_close(&fd);
		return rc;
	}
	while (!rc && (e = readdir(d)) != NULL) {
		struct stat st;

		if (!is_old(e->d_name, body, of) ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (st.st_mtime >= before) {
			stats->young++;
			stats->young_bytes += (uint64_t)st.st_size;
			continue;
		}
		if (!dry_run && unlinkat(fd, e->d_name, 0))
			rc = errinfo_set_errno(err, -errno,
					       "cannot delete " META_DIR "/%s",
					       e->d_name);
		stats->swept++;
		stats->swept_bytes += (uint64_t)st.st_size;
	}
	closedir(d);
	return rc;
}
