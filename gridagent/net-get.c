/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net-get - ranges of blobs for the blk process.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "httpc_h2.h"
#include "log.h"
#include "net.h"

#define GETS_MAX        64 /* as blk has */
#define RUNNING_MAX     8
#define DEMAND_MAX      16 /* reads wait for these: they may be more */
#define CONNECT_SEC     5
#define LOW_SPEED_BYTES 512
#define LOW_SPEED_SEC   10 /* then it is asked for anew */

/* "http://" address ":" port "/repo/blobs/HH/" HEX64 */
#define URL_MAX 160

struct get {
	uint32_t id; /* blk's; 0: free */
	uint32_t order;
	struct msg_get q;
	CURL *easy; /* NULL: waits its turn */
	uint64_t got;
	int checked; /* the reply's head */
};

static struct {
	CURLM *multi;
	const char *gateway;
	int port, h2;
	struct httpc_h2 known;
	struct ipc *blk;
	uint32_t order;
	struct get gets[GETS_MAX];
} net;

void net_get_init(CURLM *multi, const char *gateway, int http_port)
{
	net.multi = multi;
	net.gateway = gateway;
	net.port = http_port;
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
}

static void get_free(struct get *g)
{
	if (g->easy) {
		curl_multi_remove_handle(net.multi, g->easy);
		curl_easy_cleanup(g->easy);
	}
	memset(g, 0, sizeof(*g));
}

/* Transfers may be running in libcurl right now: only the socket goes, and
 * what is left is cleared before the next request. */
static void lost(void)
{
	ipc_free(net.blk);
	net.blk = NULL;
}

static int post(enum msg_type type, uint32_t id, const void *body,
		const void *tail, size_t len)
{
	int rc;

	if (!net.blk)
		return -EPIPE;
	rc = ipc_send(net.blk, type, id, body, tail, len, NULL, 0);
	if (rc) {
		lost();
		return -EPIPE;
	}
	return 0;
}

/* A reply to another question than ours would be caught by its digest, after
 * all of it has come; this is earlier. */
static int head_ok(const struct get *g)
{
	long status = 0;

	curl_easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &status);
	return status == 206;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct get *g = arg;
	size_t len = size * n;

	if (!g->checked && !head_ok(g))
		return 0;
	g->checked = 1;
	if (len > g->q.len - g->got)
		return 0;
	g->got += len;
	for (size_t off = 0, part; off < len; off += part) {
		part = len - off < MSG_DATA_MAX ? len - off : MSG_DATA_MAX;
		if (post(MSG_GET_DATA, g->id, NULL, data + off, part))
			return 0;
	}
	return len;
}

static void start(struct get *g)
{
	char url[URL_MAX], range[64];
	CURL *e = curl_easy_init();

	if (!e)
		exit(EXIT_FAILURE);
	g->easy = e;
	snprintf(url, sizeof(url), "http://%s:%d/repo/blobs/%.2s/%s",
		 net.gateway, net.port, g->q.sha256, g->q.sha256);
	snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, g->q.offset,
		 g->q.offset + g->q.len - 1);
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_RANGE, range);
	curl_easy_setopt(e, CURLOPT_PRIVATE, g);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, g);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SEC);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_SEC);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 131072L);
	if (net.h2)
		httpc_h2_set(&net.known, e);
	curl_multi_add_handle(net.multi, e);
}

/* Lowest priority value first, then the oldest. */
static struct get *next_waiting(void)
{
	struct get *best = NULL;

	for (int i = 0; i < GETS_MAX; i++) {
		struct get *g = &net.gets[i];

		if (!g->id || g->easy)
			continue;
		if (!best || g->q.priority < best->q.priority ||
		    (g->q.priority == best->q.priority &&
		     (int32_t)(g->order - best->order) < 0))
			best = g;
	}
	return best;
}

static void start_some(void)
{
	struct get *g;
	int running = 0;

	for (int i = 0; i < GETS_MAX; i++)
		running += net.gets[i].easy != NULL;
	while ((g = next_waiting()) &&
	       running < (g->q.priority == MSG_DEMAND ? DEMAND_MAX : RUNNING_MAX)) {
		start(g);
		running++;
	}
}

static void clear(void)
{
	for (int i = 0; i < GETS_MAX; i++)
		get_free(&net.gets[i]);
}

void net_get_link(int fd, int repo_port)
{
	lost();
	clear();
	if (repo_port)
		net.port = repo_port;
	net.h2 = repo_port != 0;
	net.known = (struct httpc_h2){ 0 };
	net.blk = ipc_new(fd, MSG_NET, MSG_BLK, 0);
	if (!net.blk)
		exit(EXIT_FAILURE);
}

int net_get_fd(void)
{
	return net.blk ? ipc_fd(net.blk) : -1;
}

static void on_get(const struct msg *m)
{
	struct get *g = NULL;

	for (int i = 0; i < GETS_MAX && !g; i++)
		if (!net.gets[i].id)
			g = &net.gets[i];
	if (!g || !m->id) {
		post(MSG_GET_END, m->id, &(struct msg_get_end){ .rc = -EBUSY },
		     NULL, 0);
		return;
	}
	memset(g, 0, sizeof(*g));
	g->id = m->id;
	g->order = net.order++;
	memcpy(&g->q, m->body, sizeof(g->q));
	start_some();
}

void net_get_read(void)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r = ipc_recv(net.blk, &m, &err);

	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		lost();
		clear();
		return;
	}
	if (m.type == MSG_GET) {
		on_get(&m);
		return;
	}
	for (int i = 0; i < GETS_MAX; i++)
		if (net.gets[i].id == m.id)
			get_free(&net.gets[i]);
	start_some();
}

static int result_of(const struct get *g, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status && status != 206)
		return status == 404 ? -ENOENT : -EPROTO;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (code)
		return -EIO;
	return g->got == g->q.len ? 0 : -EPIPE;
}

int net_get_ended(CURL *easy, CURLcode code)
{
	struct msg_get_end end = { 0 };
	uint32_t id;

	for (int i = 0; i < GETS_MAX; i++) {
		struct get *g = &net.gets[i];

		if (!g->easy || g->easy != easy)
			continue;
		end.rc = result_of(g, code);
		httpc_h2_ended(&net.known, code);
		id = g->id;
		get_free(g);
		post(MSG_GET_END, id, &end, NULL, 0);
		if (!net.blk)
			clear();
		start_some();
		return 1;
	}
	return 0;
}
