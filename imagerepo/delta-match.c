/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what is alike by anchors: each one of the new bytes that is on the old
 * disk, or in a text on it, is a vote for its neighbourhood there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "delta-match.h"

#define AROUND 8u  /* blocks before and behind a vote */
#define APART  24u /* blocks between two neighbourhoods */

struct place {
	uint32_t first, blocks, votes; /* first: with DELTA_TEXT */
	uint32_t text;                 /* bytes, of a text */
};

static int by_block(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int by_votes(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->votes != y->votes)
		return x->votes > y->votes ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static int by_place(const void *a, const void *b)
{
	const struct delta_extent *x = a, *y = b;

	return (x->block > y->block) - (x->block < y->block);
}

static int by_text(const void *a, const void *b)
{
	const struct delta_text *x = a, *y = b;

	return (x->block > y->block) - (x->block < y->block);
}

static struct place text_place(const struct delta_old *o, uint32_t vote)
{
	struct delta_text key = { .block = vote & ~DELTA_TEXT };
	struct delta_text *t =
		bsearch(&key, o->text, o->n_texts, sizeof(key), by_text);

	return (struct place){ vote, t->blocks, 1, t->text };
}

/* Sorted votes to neighbourhoods; returns how many. */
static uint32_t group(const struct delta_old *o, const uint32_t *vote, size_t n,
		      struct place *out)
{
	struct place *last = NULL;
	uint32_t n_out = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t first = vote[i] > AROUND ? vote[i] - AROUND : 0;
		uint32_t end = vote[i] + AROUND + 1;
		int is_text = (vote[i] & DELTA_TEXT) != 0;

		if (end > o->disk_blocks)
			end = o->disk_blocks;
		if (last &&
		    (is_text ? last->first == vote[i]
			     : first <= last->first + last->blocks + APART)) {
			last->votes++;
			if (!is_text)
				last->blocks = end - last->first;
			continue;
		}
		last = &out[n_out++];
		*last = is_text ? text_place(o, vote[i])
				: (struct place){ first, end - first, 1, 0 };
	}
	return n_out;
}

/* The best places that there is room for. */
static int pick(struct place *place, uint32_t n, uint32_t blocks, size_t text,
		struct delta_extent *out)
{
	int n_out = 0;

	qsort(place, n, sizeof(*place), by_votes);
	for (uint32_t i = 0; i < n && n_out < DELTA_EXTENTS_MAX; i++) {
		struct place *p = &place[i];

		if (p->text > text)
			continue;
		text -= p->text;
		if (!p->text && p->blocks > blocks)
			p->blocks = blocks;
		if (!p->text)
			blocks -= p->blocks;
		if (p->blocks)
			out[n_out++] =
				(struct delta_extent){ p->first, p->blocks };
	}
	qsort(out, (size_t)n_out, sizeof(*out), by_place);
	return n_out;
}

int imagerepo_delta_match(const struct delta_old *o, const uint8_t *plain,
			  size_t len, uint32_t near, uint32_t near_blocks,
			  uint32_t blocks, size_t text, struct delta_extent *out)
{
	size_t max = len / ANCHOR_EVERY * 4 + 64, n, votes = 0;
	auto_free struct imagerepo_anchor *found = calloc(max, sizeof(*found));
	auto_free uint32_t *vote = calloc(max + 2, sizeof(*vote));
	auto_free struct place *place = calloc(max + 2, sizeof(*place));

	if (!found || !vote || !place)
		return -ENOMEM;
	n = imagerepo_anchors_scan(
		plain, len, imagerepo_anchors_skip(o->anchors), found, max);
	for (size_t i = 0; i < n; i++) {
		uint32_t block = imagerepo_anchors_find(o->anchors, found[i].key);

		if (block != UINT32_MAX)
			vote[votes++] = block;
	}
	if (near < o->disk_blocks) {
		uint64_t end = (uint64_t)near + near_blocks;

		vote[votes++] = near;
		vote[votes++] = end < o->disk_blocks ? (uint32_t)end
						     : o->disk_blocks - 1;
	}
	qsort(vote, votes, sizeof(*vote), by_block);
	return pick(place, group(o, vote, votes, place), blocks, text, out);
}
