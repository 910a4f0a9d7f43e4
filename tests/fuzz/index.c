/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the index of a disk: as a document, and ('c' first) as the columns of
 * one, which no fuzzer compresses rightly. What is taken must hold together.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "index-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct index *ix)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < imagerepo_index_n_chunks(ix); i++) {
		struct index_chunk c;
		struct index_pack p;

		imagerepo_index_chunk(ix, i, &c);
		if (c.offset != at || !c.size ||
		    imagerepo_index_find(ix, at) != i ||
		    imagerepo_index_find(ix, at + c.size - 1) != i)
			abort();
		at += c.size;
		if (c.kind == INDEX_HOLE)
			continue;
		imagerepo_index_pack(ix, c.pack, &p);
		if (c.size > INDEX_CHUNK_MAX || p.size > INDEX_PACK_MAX ||
		    (uint64_t)c.pack_offset + c.stored > p.size)
			abort();
	}
	if (at != imagerepo_index_disk_size(ix))
		abort();
}

static void parse(const void *doc, size_t len)
{
	struct index *ix;

	if (imagerepo_index_parse(doc, len, &ix, NULL))
		return;
	check(ix);
	imagerepo_index_free(ix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free void *doc = NULL;
	struct index_head h;
	size_t doc_len;

	if (!len)
		return 0;
	if (data[0] != 'c') {
		parse(data, len);
		return 0;
	}
	if (imagerepo_index_head(data + 1, len - 1, &h, NULL) ||
	    imagerepo_index_body_len(&h) != len - 1 - INDEX_HEAD ||
	    imagerepo_index_wrap(&h, data + 1 + INDEX_HEAD, &doc, &doc_len, NULL))
		return 0;
	parse(doc, doc_len);
	return 0;
}
