/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit: sign what was changed, look at it with a client's eyes, write it, the
 * timestamp last.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "hash.h"
#include "meta-private.h"
#include "tool.h"

struct commit {
	struct meta *m;
	const struct meta_keys *keys;
	const struct meta_times *times;
	int64_t now_ms;
	int root_first; /* old keys are lost */
};

/* ---- who signs -------------------------------------------------------------- */

static int is_top(const char *role)
{
	return !strcmp(role, "timestamp") || !strcmp(role, "snapshot") ||
	       !strcmp(role, META_TARGETS_ROLE);
}

/* Role, as targets metadata delegates it: the first that does. */
static int delegated_signers(const struct meta *m, const char *role,
			     struct trust_signers *out, struct errinfo *err)
{
	for (size_t i = META_PART_TARGETS; i < m->n_parts; i++)
		if (m->part[i].body &&
		    !tuf_targets_signers(m->part[i].body, role, out, NULL))
			return 0;
	return errinfo_set(err, -ENOENT, "nobody delegates to role '%s'", role);
}

/* Adds those of our keys that are among the signers; returns how many. */
static int add_keys(const struct meta_keys *keys, const struct trust_signers *s,
		    struct trust_key out[TRUST_KEYS_MAX], size_t *n)
{
	int count = 0;

	for (size_t i = 0; i < keys->n; i++) {
		size_t j = 0, k = 0;

		while (j < s->n && strcmp(s->keyid[j], keys->key[i].keyid) != 0)
			j++;
		while (k < *n && strcmp(out[k].keyid, keys->key[i].keyid) != 0)
			k++;
		count += j < s->n;
		if (j < s->n && k == *n && *n < TRUST_KEYS_MAX)
			out[(*n)++] = keys->key[i];
	}
	return count;
}

static int too_few(const struct trust_signers *s, int have, struct errinfo *err)
{
	return errinfo_set(err, -ENOKEY,
			   "role '%s' needs %d of its %zu keys to sign, here "
			   "are %d (it begins with key %.8s)",
			   s->role, s->threshold, s->n, have, s->keyid[0]);
}

static int pick_keys(struct commit *t, const char *role,
		     struct trust_key out[TRUST_KEYS_MAX], size_t *n,
		     struct errinfo *err)
{
	const struct trust_root *newest = t->m->next ? t->m->next : t->m->root;
	struct trust_signers s;
	int have, rc;

	*n = 0;
	if (is_top(role)) {
		s = *trust_root_signers(newest, role);
	} else {
		rc = delegated_signers(t->m, role, &s, err);
		if (rc)
			return rc;
	}
	have = add_keys(t->keys, &s, out, n);
	if (have < s.threshold)
		return too_few(&s, have, err);
	if (newest != t->m->root && is_top(role)) {
		s = *trust_root_signers(t->m->root, role);
		if (add_keys(t->keys, &s, out, n) < s.threshold)
			t->root_first = 1;
	}
	return 0;
}

/* ---- signing ------------------------------------------------------------------ */

/* A number that was never used, also not by a commit that died. */
static int next_version(const struct meta *m, const struct meta_part *p)
{
	int version = p->version;

	if (!strcmp(p->name, "timestamp"))
		return version + 1;
	for (;;) {
		auto_free char *path = meta_path(m->repo, ++version, p->name);

		if (!path || access(path, F_OK))
			return version;
	}
}

static uint64_t valid_sec(const struct meta_times *times, const char *role)
{
	if (!strcmp(role, "timestamp"))
		return times->timestamp_sec;
	if (!strcmp(role, "snapshot"))
		return times->snapshot_sec;
	return times->targets_sec;
}

static int sign_part(struct commit *t, struct meta_part *p, struct errinfo *err)
{
	struct trust_key keys[TRUST_KEYS_MAX];
	char expires[CLOCK_ISO];
	size_t n = 0;
	int rc = pick_keys(t, p->name, keys, &n, err);

	if (rc)
		return rc;
	clock_format(t->now_ms + (int64_t)valid_sec(t->times, p->name) * 1000,
		     expires);
	p->new_version = next_version(t->m, p);
	if (json_object_set_new(p->body, "version", json_integer(p->new_version)) ||
	    json_object_set_new(p->body, "expires", json_string(expires)) ||
	    json_object_set_new(p->body, "spec_version",
				json_string(TRUST_TUF_SPEC)))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	free(p->doc);
	p->doc = NULL;
	if (!rc)
		rc = trust_sign_max(p->body, keys, n, TUF_META_MAX, &p->doc, err);
	for (size_t i = 0; i < n; i++)
		trust_key_wipe(&keys[i]);
	return rc ? errinfo_wrap(err, rc, "role '%s'", p->name) : 0;
}

