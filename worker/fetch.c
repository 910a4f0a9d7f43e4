/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs: fetched once, verified, kept in RAM by digest for the tasks to come.
 *
 * A cached file is named DIGEST.x or DIGEST.r, as it is executable or not:
 * tasks see the file itself (read-only bind mount), not a copy.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"
#include "log.h"
#include "parse.h"
#include "worker.h"

#define CACHE_SHARE   8 /* of RAM, as a fraction's denominator */
#define CACHE_CEILING (256ULL * 1024 * 1024)
#define WRONG_MAX     3 /* times that bytes may come wrong */

char *fetch_path(const struct worker_config *c, const struct task_input *in)
{
	char *path;

	if (asprintf(&path, "%s/cache/%s.%c", c->state, in->sha256,
		     in->mode & 0111 ? 'x' : 'r') < 0)
		return NULL;
	return path;
}

static uint64_t cache_max(void)
{
	struct sysinfo si;
	uint64_t max;

	if (sysinfo(&si))
		return 0;
	max = (uint64_t)si.totalram * si.mem_unit / CACHE_SHARE;
	return max < CACHE_CEILING ? max : CACHE_CEILING;
}

static int is_needed(const struct task *t, const char *name)
{
	for (int i = 0; i < t->ninputs; i++)
		if (!strncmp(name, t->inputs[i].sha256, HASH_HEX - 1))
			return 1;
	return 0;
}

/* Removes the file that was used longest ago; 0 if there is none to spare. */
static int evict_one(int dir, const struct task *t, uint64_t *total)
{
	char victim[NAME_MAX + 1] = "";
	struct stat st, oldest = { 0 };
	DIR *d = fdopendir(dup(dir));
	const struct dirent *e;

	*total = 0;
	if (!d)
		return 0;
	rewinddir(d);
	while ((e = readdir(d))) {
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		*total += (uint64_t)st.st_size;
		if (is_needed(t, e->d_name))
			continue;
		if (!*victim || st.st_mtime < oldest.st_mtime) {
			oldest = st;
			snprintf(victim, sizeof(victim), "%s", e->d_name);
		}
	}
	closedir(d);
	if (!*victim || unlinkat(dir, victim, 0))
		return 0;
	*total -= (uint64_t)oldest.st_size;
	return 1;
}

static void make_room(const char *cache, const struct task *t, uint64_t want,
		      uint64_t max)
{
	auto_close int dir = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	uint64_t total = 0;
	const struct dirent *e;
	DIR *d = dir < 0 ? NULL : fdopendir(dup(dir));

	if (!d)
		return;
	while ((e = readdir(d)))
		if (!fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode))
			total += (uint64_t)st.st_size;
	closedir(d);
	while (total + want > max)
		if (!evict_one(dir, t, &total))
			break;
}

/* Into a file beside the cached ones; verified before it gets its name. */
static int fetch_one(struct httpc *h, const struct task_input *in,
		     const char *path, const char *part, struct errinfo *err)
{
	auto_close int fd =
		open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t digest[HASH_LEN];
	char url[128], hex[HASH_HEX];
	uint64_t size;
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", part);
	snprintf(url, sizeof(url), "/v1/work/files/%s", in->sha256);
	rc = httpc_get_fd(h, url, fd, in->size, NULL, NULL, err);
	if (rc)
		return rc;
	rc = hash_fd(fd, digest, &size);
	if (rc)
		return errinfo_set_errno(err, rc, "%s", part);
	format_hex(digest, sizeof(digest), hex);
	if (size != in->size || strcmp(hex, in->sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "its bytes do not have its digest");
	if (fchmod(fd, in->mode & 0111 ? 0555 : 0444) || rename(part, path))
		return errinfo_set_errno(err, -errno, "%s", path);
	return 0;
}

/* Waits; returns 1 if the task is to end. */
static int stopped(int stop, int ms)
{
	struct pollfd p = { stop, POLLIN, 0 };

	return poll(&p, 1, ms) != 0;
}

/* What will not become better by asking again. */
static int is_permanent(int rc)
{
	return rc == -ENOENT || rc == -EINVAL || rc == -EFBIG || rc == -EPERM ||
	       rc == -EROFS;
}

static int fetch_until(const struct worker_config *c, const struct task *t,
		       const struct task_input *in, const char *cache,
		       struct httpc *h, int stop, struct errinfo *err)
{
	auto_free char *path = fetch_path(c, in);
	auto_free char *part = NULL;
	uint64_t max = cache_max();
	int rc, wrong = 0;

	if (!path || asprintf(&part, "%s/part", cache) < 0) {
		part = NULL;
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	/* Used now: the time of use decides what has to go. */
	if (!utimensat(AT_FDCWD, path, NULL, 0))
		return 0;
	for (int n = 1;; n++) {
		if (stopped(stop, 0))
			return errinfo_set(err, -ECANCELED, "cancelled");
		make_room(cache, t, in->size, max);
		rc = fetch_one(h, in, path, part, err);
		if (!rc)
			return 0;
		unlink(part);
		if (rc == -ENOSPC && max) {
			max = 0;
			continue;
		}
		if (rc == -ENOSPC || is_permanent(rc) ||
		    (rc == -EBADMSG && ++wrong == WRONG_MAX))
			return rc;
		log_warn("input %s: %s", in->sha256, errinfo_text(err, rc));
		if (stopped(stop, lease_backoff_ms(n)))
			return errinfo_set(err, -ECANCELED, "cancelled");
	}
}

int fetch_inputs(const struct worker_config *c, const struct task *t, int stop,
		 struct errinfo *err)
{
	const struct httpc_config config = {
		.url = c->url,
		.pin = *c->pin ? c->pin : NULL,
		.token = c->token,
	};
	auto_free char *cache = NULL;
	struct httpc *h = NULL;
	int rc;

	if (!t->ninputs)
		return 0;
	if (asprintf(&cache, "%s/cache", c->state) < 0) {
		cache = NULL;
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = fileio_mkdirs(cache, 0700, err);
	if (!rc)
		rc = httpc_new(&config, &h, err);
	for (int i = 0; !rc && i < t->ninputs; i++) {
		rc = fetch_until(c, t, &t->inputs[i], cache, h, stop, err);
		if (rc)
			errinfo_wrap(err, rc, "input '%s'", t->inputs[i].name);
	}
	httpc_free(h);
	return rc;
}
