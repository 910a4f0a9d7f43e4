/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every attack that TUF names, and what else its conformance suite asks of a
 * client, each as one case: a repository that was right is made wrong, and the
 * client must say how.
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

struct attack {
	const char *name;
	void (*prepare)(struct sim *s, struct tuf_how *how);
	int rc;
	const char *last; /* what was asked for last; NULL: any */
	const char *says; /* part of the error's text; NULL: any */
};

#define TS "metadata/timestamp.json"

static void nothing(struct sim *s, struct tuf_how *how)
{
	(void)s;
	(void)how;
}

/* ---- arbitrary installation ------------------------------------------------- */

static void target_replaced(struct sim *s, struct tuf_how *how)
{
	char hex[HASH_HEX], file[TUF_PATH];

	(void)how;
	hash_bytes_hex(SIM_SAYS, strlen(SIM_SAYS), hex);
	tuf_target_file("batch/1.json", hex, file);
	sim_put(s, file, "A manifest\n", strlen(SIM_SAYS));
}

static void target_shortened(struct sim *s, struct tuf_how *how)
{
	char hex[HASH_HEX], file[TUF_PATH];

	(void)how;
	hash_bytes_hex(SIM_SAYS, strlen(SIM_SAYS), hex);
	tuf_target_file("batch/1.json", hex, file);
	sim_put(s, file, SIM_SAYS, strlen(SIM_SAYS) - 1);
}

static void sign_as_stranger(struct sim *s, enum sim_role r)
{
	struct trust_key own = s->key[r][0];

	s->hashes = 0;
	sim_publish(s);
	s->key[r][0] = s->stranger;
	sim_write(s, r);
	s->key[r][0] = own;
}

#define BY_STRANGER(fn, role)                              \
	static void fn(struct sim *s, struct tuf_how *how) \
	{                                                  \
		(void)how;                                 \
		sign_as_stranger(s, role);                 \
	}
BY_STRANGER(stranger_timestamp, SIM_TIMESTAMP)
BY_STRANGER(stranger_snapshot, SIM_SNAPSHOT)
BY_STRANGER(stranger_targets, SIM_TARGETS)
BY_STRANGER(stranger_maint, SIM_MAINT)

static void stranger_root(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->key[SIM_ROOT][0] = s->stranger;
	sim_next_root(s);
}

static void no_signatures(struct sim *s, struct tuf_how *how)
{
	struct sim_file *f = sim_doc(s, SIM_TIMESTAMP);
	json_t *doc = json_loads(f->data, 0, NULL);
	auto_free char *text = NULL;

	(void)how;
	json_array_clear(json_object_get(doc, "signatures"));
	text = json_dumps(doc, 0);
	sim_put(s, TS, text, strlen(text));
	json_decref(doc);
}

static void flipped_signature(struct sim *s, struct tuf_how *how)
{
	char *sig = strstr(sim_doc(s, SIM_TIMESTAMP)->data, "\"sig\":\"") + 7;

	(void)how;
	*sig = *sig == '0' ? '1' : '0';
}

/* ---- endless data, truncated data --------------------------------------------- */

static void pad(struct sim *s, const char *path, size_t len)
{
	auto_free char *data = malloc(len);
	const struct sim_file *f = sim_get(s, path);

	assert_non_null(data);
	memset(data, ' ', len);
	if (f)
		memcpy(data, f->data, f->len < len ? f->len : len);
	sim_put(s, path, data, len);
}

static void endless_root(struct sim *s, struct tuf_how *how)
{
	(void)how;
	sim_next_root(s);
	pad(s, "metadata/2.root.json", TUF_SMALL_MAX + 1);
}

static void endless_timestamp(struct sim *s, struct tuf_how *how)
{
	(void)how;
	pad(s, TS, TUF_SMALL_MAX + 1);
}

static void endless_snapshot(struct sim *s, struct tuf_how *how)
{
	(void)how;
	pad(s, "metadata/1.snapshot.json", TUF_SMALL_MAX + 1);
}

static void endless_targets(struct sim *s, struct tuf_how *how)
{
	(void)how;
	pad(s, "metadata/1.targets.json", TUF_META_MAX + 1);
}

