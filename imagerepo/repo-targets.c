/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files below targets/.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "repo-private.h"

#define DEPTH 3 /* targets/IMAGE/channels/FILE */

static int walk(struct imagerepo_repo *r, const char *path, int depth,
		imagerepo_target_fn fn, void *arg, struct errinfo *err)
{
	char below[IMAGE_PATH];
	int fd = openat(r->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		rc = errno == ENOENT ? 0 : -errno;
		cleanup_close(&fd);
		return rc ? errinfo_set_errno(err, rc, "%s/%s", r->name, path)
			  : 0;
	}
	while (!rc && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >=
			    (int)sizeof(below))
			continue;
		if (e->d_type == DT_DIR && depth)
			rc = walk(r, below, depth - 1, fn, arg, err);
		else if (e->d_type == DT_REG)
			rc = fn(below, arg, err);
	}
	closedir(d);
	return rc;
}

int imagerepo_repo_targets(struct imagerepo_repo *r, imagerepo_target_fn fn,
			   void *arg, struct errinfo *err)
{
	return walk(r, "targets", DEPTH, fn, arg, err);
}
