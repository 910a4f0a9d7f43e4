/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks: what somebody with old metadata may do: freeze, roll back, mix; and
 * the way back from a fast-forward.
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

/* ---- freeze ---- */

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

/* ---- rollback ---- */

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

/* ---- fast-forward, and recovery ---- */

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

/* ---- mix and match ---- */

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

const struct attack attacks_time[] = {
	{ "with lengths and digests", with_hashes, 0, NULL, NULL },
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
	{ 0 },
};
