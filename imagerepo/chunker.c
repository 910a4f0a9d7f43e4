/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-defined cuts on a grid of blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "chunker.h"
#include "cleanup.h"
#include "repo-private.h"

#define STEP (1u << 20)

struct cutter {
	struct imagerepo_piece *piece;
	uint32_t n, room;
	uint32_t first, end; /* blocks of the piece that grows */
	uint32_t zeros;      /* how many zero blocks are its last */
};

static int is_zero(const uint8_t *block)
{
	return !block[0] && !memcmp(block, block + 1, INDEX_BLOCK - 1);
}

static int add(struct cutter *c, uint32_t first, uint32_t end, int hole)
{
	struct imagerepo_piece *more;

	if (first == end)
		return 0;
	if (c->n == INDEX_CHUNKS_MAX)
		return -EFBIG;
	if (c->n == c->room) {
		c->room = c->room ? c->room * 2 : 4096;
		more = reallocarray(c->piece, c->room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->piece = more;
	}
	c->piece[c->n++] = (struct imagerepo_piece){ first, end - first, hole };
	return 0;
}

/* Ends the piece that grows, and the hole at its end if that is one. */
static int end_piece(struct cutter *c)
{
	uint32_t edge = c->zeros >= CHUNKER_HOLE ? c->end - c->zeros : c->end;
	int rc = add(c, c->first, edge, 0);

	if (!rc)
		rc = add(c, edge, c->end, 1);
	c->first = c->end;
	c->zeros = 0;
	return rc;
}

static int feed(struct cutter *c, const uint8_t *block)
{
	const uint64_t bound = UINT64_MAX / (CHUNKER_AVG - CHUNKER_MIN);
	int rc = 0;

	if (is_zero(block)) {
		c->end++;
		c->zeros++;
		/* a hole grows for ever; zeros at the largest size are one */
		if (c->zeros < CHUNKER_HOLE && c->end - c->first >= CHUNKER_MAX) {
			c->zeros = 0;
			rc = end_piece(c);
		}
		return rc;
	}
	if (c->zeros >= CHUNKER_HOLE)
		rc = end_piece(c);
	c->zeros = 0;
	c->end++;
	if (c->end - c->first >= CHUNKER_MAX ||
	    (c->end - c->first >= CHUNKER_MIN &&
	     XXH3_64bits(block, INDEX_BLOCK) < bound))
		rc = rc ? rc : end_piece(c);
	return rc;
}

int imagerepo_chunker_cut(int fd, uint64_t disk_size,
			  struct imagerepo_piece **pieces, uint32_t *n,
			  struct errinfo *err)
{
	auto_free uint8_t *buf = malloc(STEP);
	struct cutter c = { 0 };
	uint64_t at = 0;
	int rc = buf ? 0 : -ENOMEM;

	while (!rc && at < disk_size) {
		size_t len = disk_size - at < STEP ? disk_size - at : STEP;

		rc = imagerepo_pread_all(fd, buf, len, at);
		for (size_t i = 0; !rc && i < len; i += INDEX_BLOCK)
			rc = feed(&c, buf + i);
		at += len;
	}
	if (!rc)
		rc = end_piece(&c);
	if (rc) {
		free(c.piece);
		return errinfo_set_errno(err, rc, "cannot read the disk");
	}
	*pieces = c.piece;
	*n = c.n;
	return 0;
}