static void one_byte_more(struct sim *s, struct tuf_how *how)
{
	struct sim_file *f;

	(void)how;
	s->hashes = 1;
	sim_publish(s);
	f = sim_doc(s, SIM_TARGETS);
	pad(s, f->path, f->len + 1);
}

static void endless_target(struct sim *s, struct tuf_how *how)
{
	char hex[HASH_HEX], file[TUF_PATH];

	(void)how;
	hash_bytes_hex(SIM_SAYS, strlen(SIM_SAYS), hex);
	tuf_target_file("batch/1.json", hex, file);
	pad(s, file, 1 << 20);
}

static void edit_huge_target(json_t *body)
{
	char hex[HASH_HEX];

	hash_bytes_hex("x", 1, hex);
	tuf_targets_set(body, "batch/1.json", hex, TUF_TARGET_MAX + 1, NULL);
}

static void huge_target(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_MAINT] = edit_huge_target;
	sim_publish(s);
}

static void huge_snapshot_edit(json_t *body)
{
	json_object_set_new(
		json_object_get(json_object_get(body, "meta"), "snapshot.json"),
		"length", json_integer(TUF_SMALL_MAX + 1));
}

static void huge_snapshot(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_TIMESTAMP] = huge_snapshot_edit;
	sim_publish(s);
}

static void truncate_doc(struct sim *s, enum sim_role r)
{
	struct sim_file *f = sim_doc(s, r);

	f->len /= 2;
	f->data[f->len] = '\0';
}

static void short_timestamp(struct sim *s, struct tuf_how *how)
{
	(void)how;
	truncate_doc(s, SIM_TIMESTAMP);
}

static void short_targets(struct sim *s, struct tuf_how *how)
{
	(void)how;
	truncate_doc(s, SIM_TARGETS);
}

/* ---- freeze --------------------------------------------------------------------- */

#define EXPIRED(fn, role)                                  \
	static void fn(struct sim *s, struct tuf_how *how) \
	{                                                  \
		(void)how;                                 \
		s->expires[role] = SIM_NOW;                \
		sim_publish(s);                            \
	}
EXPIRED(old_timestamp, SIM_TIMESTAMP)
EXPIRED(old_snapshot, SIM_SNAPSHOT)
EXPIRED(old_targets, SIM_TARGETS)
EXPIRED(old_maint, SIM_MAINT)

static void old_root(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->expires[SIM_ROOT] = SIM_NOW - SIM_DAY;
	sim_next_root(s);
}

/* The one that we begin with may be old, and those between. */
static void old_first_root(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->expires[SIM_ROOT] = SIM_NOW - SIM_DAY;
	sim_write(s, SIM_ROOT);
	sim_next_root(s);
	s->expires[SIM_ROOT] = SIM_NOW + SIM_DAY;
	sim_next_root(s);
}

/* ---- rollback ---------------------------------------------------------------------- */

static void timestamp_below(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->floor.timestamp = 2;
}

static void snapshot_below(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->floor.snapshot = 2;
}

static void root_below(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->floor.root = 2;
}

static void at_the_floor(struct sim *s, struct tuf_how *how)
{
	sim_bump(s);
	how->floor = (struct tuf_floor){ 1, 2, 2 };
}

static void remember(struct sim *s, struct tuf_how *how)
{
	struct sim_file *f;

	s->version[SIM_TARGETS] = s->version[SIM_MAINT] = 7;
	sim_publish(s);
	f = sim_doc(s, SIM_SNAPSHOT);
	how->snapshot = strdup(f->data);
	how->snapshot_len = f->len;
	s->version[SIM_SNAPSHOT]++;
	s->version[SIM_TIMESTAMP]++;
}

static void targets_back(struct sim *s, struct tuf_how *how)
{
	remember(s, how);
	s->version[SIM_TARGETS] = 6;
	sim_publish(s);
}

static void maint_back(struct sim *s, struct tuf_how *how)
{
	remember(s, how);
	s->version[SIM_MAINT] = 6;
	sim_publish(s);
}

static void maint_vanished(struct sim *s, struct tuf_how *how)
{
	remember(s, how);
	s->hidden[SIM_MAINT] = 1;
	sim_publish(s);
}

