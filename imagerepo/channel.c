/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel: a maintained name for a manifest.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "private.h"

static int parse_channel(const json_t *body, struct imagerepo_channel *c,
			 struct errinfo *err)
{
	const char *type, *spec, *expires, *image, *channel, *manifest,
		*image_version;
	json_int_t version;
	int rc;

	memset(c, 0, sizeof(*c));
	if (json_unpack((json_t *)body,
			"{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s !}", "_type",
			&type, "spec_version", &spec, "expires", &expires,
			"image", &image, "channel", &channel, "version", &version,
			"manifest", &manifest, "image_version", &image_version))
		return errinfo_set(err, -EBADMSG,
				   "a member of the channel is missing, "
				   "unknown, or of another kind");
	if (version < 1 || version > INT_MAX)
		return errinfo_set(err, -EBADMSG,
				   "\"version\" is not in 1 to %d", INT_MAX);
	c->version = (int)version;
	if (clock_parse(expires, &c->expires_ms))
		return errinfo_set(err, -EBADMSG, "\"expires\" is not a time");
	rc = imagerepo_copy_name(c->image, image, "image", err);
	if (!rc)
		rc = imagerepo_copy_name(c->channel, channel, "channel", err);
	if (!rc)
		rc = imagerepo_copy_name(c->image_version, image_version,
					 "image_version", err);
	if (!rc)
		rc = imagerepo_copy_digest(c->manifest, manifest, err);
	return rc;
}

int imagerepo_channel_open(const struct trust_root *root, const char *image,
			   const char *channel, const void *doc, size_t len,
			   int64_t now_ms, struct imagerepo_channel *c,
			   struct errinfo *err)
{
	json_t *body;
	int rc;

	rc = trust_verify(root, IMAGEREPO_ROLE, "channel", doc, len, now_ms,
			  &body, err);
	if (rc)
		return rc;
	rc = parse_channel(body, c, err);
	json_decref(body);
	if (rc)
		return rc;
	/* A rightly signed channel of another image must not pass for it. */
	if (strcmp(c->image, image) != 0 || strcmp(c->channel, channel))
		return errinfo_set(err, -EBADMSG,
				   "this is the channel %s:%s, not %s:%s",
				   c->image, c->channel, image, channel);
	return 0;
}

int imagerepo_channel_make(const struct imagerepo_channel *c,
			   const struct trust_key *keys, size_t n, char **doc,
			   struct errinfo *err)
{
	struct imagerepo_channel check;
	char expires[CLOCK_ISO];
	json_t *body;
	int rc;

	clock_format(c->expires_ms, expires);
	body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "_type",
			 "channel", "spec_version", TRUST_SPEC, "expires",
			 expires, "image", c->image, "channel", c->channel,
			 "version", c->version, "manifest", c->manifest,
			 "image_version", c->image_version);
	if (!body)
		return errinfo_set(err, -EINVAL, "no such channel can be");
	rc = parse_channel(body, &check, err);
	if (!rc)
		rc = trust_sign(body, keys, n, doc, err);
	json_decref(body);
	return rc;
}
