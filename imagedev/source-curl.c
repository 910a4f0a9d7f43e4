/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of blobs by libcurl's multi interface, in our loop. A server may
 * answer with the range (206), or with all of the blob (200), of which the
 * range is taken; whatever else it says or sends is no answer. Bytes beyond
 * the range end the transfer, so that an endless body costs nothing.
 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpc_h2.h"
#include "source_curl.h"

#define PARALLEL      8
#define PARALLEL_MAX  64
#define LOW_SPEED_SEC 20
#define LOW_SPEED     200L /* bytes a second */
#define CONNECT_MS    5000L
#define RECV_BUFFER   (256L * 1024)
#define NUDGE_MS      500
#define URL_MAX       2048

struct slot {
	struct imagedev_curl *c;
	CURL *easy;
	int busy;
	int dead; /* cancelled inside a callback of libcurl */
	uint64_t id, offset, len;
	uint64_t skip, left; /* bytes before the range, and of it */
	int judged, refused; /* the answer's header */
	int64_t range_start; /* of Content-Range; -1: none */
	char url[URL_MAX];
};

struct imagedev_curl {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_timer *nudge; /* in case libcurl forgets to ask for time */
	CURLM *multi;
	struct imagedev *dev;
	struct imagedev_curl_config config;
	char *base;
	struct httpc_h2 known;
	int inside; /* libcurl: it must not be called now */
	struct slot slot[PARALLEL_MAX];
};

/* ---- one answer --------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;
	char text[128];
	uint64_t start;

	n *= size;
	if (n >= 5 && !strncmp(line, "HTTP/", 5))
		s->range_start = -1;
	if (n >= sizeof(text))
		return n;
	memcpy(text, line, n);
	text[n] = 0;
	if (!strncasecmp(text, "content-range:", 14) &&
	    sscanf(text + 14, " bytes %" SCNu64 "-", &start) == 1 &&
	    start <= INT64_MAX)
		s->range_start = (int64_t)start;
	return n;
}

/* Whether the body, whose first bytes are here, holds the range, and where. */
static int judge(struct slot *s)
{
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	s->judged = 1;
	if (status == 200)
		s->skip = s->offset;
	else if (status == 206)
		s->refused = s->range_start != (int64_t)s->offset;
	else
		s->refused = status != 0; /* 0: file:// */
	return s->refused;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;
	size_t len, whole = n * size;

	n = whole;
	if (s->dead || (!s->judged && judge(s)))
		return 0;
	len = n < s->skip ? n : (size_t)s->skip;
	s->skip -= len;
	data += len;
	n -= len;
	len = n < s->left ? n : (size_t)s->left;
	if (len) {
		s->left -= len;
		imagedev_data(s->c->dev, s->id, data, len);
	}
	/* enough: an error to libcurl, unless this was the body's end */
	return s->dead || n > len ? 0 : whole;
}

/* A handle is used once: one whose transfer failed early (file://) keeps a
 * buffer, and then refuses the size of its next. Connections are the multi's. */
static void slot_stop(struct slot *s)
{
	curl_multi_remove_handle(s->c->multi, s->easy);
	curl_easy_cleanup(s->easy);
	s->easy = NULL;
	s->busy = s->dead = 0;
}

static int rc_of(const struct slot *s, CURLcode result)
{
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!s->left)
		return 0;
	if (status == 404 || result == CURLE_FILE_COULDNT_READ_FILE)
		return -ENOENT;
	if (result == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	return -EIO;
}

/* After each call that lets libcurl work. */
static void reap(struct imagedev_curl *c)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		struct slot *s = NULL;
		CURLcode result = m->data.result;
		int dead, rc;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&s);
		dead = s->dead;
		rc = rc_of(s, result);
		httpc_h2_ended(&c->known, result);
		slot_stop(s);
		if (!dead)
			imagedev_end(c->dev, s->id, rc);
	}
	for (int i = 0; i < c->config.parallel; i++)
		if (c->slot[i].busy && c->slot[i].dead)
			slot_stop(&c->slot[i]);
}

static void act(struct imagedev_curl *c, curl_socket_t fd, int what)
{
	int running;

	c->inside++;
	curl_multi_socket_action(c->multi, fd, what, &running);
	c->inside--;
	reap(c);
}

/* ---- libcurl in the loop ------------------------------------------------ */

static void on_ready(int fd, short revents, void *arg)
{
	int what = (revents & POLLIN ? CURL_CSELECT_IN : 0) |
		   (revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		   (revents & (POLLERR | POLLHUP | POLLNVAL) ? CURL_CSELECT_ERR
							     : 0);

	act(arg, fd, what);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		     void *event)
{
	struct imagedev_curl *c = arg;
	short events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
			       (what & CURL_POLL_OUT ? POLLOUT : 0));

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_fd_del(event);
		curl_multi_assign(c->multi, fd, NULL);
	} else if (event) {
		loop_fd_set_events(event, events);
	} else {
		event = loop_fd_add(c->loop, fd, events, on_ready, c);
		curl_multi_assign(c->multi, fd, event);
	}
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct imagedev_curl *c = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_clear(c->timer);
	else
		loop_timer_set(c->timer, ms);
	return 0;
}

