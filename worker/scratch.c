/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job's directory on the scratch disk, where the owner of the PC lends one:
 * the image has mounted it at STATE/scratch. What a task leaves is taken away
 * before the next one starts.
 */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "worker.h"

char *scratch_dir(const struct worker_config *c)
{
	struct stat above, st;
	char *dir;

	if (asprintf(&dir, "%s/scratch", c->state) < 0)
		return NULL;
	if (!stat(c->state, &above) && !stat(dir, &st) && S_ISDIR(st.st_mode) &&
	    st.st_dev != above.st_dev)
		return dir;
	free(dir);
	return NULL;
}

/* Nobody is left who could change it meanwhile; fts follows no link, and goes
 * as deep as a job went. */
static int remove_all(char *dir)
{
	char *const paths[] = { dir, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_XDEV, NULL);
	FTSENT *e;
	int rc = 0;

	if (!fts)
		return -errno;
	errno = 0;
	while ((e = fts_read(fts))) {
		int r = 0;

		if (e->fts_info == FTS_DP)
			r = rmdir(e->fts_accpath);
		else if (e->fts_info != FTS_D)
			r = unlink(e->fts_accpath);
		if (r && errno != ENOENT)
			rc = -errno;
	}
	if (!rc && errno && errno != ENOENT)
		rc = -errno;
	fts_close(fts);
	return rc;
}

char *scratch_make(const char *dir, uid_t uid, gid_t gid, struct errinfo *err)
{
	auto_free char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/work", dir) < 0) {
		path = NULL;
		errinfo_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	rc = remove_all(path);
	if (rc) {
		errinfo_set_errno(err, rc, "sandbox: clear %s", path);
		return NULL;
	}
	if (mkdir(path, 0700) || chown(path, uid, gid)) {
		errinfo_set_errno(err, -errno, "sandbox: make %s", path);
		return NULL;
	}
	return TAKE(path);
}
