/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes a stream's blocks apart, and puts zlib's symbols into such blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "bytes.h"
#include "cleanup.h"
#include "deflate-private.h"
#include "deflate.h"

#define HEADER_MAX  400 /* bytes; 320 lengths of 7 + 7 bits, and a little */
#define RECIPE_HEAD 5u
#define BLOCK_HEAD  6u

/* ---- a stream and its text ----------------------------------------------------- */

size_t imagerepo_gzip_head(const uint8_t *p, size_t len)
{
	enum { HCRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, MOST = 31 };
	size_t at = 10;

	if (len < at || p[0] != 0x1f || p[1] != 0x8b || p[2] != 8 || p[3] > MOST)
		return 0;
	if (p[3] & EXTRA)
		at += at + 2 <= len ? 2u + get16(p + at) : len;
	for (int flag = NAME; flag <= COMMENT; flag *= 2)
		if (p[3] & flag) {
			const uint8_t *end =
				at < len ? memchr(p + at, 0, len - at) : NULL;

			at = end ? (size_t)(end - p) + 1 : len;
		}
	if (p[3] & HCRC)
		at += 2;
	return at < len ? at : 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): zlib writes there */
int imagerepo_inflate(const uint8_t *p, size_t len, uint8_t *text, size_t max,
		      size_t *text_len, size_t *used)
{
	z_stream z = { .next_in = (uint8_t *)p,
		       .avail_in = (uInt)len,
		       .next_out = text,
		       .avail_out = (uInt)max };
	int r;

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return -ENOMEM;
	r = inflate(&z, Z_FINISH);
	*text_len = z.total_out;
	*used = z.total_in;
	inflateEnd(&z);
	if (r == Z_STREAM_END)
		return 0;
	if (r != Z_BUF_ERROR && r != Z_OK)
		return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	return z.avail_out ? -EPIPE : -EFBIG;
}

