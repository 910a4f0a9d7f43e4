/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishes a disk: cut, compress what the repository has not, store it in
 * packs, then index, bundle and delta.
 *
 * Threads read, hash and compress pieces; the caller's thread takes them in the
 * order of the packs (what a boot reads first, then the disk's), so that the
 * same disk always gives the same packs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle-private.h"
#include "chunker.h"
#include "cleanup.h"
#include "compress.h"
#include "delta-private.h"
#include "known.h"
#include "parallel.h"

#define LEVEL       11
#define PACK_TARGET (1u << 20)

struct publish {
	struct imagerepo_repo *r;
	const struct imagerepo_publish *how;
	struct imagerepo_publish_stats *stats;
	int fd, level;
	uint64_t size;
	struct imagerepo_piece *piece;
	struct imagerepo_place *place; /* of each piece that is no hole */
	uint32_t n;
	uint32_t *order; /* numbers of the pieces that are none, n_order */
	uint32_t n_order;
	struct imagerepo_known *old;   /* what the repository has */
	struct imagerepo_known *fresh; /* what this disk adds */
	uint8_t *pack;                 /* the one that grows */
	uint32_t pack_len, pack_number;
	uint64_t done;
};

struct slot {
	int found;
	struct imagerepo_place place;
	uint8_t data[COMPRESS_ROOM(INDEX_CHUNK_MAX)];
};

static void tell(struct publish *p, enum imagerepo_step step, uint64_t done,
		 uint64_t total)
{
	if (p->how->progress)
		p->how->progress(step, done, total, p->how->arg);
}

static int out_of_memory(struct errinfo *err)
{
	return errinfo_set(err, -ENOMEM, "out of memory");
}

/* ---- what is there already ---------------------------------------------- */

struct loading {
	struct publish *p;
	char (*seen)[HASH_HEX];
	size_t n;
};

static int load_index(struct loading *l, const struct image_blob *b)
{
	void *more;

	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->seen[i], b->sha256))
			return 0;
	more = reallocarray(l->seen, l->n + 1, HASH_HEX);
	if (!more)
		return -ENOMEM;
	l->seen = more;
	strcpy(l->seen[l->n++], b->sha256);
	/* An image that cannot be read has nothing to share. */
	return imagerepo_known_load(l->p->old, l->p->r, b, l->p->how->threads,
				    NULL) == -ENOMEM
		       ? -ENOMEM
		       : 0;
}

static int load_target(const char *file, void *arg, struct errinfo *err)
{
	struct image_manifest m;
	struct loading *l = arg;
	auto_free char *doc = NULL;
	size_t len;

	(void)err;
	if (imagerepo_repo_get_doc(l->p->r, file, IMAGE_MAX, &doc, &len, NULL) ||
	    imagerepo_image_parse(doc, len, &m, NULL))
		return 0;
	return load_index(l, &m.index);
}

static int load_known(struct publish *p, struct errinfo *err)
{
	struct loading l = { p, NULL, 0 };
	int rc = 0;

	tell(p, IMAGEREPO_STEP_READ, 0, 1);
	if (p->how->previous)
		rc = load_index(&l, &p->how->previous->index);
	if (!rc)
		rc = imagerepo_repo_targets(p->r, load_target, &l, err);
	free(l.seen);
	tell(p, IMAGEREPO_STEP_READ, 1, 1);
	return rc == -ENOMEM ? out_of_memory(err) : rc;
}

/* ---- order ------------------------------------------------------------------ */