static void remembered(struct sim *s, struct tuf_how *how)
{
	remember(s, how);
	s->hashes = 1;
	sim_publish(s);
}

/* A snapshot that was never rightly signed sets no floor. */
static void forged_memory(struct sim *s, struct tuf_how *how)
{
	targets_back(s, how);
	*(strstr((char *)(uintptr_t)how->snapshot, "\"sig\":\"") + 8) = 'x';
}

/* ---- fast-forward, and recovery ------------------------------------------------------ */

static void recover_timestamp(struct sim *s, struct tuf_how *how)
{
	how->floor = (struct tuf_floor){ 1, 99999, 1 };
	sim_rotate(s, SIM_TIMESTAMP);
	sim_publish(s);
	sim_next_root(s);
}

static void recover_snapshot(struct sim *s, struct tuf_how *how)
{
	how->floor = (struct tuf_floor){ 1, 1, 99999 };
	sim_rotate(s, SIM_SNAPSHOT);
	sim_rotate(s, SIM_TIMESTAMP);
	sim_publish(s);
	sim_next_root(s);
}

static void recover_targets(struct sim *s, struct tuf_how *how)
{
	targets_back(s, how);
	sim_rotate(s, SIM_SNAPSHOT);
	sim_publish(s);
	sim_next_root(s);
}

static void not_recovered(struct sim *s, struct tuf_how *how)
{
	how->floor = (struct tuf_floor){ 1, 99999, 1 };
	sim_rotate(s, SIM_TARGETS);
	sim_publish(s);
	sim_next_root(s);
}

/* The floor was noted under root 2: the rotation that led there is no excuse. */
static void rotated_before(struct sim *s, struct tuf_how *how)
{
	recover_timestamp(s, how);
	how->floor.root = 2;
}

/* ---- mix and match ---------------------------------------------------------------------- */

static void other_snapshot(struct sim *s, struct tuf_how *how)
{
	auto_free char *old = strdup(sim_doc(s, SIM_SNAPSHOT)->data);

	(void)how;
	sim_bump(s);
	sim_put(s, sim_doc(s, SIM_SNAPSHOT)->path, old, strlen(old));
}

static void other_targets(struct sim *s, struct tuf_how *how)
{
	auto_free char *old = strdup(sim_doc(s, SIM_TARGETS)->data);

	(void)how;
	sim_bump(s);
	sim_put(s, sim_doc(s, SIM_TARGETS)->path, old, strlen(old));
}

static void other_maint(struct sim *s, struct tuf_how *how)
{
	auto_free char *old = strdup(sim_doc(s, SIM_MAINT)->data);

	(void)how;
	sim_bump(s);
	sim_put(s, sim_doc(s, SIM_MAINT)->path, old, strlen(old));
}

/* Rightly signed, of the right version, and not the one. */
static void same_number(struct sim *s, enum sim_role r)
{
	s->hashes = 1;
	sim_publish(s);
	s->expires[r] += SIM_DAY;
	sim_write(s, r);
}

static void same_snapshot_number(struct sim *s, struct tuf_how *how)
{
	(void)how;
	same_number(s, SIM_SNAPSHOT);
}

static void same_targets_number(struct sim *s, struct tuf_how *how)
{
	(void)how;
	same_number(s, SIM_TARGETS);
}

static void same_maint_number(struct sim *s, struct tuf_how *how)
{
	(void)how;
	same_number(s, SIM_MAINT);
}

static void with_hashes(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->hashes = 1;
	sim_bump(s);
}

static void only_sha512(json_t *body)
{
	json_object_set_new(
		json_object_get(json_object_get(body, "meta"), "snapshot.json"),
		"hashes", json_pack("{s:s}", "sha512", "00"));
}

static void unknown_hash(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_TIMESTAMP] = only_sha512;
	sim_publish(s);
}

/* ---- wrong target
 * -------------------------------------------------------------------------- */

static void no_such_target(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->target = "batch/2.json";
}

static void others_image(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->target = "debian/1.json";
}

