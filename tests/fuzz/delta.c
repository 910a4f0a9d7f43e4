/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes a delta: u32 length of the old index, the old index, the delta.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "cleanup.h"
#include "delta-private.h"
#include "index-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct delta *d, uint64_t size, uint64_t disk)
{
	for (uint32_t i = 0; i < d->n_units; i++) {
		const struct delta_unit *u = &d->unit[i];

		if (u->offset + u->stored > size ||
		    (uint64_t)u->extent + u->extents > d->n_extents)
			abort();
	}
	for (uint32_t i = 0; i < d->n_extents; i++)
		if (((uint64_t)d->extent[i].block + d->extent[i].blocks) *
			    INDEX_BLOCK >
		    disk)
			abort();
	for (uint32_t i = 0; i < d->n_gaps; i++)
		if (d->gap[i].at + d->gap[i].length > size)
			abort();
}

static void parse(const struct index *old, const uint8_t *body, size_t body_len,
		  const uint8_t *data, size_t len)
{
	auto_close int fd = memfd_create("delta", MFD_CLOEXEC);
	auto_free void *doc = NULL;
	struct delta d;
	size_t doc_len;

	if (fd < 0 || imagerepo_pwrite_all(fd, data, len, 0))
		abort();
	if (imagerepo_delta_parse(fd, len, old, body, body_len, &d, &doc,
				  &doc_len, NULL))
		return;
	check(&d, len, imagerepo_index_disk_size(old));
	imagerepo_delta_dispose(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free uint8_t *body = NULL;
	struct index_head h;
	struct index *old;
	uint32_t n;

	if (len < 4)
		return 0;
	n = get32(data);
	if (n > len - 4 || imagerepo_index_parse(data + 4, n, &old, NULL))
		return 0;
	if (!imagerepo_index_body(data + 4, n, &h, &body, NULL))
		parse(old, body, imagerepo_index_body_len(&h), data + 4 + n,
		      len - 4 - n);
	imagerepo_index_free(old);
	return 0;
}
