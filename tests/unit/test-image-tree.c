/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image is made of: archives become a tree, a tree becomes an ext4. The
 * file system is judged by e2fsprogs, not by us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <setjmp.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "../../imagerepo/tool/archive-in.h"
#include "../../imagerepo/tool/ext4.h"
#include "cleanup.h"
#include "contents.h"
#include "draft.h"
#include "fileio.h"
#include "hash.h"

static char dir[] = "/tmp/test-image-tree.XXXXXX";

static char *at(const char *name)
{
	static char paths[8][256];
	static int i;
	char *p = paths[i++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return shell("rm -rf %s", dir);
}

/* ---- archives to read ---------------------------------------------------- */

/* Tables say what matters; the rest is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct member {
	const char *path, *data; /* data: content, or target of a link */
	mode_t mode;
	const char *hard;
	int64_t size; /* if not strlen(data) */
};

static void write_tar(const char *file, const struct member *m)
{
	struct archive *a = archive_write_new();

	archive_write_set_format_pax_restricted(a);
	assert_int_equal(archive_write_open_filename(a, file), ARCHIVE_OK);
	for (; m->path; m++) {
		struct archive_entry *e = archive_entry_new();

		archive_entry_set_pathname(e, m->path);
		archive_entry_set_mode(e, m->mode);
		archive_entry_set_mtime(e, 1000, 0);
		if (m->hard)
			archive_entry_set_hardlink(e, m->hard);
		else if (S_ISLNK(m->mode))
			archive_entry_set_symlink(e, m->data);
		else if (S_ISREG(m->mode))
			archive_entry_set_size(
				e, m->size ? m->size : (int64_t)strlen(m->data));
		assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
		if (!m->hard && S_ISREG(m->mode) && !m->size)
			archive_write_data(a, m->data, strlen(m->data));
		archive_entry_free(e);
	}
	archive_write_close(a);
	archive_write_free(a);
}

static int read_tar(const struct member *m, struct tree *t,
		    struct archive_in *in, struct errinfo *err)
{
	write_tar(at("in.tar"), m);
	memset(t, 0, sizeof(*t));
	assert_int_equal(archive_open(in, t, at("spool"), err), 0);
	in->max = 1 << 20;
	t->layer = 1;
	return archive_read_file(in, at("in.tar"), err);
}

#define REG  (S_IFREG | 0644)
#define LNK  (S_IFLNK | 0777)
#define DIR_ (S_IFDIR | 0755)

