/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - runs in a domU: leases tasks from central, runs each in a sandbox,
 * returns output and result.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "log.h"
#include "worker.h"

static void usage(FILE *to)
{
	fputs("usage: worker [-v] [-f FILE]\n"
	      "       worker [-f FILE] --get KEY\n"
	      "\n"
	      "  -f, --config FILE  read the configuration from FILE, not from xenstore\n"
	      "  -g, --get KEY      print one value of the configuration\n"
	      "  -v, --verbose      say more\n"
	      "  -V, --version      print the version\n"
	      "  -h, --help         print this\n",
	      to);
}

static int print_value(const char *path, const char *key, struct errinfo *err)
{
	auto_free char *v = config_get(path, key, err);

	if (!v)
		return -ENOENT;
	puts(v);
	return 0;
}

/* The kernel is to take the job when memory runs out, not us. */
static void be_last_to_die(void)
{
	auto_close int fd =
		open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "-900", 4) < 0)
		log_warn("cannot protect the worker from running out of memory");
}

static int work(const char *path, struct errinfo *err)
{
	struct worker_config c;
	uid_t uid;
	gid_t gid;
	int rc = config_load(&c, path, err);

	if (!rc && geteuid())
		rc = errinfo_set(err, -EPERM,
				 "must be root, to run jobs as somebody else");
	if (!rc)
		rc = sandbox_user(c.user, &uid, &gid, err);
	if (!rc)
		rc = fileio_mkdirs(c.state, 0700, err);
	if (rc)
		return rc;
	be_last_to_die();
	/* Nobody but root may look into our memory: the token is there. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	return lease_loop(&c, err);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'f' },
		{ "get", required_argument, NULL, 'g' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct errinfo err = ERRINFO_INIT;
	const char *path = NULL, *key = NULL;
	int c, rc;

	log_init("worker", NULL);
	while ((c = getopt_long(argc, argv, "f:g:vVh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			path = optarg;
			break;
		case 'g':
			key = optarg;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'V':
			puts("worker " NIGHTSHIFT_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}
	rc = key ? print_value(path, key, &err) : work(path, &err);
	if (rc)
		log_err("%s", errinfo_text(&err, rc));
	return rc ? 1 : 0;
}
