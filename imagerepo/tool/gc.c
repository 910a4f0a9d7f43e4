/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc, fsck: what no metadata names goes; what is there is right.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "cleanup.h"
#include "cmd.h"
#include "sweep.h"
#include "tool.h"

#define GRACE_SEC (7 * META_DAY)

struct sweep {
	struct change c;
	uint64_t grace_sec;
	int json, pretend, present;
	json_t *faults;
};

static void print_gc(const struct sweep *s, const struct imagerepo_gc_stats *g)
{
	char kept[TOOL_SIZE], swept[TOOL_SIZE], young[TOOL_SIZE];
	json_t *out;

	if (!s->json) {
		printf("%s %llu files (%s); kept %llu (%s); too young %llu "
		       "(%s)\n",
		       s->pretend ? "would delete" : "deleted",
		       (unsigned long long)g->swept,
		       tool_size(g->swept_bytes, swept),
		       (unsigned long long)g->kept,
		       tool_size(g->kept_bytes, kept),
		       (unsigned long long)g->young,
		       tool_size(g->young_bytes, young));
		return;
	}
	out = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "dry_run",
			s->pretend, "swept", (json_int_t)g->swept, "swept_bytes",
			(json_int_t)g->swept_bytes, "kept", (json_int_t)g->kept,
			"kept_bytes", (json_int_t)g->kept_bytes, "young",
			(json_int_t)g->young, "young_bytes",
			(json_int_t)g->young_bytes);
	json_dumpf(out, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(out);
}

static const json_t *in_force(const void *of, const char *role)
{
	return meta_body(of, role);
}

static int run_gc(struct sweep *s, struct errinfo *err)
{
	auto_free struct imagerepo_keep *keep = NULL;
	struct imagerepo_gc_stats stats = { 0 };
	size_t n = 0;
	int rc = change_open(&s->c, err);

	if (!rc)
		rc = change_keep(&s->c, &keep, &n, err);
	if (!rc)
		rc = imagerepo_repo_gc(s->c.r, keep, n, (int64_t)s->grace_sec,
				       s->pretend, &stats, err);
	if (!rc)
		rc = sweep_metadata(s->c.r, in_force, s->c.m, s->grace_sec,
				    s->pretend, &stats, err);
	if (!rc)
		print_gc(s, &stats);
	change_close(&s->c);
	return rc;
}

static void fault(const char *where, const char *what, void *arg)
{
	struct sweep *s = arg;

	if (!s->json)
		printf("BAD %s\n    %s\n", where, what);
	json_array_append_new(s->faults, json_pack("{s:s, s:s}", "where", where,
						   "what", what));
}

static void print_fsck(struct sweep *s, const struct imagerepo_fsck_stats *f,
		       size_t images)
{
	char size[TOOL_SIZE];
	json_t *out;

	if (!s->json) {
		printf("%llu fault%s in %llu blobs (%s) and %zu manifests\n",
		       (unsigned long long)f->faults, f->faults == 1 ? "" : "s",
		       (unsigned long long)f->blobs, tool_size(f->bytes, size),
		       images);
		if (f->faults)
			printf(s->present
				       ? "to do: imagerepo mirror --check 0 "
					 "deletes them and fetches them again\n"
				       : "to do: delete the files that are named "
					 "and publish their images again, or "
					 "copy\nthem from a mirror; imagerepo gc "
					 "removes what no image needs\n");
		return;
	}
	out = json_pack("{s:b, s:I, s:I, s:I, s:O}", "ok", !f->faults, "blobs",
			(json_int_t)f->blobs, "bytes", (json_int_t)f->bytes,
			"manifests", (json_int_t)images, "faults", s->faults);
	json_dumpf(out, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(out);
}

/* A mirror has some of the manifests. */
static size_t only_present(const struct change *c, struct imagerepo_keep *keep,
			   size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!faccessat(imagerepo_repo_dir(c->r), keep[i].file, F_OK, 0))
			keep[kept++] = keep[i];
	return kept;
}

/* Only reads: no lock, so that publishing may go on. */
static int run_fsck(struct sweep *s, int *bad, struct errinfo *err)
{
	auto_free struct imagerepo_keep *keep = NULL;
	struct imagerepo_fsck_stats stats = { 0 };
	size_t n = 0;
	int rc;

	s->c.dry_run = 1;
	rc = change_open(&s->c, err);
	if (!rc)
		rc = change_keep(&s->c, &keep, &n, err);
	if (!rc && s->present)
		n = only_present(&s->c, keep, n);
	if (!rc)
		rc = imagerepo_repo_fsck(s->c.r, keep, n, !s->present, fault, s,
					 &stats, err);
	if (!rc)
		print_fsck(s, &stats, n);
	*bad = stats.faults > 0;
	change_close(&s->c);
	return rc;
}

static int set_option(struct sweep *s, int opt)
{
	switch (opt) {
	case 'j':
		s->json = 1;
		return 0;
	case 'g':
		return parse_duration(optarg, &s->grace_sec)
			       ? cmd_misuse("--grace: '%s' is no time such as "
					    "7d",
					    optarg)
			       : 0;
	case 'n':
		s->pretend = 1;
		return 0;
	case 'p':
		s->present = 1;
		return 0;
	case 'r':
	case 'R':
		return change_option(&s->c, opt, optarg);
	default:
		return cmd_misuse("see --help");
	}
}

static int read_options(struct sweep *s, int argc, char **argv,
			const char *letters, const struct option *options)
{
	int opt, rc = 0;

	s->c.repo = ".";
	while (!rc &&
	       (opt = getopt_long(argc, argv, letters, options, NULL)) != -1)
		rc = set_option(s, opt);
	if (!rc && argc != optind)
		rc = cmd_misuse("no arguments, only options");
	return rc;
}

int tool_gc(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "repo", required_argument, NULL, 'r' },
		{ "root", required_argument, NULL, 'R' },
		{ "grace", required_argument, NULL, 'g' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	static struct sweep s = { .c = CHANGE_INIT, .grace_sec = GRACE_SEC };
	struct errinfo err = ERRINFO_INIT;
	int rc = read_options(&s, argc, argv, "r:R:g:nj", options);

	(void)arg;
	if (rc)
		return rc;
	rc = run_gc(&s, &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}

int tool_fsck(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "repo", required_argument, NULL, 'r' },
		{ "root", required_argument, NULL, 'R' },
		{ "present", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	static struct sweep s = { .c = CHANGE_INIT };
	struct errinfo err = ERRINFO_INIT;
	int rc = read_options(&s, argc, argv, "r:R:jp", options), bad = 0;

	(void)arg;
	if (rc)
		return rc;
	s.faults = json_array();
	rc = run_fsck(&s, &bad, &err);
	json_decref(s.faults);
	if (rc)
		return tool_fail(&err, rc);
	return bad ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}