static void edit_debian(json_t *body)
{
	char hex[HASH_HEX];

	hash_bytes_hex(SIM_SAYS, strlen(SIM_SAYS), hex);
	tuf_targets_set(body, "debian/1.json", hex, strlen(SIM_SAYS), NULL);
	tuf_targets_set(body, "batch/deep/1.json", hex, strlen(SIM_SAYS), NULL);
}

static void beyond_delegation(struct sim *s, struct tuf_how *how)
{
	s->edit[SIM_MAINT] = edit_debian;
	sim_publish(s);
	how->target = "debian/1.json";
}

static void star_is_no_slash(struct sim *s, struct tuf_how *how)
{
	beyond_delegation(s, how);
	how->target = "batch/deep/1.json";
}

static void a_channel(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->target = "batch/channels/stable.json";
}

static void bad_path(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->target = "../../etc/passwd";
}

static void edit_revoked(json_t *body)
{
	tuf_targets_delete(body, "batch/1.json");
	json_object_set_new(body, "x-nightshift-revoked",
			    json_pack("[{s:s, s:s}]", "path", "batch/1.json",
				      "reason", "it loses jobs"));
}

static void revoked(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_MAINT] = edit_revoked;
	sim_publish(s);
}

static void edit_no_length(json_t *body)
{
	json_object_del(json_object_get(json_object_get(body, "targets"),
					"batch/1.json"),
			"length");
}

static void no_length(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_MAINT] = edit_no_length;
	sim_publish(s);
}

/* ---- keys: compromise, thresholds, rotation
 * ---------------------------------------------------- */

static void two_of_two(struct sim *s, size_t sign)
{
	s->n_keys[SIM_SNAPSHOT] = s->threshold[SIM_SNAPSHOT] = 2;
	s->n_sign[SIM_SNAPSHOT] = sign;
	sim_next_root(s);
	sim_bump(s);
}

static void threshold_missed(struct sim *s, struct tuf_how *how)
{
	(void)how;
	two_of_two(s, 1);
}

static void threshold_met(struct sim *s, struct tuf_how *how)
{
	(void)how;
	two_of_two(s, 2);
}

static void same_key_twice(struct sim *s, struct tuf_how *how)
{
	struct trust_key second = s->key[SIM_SNAPSHOT][1];

	(void)how;
	two_of_two(s, 2);
	s->key[SIM_SNAPSHOT][1] = s->key[SIM_SNAPSHOT][0];
	sim_write(s, SIM_SNAPSHOT);
	s->key[SIM_SNAPSHOT][1] = second;
}

static void maint_threshold_missed(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->n_keys[SIM_MAINT] = s->threshold[SIM_MAINT] = 2;
	sim_bump(s);
}

static void maint_threshold_met(struct sim *s, struct tuf_how *how)
{
	maint_threshold_missed(s, how);
	s->n_sign[SIM_MAINT] = 2;
	sim_bump(s);
}

/* A stolen key was taken out of the root; its thief signs on. */
static void key_revoked(struct sim *s, struct tuf_how *how)
{
	struct trust_key old = s->key[SIM_TIMESTAMP][0];

	(void)how;
	sim_rotate(s, SIM_TIMESTAMP);
	sim_next_root(s);
	s->key[SIM_TIMESTAMP][0] = old;
	sim_bump(s);
}

static void key_rotated(struct sim *s, struct tuf_how *how)
{
	(void)how;
	for (int r = SIM_TIMESTAMP; r <= SIM_TARGETS; r++)
		sim_rotate(s, r);
	sim_next_root(s);
	sim_bump(s);
}

static void root_by_new_key_only(struct sim *s, struct tuf_how *how)
{
	(void)how;
	sim_rotate(s, SIM_ROOT);
	sim_next_root(s);
}

static void root_by_old_key_only(struct sim *s, struct tuf_how *how)
{
	struct trust_key old = s->key[SIM_ROOT][0];
	json_t *doc;
	auto_free char *text = NULL;

	(void)how;
	sim_rotate(s, SIM_ROOT);
	sim_next_root(s);
	doc = json_loads(sim_doc(s, SIM_ROOT)->data, 0, NULL);
	assert_int_equal(0, trust_sign(json_object_get(doc, "signed"), &old, 1,
				       &text, NULL));
	json_decref(doc);
	sim_put(s, "metadata/2.root.json", text, strlen(text));
}

