/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests, channels, and the store.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fileio.h"
#include "imagerepo.h"

#define NOW INT64_C(1795226400000) /* 2026-11-21T02:00:00Z */
#define DAY INT64_C(86400000)
#define HEX "26f2e57c99338feaf71c46fa4babdc7e1a6c115943002d109fdb746667104f5f"

static struct trust_key root_key, images, gateway;
static struct trust_root *root;
static struct errinfo err;

static const struct imagerepo_manifest good = {
	.name = "batch",
	.version = "1-b82eda99",
	.created_ms = NOW,
	.expires_ms = NOW + DAY,
	.memory_min_mib = 96,
	.cmdline = "console=hvc0 quiet",
	.blob = { [IMAGEREPO_KERNEL] = { HEX, 100 }, [IMAGEREPO_ROOT] = { HEX, 200 } },
};

static const struct imagerepo_channel good_channel = {
	.image = "batch",
	.channel = "stable",
	.version = 3,
	.manifest = HEX,
	.image_version = "1-b82eda99",
	.expires_ms = NOW + DAY,
};

static int setup(void **state)
{
	struct trust_role roles[] = { { "root", &root_key, 1, 1 },
				      { "images", &images, 1, 1 },
				      { "gateways", &gateway, 1, 1 } };
	auto_free char *doc = NULL;

	(void)state;
	return trust_key_generate(&root_key, &err) ||
	       trust_key_generate(&images, &err) ||
	       trust_key_generate(&gateway, &err) ||
	       trust_root_make(roles, ARRAY_SIZE(roles), 1, NOW + 30 * DAY,
			       &doc, &err) ||
	       trust_root_load(doc, strlen(doc), NOW, &root, &err);
}

static int teardown(void **state)
{
	(void)state;
	trust_root_free(root);
	return 0;
}

static void test_manifest_there_and_back(void **state)
{
	auto_free char *doc = NULL;
	struct imagerepo_manifest m;
	char hex[HASH_HEX];

	(void)state;
	assert_int_equal(0,
			 imagerepo_manifest_make(&good, &images, 1, &doc, &err));
	hash_bytes_hex(doc, strlen(doc), hex);
	assert_int_equal(0, imagerepo_manifest_open(root, hex, doc, strlen(doc),
						    NOW, &m, &err));
	assert_memory_equal(&good, &m, sizeof(m));
	assert_int_equal(300, imagerepo_manifest_size(&m));
	assert_int_equal(-EBADMSG,
			 imagerepo_manifest_open(root, HEX, doc, strlen(doc),
						 NOW, &m, &err));
	assert_int_equal(-ESTALE,
			 imagerepo_manifest_open(root, hex, doc, strlen(doc),
						 NOW + DAY, &m, &err));
	assert_int_equal(-EFBIG, imagerepo_manifest_open(root, NULL, doc,
							 TRUST_DOC_MAX + 1, NOW,
							 &m, &err));
}

static void test_manifest_by_a_gateway_is_refused(void **state)
{
	auto_free char *doc = NULL;
	struct imagerepo_manifest m;

	(void)state;
	assert_int_equal(
		0, imagerepo_manifest_make(&good, &gateway, 1, &doc, &err));
	assert_int_equal(-ENOKEY,
			 imagerepo_manifest_open(root, NULL, doc, strlen(doc),
						 NOW, &m, &err));
}

/* A member set to a JSON value, or dropped ("" as value). */
struct bad {
	const char *member, *value;
};

static const struct bad bad_manifests[] = {
	{ "name", "\"\"" },
	{ "name", "\"../etc\"" },
	{ "name", "\"Batch\"" },
	{ "name", "7" },
	{ "name", "" },
	{ "version", "\"a b\"" },
	{ "version", "" },
	{ "created", "\"yesterday\"" },
	{ "expires", "\"2026-12-01\"" },
	{ "arch", "\"arm64\"" },
	{ "cmdline", "\"a\\tb\"" },
	{ "cmdline", "\"\\u00e4\"" },
	{ "cmdline", "null" },
	{ "memory_min_mib", "0" },
	{ "memory_min_mib", "-1" },
	{ "memory_min_mib", "4294967297" },
	{ "memory_min_mib", "\"96\"" },
	{ "extra", "1" },
	{ "blobs", "{}" },
	{ "blobs", "[]" },
	{ "blobs", "[null]" },
	{ "blobs", "[{\"role\":\"kernel\",\"sha256\":\"" HEX "\",\"size\":1}]" },
	{ "blobs", "[{\"role\":\"root\",\"sha256\":\"" HEX "\",\"size\":1}]" },
};

