/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what a node does with foreign bytes: open a signed document, parse a
 * manifest and a channel. The first byte says how the rest is used, since no
 * fuzzer forges a signature:
 *
 *	'd'	the whole document, as it came
 *	'r'	a root document
 *	's'	the value of "signed", which is then rightly signed
 *
 * What is accepted must be the same when it is made anew.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "imagerepo.h"

/* A key for this test alone: everybody knows it. */
#define SEED "78e9e43176ca30c0831b6eed8a7b5c28567578833b4e8455cdddb92d3ec334fb"
#define PUBLIC \
	"9b9ebe63421ccc22d1efd1fd02e31c732c1e7a4316806598119d8fdc1ddd496d"
#define KEYID "6d0904b4b6b3fb0e22dffc8c5e9dc8c6ee8f88f41efe19237e938fb1e9db5151"
#define NOW   INT64_C(1795226400000) /* 2026-11-21T02:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct trust_key key;
static struct trust_root *root;

/* The same keys in each run, so that a corpus keeps its meaning. */
static void setup(void)
{
	struct trust_role roles[] = { { "root", &key, 1, 1 },
				      { "images", &key, 1, 1 } };
	char *doc = NULL;

	if (root)
		return;
	key.has_secret = 1;
	strcpy(key.keyid, KEYID);
	if (parse_hex(PUBLIC, key.public, sizeof(key.public)) ||
	    parse_hex(SEED PUBLIC, key.secret, sizeof(key.secret)) ||
	    trust_root_make(roles, 2, 1, NOW + 1000, &doc, NULL) ||
	    trust_root_load(doc, strlen(doc), NOW, &root, NULL))
		abort();
	free(doc);
}

static void open_both(const void *doc, size_t len)
{
	struct imagerepo_manifest m, m2;
	struct imagerepo_channel c;
	auto_free char *again = NULL;

	imagerepo_channel_open(root, "batch", "stable", doc, len, NOW, &c, NULL);
	if (imagerepo_manifest_open(root, NULL, doc, len, NOW, &m, NULL))
		return;
	/* accepted: all strings end, all names are names, and it can be made */
	if (imagerepo_manifest_make(&m, &key, 1, &again, NULL) ||
	    imagerepo_manifest_open(root, NULL, again, strlen(again), NOW, &m2,
				    NULL) ||
	    memcmp(&m, &m2, sizeof(m)))
		abort();
}

static void sign_and_open(const char *text, size_t len)
{
	json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	auto_free char *doc = NULL;

	if (body && !trust_sign(body, &key, 1, &doc, NULL))
		open_both(doc, strlen(doc));
	json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct trust_root *other = NULL;
	const char *rest = (const char *)data + 1;

	setup();
	if (!len)
		return 0;
	if (data[0] == 'd')
		open_both(rest, len - 1);
	else if (data[0] == 's')
		sign_and_open(rest, len - 1);
	else if (data[0] == 'r')
		trust_root_load(rest, len - 1, NOW, &other, NULL);
	trust_root_free(other);
	return 0;
}
