/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the TUF client with a whole update: each line of the input answers
 * the next file that the client wants. Since no fuzzer forges a signature, its
 * first byte says what it is:
 *
 *	'a'	there is no such file
 *	'd'	the file, as it came
 *	's'	the value of "signed", which is then rightly signed
 *
 * The first line is the target's path, or empty: all targets.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"
#include "tuf.h"

/* A key for this test alone: everybody knows it. */
#define SEED "78e9e43176ca30c0831b6eed8a7b5c28567578833b4e8455cdddb92d3ec334fb"
#define PUBLIC \
	"9b9ebe63421ccc22d1efd1fd02e31c732c1e7a4316806598119d8fdc1ddd496d"
#define KEYID "6d0904b4b6b3fb0e22dffc8c5e9dc8c6ee8f88f41efe19237e938fb1e9db5151"
#define NOW   INT64_C(1795226400000) /* 2026-11-21T02:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct trust_key key;
static char *root;

/* The same keys in each run, so that a corpus keeps its meaning. */
static void setup(void)
{
	static const char *const names[] = { "root", "targets", "snapshot",
					     "timestamp", "gateways" };
	struct trust_role roles[ARRAY_SIZE(names)];

	if (root)
		return;
	key.has_secret = 1;
	strcpy(key.keyid, KEYID);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		roles[i] = (struct trust_role){ names[i], &key, 1, 1 };
	if (parse_hex(PUBLIC, key.public, sizeof(key.public)) ||
	    parse_hex(SEED PUBLIC, key.secret, sizeof(key.secret)) ||
	    trust_root_make(roles, ARRAY_SIZE(names), 1, NOW + 1000, &root, NULL))
		abort();
}

/* Cuts the next line off; NULL at the end. Caller frees. */
static char *next_line(const char **rest, size_t *left, size_t *len)
{
	const char *end;
	char *line;

	if (!*left)
		return NULL;
	end = memchr(*rest, '\n', *left);
	*len = end ? (size_t)(end - *rest) : *left;
	line = malloc(*len + 1);
	if (!line)
		abort();
	memcpy(line, *rest, *len);
	line[*len] = '\0';
	*rest += *len + (end != NULL);
	*left -= *len + (end != NULL);
	return line;
}

static int answer(struct tuf_client *c, const char *line, size_t len)
{
	auto_free char *doc = NULL;
	json_t *body;

	if (!len || line[0] == 'a')
		return tuf_client_absent(c, NULL);
	if (line[0] != 's')
		return tuf_client_feed(c, line + 1, len - 1, NULL);
	body = json_loadb(line + 1, len - 1, JSON_REJECT_DUPLICATES, NULL);
	if (body)
		trust_sign_max(body, &key, 1, TUF_META_MAX, &doc, NULL);
	json_decref(body);
	return doc ? tuf_client_feed(c, doc, strlen(doc), NULL) : -1;
}

/* What a client says that it has verified must be so. */
static void check(const struct tuf_client *c, const char *path)
{
	const struct tuf_target *t;
	char hex[HASH_HEX];
	const char *bytes;
	size_t len;

	for (size_t i = 0; (t = tuf_client_each(c, i)) != NULL; i++)
		if (!tuf_is_path(t->path) || !hash_is_hex(t->sha256) ||
		    !tuf_client_body(c, t->role))
			abort();
	t = tuf_client_target(c);
	bytes = tuf_client_target_bytes(c, &len);
	if (!path)
		return;
	if (!t || !bytes || strcmp(t->path, path) != 0)
		abort();
	hash_bytes_hex(bytes, len, hex);
	if (strcmp(hex, t->sha256) != 0 || len > TUF_TARGET_MAX ||
	    tuf_client_expires(c) <= NOW)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *rest = (const char *)data;
	auto_free char *path = next_line(&rest, &len, &(size_t){ 0 });
	struct tuf_how how = { .now_ms = NOW, .floor = { 1, 1, 1 } };
	struct tuf_client *c = NULL;
	struct tuf_want want;
	size_t n;
	char *line;

	setup();
	how.root = root;
	how.root_len = strlen(root);
	how.target = path && path[0] ? path : NULL;
	if (tuf_client_new(&how, &c, NULL))
		return 0;
	while (tuf_client_next(c, &want) == 1 &&
	       (line = next_line(&rest, &len, &n)) != NULL) {
		struct tuf_want same;
		int rc = answer(c, line, n);

		free(line);
		/* a refused file leaves the client where it was, or ends it */
		if (rc && tuf_client_next(c, &same) == 1 &&
		    strcmp(same.path, want.path) != 0 && !want.may_be_absent)
			abort();
	}
	if (!tuf_client_next(c, &want))
		check(c, how.target);
	tuf_client_free(c);
	return 0;
}
