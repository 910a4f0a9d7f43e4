/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands that write metadata have in common.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "keys.h"
#include "parse.h"
#include "tool.h"

static int set_time(uint64_t *sec, const char *arg)
{
	if (parse_duration(arg, sec) || !*sec)
		return cmd_misuse("'%s' is no time such as 7d", arg);
	return 0;
}

int keys_common_option(struct keys_common *o, int c, const char *arg)
{
	switch (c) {
	case 'r':
		o->repo = arg;
		return 0;
	case 'k':
		o->keys_dir = arg;
		return 0;
	case 'R':
		o->root = arg;
		return 0;
	case 'n':
		o->dry_run = 1;
		return 0;
	case 'j':
		o->json = 1;
		return 0;
	case 1:
		return set_time(&o->times.timestamp_sec, arg);
	case 2:
		return set_time(&o->times.snapshot_sec, arg);
	case 3:
		return set_time(&o->times.targets_sec, arg);
	}
	return cmd_misuse("see --help");
}

int keys_common_open(struct keys_common *o, const char *seed, struct meta **m,
		     struct errinfo *err)
{
	struct meta_how how = { .repo = o->repo,
				.seed = seed,
				.root = o->root,
				.write = !o->dry_run };
	int rc = o->keys_dir ? meta_keys_load(o->keys_dir, &o->keys, err) : 0;

	return rc ? rc : meta_open(&how, m, err);
}

int keys_common_commit(struct keys_common *o, struct meta *m, struct errinfo *err)
{
	return meta_commit(m, &o->keys, &o->times, clock_unix_ms(), o->dry_run,
			   err);
}

int keys_common_end(struct keys_common *o, struct meta *m, int rc,
		    const struct errinfo *err)
{
	meta_keys_wipe(&o->keys);
	meta_close(m);
	return rc ? tool_fail(err, rc) : CMD_EXIT_OK;
}

char *keys_unsigned(const json_t *body)
{
	json_t *envelope = json_pack("{s:O, s:[]}", "signed", body, "signatures");
	auto_free char *text = envelope ? trust_canonical(envelope) : NULL;
	char *doc = NULL;

	json_decref(envelope);
	if (!text || asprintf(&doc, "%s\n", text) < 0)
		return NULL;
	return doc;
}

int keys_can_sign(const struct meta_keys *keys, const struct tuf_delegation *d)
{
	int n = 0;

	for (size_t i = 0; i < keys->n; i++)
		for (size_t j = 0; j < d->n_keys; j++)
			n += !strcmp(keys->key[i].keyid, d->key[j].keyid);
	return d->n_keys && n >= d->threshold;
}

int keys_seed(const char *dir, const char *root_doc,
	      const struct tuf_delegation *maintainer,
	      const struct meta_keys *keys, const struct meta_times *times,
	      int dry_run, struct errinfo *err)
{
	struct meta *m = NULL;
	json_t *targets;
	int rc;

	rc = meta_create(dir, root_doc, strlen(root_doc), &m, err);
	if (rc)
		return rc;
	targets = meta_edit(m, META_TARGETS_ROLE);
	rc = targets ? 0 : -ENOMEM;
	if (!rc && maintainer->n_keys)
		rc = tuf_targets_delegate(targets, maintainer);
	if (!rc && keys_can_sign(keys, maintainer) &&
	    !meta_edit(m, maintainer->role))
		rc = -ENOMEM;
	if (rc)
		errinfo_set_errno(err, rc, "role '%s'", maintainer->role);
	else
		rc = meta_commit(m, keys, times, clock_unix_ms(), dry_run, err);
	meta_close(m);
	return rc;
}
