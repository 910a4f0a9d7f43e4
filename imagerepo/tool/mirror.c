/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror: the command. Once, or (--watch) until it is told to end: then the
 * list of wanted images is read again when it changes or on SIGHUP.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "fileio.h"
#include "meta.h"
#include "mirror.h"
#include "tool.h"

#define LOOK_MS   500 /* at the list of wanted images */
#define CHECK_SEC (7 * META_DAY)

struct watch {
	int signals; /* signalfd */
	int ended, hup;
	struct stat was; /* of the list */
};

static struct watch watch = { .signals = -1 };

static int list_changed(const struct mirror *m)
{
	struct stat st = { 0 };

	if (!m->wanted_file || stat(m->wanted_file, &st))
		return 0;
	return st.st_ino != watch.was.st_ino || st.st_size != watch.was.st_size ||
	       st.st_mtim.tv_sec != watch.was.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != watch.was.st_mtim.tv_nsec;
}

static void read_signals(void)
{
	struct signalfd_siginfo info;

	while (read(watch.signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			watch.hup = 1;
		else
			watch.ended = 1;
	}
}

static int interrupted(struct mirror *m)
{
	read_signals();
	return watch.ended || watch.hup || list_changed(m) ? -EINTR : 0;
}

/* What is known of an image stays known. */
static void carry_over(const struct mirror *m, struct mirror_image *i)
{
	for (size_t k = 0; k < m->n_images; k++)
		if (!strcmp(m->images[k].sha256, i->sha256))
			*i = m->images[k];
}

/* The list, anew; one that cannot be read leaves the old one in force. */
static int load_wanted(struct mirror *m, struct errinfo *err)
{
	auto_free struct wanted *list = NULL;
	struct mirror_image *images;
	size_t n;
	int rc;

	if (!m->wanted_file)
		return 0;
	memset(&watch.was, 0, sizeof(watch.was));
	if (stat(m->wanted_file, &watch.was))
		memset(&watch.was, 0, sizeof(watch.was));
	rc = wanted_load(m->wanted_file, &list, &n, err);
	if (rc)
		return rc;
	images = calloc(n + 1, sizeof(*images));
	if (!images)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		images[i].w = list[i];
		strcpy(images[i].sha256, list[i].sha256);
		carry_over(m, &images[i]);
	}
	mirror_free_images(m);
	m->images = images;
	m->n_images = n;
	return 0;
}

static int wait_for_more(struct mirror *m)
{
	int64_t until_ms = clock_boot_ms() + (int64_t)m->watch_sec * 1000;

	while (clock_boot_ms() < until_ms) {
		struct pollfd p = { watch.signals, POLLIN, 0 };

		poll(&p, 1, LOOK_MS);
		if (interrupted(m))
			break;
	}
	watch.hup = 0;
	return watch.ended;
}

static void print_result(const struct mirror *m, int rc, const char *error)
{
	char bytes[TOOL_SIZE];
	auto_free char *text = NULL;
	json_t *j;
	size_t complete = 0;

	for (size_t i = 0; i < m->n_images; i++)
		complete += m->images[i].state == MIRROR_COMPLETE;
	if (!m->json) {
		printf("%zu of %zu images complete, %s over the wire in %u "
		       "requests\n",
		       complete, m->n_images,
		       tool_size(fetch_bytes(m->from), bytes),
		       fetch_requests(m->from));
		return;
	}
	j = mirror_json(m);
	json_object_set_new(j, "ok", json_boolean(!rc));
	json_object_set_new(j, "error", json_string(error));
	json_object_set_new(j, "bytes",
			    json_integer((json_int_t)fetch_bytes(m->from)));
	json_object_set_new(j, "requests", json_integer(fetch_requests(m->from)));
	json_object_set_new(j, "blobs", json_integer((json_int_t)m->blobs));
	json_object_set_new(j, "delta_bytes",
			    json_integer((json_int_t)m->delta_bytes));
	json_object_set_new(j, "packs_rebuilt",
			    json_integer((json_int_t)m->packs_rebuilt));
	json_object_set_new(j, "damaged", json_integer((json_int_t)m->damaged));
	text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(j);
	printf("%s\n", text ? text : "");
	fflush(stdout);
}

static int once(struct mirror *m, struct errinfo *err)
{
	int rc = mirror_run(m, err);

	mirror_end(m);
	if (!m->quiet && isatty(STDERR_FILENO))
		fputc('\n', stderr);
	for (size_t i = 0; i < m->n_images && !rc; i++)
		if (m->images[i].state == MIRROR_FAILED)
			rc = errinfo_set(err, -EIO, "%s", m->images[i].error);
	return rc;
}

static int run_watch(struct mirror *m)
{
	struct errinfo err = ERRINFO_INIT;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	watch.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch.signals < 0)
		return errinfo_set_errno(&err, -errno, "signalfd");
	m->interrupted = interrupted;
	do {
		int rc = load_wanted(m, &err);

		if (rc)
			fprintf(stderr, TOOL_NAME ": %s\n",
				errinfo_text(&err, rc));
		rc = once(m, &err);
		if (rc == -EINTR)
			continue;
		if (rc)
			fprintf(stderr, TOOL_NAME ": %s\n",
				errinfo_text(&err, rc));
		if (m->json)
			print_result(m, rc, rc ? errinfo_text(&err, rc) : "");
	} while (!wait_for_more(m));
	return 0;
}

