/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl job submit. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "parse.h"

#include "job-spec.h"

#define TRIES     4
#define INPUT_MAX (64 * 1024 * 1024) /* the central's bound */

/* --- inputs -------------------------------------------------------------- */

static int complete_input(struct job_spec *s, const struct job_input *in,
			  struct errinfo *err)
{
	char hex[HASH_HEX];
	struct stat sb;
	uint64_t size;
	json_t *doc;
	int rc;

	if (stat(in->path, &sb) < 0)
		return errinfo_set_errno(err, -errno, "input %s", in->path);
	if (!S_ISREG(sb.st_mode))
		return errinfo_set(err, -EINVAL, "input %s: not a file",
				   in->path);
	if (sb.st_size > INPUT_MAX)
		return errinfo_set(err, -EFBIG, "input %s: larger than %d MiB",
				   in->path, INPUT_MAX >> 20);
	rc = hash_file_hex(in->path, hex, &size, err);
	if (rc)
		return errinfo_wrap(err, rc, "input");
	doc = json_pack("{ss ss sI si}", "name", in->name, "sha256", hex,
			"size", (json_int_t)size, "mode",
			sb.st_mode & 0100 ? 0755 : 0644);
	return json_array_append_new(json_object_get(s->doc, "inputs"), doc)
		       ? -EINVAL
		       : 0;
}

int job_spec_complete(struct job_spec *s, struct errinfo *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s->n_inputs && !rc; i++)
		rc = complete_input(s, &s->inputs[i], err);
	return rc;
}

static int upload(struct ctl *ctl, const struct job_input *in,
		  const json_t *doc, struct errinfo *err)
{
	auto_close int fd = open(in->path, O_RDONLY | O_CLOEXEC);
	char path[128];
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "input %s", in->path);
	snprintf(path, sizeof(path), "/v1/files/%s", ctl_str(doc, "sha256"));
	rc = httpc_put_fd(ctl->central, path, fd,
			  (uint64_t)ctl_int(doc, "size"), NULL, NULL, err);
	return rc ? errinfo_wrap(err, rc, "input %s", in->path) : 0;
}

/* A key makes it safe to ask again when the answer was lost. */
static int ensure_key(struct job_spec *s)
{
	uint8_t raw[16];
	char hex[2 * sizeof(raw) + 1];

	if (json_object_get(s->doc, "key"))
		return 0;
	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return -EIO;
	format_hex(raw, sizeof(raw), hex);
	return json_object_set_new(s->doc, "key", json_string(hex));
}

static int may_try_again(int rc)
{
	return rc == -ECONNREFUSED || rc == -EAGAIN || rc == -EIO ||
	       rc == -ETIMEDOUT;
}

int job_spec_submit(struct ctl *ctl, struct job_spec *s, int64_t *id)
{
	const json_t *inputs = json_object_get(s->doc, "inputs");
	struct errinfo err = ERRINFO_INIT;
	json_t *answer = NULL;
	int rc, try;
	size_t i;

	if (!ctl_central(ctl))
		return CMD_EXIT_FAILED;
	rc = ensure_key(s);
	for (i = 0; i < s->n_inputs && !rc; i++)
		rc = upload(ctl, &s->inputs[i], json_array_get(inputs, i), &err);
	if (rc)
		return ctl_fail(&err, rc);
	for (try = 1;; try++) {
		rc = httpc_json(ctl->central, "POST", "/v1/jobs", s->doc,
				&answer, &err);
		if (!rc || !may_try_again(rc) || try == TRIES)
			break;
		sleep(1);
	}
	if (rc)
		return ctl_fail(&err, rc);
	*id = ctl_int(answer, "id");
	json_decref(answer);
	return CMD_EXIT_OK;
}

/* --- the command --------------------------------------------------------- */

struct submit {
	int dry_run, wait;
	uint64_t timeout;
};

