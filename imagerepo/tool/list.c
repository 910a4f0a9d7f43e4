/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: what a repository holds, as its maintainers signed it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "cmd.h"
#include "tool.h"
#include "view.h"

struct row {
	char image[IMAGE_NAME], name[IMAGE_NAME];
	int is_channel;
	const struct tuf_target *t;
	struct image_manifest m;
	char error[ERRINFO_MAX];
};

struct rows {
	struct row *row;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = strcmp(x->image, y->image);

	if (!c)
		c = (x->m.created_ms < y->m.created_ms) -
		    (x->m.created_ms > y->m.created_ms);
	return c ? c : strcmp(x->name, y->name);
}

static int load_rows(const struct view *v, struct rows *rows, struct errinfo *err)
{
	const struct tuf_target *t;

	for (size_t i = 0; (t = tuf_client_each(v->c, i)); i++) {
		struct errinfo why = ERRINFO_INIT;
		struct row *more, *r;
		int rc;

		more = reallocarray(rows->row, rows->n + 1, sizeof(*more));
		if (!more)
			return errinfo_set(err, -ENOMEM, "out of memory");
		rows->row = more;
		r = &more[rows->n];
		memset(r, 0, sizeof(*r));
		if (target_split(t->path, r->image, r->name, &r->is_channel))
			continue;
		rows->n++;
		r->t = t;
		rc = follow_manifest(v->from, t, NULL, NULL, &r->m, &why);
		if (rc)
			snprintf(r->error, sizeof(r->error), "%s",
				 errinfo_text(&why, rc));
	}
	if (rows->n)
		qsort(rows->row, rows->n, sizeof(*rows->row), by_name);
	return 0;
}

static uint64_t stored_size(const struct image_manifest *m)
{
	return m->kernel.size + m->initrd.size + m->disk_stored;
}

static json_t *channels_of(const struct rows *rows, const struct row *image)
{
	json_t *names = json_array();

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->row[i];

		if (r->is_channel && !strcmp(r->image, image->image) &&
		    !strcmp(r->t->sha256, image->t->sha256))
			json_array_append_new(names, json_string(r->name));
	}
	return names;
}

static json_t *image_json(const struct rows *rows, const struct row *r)
{
	char created[CLOCK_ISO] = "";

	if (!r->error[0])
		clock_format(r->m.created_ms, created);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:s}",
			 "name", r->image, "version", r->name, "manifest",
			 r->t->sha256, "created", created, "maintainer",
			 r->t->role, "size", (json_int_t)stored_size(&r->m),
			 "disk", (json_int_t)r->m.disk_size, "bundle",
			 (json_int_t)r->m.bundle.size, "channels",
			 channels_of(rows, r), "error", r->error);
}

static json_t *channel_json(const struct row *r)
{
	const char *version = view_custom(r->t, "version");
	const char *previous = view_custom(r->t, "previous");
	const char *moved = view_custom(r->t, "moved");

	return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:s}", "image",
			 r->image, "channel", r->name, "version",
			 version ? version : r->m.version, "manifest",
			 r->t->sha256, "previous", previous, "moved",
			 moved ? moved : "", "error", r->error);
}

static void print_json(const struct view *v, const struct rows *rows)
{
	json_t *images = json_array(), *channels = json_array(), *out;
	char expires[CLOCK_ISO];

	for (size_t i = 0; i < rows->n; i++)
		if (rows->row[i].is_channel)
			json_array_append_new(channels,
					      channel_json(&rows->row[i]));
		else
			json_array_append_new(images,
					      image_json(rows, &rows->row[i]));
	clock_format(tuf_client_expires(v->c), expires);
	out = json_pack("{s:o, s:o, s:s}", "images", images, "channels",
			channels, "expires", expires);
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

static void print_image(const struct rows *rows, const struct row *r)
{
	json_t *channels = channels_of(rows, r), *name;
	auto_buf struct buf names = BUF_INIT;
	char size[TOOL_SIZE], created[CLOCK_ISO];
	size_t n;

	json_array_foreach(channels, n, name)
		buf_addf(&names, "%s%s", n ? ", " : "", json_string_value(name));
	json_decref(channels);
	clock_format(r->m.created_ms, created);
	printf("%-14s %-18s %-16s %10s  %.10s  %-14s  %.12s%s\n", r->image,
	       r->name, names.len ? names.data : "-",
	       tool_size(stored_size(&r->m), size), r->error[0] ? "" : created,
	       r->t->role, r->t->sha256, r->error[0] ? "  BAD" : "");
	if (r->error[0])
		printf("    %s\n", r->error);
}

static void print_rows(const struct view *v, const struct rows *rows)
{
	char expires[CLOCK_ISO];
	size_t images = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->row[i];

		if (r->is_channel)
			continue;
		if (!images++)
			printf("%-14s %-18s %-16s %10s  %-10s  %-14s  %s\n",
			       "IMAGE", "VERSION", "CHANNELS", "SIZE",
			       "CREATED", "MAINTAINER", "MANIFEST");
		print_image(rows, r);
	}
	if (!images)
		printf("no images\n");
	clock_format(tuf_client_expires(v->c), expires);
	printf("metadata expires %s\n", expires);
}

static void print_channels(const struct rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->row[i];
		const char *previous = view_custom(r->t, "previous");
		const char *moved = view_custom(r->t, "moved");

		if (!r->is_channel)
			continue;
		if (!n++)
			printf("%-30s %-18s %-18s %s\n", "CHANNEL", "VERSION",
			       "PREVIOUS", "MOVED");
		printf("%s:%-*s %-18s %-18s %s%s%s\n", r->image,
		       (int)(29 - strlen(r->image)), r->name, r->m.version,
		       previous ? previous : "-", moved ? moved : "-",
		       r->error[0] ? "  BAD " : "", r->error);
	}
	if (!n)
		printf("no channels\n");
}

static int list(int argc, char **argv, int only_channels)
{
	static const struct option options[] = {
		VIEW_OPTIONS,
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct errinfo err = ERRINFO_INIT;
	struct view_how how = { 0 };
	struct rows rows = { 0 };
	struct view v = { 0 };
	int c, rc, json = 0;

	while ((c = getopt_long(argc, argv, VIEW_SHORT "j", options, NULL)) !=
	       -1) {
		rc = view_option(&how, c, optarg);
		if (rc == 1 && c == 'j')
			json = 1;
		else if (rc)
			return rc == 1 ? cmd_misuse("see --help") : rc;
	}
	if (argc != optind)
		return cmd_misuse("no arguments, only options");
	rc = view_defaults(&how);
	if (rc)
		return rc;
	rc = view_open(&how, &v, &err);
	if (!rc)
		rc = load_rows(&v, &rows, &err);
	if (!rc && json)
		print_json(&v, &rows);
	else if (!rc && only_channels)
		print_channels(&rows);
	else if (!rc)
		print_rows(&v, &rows);
	free(rows.row);
	view_close(&v);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}

int tool_list(int argc, char **argv, void *arg)
{
	(void)arg;
	return list(argc, argv, 0);
}

int tool_channel_list(int argc, char **argv, void *arg)
{
	(void)arg;
	return list(argc, argv, 1);
}