static void test_hostile_archives(void **state)
{
	static const struct {
		const char *what;
		struct member m[4];
		int rc;
	} cases[] = {
		{ "above the top", { { "../x", "y", REG } }, -EINVAL },
		{ "above, hidden", { { "a/../../x", "y", REG } }, -EINVAL },
		{ "hard link to what is not there",
		  { { "x", "", REG, "/etc/passwd" } },
		  -ENOENT },
		{ "links in a circle",
		  { { "a", "b", LNK }, { "b", "a", LNK }, { "a/x", "y", REG } },
		  -ELOOP },
		{ "below a file",
		  { { "a", "y", REG }, { "a/x", "y", REG } },
		  -ENOTDIR },
		{ "a bomb", { { "x", "", REG, NULL, 2 << 20 } }, -EFBIG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct errinfo err = ERRINFO_INIT;
		struct archive_in in;
		struct tree t;
		int rc = read_tar(cases[i].m, &t, &in, &err);

		if (rc != cases[i].rc)
			fail_msg("%s: %d (%s), not %d", cases[i].what, rc,
				 err.text, cases[i].rc);
		archive_close(&in);
		tree_dispose(&t);
	}
}

/* Through a link to "/" one comes to the image's top, never to ours. */
static void test_links_stay_inside(void **state)
{
	static const struct member m[] = { { "out", "/", LNK },
					   { "out/etc/passwd", "mine", REG },
					   { "up", "../../../..", LNK },
					   { "up/x", "y", REG },
					   { NULL } };
	struct errinfo err = ERRINFO_INIT;
	const struct tree_entry *e;
	struct archive_in in;
	auto_free char *data = NULL;
	struct tree t;

	(void)state;
	assert_int_equal(read_tar(m, &t, &in, &err), 0);
	e = tree_find(&t, "/etc/passwd");
	assert_non_null(e);
	assert_string_equal(e->path, "etc/passwd");
	assert_int_equal(tree_read(e, 100, &data, NULL), 0);
	assert_string_equal(data, "mine");
	assert_string_equal(tree_find(&t, "up/x")->path, "x");
	archive_close(&in);
	tree_dispose(&t);
}

static void test_damaged_archives(void **state)
{
	static const struct member m[] = { { "x", "0123456789", REG }, { NULL } };
	struct errinfo err = ERRINFO_INIT;
	struct archive_in in;
	struct tree t;

	(void)state;
	assert_int_equal(read_tar(m, &t, &in, &err), 0);
	assert_int_equal(truncate(at("in.tar"), 515), 0);
	assert_int_equal(archive_read_file(&in, at("in.tar"), &err), -EBADMSG);
	assert_int_equal(shell("head -c 9999 /dev/urandom >%s", at("junk")), 0);
	assert_int_equal(archive_read_file(&in, at("junk"), &err), -EBADMSG);
	archive_close(&in);
	tree_dispose(&t);
}

/* ---- OCI layouts --------------------------------------------------------- */

static void put_blob(const char *file, char hex[HASH_HEX], uint64_t *size)
{
	assert_int_equal(hash_file_hex(file, hex, size, NULL), 0);
	assert_int_equal(shell("mkdir -p %s/oci/blobs/sha256 && "
			       "cp %s %s/oci/blobs/sha256/%s",
			       dir, file, dir, hex),
			 0);
}

static void put_text(const char *name, const char *text)
{
	assert_int_equal(
		fileio_write_atomic(at(name), text, strlen(text), 0644, NULL), 0);
}

static void make_layout(char layer2[HASH_HEX])
{
	static const struct member one[] = {
		{ "keep", "1", REG },      { "gone", "1", REG },
		{ "dir/a", "1", REG },     { "dir/b", "1", REG },
		{ "dir2/a", "1", REG },    { "lib", "usr/lib", LNK },
		{ "usr/lib/x", "1", REG }, { NULL }
	};
	static const struct member two[] = {
		{ ".wh.gone", "", REG }, { "dir/.wh..wh..opq", "", REG },
		{ "dir/c", "2", REG },   { "dir2", "now a file", REG },
		{ "lib/y", "2", REG },   { NULL }
	};
	char hex[HASH_HEX], text[1024];
	uint64_t n1, n2, n;

	write_tar(at("1.tar"), one);
	write_tar(at("2.tar"), two);
	put_blob(at("1.tar"), hex, &n1);
	put_blob(at("2.tar"), layer2, &n2);
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"layers\":[{\"digest\":\"sha256:%s\","
		 "\"size\":%d},{\"digest\":\"sha256:%s\",\"size\":%d}]}",
		 hex, (int)n1, layer2, (int)n2);
	put_text("manifest", text);
	put_blob(at("manifest"), hex, &n);
	snprintf(text, sizeof(text),
		 "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:%s\","
		 "\"size\":%d,\"platform\":{\"os\":\"linux\",\"architecture\":"
		 "\"amd64\"}}]}",
		 hex, (int)n);
	put_text("oci/index.json", text);
}

static int read_layout(struct tree *t, struct errinfo *err)
{
	struct archive_in in;
	int rc;

	memset(t, 0, sizeof(*t));
	assert_int_equal(archive_open(&in, t, at("spool"), NULL), 0);
	rc = archive_read_oci(&in, at("oci"), err);
	archive_close(&in);
	return rc;
}

