/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd on a unix socket, driven by our loop: MHD keeps its
 * descriptors in an epoll of its own, which is one descriptor to us.
 *
 * MHD calls handle() several times for each request: once with the headers,
 * once for each piece of the body, once at its end, and once more after a
 * suspended connection was resumed.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "httpd-private.h"

#define CONN_MEMORY (32UL * 1024) /* headers and read buffer of one */
#define CONN_MAX    4096
#define FDS_SPARED  64UL /* for the program around us */
/* More than nginx keeps an idle connection to us (60 s), so that it is nginx
 * who closes and no request meets a closing connection. */
#define CONN_IDLE_SEC 75U

/* Sent before the handler would run. */
static const char *refusal_text(int status)
{
	switch (status) {
	case 400:
		return "bad request target";
	case 404:
		return "no such path";
	case 405:
		return "method not allowed here";
	case 413:
		return "body is too large";
	case 414:
		return "request target is too long";
	case 503:
		return "too many requests at once";
	default:
		return "internal error";
	}
}

static void held_unlink(struct httpd_req *r)
{
	struct httpd *d = r->d;

	loop_fd_del(r->watch);
	r->watch = NULL;
	if (r->prev)
		r->prev->next = r->next;
	else
		d->held = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->prev = r->next = NULL;
}

/* Without a thread of its own MHD does not notice by itself. */
static void resume(struct httpd_req *r)
{
	MHD_resume_connection(r->conn);
	r->d->resumed = 1;
	loop_timer_set(r->d->timer, 0);
}

void httpd_server_answer(struct httpd_req *r)
{
	int held = r->state == REQ_HELD;

	r->state = r->response ? REQ_ANSWERED : REQ_DEAD;
	if (held) {
		held_unlink(r);
		resume(r);
	}
}

/* The peer of a held request hung up. */
static void peer_gone(int fd, short revents, void *arg)
{
	struct httpd_req *r = arg;

	(void)fd;
	if (!(revents & (POLLHUP | POLLERR | POLLNVAL)))
		return;
	held_unlink(r);
	r->state = REQ_DEAD;
	if (r->gone)
		r->gone(r, r->gone_arg);
	resume(r);
}

void httpd_hold(struct httpd_req *r,
		void (*gone)(struct httpd_req *r, void *arg), void *arg)
{
	r->wants_hold = 1;
	r->gone = gone;
	r->gone_arg = arg;
}

static enum MHD_Result suspend(struct httpd_req *r)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);

	/* A suspended connection is not watched by MHD: we do. POLLHUP and
	 * POLLERR need not be asked for. */
	if (info)
		r->watch = loop_fd_add(r->d->loop, info->connect_fd, 0,
				       peer_gone, r);
	if (!r->watch) {
		if (r->gone)
			r->gone(r, r->gone_arg);
		return MHD_NO;
	}
	r->state = REQ_HELD;
	r->next = r->d->held;
	if (r->next)
		r->next->prev = r;
	r->d->held = r;
	MHD_suspend_connection(r->conn);
	return MHD_YES;
}

static enum MHD_Result send_response(struct httpd_req *r)
{
	enum MHD_Result ok;

	if (!r->response)
		return MHD_NO;
	ok = MHD_queue_response(r->conn, r->status, r->response);
	MHD_destroy_response(r->response); /* MHD holds its own reference */
	r->response = NULL;
	return ok;
}

/* MHD read the request line: the first we hear of a request. */
static void *begin(void *cls, const char *uri, struct MHD_Connection *conn)
{
	struct httpd_req *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->d = cls;
	r->conn = conn;
	r->target = strdup(uri);
	if (!r->target) {
		free(r);
		return NULL;
	}
	return r;
}

static void end(void *cls, struct MHD_Connection *conn, void **con_cls,
		enum MHD_RequestTerminationCode why)
{
	struct httpd_req *r = *con_cls;

	(void)cls;
	(void)conn;
	(void)why;
	if (!r)
		return;
	*con_cls = NULL;
	if (r->state == REQ_HELD) {
		held_unlink(r);
		if (r->gone)
			r->gone(r, r->gone_arg);
	}
	if (r->response)
		MHD_destroy_response(r->response);
	r->d->bodies -= r->counted;
	buf_dispose(&r->body);
	json_decref(r->json);
	free(r->rest);
	free(r->path);
	free(r->text);
	free(r->target);
	free(r);
}

static size_t body_max(const struct httpd_req *r)
{
	if (!r->route)
		return 0;
	return r->route->body_max ? r->route->body_max : HTTPD_BODY_MAX;
}

static uint64_t declared_length(const struct httpd_req *r)
{
	const char *text = httpd_header(r, "Content-Length");

	return text ? strtoull(text, NULL, 10) : 0;
}

/*
 * The headers are there. A refusal is sent when the body has been read, as a
 * peer that is still sending would not see it; unless it waits for our word
 * (Expect), or would send more than we care to throw away.
 */
static enum MHD_Result headers(struct httpd_req *r, const char *method)
{
	uint64_t length = declared_length(r);

	r->method = method;
	r->refuse = httpd_route_parse(r);
	if (!r->refuse)
		r->refuse = httpd_route_find(r, r->d->routes);
	r->body.max = body_max(r);
	if (!r->refuse && length > r->body.max)
		r->refuse = 413;
	if (r->refuse && (httpd_header(r, "Expect") ||
			  length > (uint64_t)r->body.max + LINGER_MAX)) {
		r->state = REQ_HANDLING;
		httpd_reply_error(r, r->refuse, "%s", refusal_text(r->refuse));
		return send_response(r);
	}
	return MHD_YES;
}

