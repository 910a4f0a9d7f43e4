/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunker - cuts a disk where its content says so, at 4096-byte edges.
 *
 * A cut follows each block whose XXH3-64 falls below a bound, so that equal
 * runs of blocks are cut equally wherever they lie; not before CHUNKER_MIN
 * blocks, always at CHUNKER_MAX. Zeros of CHUNKER_HOLE blocks or more are a
 * piece of their own; fewer stay in what is around them. Readers know nothing
 * of this: the rule may change with no other format.
 */
#ifndef CHUNKER_H
#define CHUNKER_H

#include <stdint.h>

#include "errinfo.h"

#define CHUNKER_MIN  4u /* blocks */
#define CHUNKER_AVG  60u
#define CHUNKER_MAX  64u
#define CHUNKER_HOLE 4u

struct imagerepo_piece {
	uint32_t block, blocks;
	int hole;
};

/* Of the file, from its start to disk_size; caller frees. */
int imagerepo_chunker_cut(int fd, uint64_t disk_size,
			  struct imagerepo_piece **pieces, uint32_t *n,
			  struct errinfo *err);

#endif