static uint32_t piece_of(const struct publish *p, uint32_t block)
{
	uint32_t low = 0, high = p->n;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (p->piece[mid].block <= block)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int make_order(struct publish *p, const uint32_t *boot, size_t n_boot,
		      struct errinfo *err)
{
	auto_free uint8_t *taken = calloc(1, p->n);

	p->order = calloc(p->n, sizeof(*p->order));
	p->place = calloc(p->n, sizeof(*p->place));
	if (!taken || !p->order || !p->place)
		return out_of_memory(err);
	for (size_t b = 0; b < n_boot + p->n; b++) {
		uint32_t i = b < n_boot ? piece_of(p, boot[b])
					: (uint32_t)(b - n_boot);

		if (taken[i] || p->piece[i].hole)
			continue;
		taken[i] = 1;
		p->order[p->n_order++] = i;
	}
	return 0;
}

/* ---- chunks ------------------------------------------------------------------ */

static int run_piece(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		     struct errinfo *err)
{
	const struct publish *p = arg;
	const struct imagerepo_piece *piece = &p->piece[p->order[i]];
	size_t len = (size_t)piece->blocks * INDEX_BLOCK;
	const struct imagerepo_place *known;
	void *raw = imagerepo_tools_buffer(t, 0, INDEX_CHUNK_MAX);
	struct slot *s = slot;
	int64_t n;
	int rc;

	if (!raw || !imagerepo_tools_cctx(t))
		return out_of_memory(err);
	rc = imagerepo_pread_all(p->fd, raw, len,
				 (uint64_t)piece->block * INDEX_BLOCK);
	if (rc)
		return errinfo_set_errno(err, rc, "%s", p->how->disk);
	hash_bytes(raw, len, s->place.raw);
	known = imagerepo_known_find(p->old, s->place.raw);
	s->found = known != NULL;
	if (known) {
		s->place = *known;
		return 0;
	}
	n = imagerepo_compress(imagerepo_tools_cctx(t), p->level, raw, len,
			       s->data);
	if (n < 0)
		return out_of_memory(err);
	s->place.kind = INDEX_ZSTD;
	if ((size_t)n > len - len / 32) { /* not worth a decoder's time */
		memcpy(s->data, raw, len);
		n = (int64_t)len;
		s->place.kind = INDEX_RAW;
	}
	s->place.level = (uint8_t)p->level;
	s->place.stored = (uint32_t)n;
	hash_bytes(s->data, s->place.stored, s->place.sha256);
	return 0;
}

static int end_pack(struct publish *p, struct errinfo *err)
{
	uint8_t sha256[HASH_LEN];
	struct index_pack pack = { sha256, p->pack_len };
	struct image_blob b;
	int rc;

	if (!p->pack_len)
		return 0;
	rc = imagerepo_repo_put_later(p->r, p->pack, p->pack_len, &b, err);
	if (rc)
		return rc;
	parse_hex(b.sha256, sha256, HASH_LEN);
	imagerepo_known_set_pack(p->old, p->pack_number, &pack);
	p->stats->new_packs++;
	p->stats->new_bytes += p->pack_len;
	p->pack_len = 0;
	return 0;
}

static int store_chunk(struct publish *p, struct slot *s, struct errinfo *err)
{
	static const uint8_t none[HASH_LEN];
	struct index_pack unknown = { none, 0 };
	int rc = 0;

	if (p->pack_len + s->place.stored > PACK_TARGET)
		rc = end_pack(p, err);
	if (!rc && !p->pack_len &&
	    imagerepo_known_add_pack(p->old, &unknown, &p->pack_number))
		rc = out_of_memory(err);
	if (rc)
		return rc;
	memcpy(p->pack + p->pack_len, s->data, s->place.stored);
	s->place.pack = p->pack_number;
	s->place.offset = p->pack_len;
	p->pack_len += s->place.stored;
	p->stats->new_chunks++;
	return imagerepo_known_add(p->fresh, &s->place) ? out_of_memory(err) : 0;
}

static int done_piece(void *arg, size_t i, void *slot, struct errinfo *err)
{
	const struct imagerepo_place *same;
	struct publish *p = arg;
	struct slot *s = slot;
	int rc = 0;

	if (!s->found) {
		same = imagerepo_known_find(p->fresh, s->place.raw);
		if (same)
			s->place = *same;
		else
			rc = store_chunk(p, s, err);
	}
	p->place[p->order[i]] = s->place;
	p->done += (uint64_t)p->piece[p->order[i]].blocks * INDEX_BLOCK;
	if (i % 64 == 0 || i + 1 == p->n_order)
		tell(p, IMAGEREPO_STEP_CHUNK, p->done, p->size);
	return rc;
}

static int store_chunks(struct publish *p, struct errinfo *err)
{
	struct imagerepo_parallel how = { .n = p->n_order,
					  .threads = p->how->threads,
					  .slot_size = sizeof(struct slot),
					  .run = run_piece,
					  .done = done_piece,
					  .arg = p };
	int rc = 0;

	if (p->n_order)
		rc = imagerepo_parallel(&how, err);
	if (!rc)
		rc = end_pack(p, err);
	return rc ? rc : imagerepo_repo_flush(p->r, err);
}

/* ---- index ------------------------------------------------------------------- */

static int add_rows(struct publish *p, struct index_writer *w, uint8_t *rows)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < p->n; i++) {
		const struct imagerepo_place *c = &p->place[i];
		uint64_t len = (uint64_t)p->piece[i].blocks * INDEX_BLOCK;
		struct index_pack pack;

		if (p->piece[i].hole) {
			rc = imagerepo_index_add_hole(w, len);
			p->stats->holes++;
			continue;
		}
		pack = imagerepo_known_pack(p->old, c->pack);
		rc = imagerepo_index_add(w, c->kind, (uint32_t)len, pack.sha256,
					 pack.size, c->offset, c->stored,
					 c->sha256);
		rows[0] = c->level;
		memcpy(rows + 1, c->raw, HASH_LEN);
		rows += KNOWN_ROW;
	}
	return rc;
}

