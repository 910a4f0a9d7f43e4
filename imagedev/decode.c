/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding, in threads or at once. A thread sees one job: a unit whose stored
 * bytes and page stay where they are until the loop has heard of its end.
 * Stored bytes were checked when they came, so only the decoder runs here.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zstd.h>

#include "private.h"

#define THREADS_MAX 16

struct job_list {
	struct unit *first, *last;
};

struct decoder {
	struct imagedev *dev;
	ZSTD_DCtx *dctx; /* the loop's */
	int n;           /* threads */
	pthread_t thread[THREADS_MAX];
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job_list todo, done;
	int idle, stop;
	int event_fd;
	struct loop_fd *event;
};

static void push(struct job_list *l, struct unit *u)
{
	u->queued = NULL;
	if (l->first)
		l->last->queued = u;
	else
		l->first = u;
	l->last = u;
}

static struct unit *pop(struct job_list *l)
{
	struct unit *u = l->first;

	if (u)
		l->first = u->queued;
	return u;
}

static int decode(ZSTD_DCtx *dctx, const struct unit *u)
{
	return ZSTD_decompressDCtx(dctx, u->page->data, u->raw, u->stored,
				   u->size) == u->raw;
}

static void *run(void *arg)
{
	struct decoder *d = arg;
	ZSTD_DCtx *dctx = ZSTD_createDCtx();
	static const uint64_t one = 1;

	pthread_mutex_lock(&d->lock);
	while (!d->stop) {
		struct unit *u = pop(&d->todo);
		int first;

		if (!u) {
			d->idle++;
			pthread_cond_wait(&d->more, &d->lock);
			d->idle--;
			continue;
		}
		pthread_mutex_unlock(&d->lock);
		u->decoded_ok = dctx && decode(dctx, u);
		pthread_mutex_lock(&d->lock);
		first = !d->done.first;
		push(&d->done, u);
		if (first && write(d->event_fd, &one, sizeof(one)) < 0)
			abort(); /* a counter that is read whole cannot be full */
	}
	pthread_mutex_unlock(&d->lock);
	ZSTD_freeDCtx(dctx);
	return NULL;
}

static void collect(int fd, short revents, void *arg)
{
	struct decoder *d = arg;
	struct unit *u, *next;
	uint64_t count;

	(void)revents;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&d->lock);
	u = d->done.first;
	d->done.first = NULL;
	pthread_mutex_unlock(&d->lock);
	for (; u; u = next) {
		next = u->queued;
		imagedev_decoded(d->dev, u, u->decoded_ok);
	}
}

static int start(struct decoder *d)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&d->thread[d->n], NULL, run, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!rc)
		d->n++;
	return -rc;
}

int imagedev_decoder_new(struct imagedev *dev, int threads)
{
	struct decoder *d = calloc(1, sizeof(*d));
	int rc = 0;

	if (!d)
		return -ENOMEM;
	dev->decoder = d;
	d->dev = dev;
	d->event_fd = -1;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	d->dctx = ZSTD_createDCtx();
	if (!d->dctx)
		return -ENOMEM;
	if (threads <= 0)
		return 0;
	d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->event_fd < 0)
		return -errno;
	d->event = loop_fd_add(dev->loop, d->event_fd, POLLIN, collect, d);
	if (!d->event)
		return -ENOMEM;
	while (!rc && d->n < threads && d->n < THREADS_MAX)
		rc = start(d);
	return d->n ? 0 : rc;
}

void imagedev_decoder_free(struct imagedev *dev)
{
	struct decoder *d = dev->decoder;

	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = 1;
	pthread_cond_broadcast(&d->more);
	pthread_mutex_unlock(&d->lock);
	for (int i = 0; i < d->n; i++)
		pthread_join(d->thread[i], NULL);
	loop_fd_del(d->event);
	if (d->event_fd >= 0)
		close(d->event_fd);
	pthread_cond_destroy(&d->more);
	pthread_mutex_destroy(&d->lock);
	ZSTD_freeDCtx(d->dctx);
	free(d);
	dev->decoder = NULL;
}

int imagedev_decode_ahead(const struct imagedev *dev)
{
	return dev->decoder->n > 0;
}

void imagedev_decode(struct imagedev *dev, struct unit *u)
{
	struct decoder *d = dev->decoder;

	u->flags &= (uint8_t)~UNIT_SOON;
	if (!imagedev_page_new(dev, u)) {
		imagedev_schedule_soon(dev); /* no memory now: again */
		return;
	}
	u->flags |= UNIT_DECODING;
	u->pins++;
	if (!d->n) {
		imagedev_decoded(dev, u, decode(d->dctx, u));
		return;
	}
	pthread_mutex_lock(&d->lock);
	push(&d->todo, u);
	if (d->idle)
		pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
}
