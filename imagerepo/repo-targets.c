/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a repository's folders.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "repo-private.h"

#define DEPTH 3 /* targets/IMAGE/channels/FILE */

int imagerepo_repo_entries(struct imagerepo_repo *r, const char *path,
			   imagerepo_entry_fn fn, void *arg, struct errinfo *err)
{
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
	while (!rc && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			rc = fn(dirfd(d), path, e, arg, err);
	closedir(d);
	return rc;
}

int imagerepo_repo_blobs(struct imagerepo_repo *r, imagerepo_entry_fn fn,
			 void *arg, struct errinfo *err)
{
	char path[IMAGE_PATH];
	int rc = 0;

	for (int i = 0; !rc && i < 256; i++) {
		snprintf(path, sizeof(path), REPO_BLOBS "/%02x", i);
		rc = imagerepo_repo_entries(r, path, fn, arg, err);
	}
	return rc;
}

struct walk {
	struct imagerepo_repo *r;
	int depth;
	imagerepo_target_fn fn;
	void *arg;
};

static int walk(int dir, const char *path, const struct dirent *e, void *arg,
		struct errinfo *err)
{
	struct walk w = *(struct walk *)arg;
	char below[IMAGE_PATH];

	(void)dir;
	if (snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >=
	    (int)sizeof(below))
		return 0;
	if (e->d_type == DT_REG)
		return w.fn(below, w.arg, err);
	if (e->d_type != DT_DIR || !w.depth--)
		return 0;
	return imagerepo_repo_entries(w.r, below, walk, &w, err);
}

int imagerepo_repo_targets(struct imagerepo_repo *r, imagerepo_target_fn fn,
			   void *arg, struct errinfo *err)
{
	struct walk w = { .r = r, .depth = DEPTH, .fn = fn, .arg = arg };

	return imagerepo_repo_entries(r, "targets", walk, &w, err);
}
