/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carouseld serve
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "carousel.h"
#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "parse.h"
#include "sandbox.h"
#include "tool.h"

struct serve {
	struct carousel_send_config send;
	const char *dir;
	int blobs; /* descriptor of DIR/blobs */
	int notify;
};

/* "600M", "1G": powers of 1000, as link speeds are. */
static int rate(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	char digits[24];
	size_t n = strlen(text);
	const char *unit = n ? strchr(units, text[n - 1]) : NULL;

	if (!n || n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, n + 1);
	if (unit && *unit)
		digits[n - 1] = '\0';
	if (parse_u64(digits, 1, 100ULL * 1000000000, out))
		return -EINVAL;
	for (int i = 0; unit && *unit && i <= unit - units; i++)
		*out *= 1000;
	return *out < 1000000 || *out > 100ULL * 1000000000 ? -ERANGE : 0;
}

/* The whole name of which `object` is the first half. */
static int find_name(int dir, const char *object, char out[HASH_HEX])
{
	int fd = dup(dir), rc = -ENOENT;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while (rc && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, object, strlen(object)) ||
		    !hash_is_hex(e->d_name))
			continue;
		memcpy(out, e->d_name, HASH_HEX);
		rc = 0;
	}
	closedir(d);
	return rc;
}

static int open_blob(void *arg, const char *object, int *fd, uint64_t *size)
{
	struct serve *s = arg;
	auto_close int dir = -1, file = -1;
	char sub[3] = { object[0], object[1], '\0' }, name[HASH_HEX];
	struct stat st;
	int rc;

	dir = openat(s->blobs, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	rc = find_name(dir, object, name);
	if (rc)
		return rc;
	file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0 || fstat(file, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	log_debug("blob %s, %" PRIu64 " bytes", name, (uint64_t)st.st_size);
	*size = (uint64_t)st.st_size;
	*fd = TAKE_FD(file);
	return 0;
}

static void on_signal(int signo, void *arg)
{
	(void)signo;
	loop_quit(arg, 0);
}

static int parse(struct serve *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interface", 1, NULL, 'i' }, { "dir", 1, NULL, 'd' },
		{ "group", 1, NULL, 'g' },     { "port", 1, NULL, 'p' },
		{ "rate", 1, NULL, 'r' },      { "crowd", 1, NULL, 'c' },
		{ "parity", 1, NULL, 'P' },    { "notify", 1, NULL, 'n' },
		{ "verbose", 0, NULL, 'v' },   { NULL, 0, NULL, 0 },
	};
	struct carousel_send_config *c = &s->send;
	int o, n, rc = 0;

	c->rate_bps = 600000000;
	while (!rc && (o = getopt_long(argc, argv, "i:d:g:p:r:c:P:n:v", options,
				       NULL)) != -1) {
		switch (o) {
		case 'i':
			rc = tool_address(optarg, &c->interface);
			break;
		case 'd':
			s->dir = optarg;
			break;
		case 'g':
			rc = tool_address(optarg, &c->group);
			break;
		case 'p':
			rc = tool_port(optarg, &c->port);
			break;
		case 'r':
			if (rate(optarg, &c->rate_bps))
				rc = cmd_misuse("'%s' is no rate (1M to 100G)",
						optarg);
			break;
		case 'c':
			if (parse_int(optarg, 1, 500, &n))
				rc = cmd_misuse("a crowd is of 1 to 500");
			else
				c->crowd = (unsigned int)n;
			break;
		case 'P':
			if (parse_int(optarg, 0, 32, &n))
				rc = cmd_misuse("parity is 0 to 32 symbols");
			else
				c->parity = (unsigned int)n;
			break;
		case 'n':
			if (parse_int(optarg, 0, 1023, &s->notify))
				rc = cmd_misuse("'%s' is no descriptor", optarg);
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		default:
			rc = CMD_EXIT_USAGE;
		}
	}
	if (!rc && (optind != argc || !c->interface || !s->dir))
		rc = cmd_misuse("serve takes --interface and --dir");
	return rc;
}

static int run(struct serve *s, struct loop *loop)
{
	struct errinfo err = ERRINFO_INIT;
	struct carousel_send_stats stats;
	struct carousel_send *send = NULL;
	char group[PARSE_IPV4_STR], at[PARSE_IPV4_STR];
	int rc;

	loop_signal(loop, SIGTERM, on_signal, loop);
	loop_signal(loop, SIGINT, on_signal, loop);
	rc = carousel_send_new(loop, &s->send, open_blob, s, &send, &err);
	if (!rc)
		rc = sandbox_only_below(s->blobs, &err);
	if (rc == -EOPNOTSUPP)
		log_warn("any file that we may read could be sent: %s",
			 errinfo_text(&err, rc));
	if (!rc || rc == -EOPNOTSUPP)
		rc = sandbox_enter(SANDBOX_SERVE, -1, NULL, &err);
	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
		carousel_send_free(send);
		return CMD_EXIT_FAILED;
	}
	format_ipv4(s->send.interface, at);
	format_ipv4(s->send.group, group);
	log_info("%s sends %s/blobs to %s, at most %" PRIu64 " Mbit/s", at,
		 s->dir, s->send.group ? group : CAROUSEL_GROUP,
		 s->send.rate_bps / 1000000);
	if (s->notify >= 0 && write(s->notify, "\n", 1) == 1)
		close(s->notify);
	rc = loop_run(loop);
	carousel_send_stats_get(send, &stats);
	carousel_send_free(send);
	log_info("%" PRIu64 " turns, %" PRIu64 " symbols, %" PRIu64
		 " of them repairs, %" PRIu64 " bytes; %" PRIu64
		 " wants, %" PRIu64 " refused",
		 stats.turns, stats.symbols, stats.repairs, stats.bytes,
		 stats.wants, stats.refused);
	return rc ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

int tool_serve(int argc, char **argv, void *arg)
{
	struct serve s = { .blobs = -1, .notify = -1 };
	auto_free char *path = NULL;
	struct loop *loop;
	int rc;

	(void)arg;
	rc = parse(&s, argc, argv);
	if (rc)
		return rc;
	if (asprintf(&path, "%s/blobs", s.dir) < 0)
		return CMD_EXIT_FAILED;
	s.blobs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.blobs < 0) {
		log_err("%s: %s: not a repository", path, strerror(errno));
		return CMD_EXIT_FAILED;
	}
	loop = loop_new();
	rc = loop ? run(&s, loop) : CMD_EXIT_FAILED;
	loop_free(loop);
	close(s.blobs);
	return rc;
}
