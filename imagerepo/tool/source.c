/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "httpc.h"
#include "source.h"

#define BLOB_TIMEOUT_SEC 3600

int source_open(struct source *s, const char *dir, const char *url,
		struct errinfo *err)
{
	struct httpc_config config = { .url = url,
				       .timeout_sec = BLOB_TIMEOUT_SEC };

	memset(s, 0, sizeof(*s));
	s->name = url ? url : dir;
	return url ? httpc_new(&config, &s->http, err)
		   : imagerepo_store_open(dir, 0, &s->store, err);
}

void source_close(struct source *s)
{
	imagerepo_store_close(s->store);
	httpc_free(s->http);
	s->store = NULL;
	s->http = NULL;
}

int source_doc(struct source *s, const char *path, char **doc, size_t *len,
	       struct errinfo *err)
{
	struct httpc_reply reply = { 0 };
	char slashed[IMAGEREPO_PATH + 1];
	int rc;

	if (s->store)
		return imagerepo_store_get_doc(s->store, path, doc, len, err);
	snprintf(slashed, sizeof(slashed), "/%s", path);
	rc = httpc_request(s->http, "GET", slashed, NULL, NULL, 0,
			   TRUST_DOC_MAX, &reply, err);
	if (rc)
		return rc;
	if (reply.status != 200) {
		buf_dispose(&reply.body);
		return errinfo_set(err, reply.status == 404 ? -ENOENT : -EIO,
				   "%s%s: HTTP status %d", s->name, slashed,
				   reply.status);
	}
	*len = reply.body.len;
	*doc = buf_take(&reply.body);
	return *doc ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

/* The blob goes through a file in memory: what is checked is a whole file, as
 * on a node. */
static int check_remote(struct source *s, const struct imagerepo_blob *blob,
			struct errinfo *err)
{
	auto_close int fd = memfd_create("blob", MFD_CLOEXEC);
	char path[IMAGEREPO_PATH], slashed[IMAGEREPO_PATH + 1], hex[HASH_HEX];
	uint8_t raw[HASH_LEN];
	uint64_t size;
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "memory file");
	imagerepo_blob_path(blob->sha256, path);
	snprintf(slashed, sizeof(slashed), "/%s", path);
	rc = httpc_get_fd(s->http, slashed, fd, blob->size, NULL, NULL, err);
	if (rc == -EFBIG)
		return errinfo_set(err, -EBADMSG, "has more than %llu bytes",
				   (unsigned long long)blob->size);
	if (rc)
		return rc;
	rc = hash_fd(fd, raw, &size);
	if (rc)
		return errinfo_set_errno(err, rc, "memory file");
	format_hex(raw, sizeof(raw), hex);
	if (size != blob->size)
		return errinfo_set(err, -EBADMSG,
				   "has %llu bytes instead of %llu",
				   (unsigned long long)size,
				   (unsigned long long)blob->size);
	if (strcmp(hex, blob->sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "its SHA-256 is %.12s..., not %.12s...", hex,
				   blob->sha256);
	return 0;
}

int source_check_blob(struct source *s, const struct imagerepo_blob *blob,
		      struct errinfo *err)
{
	return s->store ? imagerepo_store_check_blob(s->store, blob, err)
			: check_remote(s, blob, err);
}
