/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: delegations, the order of the search, paths, and what is written.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "tuf-sim.h"

static struct sim s;

static int setup(void **state)
{
	(void)state;
	sim_init(&s);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim_dispose(&s);
	return 0;
}

/* ---- paths ------------------------------------------------------------------ */

static const struct {
	const char *pattern, *path;
	int matches;
} globs[] = {
	{ "batch/*", "batch/1.json", 1 },
	{ "batch/*", "batch/", 1 },
	{ "batch/*", "batch/channels/stable.json", 0 },
	{ "batch/*", "batches/1.json", 0 },
	{ "batch/*", "debian/1.json", 0 },
	{ "batch/channels/*", "batch/channels/stable.json", 1 },
	{ "batch/channels/*", "batch/1.json", 0 },
	{ "*/*", "batch/1.json", 1 },
	{ "*/*", "1.json", 0 },
	{ "*/*", "a/b/c", 0 },
	{ "*/channels/*", "a/channels/c", 1 },
	{ "a?c", "abc", 1 },
	{ "a?c", "a/c", 0 },
	{ "a?c", "ac", 0 },
	{ "*.json", "x.json", 1 },
	{ "*.json", "x.jsn", 0 },
	{ "a*b*c", "aXbYbZc", 1 },
	{ "a*b*c", "aXbYbZ", 0 },
	{ "*", "", 1 },
	{ "", "", 1 },
	{ "", "a", 0 },
	{ "[ab]", "a", 0 },
	{ "[ab]", "[ab]", 1 },
};

static void test_globs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(globs); i++)
		if (tuf_path_matches(globs[i].pattern, globs[i].path) !=
		    globs[i].matches)
			fail_msg("%s %s", globs[i].pattern, globs[i].path);
}

