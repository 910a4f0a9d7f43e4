/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "tuf-sim.h"

#define REQUESTS_MAX 200

static const char *const names[] = { "root", "timestamp", "snapshot", "targets",
				     "alice" };

const char *sim_role_name(enum sim_role r)
{
	return names[r];
}

struct sim_file *sim_get(struct sim *s, const char *path)
{
	for (size_t i = 0; i < s->n_files; i++)
		if (!strcmp(s->file[i].path, path))
			return &s->file[i];
	return NULL;
}

void sim_put(struct sim *s, const char *path, const void *data, size_t len)
{
	struct sim_file *f = sim_get(s, path);

	if (!f) {
		assert_true(s->n_files < SIM_FILES);
		f = &s->file[s->n_files++];
		strcpy(f->path, path);
		f->data = NULL;
	}
	free(f->data);
	f->data = malloc(len + 1);
	assert_non_null(f->data);
	memcpy(f->data, data, len);
	f->data[len] = '\0';
	f->len = len;
}

static void path_of(const struct sim *s, enum sim_role r, char out[TUF_PATH])
{
	if (r == SIM_TIMESTAMP)
		strcpy(out, "metadata/timestamp.json");
	else
		snprintf(out, TUF_PATH, "metadata/%d.%s.json", s->version[r],
			 names[r]);
}

struct sim_file *sim_doc(struct sim *s, enum sim_role r)
{
	char path[TUF_PATH];

	path_of(s, r, path);
	return sim_get(s, path);
}

static void describe(struct sim *s, enum sim_role r, struct tuf_file *f)
{
	const struct sim_file *doc = sim_doc(s, r);

	memset(f, 0, sizeof(*f));
	snprintf(f->name, sizeof(f->name), "%s.json", names[r]);
	f->version = s->claim[r] ? s->claim[r] : s->version[r];
	if (!s->hashes)
		return;
	f->length = doc->len;
	hash_bytes_hex(doc->data, doc->len, f->sha256);
}

static json_t *root_body(struct sim *s)
{
	struct trust_role roles[SIM_MAINT + 1];

	for (int r = 0; r < SIM_MAINT; r++)
		roles[r] = (struct trust_role){ names[r], s->key[r],
						s->n_keys[r], s->threshold[r] };
	roles[SIM_MAINT] = (struct trust_role){ "gateways", &s->stranger, 1, 1 };
	return trust_root_body(roles, SIM_MAINT + 1, s->version[SIM_ROOT],
			       s->expires[SIM_ROOT]);
}

static json_t *targets_body(struct sim *s)
{
	json_t *body = tuf_targets_body(s->version[SIM_TARGETS],
					s->expires[SIM_TARGETS]);
	struct tuf_delegation d = { .role = "alice",
				    .image = "batch",
				    .threshold = s->threshold[SIM_MAINT],
				    .n_keys = s->n_keys[SIM_MAINT] };

	memcpy(d.key, s->key[SIM_MAINT], sizeof(s->key[SIM_MAINT]));
	assert_int_equal(0, tuf_targets_delegate(body, &d));
	return body;
}

static json_t *maint_body(struct sim *s)
{
	json_t *body =
		tuf_targets_body(s->version[SIM_MAINT], s->expires[SIM_MAINT]);
	static const char *const paths[] = { "batch/1.json",
					     "batch/channels/stable.json" };
	char hex[HASH_HEX], file[TUF_PATH];
	json_t *custom = json_pack("{s:s}", "created", "2026-11-21T00:00:00Z");

	hash_bytes_hex(SIM_SAYS, strlen(SIM_SAYS), hex);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(0, tuf_targets_set(body, paths[i], hex,
						    strlen(SIM_SAYS), custom));
		tuf_target_file(paths[i], hex, file);
		sim_put(s, file, SIM_SAYS, strlen(SIM_SAYS));
	}
	json_decref(custom);
	return body;
}

static json_t *snapshot_body(struct sim *s)
{
	struct tuf_file f[2];
	size_t n = 0;

	for (int r = SIM_TARGETS; r <= SIM_MAINT; r++)
		if (!s->hidden[r])
			describe(s, r, &f[n++]);
	return tuf_snapshot_body(s->version[SIM_SNAPSHOT],
				 s->expires[SIM_SNAPSHOT], f, n);
}