#define KERNEL "{\"role\":\"kernel\",\"sha256\":\"" HEX "\",\"size\":1},"
static const struct bad bad_blobs[] = {
	{ "blobs", "[" KERNEL KERNEL "{\"role\":\"root\",\"sha256\":\"" HEX
		   "\",\"size\":1}]" },
	{ "blobs",
	  "[" KERNEL "{\"role\":\"boot\",\"sha256\":\"" HEX "\",\"size\":1}]" },
	{ "blobs",
	  "[" KERNEL "{\"role\":\"root\",\"sha256\":\"" HEX "\",\"size\":0}]" },
	{ "blobs", "[" KERNEL "{\"role\":\"root\",\"sha256\":\"" HEX
		   "\",\"size\":-5}]" },
	{ "blobs", "[" KERNEL "{\"role\":\"root\",\"sha256\":\"" HEX
		   "\",\"size\":9000000000}]" },
	{ "blobs", "[" KERNEL "{\"role\":\"root\",\"sha256\":\"../../etc/passwd\","
		   "\"size\":1}]" },
	{ "blobs", "[" KERNEL "{\"role\":\"root\",\"sha256\":\"" HEX
		   "\",\"size\":1,\"url\":\"x\"}]" },
	{ "blobs", "[" KERNEL "{\"role\":\"root\",\"sha256\":\"" HEX
		   "\",\"size\":1.5}]" },
};

