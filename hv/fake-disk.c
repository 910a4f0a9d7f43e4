/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-disk - disks of fake domains: a thread for each reads all of it over
 * NBD, block after block, as a kernel would for a guest, and writes down what
 * it has seen. Where the socket ends it waits for the next and goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"
#include "parse.h"

#include "fake-disk.h"

#define READ_MAX   65536u
#define NOTE_BYTES (4u << 20) /* between two notes of how far it is */

struct hv_fake_disk {
	struct hv_fake_disk *next;
	char dir[160];
	char name[HV_DISK_NAME_MAX + 1];
	uint32_t device;
	uint64_t size, done;
	int next_fd; /* -1: none */
	int fd;      /* the thread's; -1: it waits for one */
	int stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

static int all(int fd, void *data, size_t len, int out)
{
	uint8_t *p = data;
	ssize_t r;

	while (len) {
		r = out ? send(fd, p, len, MSG_NOSIGNAL)
			: recv(fd, p, len, MSG_WAITALL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -EPIPE;
		p += r;
		len -= (size_t)r;
	}
	return 0;
}

static uint64_t be64(uint64_t v)
{
	return __builtin_bswap64(v);
}

static int read_block(struct hv_fake_disk *d, uint8_t *buf, uint32_t len)
{
	uint64_t handle = be64(d->done + 1);
	uint8_t request[28] = { 0 }, reply[16];
	uint32_t magic = __builtin_bswap32(NBD_REQUEST_MAGIC), error;
	uint64_t from = be64(d->done);
	uint32_t want = __builtin_bswap32(len);

	memcpy(request, &magic, 4); /* flags and type, NBD_CMD_READ, are 0 */
	memcpy(request + 8, &handle, 8);
	memcpy(request + 16, &from, 8);
	memcpy(request + 24, &want, 4);
	if (all(d->fd, request, sizeof(request), 1) ||
	    all(d->fd, reply, sizeof(reply), 0))
		return -EPIPE;
	memcpy(&magic, reply, 4);
	memcpy(&error, reply + 4, 4);
	if (magic != __builtin_bswap32(NBD_REPLY_MAGIC) || error ||
	    memcmp(reply + 8, &handle, 8) != 0)
		return -EIO;
	return all(d->fd, buf, len, 0);
}

static void note(const struct hv_fake_disk *d, const char *result)
{
	char path[200], line[HV_DISK_NAME_MAX + 160];
	int n;

	snprintf(path, sizeof(path), "%s/nbd-%u", d->dir, d->device);
	n = snprintf(line, sizeof(line), "%s %llu %llu %s\n", d->name,
		     (unsigned long long)d->size, (unsigned long long)d->done,
		     result);
	fileio_write_atomic(path, line, (size_t)n, 0600, NULL);
}

/* Returns 0 once there is a socket, -1 to end. */
static int next_socket(struct hv_fake_disk *d)
{
	int rc;

	pthread_mutex_lock(&d->lock);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	while (!d->stop && d->next_fd < 0)
		pthread_cond_wait(&d->changed, &d->lock);
	d->fd = d->next_fd;
	d->next_fd = -1;
	rc = d->stop ? -1 : 0;
	pthread_mutex_unlock(&d->lock);
	return rc;
}

static void *run(void *arg)
{
	struct hv_fake_disk *d = arg;
	struct hash *h = hash_new();
	uint8_t buf[READ_MAX], digest[HASH_LEN];
	char hex[HASH_HEX];
	uint32_t len;
	int rc = h ? next_socket(d) : -1;

	while (!rc && d->done < d->size) {
		len = d->size - d->done < READ_MAX
			      ? (uint32_t)(d->size - d->done)
			      : READ_MAX;
		rc = read_block(d, buf, len);
		if (rc == -EIO) {
			note(d, "error");
			break;
		}
		if (rc) {
			rc = next_socket(d);
			continue;
		}
		hash_update(h, buf, len);
		d->done += len;
		if (!(d->done % NOTE_BYTES))
			note(d, "-");
	}
	if (!rc) {
		hash_final(h, digest);
		format_hex(digest, sizeof(digest), hex);
		note(d, hex);
		do /* keeps each socket until it ends */
			recv(d->fd, buf, 1, 0);
		while (!next_socket(d));
	}
	hash_free(h);
	return NULL;
}

static struct hv_fake_disk *find(struct hv_fake *f, const char *name)
{
	struct hv_fake_disk *d;

	for (d = f->disks; d && strcmp(d->name, name) != 0; d = d->next)
		;
	return d;
}

static uint32_t free_device(struct hv_fake *f)
{
	struct hv_fake_disk *d;
	uint32_t n = 0;

	for (d = f->disks; d; d = d->next)
		if (d->device >= n)
			n = d->device + 1;
	return n;
}

static int start(struct hv_fake *f, struct hv_fake_disk *d)
{
	d->device = free_device(f);
	snprintf(d->dir, sizeof(d->dir), "%s", f->dir);
	d->fd = d->next_fd = -1;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	note(d, "-");
	return -pthread_create(&d->thread, NULL, run, d);
}

int hv_fake_disk_attach(void *be, const char *disk, uint64_t size, int fd,
			uint32_t *device_out, struct errinfo *err)
{
	struct hv_fake *f = be;
	struct hv_fake_disk *d = find(f, disk);
	int rc;

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return errinfo_set_errno(err, -ENOMEM, "disk");
		snprintf(d->name, sizeof(d->name), "%s", disk);
		d->size = size;
		rc = start(f, d);
		if (rc) {
			free(d);
			return errinfo_set_errno(err, rc, "thread");
		}
		d->next = f->disks;
		f->disks = d;
	}
	pthread_mutex_lock(&d->lock);
	if (d->next_fd >= 0)
		close(d->next_fd);
	d->next_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (d->fd >= 0)
		shutdown(d->fd, SHUT_RDWR);
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
	*device_out = d->device;
	return 0;
}

static void end(struct hv_fake_disk *d)
{
	char path[200];

	pthread_mutex_lock(&d->lock);
	d->stop = 1;
	if (d->fd >= 0)
		shutdown(d->fd, SHUT_RDWR);
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	if (d->next_fd >= 0)
		close(d->next_fd);
	if (d->fd >= 0)
		close(d->fd);
	snprintf(path, sizeof(path), "%s/nbd-%u", d->dir, d->device);
	unlink(path);
	free(d);
}

int hv_fake_disk_detach(void *be, uint32_t device, const char *disk,
			struct errinfo *err)
{
	struct hv_fake *f = be;
	struct hv_fake_disk **p, *d;

