/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "delta.h"
#include "publish.h"
#include "tool.h"

#define TELL_MS 200

static const char *const steps[] = {
	[IMAGEREPO_STEP_READ] = "looking at what is there",
	[IMAGEREPO_STEP_CHUNK] = "cutting and compressing",
	[IMAGEREPO_STEP_BUNDLE] = "bundling what a boot reads",
	[IMAGEREPO_STEP_DELTA] = "delta from the previous image",
};

static void progress(enum imagerepo_step step, uint64_t done, uint64_t total,
		     void *arg)
{
	static int last = -1;
	static int64_t told_ms;
	int64_t now_ms = clock_boot_ms();
	const struct publish *p = arg;
	unsigned int percent = 100;

	if (p->c.quiet || !isatty(STDERR_FILENO) ||
	    (size_t)step >= ARRAY_SIZE(steps))
		return;
	if ((int)step == last && now_ms - told_ms < TELL_MS)
		return;
	last = (int)step;
	told_ms = now_ms;
	if (total)
		percent = (unsigned int)(done * 100 / total);
	fprintf(stderr, "\r\033[K%s: %s: %u %%", p->m.name, steps[step], percent);
}

static int load_trace(const struct publish *p, uint32_t **blocks, size_t *n,
		      struct errinfo *err)
{
	auto_free char *path = tool_join(p->dir, DRAFT_TRACE);

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (p->no_bundle || access(path, F_OK))
		return 0;
	return imagerepo_trace_load(path, p->m.disk_size, blocks, n, err);
}

int publish_files(struct publish *p, struct errinfo *err)
{
	static const struct {
		const char *name;
		size_t offset;
		uint64_t max;
	} files[] = {
		{ "kernel", offsetof(struct image_manifest, kernel),
		  IMAGE_KERNEL_MAX },
		{ "initrd", offsetof(struct image_manifest, initrd),
		  IMAGE_INITRD_MAX },
		{ "contents", offsetof(struct image_manifest, contents),
		  512ULL << 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *path = tool_join(p->dir, files[i].name);
		struct image_blob out, *b;
		int rc;

		b = (struct image_blob *)((char *)&p->m + files[i].offset);
		if (!b->size)
			continue;
		if (!path)
			return errinfo_set(err, -ENOMEM, "out of memory");
		rc = imagerepo_repo_put_file(p->c.r, path, files[i].max, b,
					     &out, err);
		if (rc)
			return errinfo_wrap(err, rc, "%s", path);
	}
	return 0;
}

static int cut_disk(struct publish *p, struct errinfo *err)
{
	auto_free char *disk = tool_join(p->dir, "root");
	auto_free uint32_t *trace = NULL;
	struct imagerepo_publish how = {
		.disk = disk,
		.previous = p->n_old ? &p->old[0].m : NULL,
		.previous_sha256 = p->old[0].sha256,
		.level = p->level,
		.no_delta = p->no_delta,
		.progress = progress,
		.arg = p,
	};
	int rc = disk ? load_trace(p, &trace, &how.n_trace, err) : -ENOMEM;

	if (rc)
		return rc;
	how.trace = trace;
	rc = imagerepo_repo_publish(p->c.r, &how, &p->m, &p->stats, err);
	if (!rc && p->no_bundle) {
		p->m.bundle = (struct image_blob){ .size = 0 };
		p->m.bundle_head = 0;
		p->m.bundle_head_sha256[0] = '\0';
	}
	return rc;
}

/* From the other older images; the first had its delta made with the cut. */
static int more_deltas(struct publish *p, struct errinfo *err)
{
	for (int i = 1; i < p->n_old && !p->no_delta; i++) {
		struct publish_old *o = &p->old[i];
		struct image_delta *d = &p->m.delta[p->m.n_deltas];
		int rc;

		rc = imagerepo_delta_make(p->c.r, &o->m.index, &p->m.index,
					  p->level, 0, progress, p, &d->blob,
					  err);
		if (rc)
			return errinfo_wrap(err, rc, "delta from %s %s",
					    o->m.name, o->m.version);
		strcpy(d->from, o->sha256);
		p->m.n_deltas += d->blob.size < p->m.disk_stored;
	}
	return 0;
}

int publish_blobs(struct publish *p, struct errinfo *err)
{
	uint64_t disk = p->m.disk_size;
	int rc = publish_files(p, err);

	if (!rc)
		rc = cut_disk(p, err);
	if (!rc)
		rc = more_deltas(p, err);
	if (!p->c.quiet && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (rc)
		return rc;
	if (p->m.disk_size != disk)
		return errinfo_set(err, -EBADMSG,
				   "%s/root has another size than image.json "
				   "says; build it anew",
				   p->dir);
	return imagerepo_image_print(&p->m, &p->doc, err);
}
