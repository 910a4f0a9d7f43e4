/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink - threads, mailbox, patience.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "httpc.h"
#include "log.h"
#include "uplink.h"

#define WAIT_SEC       25 /* the longest poll the protocol allows */
#define TIMEOUT_SEC    40
#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000
#define IDLE_MS        1000 /* between answers that held nothing new */
#define TOKEN_MAX      1024

struct uplink {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* the reporting thread */
	int stop;
	char *report;  /* waits to be posted, or NULL */
	char *desired; /* waits to be taken, or NULL */
	int64_t gen;

	struct httpc *poller, *poster;
	struct loop_fd *watch;
	int event;
	uplink_fn fn;
	void *arg;
	/* Of one thread each. */
	unsigned int poll_seed, post_seed;
};

/* Doubles up to the bound; sleeps half to the whole of it, so that gateways
 * do not come back all at once. */
static void back_off(int *ms, unsigned int *seed)
{
	int nap = *ms / 2 + rand_r(seed) % (*ms / 2 + 1);
	struct timespec ts = { nap / 1000, nap % 1000 * 1000000L };

	nanosleep(&ts, NULL);
	*ms = *ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : *ms * 2;
}

static void say_down(int *down, const char *what, const struct errinfo *err,
		     int rc)
{
	if (!*down)
		log_warn("central: %s: %s", what, errinfo_text(err, rc));
	*down = 1;
}

static void say_up(int *down, const char *what)
{
	if (*down)
		log_info("central: %s: works again", what);
	*down = 0;
}

static int64_t current_gen(struct uplink *u, int *stop)
{
	int64_t gen;

	pthread_mutex_lock(&u->lock);
	gen = u->gen;
	*stop = u->stop;
	pthread_mutex_unlock(&u->lock);
	return gen;
}

/* Hands a document to the loop; the newest one wins. */
static void deliver(struct uplink *u, char *text, int64_t gen)
{
	uint64_t one = 1;

	pthread_mutex_lock(&u->lock);
	free(u->desired);
	u->desired = text;
	u->gen = gen;
	pthread_mutex_unlock(&u->lock);
	if (write(u->event, &one, sizeof(one)) < 0)
		log_err("central: eventfd: %s", strerror(errno));
}

/* One question; 1 if it brought something new, 0 if not, negative errno. */
static int poll_once(struct uplink *u, int64_t gen, struct errinfo *err)
{
	char path[96];
	json_t *body = NULL, *got;
	char *text;
	int rc;

	/* Without a gen the answer comes at once. */
	if (gen < 0)
		strcpy(path, "/v1/site/desired");
	else
		snprintf(path, sizeof(path), "/v1/site/desired?gen=%lld&wait=%d",
			 (long long)gen, WAIT_SEC);
	rc = httpc_json(u->poller, "GET", path, NULL, &body, err);
	if (rc)
		return rc;
	got = json_object_get(body, "gen");
	if (json_is_integer(got) && json_integer_value(got) == gen) {
		json_decref(body);
		return 0;
	}
	text = json_dumps(body, JSON_COMPACT);
	if (text)
		deliver(u, text, json_integer_value(got));
	json_decref(body);
	return text ? 1 : -ENOMEM;
}

static void *poll_thread(void *arg)
{
	struct uplink *u = arg;
	int backoff = BACKOFF_MIN_MS, idle, down = 0, stop, rc;

	for (;;) {
		struct errinfo err = ERRINFO_INIT;
		int64_t gen = current_gen(u, &stop);

		if (stop)
			return NULL;
		rc = poll_once(u, gen, &err);
		if (rc < 0) {
			say_down(&down, "desired state", &err, rc);
			back_off(&backoff, &u->poll_seed);
			continue;
		}
		say_up(&down, "desired state");
		backoff = BACKOFF_MIN_MS;
		idle = IDLE_MS;
		/* A central that does not hold requests is not hammered. */
		if (rc == 0)
			back_off(&idle, &u->poll_seed);
	}
}

/* Waits for a report; NULL to stop. Takes it out of the mailbox. */
static char *next_report(struct uplink *u)
{
	char *text;

	pthread_mutex_lock(&u->lock);
	while (!u->report && !u->stop)
		pthread_cond_wait(&u->wake, &u->lock);
	text = u->stop ? NULL : TAKE(u->report);
	pthread_mutex_unlock(&u->lock);
	return text;
}

