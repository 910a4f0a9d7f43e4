/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is asking. Tokens are compared by their SHA-256 in constant time, so
 * that neither their bytes nor their length can be found by timing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cleanup.h"
#include "fileio.h"

#include "central.h"

#define TOKEN_MIN  32
#define TOKEN_FILE 4096

static void set_secret(struct secret *s, const char *name, const char *token)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
	hash_bytes(token, strlen(token), s->digest);
}

static int load_secret(struct secret *s, const char *name, const char *path,
		       struct errinfo *err)
{
	auto_free char *text = NULL;
	int rc;

	rc = fileio_read(path, TOKEN_FILE, &text, NULL, err);
	if (rc == -ENOENT)
		return errinfo_set(err, rc,
				   "%s is missing: make it with `centrald -f "
				   "FILE -g DIR`",
				   path);
	if (rc)
		return rc;
	text[strcspn(text, "\r\n")] = '\0';
	if (strlen(text) < TOKEN_MIN)
		return errinfo_set(err, -EINVAL,
				   "%s: a token has at least %d characters",
				   path, TOKEN_MIN);
	set_secret(s, name, text);
	OPENSSL_cleanse(text, strlen(text));
	return 0;
}

int auth_load(struct central *c, struct errinfo *err)
{
	const struct config *f = c->config;
	size_t i;
	int rc;

	rc = load_secret(&c->operator_secret, "", f->operator_token_file, err);
	for (i = 0; i < f->n_sites && !rc; i++)
		rc = load_secret(&c->sites[i], f->sites[i].name,
				 f->sites[i].token_file, err);
	return rc;
}

int auth_load_workers(struct central *c)
{
	size_t i, n = json_array_size(c->workspaces);
	struct secret *list = calloc(n ? n : 1, sizeof(*list));
	const json_t *w;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		w = json_array_get(c->workspaces, i);
		set_secret(&list[i],
			   json_string_value(json_object_get(w, "name")),
			   json_string_value(json_object_get(w, "token")));
	}
	free(c->workers);
	c->workers = list;
	c->n_workers = n;
	return 0;
}

static int is_secret(const struct secret *s, const uint8_t digest[HASH_LEN])
{
	return CRYPTO_memcmp(s->digest, digest, HASH_LEN) == 0;
}

static void find_caller(const struct central *c, const char *token,
			struct caller *caller)
{
	uint8_t digest[HASH_LEN];
	size_t i;

	hash_bytes(token, strlen(token), digest);
	if (is_secret(&c->operator_secret, digest))
		*caller = (struct caller){ WHO_OPERATOR, "" };
	for (i = 0; i < c->config->n_sites; i++)
		if (is_secret(&c->sites[i], digest))
			*caller = (struct caller){ WHO_SITE, c->sites[i].name };
	for (i = 0; i < c->n_workers; i++)
		if (is_secret(&c->workers[i], digest))
			*caller = (struct caller){ WHO_WORKER,
						   c->workers[i].name };
}

int auth_require(struct httpd_req *r, struct front *f, unsigned int allowed,
		 struct caller *caller)
{
	static const char scheme[] = "Bearer ";
	const char *value = httpd_header(r, "Authorization");

	*caller = (struct caller){ f->trusted ? WHO_OPERATOR : 0, "" };
	if (!f->trusted && value && !strncmp(value, scheme, sizeof(scheme) - 1))
		find_caller(f->c, value + sizeof(scheme) - 1, caller);
	if (!caller->who) {
		httpd_reply_error(r, 401,
				  "this needs a valid token "
				  "(Authorization: Bearer)");
		return 0;
	}
	if (!(caller->who & (allowed | WHO_OPERATOR))) {
		httpd_reply_error(r, 403, "this token is not for that");
		return 0;
	}
	return 1;
}
