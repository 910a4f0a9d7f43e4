/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of contents: text to structs and back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "contents.h"
#include "parse.h"

#define HEAD  "nightshift-contents 1\n"
#define WORDS 6 /* at most, in a line */

/* ---- printing ------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	const struct contents_package *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->arch, y->arch);
}

static int by_path(const void *a, const void *b)
{
	const struct contents_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static void add_word(struct buf *b, const char *word, char end)
{
	for (const unsigned char *p = (const unsigned char *)word; *p; p++) {
		if (*p < 0x21 || *p == '\\' || *p == 0x7f)
			buf_addf(b, "\\x%02x", *p);
		else
			buf_add(b, p, 1);
	}
	buf_add(b, &end, 1);
}

static int sort(struct contents *c, struct errinfo *err)
{
	if (c->n_packages)
		qsort(c->packages, c->n_packages, sizeof(*c->packages), by_name);
	if (c->n_files)
		qsort(c->files, c->n_files, sizeof(*c->files), by_path);
	for (size_t i = 1; i < c->n_packages; i++)
		if (!by_name(&c->packages[i - 1], &c->packages[i]))
			return errinfo_set(err, -EEXIST,
					   "package %s is there twice",
					   c->packages[i].name);
	for (size_t i = 1; i < c->n_files; i++)
		if (!by_path(&c->files[i - 1], &c->files[i]))
			return errinfo_set(err, -EEXIST, "%.200s is there twice",
					   c->files[i].path);
	return 0;
}

int imagerepo_contents_print(struct contents *c, char **doc, size_t *len,
			     struct errinfo *err)
{
	auto_buf struct buf b = BUF_INIT_MAX(CONTENTS_MAX);
	int rc = sort(c, err);

	if (rc)
		return rc;
	buf_adds(&b, HEAD);
	for (size_t i = 0; i < c->n_packages; i++) {
		const struct contents_package *p = &c->packages[i];

		buf_adds(&b, "package\t");
		add_word(&b, p->name, '\t');
		add_word(&b, p->version, '\t');
		add_word(&b, p->arch, '\t');
		buf_addf(&b, "%" PRIu64 "\n", p->kib);
	}
	for (size_t i = 0; i < c->n_files; i++) {
		const struct contents_file *f = &c->files[i];

		buf_adds(&b, "file\t");
		add_word(&b, f->path, '\t');
		buf_addf(&b, "%06o\t%" PRIu32 ":%" PRIu32 "\t%" PRIu64 "\t",
			 f->mode, f->uid, f->gid, f->size);
		add_word(&b, f->what, '\n');
	}
	if (b.rc)
		return errinfo_set_errno(err, b.rc, "list of contents");
	*len = b.len;
	*doc = buf_take(&b);
	return 0;
}

/* ---- parsing ------------------------------------------------------------- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* In place. Exactly what had to be escaped may be. */
static int unescape(char *s)
{
	char *to = s;

	while (*s) {
		int hi, lo, c;

		if (*s != '\\') {
			*to++ = *s++;
			continue;
		}
		if (s[1] != 'x' || (hi = hex_digit(s[2])) < 0 ||
		    (lo = hex_digit(s[3])) < 0)
			return -EBADMSG;
		c = hi * 16 + lo;
		if (!c || (c > 0x20 && c != '\\' && c != 0x7f))
			return -EBADMSG;
		*to++ = (char)c;
		s += 4;
	}
	*to = '\0';
	return 0;
}

static int split(char *line, char *words[WORDS])
{
	int n = 0;

	for (char *word = line; word; n++) {
		if (n == WORDS)
			return -1;
		words[n] = strsep(&word, "\t");
		for (const char *p = words[n]; *p; p++)
			if ((unsigned char)*p < 0x21 || *p == 0x7f)
				return -1;
		if (!words[n][0] || unescape(words[n]))
			return -1;
	}
	return n;
}