/* Many stars on a long path: no more than a product of steps. */
static void test_glob_ends(void **state)
{
	char pattern[201], path[5001];

	(void)state;
	for (size_t i = 0; i < 200; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[200] = '\0';
	memset(path, 'a', 5000);
	path[5000] = '\0';
	path[4999] = 'b';
	assert_int_equal(0, tuf_path_matches(pattern, path));
}

static void test_paths(void **state)
{
	static const char *const good[] = { "1.json", "batch/1.json",
					    "a/channels/s.json", "a~b+c_d-e" };
	static const char *const bad[] = { "",      "/a",   "a/",  "a//b",
					   "../a",  "a/..", "./a", "a b",
					   "a%2fb", "a\n",  "a?b", ".git",
					   "a/.b" };
	char name[TUF_PATH + 1], file[TUF_PATH], hex[HASH_HEX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(tuf_is_path(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(tuf_is_path(bad[i]));
	hash_bytes_hex("", 0, hex);
	memset(name, 'a', TUF_PATH);
	for (size_t len = 150; len < TUF_PATH; len++) {
		name[len] = '\0';
		if (tuf_is_path(name)) {
			tuf_target_file(name, hex, file);
			assert_int_equal(strlen(file), len + 8 + 65);
		}
		name[len] = 'a';
	}
	tuf_target_file("batch/channels/stable.json", hex, file);
	assert_string_equal(file, "targets/batch/channels/"
				  "e3b0c44298fc1c149afbf4c8996fb924"
				  "27ae41e4649b934ca495991b7852b855.stable.json");
}

/* ---- delegations --------------------------------------------------------------- */

static struct tuf_delegation delegation(const char *role, const char *image,
					const struct trust_key *key)
{
	struct tuf_delegation d = { .n_keys = 1, .threshold = 1 };

	strcpy(d.role, role);
	strcpy(d.image, image);
	d.key[0] = *key;
	return d;
}

static const char *role_at(const json_t *body, size_t i)
{
	return json_string_value(json_object_get(
		json_array_get(json_object_get(json_object_get(body, "delegations"),
					       "roles"),
			       i),
		"name"));
}

static void test_delegate(void **state)
{
	json_t *body = tuf_targets_body(1, SIM_NOW);
	struct tuf_delegation any = delegation("any", "*", &s.key[0][0]);
	struct tuf_delegation alice = delegation("alice", "batch", &s.key[1][0]);
	struct tuf_delegation bob = delegation("bob", "batch", &s.key[2][0]);
	struct trust_signers who;

	(void)state;
	assert_int_equal(0, tuf_targets_delegate(body, &any));
	assert_int_equal(0, tuf_targets_delegate(body, &alice));
	/* any image comes last, and an image has one maintainer's role */
	assert_string_equal("alice", role_at(body, 0));
	assert_string_equal("any", role_at(body, 1));
	assert_int_equal(-EEXIST, tuf_targets_delegate(body, &bob));
	strcpy(bob.image, "debian");
	assert_int_equal(0, tuf_targets_delegate(body, &bob));
	/* twice is once; new keys replace the old */
	alice.key[0] = s.key[3][0];
	assert_int_equal(0, tuf_targets_delegate(body, &alice));
	assert_int_equal(0, tuf_targets_signers(body, "alice", &who, NULL));
	assert_int_equal(1, who.n);
	assert_string_equal(who.keyid[0], s.key[3][0].keyid);
	assert_null(json_object_get(
		json_object_get(json_object_get(body, "delegations"), "keys"),
		s.key[1][0].keyid));
	assert_int_equal(0, tuf_targets_undelegate(body, "alice", "batch"));
	assert_int_equal(-ENOENT, tuf_targets_undelegate(body, "alice", "batch"));
	assert_int_equal(-ENOENT, tuf_targets_undelegate(body, "bob", "batch"));
	assert_int_equal(0, tuf_targets_undelegate(body, "bob", NULL));
	assert_int_equal(0, tuf_targets_undelegate(body, "any", "*"));
	assert_null(json_object_get(body, "delegations"));
	json_decref(body);
}

static void test_delegate_refuses(void **state)
{
	static const char *const names[] = { "root",      "targets", "snapshot",
					     "timestamp", "../x",    "A",
					     "" };
	json_t *body = tuf_targets_body(1, SIM_NOW);
	struct tuf_delegation d = delegation("alice", "batch", &s.key[0][0]);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		strcpy(d.role, names[i]);
		assert_int_equal(-EINVAL, tuf_targets_delegate(body, &d));
	}
	strcpy(d.role, "alice");
	d.threshold = 2;
	assert_int_equal(-EINVAL, tuf_targets_delegate(body, &d));
	d.n_keys = 2; /* the same key twice is one */
	d.key[1] = d.key[0];
	assert_int_equal(-EINVAL, tuf_targets_delegate(body, &d));
	d.threshold = 1;
	strcpy(d.image, "a/b");
	assert_int_equal(-EINVAL, tuf_targets_delegate(body, &d));
	json_decref(body);
}

/* ---- the order of the search ----------------------------------------------------- */

static const char *graph_terminating = "false";
static int carol_terminating;

/* alice and bob may both sign for batch, in this order; alice passes on to
 * carol, and carol back to alice. */
static void graph(json_t *body)
{
	json_t *roles =
		json_object_get(json_object_get(body, "delegations"), "roles");
	json_t *alice = json_array_get(roles, 0);
	json_t *bob = json_deep_copy(alice);

	json_object_set_new(alice, "terminating",
			    json_boolean(!strcmp(graph_terminating, "true")));
	json_object_set_new(bob, "name", json_string("bob"));
	json_array_append_new(roles, bob);
}

static void pass_on(json_t *body)
{
	json_t *targets = json_object_get(body, "targets");
	char hex[HASH_HEX];
	json_t *object = trust_key_json(&s.stranger);

	json_object_del(targets, "batch/1.json");
	hash_bytes_hex("x", 1, hex);
	json_object_set_new(
		body, "delegations",
		json_pack("{s:{s:o}, s:[{s:s, s:[s], s:i, s:b, s:[s]},"
			  "{s:s, s:[s], s:i, s:b, s:[s]}]}",
			  "keys", s.stranger.keyid, object, "roles", "name",
			  "carol", "keyids", s.stranger.keyid, "threshold", 1,
			  "terminating", carol_terminating, "paths", "batch/*",
			  "name", "alice", "keyids", s.stranger.keyid,
			  "threshold", 1, "terminating", 0, "paths", "batch/*"));
}

/* A role that the simulator does not know, with one target or none. */
static void add_role(const char *name, const struct trust_key *key,
		     const char *path)
{
	json_t *body = tuf_targets_body(1, SIM_NOW + SIM_DAY);
	auto_free char *doc = NULL, *file = NULL;
	char hex[HASH_HEX];

	hash_bytes_hex(SIM_SAYS, strlen(SIM_SAYS), hex);
	if (path)
		assert_int_equal(0, tuf_targets_set(body, path, hex,
						    strlen(SIM_SAYS), NULL));
	assert_int_equal(0, trust_sign(body, key, 1, &doc, NULL));
	assert_true(asprintf(&file, "metadata/1.%s.json", name) > 0);
	sim_put(&s, file, doc, strlen(doc));
	json_decref(body);
}

static void list_bob_and_carol(json_t *body)
{
	json_t *meta = json_object_get(body, "meta");

	json_object_set_new(meta, "bob.json", json_pack("{s:i}", "version", 1));
	json_object_set_new(meta, "carol.json", json_pack("{s:i}", "version", 1));
}

static int search(const char *in_bob, const char *in_carol)
{
	struct tuf_how how = { .target = "batch/1.json" };

	s.edit[SIM_TARGETS] = graph;
	s.edit[SIM_MAINT] = pass_on;
	s.edit[SIM_SNAPSHOT] = list_bob_and_carol;
	add_role("bob", &s.key[SIM_MAINT][0], in_bob);
	add_role("carol", &s.stranger, in_carol);
	sim_publish(&s);
	return sim_run(&s, &how);
}

static void test_depth_first(void **state)
{
	(void)state;
	graph_terminating = "false";
	assert_int_equal(0, search("batch/1.json", "batch/1.json"));
	assert_string_equal("carol", s.role);
	/* root, timestamp, snapshot, targets, alice, carol, target: not bob */
	assert_int_equal(7, s.requests);
}

static void test_search_goes_on(void **state)
{
	(void)state;
	graph_terminating = "false";
	assert_int_equal(0, search("batch/1.json", NULL));
	assert_string_equal("bob", s.role);
	assert_int_equal(8, s.requests);
}

static void test_terminating_ends(void **state)
{
	(void)state;
	graph_terminating = "true";
	assert_int_equal(-ENOENT, search("batch/1.json", NULL));
	assert_int_equal(6, s.requests); /* bob was not asked */
	assert_int_equal(0, search("batch/1.json", "batch/1.json"));
	assert_string_equal("carol", s.role);
}

/* One deeper down ends what was still to come further up. */
static void test_terminating_below_ends_all(void **state)
{
	(void)state;
	graph_terminating = "false";
	carol_terminating = 1;
	assert_int_equal(-ENOENT, search("batch/1.json", NULL));
	carol_terminating = 0;
}

static void by_hash(json_t *body)
{
	json_t *alice = json_array_get(
		json_object_get(json_object_get(body, "delegations"), "roles"),
		0);
	char hex[HASH_HEX];

	hash_bytes_hex("batch/1.json", 12, hex);
	hex[2] = '\0';
	json_object_del(alice, "paths");
	json_object_set_new(alice, "path_hash_prefixes", json_pack("[s]", hex));
}

static void test_hash_prefixes(void **state)
{
	struct tuf_how how = { .target = "batch/1.json" };

	(void)state;
	s.edit[SIM_TARGETS] = by_hash;
	sim_publish(&s);
	assert_int_equal(0, sim_run(&s, &how));
	how.target = "batch/2.json"; /* begins otherwise */
	assert_int_equal(-ENOENT, sim_run(&s, &how));
	assert_int_equal(4, s.requests);
}

/* ---- the client's answers --------------------------------------------------------- */

static struct tuf_client *run_all(const struct tuf_how *how)
{
	struct tuf_client *c = NULL;
	struct tuf_want want;

	assert_int_equal(0, tuf_client_new(how, &c, &s.err));
	while (tuf_client_next(c, &want) == 1) {
		const struct sim_file *f = sim_get(&s, want.path);

		assert_int_equal(0, f ? tuf_client_feed(c, f->data, f->len, &s.err)
				      : tuf_client_absent(c, &s.err));
	}
	return c;
}

static struct tuf_how from_first_root(void)
{
	const struct sim_file *f = sim_get(&s, "metadata/1.root.json");

	return (struct tuf_how){ .root = f->data,
				 .root_len = f->len,
				 .now_ms = SIM_NOW };
}

static void test_all_targets(void **state)
{
	struct tuf_how how = from_first_root();
	const struct tuf_target *t;
	struct tuf_floor floor;
	struct tuf_client *c;
	size_t len;

	(void)state;
	s.expires[SIM_SNAPSHOT] = SIM_NOW + 1000;
	sim_bump(&s);
	c = run_all(&how);
	t = tuf_client_each(c, 0);
	assert_string_equal(t->path, "batch/1.json");
	assert_string_equal(t->role, "alice");
	assert_string_equal(
		json_string_value(json_object_get(t->custom, "created")),
		"2026-11-21T00:00:00Z");
	assert_string_equal(tuf_client_each(c, 1)->path,
			    "batch/channels/stable.json");
	assert_null(tuf_client_each(c, 2));
	assert_null(tuf_client_target(c));
	floor = tuf_client_floor(c);
	assert_int_equal(1, floor.root);
	assert_int_equal(2, floor.timestamp);
	assert_int_equal(2, floor.snapshot);
	assert_int_equal(SIM_NOW + 1000, tuf_client_expires(c));
	assert_string_equal(tuf_client_root(c, &len), how.root);
	assert_string_equal(tuf_client_snapshot(c, &len),
			    sim_doc(&s, SIM_SNAPSHOT)->data);
	assert_string_equal("targets", tuf_client_role(c, 0));
	assert_string_equal("alice", tuf_client_role(c, 1));
	assert_null(tuf_client_role(c, 2));
	assert_non_null(tuf_client_body(c, "timestamp"));
	assert_null(tuf_client_body(c, "bob"));
	tuf_client_free(c);
}

/* One server lies, another does not: the client goes on where it was. */
static void test_every_file_may_be_tried_again(void **state)
{
	struct tuf_how how = from_first_root();
	struct tuf_client *c = NULL;
	struct tuf_want want, again;

	(void)state;
	how.target = "batch/1.json";
	assert_int_equal(0, tuf_client_new(&how, &c, NULL));
	while (tuf_client_next(c, &want) == 1) {
		const struct sim_file *f = sim_get(&s, want.path);

		assert_int_not_equal(0, tuf_client_feed(c, "{}", 2, NULL));
		assert_int_equal(1, tuf_client_next(c, &again));
		assert_string_equal(want.path, again.path);
		assert_int_equal(0, f ? tuf_client_feed(c, f->data, f->len, &s.err)
				      : tuf_client_absent(c, &s.err));
	}
	assert_non_null(tuf_client_target(c));
	assert_int_equal(-EINVAL, tuf_client_feed(c, "{}", 2, NULL));
	assert_int_equal(-EINVAL, tuf_client_absent(c, NULL));
	tuf_client_free(c);
}

/* No byte of any file can be changed without being noticed. */
static void test_flipped_bytes(void **state)
{
	struct tuf_how how = { .target = "batch/1.json" };

	(void)state;
	s.hashes = 1;
	sim_publish(&s);
	for (size_t i = 0; i < s.n_files; i++) {
		struct sim_file *f = &s.file[i];
		int is_first = !strcmp(f->path, "metadata/1.root.json");

		if (strstr(f->path, "channels"))
			continue; /* not looked at */
		for (size_t j = 0; j < f->len; j += 7) {
			int rc;

			f->data[j] ^= 1;
			rc = sim_run(&s, &how);
			/* not the bytes count, but what they say: ids of
			 * signatures that are not counted, say */
			if (!rc && !is_first)
				fail_msg("%s: byte %zu", f->path, j);
			f->data[j] ^= 1;
			how.root = NULL;
		}
	}
	assert_int_equal(0, sim_run(&s, &how));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_glob_ends),
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_delegate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delegate_refuses, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_depth_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_search_goes_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_terminating_ends, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_terminating_below_ends_all,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash_prefixes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_all_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_every_file_may_be_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flipped_bytes, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
