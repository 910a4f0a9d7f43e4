/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: everything that can be reached, as a client would take it: metadata
 * as a TUF client, manifests, indexes, each blob by size and SHA-256.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blobset.h"
#include "cleanup.h"
#include "cmd.h"
#include "tool.h"
#include "view.h"

struct verify {
	struct view_how how;
	struct view v;
	int json, present;
	struct blobset blobs;
	json_t *problems, *targets;
	uint64_t bytes;
};

static const struct {
	int rc;
	const char *what;
} to_do[] = {
	{ -ESTALE, "sign anew: imagerepo refresh" },
	{ -ENOKEY, "the keys of another grid? give the right --root" },
	{ -EPERM, "a rollback: ask who changed the repository" },
	{ -ENOENT, "restore the file, or publish the image again" },
	{ -ECONNREFUSED, "see that the server runs and is the right one" },
	{ -ETIMEDOUT, "see that the server runs and is the right one" },
};

static void problem(struct verify *v, const char *where, int rc,
		    const struct errinfo *err)
{
	const char *what = "delete the file, then publish the image again";

	for (size_t i = 0; i < ARRAY_SIZE(to_do); i++)
		if (to_do[i].rc == rc)
			what = to_do[i].what;
	json_array_append_new(
		v->problems, json_pack("{s:s, s:s, s:s}", "where", where, "what",
				       errinfo_text(err, rc), "do", what));
	if (!v->json)
		printf("BAD %s\n    %s\n    to do: %s\n", where,
		       errinfo_text(err, rc), what);
}

static int blob_done(const struct image_blob *b, int rc, int took,
		     const struct errinfo *why, void *arg)
{
	struct verify *v = arg;
	char path[IMAGE_PATH];

	(void)took;
	imagerepo_blob_file(b->sha256, path);
	if (rc)
		problem(v, path, rc, why);
	else
		v->bytes += b->size;
	return 0;
}

static int tick(uint64_t now, void *arg)
{
	const struct verify *v = arg;
	char size[TOOL_SIZE];

	if (isatty(STDERR_FILENO) && !v->json)
		fprintf(stderr, "\r%s ", tool_size(v->bytes + now, size));
	return 0;
}

static int add_index(struct verify *v, const struct image_manifest *m)
{
	struct errinfo why = ERRINFO_INIT;
	struct index *ix = NULL;
	char path[IMAGE_PATH];
	int rc = blobset_index(v->v.from, &m->index, &ix, &why);

	if (!rc && imagerepo_index_disk_size(ix) != m->disk_size)
		rc = errinfo_set(&why, -EBADMSG, "is for a disk of another size");
	imagerepo_blob_file(m->index.sha256, path);
	if (rc)
		problem(v, path, rc, &why);
	else
		rc = blobset_add_packs(&v->blobs, ix);
	imagerepo_index_free(ix);
	return rc == -ENOMEM ? rc : 0;
}

static int add_target(struct verify *v, const struct tuf_target *t)
{
	struct errinfo why = ERRINFO_INIT;
	struct image_manifest m;
	int rc = follow_manifest(v->v.from, t, NULL, NULL, &m, &why);

	/* A mirror has some of the images; no deltas, no lists of contents. */
	if (rc == -ENOENT && v->present)
		return 0;
	if (rc) {
		problem(v, t->file, rc, &why);
		return 0;
	}
	json_array_append_new(v->targets,
			      json_pack("{s:s, s:s, s:s, s:s, s:s}", "target",
					t->path, "image", m.name, "version",
					m.version, "manifest", t->sha256,
					"maintainer", t->role));
	rc = blobset_add_fixed(&v->blobs, &m);
	if (!rc && !v->present)
		rc = blobset_add(&v->blobs, &m.contents);
	if (!rc && !v->present)
		rc = blobset_add_deltas(&v->blobs, &m);
	return rc ? rc : add_index(v, &m);
}

static int add_targets(struct verify *v, int argc, char **argv,
		       struct errinfo *err)
{
	const struct tuf_target *t;
	struct wanted w;
	int rc = 0;

	if (!argc || (argc == 1 && !strcmp(argv[0], "all"))) {
		for (size_t i = 0; !rc && (t = tuf_client_each(v->v.c, i)); i++)
			rc = add_target(v, t);
		return rc;
	}
	for (int i = 0; i < argc && !rc; i++) {
		rc = wanted_parse(argv[i], &w, err);
		if (!rc)
			rc = wanted_find(&w, v->v.c, &t, err);
		if (!rc)
			rc = add_target(v, t);
	}
	return rc;
}

static void report(struct verify *v)
{
	size_t bad = json_array_size(v->problems), i;
	char size[TOOL_SIZE];
	json_t *out, *t;

	if (isatty(STDERR_FILENO) && !v->json)
		fputs("\r\033[K", stderr);
	if (!v->json) {
		json_array_foreach(v->targets, i, t) printf(
			"%s  %s  %s %s\n", bad ? "-- " : "ok ",
			json_string_value(json_object_get(t, "target")),
			json_string_value(json_object_get(t, "version")),
			json_string_value(json_object_get(t, "maintainer")));
		printf("%zu problem%s, %zu blobs, %s read\n", bad,
		       bad == 1 ? "" : "s", v->blobs.n,
		       tool_size(v->bytes, size));
		return;
	}
	out = json_pack("{s:b, s:O, s:O, s:I}", "ok", !bad, "targets", v->targets,
			"problems", v->problems, "bytes", (json_int_t)v->bytes);
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

static int run(struct verify *v, int argc, char **argv, struct errinfo *err)
{
	const struct fetch_hooks hooks = { blob_done, tick, v };
	int rc = view_open(&v->how, &v->v, err);

	/* Metadata that is refused is a finding, and the end. */
	if (rc && rc != -ENOMEM) {
		problem(v, "metadata", rc, err);
		report(v);
		return 0;
	}
	if (!rc)
		rc = add_targets(v, argc, argv, err);
	if (!rc)
		rc = blobset_unique(&v->blobs);
	if (!rc)
		rc = fetch_blobs(v->v.from, v->blobs.blob, v->blobs.n, NULL,
				 &hooks, err);
	if (!rc)
		report(v);
	return rc;
}

int tool_verify(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		VIEW_OPTIONS,
		{ "json", no_argument, NULL, 'j' },
		{ "present", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	struct errinfo err = ERRINFO_INIT;
	struct verify v = { 0 };
	int c, rc, bad;

	(void)arg;
	while ((c = getopt_long(argc, argv, VIEW_SHORT "jp", options, NULL)) !=
	       -1) {
		rc = view_option(&v.how, c, optarg);
		if (rc == 1 && c == 'j')
			v.json = 1;
		else if (rc == 1 && c == 'p')
			v.present = 1;
		else if (rc)
			return rc == 1 ? cmd_misuse("see --help") : rc;
	}
	rc = view_defaults(&v.how);
	if (rc)
		return rc;
	v.problems = json_array();
	v.targets = json_array();
	rc = run(&v, argc - optind, argv + optind, &err);
	bad = json_array_size(v.problems) > 0;
	json_decref(v.problems);
	json_decref(v.targets);
	blobset_dispose(&v.blobs);
	view_close(&v.v);
	if (rc)
		return tool_fail(&err, rc);
	return bad ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}