	for (p = &f->disks; (d = *p); p = &d->next)
		if (d->device == device && !strcmp(d->name, disk)) {
			*p = d->next;
			end(d);
			return 0;
		}
	return errinfo_set(err, -ENOENT, "no disk %.16s is device %u", disk,
			   device);
}

int hv_fake_disk_vbd(void *be, uint32_t device, const char *disk,
		     struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		     struct errinfo *err)
{
	struct hv_fake *f = be;
	struct hv_fake_disk *d = find(f, disk);

	if (!d || d->device != device)
		return errinfo_set(err, -ENOENT, "no disk %.16s is device %u",
				   disk, device);
	/* A domain holds a file in place of a block device; the caller closes
	 * it with the process: this is a test's backend. */
	snprintf(path, HV_PATH_MAX + 1, "%s/nbd-%u", f->dir, device);
	vbd->path = NULL;
	vbd->fd = open(path, O_RDONLY | O_CLOEXEC);
	return vbd->fd < 0 ? errinfo_set_errno(err, -errno, "%s", path) : 0;
}

/* See gridagent/fake-scratch.h; a file again. */
int hv_fake_mapped_vbd(void *be, uint32_t minor, const char *name,
		       struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		       struct errinfo *err)
{
	struct hv_fake *f = be;

	(void)minor;
	(void)name;
	snprintf(path, HV_PATH_MAX + 1, "%s/scratch-open", f->dir);
	vbd->path = NULL;
	vbd->fd = open(path, O_RDONLY | O_CLOEXEC);
	return vbd->fd < 0 ? errinfo_set_errno(err, -errno, "%s", path) : 0;
}

void hv_fake_disks_end(struct hv_fake *f)
{
	struct hv_fake_disk *d;

	while ((d = f->disks)) {
		f->disks = d->next;
		end(d);
	}
}
