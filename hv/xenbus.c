/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xenbus - device entries in xenstore, by libxenstore.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "parse.h"

#include "xenbus.h"

#define POLL_MS 10 /* how often a state is looked at */

void hv_sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* Whether a backend's "state" says this one. */
static int is_state(const char *value, int state)
{
	int n;

	return !parse_int(value, state, state, &n);
}

static void back_path(char out[HV_XB_PATH_MAX], const struct hv_xb_device *d)
{
	snprintf(out, HV_XB_PATH_MAX, "/local/domain/%u/backend/%s/%u/%u",
		 d->backend, d->kind, d->domid, d->devid);
}

static void front_path(char out[HV_XB_PATH_MAX], const struct hv_xb_device *d)
{
	snprintf(out, HV_XB_PATH_MAX, "/local/domain/%u/device/%s/%u", d->domid,
		 d->kind, d->devid);
}

static int store(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		 const char *name, const char *value)
{
	char path[HV_XB_PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (!xs_write(xs, t, path, value, (unsigned int)strlen(value)))
		return -errno;
	return 0;
}

static int fetch(struct xs_handle *xs, const char *path,
		 char out[HV_XB_VALUE_MAX])
{
	auto_free char *value = NULL;
	unsigned int len;

	value = xs_read(xs, XBT_NULL, path, &len);
	if (!value)
		return -errno;
	if (len >= HV_XB_VALUE_MAX)
		return -ERANGE;
	memcpy(out, value, len);
	out[len] = '\0';
	return 0;
}

int hv_xb_read(struct xs_handle *xs, char out[HV_XB_VALUE_MAX], const char *fmt,
	       ...)
{
	char path[HV_XB_PATH_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return n < (int)sizeof(path) ? fetch(xs, path, out) : -ENAMETOOLONG;
}

int hv_xb_backend_read(struct xs_handle *xs, const struct hv_xb_device *d,
		       const char *name, char out[HV_XB_VALUE_MAX])
{
	return hv_xb_read(xs, out, "/local/domain/%u/backend/%s/%u/%u/%s",
			  d->backend, d->kind, d->domid, d->devid, name);
}

int hv_xb_backend_write(struct xs_handle *xs, const struct hv_xb_device *d,
			const char *name, const char *value)
{
	char path[HV_XB_PATH_MAX];

	back_path(path, d);
	return store(xs, XBT_NULL, path, name, value);
}

/* ---- transactions ----------------------------------------------------- */

typedef int (*body_fn)(struct xs_handle *xs, xs_transaction_t t, void *arg);

/* Runs body until its transaction met no other's. */
static int transact(struct xs_handle *xs, body_fn body, void *arg)
{
	xs_transaction_t t;
	int rc;

	for (;;) {
		t = xs_transaction_start(xs);
		if (t == XBT_NULL)
			return -errno;
		rc = body(xs, t, arg);
		if (rc) {
			xs_transaction_end(xs, t, true);
			return rc;
		}
		if (xs_transaction_end(xs, t, false))
			return 0;
		if (errno != EAGAIN)
			return -errno;
	}
}

/* A directory that `owner` writes and `reader` reads. */
static int make_dir(struct xs_handle *xs, xs_transaction_t t, const char *path,
		    unsigned int owner, unsigned int reader)
{
	struct xs_permissions perms[] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	if (!xs_mkdir(xs, t, path) ||
	    !xs_set_permissions(xs, t, path, perms, ARRAY_SIZE(perms)))
		return -errno;
	return 0;
}

static int store_nodes(struct xs_handle *xs, xs_transaction_t t,
		       const char *dir, const struct hv_xb_node *nodes)
{
	int rc = 0;

	for (; !rc && nodes->name; nodes++)
		rc = store(xs, t, dir, nodes->name, nodes->value);
	return rc;
}

struct add {
	const struct hv_xb_device *d;
	const struct hv_xb_node *front, *back;
};

static int add_body(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	struct add *a = arg;
	char front[HV_XB_PATH_MAX], back[HV_XB_PATH_MAX];
	char domid[12], backend[12];
	struct hv_xb_node front_end[] = { { "backend", back },
					  { "backend-id", backend },
					  { "state", "1" },
					  { NULL, NULL } };
	struct hv_xb_node back_end[] = { { "frontend", front },
					 { "frontend-id", domid },
					 { "online", "1" },
					 { "state", "1" },
					 { NULL, NULL } };
	int rc;

	front_path(front, a->d);
	back_path(back, a->d);
	snprintf(domid, sizeof(domid), "%u", a->d->domid);
	snprintf(backend, sizeof(backend), "%u", a->d->backend);
	rc = make_dir(xs, t, front, a->d->domid, a->d->backend);
	if (!rc)
		rc = store_nodes(xs, t, front, a->front);
	if (!rc)
		rc = store_nodes(xs, t, front, front_end);
	if (!rc)
		rc = make_dir(xs, t, back, a->d->backend, a->d->domid);
	if (!rc)
		rc = store_nodes(xs, t, back, a->back);
	if (!rc)
		rc = store_nodes(xs, t, back, back_end);
	return rc;
}

int hv_xb_add(struct xs_handle *xs, const struct hv_xb_device *d,
	      const struct hv_xb_node *front, const struct hv_xb_node *back)
{
	struct add a = { d, front, back };

	return transact(xs, add_body, &a);
}

/*
 * The domain is paused or dead and cannot answer a "Closing": with its half
 * gone the kernel's backend gives up waiting and closes alone.
 */
static int remove_body(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	const struct hv_xb_device *d = arg;
	char path[HV_XB_PATH_MAX], state[HV_XB_PATH_MAX + 8];
	auto_free char *value = NULL;
	int rc;

	front_path(path, d);
	if (!xs_rm(xs, t, path) && errno != ENOENT)
		return -errno;
	back_path(path, d);
	snprintf(state, sizeof(state), "%s/state", path);
	value = xs_read(xs, t, state, NULL);
	if (!value)
		return -errno;
	rc = store(xs, t, path, "online", "0");
	if (!rc && !is_state(value, HV_XB_CLOSED))
		rc = store(xs, t, path, "state", "5");
	return rc;
}

int hv_xb_begin_remove(struct xs_handle *xs, const struct hv_xb_device *d)
{
	return transact(xs, remove_body, (void *)d);
}

int hv_xb_end_remove(struct xs_handle *xs, const struct hv_xb_device *d)
{
	char path[HV_XB_PATH_MAX];

	back_path(path, d);
	return xs_rm(xs, XBT_NULL, path) || errno == ENOENT ? 0 : -errno;
}

int hv_xb_wait_state(struct xs_handle *xs, const struct hv_xb_device *d,
		     int state, int timeout_ms)
{
	int64_t end = clock_boot_ms() + timeout_ms;
	char value[HV_XB_VALUE_MAX];
	int rc;

	for (;;) {
		rc = hv_xb_backend_read(xs, d, "state", value);
		if (rc == -ENOENT && state == HV_XB_CLOSED)
			return 0;
		if (rc)
			return rc;
		if (is_state(value, state))
			return 0;
		if (clock_boot_ms() >= end)
			return -ETIMEDOUT;
		hv_sleep_ms(POLL_MS);
	}
}

int hv_xb_wait_hotplug(struct xs_handle *xs, const struct hv_xb_device *d,
		       int timeout_ms, struct errinfo *err)
{
	int64_t end = clock_boot_ms() + timeout_ms;
	char value[HV_XB_VALUE_MAX];

	for (;;) {
		if (!hv_xb_backend_read(xs, d, "hotplug-error", value))
			return errinfo_set(err, -EIO, "%s", value);
		if (!hv_xb_backend_read(xs, d, "hotplug-status", value) &&
		    !strcmp(value, "connected"))
			return 0;
		if (clock_boot_ms() >= end)
			return errinfo_set_errno(err, -ETIMEDOUT,
						 "backend in domain %u",
						 d->backend);
		hv_sleep_ms(POLL_MS);
	}
}

/* ---- lists and keys --------------------------------------------------- */

/* Those that one domain is the backend of, behind the *n there are. */
static void list_of(struct xs_handle *xs, const struct hv_xb_device *like,
		    struct hv_xb_device *out, int *n, int max)
{
	auto_free char **names = NULL;
	char path[HV_XB_PATH_MAX];
	unsigned int i, count = 0;

	snprintf(path, sizeof(path), "/local/domain/%u/backend/%s/%u",
		 like->backend, like->kind, like->domid);
	names = xs_directory(xs, XBT_NULL, path, &count);
	for (i = 0; names && i < count && *n < max; i++) {
		out[*n] = *like;
		out[(*n)++].devid = (uint32_t)strtoul(names[i], NULL, 10);
	}
}

int hv_xb_list(struct xs_handle *xs, const char *kind, hv_domid domid,
	       struct hv_xb_device *out, int max)
{
	struct hv_xb_device like = { .kind = kind, .domid = domid };
	auto_free char **domids = NULL;
	unsigned int i, count = 0;
	int n = 0;

	domids = xs_directory(xs, XBT_NULL, "/local/domain", &count);
	if (!domids)
		return -errno;
	for (i = 0; i < count; i++) {
		like.backend = (hv_domid)strtoul(domids[i], NULL, 10);
		list_of(xs, &like, out, &n, max);
	}
	return n;
}

void hv_xb_forget(struct xs_handle *xs, const struct hv_xb_device *d)
{
	char path[HV_XB_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/backend/%s/%u",
		 d->backend, d->kind, d->domid);
	xs_rm(xs, XBT_NULL, path);
}

int hv_xb_write_keys(struct xs_handle *xs, hv_domid domid,
		     const struct hv_key *keys, uint32_t count)
{
	char data[64], dir[80], path[HV_XB_PATH_MAX];
	uint32_t i;
	int rc;

	snprintf(data, sizeof(data), "/local/domain/%u/vm-data", domid);
	snprintf(dir, sizeof(dir), "%s/nightshift", data);
	rc = make_dir(xs, XBT_NULL, data, 0, domid);
	if (!rc)
		rc = make_dir(xs, XBT_NULL, dir, 0, domid);
	for (i = 0; !rc && i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, keys[i].name);
		rc = make_dir(xs, XBT_NULL, path, 0, domid);
		if (!rc)
			rc = store(xs, XBT_NULL, dir, keys[i].name,
				   keys[i].value);
	}
	return rc;
}
