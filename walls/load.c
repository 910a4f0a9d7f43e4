/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - nft text into the kernel, by libnftables. Not acl-nft: netdom is to
 * hold no more code than it needs.
 */
#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

#include "walls.h"

int walls_load(const char *text, struct errinfo *err)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *said;
	int rc = 0;

	if (!nft)
		return errinfo_set_errno(err, -ENOMEM, "nftables");
	nft_ctx_buffer_output(nft);
	nft_ctx_buffer_error(nft);
	if (nft_run_cmd_from_buffer(nft, text)) {
		said = nft_ctx_get_error_buffer(nft);
		rc = errinfo_set(err, -EIO, "nftables: %.*s",
				 (int)strcspn(said, "\n"), said);
	}
	nft_ctx_free(nft);
	return rc;
}