static void test_oci_layers(void **state)
{
	static const struct {
		const char *path;
		int there;
	} expected[] = { { "keep", 1 },      { "gone", 0 },    { "dir/a", 0 },
			 { "dir/c", 1 },     { "dir2", 1 },    { "dir2/a", 0 },
			 { "usr/lib/y", 1 }, { ".wh.gone", 0 } };
	struct errinfo err = ERRINFO_INIT;
	char layer[HASH_HEX];
	struct tree t;

	(void)state;
	make_layout(layer);
	assert_int_equal(read_layout(&t, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (!!tree_find(&t, expected[i].path) != expected[i].there)
			fail_msg("%s", expected[i].path);
	tree_dispose(&t);
	assert_int_equal(shell("printf x >>%s/oci/blobs/sha256/%s", dir, layer),
			 0);
	assert_int_equal(read_layout(&t, &err), -EBADMSG);
	tree_dispose(&t);
	put_text("oci/index.json",
		 "{\"manifests\":[{\"digest\":\"sha256:../../../etc/passwd\","
		 "\"size\":1}]}");
	assert_int_equal(read_layout(&t, &err), -EBADMSG);
	tree_dispose(&t);
}

/* ---- ext4 ---------------------------------------------------------------- */

static void add_sizes(struct tree *t)
{
	static const int sizes[] = { 0, 1, 4095, 4096, 4097, 1 << 20, 5 << 20 };
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "size.%d", sizes[i]);
		assert_int_equal(shell("head -c %d /dev/urandom >%s/%s",
				       sizes[i], dir, name),
				 0);
		assert_int_equal(tree_add_file(t, name, at(name), 0640, NULL), 0);
	}
	/* zeros, then something */
	assert_int_equal(shell("truncate -s 10M %s && echo end >>%s",
			       at("holes"), at("holes")),
			 0);
	assert_int_equal(tree_add_file(t, "holes", at("holes"), 0600, NULL), 0);
}

static void add_links(struct tree *t)
{
	char target[300], name[300];

	memset(target, 'x', sizeof(target));
	for (int len = 58; len <= 61; len++) {
		target[len] = '\0';
		snprintf(name, sizeof(name), "link.%d", len);
		assert_int_equal(tree_add_link(t, name, target, NULL), 0);
		target[len] = 'x';
	}
	target[255] = '\0';
	assert_int_equal(tree_add_link(t, target, "longest name", NULL), 0);
	assert_int_equal(tree_put_hardlink(t, "a/b/hard", "size.4097", NULL), 0);
	assert_int_equal(tree_put_hardlink(t, "hard2", "a/b/hard", NULL), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "many/entry-with-a-name-%d", i);
		assert_int_equal(tree_add_dir(t, name, 0700, NULL), 0);
	}
}

static void add_special(struct tree *t)
{
	static unsigned char cap[20] = { 1, 0, 0, 2, 0, 4 };
	struct tree_entry e = { .path = (char *)"dev-big",
				.mode = S_IFBLK | 0660,
				.uid = 70000,
				.gid = 6,
				.mtime = 86400,
				.rdev = makedev(259, 300) };
	struct tree_xattr *x = calloc(1, sizeof(*x));

	assert_int_equal(tree_put(t, &e, NULL), 0);
	e.path = (char *)"dev-small";
	e.mode = S_IFCHR | 0600;
	e.rdev = makedev(1, 3);
	assert_int_equal(tree_put(t, &e, NULL), 0);
	e.path = (char *)"pipe";
	e.mode = S_IFIFO | 0600;
	assert_int_equal(tree_put(t, &e, NULL), 0);
	x->name = strdup("security.capability");
	x->value = malloc(sizeof(cap));
	memcpy(x->value, cap, sizeof(cap));
	x->len = sizeof(cap);
	e = *tree_find(t, "size.1");
	e.path = (char *)"capable";
	e.mode = S_IFREG | 04755;
	e.xattrs = x;
	assert_int_equal(tree_put(t, &e, NULL), 0);
}

static void expect(const char *command, const char *word)
{
	if (shell("debugfs -R '%s' %s 2>&1 | tr -s ' ' | grep -qF -- '%s'",
		  command, at("disk"), word))
		fail_msg("debugfs %s: no \"%s\"", command, word);
}

static void test_ext4(void **state)
{
	struct ext4_options o = { .label = "test", .time = 5 };
	struct errinfo err = ERRINFO_INIT;
	struct tree t = { 0 };
	uint64_t size = 0;

	(void)state;
	add_sizes(&t);
	add_links(&t);
	add_special(&t);
	assert_int_equal(ext4_write(&t, &o, at("disk"), &size, &err), 0);
	assert_int_equal(size % 4096, 0);
	assert_int_equal(shell("e2fsck -fn %s >/dev/null 2>&1", at("disk")), 0);
	assert_int_equal(shell("mkdir %s && for f in size.0 size.1 size.4095 "
			       "size.4096 size.4097 size.1048576 size.5242880 "
			       "holes; do debugfs -R \"dump $f %s/$f\" %s "
			       "2>/dev/null; cmp %s/$f %s/$f || exit 1; done",
			       at("out"), at("out"), at("disk"), at("out"), dir),
			 0);
	expect("stat size.4097", "Links: 3");
	expect("stat hard2", "Links: 3");
	expect("stat dev-big", "Device major/minor number: 259:300");
	expect("stat dev-big", "User: 70000 Group: 6");
	expect("stat dev-small", "Device major/minor number: 01:03");
	expect("stat capable", "Mode: 04755");
	expect("ea_list capable", "security.capability (20)");
	expect("stat link.58", "Fast link dest");
	expect("stat many/entry-with-a-name-2999", "Mode: 0700");
	/* what is in the disk is not what takes room in its file */
	assert_int_equal(shell("test $(du -m %s | cut -f1) -lt 22", at("disk")),
			 0);
	assert_int_equal(ext4_write(&t, &o, at("again"), &size, &err), 0);
	assert_int_equal(shell("cmp %s %s", at("disk"), at("again")), 0);
	tree_dispose(&t);
}

