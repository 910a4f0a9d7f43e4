/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: what a repository holds.
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

#define NAME_SEP ", "

/* The channels that point at a manifest, into out: "stable, test". */
static json_t *channels_of(const struct imagerepo_list *list, const char *digest)
{
	json_t *names = json_array();

	for (size_t i = 0; i < list->n_channels; i++)
		if (!strcmp(list->channels[i].c.manifest, digest))
			json_array_append_new(
				names, json_string(list->channels[i].c.channel));
	return names;
}

static json_t *image_json(const struct imagerepo_list *list,
			  const struct imagerepo_list_image *i)
{
	char created[CLOCK_ISO] = "", expires[CLOCK_ISO] = "";

	if (i->m.name[0]) {
		clock_format(i->m.created_ms, created);
		clock_format(i->m.expires_ms, expires);
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:s}", "name",
			 i->m.name, "version", i->m.version, "manifest",
			 i->digest, "created", created, "expires", expires,
			 "size", (json_int_t)imagerepo_manifest_size(&i->m),
			 "channels", channels_of(list, i->digest), "error",
			 i->error);
}

static json_t *list_json(const struct imagerepo_list *list)
{
	json_t *images = json_array(), *channels = json_array();

	for (size_t i = 0; i < list->n_images; i++)
		json_array_append_new(images, image_json(list, &list->images[i]));
	for (size_t i = 0; i < list->n_channels; i++) {
		const struct imagerepo_list_channel *c = &list->channels[i];

		json_array_append_new(
			channels,
			json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "image",
				  c->c.image, "channel", c->c.channel,
				  "version", c->c.version, "image_version",
				  c->c.image_version, "manifest", c->c.manifest,
				  "error", c->error));
	}
	return json_pack("{s:o, s:o}", "images", images, "channels", channels);
}

static void print_image(const struct imagerepo_list *list,
			const struct imagerepo_list_image *i)
{
	char size[TOOL_SIZE], created[CLOCK_ISO], expires[CLOCK_ISO];
	auto_buf struct buf names = BUF_INIT;
	json_t *channels = channels_of(list, i->digest), *name;
	size_t n;

	json_array_foreach(channels, n, name) buf_addf(
		&names, "%s%s", n ? NAME_SEP : "", json_string_value(name));
	json_decref(channels);
	clock_format(i->m.created_ms, created);
	clock_format(i->m.expires_ms, expires);
	printf("%-12s %-16s %-16s %10s  %.10s  %.10s  %.12s%s\n",
	       i->m.name[0] ? i->m.name : "?", i->m.version,
	       names.len ? names.data : "-",
	       tool_size(imagerepo_manifest_size(&i->m), size),
	       i->m.name[0] ? created : "", i->m.name[0] ? expires : "",
	       i->digest, i->error[0] ? "  REFUSED" : "");
	if (i->error[0])
		printf("    %s\n", i->error);
}

static void print_list(const struct imagerepo_list *list)
{
	if (!list->n_images)
		printf("no images\n");
	else
		printf("%-12s %-16s %-16s %10s  %-10s  %-10s  %s\n", "IMAGE",
		       "VERSION", "CHANNELS", "SIZE", "CREATED", "EXPIRES",
		       "MANIFEST");
	for (size_t i = 0; i < list->n_images; i++)
		print_image(list, &list->images[i]);
	for (size_t i = 0; i < list->n_channels; i++)
		if (list->channels[i].error[0])
			printf("channel %s:%s is REFUSED: %s\n",
			       list->channels[i].c.image,
			       list->channels[i].c.channel,
			       list->channels[i].error);
}

static int run_list(const char *repo, const char *root_path, int json,
		    struct errinfo *err)
{
	auto_free char *own = tool_join(repo, IMAGEREPO_ROOT_PATH);
	struct imagerepo_store *s = NULL;
	struct trust_root *root = NULL;
	struct imagerepo_list list = { 0 };
	int64_t now_ms = clock_unix_ms();
	int rc;

	if (!own)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = tool_root_load(root_path ? root_path : own, now_ms, &root, err);
	if (!rc)
		rc = imagerepo_store_open(repo, 0, &s, err);
	if (!rc)
		rc = imagerepo_list(s, root, now_ms, &list, err);
	if (!rc && json) {
		json_t *out = list_json(&list);

		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(out);
	} else if (!rc) {
		print_list(&list);
	}
	imagerepo_list_dispose(&list);
	imagerepo_store_close(s);
	trust_root_free(root);
	return rc;
}

int tool_list(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "repo", required_argument, NULL, 'r' },
		{ "root", required_argument, NULL, 'R' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	const char *repo = ".", *root_path = NULL;
	struct errinfo err = ERRINFO_INIT;
	int c, rc, json = 0;

	(void)arg;
	while ((c = getopt_long(argc, argv, "r:R:j", options, NULL)) != -1) {
		if (c == 'r')
			repo = optarg;
		else if (c == 'R')
			root_path = optarg;
		else if (c == 'j')
			json = 1;
		else
			return cmd_misuse("see --help");
	}
	if (argc != optind)
		return cmd_misuse("no arguments, only options");
	rc = run_list(repo, root_path, json, &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
