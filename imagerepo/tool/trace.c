/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace: starts the image once and writes DIR/root.trace.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "fileio.h"
#include "repo.h"
#include "tool.h"
#include "trace.h"

#define TIMEOUT_SEC 300
#define MEMORY_MIN  512 /* MiB: what the emulated PC has at least */

static const char *const files[] = { "disk", "trace",      "initrd", "order",
				     "run",  "trace.cpio", "config" };

/* The path of a unix socket is short: not below DIR. */
static int make_tmp(struct trace *t, struct errinfo *err)
{
	const char *base = getenv("TMPDIR");

	if (!base || strlen(base) > 64)
		base = "/tmp";
	t->tmp = tool_join(base, "imagerepo-trace.XXXXXX");
	if (!t->tmp)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (!mkdtemp(t->tmp))
		return errinfo_set_errno(err, -errno, "%s", t->tmp);
	return 0;
}

static void remove_tmp(struct trace *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(files) && t->tmp; i++) {
		auto_free char *path = tool_join(t->tmp, files[i]);

		if (path)
			unlink(path);
	}
	if (t->tmp)
		rmdir(t->tmp);
	free(t->tmp);
}

/* Reads what was noted as publishing will, and only then puts it in place. */
static int keep_trace(struct trace *t, struct errinfo *err)
{
	auto_free char *from = tool_join(t->tmp, "trace");
	auto_free char *to = tool_join(t->dir, DRAFT_TRACE);
	auto_free char *text = NULL;
	auto_free uint32_t *blocks = NULL;
	char size[TOOL_SIZE];
	size_t n = 0, len;
	int rc;

	if (!from || !to)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_trace_load(from, t->draft.m.disk_size, &blocks, &n, err);
	if (!rc && !n)
		rc = errinfo_set(err, -EIO, "nothing was read from the disk");
	if (!rc)
		rc = fileio_read(from, 64u << 20, &text, &len, err);
	if (!rc)
		rc = fileio_write_atomic(to, text, len, 0644, err);
	if (!rc)
		printf("%s: %zu blocks, %s of %.1f MiB\n", to, n,
		       tool_size((uint64_t)n * 4096, size),
		       (double)t->draft.m.disk_size / (1 << 20));
	return rc;
}

static int trace(struct trace *t, struct errinfo *err)
{
	int rc = imagerepo_draft_load(t->dir, &t->draft, err);

	if (rc)
		return rc;
	if (t->memory_mib < MEMORY_MIN)
		t->memory_mib = MEMORY_MIN;
	if (t->memory_mib < t->draft.m.memory_min_mib * 2)
		t->memory_mib = t->draft.m.memory_min_mib * 2;
	rc = make_tmp(t, err);
	if (!rc)
		rc = trace_initrd(t, err);
	if (!rc && !t->quiet)
		fprintf(stderr, "starting %s %s, at most %d s\n",
			t->draft.m.name, t->draft.m.version, t->timeout_sec);
	if (!rc)
		rc = trace_run(t, err);
	if (!rc)
		rc = keep_trace(t, err);
	remove_tmp(t);
	return rc;
}

static int parse_option(struct trace *t, int c)
{
	uint64_t sec;

	switch (c) {
	case 'f':
		if (t->n_from == STAGE_FROM_MAX)
			return cmd_misuse("more than %d times --from",
					  STAGE_FROM_MAX);
		t->from[t->n_from++] = strcmp(optarg, "/") ? optarg : "";
		return 0;
	case 't':
		if (parse_duration(optarg, &sec) || !sec || sec > 86400)
			return cmd_misuse("'%s' is no time such as 300s", optarg);
		t->timeout_sec = (int)sec;
		return 0;
	case 'v':
		t->verbose = 1;
		return 0;
	case 'q':
		t->quiet = 1;
		return 0;
	default:
		return cmd_misuse("see --help");
	}
}

int tool_trace(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	auto_free struct trace *t = calloc(1, sizeof(*t));
	struct errinfo err = ERRINFO_INIT;
	int c, rc = 0;

	(void)arg;
	if (!t)
		return CMD_EXIT_FAILED;
	t->timeout_sec = TIMEOUT_SEC;
	while (!rc && (c = getopt_long(argc, argv, "f:t:vq", options, NULL)) != -1)
		rc = parse_option(t, c);
	if (rc)
		return rc;
	if (argc - optind != 1)
		return cmd_misuse("name one image directory");
	t->dir = argv[optind];
	if (!t->n_from)
		t->from[t->n_from++] = "";
	rc = trace(t, &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