/* Back into the mailbox, unless a newer one lies there. */
static void return_report(struct uplink *u, char *text)
{
	pthread_mutex_lock(&u->lock);
	if (u->report)
		free(text);
	else
		u->report = text;
	pthread_mutex_unlock(&u->lock);
}

static int post(struct uplink *u, const char *text, struct errinfo *err)
{
	static const char *const headers[] = { "Content-Type: application/json",
					       NULL };
	struct httpc_reply reply = { 0 };
	int rc;

	rc = httpc_request(u->poster, "POST", "/v1/site/report", headers, text,
			   strlen(text), 1024 * 1024, &reply, err);
	if (!rc && reply.status / 100 != 2) {
		char quoted[200];

		rc = errinfo_set(err, -EIO, "status %d: %s", reply.status,
				 log_quote(quoted, sizeof(quoted),
					   reply.body.data ? reply.body.data : "",
					   reply.body.len));
	}
	buf_dispose(&reply.body);
	return rc;
}

static void *report_thread(void *arg)
{
	struct uplink *u = arg;
	int backoff = BACKOFF_MIN_MS, down = 0, rc;
	char *text;

	for (text = next_report(u); text; text = next_report(u)) {
		struct errinfo err = ERRINFO_INIT;

		rc = post(u, text, &err);
		if (rc) {
			say_down(&down, "report", &err, rc);
			return_report(u, text);
			back_off(&backoff, &u->post_seed);
			continue;
		}
		say_up(&down, "report");
		backoff = BACKOFF_MIN_MS;
		free(text);
	}
	return NULL;
}

static void on_event(int fd, short revents, void *arg)
{
	struct uplink *u = arg;
	uint64_t count;
	char *text;

	(void)revents;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&u->lock);
	text = TAKE(u->desired);
	pthread_mutex_unlock(&u->lock);
	if (text)
		u->fn(text, u->arg);
	free(text);
}

static int make_clients(struct uplink *u, const struct config_central *central,
			struct errinfo *err)
{
	struct httpc_config hc = {
		.url = central->url,
		.pin = central->pin,
		.timeout_sec = TIMEOUT_SEC,
	};
	auto_free char *token = NULL;
	int rc;

	rc = fileio_read(central->token_file, TOKEN_MAX, &token, NULL, err);
	if (rc)
		return rc;
	token[strcspn(token, "\r\n")] = '\0';
	hc.token = token;
	rc = httpc_new(&hc, &u->poller, err);
	if (!rc)
		rc = httpc_new(&hc, &u->poster, err);
	return rc;
}

/* Signals are the loop's: the threads must not take them. */
static int start_threads(struct uplink *u, struct errinfo *err)
{
	pthread_t poller, poster;
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&poller, NULL, poll_thread, u);
	if (!r) {
		pthread_detach(poller);
		r = pthread_create(&poster, NULL, report_thread, u);
		if (!r)
			pthread_detach(poster);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? errinfo_set_errno(err, -r, "thread") : 0;
}

int uplink_start(const struct config_central *central, struct loop *loop,
		 int64_t gen, uplink_fn fn, void *arg, struct uplink **out,
		 struct errinfo *err)
{
	struct uplink *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return errinfo_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->wake, NULL);
	u->gen = gen;
	u->fn = fn;
	u->arg = arg;
	u->poll_seed = (unsigned int)getpid();
	u->post_seed = u->poll_seed + 1;
	u->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->event < 0) {
		rc = errinfo_set_errno(err, -errno, "eventfd");
		goto err_free;
	}
	rc = make_clients(u, central, err);
	if (rc)
		goto err_close;
	u->watch = loop_fd_add(loop, u->event, POLLIN, on_event, u);
	rc = u->watch ? start_threads(u, err) : -ENOMEM;
	if (rc)
		goto err_close;
	*out = u;
	return 0;

err_close:
	loop_fd_del(u->watch);
	httpc_free(u->poller);
	httpc_free(u->poster);
	close(u->event);
err_free:
	free(u);
	return rc;
}

void uplink_report(struct uplink *u, char *text)
{
	pthread_mutex_lock(&u->lock);
	free(u->report);
	u->report = text;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
}

void uplink_forget(struct uplink *u)
{
	pthread_mutex_lock(&u->lock);
	u->gen = -1;
	pthread_mutex_unlock(&u->lock);
}

void uplink_stop(struct uplink *u)
{
	if (!u)
		return;
	loop_fd_del(u->watch);
	pthread_mutex_lock(&u->lock);
	u->stop = 1;
	pthread_cond_broadcast(&u->wake);
	pthread_mutex_unlock(&u->lock);
}
