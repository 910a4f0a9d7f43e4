/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's half: a second archive behind the initrd, with the drivers of the
 * emulated PC and a script that the image runs in place of its worker
 * (recipe(5), "Tracing"). The initrd that nodes get stays as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "modules.h"
#include "tool.h"
#include "trace.h"

#define TRACE_DIR     "/trace"
#define VERSION_MAX   128
#define SETUP_HEADER  0x1f1 /* of a bzImage: Linux x86 boot protocol */
#define SETUP_MAGIC   0x202
#define SETUP_VERSION 0x20e

static const char *const drivers[] = { "virtio_pci", "virtio_blk", "virtio_net" };

/* In place of what dom0 writes to xenstore. Nobody listens there. */
static const char config[] = "node trace/trace\n"
			     "domu trace\n"
			     "ip 10.0.2.15/24\n"
			     "gateway 10.0.2.2\n"
			     "url https://127.0.0.1:1\n"
			     "token none\n";

/* The worker starts, finds nobody to talk to, and is ended; then what the
 * recipe says is to be warm. */
static const char head[] =
	"#!/bin/sh\n"
	"export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	"say() { echo \"$*\" >/dev/console; }\n"
	"warm() {\n"
	"\tsay \"nightshift: warm: $1\"\n"
	"\tsh -c \"$1\" </dev/null >/tmp/warm.log 2>&1 && return\n"
	"\tcat /tmp/warm.log >/dev/console\n"
	"\tsay '" TRACE_FAILED "'\n"
	"\tsleep 600\n"
	"}\n"
	"worker -f " TRACE_DIR "/config &\n"
	"pid=$!\n"
	"sleep 3\n"
	"kill $pid\n"
	"wait $pid\n";
static const char tail[] = "say '" TRACE_DONE "'\n"
			   "sleep 600\n";

static int no_memory(struct errinfo *err)
{
	return errinfo_set(err, -ENOMEM, "out of memory");
}

/* "6.1.0-56-amd64", which the kernel's file says itself. */
static int kernel_version(const char *path, char out[VERSION_MAX],
			  struct errinfo *err)
{
	auto_free char *data = NULL;
	size_t len, at;
	int rc = fileio_read(path, IMAGE_KERNEL_MAX, &data, &len, err);

	if (rc)
		return rc;
	if (len < 1024 || memcmp(data + SETUP_MAGIC, "HdrS", 4) != 0)
		return errinfo_set(err, -EBADMSG, "%s is no Linux kernel", path);
	at = (size_t)(uint8_t)data[SETUP_VERSION] +
	     ((size_t)(uint8_t)data[SETUP_VERSION + 1] << 8) + 512;
	if (at >= len - VERSION_MAX)
		return errinfo_set(err, -EBADMSG, "%s does not say its version",
				   path);
	snprintf(out, VERSION_MAX, "%.*s",
		 (int)strnlen(data + at, VERSION_MAX - 1), data + at);
	out[strcspn(out, " ")] = '\0';
	return 0;
}

static int add_text(struct trace *t, struct tree *tree, const char *name,
		    const char *text, mode_t mode, struct errinfo *err)
{
	auto_free char *file = tool_join(t->tmp, name);
	auto_free char *to = tool_join(TRACE_DIR, name);
	int rc;

	if (!file || !to || !text)
		return no_memory(err);
	rc = fileio_write_atomic(file, text, strlen(text), 0600, err);
	return rc ? rc : tree_add_file(tree, to, file, mode, err);
}

static int add_modules(struct trace *t, struct tree *tree, struct modules *m,
		       struct errinfo *err)
{
	auto_buf struct buf order = BUF_INIT;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(drivers) && !rc; i++)
		rc = modules_add(m, drivers[i], err);
	for (size_t i = 0; i < m->n && !rc; i++) {
		auto_free char *source = tool_join(m->dir, m->order[i]);
		const char *base = strrchr(m->order[i], '/');
		auto_free char *to =
			tool_join(TRACE_DIR, base ? base + 1 : m->order[i]);

		if (!source || !to)
			return no_memory(err);
		buf_addf(&order, "%s\n", to);
		rc = tree_add_file(tree, to, source, 0644, err);
	}
	if (rc)
		return rc;
	buf_adds(&order, "");
	return add_text(t, tree, "order", order.len ? order.data : "", 0644, err);
}

static int add_drivers(struct trace *t, struct tree *tree, struct errinfo *err)
{
	auto_free char *kernel = tool_join(t->dir, "kernel");
	char version[VERSION_MAX];
	struct modules m = { 0 };
	int rc = kernel ? kernel_version(kernel, version, err) : no_memory(err);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 0; i < t->n_from && rc; i++)
		rc = modules_open(t->from[i], version, &m, err);
	if (rc)
		return errinfo_set(err, rc,
				   "no modules of Linux %s in the trees of "
				   "--from",
				   version);
	rc = add_modules(t, tree, &m, err);
	modules_dispose(&m);
	return rc;
}

static void add_quoted(struct buf *b, const char *text)
{
	buf_adds(b, "'");
	for (; *text; text++)
		if (*text == '\'')
			buf_adds(b, "'\\''");
		else
			buf_add(b, text, 1);
	buf_adds(b, "'");
}

static int add_script(struct trace *t, struct tree *tree, struct errinfo *err)
{
	auto_buf struct buf script = BUF_INIT;

	buf_adds(&script, head);
	for (int i = 0; i < t->draft.n_warm; i++) {
		buf_adds(&script, "warm ");
		add_quoted(&script, t->draft.warm[i]);
		buf_adds(&script, "\n");
	}
	buf_adds(&script, tail);
	if (script.rc)
		return no_memory(err);
	return add_text(t, tree, "run", script.data, 0755, err);
}

/* Archives behind one another, each at a multiple of 4 bytes (linux
 * Documentation/driver-api/early-userspace/buffer-format.rst). */
static int append(struct trace *t, const char *cpio, struct errinfo *err)
{
	auto_free char *own = tool_join(t->dir, "initrd");
	auto_free char *to = tool_join(t->tmp, "initrd");
	auto_free char *first = NULL, *second = NULL, *both = NULL;
	size_t n1 = 0, n2, at;
	int rc = own && to ? 0 : no_memory(err);

	if (!rc && t->draft.m.initrd.size)
		rc = fileio_read(own, IMAGE_INITRD_MAX, &first, &n1, err);
	if (!rc)
		rc = fileio_read(cpio, IMAGE_INITRD_MAX, &second, &n2, err);
	if (rc)
		return rc;
	at = (n1 + 3) / 4 * 4;
	both = calloc(1, at + n2);
	if (!both)
		return no_memory(err);
	if (n1)
		memcpy(both, first, n1);
	memcpy(both + at, second, n2);
	return fileio_write_atomic(to, both, at + n2, 0600, err);
}

int trace_initrd(struct trace *t, struct errinfo *err)
{
	auto_free char *cpio = tool_join(t->tmp, "trace.cpio");
	struct tree tree = { 0 };
	int rc = cpio ? 0 : no_memory(err);

	if (!rc)
		rc = add_drivers(t, &tree, err);
	if (!rc)
		rc = add_text(t, &tree, "config", config, 0644, err);
	if (!rc)
		rc = add_script(t, &tree, err);
	if (!rc)
		rc = tree_write_cpio(&tree, cpio, err);
	if (!rc)
		rc = append(t, cpio, err);
	tree_dispose(&tree);
	return rc;
}