static int parse_owner(char *word, struct contents_file *f)
{
	char *gid = strchr(word, ':');
	uint64_t v;

	if (!gid)
		return -EBADMSG;
	*gid++ = '\0';
	if (parse_u64(word, 0, UINT32_MAX, &v))
		return -EBADMSG;
	f->uid = (uint32_t)v;
	if (parse_u64(gid, 0, UINT32_MAX, &v))
		return -EBADMSG;
	f->gid = (uint32_t)v;
	return 0;
}

static int parse_file(char *words[WORDS], int n, struct contents *c)
{
	struct contents_file f = { 0 };
	unsigned int mode = 0;

	if (n != 6 || words[1][0] != '/' ||
	    strlen(words[1]) >= CONTENTS_PATH_MAX || strlen(words[2]) != 6)
		return -EBADMSG;
	for (const char *p = words[2]; *p; p++) {
		if (*p < '0' || *p > '7')
			return -EBADMSG;
		mode = mode * 8 + (unsigned int)(*p - '0');
	}
	f.path = words[1];
	f.mode = mode;
	f.what = words[5];
	if (parse_owner(words[3], &f) ||
	    parse_u64(words[4], 0, INT64_MAX, &f.size))
		return -EBADMSG;
	if (c->n_files && strcmp(c->files[c->n_files - 1].path, f.path) >= 0)
		return -EBADMSG;
	c->files[c->n_files++] = f;
	return 0;
}

static int parse_package(char *words[WORDS], int n, struct contents *c)
{
	struct contents_package p = { 0 };

	if (n != 5 || c->n_files)
		return -EBADMSG;
	p.name = words[1];
	p.version = words[2];
	p.arch = words[3];
	if (parse_u64(words[4], 0, INT64_MAX, &p.kib))
		return -EBADMSG;
	if (c->n_packages && by_name(&c->packages[c->n_packages - 1], &p) >= 0)
		return -EBADMSG;
	c->packages[c->n_packages++] = p;
	return 0;
}

static int parse_lines(char *text, struct contents *c, struct errinfo *err)
{
	char *words[WORDS];
	int line = 1;

	for (char *next; *text; text = next) {
		int n, rc = -EBADMSG;

		next = strchr(text, '\n');
		line++;
		if (next) {
			*next++ = '\0';
			n = split(text, words);
			if (n > 0 && !strcmp(words[0], "file"))
				rc = parse_file(words, n, c);
			else if (n > 0 && !strcmp(words[0], "package"))
				rc = parse_package(words, n, c);
		}
		if (rc)
			return errinfo_set(
				err, rc, "list of contents: bad line %d", line);
	}
	return 0;
}

/* Room for as many as there are lines. */
static int make_room(struct contents *c, const char *text)
{
	size_t lines = 1;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	c->packages = calloc(lines, sizeof(*c->packages));
	c->files = calloc(lines, sizeof(*c->files));
	return c->packages && c->files ? 0 : -ENOMEM;
}

int imagerepo_contents_parse(const void *doc, size_t len, struct contents **out,
			     struct errinfo *err)
{
	size_t head = strlen(HEAD);
	struct contents *c;
	int rc;

	if (len > CONTENTS_MAX || len < head || memcmp(doc, HEAD, head) != 0 ||
	    memchr(doc, '\0', len))
		return errinfo_set(err, -EBADMSG, "not a list of contents");
	c = calloc(1, sizeof(*c));
	if (c)
		c->strings = strndup((const char *)doc + head, len - head);
	if (!c || !c->strings || make_room(c, c->strings)) {
		imagerepo_contents_free(c);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = parse_lines(c->strings, c, err);
	if (rc)
		imagerepo_contents_free(c);
	else
		*out = c;
	return rc;
}

void imagerepo_contents_free(struct contents *c)
{
	if (!c)
		return;
	free(c->packages);
	free(c->files);
	free(c->strings);
	free(c);
}
