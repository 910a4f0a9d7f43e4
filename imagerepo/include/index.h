/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index - a virtual disk as a list of chunks, and where each one lies.
 *
 *	offset  size
 *	0       8	"NSINDEX1"
 *	8       4	flags, 0
 *	12      4	n_packs
 *	16      4	n_chunks, holes included
 *	20      4	n_data: chunks that are stored
 *	24      8	disk size, bytes, multiple of 4096
 *	32      -	one zstd frame (content size and checksum set) of
 *		u8  sha256[n_packs][32]		packs
 *		u32 size[n_packs]
 *		u8  kind[n_chunks]		enum index_kind
 *		u16 blocks[n_chunks]		raw length / 4096, not 0
 *		u32 pack[n_data]		columns of the stored chunks
 *		u32 offset[n_data]		in the pack
 *		u32 length[n_data]		as stored
 *		u8  sha256[n_data][32]		of the bytes as stored
 *
 * Little endian. A disk is cut where its content says so, at 4096-byte edges
 * (chunker.h); a run of zeros is a hole and stored nowhere; the last chunk ends
 * at the disk's end. Packs are blobs of at most INDEX_PACK_MAX bytes, chunks
 * one after another. A chunk's digest is that of its stored bytes, so that it
 * is checked before any decoder sees it; the index's own digest is in the
 * manifest.
 *
 * Columns, because equal things side by side compress, and because the index
 * of the next version is mostly this one's.
 */
#ifndef INDEX_H
#define INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "hash.h"

#define INDEX_BLOCK      4096u
#define INDEX_CHUNK_MAX  (256u * 1024)   /* raw bytes of a stored chunk */
#define INDEX_STORED_MAX INDEX_CHUNK_MAX /* no gain: stored raw */
#define INDEX_PACK_MAX   (2u << 20)
#define INDEX_CHUNKS_MAX (1u << 22)
#define INDEX_PACKS_MAX  (1u << 17)

enum index_kind {
	INDEX_HOLE, /* zeros */
	INDEX_RAW,  /* stored as it is */
	INDEX_ZSTD, /* one zstd frame of exactly the raw length */
	INDEX_KINDS
};

struct index; /* parsed and checked; read-only after that */

/* doc: borrowed for the call. Every number has been checked when it returns
 * 0: chunks fill the disk, lie inside their packs, and no length exceeds its
 * bound. -EBADMSG, -EFBIG, -ENOMEM. */
int imagerepo_index_parse(const void *doc, size_t len, struct index **out,
			  struct errinfo *err);
void imagerepo_index_free(struct index *ix);

uint64_t imagerepo_index_disk_size(const struct index *ix);
uint32_t imagerepo_index_n_chunks(const struct index *ix);
uint32_t imagerepo_index_n_packs(const struct index *ix);
size_t imagerepo_index_memory(const struct index *ix); /* bytes it takes */

struct index_chunk {
	uint64_t offset; /* on the disk */
	uint32_t size;   /* raw; 4 GiB at most for holes: in blocks * 4096 */
	enum index_kind kind;
	/* for stored ones: */
	uint32_t pack, pack_offset, stored;
	const uint8_t *sha256; /* HASH_LEN, inside the index */
};

struct index_pack {
	const uint8_t *sha256;
	uint32_t size;
};

void imagerepo_index_chunk(const struct index *ix, uint32_t i,
			   struct index_chunk *out);
void imagerepo_index_pack(const struct index *ix, uint32_t i,
			  struct index_pack *out);
/* The chunk that holds the byte at `offset`, which is inside the disk. */
uint32_t imagerepo_index_find(const struct index *ix, uint64_t offset);

/* Decodes one chunk: checks `stored` bytes against the digest first, then
 * writes c->size bytes to raw. -EBADMSG if anything is off; raw is then
 * undefined. Thread-safe; `dctx` is a ZSTD_DCtx of the calling thread. */
int imagerepo_chunk_decode(void *dctx, const struct index_chunk *c,
			   const void *stored, size_t len, void *raw,
			   struct errinfo *err);

/* ---- making one ----------------------------------------------------------- */

struct index_writer;

int imagerepo_index_writer_new(struct index_writer **out);
void imagerepo_index_writer_free(struct index_writer *w);
/* In the order of the disk; pack: by digest, numbered by first mention. */
int imagerepo_index_add_hole(struct index_writer *w, uint64_t size);
int imagerepo_index_add(struct index_writer *w, enum index_kind kind,
			uint32_t raw, const uint8_t pack[HASH_LEN],
			uint32_t pack_size, uint32_t pack_offset,
			uint32_t stored, const uint8_t sha256[HASH_LEN]);
/* The document; caller frees. */
int imagerepo_index_finish(struct index_writer *w, void **doc, size_t *len,
			   struct errinfo *err);

#endif
