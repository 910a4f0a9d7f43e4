/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev as a plugin of nbdkit, whose filters make the faults of tests: reads
 * that fail, that are late, that are many at once. Parameters are called as the
 * program's options, `image=IMAGE:CHANNEL` besides.
 *
 * nbdkit reads in threads that block; the device lives in one of its own, with
 * its loop. A read is a job that lies on its thread's stack until the device
 * has answered it, or nbdkit ends: no read fails because of the network.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "tool.h"

#define LOOK_MS 100 /* so often a read that waits sees whether nbdkit ends */

enum job_state { JOB_NEW, JOB_READING, JOB_DONE };

struct job {
	struct job *next; /* in plugin.jobs */
	enum job_state state;
	int leave; /* its thread wants to go */
	uint64_t offset;
	uint32_t len;
	void *buf;
	int rc;
	pthread_cond_t done;
};

static struct {
	struct serve how;
	struct loop *loop;
	struct loop_fd *event;
	struct imagedev *dev;
	uint64_t size;
	int fd; /* wakes the loop */
	pthread_t thread;
	int running;
	pthread_mutex_t lock; /* of what follows, and all jobs */
	struct job *jobs;     /* new, or to be left */
	int quit;
} plugin = { .how = SERVE_INIT, .fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- the device's thread ----------------------------------------------------- */

static void finish(void *arg, int rc)
{
	struct job *job = arg;

	pthread_mutex_lock(&plugin.lock);
	job->rc = rc;
	job->state = JOB_DONE;
	pthread_cond_signal(&job->done);
	pthread_mutex_unlock(&plugin.lock);
}

/* Before its end is told, nothing but this thread touches a job that reads. */
static void act(struct job *job, enum job_state state, int leave)
{
	if (leave && state != JOB_DONE) {
		imagedev_cancel(plugin.dev, job);
		finish(job, -ESHUTDOWN);
	} else if (state == JOB_NEW) {
		imagedev_read(plugin.dev, job->offset, job->len, job->buf,
			      finish, job);
	}
}

static void on_event(int fd, short revents, void *arg)
{
	uint64_t count;

	(void)revents;
	(void)arg;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	for (;;) {
		enum job_state state = JOB_DONE;
		struct job *job;
		int quit, leave = 0;

		pthread_mutex_lock(&plugin.lock);
		quit = plugin.quit;
		job = plugin.jobs;
		if (job) {
			plugin.jobs = job->next;
			state = job->state;
			leave = job->leave;
			if (state == JOB_NEW)
				job->state = JOB_READING;
		}
		pthread_mutex_unlock(&plugin.lock);
		if (quit)
			loop_quit(plugin.loop, 0);
		if (!job)
			return;
		act(job, state, leave);
	}
}

static void *run(void *arg)
{
	(void)arg;
	loop_run(plugin.loop);
	return NULL;
}

/* ---- nbdkit's threads ---------------------------------------------------------- */

static void wake(void)
{
	static const uint64_t one = 1;

	if (write(plugin.fd, &one, sizeof(one)) < 0)
		nbdkit_error("eventfd: %s", strerror(errno));
}

/* With the lock held. */
static void put(struct job *job)
{
	struct job **at = &plugin.jobs;

	while (*at)
		at = &(*at)->next;
	*at = job;
	job->next = NULL;
	wake();
}

/* Without the lock; whether this read may as well end. */
static int is_leaving(void)
{
	return nbdkit_nanosleep(0, 1) < 0;
}

static void await(struct job *job)
{
	while (job->state != JOB_DONE) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (!pthread_cond_timedwait(&job->done, &plugin.lock, &until) ||
		    job->leave || job->state == JOB_NEW)
			continue;
		pthread_mutex_unlock(&plugin.lock);
		if (is_leaving()) {
			pthread_mutex_lock(&plugin.lock);
			if (job->state == JOB_DONE)
				return;
			job->leave = 1;
			put(job);
		} else {
			pthread_mutex_lock(&plugin.lock);
		}
	}
}

static int read_at(void *handle, void *buf, uint32_t count, uint64_t offset,
		   uint32_t flags)
{
	struct job job = { .offset = offset,
			   .len = count,
			   .buf = buf,
			   .done = PTHREAD_COND_INITIALIZER };

	(void)handle;
	(void)flags;
	pthread_mutex_lock(&plugin.lock);
	put(&job);
	await(&job);
	pthread_mutex_unlock(&plugin.lock);
	pthread_cond_destroy(&job.done);
	if (!job.rc)
		return 0;
	nbdkit_set_error(-job.rc);
	return -1;
}

static int64_t get_size(void *handle)
{
	(void)handle;
	return (int64_t)plugin.size;
}

static int can_multi_conn(void *handle)
{
	(void)handle;
	return 1;
}

static void *open_connection(int readonly)
{
	(void)readonly;
	return NBDKIT_HANDLE_NOT_NEEDED;
}

/* ---- beginning and end ----------------------------------------------------------- */

static int config(const char *key, const char *value)
{
	struct errinfo err = ERRINFO_INIT;

	if (!strcmp(key, "image")) {
		plugin.how.image = value;
		return 0;
	}
	for (const struct tool_option *o = tool_options; o->name; o++)
		if (!strcmp(o->name, key) && o->type == TOOL_PATH)
			value = nbdkit_realpath(value); /* for good */
	if (value && !tool_option_set(&plugin.how, key, value, &err))
		return 0;
	if (value)
		nbdkit_error("%s", err.text);
	return -1;
}

static int config_complete(void)
{
	struct errinfo err = ERRINFO_INIT;

	if (!tool_serve_check(&plugin.how, &err))
		return 0;
	nbdkit_error("%s", err.text);
	return -1;
}

/* Threads do not survive nbdkit's way into the background: after it. */
static int begin(void)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = -ENOMEM;

	plugin.loop = loop_new();
	plugin.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (plugin.loop && plugin.fd >= 0)
		plugin.event = loop_fd_add(plugin.loop, plugin.fd, POLLIN,
					   on_event, NULL);
	if (plugin.event)
		rc = tool_open(plugin.loop, &plugin.how, &plugin.dev, &err);
	if (!rc) {
		plugin.size = imagedev_size(plugin.dev);
		rc = -pthread_create(&plugin.thread, NULL, run, NULL);
		plugin.running = !rc;
	}
	if (rc)
		nbdkit_error("%s", errinfo_text(&err, rc));
	return rc ? -1 : 0;
}

static void end(void)
{
	if (plugin.running) {
		pthread_mutex_lock(&plugin.lock);
		plugin.quit = 1;
		wake();
		pthread_mutex_unlock(&plugin.lock);
		pthread_join(plugin.thread, NULL);
	}
	tool_close(plugin.dev);
	loop_fd_del(plugin.event);
	loop_free(plugin.loop);
	if (plugin.fd >= 0)
		close(plugin.fd);
}

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static struct nbdkit_plugin imagedev_plugin = {
	.name = "imagedev",
	.version = NIGHTSHIFT_VERSION,
	.description = "the disk of an image, lazily and verified",
	.config = config,
	.config_complete = config_complete,
	.config_help = "url=URL, repo=DIR or disk=FILE, image=IMAGE:CHANNEL "
		       "with root=FILE, or manifest=FILE;\n"
		       "cache, decoded, threads, h2, fill, no-bundle, "
		       "low-speed-sec as imagedev(8) has them.",
	.after_fork = begin,
	.unload = end,
	.open = open_connection,
	.get_size = get_size,
	.can_multi_conn = can_multi_conn,
	.pread = read_at,
};

NBDKIT_REGISTER_PLUGIN(imagedev_plugin)
