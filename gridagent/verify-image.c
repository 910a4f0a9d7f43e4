/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify-image - see verify-image.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image.h"
#include "tuf.h"
#include "verify-docs.h"
#include "verify-image.h"

#define RUNS_MAX (2 * MSG_DOMUS_MAX) /* as main has images */

_Static_assert(TUF_PATH <= MSG_PATH_LEN, "a path fits its message");

struct run {
	uint32_t id;
	uint32_t age;
	struct tuf_client *tuf; /* NULL: free */
	char manifest[HASH_HEX];
	char name[MSG_NAME_LEN], version[MSG_NAME_LEN];
};

static struct {
	const void *root;
	size_t root_len;
	uint32_t age;
	struct run runs[RUNS_MAX];
} self;

void verify_image_init(const void *root, size_t len)
{
	self.root = root;
	self.root_len = len;
}

static void run_end(struct run *r)
{
	tuf_client_free(r->tuf);
	r->tuf = NULL;
}

/* Main may have lost interest in one without a word: the oldest goes. */
static struct run *run_new(void)
{
	struct run *oldest = &self.runs[0];

	for (int i = 0; i < RUNS_MAX; i++) {
		struct run *r = &self.runs[i];

		if (!r->tuf)
			return r;
		if ((int32_t)(r->age - oldest->age) < 0)
			oldest = r;
	}
	run_end(oldest);
	return oldest;
}

static int found(struct run *r, struct msg_verify_manifest *out,
		 struct errinfo *err)
{
	const struct tuf_target *t = tuf_client_target(r->tuf);
	const char *bytes;
	size_t len;
	int rc;

	bytes = tuf_client_target_bytes(r->tuf, &len);
	if (strcmp(t->sha256, r->manifest) != 0)
		return errinfo_set(err, -EBADMSG,
				   "%s is manifest %.12s by the repository's "
				   "metadata, not %.12s",
				   t->path, t->sha256, r->manifest);
	rc = verify_manifest(bytes, len, out, err);
	if (rc)
		return rc;
	if (strcmp(out->name, r->name) != 0 ||
	    strcmp(out->version, r->version) != 0)
		return errinfo_set(err, -EBADMSG, "%s is of image %s %s",
				   t->path, out->name, out->version);
	return 0;
}

static int go_on(struct run *r, struct msg_verify_want *want,
		 struct msg_verify_manifest *out, struct errinfo *err)
{
	struct tuf_want w;
	int rc;

	if (tuf_client_next(r->tuf, &w) == 1) {
		memset(want, 0, sizeof(*want));
		want->max = w.max;
		want->may_be_absent = w.may_be_absent;
		snprintf(want->path, sizeof(want->path), "%s", w.path);
		return 1;
	}
	rc = found(r, out, err);
	run_end(r);
	return rc;
}

int verify_image_start(uint32_t id, const struct msg_verify_image *q,
		       int64_t now_ms, struct msg_verify_want *want,
		       struct msg_verify_manifest *out, struct errinfo *err)
{
	struct tuf_how how = {
		.root = self.root,
		.root_len = self.root_len,
		.now_ms = now_ms,
		.floor = { q->floor[0], q->floor[1], q->floor[2] },
	};
	struct run *r = run_new();
	char target[IMAGE_PATH];
	int rc;

	imagerepo_version_target(q->image, q->version, target);
	how.target = target;
	rc = tuf_client_new(&how, &r->tuf, err);
	if (rc) {
		r->tuf = NULL;
		return rc;
	}
	r->id = id;
	r->age = ++self.age;
	memcpy(r->manifest, q->manifest, sizeof(r->manifest));
	memcpy(r->name, q->image, sizeof(r->name));
	memcpy(r->version, q->version, sizeof(r->version));
	return go_on(r, want, out, err);
}

int verify_image_file(uint32_t id, const void *data, size_t len,
		      struct msg_verify_want *want,
		      struct msg_verify_manifest *out, struct errinfo *err)
{
	struct run *r = NULL;
	int rc;

	for (int i = 0; i < RUNS_MAX && !r; i++)
		if (self.runs[i].tuf && self.runs[i].id == id)
			r = &self.runs[i];
	if (!r)
		return errinfo_set(err, -EINVAL, "no such image is looked for");
	rc = data ? tuf_client_feed(r->tuf, data, len, err)
		  : tuf_client_absent(r->tuf, err);
	if (rc < 0) {
		run_end(r);
		return rc;
	}
	return go_on(r, want, out, err);
}