static enum MHD_Result body_piece(struct httpd_req *r, const char *data,
				  size_t len)
{
	if (!r->refuse && len > r->body.max - r->body.len)
		r->refuse = 413;
	if (!r->refuse && len > BODIES_MAX - r->d->bodies)
		r->refuse = 503;
	if (!r->refuse && buf_add(&r->body, data, len))
		r->refuse = 500;
	if (!r->refuse) {
		r->counted += len;
		r->d->bodies += len;
		return MHD_YES;
	}
	r->over += len;
	return r->over > LINGER_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result dispatch(struct httpd_req *r)
{
	r->state = REQ_HANDLING;
	if (r->refuse)
		httpd_reply_error(r, r->refuse, "%s", refusal_text(r->refuse));
	else
		r->route->fn(r, r->d->arg);
	if (r->state == REQ_HANDLING && r->wants_hold)
		return suspend(r);
	if (r->state == REQ_HANDLING)
		httpd_reply_error(r, 500, "internal error: no answer");
	return send_response(r);
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *conn,
			      const char *url, const char *method,
			      const char *version, const char *data,
			      size_t *len, void **con_cls)
{
	struct httpd_req *r = *con_cls;

	(void)cls;
	(void)conn;
	(void)url;
	(void)version;
	if (!r)
		return MHD_NO;
	switch (r->state) {
	case REQ_READING:
		if (!r->method)
			return headers(r, method);
		if (*len) {
			size_t n = *len;

			*len = 0;
			return body_piece(r, data, n);
		}
		return dispatch(r);
	case REQ_ANSWERED:
		return send_response(r);
	default:
		return MHD_NO;
	}
}

static void pump(struct httpd *d)
{
	MHD_UNSIGNED_LONG_LONG ms;

	d->resumed = 0;
	MHD_run(d->mhd);
	if (d->resumed)
		loop_timer_set(d->timer, 0);
	else if (MHD_get_timeout(d->mhd, &ms) == MHD_YES)
		loop_timer_set(d->timer, (int64_t)ms);
	else
		loop_timer_clear(d->timer);
}

static void on_epoll(int fd, short revents, void *arg)
{
	(void)fd;
	(void)revents;
	pump(arg);
}

static void on_timer(void *arg)
{
	pump(arg);
}

static unsigned int connection_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur > CONN_MAX + FDS_SPARED)
		return CONN_MAX;
	return lim.rlim_cur > 2 * FDS_SPARED
		       ? (unsigned int)(lim.rlim_cur - FDS_SPARED)
		       : (unsigned int)FDS_SPARED;
}

static struct MHD_Daemon *start(struct httpd *d, int fd)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle,
		d, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		connection_limit(), MHD_OPTION_CONNECTION_TIMEOUT, CONN_IDLE_SEC,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONN_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
		begin, d, MHD_OPTION_NOTIFY_COMPLETED, end, d, MHD_OPTION_END);
}

static int attach(struct httpd *d, struct errinfo *err)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);

	if (!info)
		return errinfo_set(err, -EIO, "the HTTP server has no epoll");
	d->timer = loop_timer_add(d->loop, on_timer, d);
	d->epoll = loop_fd_add(d->loop, info->epoll_fd, POLLIN, on_epoll, d);
	if (!d->timer || !d->epoll)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return 0;
}

int httpd_new(struct loop *l, const char *socket_path,
	      const struct httpd_route *routes, void *arg, struct httpd **out,
	      struct errinfo *err)
{
	struct httpd *d = calloc(1, sizeof(*d));
	int fd = -1;
	int rc;

	if (!d)
		return errinfo_set(err, -ENOMEM, "out of memory");
	d->loop = l;
	d->routes = routes;
	d->arg = arg;
	rc = httpd_listen(socket_path, &fd, err);
	if (rc)
		goto err_free;
	d->socket_path = strdup(socket_path);
	d->mhd = start(d, fd);
	if (!d->mhd || !d->socket_path) {
		rc = errinfo_set(err, -EIO, "cannot start the HTTP server");
		if (!d->mhd)
			close(fd);
		goto err_free;
	}
	rc = attach(d, err);
	if (rc)
		goto err_free;
	*out = d;
	return 0;
err_free:
	httpd_free(d);
	return rc;
}

/* A suspended connection must be resumed before MHD may stop. */
static void answer_held(struct httpd *d)
{
	while (d->held) {
		struct httpd_req *r = d->held;
		void (*gone)(struct httpd_req *, void *) = r->gone;

		if (gone)
			gone(r, r->gone_arg);
		r->gone = NULL;
		httpd_reply_error(r, 503, "the server is stopping");
	}
}

void httpd_free(struct httpd *d)
{
	if (!d)
		return;
	if (d->mhd) {
		answer_held(d);
		/* Once to take up what was resumed, once to send it. */
		MHD_run(d->mhd);
		MHD_run(d->mhd);
		MHD_stop_daemon(d->mhd);
	}
	loop_fd_del(d->epoll);
	loop_timer_del(d->timer);
	if (d->socket_path)
		unlink(d->socket_path);
	free(d->socket_path);
	free(d);
}
