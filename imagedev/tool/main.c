/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev - serve a disk of an image as a network block device.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "log.h"
#include "parse.h"
#include "tool.h"

static const struct option options[] = {
	{ "disk", required_argument, NULL, 'd' },
	{ "socket", required_argument, NULL, 's' },
	{ "trace", required_argument, NULL, 't' },
	{ "stats-json", required_argument, NULL, 'j' },
	{ "ready-fd", required_argument, NULL, 'n' },
	{ NULL, 0, NULL, 0 },
};

static int take(struct serve *s, int c)
{
	switch (c) {
	case 'd':
		s->disk = optarg;
		return 0;
	case 's':
		s->socket = optarg;
		return 0;
	case 't':
		s->trace = optarg;
		return 0;
	case 'j':
		s->stats = optarg;
		return 0;
	case 'n':
		return parse_int(optarg, 0, 1 << 20, &s->ready_fd)
			       ? cmd_misuse("--ready-fd %s: not a descriptor",
					    optarg)
			       : 0;
	}
	return CMD_EXIT_USAGE;
}

static int serve(const struct serve *s, struct errinfo *err)
{
	struct loop *loop = loop_new();
	struct imagedev *dev = NULL;
	int rc;

	if (!loop)
		return errinfo_set(err, -1, "out of memory");
	rc = tool_disk_open(loop, s->disk, &dev, err);
	if (!rc)
		rc = tool_listen(loop, s, dev, err);
	imagedev_close(dev);
	loop_free(loop);
	return rc;
}

static int cmd_serve(int argc, char **argv, void *arg)
{
	struct serve s = { .ready_fd = -1 };
	struct errinfo err = ERRINFO_INIT;
	int c, rc;

	(void)arg;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		rc = take(&s, c);
		if (rc)
			return rc;
	}
	if (!s.socket || !s.disk || optind < argc)
		return cmd_misuse("serve: give --disk FILE and --socket PATH");
	rc = serve(&s, &err);
	if (rc)
		log_err("%s", errinfo_text(&err, rc));
	return rc ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

static const struct cmd commands[] = {
	{ "serve", cmd_serve, "--disk FILE --socket PATH [--trace FILE]",
	  "serve a disk by NBD on a unix socket, read-only",
	  "  --disk FILE        a plain disk\n"
	  "  --socket PATH      where clients connect\n"
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