static int write_index(struct publish *p, struct image_manifest *m,
		       struct errinfo *err)
{
	auto_free uint8_t *rows = calloc(p->n_order + 1UL, KNOWN_ROW);
	auto_free void *doc = NULL;
	struct index_writer *w;
	size_t len;
	int rc;

	if (!rows || imagerepo_index_writer_new(&w))
		return out_of_memory(err);
	rc = add_rows(p, w, rows);
	if (rc)
		errinfo_set_errno(err, rc, "cannot make the index");
	else
		rc = imagerepo_index_finish(w, &doc, &len, err);
	imagerepo_index_writer_free(w);
	if (!rc)
		rc = imagerepo_repo_put(p->r, doc, len, &m->index, err);
	if (!rc)
		imagerepo_known_save(p->r, &m->index, rows, p->n_order);
	m->disk_size = p->size;
	m->disk_stored = 0;
	for (uint32_t i = 0; i < p->n_order; i++)
		m->disk_stored += p->place[p->order[i]].stored;
	p->stats->chunks = p->n;
	return rc;
}

/* ---- delta ------------------------------------------------------------------- */

/* Who has the old image fetches as much when there is no delta. */
static int count_update(struct publish *p, const struct image_manifest *m,
			struct errinfo *err)
{
	struct index *old = NULL, *new = NULL;
	auto_free uint8_t *wanted = NULL;
	struct index_pack pack;
	int rc = imagerepo_repo_index(p->r, &p->how->previous->index, &old, err);

	if (!rc)
		rc = imagerepo_repo_index(p->r, &m->index, &new, err);
	if (!rc)
		wanted = imagerepo_index_new_packs(new, old);
	if (!rc && !wanted)
		rc = out_of_memory(err);
	p->stats->update_bytes = m->index.size;
	for (uint32_t i = 0; !rc && i < imagerepo_index_n_packs(new); i++) {
		imagerepo_index_pack(new, i, &pack);
		p->stats->update_bytes += wanted[i] ? pack.size : 0;
	}
	imagerepo_index_free(old);
	imagerepo_index_free(new);
	return rc;
}

static int write_delta(struct publish *p, struct image_manifest *m,
		       struct errinfo *err)
{
	const struct image_manifest *old = p->how->previous;
	struct image_delta *d = &m->delta[0];
	int rc;

