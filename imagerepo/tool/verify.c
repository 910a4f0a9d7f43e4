/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: follows every channel to its blobs and reports all that is wrong,
 * each with what, where, and what to do.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "source.h"
#include "tool.h"

struct verify {
	const char *repo, *url, *root_path, *what;
	int json;

	struct source src;
	struct trust_root *root;
	int64_t now_ms;
	json_t *problems, *checked;
	uint64_t bytes;
	json_t *seen; /* blobs that were read already */
};

static void problem(struct verify *v, const char *where, const char *what,
		    const char *todo)
{
	json_array_append_new(v->problems,
			      json_pack("{s:s, s:s, s:s}", "where", where,
					"what", what, "do", todo));
	if (!v->json)
		printf("BAD %s\n    %s\n    to do: %s\n", where, what, todo);
}

static const char *todo_document(int rc)
{
	if (rc == -ESTALE)
		return "sign it anew: imagerepo publish";
	if (rc == -ENOENT)
		return "publish the image again, or copy the file from a good "
		       "mirror";
	if (rc == -ENOKEY)
		return "publish with a key that the root document names for "
		       "role images";
	return "do not use it; publish again, and find out who changed it";
}

static void check_blob(struct verify *v, const struct imagerepo_blob *blob,
		       const char *role)
{
	struct errinfo err = ERRINFO_INIT;
	char path[IMAGEREPO_PATH], where[IMAGEREPO_PATH + 16];
	int rc;

	if (json_object_get(v->seen, blob->sha256))
		return;
	json_object_set_new(v->seen, blob->sha256, json_true());
	rc = source_check_blob(&v->src, blob, &err);
	v->bytes += blob->size;
	if (!rc)
		return;
	imagerepo_blob_path(blob->sha256, path);
	snprintf(where, sizeof(where), "%s (%s)", path, role);
	problem(v, where, errinfo_text(&err, rc),
		rc == -ENOENT || rc == -EBADMSG
			? "publish the image again: a damaged blob is replaced"
			: "see to the storage or the server, then verify again");
}

static int check_manifest(struct verify *v, const struct imagerepo_channel *c,
			  struct imagerepo_manifest *m)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *doc = NULL;
	char path[IMAGEREPO_PATH];
	size_t len;
	int rc;

	imagerepo_manifest_path(c->manifest, path);
	rc = source_doc(&v->src, path, &doc, &len, &err);
	if (!rc)
		rc = imagerepo_manifest_open(v->root, c->manifest, doc, len,
					     v->now_ms, m, &err);
	if (!rc && (strcmp(m->name, c->image) != 0 ||
		    strcmp(m->version, c->image_version)))
		rc = errinfo_set(&err, -EBADMSG,
				 "is of %s %s, the channel says %s %s", m->name,
				 m->version, c->image, c->image_version);
	if (rc)
		problem(v, path, errinfo_text(&err, rc), todo_document(rc));
	/* an expired one still says which blobs there should be */
	if (rc == -ESTALE)
		rc = imagerepo_manifest_open(v->root, c->manifest, doc, len, 0,
					     m, NULL);
	return rc;
}

static void say_good(struct verify *v, const struct imagerepo_channel *c,
		     const struct imagerepo_manifest *m)
{
	char size[TOOL_SIZE], expires[CLOCK_ISO];
	int64_t first =
		c->expires_ms < m->expires_ms ? c->expires_ms : m->expires_ms;

	clock_format(first, expires);
	json_array_append_new(
		v->checked, json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "image",
				      c->image, "channel", c->channel, "version",
				      m->version, "manifest", c->manifest, "size",
				      (json_int_t)imagerepo_manifest_size(m),
				      "expires", expires));
	if (!v->json)
		printf("ok  %s:%s %s, %s, until %s\n", c->image, c->channel,
		       m->version, tool_size(imagerepo_manifest_size(m), size),
		       expires);
}

static void check_channel(struct verify *v, const char *image, const char *channel)
{
	size_t before = json_array_size(v->problems);
	struct imagerepo_manifest m;
	struct imagerepo_channel c;
	struct errinfo err = ERRINFO_INIT;
	auto_free char *doc = NULL;
	char path[IMAGEREPO_PATH];
	size_t len;
	int rc;

	imagerepo_channel_path(image, channel, path);
	rc = source_doc(&v->src, path, &doc, &len, &err);
	if (!rc)
		rc = imagerepo_channel_open(v->root, image, channel, doc, len,
					    v->now_ms, &c, &err);
	if (rc)
		problem(v, path, errinfo_text(&err, rc), todo_document(rc));
	if (rc == -ESTALE)
		rc = imagerepo_channel_open(v->root, image, channel, doc, len,
					    0, &c, NULL);
	if (rc || check_manifest(v, &c, &m))
		return;
	for (int i = 0; i < IMAGEREPO_ROLES; i++)
		if (m.blob[i].size)
			check_blob(v, &m.blob[i], imagerepo_role_name(i));
	if (json_array_size(v->problems) == before)
		say_good(v, &c, &m);
}

