/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev - serve a disk of an image as a network block device.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "tool.h"

/* getopt's form of the table of options. */
static int read_options(struct serve *s, int argc, char **argv)
{
	struct option list[TOOL_OPTIONS_MAX + 1] = { 0 };
	struct errinfo err = ERRINFO_INIT;
	int c, at = 0;

	for (int i = 0; tool_options[i].name; i++)
		list[i] = (struct option){ tool_options[i].name,
					   tool_options[i].type == TOOL_FLAG
						   ? no_argument
						   : required_argument,
					   NULL, 1 };
	while ((c = getopt_long(argc, argv, "", list, &at)) != -1) {
		if (c != 1)
			return cmd_misuse("see " TOOL_NAME " serve --help");
		if (tool_option_set(s, list[at].name, optarg, &err))
			return cmd_misuse("serve: --%s", err.text);
	}
	return 0;
}

static int check(struct serve *s, int argc, char **argv)
{
	struct errinfo err = ERRINFO_INIT;

	if (!s->socket)
		return cmd_misuse("serve: give --socket");
	if (optind < argc)
		s->image = argv[optind++];
	if (optind < argc)
		return cmd_misuse("serve: '%s' is one image too many",
				  argv[optind]);
	return tool_serve_check(s, &err) ? cmd_misuse("serve: %s", err.text) : 0;
}

static int serve(struct serve *s, struct errinfo *err)
{
	struct loop *loop = loop_new();
	struct imagedev *dev = NULL;
	int rc;

	if (!loop)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = tool_open(loop, s, &dev, err);
	if (!rc)
		rc = tool_listen(loop, s, dev, err);
	tool_close(dev);
	loop_free(loop);
	return rc;
}

static int cmd_serve(int argc, char **argv, void *arg)
{
	struct serve s = SERVE_INIT;
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
