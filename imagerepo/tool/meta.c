/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata of a repository: found, verified, read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "meta-private.h"
#include "parse.h"
#include "tool.h"

char *meta_path(const char *dir, int version, const char *role)
{
	char *path = NULL;
	int r;

	if (!strcmp(role, "timestamp"))
		r = asprintf(&path, "%s/" META_TIMESTAMP, dir);
	else
		r = asprintf(&path, "%s/" META_DIR "/%d.%s.json", dir, version,
			     role);
	return r < 0 ? NULL : path;
}

int meta_first_root(const char *dir)
{
	auto_free char *path = tool_join(dir, META_DIR);
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;
	int first = 0;

	while (d && (e = readdir(d)) != NULL) {
		char *dot = strchr(e->d_name, '.');
		int n;

		if (!dot || strcmp(dot, ".root.json") != 0)
			continue;
		*dot = '\0';
		if (!parse_int(e->d_name, 1, INT32_MAX, &n) &&
		    (!first || n < first))
			first = n;
	}
	if (d)
		closedir(d);
	return first;
}

/* ---- reading -------------------------------------------------------------- */

/* What commit made, if this is its name. */
static const char *in_memory(const struct meta *m, const char *path)
{
	char name[TUF_PATH];

	if (m->next_doc) {
		snprintf(name, sizeof(name), META_DIR "/%d.root.json",
			 trust_root_version(m->next));
		if (!strcmp(name, path))
			return m->next_doc;
	}
	for (size_t i = 0; i < m->n_parts; i++) {
		const struct meta_part *p = &m->part[i];

		if (i == META_PART_TIMESTAMP)
			strcpy(name, META_TIMESTAMP);
		else
			snprintf(name, sizeof(name), META_DIR "/%d.%s.json",
				 p->new_version, p->name);
		if (p->doc && !strcmp(name, path))
			return p->doc;
	}
	return NULL;
}

static int feed_one(const struct meta *m, struct tuf_client *c,
		    const struct tuf_want *want, struct errinfo *err)
{
	const char *doc = in_memory(m, want->path);
	auto_free char *path = tool_join(m->from, want->path);
	auto_free char *data = NULL;
	struct errinfo why = ERRINFO_INIT;
	size_t len;
	int rc;

	if (doc)
		return tuf_client_feed(c, doc, strlen(doc), err);
	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_read(path, want->max, &data, &len, &why);
	if (rc == -ENOENT)
		return tuf_client_absent(c, err);
	if (rc)
		return errinfo_set(err, rc, "%s", why.text);
	return tuf_client_feed(c, data, len, err);
}

int meta_client(const struct meta *m, const void *root, size_t len,
		struct tuf_client **out, struct errinfo *err)
{
	/* long before anything expires */
	struct tuf_how how = { .root = root, .root_len = len, .now_ms = 1 };
	struct tuf_client *c = NULL;
	struct tuf_want want;
	int rc = tuf_client_new(&how, &c, err);