static void describe(const struct meta_part *p, struct tuf_file *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->name, sizeof(f->name), "%s.json", p->name);
	f->version = p->new_version;
	f->length = strlen(p->doc);
	hash_bytes_hex(p->doc, strlen(p->doc), f->sha256);
}

/* What the snapshot lists stays listed (TUF 5.5.5); roles signed now move on. */
static int fill_snapshot(struct meta *m, struct errinfo *err)
{
	struct meta_part *s = &m->part[META_PART_SNAPSHOT];
	struct tuf_file file[ARRAY_SIZE(m->part)];
	json_t *fresh, *meta;
	size_t n = 0;
	int r;

	for (size_t i = META_PART_TARGETS; i < m->n_parts; i++)
		if (m->part[i].doc)
			describe(&m->part[i], &file[n++]);
	fresh = tuf_snapshot_body(1, 0, file, n);
	if (!fresh)
		return errinfo_set(err, -ENOMEM, "out of memory");
	meta = json_object_get(s->body, "meta");
	if (!meta) {
		s->body = fresh;
		return 0;
	}
	r = json_object_update(meta, json_object_get(fresh, "meta"));
	json_decref(fresh);
	return r ? errinfo_set(err, -ENOMEM, "out of memory") : 0;
}

static int fill_timestamp(struct meta *m, struct errinfo *err)
{
	struct meta_part *t = &m->part[META_PART_TIMESTAMP];
	const struct meta_part *s = &m->part[META_PART_SNAPSHOT];
	struct tuf_file file;
	json_t *fresh;

	if (!s->doc)
		return 0; /* the same snapshot, for longer */
	describe(s, &file);
	fresh = tuf_timestamp_body(1, 0, &file);
	if (!fresh)
		return errinfo_set(err, -ENOMEM, "out of memory");
	json_decref(t->body);
	t->body = fresh;
	return 0;
}

static int sign_all(struct commit *t, struct errinfo *err)
{
	struct meta *m = t->m;
	struct meta_part *s = &m->part[META_PART_SNAPSHOT];
	struct meta_part *ts = &m->part[META_PART_TIMESTAMP];
	int rc = 0;

	for (size_t i = META_PART_TARGETS; i < m->n_parts && !rc; i++) {
		if (!m->part[i].changed)
			continue;
		rc = sign_part(t, &m->part[i], err);
		s->changed = 1;
	}
	if (!rc && s->changed) {
		rc = fill_snapshot(m, err);
		if (!rc)
			rc = sign_part(t, s, err);
		ts->changed = 1;
	}
	if (!rc && ts->changed) {
		rc = fill_timestamp(m, err);
		if (!rc)
			rc = sign_part(t, ts, err);
	}
	return rc;
}

/* ---- checking ------------------------------------------------------------------ */

static int check_role_fresh(const struct tuf_client *c, const char *role,
			    int64_t now_ms, struct errinfo *err)
{
	const json_t *body = tuf_client_body(c, role);
	const char *expires = json_string_value(json_object_get(body, "expires"));
	int64_t at;

	if (expires && !clock_parse(expires, &at) && at > now_ms)
		return 0;
	return errinfo_set(err, -ESTALE,
			   "%s metadata expired at %s: no client takes anything "
			   "until it is signed anew (see imagerepo(8), %s)",
			   role, expires ? expires : "?",
			   strcmp(role, "root") != 0 ? "refresh" : "root");
}

/* Other maintainers' metadata may have expired: that is theirs to mend. */
static int check_all(const struct commit *t, struct errinfo *err)
{
	static const char *const roles[] = { "root", META_TARGETS_ROLE,
					     "snapshot", "timestamp" };
	struct tuf_client *c = NULL;
	int rc = meta_client(t->m, t->m->root_doc, t->m->root_len, &c, err);

	if (rc)
		return errinfo_wrap(err, rc, "as it would be then");
	for (size_t i = 0; i < ARRAY_SIZE(roles) && !rc; i++)
		rc = check_role_fresh(c, roles[i], t->now_ms, err);
	tuf_client_free(c);
	return rc;
}

/* ---- writing ------------------------------------------------------------------- */

static int write_doc(const struct meta *m, int version, const char *role,
		     const char *doc, struct errinfo *err)
{
	auto_free char *path = meta_path(m->repo, version, role);

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return fileio_write_atomic(path, doc, strlen(doc), 0644, err);
}

static int copy_one(const struct meta *m, const char *name, struct errinfo *err)
{
	auto_free char *from_dir = tool_join(m->from, META_DIR);
	auto_free char *to_dir = tool_join(m->repo, META_DIR);
	auto_free char *from = from_dir ? tool_join(from_dir, name) : NULL;
	auto_free char *to = to_dir ? tool_join(to_dir, name) : NULL;
	auto_free char *data = NULL;
	size_t len;
	int rc;

	if (!from || !to)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_read(from, TUF_META_MAX, &data, &len, err);
	return rc ? rc : fileio_write_atomic(to, data, len, 0644, err);
}