static void root_by_both(struct sim *s, struct tuf_how *how)
{
	struct trust_key old = s->key[SIM_ROOT][0];

	(void)how;
	sim_rotate(s, SIM_ROOT);
	s->key[SIM_ROOT][1] = old;
	s->n_sign[SIM_ROOT] = 2;
	sim_next_root(s);
	s->n_sign[SIM_ROOT] = 1;
	sim_next_root(s);
}

static void root_two_of_three(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->n_keys[SIM_ROOT] = 3;
	s->threshold[SIM_ROOT] = s->n_sign[SIM_ROOT] = 2;
	sim_next_root(s);
	sim_next_root(s);
}

static void root_one_of_three(struct sim *s, struct tuf_how *how)
{
	root_two_of_three(s, how);
	s->n_sign[SIM_ROOT] = 1;
	sim_next_root(s);
}

static void root_skips(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->version[SIM_ROOT] = 3;
	sim_write(s, SIM_ROOT);
	sim_put(s, "metadata/2.root.json", sim_doc(s, SIM_ROOT)->data,
		sim_doc(s, SIM_ROOT)->len);
}

static void root_stands_still(struct sim *s, struct tuf_how *how)
{
	const struct sim_file *f = sim_get(s, "metadata/1.root.json");

	(void)how;
	sim_put(s, "metadata/2.root.json", f->data, f->len);
}

static void many_roots(struct sim *s, struct tuf_how *how)
{
	(void)how;
	for (int i = 0; i < 20; i++)
		sim_next_root(s);
}

/* ---- form --------------------------------------------------------------------------------------- */

static void edit_type(json_t *body)
{
	json_object_set_new(body, "_type", json_string("snapshot"));
}

static void wrong_type(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_TIMESTAMP] = edit_type;
	sim_publish(s);
}

static void edit_spec(json_t *body)
{
	json_object_set_new(body, "spec_version", json_string("1.0.99"));
}

static void later_spec(struct sim *s, struct tuf_how *how)
{
	(void)how;
	for (int r = 0; r < SIM_ROLES; r++)
		s->edit[r] = edit_spec;
	sim_next_root(s);
	sim_publish(s);
}

static void swap_text(struct sim *s, const char *path, const char *from,
		      const char *to)
{
	struct sim_file *f = sim_get(s, path);
	auto_free char *text = NULL;
	char *at = strstr(f->data, from);

	assert_non_null(at);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - f->data), f->data,
			     to, at + strlen(from)) > 0);
	sim_put(s, path, text, strlen(text));
}

static void not_json(struct sim *s, struct tuf_how *how)
{
	(void)how;
	sim_put(s, TS, "<html>404</html>", 16);
}

static void empty_file(struct sim *s, struct tuf_how *how)
{
	(void)how;
	sim_put(s, TS, "", 0);
}

static void a_real(struct sim *s, struct tuf_how *how)
{
	(void)how;
	swap_text(s, TS, "\"version\":1", "\"version\":1.0");
}

static void doubled_member(struct sim *s, struct tuf_how *how)
{
	(void)how;
	swap_text(s, TS, "\"signed\":", "\"signed\":{},\"signed\":");
}

static void deep(struct sim *s, struct tuf_how *how)
{
	static char text[TUF_SMALL_MAX];

	(void)how;
	memset(text, '[', sizeof(text));
	sim_put(s, TS, text, sizeof(text));
}

static void laid_out_anew(struct sim *s, struct tuf_how *how)
{
	(void)how;
	for (size_t i = 0; i < s->n_files; i++) {
		json_t *doc = json_loads(s->file[i].data, 0, NULL);
		auto_free char *text = NULL;

		if (!doc)
			continue;
		text = json_dumps(doc, JSON_INDENT(4));
		sim_put(s, s->file[i].path, text, strlen(text));
		json_decref(doc);
	}
}

static void edit_custom(json_t *body)
{
	json_object_set_new(body, "x-other", json_pack("{s:[i]}", "a", 1));
}