	p->stats->update_bytes = p->stats->new_bytes + m->index.size;
	if (!old || !strcmp(old->index.sha256, m->index.sha256))
		return 0;
	rc = count_update(p, m, err);
	if (rc || p->how->no_delta)
		return rc;
	rc = imagerepo_delta_make(p->r, &old->index, &m->index, p->level,
				  p->how->threads, p->how->progress,
				  p->how->arg, &d->blob, err);
	if (rc)
		return errinfo_wrap(err, rc, "delta from %s %s", old->name,
				    old->version);
	/* else it is garbage, and swept some day */
	if (d->blob.size < p->stats->update_bytes) {
		strcpy(d->from, p->how->previous_sha256);
		m->n_deltas = 1;
		p->stats->update_bytes = d->blob.size;
	}
	return 0;
}

/* ---- all of it ---------------------------------------------------------------- */

static int open_disk(struct publish *p, struct errinfo *err)
{
	struct stat st;

	p->fd = open(p->how->disk, O_RDONLY | O_CLOEXEC);
	if (p->fd < 0 || fstat(p->fd, &st))
		return errinfo_set_errno(err, -errno, "%s", p->how->disk);
	p->size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || !p->size || p->size % INDEX_BLOCK ||
	    p->size > IMAGE_DISK_MAX)
		return errinfo_set(err, -EINVAL,
				   "%s is not a file of a multiple of 4096 "
				   "bytes, at most %llu GiB",
				   p->how->disk, IMAGE_DISK_MAX >> 30);
	for (size_t i = 0; i < p->how->n_trace; i++)
		if (p->how->trace[i] >= p->size / INDEX_BLOCK)
			return errinfo_set(err, -EINVAL,
					   "the trace names a block beyond "
					   "the disk's end");
	return 0;
}

static int publish(struct publish *p, struct image_manifest *m,
		   struct errinfo *err)
{
	const uint32_t *boot = p->how->trace;
	auto_free uint32_t *inherited = NULL;
	size_t n_boot = p->how->n_trace;
	int rc = open_disk(p, err);

	if (!rc)
		rc = imagerepo_chunker_cut(p->fd, p->size, &p->piece, &p->n, err);
	if (!rc && !n_boot && p->how->previous) {
		rc = imagerepo_bundle_inherit(p->r, p->how->previous, p->fd,
					      p->size, &inherited, &n_boot, err);
		boot = inherited;
		p->stats->bundle_inherited = (uint32_t)n_boot;
	}
	if (!rc)
		rc = make_order(p, boot, n_boot, err);
	if (!rc)
		rc = load_known(p, err);
	if (!rc)
		rc = store_chunks(p, err);
	if (!rc)
		rc = write_index(p, m, err);
	if (rc)
		return rc;
	tell(p, IMAGEREPO_STEP_BUNDLE, 0, 1);
	rc = imagerepo_bundle_make(p->r, p->fd, boot, n_boot, p->how->threads,
				   m, &p->stats->bundle_blocks, err);
	tell(p, IMAGEREPO_STEP_BUNDLE, 1, 1);
	return rc ? rc : write_delta(p, m, err);
}

int imagerepo_repo_publish(struct imagerepo_repo *r,
			   const struct imagerepo_publish *how,
			   struct image_manifest *m,
			   struct imagerepo_publish_stats *stats,
			   struct errinfo *err)
{
	struct imagerepo_publish_stats unused;
	struct publish p = { .r = r,
			     .how = how,
			     .fd = -1,
			     .level = how->level ? how->level : LEVEL };
	int rc;

	p.stats = stats ? stats : &unused;
	memset(p.stats, 0, sizeof(*p.stats));
	memset(&m->bundle, 0, sizeof(m->bundle));
	m->n_deltas = 0;
	p.old = imagerepo_known_new();
	p.fresh = imagerepo_known_new();
	p.pack = malloc(INDEX_PACK_MAX);
	if (!p.old || !p.fresh || !p.pack)
		rc = out_of_memory(err);
	else
		rc = publish(&p, m, err);
	imagerepo_known_free(p.old);
	imagerepo_known_free(p.fresh);
	free(p.pack);
	free(p.piece);
	free(p.place);
	free(p.order);
	cleanup_close(&p.fd);
	return rc;
}