static json_t *body_of(struct sim *s, enum sim_role r)
{
	struct tuf_file f;

	switch (r) {
	case SIM_ROOT:
		return root_body(s);
	case SIM_TARGETS:
		return targets_body(s);
	case SIM_MAINT:
		return maint_body(s);
	case SIM_SNAPSHOT:
		return snapshot_body(s);
	default:
		describe(s, SIM_SNAPSHOT, &f);
		return tuf_timestamp_body(s->version[r], s->expires[r], &f);
	}
}

void sim_write(struct sim *s, enum sim_role r)
{
	json_t *body = body_of(s, r);
	auto_free char *doc = NULL;
	char path[TUF_PATH];

	if (s->edit[r])
		s->edit[r](body);
	assert_int_equal(0, trust_sign_max(body, s->key[r], s->n_sign[r],
					   TUF_META_MAX, &doc, &s->err));
	path_of(s, r, path);
	sim_put(s, path, doc, strlen(doc));
	json_decref(body);
}

void sim_publish(struct sim *s)
{
	for (int r = SIM_ROLES - 1; r > SIM_ROOT; r--)
		sim_write(s, r);
}

void sim_bump(struct sim *s)
{
	for (int r = SIM_ROOT + 1; r < SIM_ROLES; r++)
		s->version[r]++;
	sim_publish(s);
}

void sim_next_root(struct sim *s)
{
	s->version[SIM_ROOT]++;
	sim_write(s, SIM_ROOT);
}

void sim_rotate(struct sim *s, enum sim_role r)
{
	assert_int_equal(0, trust_key_generate(&s->key[r][0], &s->err));
	s->n_keys[r] = s->n_sign[r] = 1;
}

void sim_init(struct sim *s)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(0, trust_key_generate(&s->stranger, &s->err));
	for (int r = 0; r < SIM_ROLES; r++) {
		for (int i = 0; i < SIM_KEYS; i++)
			assert_int_equal(
				0, trust_key_generate(&s->key[r][i], &s->err));
		s->n_keys[r] = s->n_sign[r] = s->threshold[r] = 1;
		s->version[r] = 1;
		s->expires[r] = SIM_NOW + SIM_DAY;
	}
	sim_write(s, SIM_ROOT);
	sim_publish(s);
}

void sim_dispose(struct sim *s)
{
	for (size_t i = 0; i < s->n_files; i++)
		free(s->file[i].data);
	s->n_files = 0;
}

static int feed(struct sim *s, struct tuf_client *c, const struct tuf_want *want)
{
	const struct sim_file *f = sim_get(s, want->path);

	strcpy(s->last, want->path);
	assert_true(++s->requests < REQUESTS_MAX);
	return f ? tuf_client_feed(c, f->data, f->len, &s->err)
		 : tuf_client_absent(c, &s->err);
}

static void check_target(struct sim *s, const struct tuf_client *c)
{
	const struct tuf_target *t = tuf_client_target(c);
	size_t len;
	const char *bytes = tuf_client_target_bytes(c, &len);

	assert_non_null(t);
	assert_non_null(bytes);
	assert_int_equal(len, t->length);
	strcpy(s->role, t->role);
}

int sim_run(struct sim *s, struct tuf_how *how)
{
	const struct sim_file *first = sim_get(s, "metadata/1.root.json");
	struct tuf_client *c = NULL;
	struct tuf_want want;
	int rc;

	if (!how->root) {
		how->root = first->data;
		how->root_len = first->len;
	}
	if (!how->now_ms)
		how->now_ms = SIM_NOW;
	s->requests = 0;
	s->last[0] = s->role[0] = s->err.text[0] = '\0';
	rc = tuf_client_new(how, &c, &s->err);
	while (!rc && (rc = tuf_client_next(c, &want)) == 1)
		rc = feed(s, c, &want);
	if (!rc && how->target)
		check_target(s, c);
	if (!rc)
		s->floor = tuf_client_floor(c);
	tuf_client_free(c);
	return rc;
}
