/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in an image: the lists of files, the database of dpkg(1).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "buf.h"
#include "build.h"
#include "cleanup.h"
#include "fileio.h"
#include "tool.h"

#define DPKG_STATUS "var/lib/dpkg/status"
#define DPKG_MAX    (256u << 20)
#define READ_BYTES  (256 * 1024)

/* ---- files.txt ----------------------------------------------------------- */

static void list_tree(struct buf *list, const char *role, const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_entry *e = &t->entries[i];

		buf_addf(list, "%s %06o %llu /%s%s%s\n", role, e->mode,
			 S_ISREG(e->mode) ? (unsigned long long)e->size : 0,
			 e->path, S_ISLNK(e->mode) ? " -> " : "",
			 S_ISLNK(e->mode) ? e->source : "");
	}
}

int build_write_list(const struct build *b, struct errinfo *err)
{
	auto_free char *path = tool_join(b->out, "files.txt");
	auto_buf struct buf list = BUF_INIT;

	list_tree(&list, "initrd", &b->initrd);
	list_tree(&list, "root", &b->root);
	if (!path || list.rc)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return fileio_write_atomic(path, list.len ? list.data : "", list.len,
				   0644, err);
}

/* ---- packages ------------------------------------------------------------ */

/* One "Name: value" of a stanza; ends lines with NULs as it goes. */
static void take_field(struct contents_package *p, int *installed, char *line)
{
	char *value = strchr(line, ':');

	if (!value || *line == ' ')
		return;
	*value++ = '\0';
	value += strspn(value, " ");
	if (!strcmp(line, "Package"))
		p->name = value;
	else if (!strcmp(line, "Version"))
		p->version = value;
	else if (!strcmp(line, "Architecture"))
		p->arch = value;
	else if (!strcmp(line, "Installed-Size"))
		p->kib = strtoull(value, NULL, 10);
	else if (!strcmp(line, "Status"))
		*installed = !!strstr(value, " installed");
}

static int end_stanza(struct contents_package **list, size_t *n, size_t *cap,
		      struct contents_package *p, int installed)
{
	struct contents_package *grown = *list;

	if (!p->name || !p->version || !p->arch || !installed)
		return 0;
	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 128;
		grown = reallocarray(grown, *cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*list = grown;
	}
	grown[(*n)++] = *p;
	return 0;
}

int build_packages(const struct build *b, struct contents_package **list,
		   size_t *n, char **text, struct errinfo *err)
{
	const struct tree_entry *e = tree_find(&b->root, DPKG_STATUS);
	struct contents_package p = { 0 };
	size_t cap = 0;
	int installed = 0, rc;

	*list = NULL;
	*text = NULL;
	*n = 0;
	if (!e || !S_ISREG(e->mode))
		return 0;
	rc = tree_read(e, DPKG_MAX, text, err);
	for (char *next = *text, *line; !rc && (line = strsep(&next, "\n"));) {
		if (*line) {
			take_field(&p, &installed, line);
			continue;
		}
		rc = end_stanza(list, n, &cap, &p, installed);
		memset(&p, 0, sizeof(p));
		installed = 0;
	}
	return rc == -ENOMEM ? errinfo_set(err, rc, "out of memory") : rc;
}

/* ---- contents ------------------------------------------------------------ */

static int hash_entry(const struct tree_entry *e, char hex[HASH_HEX],
		      struct errinfo *err)
{
	auto_free char *bytes = malloc(READ_BYTES);
	auto_close int fd = e->size ? tree_open(e, err) : -1;
	struct hash *h = hash_new();
	uint8_t digest[HASH_LEN];
	int rc = bytes && h ? 0 : errinfo_set(err, -ENOMEM, "out of memory");

	if (e->size && fd < 0)
		rc = fd;
	for (uint64_t left = e->size; left && !rc;) {
		size_t len = left < READ_BYTES ? left : READ_BYTES;

		rc = fileio_read_all(fd, bytes, len);
		if (rc)
			rc = errinfo_set_errno(err, rc, "%s", e->source);
		else
			hash_update(h, bytes, len);
		left -= len;
	}
	if (!rc) {
		hash_final(h, digest);
		format_hex(digest, HASH_LEN, hex);
	}
	hash_free(h);
	return rc;
}

/* Strings of one file's line; they live as long as the list. */
struct words {
	char path[TREE_PATH + 1];
	char what[TREE_PATH];
};

static int add_file(struct contents *c, const struct tree_entry *e,
		    struct words *w, struct errinfo *err)
{
	struct contents_file *f = &c->files[c->n_files];
	int rc = 0;

	snprintf(w->path, sizeof(w->path), "/%s", e->path);
	strcpy(w->what, "-");
	if (S_ISREG(e->mode))
		rc = hash_entry(e, w->what, err);
	else if (S_ISLNK(e->mode))
		snprintf(w->what, sizeof(w->what), "%s", e->source);
	else if (S_ISCHR(e->mode) || S_ISBLK(e->mode))
		snprintf(w->what, sizeof(w->what), "%u:%u", major(e->rdev),
			 minor(e->rdev));
	if (rc)
		return rc;
	f->path = strdup(w->path);
	f->what = strdup(w->what);
	f->mode = e->mode;
	f->uid = e->uid;
	f->gid = e->gid;
	f->size = S_ISREG(e->mode) ? e->size : 0;
	c->n_files++;
	return f->path && f->what ? 0
				  : errinfo_set(err, -ENOMEM, "out of memory");
}

static int add_files(const struct build *b, struct contents *c,
		     struct errinfo *err)
{
	auto_free struct words *w = malloc(sizeof(*w));
	int rc = 0;

	c->files = calloc(b->root.n + 1, sizeof(*c->files));
	if (!w || !c->files)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < b->root.n && !rc; i++)
		rc = add_file(c, &b->root.entries[i], w, err);
	return rc;
}

int build_write_contents(struct build *b, const char *to, struct errinfo *err)
{
	auto_free char *text = NULL, *doc = NULL;
	struct contents c = { 0 };
	size_t len;
	int rc;

	rc = build_packages(b, &c.packages, &c.n_packages, &text, err);
	if (!rc)
		rc = add_files(b, &c, err);
	if (!rc)
		rc = imagerepo_contents_print(&c, &doc, &len, err);
	if (!rc)
		rc = fileio_write_atomic(to, doc, len, 0644, err);
	for (size_t i = 0; i < c.n_files; i++) {
		free((char *)c.files[i].path);
		free((char *)c.files[i].what);
	}
	free(c.files);
	free(c.packages);
	return rc;
}
