/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that work on numbered items, settled in order.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <zstd.h>

#include "parallel.h"

#define THREADS_MAX 64
#define BUFFERS     4

struct imagerepo_tools {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
	void *buffer[BUFFERS];
	size_t size[BUFFERS];
	void *own;
	void (*dispose)(void *);
};

struct slot {
	int ready, rc;
	struct errinfo err;
	void *data;
};

struct pool {
	const struct imagerepo_parallel *how;
	pthread_mutex_t lock;
	pthread_cond_t work, ready;
	size_t next, settled, slots;
	int stop;
	struct slot *slot;
};

void *imagerepo_tools_cctx(struct imagerepo_tools *t)
{
	if (!t->c)
		t->c = ZSTD_createCCtx();
	return t->c;
}

void *imagerepo_tools_dctx(struct imagerepo_tools *t)
{
	if (!t->d)
		t->d = ZSTD_createDCtx();
	return t->d;
}

void *imagerepo_tools_buffer(struct imagerepo_tools *t, int i, size_t size)
{
	if (t->size[i] < size) {
		free(t->buffer[i]);
		t->buffer[i] = malloc(size);
		t->size[i] = t->buffer[i] ? size : 0;
	}
	return t->buffer[i];
}

void **imagerepo_tools_own(struct imagerepo_tools *t, void (*dispose)(void *))
{
	t->dispose = dispose;
	return &t->own;
}

static void dispose_tools(struct imagerepo_tools *t)
{
	ZSTD_freeCCtx(t->c);
	ZSTD_freeDCtx(t->d);
	for (int i = 0; i < BUFFERS; i++)
		free(t->buffer[i]);
	if (t->own)
		t->dispose(t->own);
}

/* The next item, or SIZE_MAX when there will be none. */
static size_t take(struct pool *p)
{
	size_t i = SIZE_MAX;

	pthread_mutex_lock(&p->lock);
	while (!p->stop && p->next < p->how->n && p->next >= p->settled + p->slots)
		pthread_cond_wait(&p->work, &p->lock);
	if (!p->stop && p->next < p->how->n)
		i = p->next++;
	pthread_mutex_unlock(&p->lock);
	return i;
}

static void *work(void *arg)
{
	struct imagerepo_tools tools = { 0 };
	struct pool *p = arg;
	size_t i;

	while ((i = take(p)) != SIZE_MAX) {
		struct slot *s = &p->slot[i % p->slots];

		s->err.text[0] = 0;
		s->rc = p->how->run(p->how->arg, &tools, i, s->data, &s->err);
		pthread_mutex_lock(&p->lock);
		s->ready = 1;
		pthread_cond_signal(&p->ready);
		pthread_mutex_unlock(&p->lock);
	}
	dispose_tools(&tools);
	return NULL;
}

static int settle_all(struct pool *p, struct errinfo *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->how->n; i++) {
		struct slot *s = &p->slot[i % p->slots];

		pthread_mutex_lock(&p->lock);
		while (!s->ready)
			pthread_cond_wait(&p->ready, &p->lock);
		s->ready = 0;
		pthread_mutex_unlock(&p->lock);
		rc = s->rc;
		if (rc && err)
			*err = s->err;
		if (!rc && p->how->done)
			rc = p->how->done(p->how->arg, i, s->data, err);
		pthread_mutex_lock(&p->lock);
		p->settled = i + 1;
		pthread_cond_broadcast(&p->work);
		pthread_mutex_unlock(&p->lock);
	}
	return rc;
}

static int make_slots(struct pool *p)
{
	p->slot = calloc(p->slots, sizeof(*p->slot));
	if (!p->slot)
		return -ENOMEM;
	for (size_t i = 0; i < p->slots; i++) {
		p->slot[i].data = calloc(1, p->how->slot_size + 1);
		if (!p->slot[i].data)
			return -ENOMEM;
	}
	return 0;
}

static void free_slots(struct pool *p)
{
	for (size_t i = 0; p->slot && i < p->slots; i++) {
		if (p->slot[i].data && p->how->dispose)
			p->how->dispose(p->slot[i].data);
		free(p->slot[i].data);
	}
	free(p->slot);
}

static int run_threads(struct pool *p, int threads, struct errinfo *err)
{
	pthread_t id[THREADS_MAX];
	int n = 0, rc = 0;

	while (n < threads && !rc) {
		rc = -pthread_create(&id[n], NULL, work, p);
		n += !rc;
	}
	if (n) /* some are enough */
		rc = settle_all(p, err);
	else
		errinfo_set_errno(err, rc, "cannot start a thread");
	pthread_mutex_lock(&p->lock);
	p->stop = 1;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	while (n)
		pthread_join(id[--n], NULL);
	return rc;
}

int imagerepo_parallel(const struct imagerepo_parallel *how, struct errinfo *err)
{
	int threads = how->threads ? how->threads
				   : (int)sysconf(_SC_NPROCESSORS_ONLN);
	struct pool p = { .how = how };
	int rc;

	if (threads < 1)
		threads = 1;
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	p.slots = how->slots ? how->slots : 8 * (size_t)threads;
	pthread_mutex_init(&p.lock, NULL);
	pthread_cond_init(&p.work, NULL);
	pthread_cond_init(&p.ready, NULL);
	rc = make_slots(&p);
	if (rc)
		errinfo_set(err, rc, "out of memory");
	else
		rc = run_threads(&p, threads, err);
	free_slots(&p);
	pthread_cond_destroy(&p.ready);
	pthread_cond_destroy(&p.work);
	pthread_mutex_destroy(&p.lock);
	return rc;
}
