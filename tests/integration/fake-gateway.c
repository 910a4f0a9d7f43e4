/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-gateway - the gateway's side of docs/protocol.md §3 for tests of the
 * agent: real signatures, but its mind is a folder.
 *
 *	fake-gateway DIR PIN HTTPS_PORT
 *
 *	DIR/sock	where nginx finds it
 *	DIR/gateway.key	signs; DIR/desired.json: {"gen": N, "domus": [...]}
 *	DIR/reports	every report, a line each
 *	DIR/log		every request: METHOD PATH STATUS
 *	DIR/answer-WHAT	if there: the HTTP status to give instead (WHAT is
 *			segment, enrol, report, desired)
 *	DIR/expired	if there: all is signed as expired
 *	DIR/carousel	if there: {"group": ADDRESS, "port": N}, for the segment
 *			statement
 *	DIR/scratch	if there: the lease's {"type", "label", "size_mib"}
 *	DIR/epoch	the epoch of the lease, 1 without it
 *	DIR/endless-WHAT	if there: a reply of 1 MiB
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "hash.h"
#include "httpd.h"
#include "log.h"
#include "loop.h"
#include "parse.h"
#include "trust.h"

#define LEASE_SEC  6
#define REPORT_SEC 2
#define LIFE_MS    3600000
#define POLL_MS    50

static struct {
	struct loop *loop;
	struct trust_key key;
	const char *pin;
	int https_port;
	uint8_t node_key[TRUST_PUBLIC_LEN];
	char boot_id[HASH_HEX];
	int enrolled;
	long long last_seq;
} g;

static char *slurp(const char *name)
{
	char *text = NULL;

	if (fileio_read(name, 1 << 20, &text, NULL, NULL))
		return NULL;
	return text;
}

static int number_in(const char *name, int fallback)
{
	auto_free char *text = slurp(name);

	return text ? atoi(text) : fallback;
}

static void append(const char *name, const char *fmt, ...)
{
	FILE *f = fopen(name, "a");
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static void note(struct httpd_req *r, int status)
{
	append("log", "%s %s %d\n", httpd_method(r), httpd_path(r), status);
}

static void refuse(struct httpd_req *r, int status, const char *text)
{
	note(r, status);
	httpd_reply_error(r, status, "%s", text);
}

/* Told to misbehave? Then it is answered. */
static int told(struct httpd_req *r, const char *what)
{
	auto_free char *big = NULL;
	char name[64];
	int status;

	snprintf(name, sizeof(name), "endless-%s", what);
	if (access(name, F_OK) == 0) {
		big = calloc(1, 1 << 20);
		memset(big, 'x', 1 << 20);
		note(r, 200);
		httpd_reply_text(r, 200, "application/json", big, 1 << 20);
		return 1;
	}
	snprintf(name, sizeof(name), "answer-%s", what);
	status = number_in(name, 0);
	if (!status)
		return 0;
	refuse(r, status, "told to");
	return 1;
}

static void reply_signed(struct httpd_req *r, json_t *body, const char *type)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *doc = NULL;
	char expires[CLOCK_ISO];
	int life = access("expired", F_OK) ? LIFE_MS : -LIFE_MS;

	clock_format(clock_unix_ms() + life, expires);
	json_object_set_new(body, "_type", json_string(type));
	json_object_set_new(body, "spec_version", json_string(TRUST_SPEC));
	json_object_set_new(body, "expires", json_string(expires));
	if (trust_sign(body, &g.key, 1, &doc, &err)) {
		refuse(r, 500, err.text);
	} else {
		note(r, 200);
		httpd_reply_text(r, 200, "application/json", doc, strlen(doc));
	}
	json_decref(body);
}

/* The signature rule of the protocol, checked for real. */
static int request_ok(struct httpd_req *r, const uint8_t *key)
{
	const char *node = httpd_header(r, "Nightshift-Node");
	const char *epoch = httpd_header(r, "Nightshift-Epoch");
	const char *seq = httpd_header(r, "Nightshift-Seq");
	const char *hex = httpd_header(r, "Nightshift-Signature");
	uint8_t sig[TRUST_SIG_LEN];
	char digest[HASH_HEX], text[4096];
	const void *body;
	size_t len;
	int n;

	if (!node || !epoch || !seq || !hex || parse_hex(hex, sig, sizeof(sig)))
		return 0;
	body = httpd_body(r, &len);
	hash_bytes_hex(len ? body : "", len, digest);
	n = snprintf(text, sizeof(text),
		     "nightshift-request 1\n%s\n%s\n%s\n%s\n%s\n%s\n",
		     httpd_method(r), httpd_target(r), node, epoch, seq, digest);
	if (trust_verify_bytes(key, text, (size_t)n, sig))
		return 0;
	if (atoll(seq) <= g.last_seq) {
		append("log", "seq does not rise: %s\n", httpd_path(r));
		return 0;
	}
	g.last_seq = atoll(seq);
	return 1;
}

