/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks: what a target may be called, and who may sign for it: thresholds, rotation.
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

/* ---- wrong target ---- */

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

/* ---- keys: compromise, thresholds, rotation ---- */

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

const struct attack attacks_keys[] = {
	{ "a channel", a_channel, 0, NULL, NULL },
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
	{ 0 },
};
