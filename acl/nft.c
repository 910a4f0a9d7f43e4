/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft - what the kernel is told and asked, through libnftables.
 *
 * A context for each call: it reads what the kernel has, and others may have
 * changed that since the last one.
 */
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "buf.h"
#include "carry.h"
#include "cleanup.h"
#include "listing.h"

#define LIST_TABLE "list table inet " ACL_TABLE

static void free_context(struct nft_ctx **nft)
{
	if (*nft)
		nft_ctx_free(*nft);
}

#define auto_nft __attribute__((cleanup(free_context)))

static struct nft_ctx *new_context(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (nft && (nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))) {
		nft_ctx_free(nft);
		return NULL;
	}
	return nft;
}

/* The first line of what libnftables said: where and why. */
static int failed(struct nft_ctx *nft, int r, struct errinfo *err)
{
	const char *text = nft_ctx_get_error_buffer(nft);
	int rc = r && errno == EPERM ? -EPERM : -EINVAL;

	if (strstr(text, "Message too long"))
		return errinfo_set(err, -EMSGSIZE,
				   "nftables: more at once than only root may "
				   "load (net.core.wmem_default)");
	if (strstr(text, "Operation not permitted"))
		rc = -EPERM;
	else if (strstr(text, "No such file or directory"))
		rc = -ENOENT;
	return errinfo_set(err, rc, "nftables: %.*s", (int)strcspn(text, "\n"),
			   *text ? text : strerror(-rc));
}

int acl_nft_run(const char *text, int dry_run, struct errinfo *err)
{
	auto_nft struct nft_ctx *nft = new_context();
	int r;

	if (!nft)
		return errinfo_set(err, -ENOMEM, "out of memory");
	nft_ctx_set_dry_run(nft, dry_run);
	errno = 0;
	r = nft_run_cmd_from_buffer(nft, text);
	return r ? failed(nft, r, err) : 0;
}

int acl_change(const struct acl_rules *r, const struct acl_change *c, size_t n,
	       struct errinfo *err)
{
	auto_free char *text = acl_emit_changes(r, c, n);

	if (!text)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return *text ? acl_nft_run(text, 0, err) : 0;
}

static int list(const char *what, unsigned int flags, char **out,
		struct errinfo *err)
{
	auto_nft struct nft_ctx *nft = new_context();
	int r;

	if (!nft)
		return errinfo_set(err, -ENOMEM, "out of memory");
	nft_ctx_output_set_flags(nft, flags);
	errno = 0;
	r = nft_run_cmd_from_buffer(nft, what);
	if (r)
		return failed(nft, r, err);
	*out = strdup(nft_ctx_get_output_buffer(nft));
	return *out ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

int acl_listing(const char *set, json_t **root_out, struct errinfo *err)
{
	char what[ACL_COMMENT_MAX] = LIST_TABLE;
	auto_free char *text = NULL;
	int rc;

	if (set)
		snprintf(what, sizeof(what), "list set inet " ACL_TABLE " %s",
			 set);
	rc = list(what, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_NUMERIC_TIME,
		  &text, err);
	if (rc)
		return rc;
	*root_out = json_loads(text, 0, NULL);
	return *root_out ? 0 : errinfo_set(err, -EINVAL, "nftables: no JSON");
}

int acl_nft_save(char **text_out, struct errinfo *err)
{
	static const char none[] = "table inet " ACL_TABLE "\n"
				   "delete table inet " ACL_TABLE "\n";
	auto_buf struct buf out = BUF_INIT;
	auto_free char *now = NULL;
	int rc;

	rc = list(LIST_TABLE, NFT_CTX_OUTPUT_NUMERIC_TIME, &now, err);
	if (rc && rc != -ENOENT)
		return rc;
	buf_adds(&out, none);
	if (!rc)
		buf_adds(&out, now);
	*text_out = buf_take(&out);
	return *text_out ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

int acl_apply(const struct acl_rules *r, struct errinfo *err)
{
	auto_free char *rules = acl_emit(r), *loaded = NULL, *text = NULL;
	int rc;

	/* Without elements of sets. */
	rc = list(LIST_TABLE, NFT_CTX_OUTPUT_TERSE, &loaded, err);
	if (rc && rc != -ENOENT)
		return rc;
	rc = rules ? acl_carry(loaded ? loaded : "", rules, &text) : -ENOMEM;
	if (rc)
		return errinfo_set(err, rc, "out of memory");
	return acl_nft_run(text, 0, err);
}