static void on_segment(struct httpd_req *r, void *arg)
{
	const char *nonce = httpd_query(r, "nonce");
	json_t *carousel;

	(void)arg;
	if (told(r, "segment"))
		return;
	if (!nonce || !hash_is_hex(nonce)) {
		refuse(r, 400, "nonce");
		return;
	}
	carousel = json_load_file("carousel", 0, NULL);
	reply_signed(r,
		     json_pack("{s:s, s:s, s:I, s:s, s:i, s:o*}", "segment",
			       "lab", "nonce", nonce, "time_ms",
			       (json_int_t)clock_unix_ms(), "tls_pin", g.pin,
			       "https_port", g.https_port, "carousel", carousel),
		     "segment");
}

static long long current_gen(void)
{
	json_t *d = json_load_file("desired.json", 0, NULL);
	long long gen = json_integer_value(json_object_get(d, "gen"));

	json_decref(d);
	return gen;
}

static json_t *lease(void)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:I, s:o*}", "node", "pc1",
			 "boot_id", g.boot_id, "epoch", number_in("epoch", 1),
			 "lease_sec", LEASE_SEC, "report_sec", REPORT_SEC,
			 "gen", (json_int_t)current_gen(), "scratch",
			 json_load_file("scratch", 0, NULL));
}

static void on_enrol(struct httpd_req *r, void *arg)
{
	const char *hex = httpd_header(r, "Nightshift-Key"), *boot_id;
	uint8_t key[TRUST_PUBLIC_LEN];
	json_t *body;

	(void)arg;
	if (told(r, "enrol"))
		return;
	g.last_seq = 0;
	if (!hex || parse_hex(hex, key, sizeof(key)) || !request_ok(r, key)) {
		refuse(r, 401, "signature");
		return;
	}
	body = httpd_body_json(r);
	if (!body)
		return;
	boot_id = json_string_value(json_object_get(body, "boot_id"));
	if (!boot_id || !hash_is_hex(boot_id)) {
		refuse(r, 400, "boot_id");
		return;
	}
	append("boots", "%s %s\n", boot_id, hex);
	snprintf(g.boot_id, sizeof(g.boot_id), "%s", boot_id);
	memcpy(g.node_key, key, sizeof(key));
	g.enrolled = 1;
	reply_signed(r, lease(), "lease");
}

static int known(struct httpd_req *r)
{
	if (g.enrolled && request_ok(r, g.node_key))
		return 1;
	refuse(r, g.enrolled ? 401 : 403, "who are you?");
	return 0;
}

static void on_report(struct httpd_req *r, void *arg)
{
	char *line;
	json_t *body;

	(void)arg;
	if (told(r, "report") || !known(r))
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	line = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	append("reports", "%s\n", line);
	free(line);
	reply_signed(r, lease(), "lease");
}

struct waiting {
	struct httpd_req *r;
	struct loop_timer *timer;
	long long gen;
	int64_t until;
};

static void answer_desired(struct httpd_req *r)
{
	json_t *d = json_load_file("desired.json", 0, NULL);
	json_t *domus = json_object_get(d, "domus");

	reply_signed(r,
		     json_pack("{s:s, s:i, s:I, s:O}", "node", "pc1", "epoch",
			       number_in("epoch", 1), "gen",
			       (json_int_t)current_gen(), "domus", domus),
		     "desired");
	json_decref(d);
}

static void waiting_free(struct waiting *w)
{
	loop_timer_del(w->timer);
	free(w);
}

static void on_gone(struct httpd_req *r, void *arg)
{
	(void)r;
	waiting_free(arg);
}

static void on_tick(void *arg)
{
	struct waiting *w = arg;
	struct httpd_req *r = w->r;

	if (current_gen() == w->gen && clock_boot_ms() < w->until) {
		loop_timer_set(w->timer, POLL_MS);
		return;
	}
	waiting_free(w);
	answer_desired(r);
}

static void on_desired(struct httpd_req *r, void *arg)
{
	const char *gen = httpd_query(r, "gen"), *wait = httpd_query(r, "wait");
	struct waiting *w;

	(void)arg;
	if (told(r, "desired") || !known(r))
		return;
	w = calloc(1, sizeof(*w));
	w->r = r;
	w->gen = gen ? atoll(gen) : -1;
	w->until = clock_boot_ms() + (wait ? atoi(wait) : 0) * 1000;
	w->timer = loop_timer_add(g.loop, on_tick, w);
	loop_timer_set(w->timer, 0);
	httpd_hold(r, on_gone, w);
}

static const struct httpd_route routes[] = {
	{ "GET", "/v1/node/segment", on_segment, 0 },
	{ "POST", "/v1/node/enrol", on_enrol, 0 },
	{ "POST", "/v1/node/report", on_report, 0 },
	{ "GET", "/v1/node/desired", on_desired, 0 },
	{ NULL, NULL, NULL, 0 },
};

int main(int argc, char **argv)
{
	struct errinfo err = ERRINFO_INIT;
	struct httpd *d;
	int rc;

	log_init("fake-gateway", NULL);
	if (argc != 4 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: fake-gateway DIR PIN HTTPS_PORT\n");
		return 2;
	}
	g.pin = argv[2];
	g.https_port = atoi(argv[3]);
	rc = trust_key_load("gateway.key", &g.key, &err);
	g.loop = loop_new();
	if (!rc)
		rc = httpd_new(g.loop, "sock", routes, NULL, &d, &err);
	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
		return 1;
	}
	return loop_run(g.loop);
}
