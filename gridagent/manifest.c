/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest - brings the verify process the repository's files until it has
 * found, or refused, an image's manifest. Main reads none of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core.h"
#include "log.h"

#define FILE_MAX (8U << 20) /* TUF_META_MAX, and room */
#define SEALS    (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void end(struct core *c, struct manifest *s, int rc, const char *text)
{
	http_cancel(s->req);
	call_forget(c, s->call);
	s->req = NULL;
	s->call = 0;
	s->fn(c, s->arg, rc, text);
}

/* A sealed copy, so that what was checked is what is parsed. */
static int memory_file(const void *data, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (pwrite(fd, data, len, 0) != (ssize_t)len ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static void on_file(struct core *c, void *arg, const struct http_reply *r)
{
	struct manifest *s = arg;
	char text[MSG_TEXT_LEN + MSG_PATH_LEN + 16];
	int fd, rc;

	s->req = NULL;
	if (r->status == 404 && s->want.may_be_absent) {
		rc = core_send(c, MSG_VERIFY, MSG_VERIFY_ABSENT, s->call, NULL,
			       NULL, 0, NULL, 0);
		if (rc)
			end(c, s, -EAGAIN, "the verify process is stuck");
		return;
	}
	if (r->status != 200) {
		if (r->status)
			snprintf(text, sizeof(text), "%s: HTTP %d",
				 s->want.path, r->status);
		else
			snprintf(text, sizeof(text), "%s: %s", s->want.path,
				 r->text);
		end(c, s, r->rc == -EFBIG ? -EFBIG : -EAGAIN, text);
		return;
	}
	fd = memory_file(r->data, r->len);
	rc = fd < 0 ? fd
		    : core_send(c, MSG_VERIFY, MSG_VERIFY_FILE, s->call, NULL,
				NULL, 0, &fd, 1);
	if (fd >= 0)
		close(fd);
	if (rc)
		end(c, s, -EAGAIN, "no memory for a file");
}

static void fetch(struct core *c, struct manifest *s)
{
	char path[MSG_PATH_LEN + 8];

	snprintf(path, sizeof(path), "/repo/%s", s->want.path);
	if (s->want.max <= FILE_MAX && strlen(path) < MSG_PATH_LEN)
		s->req = http_get(c, path, s->want.max, NULL, on_file, s);
	if (!s->req)
		end(c, s, -EAGAIN, "too many requests at once");
}

static void on_verify(struct core *c, void *arg, const struct msg *m)
{
	struct manifest *s = arg;
	const struct msg_verify_done *d;

	if (!m) {
		s->call = 0;
		end(c, s, -EAGAIN, "the verify process died");
		return;
	}
	switch (m->type) {
	case MSG_VERIFY_WANT:
		memcpy(&s->want, m->body, sizeof(s->want));
		if (!s->req)
			fetch(c, s);
		return;
	case MSG_VERIFY_MANIFEST:
		memcpy(&s->found, m->body, sizeof(s->found));
		s->have = 1;
		return;
	default: /* MSG_VERIFY_DONE */
		d = m->body;
		s->call = 0;
		if (d->rc || s->have)
			end(c, s, d->rc, d->text);
		else
			end(c, s, -EPROTO, "verify found nothing");
	}
}

int manifest_get(struct core *c, struct manifest *s, const char *image,
		 const char *version, const char *digest, manifest_fn fn,
		 void *arg)
{
	struct msg_verify_image q = { 0 };

	s->have = 0;
	s->fn = fn;
	s->arg = arg;
	q.base_unix_ms = c->node.segment.time_ms;
	q.base_boot_ms = c->node.time_boot_ms;
	memcpy(q.floor, c->node.segment.floor, sizeof(q.floor));
	snprintf(q.image, sizeof(q.image), "%s", image);
	snprintf(q.version, sizeof(q.version), "%s", version);
	snprintf(q.manifest, sizeof(q.manifest), "%s", digest);
	s->call = call_send(c, MSG_VERIFY, MSG_VERIFY_IMAGE, &q, NULL, 0, NULL,
			    0, on_verify, s);
	return s->call ? 0 : -EAGAIN;
}

void manifest_cancel(struct core *c, struct manifest *s)
{
	http_cancel(s->req);
	call_forget(c, s->call);
	s->req = NULL;
	s->call = 0;
}
