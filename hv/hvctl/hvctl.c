/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hvctl - domains from the command line; see hvctl(8).
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "log.h"
#include "parse.h"

#include "hvctl.h"

#define WAIT_MAX_SEC 1000000
#define MIB          1048576U

int hvctl_fail(const struct errinfo *err, int rc)
{
	fflush(stdout);
	log_err("%s", errinfo_text(err, rc));
	return CMD_EXIT_FAILED;
}

int hvctl_find(struct hvctl *ctl, const char *word, struct hv_domain *out,
	       struct errinfo *err)
{
	int domid, rc;

	rc = hv_domain_find(ctl->hv, word, out, err);
	if (rc != -ENOENT || parse_int(word, 1, INT32_MAX, &domid))
		return rc;
	return hv_domain_get(ctl->hv, (hv_domid)domid, out, err);
}

/* ---- commands on one domain ------------------------------------------- */

typedef int (*domain_fn)(struct hv *hv, hv_domid domid, struct errinfo *err);

static int on_domain(int argc, char **argv, void *arg, domain_fn fn)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	int rc;

	if (argc != 2)
		return cmd_misuse("needs a domain");
	rc = hvctl_find(ctl, argv[1], &d, &err);
	if (!rc)
		rc = fn(ctl->hv, d.domid, &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

static int cmd_destroy(int argc, char **argv, void *arg)
{
	return on_domain(argc, argv, arg, hv_domain_destroy);
}

static int cmd_pause(int argc, char **argv, void *arg)
{
	return on_domain(argc, argv, arg, hv_domain_pause);
}

static int cmd_unpause(int argc, char **argv, void *arg)
{
	return on_domain(argc, argv, arg, hv_domain_unpause);
}

static int wait_for(struct hvctl *ctl, hv_domid domid, int sec,
		    struct errinfo *err)
{
	enum hv_reason reason;
	int rc;

	rc = hv_domain_wait(ctl->hv, domid, sec < 0 ? -1 : sec * 1000, &reason,
			    err);
	if (!rc)
		printf("%s\n", hv_reason_name(reason));
	return rc;
}

/* DOMAIN [SEC] */
static int domain_and_time(int argc, char **argv, struct hvctl *ctl,
			   struct hv_domain *d, int *sec)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (argc != 2 && argc != 3)
		return cmd_misuse("needs a domain, and maybe seconds");
	if (argc == 3 && parse_int(argv[2], 0, WAIT_MAX_SEC, sec))
		return cmd_misuse("'%s' is no number of seconds", argv[2]);
	rc = hvctl_find(ctl, argv[1], d, &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

static int cmd_wait(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	int rc, sec = -1;

	rc = domain_and_time(argc, argv, ctl, &d, &sec);
	if (rc)
		return rc;
	rc = wait_for(ctl, d.domid, sec, &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

static int cmd_shutdown(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	int rc, sec = 0;

	rc = domain_and_time(argc, argv, ctl, &d, &sec);
	if (rc)
		return rc;
	rc = hv_domain_shutdown(ctl->hv, d.domid, &err);
	if (!rc && argc == 3)
		rc = wait_for(ctl, d.domid, sec, &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

/* Foreign bytes: only lines and printable ASCII reach the terminal as such. */
static void print_foreign(const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f))
			putchar(c);
		else if (c != '\r')
			printf("\\x%02x", c);
	}
	fflush(stdout);
}

/* Prints what is new; returns the number of bytes. */
static int print_console(struct hvctl *ctl, hv_domid domid, uint64_t *pos,
			 struct errinfo *err)
{
	char data[4096];
	int n, sum = 0;

	for (;;) {
		n = hv_console_read(ctl->hv, domid, pos, data, sizeof(data), err);
		if (n <= 0)
			return n < 0 ? n : sum;
		print_foreign(data, (size_t)n);
		sum += n;
	}
}

static bool has_ended(struct hv *hv, hv_domid domid)
{
	struct hv_domain d;

	return hv_domain_get(hv, domid, &d, NULL) || d.reason != HV_REASON_NONE;
}

#define LAST_WORDS_MS 300 /* xenconsoled may be behind a dead domain */

static int follow(struct hvctl *ctl, hv_domid domid, int64_t end,
		  struct errinfo *err)
{
	struct pollfd pfd = { .fd = hv_fd(ctl->hv), .events = POLLIN };
	bool ended = false;
	uint64_t pos = 0;
	int n, rc;

	for (;;) {
		rc = hv_dispatch(ctl->hv, err);
		if (rc)
			return rc;
		n = print_console(ctl, domid, &pos, err);
		if (n < 0)
			return n == -ENOENT ? 0 : n;
		if ((ended && !n) || clock_boot_ms() >= end)
			return 0;
		ended = has_ended(ctl->hv, domid);
		if (poll(&pfd, 1, ended ? LAST_WORDS_MS : 1000) < 0 &&
		    errno != EINTR)
			return errinfo_set_errno(err, -errno, "poll");
	}
}

static int cmd_console(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	int rc, sec = WAIT_MAX_SEC;

	rc = domain_and_time(argc, argv, ctl, &d, &sec);
	if (rc)
		return rc;
	rc = follow(ctl, d.domid, clock_boot_ms() + (int64_t)sec * 1000, &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

/* ---- changes ---------------------------------------------------------- */

static int cmd_sched(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	int weight, cap, rc;

	if (argc != 3 && argc != 4)
		return cmd_misuse("needs a domain, a weight and maybe a cap");
	rc = hvctl_find(ctl, argv[1], &d, &err);
	if (rc)
		return hvctl_fail(&err, rc);
	cap = (int)d.cap;
	if (parse_int(argv[2], 1, HV_WEIGHT_MAX, &weight))
		return cmd_misuse("weight '%s' is not 1 to %d", argv[2],
				  HV_WEIGHT_MAX);
	if (argc == 4 && parse_int(argv[3], 0, 100 * HV_VCPU_MAX, &cap))
		return cmd_misuse("cap '%s' is no percentage", argv[3]);
	rc = hv_domain_set_sched(ctl->hv, d.domid, (uint32_t)weight,
				 (uint32_t)cap, &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

static int cmd_memory(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	uint64_t bytes;
	int rc;

	if (argc != 3)
		return cmd_misuse("needs a domain and a size");
	if (parse_size(argv[2], &bytes) || bytes % MIB || bytes / MIB > UINT32_MAX)
		return cmd_misuse("'%s' is no size in whole MiB (like 256M)",
				  argv[2]);
	rc = hvctl_find(ctl, argv[1], &d, &err);
	if (!rc)
		rc = hv_domain_set_memory(ctl->hv, d.domid,
					  (uint32_t)(bytes / MIB), &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

static int cmd_vcpus(int argc, char **argv, void *arg)
{
	struct hvctl *ctl = arg;
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	int rc, n;

	if (argc != 3)
		return cmd_misuse("needs a domain and a number");
	if (parse_int(argv[2], 1, HV_VCPU_MAX, &n))
		return cmd_misuse("'%s' is no number of vcpus", argv[2]);
	rc = hvctl_find(ctl, argv[1], &d, &err);
	if (!rc)
		rc = hv_domain_set_vcpus(ctl->hv, d.domid, (uint32_t)n, &err);
	return rc ? hvctl_fail(&err, rc) : CMD_EXIT_OK;
}

static const struct cmd commands[] = {
	{ "info", hvctl_info, "", "facts about this machine", NULL },
	{ "list", hvctl_list, "", "all domUs", NULL },
	{ "show", hvctl_show, "DOMAIN", "one domain and its devices", NULL },
	{ "create", hvctl_create, "FILE",
	  "build and start the domains that FILE describes",
	  "FILE is - for standard input. Its grammar is in hvctl(8)." },
	{ "wait", cmd_wait, "DOMAIN [SEC]",
	  "wait until it ends and print how: poweroff, crash, ...", NULL },
	{ "console", cmd_console, "DOMAIN [SEC]",
	  "print its console until it ends", NULL },
	{ "shutdown", cmd_shutdown, "DOMAIN [SEC]",
	  "ask it to power off, and wait so long", NULL },
	{ "destroy", cmd_destroy, "DOMAIN",
	  "end it at once, or clear a dead one away", NULL },
	{ "pause", cmd_pause, "DOMAIN", "stop its vcpus", NULL },
	{ "unpause", cmd_unpause, "DOMAIN", "let them run", NULL },
	{ "sched", cmd_sched, "DOMAIN WEIGHT [CAP]",
	  "set its share of the CPUs, and its limit in percent of one", NULL },
	{ "memory", cmd_memory, "DOMAIN SIZE", "set its balloon target", NULL },
	{ "vcpus", cmd_vcpus, "DOMAIN N", "set its number of online vcpus", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

/* ---- main ------------------------------------------------------------- */

static void log_line(enum hv_log_level level, const char *text, void *arg)
{
	static const enum log_level levels[] = {
		[HV_LOG_ERR] = LOG_LEVEL_WARN, /* the error itself follows */
		[HV_LOG_WARN] = LOG_LEVEL_WARN,
		[HV_LOG_INFO] = LOG_LEVEL_INFO,
		[HV_LOG_DEBUG] = LOG_LEVEL_DEBUG,
	};

	if (*(const int *)arg)
		log_write(levels[level], "libxl", 0, "%s", text);
}

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'B' },
	{ "json", no_argument, NULL, 'j' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static bool needs_help_only(int argc, char **argv)
{
	int i;

	if (argc < 1 || !strcmp(argv[0], "help"))
		return true;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	}
	for (i = 0; commands[i].name; i++) {
		if (!strcmp(commands[i].name, argv[0]))
			return false;
	}
	return true;
}

static int usage(int to_stderr)
{
	cmd_usage("hvctl", commands, to_stderr);
	fputs("\noptions: -B, --backend libxl | fake:DIR, -j, --json,\n"
	      "         -v, --verbose, -V, --version, -h, --help\n",
	      to_stderr ? stderr : stdout);
	return to_stderr ? CMD_EXIT_USAGE : CMD_EXIT_OK;
}

int main(int argc, char **argv)
{
	struct hvctl ctl = { .backend = "libxl" };
	struct errinfo err = ERRINFO_INIT;
	int opt, rc, verbose = 0;

	log_init("hvctl", NULL);
	/* "+": options of a command are the command's. */
	while ((opt = getopt_long(argc, argv, "+B:jvhV", options, NULL)) >= 0) {
		switch (opt) {
		case 'B':
			ctl.backend = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'v':
			verbose++;
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'h':
			return usage(0);
		case 'V':
			puts("hvctl " NIGHTSHIFT_VERSION);
			return CMD_EXIT_OK;
		default:
			return usage(1);
		}
	}
	argc -= optind;
	argv += optind;
	if (needs_help_only(argc, argv))
		return cmd_main("hvctl", commands, argc, argv, &ctl);
	ctl.hv = hv_open(ctl.backend, log_line, &verbose, &err);
	if (!ctl.hv)
		return hvctl_fail(&err, err.rc);
	rc = cmd_main("hvctl", commands, argc, argv, &ctl);
	hv_close(ctl.hv);
	return rc;
}
