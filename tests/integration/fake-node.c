/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-node - a node's side of docs/protocol.md section 3, one request a call,
 * for tests: straight to gatewayd's socket, in the place of nginx.
 *
 *	fake-node keys DIR			root.json and gateway.key
 *	fake-node tls DIR			tls.key, tls.crt; prints the pin
 *	fake-node boot DIR NAME MAC IP		a new boot: key, boot_id, seq 0
 *	fake-node segment DIR SOCKET ROOT
 *	fake-node enrol DIR SOCKET ROOT
 *	fake-node report DIR SOCKET ROOT STATE [ERROR]
 *	fake-node desired DIR SOCKET ROOT GEN WAIT
 *
 * Prints the status and, of a signed answer that verifies, its body. Exit 0 if
 * the status is 200. SOCKET may be a URL, then PIN is its pin. Also in the
 * environment: FROM (X-Real-IP); SEQ, EPOCH instead of the next and the
 *present; SPOIL=1 breaks the signature; PAD=N adds bytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "hash.h"
#include "httpc.h"
#include "parse.h"
#include "tls.h"
#include "trust.h"

#define TEXT      4096
#define REPLY_MAX (1024 * 1024)

static void die(const char *what, const struct errinfo *err, int rc)
{
	fprintf(stderr, "fake-node: %s: %s\n", what, errinfo_text(err, rc));
	exit(3);
}

static void get(const char *dir, const char *name, char *out)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL;
	char path[TEXT];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	rc = fileio_read(path, TEXT - 1, &text, NULL, &err);
	if (rc)
		die(path, &err, rc);
	strcpy(out, text);
}

static void put(const char *dir, const char *name, const char *text)
{
	struct errinfo err = ERRINFO_INIT;
	char path[TEXT];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	rc = fileio_write_atomic(path, text, strlen(text), 0600, &err);
	if (rc)
		die(path, &err, rc);
}

static int cmd_keys(const char *dir)
{
	struct errinfo err = ERRINFO_INIT;
	struct trust_key root, gateway;
	struct trust_role roles[] = {
		{ "root", &root, 1, 1 },
		{ "images", &root, 1, 1 },
		{ "gateways", &gateway, 1, 1 },
	};
	char path[TEXT];
	char *doc = NULL;
	int rc;

	snprintf(path, sizeof(path), "%s/gateway.key", dir);
	rc = trust_key_generate(&root, &err);
	if (!rc)
		rc = trust_key_generate(&gateway, &err);
	if (!rc)
		rc = trust_key_save(&gateway, path, &err);
	if (!rc)
		rc = trust_root_make(roles, 3, 1, clock_unix_ms() + 86400000,
				     &doc, &err);
	if (rc)
		die("keys", &err, rc);
	put(dir, "root.json", doc);
	free(doc);
	return 0;
}

static int cmd_tls(const char *dir)
{
	struct errinfo err = ERRINFO_INIT;
	char pin[TLS_PIN_LEN];
	int rc;

	rc = tls_ensure(dir, "central", NULL, &err);
	if (!rc)
		rc = tls_pin(dir, pin, &err);
	if (rc)
		die("tls", &err, rc);
	puts(pin);
	return 0;
}

static int cmd_boot(const char *dir, char **argv)
{
	struct errinfo err = ERRINFO_INIT;
	uint8_t raw[HASH_LEN];
	struct trust_key key;
	char path[TEXT], id[HASH_HEX];
	int rc;

	rc = fileio_mkdirs(dir, 0700, &err);
	snprintf(path, sizeof(path), "%s/key", dir);
	if (!rc)
		rc = trust_key_generate(&key, &err);
	if (!rc)
		rc = trust_key_save(&key, path, &err);
	if (rc)
		die(dir, &err, rc);
	randombytes_buf(raw, sizeof(raw));
	format_hex(raw, sizeof(raw), id);
	put(dir, "boot_id", id);
	put(dir, "seq", "0");
	put(dir, "epoch", "0");
	put(dir, "name", argv[0]);
	put(dir, "mac", argv[1]);
	put(dir, "ip", argv[2]);
	return 0;
}

