/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output on its way to central: the spool is a memfd that the runner appends
 * to; we send what is new every two seconds or 64 KiB, by offset, so that a
 * repeat is harmless and a loss on the other side can be sent again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "worker.h"

#define PUSH_MS    2000
#define PUSH_BYTES (64UL * 1024)
#define PIECE_MAX  (256UL * 1024) /* of one request */
#define REPLY_MAX  4096

static uint64_t spooled(const struct output *o)
{
	struct stat st;

	return fstat(o->fd, &st) ? 0 : (uint64_t)st.st_size;
}

int output_is_sent(const struct output *o)
{
	return o->sent >= spooled(o);
}

int output_is_due(const struct output *o, int64_t now_ms)
{
	uint64_t size = spooled(o);

	if (size <= o->sent)
		return 0;
	return now_ms >= o->next_ms ||
	       (!o->final && size - o->sent >= PUSH_BYTES &&
		now_ms >= o->next_ms - PUSH_MS);
}

static int put(struct httpc *h, const char *lease, uint64_t offset,
	       const void *data, size_t len, uint64_t *size, struct errinfo *err)
{
	struct httpc_reply reply;
	json_t *j;
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "/v1/work/leases/%s/output?offset=%llu",
		 lease, (unsigned long long)offset);
	rc = httpc_request(h, "PUT", path, NULL, data, len, REPLY_MAX, &reply,
			   err);
	if (rc)
		return rc;
	j = reply.body.len ? json_loadb(reply.body.data, reply.body.len, 0, NULL)
			   : NULL;
	if (reply.status == 409 || reply.status == 404)
		rc = errinfo_set(err, -ESTALE, "the lease is gone");
	else if (reply.status != 200 ||
		 !json_is_integer(json_object_get(j, "size")))
		rc = errinfo_set(err, -EIO, "output: HTTP status %d",
				 reply.status);
	else
		*size = (uint64_t)json_integer_value(json_object_get(j, "size"));
	json_decref(j);
	buf_dispose(&reply.body);
	return rc;
}

static int push_piece(struct httpc *h, const char *lease, struct output *o,
		      struct errinfo *err)
{
	auto_free char *data = malloc(PIECE_MAX);
	uint64_t size = 0;
	ssize_t n;
	int rc;

	if (!data)
		return errinfo_set(err, -ENOMEM, "out of memory");
	n = pread(o->fd, data, PIECE_MAX, (off_t)o->sent);
	if (n <= 0)
		return errinfo_set(err, -EIO, "output: cannot read the spool");
	rc = put(h, lease, o->sent, data, (size_t)n, &size, err);
	if (rc)
		return rc;
	/* Central says what it has: less than we sent before, if it lost some;
	 * never more than there is. */
	if (size == o->sent)
		return errinfo_set(err, -EIO, "output: central took nothing");
	o->sent = size < o->sent + (uint64_t)n ? size : o->sent + (uint64_t)n;
	return 0;
}

int output_push(struct httpc *h, const char *lease, struct output *o,
		struct errinfo *err)
{
	int rc = push_piece(h, lease, o, err);

	o->next_ms = clock_boot_ms() + (o->final ? 0 : PUSH_MS);
	return rc;
}
