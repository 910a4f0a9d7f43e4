/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev - serve a disk of an image as a network block device.
 */
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "parse.h"
#include "tool.h"

/* clang-format off */
static const struct option options[] = {
	{ "disk", required_argument, NULL, 'd' },
	{ "url", required_argument, NULL, 'u' },
	{ "repo", required_argument, NULL, 'r' },
	{ "root", required_argument, NULL, 'R' },
	{ "manifest", required_argument, NULL, 'm' },
	{ "socket", required_argument, NULL, 's' },
	{ "trace", required_argument, NULL, 't' },
	{ "stats-json", required_argument, NULL, 'j' },
	{ "cache", required_argument, NULL, 'c' },
	{ "decoded", required_argument, NULL, 'D' },
	{ "threads", required_argument, NULL, 'T' },
	{ "low-speed-sec", required_argument, NULL, 'l' },
	{ "ready-fd", required_argument, NULL, 'n' },
	{ "h2", no_argument, NULL, '2' },
	{ "fill", no_argument, NULL, 'f' },
	{ "no-bundle", no_argument, NULL, 'b' },
	{ NULL, 0, NULL, 0 },
};

/* What becomes of an option's word, by its letter. */
struct field {
	int c;
	size_t at; /* in struct serve */
	enum { TEXT, SIZE, NUMBER, FLAG } type;
	int max; /* of a number */
};
static const struct field fields[] = {
	{ 'd', offsetof(struct serve, disk), TEXT, 0 },
	{ 'u', offsetof(struct serve, url), TEXT, 0 },
	{ 'r', offsetof(struct serve, repo), TEXT, 0 },
	{ 'R', offsetof(struct serve, root), TEXT, 0 },
	{ 'm', offsetof(struct serve, manifest), TEXT, 0 },
	{ 's', offsetof(struct serve, socket), TEXT, 0 },
	{ 't', offsetof(struct serve, trace), TEXT, 0 },
	{ 'j', offsetof(struct serve, stats), TEXT, 0 },
	{ 'c', offsetof(struct serve, cache), SIZE, 0 },
	{ 'D', offsetof(struct serve, decoded), SIZE, 0 },
	{ 'T', offsetof(struct serve, threads), NUMBER, 16 },
	{ 'l', offsetof(struct serve, low_speed), NUMBER, 3600 },
	{ 'n', offsetof(struct serve, ready_fd), NUMBER, 1 << 20 },
	{ '2', offsetof(struct serve, h2), FLAG, 0 },
	{ 'f', offsetof(struct serve, fill), FLAG, 0 },
	{ 'b', offsetof(struct serve, no_bundle), FLAG, 0 },
};
/* clang-format on */

static int take(struct serve *s, const struct field *f, const char *name)
{
	void *to = (char *)s + f->at;

	switch (f->type) {
	case TEXT:
		*(const char **)to = optarg;
		return 0;
	case FLAG:
		*(int *)to = 1;
		return 0;
	case SIZE:
		return parse_size(optarg, to)
			       ? cmd_misuse("--%s %s: not a size (64M, 1G)",
					    name, optarg)
			       : 0;
	case NUMBER:
		return parse_int(optarg, 0, f->max, to)
			       ? cmd_misuse("--%s %s: not a number from 0 to %d",
					    name, optarg, f->max)
			       : 0;
	}
	return CMD_EXIT_USAGE;
}

static int read_options(struct serve *s, int argc, char **argv)
{
	int c, rc = 0, at = 0;

	while (!rc && (c = getopt_long(argc, argv, "", options, &at)) != -1) {
		const struct field *f = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			if (fields[i].c == c)
				f = &fields[i];
		rc = f ? take(s, f, options[at].name)
		       : cmd_misuse("see " TOOL_NAME " serve --help");
	}
	return rc;
}