static void test_ext4_empty(void **state)
{
	struct ext4_options o = { .label = "" };
	struct errinfo err = ERRINFO_INIT;
	struct tree t = { 0 };
	uint64_t size;

	(void)state;
	assert_int_equal(ext4_write(&t, &o, at("disk"), &size, &err), 0);
	assert_int_equal(shell("e2fsck -fn %s >/dev/null 2>&1", at("disk")), 0);
	tree_dispose(&t);
}

/* ---- lists --------------------------------------------------------------- */

static void test_contents(void **state)
{
	struct contents_package packages[] = { { "zlib1g", "1:1.2", "amd64", 5 },
					       { "apt", "2.6", "amd64", 9 } };
	struct contents_file files[] = {
		{ "/a b", S_IFREG | 0644, 0, 7, 3, "00" },
		{ "/a", S_IFLNK | 0777, 1, 0, 0, "x\ty\\z" },
	};
	struct contents c = { packages, 2, files, 2, NULL }, *back = NULL;
	auto_free char *doc = NULL, *again = NULL;
	size_t len, len2;

	(void)state;
	assert_int_equal(imagerepo_contents_print(&c, &doc, &len, NULL), 0);
	assert_int_equal(imagerepo_contents_parse(doc, len, &back, NULL), 0);
	assert_string_equal(back->packages[0].name, "apt");
	assert_string_equal(back->files[0].what, "x\ty\\z");
	assert_string_equal(back->files[1].path, "/a b");
	assert_int_equal(imagerepo_contents_print(back, &again, &len2, NULL), 0);
	assert_string_equal(doc, again);
	imagerepo_contents_free(back);
	for (size_t i = 0; i < len; i++) /* cut anywhere but between lines */
		if (doc[i ? i - 1 : 0] != '\n' || i < 10)
			assert_int_equal(
				imagerepo_contents_parse(doc, i, &back, NULL),
				-EBADMSG);
}

static void test_draft(void **state)
{
	static struct image_draft d, back;
	auto_free char *doc = NULL;

	(void)state;
	strcpy(d.m.name, "x");
	strcpy(d.m.version, "1-2");
	strcpy(d.m.cmdline, "quiet");
	d.m.memory_min_mib = 5;
	memset(d.m.kernel.sha256, 'a', 64);
	d.m.kernel.size = 7;
	memset(d.root_sha256, 'b', 64);
	d.m.disk_size = 8192;
	strcpy(d.warm[d.n_warm++], "true");
	assert_int_equal(imagerepo_draft_print(&d, &doc, NULL), 0);
	assert_int_equal(imagerepo_draft_parse(doc, strlen(doc), &back, NULL), 0);
	assert_memory_equal(&d, &back, sizeof(d));
	d.m.disk_size = 8191;
	assert_int_equal(imagerepo_draft_print(&d, &doc, NULL), -EBADMSG);
	d.m.disk_size = 8192;
	strcpy(d.m.version, "../1");
	assert_int_equal(imagerepo_draft_print(&d, &doc, NULL), -EBADMSG);
	for (size_t i = 0; i < strlen(doc); i++)
		assert_int_equal(imagerepo_draft_parse(doc, i, &back, NULL),
				 -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_archives),
		cmocka_unit_test(test_links_stay_inside),
		cmocka_unit_test(test_damaged_archives),
		cmocka_unit_test(test_oci_layers),
		cmocka_unit_test(test_ext4),
		cmocka_unit_test(test_ext4_empty),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_draft),
	};

	/* e2fsprogs lie where only root looks by default */
	setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
