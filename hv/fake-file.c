/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-file - reads and writes the files of the fake backend.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "parse.h"

#include "fake-file.h"

#define FILE_MAX 65536

/* One line of a file for one member of a struct. */
struct field {
	const char *name;
	enum { U32, U64, I64, BOOL, TEXT } type;
	size_t offset, size;
};
#define FIELD(s, m, t)                                                   \
	{                                                                \
#m, t, offsetof(struct s, m), sizeof(((struct s *)0)->m) \
	}
#define FIELD_D(m, t)                                          \
	{                                                      \
#m, t, offsetof(struct hv_fake_dom, d.m),      \
			sizeof(((struct hv_fake_dom *)0)->d.m) \
	}

static const struct field dom_fields[] = {
	FIELD_D(domid, U32),
	FIELD_D(name, TEXT),
	FIELD_D(kind, U32),
	FIELD_D(memory_mib, U32),
	FIELD_D(vcpus, U32),
	FIELD_D(weight, U32),
	FIELD_D(cap, U32),
	FIELD(hv_fake_dom, max_memory_mib, U32),
	FIELD(hv_fake_dom, max_vcpus, U32),
	FIELD(hv_fake_dom, paused, BOOL),
	FIELD(hv_fake_dom, deaf, BOOL),
	FIELD(hv_fake_dom, after_ms, I64),
	FIELD(hv_fake_dom, end_ms, I64),
	FIELD(hv_fake_dom, end_reason, U32),
};

static const struct field host_fields[] = {
	FIELD(hv_host, xen_version, TEXT), FIELD(hv_host, xen_cmdline, TEXT),
	FIELD(hv_host, cpu_model, TEXT),   FIELD(hv_host, total_mib, U64),
	FIELD(hv_host, free_mib, U64),     FIELD(hv_host, cpus, U32),
	FIELD(hv_host, hvm, BOOL),         FIELD(hv_host, hap, BOOL),
	FIELD(hv_host, iommu, BOOL),
};

static void set_field(const struct field *f, void *base, const char *value)
{
	void *at = (char *)base + f->offset;
	long long n = strtoll(value, NULL, 10);

	switch (f->type) {
	case U32:
		*(uint32_t *)at = (uint32_t)n;
		break;
	case U64:
		*(uint64_t *)at = (uint64_t)n;
		break;
	case I64:
		*(int64_t *)at = n;
		break;
	case BOOL:
		*(bool *)at = n != 0;
		break;
	case TEXT:
		snprintf(at, f->size, "%s", value);
		break;
	}
}

static void add_field(struct buf *b, const struct field *f, const void *base)
{
	const void *at = (const char *)base + f->offset;

	switch (f->type) {
	case U32:
		buf_addf(b, "%s %u\n", f->name, *(const uint32_t *)at);
		break;
	case U64:
		buf_addf(b, "%s %" PRIu64 "\n", f->name, *(const uint64_t *)at);
		break;
	case I64:
		buf_addf(b, "%s %" PRId64 "\n", f->name, *(const int64_t *)at);
		break;
	case BOOL:
		buf_addf(b, "%s %d\n", f->name, *(const bool *)at);
		break;
	case TEXT:
		buf_addf(b, "%s %s\n", f->name, (const char *)at);
		break;
	}
}

typedef void (*line_fn)(void *arg, const char *key, char *value);

/* Calls fn for each line "KEY VALUE" of text, which it takes apart. */
static void each_line(char *text, line_fn fn, void *arg)
{
	char *line, *value, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		fn(arg, line, value);
	}
}

int hv_fake_lock(struct hv_fake *f)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", f->dir);
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		close(fd);
		return -errno;
	}
	return fd < 0 ? -errno : fd;
}

/* ---- domains ---------------------------------------------------------- */

static void path_of(struct hv_fake *f, char out[200], const char *what,
		    hv_domid domid)
{
	snprintf(out, 200, "%s/%s-%u", f->dir, what, domid);
}

static void load_vbd(struct hv_fake_dom *dom, const char *value)
{
	struct hv_vbd_info *v = &dom->vbds[dom->vbd_count];
	char mode;

	if (dom->vbd_count == HV_VBD_MAX)
		return;
	if (sscanf(value, "%7s %c %255s", v->vdev, &mode, v->device) != 3)
		return;
	v->writable = mode == 'w';
	v->connected = true;
	dom->vbd_count++;
}

static void load_vif(struct hv_fake_dom *dom, const char *value)
{
	struct hv_vif_info *v = &dom->vifs[dom->vif_count];
	char mac[PARSE_MAC_STR];

	if (dom->vif_count == HV_VIF_MAX)
		return;
	/* NOLINTNEXTLINE(cert-err34-c): our own file's numbers */
	if (sscanf(value, "%17s %15s %u", mac, v->bridge, &v->backend) < 2 ||
	    parse_mac(mac, v->mac))
		return;
	if (v->backend)
		v->bridge[0] = '\0';
	snprintf(v->ifname, sizeof(v->ifname), "vif%u.%u",
		 dom->d.domid % 100000, dom->vif_count);
	v->connected = true;
	dom->vif_count++;
}

static void load_line(void *arg, const char *key, char *value)
{
	struct hv_fake_dom *dom = arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dom_fields); i++) {
		if (!strcmp(dom_fields[i].name, key))
			set_field(&dom_fields[i], dom, value);
	}
	if (!strcmp(key, "uuid"))
		parse_hex(value, dom->d.uuid, HV_UUID_LEN);
	else if (!strcmp(key, "vbd"))
		load_vbd(dom, value);
	else if (!strcmp(key, "vif"))
		load_vif(dom, value);
}