static int check(struct serve *s, int argc, char **argv)
{
	int from = !!s->disk + !!s->url + !!s->repo;

	if (!s->socket || from != 1)
		return cmd_misuse("serve: give --socket, and one of --disk, "
				  "--url, --repo");
	if (optind < argc)
		s->image = argv[optind++];
	if (optind < argc)
		return cmd_misuse("serve: '%s' is one image too many",
				  argv[optind]);
	if (s->disk)
		return s->image || s->manifest
			       ? cmd_misuse("serve: --disk needs no image")
			       : 0;
	if (!s->manifest == !s->image)
		return cmd_misuse("serve: give either IMAGE:CHANNEL or "
				  "--manifest");
	if (s->image && !s->root)
		return cmd_misuse("serve: give the root document that you "
				  "trust, --root FILE");
	return 0;
}

/* A directory is read as a URL as well. */
static char *url_of(const char *dir)
{
	auto_free char *path = realpath(dir, NULL);
	char *url;

	return path && asprintf(&url, "file://%s", path) >= 0 ? url : NULL;
}

static int serve(struct serve *s, struct errinfo *err)
{
	auto_free char *url = NULL;
	struct loop *loop = loop_new();
	struct imagedev *dev = NULL;
	int rc;

	if (!loop)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (s->repo) {
		s->url = url = url_of(s->repo);
		if (!url) {
			loop_free(loop);
			return errinfo_set_errno(err, -ENOENT, "%s", s->repo);
		}
	}
	rc = s->disk ? tool_disk_open(loop, s->disk, &dev, err)
		     : tool_image_open(loop, s, &dev, err);
	if (!rc)
		rc = tool_listen(loop, s, dev, err);
	imagedev_close(dev);
	tool_image_close();
	loop_free(loop);
	return rc;
}

static int cmd_serve(int argc, char **argv, void *arg)
{
	struct serve s = { .ready_fd = -1,
			   .cache = 64 << 20,
			   .decoded = 16 << 20,
			   .threads = 2 };
	struct errinfo err = ERRINFO_INIT;
	int rc = read_options(&s, argc, argv);

	(void)arg;
	if (!rc)
		rc = check(&s, argc, argv);
	if (rc)
		return rc;
	rc = serve(&s, &err);
	if (rc)
		log_err("%s", errinfo_text(&err, rc));
	return rc ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

static const struct cmd commands[] = {
	{ "serve", cmd_serve,
	  "--socket PATH {--url URL | --repo DIR | --disk FILE} [IMAGE[:CHANNEL]]",
	  "serve a disk by NBD on a unix socket, read-only",
	  "  --socket PATH      where clients connect\n"
	  "  --url URL          an image of the repository there, or\n"
	  "  --repo DIR         of the one in this directory, or\n"
	  "  --disk FILE        a plain disk\n"
	  "  --root FILE        the root document that you trust\n"
	  "  --manifest FILE    a manifest that you trust, instead of --root and IMAGE\n"
	  "  --cache SIZE       memory for chunks as stored (default 64M)\n"
	  "  --decoded SIZE     memory for decoded ones (default 16M)\n"
	  "  --threads N        that decode (default 2; 0: none)\n"
	  "  --h2               HTTP/2 with prior knowledge\n"
	  "  --fill             fetch all of it in the background, as --cache allows\n"
	  "  --no-bundle        leave the boot bundle alone\n"
	  "  --low-speed-sec N  give up a request that stalls so long (default 20)\n"
	  "  --trace FILE       write down the 4096-byte blocks that are read, each\n"
	  "                     once, a number a line, in the order of first reads\n"
	  "  --stats-json FILE  write statistics at the end (SIGTERM)\n"
	  "  --ready-fd N       write a newline there once clients may connect" },
	{ NULL, NULL, NULL, NULL, NULL },
};

int main(int argc, char **argv)
{
	log_init(TOOL_NAME, NULL);
	if (argc > 1 &&
	    (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))) {
		puts(TOOL_NAME " " NIGHTSHIFT_VERSION);
		return CMD_EXIT_OK;
	}
	return cmd_main(TOOL_NAME, commands, argc - 1, argv + 1, NULL);
}
