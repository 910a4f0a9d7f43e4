/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "cleanup.h"
#include "deflate.h"
#include "delta-expand.h"
#include "index-private.h"

/* ---- forth -------------------------------------------------------------------- */

struct expanding {
	const uint8_t *raw;
	size_t len, at; /* at: raw bytes that are done */
	uint8_t *plain;
	size_t n; /* bytes of plain */
};

static void copy_to(struct expanding *x, size_t end)
{
	memcpy(x->plain + x->n, x->raw + x->at, end - x->at);
	x->n += end - x->at;
	x->at = end;
}

/* The stream at raw[from]; 1: it was taken. */
static int expand_one(struct expanding *x, size_t from, struct delta_stream *out)
{
	auto_buf struct buf recipe = BUF_INIT;
	size_t text = x->n + from - x->at, text_len, used;
	/* the rest of raw must have room, whatever becomes of this one */
	size_t room = DELTA_PLAIN_MAX - text - (x->len - from);
	int rc = imagerepo_inflate(x->raw + from, x->len - from,
				   x->plain + text, room, &text_len, &used);

	if (!rc)
		rc = imagerepo_deflate_learn(x->raw + from, used,
					     x->plain + text, text_len, &recipe);
	if (rc || recipe.len > room - text_len)
		return rc == -ENOMEM ? rc : 0;
	*out = (struct delta_stream){ (uint32_t)from, (uint32_t)used,
				      (uint32_t)text_len, (uint32_t)recipe.len };
	copy_to(x, from);
	x->n += text_len;
	memcpy(x->plain + x->n, recipe.data, recipe.len);
	x->n += recipe.len;
	x->at = from + used;
	return 1;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written to */
int imagerepo_delta_expand(const uint8_t *raw, size_t len, uint8_t *plain,
			   size_t *plain_len, struct delta_stream *out)
{
	struct expanding x = { .raw = raw, .len = len, .plain = plain };
	int n = 0;

	for (size_t at = 0; at < len; at += INDEX_BLOCK) {
		size_t head = 0;
		int rc;

		if (at >= x.at)
			head = imagerepo_gzip_head(raw + at, len - at);
		if (!head)
			continue;
		rc = expand_one(&x, at + head, &out[n]);
		if (rc < 0)
			return rc;
		n += rc;
	}
	copy_to(&x, len);
	*plain_len = x.n;
	return n;
}

/* ---- back --------------------------------------------------------------------- */

size_t imagerepo_delta_plain_len(const struct delta_stream *s, uint32_t n,
				 size_t len)
{
	uint64_t plain = len;
	size_t at = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (s[i].at < at || s[i].at > len || s[i].length > len - s[i].at)
			return 0;
		at = s[i].at + s[i].length;
		plain = plain - s[i].length + s[i].text + s[i].recipe;
	}
	return plain <= DELTA_PLAIN_MAX ? plain : 0;
}

int imagerepo_delta_shrink(const struct delta_stream *s, uint32_t n,
			   const uint8_t *plain, uint8_t *raw, size_t len)
{
	size_t at = 0;

	for (uint32_t i = 0; i < n; i++, s++) {
		const uint8_t *text = plain + (s->at - at);
		int rc;

		memcpy(raw + at, plain, s->at - at);
		plain = text + s->text + s->recipe;
		at = s->at + s->length;
		rc = imagerepo_deflate_remake(text + s->text, s->recipe, text,
					      s->text, raw + s->at, s->length);
		if (rc == -ENOMEM)
			return rc;
		if (rc)
			memset(raw + s->at, 0, s->length);
	}
	memcpy(raw + at, plain, len - at);
	return 0;
}

int imagerepo_delta_text(const uint8_t *p, size_t len, uint8_t *text,
			 size_t max, size_t *text_len, size_t *used)
{
	size_t head = imagerepo_gzip_head(p, len);
	int rc = head ? imagerepo_inflate(p + head, len - head, text, max,
					  text_len, used)
		      : -EBADMSG;

	*used = rc ? 0 : *used + head;
	return rc;
}

/* ---- across chunks --------------------------------------------------------------- */

struct joining {
	z_stream z;
	int open; /* a stream goes on behind what was seen */
	uint8_t scratch[32768];
};

/* Goes on with the stream; returns how many bytes it took. */
static size_t feed(struct joining *j, uint8_t *p, size_t len)
{
	int r = Z_OK;

	j->z.next_in = p;
	j->z.avail_in = (uInt)len;
	while (r == Z_OK && j->z.total_in <= DELTA_UNIT_MAX &&
	       j->z.total_out <= DELTA_PLAIN_MAX) {
		j->z.next_out = j->scratch;
		j->z.avail_out = sizeof(j->scratch);
		r = inflate(&j->z, Z_NO_FLUSH);
		if (r == Z_OK && !j->z.avail_in && j->z.avail_out)
			return len;
	}
	j->open = r == Z_BUF_ERROR && !j->z.avail_in;
	return r == Z_STREAM_END || j->open ? len - j->z.avail_in : 0;
}

/* Streams that begin in p, from `at` on. */
static void begin(struct joining *j, uint8_t *p, size_t len, size_t at)
{
	while (at < len) {
		size_t head = imagerepo_gzip_head(p + at, len - at);

		if (head) {
			inflateReset(&j->z);
			j->open = 1;
			at += head + feed(j, p + at + head, len - at - head);
			if (j->open)
				return;
			at--; /* one that ends with a block leads to the next */
		}
		at = (at / INDEX_BLOCK + 1) * INDEX_BLOCK;
	}
}

static int join(struct joining *j, struct imagerepo_disk *disk,
		const struct index *ix, const uint32_t *row,
		const uint8_t *take, uint8_t *joined, struct errinfo *err)
{
	auto_free uint8_t *raw = malloc(INDEX_CHUNK_MAX);
	uint64_t end = 0;

	if (!raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < imagerepo_index_n_data(ix); i++) {
		struct index_chunk c;
		size_t at = 0;
		int rc;

		imagerepo_index_chunk(ix, row[i], &c);
		j->open = j->open && take[i] && c.offset == end;
		end = c.offset + c.size;
		if (!take[i])
			continue;
		rc = imagerepo_disk_read(disk, c.offset, raw, c.size, err);
		if (rc)
			return rc;
		joined[i] = (uint8_t)j->open;
		if (j->open)
			at = feed(j, raw, c.size);
		if (!j->open)
			begin(j, raw, c.size,
			      (at + INDEX_BLOCK - 1) / INDEX_BLOCK * INDEX_BLOCK);
	}
	return 0;
}

int imagerepo_delta_join(struct imagerepo_repo *r,
			 const struct image_blob *index, const struct index *ix,
			 const uint32_t *row, const uint8_t *take,
			 uint8_t *joined, struct errinfo *err)
{
	auto_free struct joining *j = calloc(1, sizeof(*j));
	struct imagerepo_disk *disk = NULL;
	int rc;

	if (!j || inflateInit2(&j->z, -MAX_WBITS) != Z_OK)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_disk_open(r, index, &disk, err);
	if (!rc)
		rc = join(j, disk, ix, row, take, joined, err);
	inflateEnd(&j->z);
	imagerepo_disk_close(disk);
	return rc;
}
