/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net - HTTP requests to the one gateway by libcurl, several at once. It reads
 * no meaning into what it carries; it may be anybody's after the first bad
 * byte from the network, and what it says is treated so.
 *
 * No file, no descriptor and no name look-up is needed here, so that the same
 * code can run in a domain of its own behind a byte stream.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "net.h"

#define XFERS_MAX       8
#define CONNECT_SEC     10
#define DOCUMENT_SEC    30  /* a whole document; a blob may take longer, */
#define LOW_SPEED_BYTES 512 /* but must keep this rate */
#define LOW_SPEED_SEC   20
#define POLL_MS         1000
#define HEADERS_MAX     16

struct xfer {
	CURL *easy; /* NULL: free */
	uint32_t id;
	uint64_t got, max;
	int sent, too_long;
	struct curl_slist *headers;
	char *body;
	char error[CURL_ERROR_SIZE];
};

static struct {
	const char *gateway;
	CURLM *multi;
	struct ipc *main;
	struct xfer xfers[XFERS_MAX];
} net;

int proc_net_prepare(const struct options *o, struct errinfo *err)
{
	net.gateway = o->gateway;
	/* Reads OpenSSL's configuration: before the files are gone. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return errinfo_set(err, -EIO, "libcurl does not start");
	net.multi = curl_multi_init();
	if (!net.multi)
		return -ENOMEM;
	net_get_init(net.multi, o->gateway, o->http_port);
	return 0;
}

static void must_send(int rc)
{
	if (rc)
		exit(EXIT_FAILURE); /* main is gone: nothing left to do */
}

static void done(uint32_t id, int status, int rc, const char *text)
{
	struct msg_net_done d = { .status = status, .rc = rc };

	log_quote(d.text, sizeof(d.text), text, strlen(text));
	must_send(ipc_post(net.main, MSG_NET_DONE, id, &d));
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct xfer *x = arg;
	size_t len = size * n;

	x->got += len;
	if (x->got > x->max) {
		x->too_long = 1;
		return 0;
	}
	for (size_t off = 0, part; off < len; off += part) {
		part = len - off < MSG_DATA_MAX ? len - off : MSG_DATA_MAX;
		must_send(ipc_send(net.main, MSG_NET_DATA, x->id, NULL,
				   data + off, part, NULL, 0));
	}
	return len;
}

/* Signed requests must reach the gateway in order: main waits for this before
 * it lets the next one go. */
/* NOLINTNEXTLINE(readability-non-const-parameter): curl's type */
static int on_request(void *arg, char *ip, char *local, int port, int lport)
{
	struct xfer *x = arg;

	(void)ip;
	(void)local;
	(void)port;
	(void)lport;
	if (!x->sent)
		must_send(ipc_post(net.main, MSG_NET_SENT, x->id, NULL));
	x->sent = 1;
	return CURL_PREREQFUNC_OK;
}

static void xfer_free(struct xfer *x)
{
	if (!x->easy)
		return;
	curl_multi_remove_handle(net.multi, x->easy);
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->headers);
	free(x->body);
	memset(x, 0, sizeof(*x));
}

/* "Name: value\n" lines; only printable bytes may stand in one. */
static int add_headers(struct xfer *x, const char *text, size_t len)
{
	char line[1024];
	const char *end;
	struct curl_slist *l;
	size_t n;

	for (int i = 0; len; i++) {
		end = memchr(text, '\n', len);
		n = end ? (size_t)(end - text) : 0;
		if (!n || n >= sizeof(line) || i == HEADERS_MAX)
			return -EINVAL;
		for (size_t j = 0; j < n; j++)
			if (text[j] < 0x20 || text[j] == 0x7f)
				return -EINVAL;
		memcpy(line, text, n);
		line[n] = '\0';
		l = curl_slist_append(x->headers, line);
		if (!l)
			return -ENOMEM;
		x->headers = l;
		text += n + 1;
		len -= n + 1;
	}
	return 0;
}

static int path_ok(const char *path)
{
	return path[0] == '/' && path[1] != '/' &&
	       strspn(path, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789/-._?=&") == strlen(path);
}

static void set_bounds(struct xfer *x, const struct msg_net_request *q)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SEC);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME,
			 (long)LOW_SPEED_SEC + q->wait_sec);
	if (q->max <= MSG_DOC_MAX)
		curl_easy_setopt(e, CURLOPT_TIMEOUT,
				 (long)DOCUMENT_SEC + q->wait_sec);
}