static int parse_bad(const struct bad *bad)
{
	json_t *body = imagerepo_manifest_json(&good);
	struct imagerepo_manifest m;
	int rc;

	if (*bad->value)
		json_object_set_new(body, bad->member,
				    json_loads(bad->value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(body, bad->member);
	rc = imagerepo_manifest_parse(body, &m, &err);
	json_decref(body);
	return rc;
}

static void test_malformed_manifests(void **state)
{
	const struct bad fine = { "memory_min_mib", "1" };

	(void)state;
	assert_int_equal(0, parse_bad(&fine));
	for (size_t i = 0; i < ARRAY_SIZE(bad_manifests); i++)
		assert_int_equal(-EBADMSG, parse_bad(&bad_manifests[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad_blobs); i++)
		assert_int_equal(-EBADMSG, parse_bad(&bad_blobs[i]));
}

static void test_refuses_to_make_a_bad_manifest(void **state)
{
	struct imagerepo_manifest m = good;
	char *doc = NULL;

	(void)state;
	m.blob[IMAGEREPO_KERNEL].size = 0;
	assert_int_not_equal(
		0, imagerepo_manifest_make(&m, &images, 1, &doc, &err));
	m = good;
	strcpy(m.name, "a/b");
	assert_int_not_equal(
		0, imagerepo_manifest_make(&m, &images, 1, &doc, &err));
	assert_null(doc);
}

static void test_channel(void **state)
{
	auto_free char *doc = NULL, *manifest = NULL;
	struct imagerepo_channel c;

	(void)state;
	assert_int_equal(0, imagerepo_channel_make(&good_channel, &images, 1,
						   &doc, &err));
	assert_int_equal(0, imagerepo_channel_open(root, "batch", "stable", doc,
						   strlen(doc), NOW, &c, &err));
	assert_memory_equal(&good_channel, &c, sizeof(c));
	assert_int_equal(-EBADMSG,
			 imagerepo_channel_open(root, "batch", "test", doc,
						strlen(doc), NOW, &c, &err));
	assert_int_equal(-EBADMSG,
			 imagerepo_channel_open(root, "other", "stable", doc,
						strlen(doc), NOW, &c, &err));
	assert_int_equal(-ESTALE, imagerepo_channel_open(root, "batch", "stable",
							 doc, strlen(doc),
							 NOW + DAY, &c, &err));
	/* a manifest is no channel */
	assert_int_equal(
		0, imagerepo_manifest_make(&good, &images, 1, &manifest, &err));
	assert_int_equal(-EBADMSG, imagerepo_channel_open(
					   root, "batch", "stable", manifest,
					   strlen(manifest), NOW, &c, &err));
}

static void test_paths(void **state)
{
	char path[IMAGEREPO_PATH];

	(void)state;
	imagerepo_blob_path(HEX, path);
	assert_string_equal("blobs/26/" HEX, path);
	imagerepo_manifest_path(HEX, path);
	assert_string_equal("manifests/" HEX ".json", path);
	imagerepo_channel_path("batch", "stable", path);
	assert_string_equal("channels/batch/stable.json", path);
}

/* ---- the store ----------------------------------------------------------- */

struct dir {
	char name[64], file[96];
	struct imagerepo_store *s;
	struct imagerepo_blob blob;
};

static int setup_dir(void **state)
{
	static struct dir d;
	auto_free char *repo = NULL;

	memset(&d, 0, sizeof(d));
	*state = &d;
	strcpy(d.name, "/tmp/test-imagerepo-XXXXXX");
	if (!mkdtemp(d.name))
		return 1;
	snprintf(d.file, sizeof(d.file), "%s/blob", d.name);
	if (fileio_write_atomic(d.file, "hello\n", 6, 0644, &err) ||
	    hash_file_hex(d.file, d.blob.sha256, &d.blob.size, &err) ||
	    asprintf(&repo, "%s/repo", d.name) < 0)
		return 1;
	return imagerepo_store_open(repo, 1, &d.s, &err) ||
	       imagerepo_store_lock(d.s, &err);
}

static int teardown_dir(void **state)
{
	struct dir *d = *state;
	char command[128];

	imagerepo_store_close(d->s);
	snprintf(command, sizeof(command), "rm -r '%s'", d->name);
	return system(command);
}

static int put(struct dir *d, int *added)
{
	return imagerepo_store_put_blob(d->s, d->file, &d->blob, added, NULL,
					NULL, &err);
}

static void stored_path(const struct dir *d, char *path, size_t size)
{
	char blob[IMAGEREPO_PATH];

	imagerepo_blob_path(d->blob.sha256, blob);
	snprintf(path, size, "%s/repo/%s", d->name, blob);
}

static void test_blob_is_stored_once(void **state)
{
	struct dir *d = *state;
	int added;

	assert_int_equal(-ENOENT,
			 imagerepo_store_check_blob(d->s, &d->blob, &err));
	assert_int_equal(0, put(d, &added));
	assert_int_equal(1, added);
	assert_int_equal(0, imagerepo_store_check_blob(d->s, &d->blob, &err));
	assert_int_equal(0, put(d, &added));
	assert_int_equal(0, added);
}

static void test_damaged_blob_is_found_and_replaced(void **state)
{
	static const char *const damage[] = { "", "hello", "hallo\n",
					      "hello\n\n" };
	struct dir *d = *state;
	char path[256];
	int added;

	assert_int_equal(0, put(d, &added));
	stored_path(d, path, sizeof(path));
	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		assert_int_equal(0, fileio_write_atomic(path, damage[i],
							strlen(damage[i]), 0644,
							&err));
		assert_int_equal(-EBADMSG, imagerepo_store_check_blob(
						   d->s, &d->blob, &err));
		assert_int_equal(0, put(d, &added));
		assert_int_equal(1, added);
		assert_int_equal(
			0, imagerepo_store_check_blob(d->s, &d->blob, &err));
	}
}

static void test_changed_source_is_not_stored(void **state)
{
	struct dir *d = *state;
	char path[256];
	int added;

	assert_int_equal(0,
			 fileio_write_atomic(d->file, "other\n", 6, 0644, &err));
	assert_int_equal(-EBADMSG, put(d, &added));
	stored_path(d, path, sizeof(path));
	assert_int_not_equal(0, access(path, F_OK));
}

static void test_list_and_resolve(void **state)
{
	struct dir *d = *state;
	struct imagerepo_channel c = good_channel;
	struct imagerepo_manifest m;
	struct imagerepo_list list;
	auto_free char *manifest = NULL, *channel = NULL;
	char path[IMAGEREPO_PATH];

	assert_int_equal(-ENOENT, imagerepo_resolve(d->s, root, "batch",
						    "stable", NOW, &c, &m, &err));
	assert_int_equal(
		0, imagerepo_manifest_make(&good, &images, 1, &manifest, &err));
	hash_bytes_hex(manifest, strlen(manifest), c.manifest);
	assert_int_equal(0,
			 imagerepo_channel_make(&c, &images, 1, &channel, &err));
	imagerepo_manifest_path(c.manifest, path);
	assert_int_equal(0, imagerepo_store_put_doc(d->s, path, manifest, &err));
	assert_int_equal(0, imagerepo_store_put_doc(d->s,
						    "channels/batch/stable.json",
						    channel, &err));
	/* the same channel under another name is no channel */
	assert_int_equal(0, imagerepo_store_put_doc(d->s,
						    "channels/batch/test.json",
						    channel, &err));

	assert_int_equal(0, imagerepo_resolve(d->s, root, "batch", "stable",
					      NOW, &c, &m, &err));
	assert_string_equal("1-b82eda99", m.version);
	assert_int_equal(-EBADMSG, imagerepo_resolve(d->s, root, "batch",
						     "test", NOW, &c, &m, &err));
	assert_int_equal(-EINVAL, imagerepo_resolve(d->s, root, "../batch",
						    "test", NOW, &c, &m, &err));

	assert_int_equal(0, imagerepo_list(d->s, root, NOW, &list, &err));
	assert_int_equal(1, list.n_images);
	assert_string_equal("", list.images[0].error);
	assert_string_equal("batch", list.images[0].m.name);
	assert_int_equal(2, list.n_channels);
	assert_string_equal("", list.channels[0].error);
	assert_string_not_equal("", list.channels[1].error);
	imagerepo_list_dispose(&list);

	/* expired: listed with what it says and why it is refused */
	assert_int_equal(0, imagerepo_list(d->s, root, NOW + DAY, &list, &err));
	assert_string_not_equal("", list.images[0].error);
	assert_string_equal("batch", list.images[0].m.name);
	imagerepo_list_dispose(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifest_there_and_back),
		cmocka_unit_test(test_manifest_by_a_gateway_is_refused),
		cmocka_unit_test(test_malformed_manifests),
		cmocka_unit_test(test_refuses_to_make_a_bad_manifest),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_blob_is_stored_once,
						setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(
			test_damaged_blob_is_found_and_replaced, setup_dir,
			teardown_dir),
		cmocka_unit_test_setup_teardown(test_changed_source_is_not_stored,
						setup_dir, teardown_dir),
		cmocka_unit_test_setup_teardown(test_list_and_resolve,
						setup_dir, teardown_dir),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