int hv_fake_load(struct hv_fake *f, hv_domid domid, struct hv_fake_dom *out,
		 struct errinfo *err)
{
	auto_free char *text = NULL;
	char path[200];
	int rc;

	path_of(f, path, "domain", domid);
	rc = fileio_read(path, FILE_MAX, &text, NULL, err);
	if (rc)
		return rc;
	memset(out, 0, sizeof(*out));
	each_line(text, load_line, out);
	return 0;
}

int hv_fake_save(struct hv_fake *f, const struct hv_fake_dom *dom,
		 struct errinfo *err)
{
	auto_buf struct buf b = BUF_INIT;
	char hex[2 * HV_UUID_LEN + 1], mac[PARSE_MAC_STR], path[200];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(dom_fields); i++)
		add_field(&b, &dom_fields[i], dom);
	format_hex(dom->d.uuid, HV_UUID_LEN, hex);
	buf_addf(&b, "uuid %s\n", hex);
	for (i = 0; i < dom->vbd_count; i++)
		buf_addf(&b, "vbd %s %c %s\n", dom->vbds[i].vdev,
			 dom->vbds[i].writable ? 'w' : 'r', dom->vbds[i].device);
	for (i = 0; i < dom->vif_count; i++) {
		format_mac(dom->vifs[i].mac, mac);
		if (dom->vifs[i].backend)
			buf_addf(&b, "vif %s - %u\n", mac, dom->vifs[i].backend);
		else
			buf_addf(&b, "vif %s %s\n", mac, dom->vifs[i].bridge);
	}
	if (b.rc)
		return errinfo_set_errno(err, b.rc, "domain file");
	path_of(f, path, "domain", dom->d.domid);
	return fileio_write_atomic(path, b.data, b.len, 0600, err);
}

static int by_domid(const void *a, const void *b)
{
	const struct hv_fake_dom *x = a, *y = b;

	return (x->d.domid > y->d.domid) - (x->d.domid < y->d.domid);
}

int hv_fake_load_all(struct hv_fake *f, struct hv_fake_dom *out, int max,
		     struct errinfo *err)
{
	DIR *dir = opendir(f->dir);
	struct dirent *e;
	int domid, rc, n = 0;

	if (!dir)
		return errinfo_set_errno(err, -errno, "%s", f->dir);
	for (e = readdir(dir); e && n < max; e = readdir(dir)) {
		if (strncmp(e->d_name, "domain-", 7) ||
		    parse_int(e->d_name + 7, 1, 65535, &domid))
			continue;
		rc = hv_fake_load(f, (hv_domid)domid, &out[n], err);
		if (!rc) {
			n++;
		} else if (rc != -ENOENT) { /* gone meanwhile */
			n = rc;
			break;
		}
	}
	closedir(dir);
	if (n > 0)
		qsort(out, (size_t)n, sizeof(*out), by_domid);
	return n;
}

static void remove_keys(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return;
	for (e = readdir(dir); e; e = readdir(dir)) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	rmdir(path);
}

void hv_fake_remove(struct hv_fake *f, hv_domid domid)
{
	char path[200];

	path_of(f, path, "vm-data", domid);
	remove_keys(path);
	path_of(f, path, "console", domid);
	unlink(path);
	path_of(f, path, "domain", domid);
	unlink(path);
}

int hv_fake_write_keys(struct hv_fake *f, hv_domid domid,
		       const struct hv_config *cfg, struct errinfo *err)
{
	char dir[200], path[300];
	uint32_t i;
	int rc;

	path_of(f, dir, "vm-data", domid);
	rc = fileio_mkdirs(dir, 0700, err);
	for (i = 0; !rc && i < cfg->key_count; i++) {
		const struct hv_key *key = &cfg->keys[i];

		snprintf(path, sizeof(path), "%s/%s", dir, key->name);
		rc = fileio_write_atomic(path, key->value, strlen(key->value),
					 0600, err);
	}
	return rc;
}

int hv_fake_next_domid(struct hv_fake *f, hv_domid *out, struct errinfo *err)
{
	auto_free char *text = NULL;
	char path[200], line[16];
	int last = 0, n;

	snprintf(path, sizeof(path), "%s/last", f->dir);
	if (!fileio_read(path, 16, &text, NULL, NULL)) {
		text[strcspn(text, "\n")] = '\0';
		parse_int(text, 0, INT_MAX, &last);
	}
	*out = (hv_domid)(last % 65535 + 1);
	n = snprintf(line, sizeof(line), "%u\n", *out);
	return fileio_write_atomic(path, line, (size_t)n, 0600, err);
}

/* ---- host and failures ------------------------------------------------ */

static void host_line(void *arg, const char *key, char *value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(host_fields); i++) {
		if (!strcmp(host_fields[i].name, key))
			set_field(&host_fields[i], arg, value);
	}
}

void hv_fake_read_host(struct hv_fake *f, struct hv_host *out)
{
	auto_free char *text = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/host", f->dir);
	if (!fileio_read(path, FILE_MAX, &text, NULL, NULL))
		each_line(text, host_line, out);
}

bool hv_fake_must_fail(struct hv_fake *f, const char *op)
{
	auto_free char *text = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/fail", f->dir);
	if (fileio_read(path, 64, &text, NULL, NULL))
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, op))
		return false;
	unlink(path);
	return true;
}