static int run(struct mirror *m, struct errinfo *err)
{
	const struct fetch_config config = { .where = m->where,
					     .rate = m->rate,
					     .stall_sec = m->stall_sec,
					     .tries = m->tries };
	int rc = fileio_mkdirs(m->dir, 0755, err);

	if (!rc)
		rc = fetch_open(&config, &m->from, err);
	if (!rc)
		rc = mirror_load(m, err);
	if (!rc && m->watch_sec) {
		rc = run_watch(m);
	} else if (!rc) {
		rc = load_wanted(m, err);
		if (!rc)
			rc = once(m, err);
		if (!rc || m->json)
			print_result(m, rc, rc ? errinfo_text(err, rc) : "");
	}
	fetch_close(m->from);
	mirror_free_images(m);
	free(m->root);
	return rc;
}

static int add_words(struct mirror *m, int argc, char **argv, struct errinfo *err)
{
	m->images = calloc((size_t)argc + 1, sizeof(*m->images));
	if (!m->images)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < argc; i++) {
		int rc = wanted_parse(argv[i], &m->images[i].w, err);

		if (rc)
			return rc;
		strcpy(m->images[i].sha256, m->images[i].w.sha256);
	}
	m->n_images = (size_t)argc;
	return 0;
}

static int set_number(const char *what, int rc, const char *text)
{
	return rc ? cmd_misuse("--%s: '%s' is no %s", what, text,
			       strcmp(what, "limit-rate") ? "time such as 30s"
							  : "size such as 2M")
		  : 0;
}

static int set_option(struct mirror *m, int c)
{
	uint64_t sec = 0;
	int rc = 0;

	switch (c) {
	case 't':
		m->dir = optarg;
		break;
	case 'u':
		m->where = optarg;
		break;
	case 'R':
		m->root_file = optarg;
		break;
	case 'w':
		m->wanted_file = optarg;
		break;
	case 'W':
		rc = set_number("watch", parse_duration(optarg, &sec) || !sec,
				optarg);
		m->watch_sec = (int)sec;
		break;
	case 'l':
		rc = set_number("limit-rate", parse_size(optarg, &m->rate),
				optarg);
		break;
	case 's':
		rc = set_number("stall", parse_duration(optarg, &sec), optarg);
		m->stall_sec = (int)sec;
		break;
	case 'P':
		rc = set_number("prune", parse_duration(optarg, &m->prune_sec),
				optarg);
		m->prune = 1;
		break;
	case 'A':
		rc = tool_parse_at(optarg, &m->at_ms);
		break;
	case 'T':
		rc = parse_int(optarg, 1, 1000, &m->tries)
			     ? cmd_misuse("--tries: '%s' is not 1 to 1000", optarg)
			     : 0;
		break;
	case 'f':
		m->boot_only = 0;
		break;
	case 'b':
		m->boot_only = 1;
		break;
	case 'c':
		rc = set_number("check", parse_duration(optarg, &m->check_sec),
				optarg);
		m->check = 1;
		break;
	case 'e':
		m->early = 1;
		break;
	case 'D':
		m->deltas = 1;
		break;
	case 'j':
		m->json = 1;
		break;
	case 'q':
		m->quiet = 1;
		break;
	default:
		rc = cmd_misuse("see --help");
	}
	return rc;
}

int tool_mirror(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "url", required_argument, NULL, 'u' },
		{ "root", required_argument, NULL, 'R' },
		{ "wanted", required_argument, NULL, 'w' },
		{ "watch", required_argument, NULL, 'W' },
		{ "limit-rate", required_argument, NULL, 'l' },
		{ "stall", required_argument, NULL, 's' },
		{ "tries", required_argument, NULL, 'T' },
		{ "prune", required_argument, NULL, 'P' },
		{ "at", required_argument, NULL, 'A' },
		{ "full", no_argument, NULL, 'f' },
		{ "bundle-only", no_argument, NULL, 'b' },
		{ "check", required_argument, NULL, 'c' },
		{ "early", no_argument, NULL, 'e' },
		{ "deltas", no_argument, NULL, 'D' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	static struct mirror m;
	struct errinfo err = ERRINFO_INIT;
	int c, rc = 0;

	(void)arg;
	while (!rc && (c = getopt_long(argc, argv, "t:u:R:w:W:l:jq", options,
				       NULL)) != -1)
		rc = set_option(&m, c);
	if (rc)
		return rc;
	if (!m.dir || !m.where || !m.root_file)
		return cmd_misuse("--to, --url and --root are needed");
	if (m.watch_sec && !m.check) {
		m.check = 1;
		m.check_sec = CHECK_SEC;
	}
	/* Who gives a list serves nodes, which need not wait for the end. */
	if (m.wanted_file)
		m.early = 1;
	if (m.wanted_file ? argc != optind : argc == optind)
		return cmd_misuse("name images, or a list by --wanted");
	rc = add_words(&m, argc - optind, argv + optind, &err);
	if (!rc)
		rc = run(&m, &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