static void set_safety(struct xfer *x, const struct msg_net_request *q)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, q->https ? "https" : "http");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
	if (!q->https)
		return;
	/* The key's pin is signed by the gateway's key in the root document:
	 * names and issuers of certificates add nothing to that. */
	curl_easy_setopt(e, CURLOPT_PINNEDPUBLICKEY, q->pin);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void set_body(struct xfer *x, const char *body, size_t len)
{
	CURL *e = x->easy;

	x->body = malloc(len + 1);
	if (!x->body)
		exit(EXIT_FAILURE);
	memcpy(x->body, body, len);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->body);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
}

static struct xfer *xfer_new(void)
{
	for (int i = 0; i < XFERS_MAX; i++)
		if (!net.xfers[i].easy) {
			net.xfers[i].easy = curl_easy_init();
			return net.xfers[i].easy ? &net.xfers[i] : NULL;
		}
	return NULL;
}

static void on_net_request(const struct msg *m)
{
	const struct msg_net_request *q = m->body;
	char url[MSG_PATH_LEN + 64];
	struct xfer *x;

	if (!path_ok(q->path) || q->headers_len > m->tail_len ||
	    (q->https && strncmp(q->pin, "sha256//", 8) != 0)) {
		done(m->id, 0, -EINVAL, "request refused by net's own rules");
		return;
	}
	x = xfer_new();
	if (!x) {
		done(m->id, 0, -EBUSY, "too many requests at once");
		return;
	}
	x->id = m->id;
	x->max = q->max;
	if (add_headers(x, (const char *)m->tail, q->headers_len)) {
		xfer_free(x);
		done(m->id, 0, -EINVAL, "bad header line");
		return;
	}
	snprintf(url, sizeof(url), "%s://%s:%d%s", q->https ? "https" : "http",
		 net.gateway, q->port, q->path);
	curl_easy_setopt(x->easy, CURLOPT_URL, url);
	curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
	curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(x->easy, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	set_safety(x, q);
	set_bounds(x, q);
	if (q->method == MSG_METHOD_POST)
		set_body(x, (const char *)m->tail + q->headers_len,
			 m->tail_len - q->headers_len);
	curl_multi_add_handle(net.multi, x->easy);
}

static void on_net_cancel(const struct msg *m)
{
	for (int i = 0; i < XFERS_MAX; i++)
		if (net.xfers[i].easy && net.xfers[i].id == m->id)
			xfer_free(&net.xfers[i]);
}

static void on_net_link(struct msg *m)
{
	const struct msg_net_link *l = m->body;

	net_get_link(m->fds[0], l->repo_port);
	m->n_fds = 0;
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return -EPERM;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_PARTIAL_FILE:
		return -EPIPE;
	default:
		return -EIO;
	}
}

static void xfer_end(struct xfer *x, CURLcode code)
{
	char text[MSG_TEXT_LEN];
	uint32_t id = x->id;
	long status = 0;
	int rc = 0;

	text[0] = '\0';
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (x->too_long) {
		rc = -EFBIG;
		snprintf(text, sizeof(text), "reply longer than %llu bytes",
			 (unsigned long long)x->max);
	} else if (code) {
		rc = errno_of(code);
		snprintf(text, sizeof(text), "%s",
			 x->error[0] ? x->error : curl_easy_strerror(code));
	}
	xfer_free(x);
	done(id, rc || status > 999 ? 0 : (int)status, rc, text);
}

static void finish_xfers(void)
{
	struct xfer *x;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(net.multi, &left))) {
		if (m->msg != CURLMSG_DONE ||
		    net_get_ended(m->easy_handle, m->data.result))
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		xfer_end(x, m->data.result);
	}
}

static void on_main(void)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r = ipc_recv(net.main, &m, &err);

	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		exit(EXIT_FAILURE);
	}
	if (m.type == MSG_NET_REQUEST)
		on_net_request(&m);
	else if (m.type == MSG_NET_CANCEL)
		on_net_cancel(&m);
	else
		on_net_link(&m);
}

int proc_net_run(const struct child_fds *fds)
{
	struct curl_waitfd w[] = {
		{ .fd = fds->peer[MSG_MAIN], .events = CURL_WAIT_POLLIN },
		{ .events = CURL_WAIT_POLLIN },
	};
	int running;

	net.main = ipc_new(fds->peer[MSG_MAIN], MSG_NET, MSG_MAIN, 0);
	if (!net.main)
		return EXIT_FAILURE;
	for (;;) {
		w[0].revents = w[1].revents = 0;
		w[1].fd = net_get_fd();
		curl_multi_poll(net.multi, w, w[1].fd < 0 ? 1 : 2, POLL_MS, NULL);
		if (w[1].revents)
			net_get_read();
		if (w[0].revents)
			on_main();
		curl_multi_perform(net.multi, &running);
		finish_xfers();
	}
}