static void custom_members(struct sim *s, struct tuf_how *how)
{
	(void)how;
	for (int r = 0; r < SIM_ROLES; r++)
		s->edit[r] = edit_custom;
	sim_next_root(s);
	sim_publish(s);
}

static void edit_inconsistent(json_t *body)
{
	json_object_set_new(body, "consistent_snapshot", json_false());
}

static void inconsistent(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_ROOT] = edit_inconsistent;
	sim_next_root(s);
}

static void edit_no_version(json_t *body)
{
	json_object_del(body, "version");
}

static void bad_first_root(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->edit[SIM_ROOT] = edit_no_version;
	sim_write(s, SIM_ROOT);
}

static void unsigned_first_root(struct sim *s, struct tuf_how *how)
{
	(void)how;
	swap_text(s, "metadata/1.root.json", "\"sig\":\"", "\"sig\":\"00");
}

static void older_root(struct sim *s, struct tuf_how *how)
{
	struct trust_role roles[] = { { "root", s->key[SIM_ROOT], 1, 1 },
				      { "images", &s->stranger, 1, 1 } };
	auto_free char *doc = NULL;

	(void)how;
	assert_int_equal(0, trust_root_make(roles, 2, 1, SIM_NOW + SIM_DAY,
					    &doc, &s->err));
	sim_put(s, "metadata/1.root.json", doc, strlen(doc));
}

static void no_time(struct sim *s, struct tuf_how *how)
{
	(void)s;
	how->now_ms = -1; /* 1970: everything is valid then */
}

static void drop(struct sim *s, enum sim_role r)
{
	strcpy(sim_doc(s, r)->path, "elsewhere");
}

static void timestamp_absent(struct sim *s, struct tuf_how *how)
{
	(void)how;
	drop(s, SIM_TIMESTAMP);
}

static void targets_absent(struct sim *s, struct tuf_how *how)
{
	(void)how;
	drop(s, SIM_TARGETS);
}

static void targets_unlisted(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->hidden[SIM_TARGETS] = 1;
	sim_publish(s);
}

static void maint_unlisted(struct sim *s, struct tuf_how *how)
{
	(void)how;
	s->hidden[SIM_MAINT] = 1;
	sim_publish(s);
}