/* The text as zlib compresses it; caller frees. */
static int deflate_text(int level, const uint8_t *text, size_t text_len,
			uint8_t **out, size_t *len)
{
	z_stream z = { .next_in = (uint8_t *)text, .avail_in = (uInt)text_len };
	int r;

	if (deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 8 /* gzip's hash */,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	z.avail_out = (uInt)deflateBound(&z, text_len);
	*out = z.next_out = malloc(z.avail_out);
	r = *out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	*len = z.total_out;
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -ENOMEM;
}

/* ---- learning ------------------------------------------------------------------ */

static void add_block(struct buf *recipe, const struct bits *b, size_t from,
		      size_t to, uint32_t symbols)
{
	uint8_t head[BLOCK_HEAD], header[HEADER_MAX] = { 0 };
	struct bits in = *b, out = { .out = header, .end = sizeof(header) * 8 };
	size_t n = to - from;

	in.at = from;
	for (size_t i = 0; i < n; i++)
		imagerepo_bits_put(&out, imagerepo_bits_take(&in, 1), 1);
	put32(head, symbols);
	put16(head + 4, (uint16_t)n);
	buf_add(recipe, head, sizeof(head));
	buf_add(recipe, header, (n + 7) / 8);
}

static int learn_blocks(const uint8_t *stream, size_t len, struct codes *c,
			struct buf *recipe)
{
	struct bits b = { .p = stream, .end = len * 8 };
	uint8_t head[RECIPE_HEAD] = { 0 };
	size_t at = recipe->len;
	uint32_t n = 0;
	int last = 0;

	buf_add(recipe, head, sizeof(head));
	for (; !last; n++) {
		size_t from = b.at, to;
		uint32_t symbols = 0;
		struct token t;
		int rc = imagerepo_deflate_read_header(&b, c, &last);

		to = b.at;
		if (!rc)
			rc = imagerepo_deflate_read_token(&b, c, &t);
		for (; !rc && t.literal != END; symbols++)
			rc = imagerepo_deflate_read_token(&b, c, &t);
		if (rc)
			return -ENOENT;
		add_block(recipe, &b, from, to, symbols);
	}
	if (recipe->rc)
		return recipe->rc;
	put32(recipe->data + at + 1, n);
	return 0;
}

/* ---- making again ---------------------------------------------------------------- */

struct remake {
	struct codes from, to;
	struct bits in, out;
	int ended; /* no block of `in` is open */
	int last;
};

/* The next symbol of zlib's stream, whichever block it is in. */
static int next_token(struct remake *m, struct token *t)
{
	for (;;) {
		int rc = 0;

		if (m->ended) {
			if (m->last)
				return -EBADMSG;
			rc = imagerepo_deflate_read_header(&m->in, &m->from,
							   &m->last);
		}
		if (!rc)
			rc = imagerepo_deflate_read_token(&m->in, &m->from, t);
		m->ended = !rc && t->literal == END;
		if (rc || !m->ended)
			return rc;
	}
}

/* One block by the recipe at *p. */
static int remake_block(struct remake *m, const uint8_t **p, const uint8_t *end)
{
	const struct token stop = { .literal = END };
	struct bits header;
	uint32_t symbols;
	int last, rc;

	if (end - *p < BLOCK_HEAD)
		return -EBADMSG;
	symbols = get32(*p);
	header = (struct bits){ .p = *p + BLOCK_HEAD, .end = get16(*p + 4) };
	*p += BLOCK_HEAD;
	if ((size_t)(end - *p) < (header.end + 7) / 8)
		return -EBADMSG;
	*p += (header.end + 7) / 8;
	rc = imagerepo_deflate_read_header(&header, &m->to, &last);
	if (rc || header.at != header.end)
		return -EBADMSG;
	for (header.at = 0; header.at < header.end;)
		imagerepo_bits_put(&m->out, imagerepo_bits_take(&header, 1), 1);
	for (uint32_t i = 0; !rc && i < symbols; i++) {
		struct token t;

		rc = next_token(m, &t);
		if (!rc)
			rc = imagerepo_deflate_put_token(&m->out, &m->to, &t);
	}
	return rc ? rc : imagerepo_deflate_put_token(&m->out, &m->to, &stop);
}

static int remake_blocks(const uint8_t *recipe, size_t recipe_len,
			 const uint8_t *made, size_t made_len, uint8_t *out,
			 size_t len)
{
	const uint8_t *p = recipe + RECIPE_HEAD, *end = recipe + recipe_len;
	auto_free struct remake *m = calloc(1, sizeof(*m));
	int rc = m ? 0 : -ENOMEM;

	if (rc)
		return rc;
	memset(out, 0, len);
	m->in = (struct bits){ .p = made, .end = made_len * 8 };
	m->out = (struct bits){ .out = out, .end = len * 8 };
	m->ended = 1;
	for (uint32_t n = get32(recipe + 1); !rc && n; n--)
		rc = remake_block(m, &p, end);
	return rc ? rc : p == end && m->out.at + 7 >= len * 8 ? 0 : -EBADMSG;
}

/* From what zlib made of the text. */
static int remake(const uint8_t *recipe, size_t recipe_len, const uint8_t *made,
		  size_t made_len, uint8_t *out, size_t len)
{
	if (get32(recipe + 1))
		return remake_blocks(recipe, recipe_len, made, made_len, out,
				     len);
	if (made_len != len || recipe_len != RECIPE_HEAD)
		return -EBADMSG;
	memcpy(out, made, len);
	return 0;
}

int imagerepo_deflate_remake(const uint8_t *recipe, size_t recipe_len,
			     const uint8_t *text, size_t text_len, uint8_t *out,
			     size_t len)
{
	auto_free uint8_t *made = NULL;
	size_t made_len;
	int rc;

	if (recipe_len < RECIPE_HEAD || recipe[0] < 1 || recipe[0] > 9)
		return -EBADMSG;
	rc = deflate_text(recipe[0], text, text_len, &made, &made_len);
	return rc ? rc : remake(recipe, recipe_len, made, made_len, out, len);
}

int imagerepo_deflate_learn(const uint8_t *stream, size_t len,
			    const uint8_t *text, size_t text_len,
			    struct buf *recipe)
{
	static const uint8_t levels[] = { 9, 6 }; /* packages', gzip's own */
	auto_free struct codes *c = malloc(sizeof(*c));
	auto_free uint8_t *out = malloc(len);
	auto_buf struct buf blocks = BUF_INIT;
	int rc = c && out ? learn_blocks(stream, len, c, &blocks) : -ENOMEM;

	for (size_t i = 0; !rc && i < sizeof(levels); i++) {
		auto_free uint8_t *made = NULL;
		size_t made_len, n = RECIPE_HEAD;
		uint8_t *r = (uint8_t *)blocks.data;

		rc = deflate_text(levels[i], text, text_len, &made, &made_len);
		if (rc)
			break;
		r[0] = levels[i];
		if (made_len == len && !memcmp(made, stream, len))
			put32(r + 1, 0);
		else if (remake(r, blocks.len, made, made_len, out, len) ||
			 memcmp(out, stream, len) != 0)
			continue;
		else
			n = blocks.len;
		return buf_add(recipe, r, n);
	}
	return rc ? rc : -ENOENT;
}
