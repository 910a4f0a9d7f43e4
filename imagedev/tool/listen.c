/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unix socket, its clients, and what is written down meanwhile: the trace
 * (one decimal block number a line, in order of first reads) and, at the end,
 * the statistics.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "imagedev_nbd.h"
#include "log.h"
#include "tool.h"

#define CLIENTS_MAX 64

struct listener {
	struct loop *loop;
	struct imagedev *dev;
	struct imagedev_nbd *client[CLIENTS_MAX];
	FILE *trace;
};

static void client_gone(void *arg, int rc)
{
	struct imagedev_nbd **slot = arg;

	*slot = NULL;
	if (rc == -EPROTO)
		log_warn("a client sent what is not NBD");
}

static void new_client(int fd, short revents, void *arg)
{
	struct listener *l = arg;
	struct errinfo err = ERRINFO_INIT;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (conn < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (l->client[i])
			continue;
		if (imagedev_nbd_serve(l->loop, l->dev, conn,
				       IMAGEDEV_NBD_NEWSTYLE, client_gone,
				       &l->client[i], &l->client[i], &err)) {
			l->client[i] = NULL;
			log_warn("%s", err.text);
		}
		return;
	}
	log_warn("more than %d clients", CLIENTS_MAX);
	close(conn);
}

static void traced(void *arg, uint32_t block)
{
	struct listener *l = arg;

	fprintf(l->trace, "%" PRIu32 "\n", block);
}

static void stop(int signo, void *arg)
{
	struct listener *l = arg;

	(void)signo;
	loop_quit(l->loop, 0);
}

/* A socket left by a program that died is replaced, another file is not. */
static int bind_socket(const char *path, int *out, struct errinfo *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (strlen(path) >= sizeof(a.sun_path))
		return errinfo_set(err, -ENAMETOOLONG,
				   "%s: path too long for a "
				   "socket (%zu bytes at most)",
				   path, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(fd, CLIENTS_MAX))
		return errinfo_set_errno(err, -errno, "%s", path);
	*out = TAKE_FD(fd);
	return 0;
}

static int write_stats(const char *path, const struct imagedev *dev,
		       struct errinfo *err)
{
	auto_fclose FILE *f = fopen(path, "we");
	struct imagedev_stats s;

	if (!f)
		return errinfo_set_errno(err, -errno, "%s", path);
	imagedev_stats_get(dev, &s);
	/* clang-format off */
	const struct { const char *name; uint64_t value; } field[] = {
		{ "reads", s.reads },
		{ "read_bytes", s.read_bytes },
		{ "requests", s.requests },
		{ "fetched_bytes", s.fetched_bytes },
		{ "offered_bytes", s.offered_bytes },
		{ "shared_bytes", s.shared_bytes },
		{ "bad", s.bad },
		{ "retries", s.retries },
		{ "waiting", s.waiting },
		{ "cached_bytes", s.cached_bytes },
		{ "decoded_bytes", s.decoded_bytes },
		{ "bundle_bytes", s.bundle_bytes },
		{ "bundle_have", s.bundle_have },
		{ "chunks", s.chunks },
		{ "chunks_have", s.chunks_have },
	};
	/* clang-format on */
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		fprintf(f, "%s\"%s\": %" PRIu64, i ? ", " : "{", field[i].name,
			field[i].value);
	if (fputs("}\n", f) == EOF || fflush(f))
		return errinfo_set_errno(err, -errno, "%s", path);
	return 0;
}

static int run(struct listener *l, const struct serve *s, struct errinfo *err)
{
	auto_close int fd = -1;
	struct loop_fd *event;
	int rc = bind_socket(s->socket, &fd, err);

	if (rc)
		return rc;
	event = loop_fd_add(l->loop, fd, POLLIN, new_client, l);
	if (!event || loop_signal(l->loop, SIGTERM, stop, l) ||
	    loop_signal(l->loop, SIGINT, stop, l))
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (s->ready_fd >= 0) {
		if (write(s->ready_fd, "\n", 1) != 1)
			log_warn("nobody waits for readiness");
		close(s->ready_fd);
	}
	rc = loop_run(l->loop);
	loop_fd_del(event);
	unlink(s->socket);
	for (int i = 0; i < CLIENTS_MAX; i++)
		imagedev_nbd_close(l->client[i]);
	return rc;
}

int tool_listen(struct loop *loop, const struct serve *s, struct imagedev *dev,
		struct errinfo *err)
{
	struct listener l = { .loop = loop, .dev = dev };
	int rc;

	if (s->trace) {
		l.trace = fopen(s->trace, "we");
		if (!l.trace)
			return errinfo_set_errno(err, -errno, "%s", s->trace);
		imagedev_trace(dev, traced, &l);
	}
	rc = run(&l, s, err);
	if (l.trace && (ferror(l.trace) | fclose(l.trace)) && !rc)
		rc = errinfo_set_errno(err, -errno, "%s", s->trace);
	if (s->stats && !rc)
		rc = write_stats(s->stats, dev, err);
	return rc;
}