struct call {
	const char *dir, *method, *target, *type;
	int enrol;
	json_t *body; /* or NULL */
};

static const char *env_or(const char *name, const char *dflt)
{
	const char *s = getenv(name);

	return s ? s : dflt;
}

static void next_seq(const char *dir, char *out)
{
	long long seq;

	get(dir, "seq", out);
	seq = atoll(out) + 1;
	snprintf(out, TEXT, "%lld", seq);
	put(dir, "seq", out);
	if (getenv("SEQ"))
		snprintf(out, TEXT, "%s", getenv("SEQ"));
}

static char *body_text(const struct call *c)
{
	size_t pad = (size_t)atoll(env_or("PAD", "0"));
	auto_free char *blanks = calloc(1, pad + 1);

	if (!c->body)
		return strdup("");
	memset(blanks, ' ', pad);
	if (pad)
		json_object_set_new(c->body, "pad", json_string(blanks));
	return json_dumps(c->body, JSON_COMPACT);
}

struct headers {
	char line[6][TEXT];
	const char *list[7];
};

static void make_headers(const struct call *c, const char *body,
			 struct headers *h)
{
	char node[TEXT], epoch[TEXT], seq[TEXT], ip[TEXT], path[TEXT];
	char digest[HASH_HEX], key_hex[HASH_HEX];
	char sig_hex[TRUST_SIG_LEN * 2 + 1];
	uint8_t sig[TRUST_SIG_LEN];
	auto_buf struct buf text = BUF_INIT;
	struct errinfo err = ERRINFO_INIT;
	struct trust_key key;
	int rc, n = 0;

	snprintf(path, sizeof(path), "%s/key", c->dir);
	rc = trust_key_load(path, &key, &err);
	if (rc)
		die(path, &err, rc);
	get(c->dir, c->enrol ? "mac" : "name", node);
	get(c->dir, "epoch", epoch);
	get(c->dir, "ip", ip);
	next_seq(c->dir, seq);
	if (c->enrol)
		strcpy(epoch, "0");
	else if (getenv("EPOCH"))
		snprintf(epoch, sizeof(epoch), "%s", getenv("EPOCH"));
	hash_bytes_hex(body, strlen(body), digest);
	buf_addf(&text, "nightshift-request 1\n%s\n%s\n%s\n%s\n%s\n%s\n",
		 c->method, c->target, node, epoch, seq, digest);
	trust_sign_bytes(&key, text.data, text.len, sig);
	if (getenv("SPOIL"))
		sig[0] ^= 1;
	format_hex(sig, sizeof(sig), sig_hex);
	format_hex(key.public, sizeof(key.public), key_hex);
	snprintf(h->line[n++], TEXT, "Nightshift-Node: %.100s", node);
	snprintf(h->line[n++], TEXT, "Nightshift-Epoch: %.100s", epoch);
	snprintf(h->line[n++], TEXT, "Nightshift-Seq: %.100s", seq);
	snprintf(h->line[n++], TEXT, "Nightshift-Signature: %s", sig_hex);
	snprintf(h->line[n++], TEXT, "X-Real-IP: %.100s", env_or("FROM", ip));
	if (c->enrol)
		snprintf(h->line[n++], TEXT, "Nightshift-Key: %s", key_hex);
	for (int i = 0; i < n; i++)
		h->list[i] = h->line[i];
	h->list[n] = NULL;
}

/* Verifies and prints; takes the epoch of a lease. */
static void show(const struct call *c, const char *root_path,
		 const struct httpc_reply *reply)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL, *line = NULL;
	struct trust_root *root = NULL;
	json_t *body = NULL;
	char epoch[32];
	size_t len;
	int rc;

	printf("%d\n", reply->status);
	if (reply->status != 200) {
		printf("%s\n", reply->body.data ? reply->body.data : "");
		return;
	}
	rc = fileio_read(root_path, TRUST_DOC_MAX, &text, &len, &err);
	if (!rc)
		rc = trust_root_load(text, len, 0, &root, &err);
	if (!rc)
		rc = trust_verify(root, "gateways", c->type, reply->body.data,
				  reply->body.len, clock_unix_ms(), &body, &err);
	if (rc)
		die("answer", &err, rc);
	line = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	puts(line);
	snprintf(epoch, sizeof(epoch), "%lld",
		 (long long)json_integer_value(json_object_get(body, "epoch")));
	if (!strcmp(c->type, "lease"))
		put(c->dir, "epoch", epoch);
	json_decref(body);
	trust_root_free(root);
}

