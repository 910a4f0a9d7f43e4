/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <zstd.h>

#include "compress.h"

static int64_t run(ZSTD_CCtx *c, const void *raw, size_t len, void *out)
{
	size_t n = ZSTD_compress2(c, out, COMPRESS_ROOM(len), raw, len);

	return ZSTD_isError(n) ? -ENOMEM : (int64_t)n;
}

int64_t imagerepo_compress(void *cctx, int level, const void *raw, size_t len,
			   void *out)
{
	ZSTD_CCtx_reset(cctx, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, level);
	return run(cctx, raw, len, out);
}

/* The window must reach back to the start of the prefix. */
static int window_log(size_t len)
{
	int log = 10;

	while (log < 27 && ((size_t)1 << log) < len)
		log++;
	return log;
}

int64_t imagerepo_compress_after(void *cctx, int level, const void *prefix,
				 size_t prefix_len, const void *raw, size_t len,
				 void *out)
{
	ZSTD_CCtx_reset(cctx, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog,
			       window_log(prefix_len + len));
	ZSTD_CCtx_refPrefix(cctx, prefix, prefix_len);
	return run(cctx, raw, len, out);
}