	while (!rc && (rc = tuf_client_next(c, &want)) == 1)
		rc = feed_one(m, c, &want, err);
	if (rc) {
		tuf_client_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

int meta_part_add(struct meta *m, const char *name, const json_t *body)
{
	struct meta_part *p = &m->part[m->n_parts];

	if (m->n_parts == ARRAY_SIZE(m->part))
		return -EFBIG;
	memset(p, 0, sizeof(*p));
	strcpy(p->name, name); /* names of roles are bounded */
	if (body) {
		p->body = json_deep_copy(body);
		p->version =
			(int)json_integer_value(json_object_get(body, "version"));
	}
	m->n_parts++;
	return body && !p->body ? -ENOMEM : 0;
}

static int set_root(struct meta *m, const char *doc, size_t len,
		    const json_t *body, struct errinfo *err)
{
	int rc = trust_root_load(doc, len, 0, &m->root, err);

	if (rc)
		return rc;
	m->root_doc = strndup(doc, len);
	m->root_len = len;
	m->root_body = body ? json_deep_copy(body) : NULL;
	return m->root_doc ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

static int take_parts(struct meta *m, const struct tuf_client *c,
		      struct errinfo *err)
{
	static const char *const names[] = { "timestamp", "snapshot" };
	size_t len;
	const char *doc = tuf_client_root(c, &len), *role;
	int rc = set_root(m, doc, len, tuf_client_body(c, "root"), err);

	for (size_t i = 0; i < ARRAY_SIZE(names) && !rc; i++)
		rc = meta_part_add(m, names[i], tuf_client_body(c, names[i]));
	for (size_t i = 0; !rc && (role = tuf_client_role(c, i)) != NULL; i++)
		rc = meta_part_add(m, role, tuf_client_body(c, role));
	return rc ? errinfo_set_errno(err, rc, "metadata") : 0;
}

static int read_all(struct meta *m, const char *root_path, struct errinfo *err)
{
	auto_free char *first = NULL, *doc = NULL;
	struct tuf_client *c = NULL;
	size_t len;
	int rc;

	if (!root_path) {
		first = meta_path(m->from, meta_first_root(m->from), "root");
		root_path = first;
	}
	if (!root_path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_read(root_path, TRUST_DOC_MAX, &doc, &len, err);
	if (!rc)
		rc = meta_client(m, doc, len, &c, err);
	if (!rc)
		rc = take_parts(m, c, err);
	tuf_client_free(c);
	return rc ? errinfo_wrap(err, rc, "%s", m->from) : 0;
}

/* The lock is on the directory itself: no file that a web server would show. */
static int lock(struct meta *m, struct errinfo *err)
{
	auto_free char *dir = tool_join(m->repo, META_DIR);
	int rc;

	if (!dir)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_mkdirs(dir, 0755, err);
	if (rc)
		return rc;
	m->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->lock_fd < 0 || flock(m->lock_fd, LOCK_EX))
		return errinfo_set_errno(err, -errno, "%s", dir);
	return 0;
}

static int has_metadata(const char *dir)
{
	auto_free char *path = tool_join(dir, META_TIMESTAMP);

	return path && !access(path, F_OK);
}

static struct meta *new_meta(const char *repo)
{
	struct meta *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->lock_fd = -1;
	m->repo = strdup(repo);
	m->from = strdup(repo);
	if (m->repo && m->from)
		return m;
	meta_close(m);
	return NULL;
}

static int choose_source(struct meta *m, const struct meta_how *how,
			 struct errinfo *err)
{
	if (has_metadata(how->repo))
		return 0;
	if (!how->seed)
		return errinfo_set(err, -ENOENT,
				   "%s: no repository there (no " META_TIMESTAMP
				   ")",
				   how->repo);
	if (!has_metadata(how->seed))
		return errinfo_set(err, -ENOENT,
				   "%s has no metadata, and %s none to begin "
				   "with; use the directory that `imagerepo "
				   "init` made",
				   how->repo, how->seed);
	free(m->from);
	m->from = strdup(how->seed);
	m->empty = 1;
	return m->from ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

int meta_open(const struct meta_how *how, struct meta **out, struct errinfo *err)
{
	struct meta *m = new_meta(how->repo);
	int rc = m ? 0 : errinfo_set(err, -ENOMEM, "out of memory");

	if (!rc && how->write && (how->seed || has_metadata(how->repo)))
		rc = lock(m, err);
	if (!rc)
		rc = choose_source(m, how, err);
	if (!rc)
		rc = read_all(m, how->root, err);
	if (rc) {
		meta_close(m);
		return rc;
	}
	*out = m;
	return 0;
}

int meta_create(const char *repo, const void *root, size_t len,
		struct meta **out, struct errinfo *err)
{
	struct meta *m = new_meta(repo);
	int rc = m ? lock(m, err) : errinfo_set(err, -ENOMEM, "out of memory");

	if (!rc && has_metadata(repo))
		rc = errinfo_set(err, -EEXIST, "%s has metadata already", repo);
	if (!rc)
		rc = set_root(m, root, len, NULL, err);
	if (!rc)
		rc = meta_part_add(m, "timestamp", NULL);
	if (!rc)
		rc = meta_part_add(m, "snapshot", NULL);
	if (!rc)
		rc = meta_part_add(m, META_TARGETS_ROLE, NULL);
	if (rc) {
		meta_close(m);
		return rc;
	}
	*out = m;
	return 0;
}

void meta_close(struct meta *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_parts; i++) {
		json_decref(m->part[i].body);
		free(m->part[i].doc);
	}
	json_decref(m->root_body);
	trust_root_free(m->root);
	trust_root_free(m->next);
	free(m->root_doc);
	free(m->next_doc);
	free(m->repo);
	free(m->from);
	cleanup_close(&m->lock_fd);
	free(m);
}