static int submit_one(struct ctl *ctl, const struct submit *o, struct job_spec *s)
{
	struct errinfo err = ERRINFO_INIT;
	int64_t id = 0;
	int rc;

	rc = job_spec_complete(s, &err);
	if (rc)
		return ctl_fail(&err, rc);
	if (o->dry_run)
		return ctl_print_json(json_incref(s->doc));
	rc = job_spec_submit(ctl, s, &id);
	if (rc)
		return rc;
	if (!ctl->json)
		printf("%lld\n", (long long)id);
	else if (!o->wait)
		ctl_print_json(json_pack("{sI}", "id", (json_int_t)id));
	fflush(stdout);
	return o->wait ? job_wait_for(ctl, id, o->timeout) : CMD_EXIT_OK;
}

static int submit_file(struct ctl *ctl, const struct submit *o, const char *path)
{
	struct job_spec *jobs = NULL;
	int status = CMD_EXIT_FAILED;
	size_t i, n = 0;

	if (!job_spec_load(path, &jobs, &n))
		status = CMD_EXIT_OK;
	for (i = 0; i < n && !status; i++)
		status = submit_one(ctl, o, &jobs[i]);
	for (i = 0; i < n; i++)
		job_spec_dispose(&jobs[i]);
	free(jobs);
	return status;
}

/* Options that are settings of the job have a job_spec_set word. */
static const struct option options[] = {
	{ "count", 1, NULL, 's' },      { "range", 1, NULL, 's' },
	{ "name", 1, NULL, 's' },       { "input", 1, NULL, 's' },
	{ "env", 1, NULL, 's' },        { "retries", 1, NULL, 's' },
	{ "priority", 1, NULL, 's' },   { "memory", 1, NULL, 's' },
	{ "wall", 1, NULL, 's' },       { "cpu", 1, NULL, 's' },
	{ "output-max", 1, NULL, 's' }, { "key", 1, NULL, 's' },
	{ "dry-run", 0, NULL, 'n' },    { "wait", 0, NULL, 'w' },
	{ "timeout", 1, NULL, 't' },    { NULL, 0, NULL, 0 },
};

/* Every setting but input and env may be given once. */
static int given_twice(unsigned int *given, int which)
{
	const char *word = options[which].name;
	unsigned int bit = 1U << which;

	if (!strcmp(word, "input") || !strcmp(word, "env"))
		return 0;
	/* range is a count and a start */
	if (!strcmp(word, "range"))
		bit |= 1U;
	if (*given & bit)
		return 1;
	*given |= bit;
	return 0;
}

static int parse_options(int argc, char **argv, struct submit *o,
			 struct job_spec *s, unsigned int *given)
{
	struct errinfo err = ERRINFO_INIT;
	int opt, which = 0;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "+", options, &which)) != -1) {
		switch (opt) {
		case 's':
			if (given_twice(given, which))
				return cmd_misuse("--%s: the number of tasks "
						  "or this option is given "
						  "twice",
						  options[which].name);
			if (job_spec_set(s, options[which].name, optarg, &err))
				return cmd_misuse("--%s: %s",
						  options[which].name, err.text);
			break;
		case 'n':
			o->dry_run = 1;
			break;
		case 'w':
			o->wait = 1;
			break;
		case 't':
			if (parse_duration(optarg, &o->timeout) || !o->timeout)
				return cmd_misuse("'%s' is not a time", optarg);
			break;
		default:
			return CMD_EXIT_USAGE;
		}
	}
	return CMD_EXIT_OK;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

int job_submit(int argc, char **argv, void *arg)
{
	struct submit o = { 0, 0, 0 };
	unsigned int given = 0;
	struct job_spec s;
	int i, status, dashes;

	job_spec_init(&s);
	status = parse_options(argc, argv, &o, &s, &given);
	dashes = !strcmp(argv[optind - 1], "--");
	if (status) {
		/* said already */
	} else if (!dashes && argc - optind == 1) {
		status = given || s.n_inputs
				 ? cmd_misuse("a FILE says all of its job: give "
					      "its settings there")
				 : submit_file(arg, &o, argv[optind]);
	} else if (!dashes || optind == argc) {
		status = cmd_misuse("a FILE, or `--` and a command");
	} else {
		for (i = optind; i < argc; i++)
			job_spec_add_arg(&s, argv[i]);
		if (!json_object_get(s.doc, "name"))
			job_spec_set(&s, "name", base_name(argv[optind]), NULL);
		status = submit_one(arg, &o, &s);
	}
	job_spec_dispose(&s);
	return status;
}