static const struct attack attacks[] = {
	{ "refresh and find", nothing, 0, NULL, NULL },
	{ "a channel", a_channel, 0, NULL, NULL },
	{ "with lengths and digests", with_hashes, 0, NULL, NULL },
	{ "custom members", custom_members, 0, NULL, NULL },
	{ "laid out anew", laid_out_anew, 0, NULL, NULL },
	{ "a later specification", later_spec, 0, NULL, NULL },
	{ "a clock at the beginning of time", no_time, 0, NULL, NULL },

	{ "arbitrary: target replaced", target_replaced, -EBADMSG, NULL,
	  "SHA-256" },
	{ "arbitrary: target truncated", target_shortened, -EBADMSG, NULL,
	  "bytes" },
	{ "arbitrary: timestamp of a stranger", stranger_timestamp, -ENOKEY, TS,
	  "timestamp" },
	{ "arbitrary: snapshot of a stranger", stranger_snapshot, -ENOKEY,
	  "metadata/1.snapshot.json", "snapshot" },
	{ "arbitrary: targets of a stranger", stranger_targets, -ENOKEY,
	  "metadata/1.targets.json", "targets" },
	{ "arbitrary: maintainer is a stranger", stranger_maint, -ENOKEY,
	  "metadata/1.alice.json", "alice" },
	{ "arbitrary: root of a stranger", stranger_root, -ENOKEY,
	  "metadata/2.root.json", "version 1" },
	{ "arbitrary: no signatures", no_signatures, -ENOKEY, TS, NULL },
	{ "arbitrary: a signature changed", flipped_signature, -ENOKEY, TS, NULL },

	{ "endless: root", endless_root, -EFBIG, "metadata/2.root.json", NULL },
	{ "endless: timestamp", endless_timestamp, -EFBIG, TS, NULL },
	{ "endless: snapshot", endless_snapshot, -EFBIG,
	  "metadata/1.snapshot.json", NULL },
	{ "endless: targets", endless_targets, -EFBIG,
	  "metadata/1.targets.json", NULL },
	{ "endless: one byte more than signed", one_byte_more, -EFBIG,
	  "metadata/1.targets.json", NULL },
	{ "endless: target", endless_target, -EFBIG, NULL, NULL },
	{ "endless: target signed too large", huge_target, -EFBIG,
	  "metadata/1.alice.json", "target" },
	{ "endless: snapshot signed too large", huge_snapshot, -EFBIG, TS, NULL },
	{ "truncated: timestamp", short_timestamp, -EBADMSG, TS, "JSON" },
	{ "truncated: targets", short_targets, -EBADMSG,
	  "metadata/1.targets.json", NULL },

	{ "freeze: timestamp", old_timestamp, -ESTALE, TS, "2026-11-21T02:00" },
	{ "freeze: snapshot", old_snapshot, -ESTALE, "metadata/1.snapshot.json",
	  NULL },
	{ "freeze: targets", old_targets, -ESTALE, "metadata/1.targets.json",
	  NULL },
	{ "freeze: maintainer", old_maint, -ESTALE, "metadata/1.alice.json",
	  NULL },
	{ "freeze: root", old_root, -ESTALE, "metadata/3.root.json", "root" },
	{ "freeze: only the last root counts", old_first_root, 0, NULL, NULL },

	{ "rollback: timestamp", timestamp_below, -EPERM, TS, "rollback" },
	{ "rollback: snapshot", snapshot_below, -EPERM, TS, "snapshot" },
	{ "rollback: root", root_below, -EPERM, NULL, "root" },
	{ "rollback: the same again is none", at_the_floor, 0, NULL, NULL },
	{ "rollback: targets", targets_back, -EPERM, "metadata/2.snapshot.json",
	  "targets.json" },
	{ "rollback: maintainer", maint_back, -EPERM,
	  "metadata/2.snapshot.json", "alice.json" },
	{ "rollback: maintainer vanished", maint_vanished, -EPERM,
	  "metadata/2.snapshot.json", "alice.json" },
	{ "rollback: a memory that holds", remembered, 0, NULL, NULL },
	{ "rollback: a forged memory says nothing", forged_memory, 0, NULL, NULL },

	{ "fast-forward: timestamp recovers", recover_timestamp, 0, NULL, NULL },
	{ "fast-forward: snapshot recovers", recover_snapshot, 0, NULL, NULL },
	{ "fast-forward: targets recover", recover_targets, 0, NULL, NULL },
	{ "fast-forward: other keys do not help", not_recovered, -EPERM, TS,
	  NULL },
	{ "fast-forward: nor a rotation before", rotated_before, -EPERM, TS,
	  NULL },

	{ "mix: another snapshot", other_snapshot, -EBADMSG,
	  "metadata/2.snapshot.json", "version" },
	{ "mix: other targets", other_targets, -EBADMSG,
	  "metadata/2.targets.json", "version" },
	{ "mix: another maintainer's list", other_maint, -EBADMSG,
	  "metadata/2.alice.json", "version" },
	{ "mix: snapshot under the same number", same_snapshot_number, -EBADMSG,
	  "metadata/1.snapshot.json", "SHA-256" },
	{ "mix: targets under the same number", same_targets_number, -EBADMSG,
	  "metadata/1.targets.json", "SHA-256" },
	{ "mix: maintainer under the same number", same_maint_number, -EBADMSG,
	  "metadata/1.alice.json", "SHA-256" },
	{ "mix: a digest we cannot check", unknown_hash, -EBADMSG, TS, "SHA-256" },

	{ "wrong: no such target", no_such_target, -ENOENT, NULL, "batch/2.json" },
	{ "wrong: nobody's image", others_image, -ENOENT,
	  "metadata/1.targets.json", NULL },
	{ "wrong: maintainer beyond the delegation", beyond_delegation, -ENOENT,
	  "metadata/1.targets.json", NULL },
	{ "wrong: a star matches no slash", star_is_no_slash, -ENOENT, NULL,
	  NULL },
	{ "wrong: path that climbs", bad_path, -EINVAL, "", NULL },
	{ "wrong: revoked", revoked, -ENOENT, NULL, "it loses jobs" },
	{ "wrong: target without a length", no_length, -EBADMSG,
	  "metadata/1.alice.json", NULL },

	{ "keys: threshold missed", threshold_missed, -ENOKEY,
	  "metadata/2.snapshot.json", "1 of" },
	{ "keys: threshold met", threshold_met, 0, NULL, NULL },
	{ "keys: one key counts once", same_key_twice, -ENOKEY, NULL, "1 of" },
	{ "keys: maintainer's threshold missed", maint_threshold_missed,
	  -ENOKEY, "metadata/2.alice.json", "1 of" },
	{ "keys: maintainer's threshold met", maint_threshold_met, 0, NULL, NULL },
	{ "keys: a revoked key", key_revoked, -ENOKEY, TS, NULL },
	{ "keys: all but root rotated", key_rotated, 0, NULL, NULL },
	{ "keys: root by its new key only", root_by_new_key_only, -ENOKEY,
	  "metadata/2.root.json", "version 1" },
	{ "keys: root by its old key only", root_by_old_key_only, -ENOKEY,
	  "metadata/2.root.json", NULL },
	{ "keys: root by both", root_by_both, 0, NULL, NULL },
	{ "keys: root two of three", root_two_of_three, 0, NULL, NULL },
	{ "keys: root one of three", root_one_of_three, -ENOKEY,
	  "metadata/4.root.json", "1 of" },
	{ "root: skips a version", root_skips, -EBADMSG, "metadata/2.root.json",
	  "version 3 after 1" },
	{ "root: stands still", root_stands_still, -EBADMSG,
	  "metadata/2.root.json", "version 1 after 1" },
	{ "root: many versions", many_roots, 0, NULL, NULL },
	{ "root: not consistent", inconsistent, -EBADMSG,
	  "metadata/2.root.json", "consistent_snapshot" },
	{ "root: the first has no version", bad_first_root, -EBADMSG, "", NULL },
	{ "root: the first is not signed", unsigned_first_root, -ENOKEY, "",
	  NULL },
	{ "root: the first is of the older form", older_root, -EBADMSG, "",
	  "older form" },

	{ "form: another type", wrong_type, -EBADMSG, TS, "_type" },
	{ "form: not JSON", not_json, -EBADMSG, TS, "JSON" },
	{ "form: empty", empty_file, -EBADMSG, TS, "JSON" },
	{ "form: a real number", a_real, -EBADMSG, TS, NULL },
	{ "form: a member twice", doubled_member, -EBADMSG, TS, NULL },
	{ "form: too deep", deep, -EBADMSG, TS, NULL },
	{ "absent: timestamp", timestamp_absent, -ENOENT, TS, "not there" },
	{ "absent: targets", targets_absent, -ENOENT, "metadata/1.targets.json",
	  "not there" },
	{ "unlisted: targets", targets_unlisted, -EBADMSG, NULL, "targets.json" },
	{ "unlisted: maintainer has no targets yet", maint_unlisted, -ENOENT,
	  "metadata/1.targets.json", "batch/1.json" },
};

static void test_attack(void **state)
{
	const struct attack *a = *state;
	struct tuf_how how = { .target = "batch/1.json" };
	static struct sim s;
	int rc;

	sim_init(&s);
	a->prepare(&s, &how);
	rc = sim_run(&s, &how);
	if (rc != a->rc)
		fail_msg("%s: %d (%s), not %d", a->name, rc, s.err.text, a->rc);
	if (a->last && strcmp(a->last, s.last) != 0)
		fail_msg("%s: asked for %s last", a->name, s.last);
	if (a->says && !strstr(s.err.text, a->says))
		fail_msg("%s: says \"%s\"", a->name, s.err.text);
	if (!rc)
		assert_string_equal(s.role, "alice");
	free((void *)(uintptr_t)how.snapshot);
	sim_dispose(&s);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(attacks)];

	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++)
		tests[i] = (struct CMUnitTest){ attacks[i].name, test_attack,
						NULL, NULL,
						(void *)(uintptr_t)&attacks[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
