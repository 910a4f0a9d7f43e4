/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate - the table of generated files and the writing of them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "generate.h"
#include "tls.h"

#define GENERATED_MAX ((size_t)4 * 1024 * 1024)

struct generated {
	unsigned int bit;
	const char *name;
	void (*fn)(const struct config *c, const char *dir, struct buf *out);
};

static const struct generated table[] = {
	{ GENERATE_NGINX, "nginx.conf", generate_nginx },
	{ GENERATE_DNSMASQ, "dnsmasq.conf", generate_dnsmasq },
	{ GENERATE_HOSTS, "dnsmasq.hosts", generate_hosts },
	{ GENERATE_REPO, "repo.env", generate_repo },
};

/* As root in a user namespace no other user exists; workers stay "root". */
static int in_user_namespace(void)
{
	unsigned long in, out, n;
	auto_fclose FILE *f = fopen("/proc/self/uid_map", "re");

	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
	return f && fscanf(f, "%lu %lu %lu", &in, &out, &n) == 3 &&
	       n != 4294967295UL;
}

const char *generate_user(const struct config *c)
{
	if (c->nginx_user[0])
		return c->nginx_user;
	return in_user_namespace() ? "root" : "www-data";
}

const char *generate_name(unsigned int bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].bit == bit)
			return table[i].name;
	return NULL;
}

static int same_as_file(const char *path, const struct buf *b)
{
	auto_free char *old = NULL;
	size_t len;

	if (fileio_read(path, GENERATED_MAX, &old, &len, NULL))
		return 0;
	return len == b->len && !memcmp(old, b->data, len);
}

static int write_one(const struct generated *g, const struct config *c,
		     const char *dir, unsigned int *changed, struct errinfo *err)
{
	auto_buf struct buf text = BUF_INIT_MAX(GENERATED_MAX);
	char path[PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", dir, g->name);
	if (n < 0 || n >= (int)sizeof(path))
		return errinfo_set(err, -ENAMETOOLONG, "%s: too long", dir);
	g->fn(c, dir, &text);
	if (text.rc)
		return errinfo_set_errno(err, text.rc, "%s", path);
	if (same_as_file(path, &text))
		return 0;
	*changed |= g->bit;
	return fileio_write_atomic(path, text.data, text.len, 0644, err);
}

/* What nginx and dnsmasq do not make themselves. */
static int make_folders(const struct config *c, struct errinfo *err)
{
	static const char *const names[] = { "nginx", "nginx/cache", "nginx/temp",
					     "mirror", "mirror/blobs" };
	char path[PATH_MAX];
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->state, names[i]);
		rc = fileio_mkdirs(path, 0755, err);
		if (rc)
			return rc;
	}
	return 0;
}

int generate_all(const struct config *c, const char *dir, unsigned int *changed,
		 struct errinfo *err)
{
	unsigned int bits = 0;
	auto_free char *real = NULL;
	int rc;

	rc = fileio_mkdirs(dir, 0755, err);
	if (rc)
		return rc;
	real = realpath(dir, NULL);
	if (!real)
		return errinfo_set_errno(err, -errno, "%s", dir);
	if (strpbrk(real, " \t\n\"'\\;{}$#,"))
		return errinfo_set(err, -EINVAL,
				   "%s: a blank or quote in its path", real);
	rc = make_folders(c, err);
	if (!rc)
		rc = tls_ensure(c->state, c->segment, NULL, err);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(table); i++)
		rc = write_one(&table[i], c, real, &bits, err);
	if (changed)
		*changed = bits;
	return rc;
}