static int check_all(struct verify *v, struct errinfo *err)
{
	struct imagerepo_list list;
	int rc;

	if (!v->src.store)
		return errinfo_set(err, -EINVAL,
				   "a web server does not list its files: name "
				   "the image");
	rc = imagerepo_list(v->src.store, v->root, v->now_ms, &list, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < list.n_channels; i++)
		check_channel(v, list.channels[i].c.image,
			      list.channels[i].c.channel);
	if (!list.n_channels)
		problem(v, "channels/", "there is no channel",
			"publish an image: imagerepo publish");
	imagerepo_list_dispose(&list);
	return 0;
}

/* The trusted root; and the one that the repository shows to others. */
static int check_root(struct verify *v, struct errinfo *err)
{
	struct errinfo why = ERRINFO_INIT;
	struct trust_root *own = NULL;
	auto_free char *doc = NULL;
	size_t len;
	int rc;

	rc = source_doc(&v->src, IMAGEREPO_ROOT_PATH, &doc, &len, &why);
	if (!rc)
		rc = trust_root_load(doc, len, v->now_ms, &own, &why);
	if (rc)
		problem(v, IMAGEREPO_ROOT_PATH, errinfo_text(&why, rc),
			"publish with the grid's root document: --root FILE");
	if (v->root_path) {
		trust_root_free(own);
		return tool_root_load(v->root_path, v->now_ms, &v->root, err);
	}
	v->root = own;
	return 0;
}

static int run_verify(struct verify *v, struct errinfo *err)
{
	char image[IMAGEREPO_NAME], channel[IMAGEREPO_NAME];
	int rc;

	rc = source_open(&v->src, v->url ? NULL : v->repo, v->url, err);
	if (!rc)
		rc = check_root(v, err);
	if (rc || !v->root)
		return rc;
	if (!strcmp(v->what, "all"))
		return check_all(v, err);
	if (tool_parse_image(v->what, image, channel))
		return errinfo_set(err, -EINVAL,
				   "'%s' is not IMAGE or IMAGE:CHANNEL", v->what);
	check_channel(v, image, channel);
	return 0;
}

static int report(struct verify *v)
{
	size_t bad = json_array_size(v->problems);
	char size[TOOL_SIZE];

	if (v->json) {
		json_t *out =
			json_pack("{s:b, s:O, s:O, s:I}", "ok", !bad,
				  "channels", v->checked, "problems",
				  v->problems, "bytes", (json_int_t)v->bytes);

		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(out);
	} else {
		printf("%zu channels good, %zu problems, %s read\n",
		       json_array_size(v->checked), bad,
		       tool_size(v->bytes, size));
	}
	if (!v->root_path && !v->json)
		fprintf(stderr, TOOL_NAME
			": checked against the repository's own root.json; "
			"--root FILE takes the one you trust\n");
	return bad ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

static int parse_options(int argc, char **argv, struct verify *v)
{
	static const struct option options[] = {
		{ "repo", required_argument, NULL, 'r' },
		{ "url", required_argument, NULL, 'u' },
		{ "root", required_argument, NULL, 'R' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "r:u:R:j", options, NULL)) != -1) {
		if (c == 'r')
			v->repo = optarg;
		else if (c == 'u')
			v->url = optarg;
		else if (c == 'R')
			v->root_path = optarg;
		else if (c == 'j')
			v->json = 1;
		else
			return cmd_misuse("see --help");
	}
	if (argc - optind > 1)
		return cmd_misuse("more than one image");
	if (v->repo && v->url)
		return cmd_misuse("--repo and --url exclude each other");
	if (argc > optind)
		v->what = argv[optind];
	if (!v->repo)
		v->repo = ".";
	return 0;
}

int tool_verify(int argc, char **argv, void *arg)
{
	struct verify v = { .what = "all" };
	struct errinfo err = ERRINFO_INIT;
	int rc;

	(void)arg;
	rc = parse_options(argc, argv, &v);
	if (rc)
		return rc;
	v.now_ms = clock_unix_ms();
	v.problems = json_array();
	v.checked = json_array();
	v.seen = json_object();
	rc = run_verify(&v, &err);
	rc = rc ? tool_fail(&err, rc) : report(&v);
	json_decref(v.problems);
	json_decref(v.checked);
	json_decref(v.seen);
	trust_root_free(v.root);
	source_close(&v.src);
	return rc;
}