static int is_numbered(const struct dirent *e)
{
	return e->d_name[0] >= '1' && e->d_name[0] <= '9';
}

/* The seed, but for its timestamp, which makes it a repository. */
static int copy_seed(const struct meta *m, struct errinfo *err)
{
	auto_free char *dir = tool_join(m->from, META_DIR);
	struct dirent **list = NULL;
	int n = dir ? scandir(dir, &list, is_numbered, alphasort) : -1, rc = 0;

	if (n < 0)
		return errinfo_set_errno(err, -errno, "%s/" META_DIR, m->from);
	for (int i = 0; i < n; i++) {
		if (!rc)
			rc = copy_one(m, list[i]->d_name, err);
		free(list[i]);
	}
	free(list);
	return rc;
}

static int write_roots(const struct meta *m, struct errinfo *err)
{
	int rc = 0;

	if (!m->empty && meta_first_root(m->repo) == 0)
		rc = write_doc(m, trust_root_version(m->root), "root",
			       m->root_doc, err);
	if (!rc && m->next)
		rc = write_doc(m, trust_root_version(m->next), "root",
			       m->next_doc, err);
	return rc;
}

static int write_parts(const struct meta *m, struct errinfo *err)
{
	int rc = 0;

	for (size_t i = m->n_parts; i-- > 0 && !rc;)
		if (m->part[i].doc && i != META_PART_TIMESTAMP)
			rc = write_doc(m, m->part[i].new_version,
				       m->part[i].name, m->part[i].doc, err);
	if (rc)
		return rc;
	if (m->part[META_PART_TIMESTAMP].doc)
		return write_doc(m, 0, "timestamp",
				 m->part[META_PART_TIMESTAMP].doc, err);
	return m->empty ? copy_one(m, "timestamp.json", err) : 0;
}

static int write_all(const struct commit *t, struct errinfo *err)
{
	const struct meta *m = t->m;
	int first = t->root_first || !m->next, rc = 0;

	if (m->empty)
		rc = copy_seed(m, err);
	if (!rc && first)
		rc = write_roots(m, err);
	if (!rc)
		rc = write_parts(m, err);
	if (!rc && !first)
		rc = write_roots(m, err);
	return rc;
}

/* ---- the whole ------------------------------------------------------------------- */

/* Versions of snapshots and numbers in force follow what was written. */
static void settle(struct meta *m)
{
	for (size_t i = 0; i < m->n_parts; i++) {
		struct meta_part *p = &m->part[i];

		if (p->doc)
			p->version = p->new_version;
		p->changed = 0;
		free(p->doc);
		p->doc = NULL;
	}
	m->empty = 0;
}

int meta_commit(struct meta *m, const struct meta_keys *keys,
		const struct meta_times *times, int64_t now_ms, int dry_run,
		struct errinfo *err)
{
	struct commit t = { .m = m, .keys = keys, .times = times, .now_ms = now_ms };
	int changed = m->empty || m->next, rc;

	for (size_t i = 0; i < m->n_parts; i++)
		changed |= m->part[i].changed;
	if (!changed)
		return 0;
	rc = sign_all(&t, err);
	if (!rc)
		rc = check_all(&t, err);
	if (!rc && !dry_run && m->lock_fd < 0)
		rc = errinfo_set(err, -EINVAL, "opened for reading only");
	if (!rc && !dry_run)
		rc = write_all(&t, err);
	if (!rc && !dry_run)
		settle(m);
	return rc ? errinfo_wrap(err, rc, "metadata") : 0;
}

static int same_signers(const struct trust_root *a, const struct trust_root *b,
			const char *role)
{
	const struct trust_signers *x = trust_root_signers(a, role);
	const struct trust_signers *y = trust_root_signers(b, role);

	if (x->n != y->n || x->threshold != y->threshold)
		return 0;
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->keyid[i], y->keyid[i]) != 0)
			return 0;
	return 1;
}

int meta_set_root(struct meta *m, const void *doc, size_t len, struct errinfo *err)
{
	int rc = trust_root_update(m->root, doc, len, &m->next, err);

	if (rc)
		return rc;
	if (!trust_root_signers(m->next, META_TARGETS_ROLE))
		return errinfo_set(err, -EBADMSG, "has no role 'targets'");
	m->next_doc = strndup(doc, len);
	m->next_len = len;
	if (!m->next_doc)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i <= META_PART_TARGETS; i++)
		if (!same_signers(m->root, m->next, m->part[i].name))
			m->part[i].changed = 1;
	return 0;
}