static int ask(const struct call *c, const char *socket, const char *root)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *body = body_text(c);
	struct httpc_reply reply = { 0 };
	struct httpc_config config = { 0 };
	struct httpc *client;
	struct headers h;
	char url[TEXT];
	int rc;

	snprintf(url, sizeof(url), "%s%s", socket[0] == '/' ? "unix:" : "",
		 socket);
	config.url = url;
	config.pin = getenv("PIN");
	make_headers(c, body, &h);
	rc = httpc_new(&config, &client, &err);
	if (!rc)
		rc = httpc_request(client, c->method, c->target, h.list, body,
				   strlen(body), REPLY_MAX, &reply, &err);
	if (rc)
		die(c->target, &err, rc);
	show(c, root, &reply);
	rc = reply.status == 200 ? 0 : 1;
	buf_dispose(&reply.body);
	httpc_free(client);
	json_decref(c->body);
	return rc;
}

static json_t *enrol_body(const char *dir)
{
	char id[TEXT], mac[TEXT];

	get(dir, "boot_id", id);
	get(dir, "mac", mac);
	return json_pack(
		"{s:s, s:s, s:s, s:i, s:s*, s:{s:i, s:i, s:i, s:b, s:s}}",
		"boot_id", id, "mac", mac, "release", "0011223344556677",
		"uptime_ms", 20000, "tunnel_key", getenv("TUNNEL_KEY"), "host",
		"memory_mib", 2048, "free_mib", 1500, "cpus", 2, "hvm", 1,
		"firmware", "bios");
}

static json_t *report_body(const char *dir, const char *state, const char *error)
{
	char id[TEXT], name[TEXT];

	get(dir, "boot_id", id);
	get(dir, "name", name);
	return json_pack("{s:s, s:i, s:i, s:s, s:s, s:{s:i}, s:[]}", "boot_id",
			 id, "gen", 0, "uptime_ms", 30000, "state", state,
			 "error", error, "host", "free_mib", 1400, "domus");
}

int main(int argc, char **argv)
{
	struct call c = { 0 };
	char target[TEXT], nonce[HASH_HEX];

	if (argc < 3 || sodium_init() < 0)
		return 2;
	c.dir = argv[2];
	if (!strcmp(argv[1], "keys"))
		return cmd_keys(c.dir);
	if (!strcmp(argv[1], "tls"))
		return cmd_tls(c.dir);
	if (!strcmp(argv[1], "boot") && argc == 6)
		return cmd_boot(c.dir, argv + 3);
	if (argc < 5)
		return 2;
	c.method = "POST";
	c.type = "lease";
	c.target = target;
	if (!strcmp(argv[1], "segment")) {
		c.method = "GET";
		c.type = "segment";
		hash_bytes_hex(c.dir, strlen(c.dir), nonce);
		snprintf(target, sizeof(target), "/v1/node/segment?nonce=%s",
			 nonce);
	} else if (!strcmp(argv[1], "enrol")) {
		c.enrol = 1;
		c.body = enrol_body(c.dir);
		strcpy(target, "/v1/node/enrol");
	} else if (!strcmp(argv[1], "report") && argc >= 6) {
		c.body = report_body(c.dir, argv[5], argc > 6 ? argv[6] : "");
		strcpy(target, "/v1/node/report");
	} else if (!strcmp(argv[1], "desired") && argc == 7) {
		c.method = "GET";
		c.type = "desired";
		snprintf(target, sizeof(target),
			 "/v1/node/desired?gen=%s&wait=%s", argv[5], argv[6]);
	} else {
		return 2;
	}
	return ask(&c, argv[3], argv[4]);
}