static void on_time(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_nudge(void *arg)
{
	struct imagedev_curl *c = arg;
	int busy = 0;

	act(c, CURL_SOCKET_TIMEOUT, 0);
	for (int i = 0; i < c->config.parallel; i++)
		busy |= c->slot[i].busy;
	if (busy)
		loop_timer_set(c->nudge, NUDGE_MS);
}

/* ---- the source ----------------------------------------------------------- */

static CURLcode set_up(struct slot *s, const char *range)
{
	const struct imagedev_curl_config *g = &s->c->config;
	CURL *e = s->easy;
	CURLcode rc;

	rc = curl_easy_setopt(e, CURLOPT_URL, s->url);
	rc |= curl_easy_setopt(e, CURLOPT_RANGE, range);
	rc |= curl_easy_setopt(e, CURLOPT_PRIVATE, s);
	rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
	rc |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	rc |= curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
	rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https,file");
	rc |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECV_BUFFER);
	rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	rc |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED);
	rc |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)g->low_speed_sec);
	rc |= curl_easy_setopt(e, CURLOPT_USERAGENT,
			       "nightshift/" NIGHTSHIFT_VERSION);
	if (g->h2)
		rc |= httpc_h2_set(&s->c->known, e);
	return rc;
}

static struct slot *idle_slot(struct imagedev_curl *c)
{
	for (int i = 0; i < c->config.parallel; i++) {
		struct slot *s = &c->slot[i];

		if (!s->busy)
			return s;
	}
	return NULL;
}

static int get(void *arg, uint64_t id, enum imagedev_priority priority,
	       const char *sha256, uint64_t offset, uint64_t len)
{
	struct imagedev_curl *c = arg;
	struct slot *s = c->inside ? NULL : idle_slot(c);
	char range[64];

	(void)priority; /* whatever is asked begins at once */
	if (!s)
		return -EAGAIN;
	s->c = c;
	s->id = id;
	s->offset = offset;
	s->len = s->left = len;
	s->skip = 0;
	s->judged = s->refused = 0;
	s->range_start = -1;
	snprintf(s->url, sizeof(s->url), "%s/blobs/%.2s/%s", c->base, sha256,
		 sha256);
	snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, offset,
		 offset + len - 1);
	s->easy = curl_easy_init();
	if (!s->easy || set_up(s, range) != CURLE_OK ||
	    curl_multi_add_handle(c->multi, s->easy) != CURLM_OK) {
		curl_easy_cleanup(s->easy);
		s->easy = NULL;
		return -EAGAIN;
	}
	s->busy = 1;
	loop_timer_set(c->nudge, NUDGE_MS);
	return 0;
}

static void cancel(void *arg, uint64_t id)
{
	struct imagedev_curl *c = arg;

	for (int i = 0; i < c->config.parallel; i++) {
		struct slot *s = &c->slot[i];

		if (!s->busy || s->dead || s->id != id)
			continue;
		if (c->inside)
			s->dead = 1;
		else
			slot_stop(s);
	}
}

void imagedev_curl_source(struct imagedev_curl *c, struct imagedev_source *source)
{
	*source = (struct imagedev_source){ get, cancel, c };
}

void imagedev_curl_bind(struct imagedev_curl *c, struct imagedev *dev)
{
	c->dev = dev;
}

static int multi_new(struct imagedev_curl *c)
{
	CURLMcode rc;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	c->multi = curl_multi_init();
	if (!c->multi)
		return -ENOMEM;
	rc = curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	rc |= curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	rc |= curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	rc |= curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	return rc == CURLM_OK ? 0 : -EINVAL;
}

int imagedev_curl_new(struct loop *loop,
		      const struct imagedev_curl_config *config,
		      struct imagedev_curl **out, struct errinfo *err)
{
	struct imagedev_curl *c = calloc(1, sizeof(*c));

	if (!c)
		return errinfo_set(err, -ENOMEM, "out of memory");
	c->loop = loop;
	c->config = *config;
	if (c->config.parallel <= 0 || c->config.parallel > PARALLEL_MAX)
		c->config.parallel = PARALLEL;
	c->config.h2 = c->config.h2 && !strncmp(config->base, "http://", 7);
	if (c->config.low_speed_sec <= 0)
		c->config.low_speed_sec = LOW_SPEED_SEC;
	c->base = strdup(config->base);
	c->timer = loop_timer_add(loop, on_time, c);
	c->nudge = loop_timer_add(loop, on_nudge, c);
	if (!c->base || !c->timer || !c->nudge || multi_new(c)) {
		imagedev_curl_free(c);
		return errinfo_set(err, -ENOMEM, "libcurl does not start");
	}
	if (strlen(c->base) > URL_MAX - 100) {
		imagedev_curl_free(c);
		return errinfo_set(err, -ENAMETOOLONG, "the URL is too long");
	}
	*out = c;
	return 0;
}

void imagedev_curl_free(struct imagedev_curl *c)
{
	if (!c)
		return;
	for (int i = 0; i < PARALLEL_MAX; i++) {
		if (c->slot[i].busy)
			slot_stop(&c->slot[i]);
	}
	curl_multi_cleanup(c->multi);
	loop_timer_del(c->timer);
	loop_timer_del(c->nudge);
	free(c->base);
	free(c);
	curl_global_cleanup();
}
