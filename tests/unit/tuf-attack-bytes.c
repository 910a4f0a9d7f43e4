/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks: what a stranger, a mirror or a wire may do to the bytes; and their form.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "tuf-attack.h"

static void nothing(struct sim *s, struct tuf_how *how)
{
	(void)s;
	(void)how;
}

/* ---- arbitrary installation ---- */

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

/* ---- endless data, truncated data ---- */

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

/* ---- form ---- */

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

const struct attack attacks_bytes[] = {
	{ "refresh and find", nothing, 0, NULL, NULL },
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
	{ 0 },
};
