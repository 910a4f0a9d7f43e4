/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify - parses and checks what came from the network. It has no file, no
 * socket but main's, no clock of its own but the boot clock; what it says is
 * fixed-size and checked again by main.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sodium.h>

#include "agent.h"
#include "cleanup.h"
#include "fileio.h"
#include "ipc.h"
#include "log.h"
#include "verify-docs.h"
#include "verify-image.h"

#define BUILD_MAX 65536
#define SEALS     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct {
	struct trust_root *root;
	struct msg_verify_ready build;
	struct ipc *main;
	struct verified found;
} verify;

static int load_build(const char *path, struct errinfo *err)
{
	auto_free char *text = NULL;
	size_t len;
	int rc;

	rc = fileio_read(path, BUILD_MAX, &text, &len, err);
	if (rc)
		return rc;
	rc = verify_build(text, len, &verify.build, err);
	return rc ? errinfo_wrap(err, rc, "%s", path) : 0;
}

int proc_verify_prepare(const struct options *o, struct errinfo *err)
{
	uint8_t digest[HASH_LEN];
	char *text = NULL;
	size_t len;
	int rc;

	/* Both libraries look around at their first use: let them now. */
	if (sodium_init() < 0)
		return errinfo_set(err, -EIO, "libsodium does not start");
	hash_bytes("", 0, digest);
	rc = load_build(o->build_path, err);
	if (rc)
		return rc;
	rc = fileio_read(o->root_path, TRUST_DOC_MAX, &text, &len, err);
	if (rc)
		return rc;
	verify_image_init(text, len); /* kept as long as we live */
	rc = trust_root_load(text, len, verify.build.build_ms, &verify.root, err);
	return rc ? errinfo_wrap(err, rc, "%s", o->root_path) : 0;
}

static void must_send(int rc)
{
	if (rc)
		exit(EXIT_FAILURE);
}

static void done(uint32_t id, int rc, const struct errinfo *err, const char *found)
{
	struct msg_verify_done d = { .rc = rc };
	const char *text = rc ? errinfo_text(err, rc) : "";

	log_quote(d.text, sizeof(d.text), text, strlen(text));
	if (found)
		memcpy(d.found, found, sizeof(d.found));
	must_send(ipc_post(verify.main, MSG_VERIFY_DONE, id, &d));
}

/* A PC's clock may say anything: the least that the time can be is what the
 * image and the gateway have signed, and what has passed since. */
static int64_t least_time(int64_t base_unix_ms, int64_t base_boot_ms)
{
	int64_t t = 0;

	if (base_unix_ms)
		t = base_unix_ms + clock_boot_ms() - base_boot_ms;
	return t > verify.build.build_ms ? t : verify.build.build_ms;
}

static void send_found(uint32_t id, enum msg_doc kind)
{
	static const enum msg_type types[MSG_DOCS] = {
		[MSG_DOC_SEGMENT] = MSG_VERIFY_SEGMENT,
		[MSG_DOC_LEASE] = MSG_VERIFY_LEASE,
		[MSG_DOC_DESIRED] = MSG_VERIFY_DESIRED,
	};
	const struct verified *v = &verify.found;
	const void *bodies[MSG_DOCS] = {
		[MSG_DOC_SEGMENT] = &v->segment,
		[MSG_DOC_LEASE] = &v->lease,
		[MSG_DOC_DESIRED] = &v->desired,
	};

	for (int i = 0; kind == MSG_DOC_DESIRED && i < v->desired.n_domus; i++)
		must_send(ipc_post(verify.main, MSG_VERIFY_DOMU, id, &v->domu[i]));
	must_send(ipc_post(verify.main, types[kind], id, bodies[kind]));
}

static void on_doc(const struct msg *m)
{
	const struct msg_verify_doc *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	int rc;

	rc = verify_doc(verify.root, q, m->tail, m->tail_len,
			least_time(q->base_unix_ms, q->base_boot_ms),
			&verify.found, &err);
	if (!rc)
		send_found(m->id, q->kind);
	done(m->id, rc, &err, NULL);
}

static void on_blob(const struct msg *m)
{
	const struct msg_verify_blob *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	uint8_t digest[HASH_LEN];
	char found[HASH_HEX] = "";
	uint64_t size = 0;
	int seals, rc;

	seals = fcntl(m->fds[0], F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS) {
		rc = errinfo_set(&err, -EPERM, "not sealed");
		done(m->id, rc, &err, NULL);
		return;
	}
	rc = hash_fd(m->fds[0], digest, &size);
	if (rc) {
		errinfo_set_errno(&err, rc, "cannot be read");
	} else {
		format_hex(digest, sizeof(digest), found);
		if (size != q->size)
			rc = errinfo_set(&err, -EBADMSG,
					 "%llu bytes instead of %llu",
					 (unsigned long long)size,
					 (unsigned long long)q->size);
		else if (strcmp(found, q->sha256) != 0)
			rc = errinfo_set(&err, -EBADMSG,
					 "sha256 %s instead of %s", found,
					 q->sha256);
	}
	done(m->id, rc, &err, found);
}

/* ---- images ------------------------------------------------------------------ */

static void image_step(uint32_t id, int rc, const struct msg_verify_want *want,
		       const struct msg_verify_manifest *found,
		       const struct errinfo *err)
{
	if (rc == 1) {
		must_send(ipc_post(verify.main, MSG_VERIFY_WANT, id, want));
		return;
	}
	if (!rc)
		must_send(ipc_post(verify.main, MSG_VERIFY_MANIFEST, id, found));
	done(id, rc, err, NULL);
}

static void on_image(const struct msg *m)
{
	const struct msg_verify_image *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	struct msg_verify_manifest found;
	struct msg_verify_want want;
	int rc;

	rc = verify_image_start(m->id, q,
				least_time(q->base_unix_ms, q->base_boot_ms),
				&want, &found, &err);
	image_step(m->id, rc, &want, &found, &err);
}

static void on_file(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg_verify_manifest found;
	struct msg_verify_want want;
	void *data = NULL;
	off_t len = 0;
	int rc = 0;

	if (m->type == MSG_VERIFY_FILE) {
		int seals = fcntl(m->fds[0], F_GET_SEALS);

		len = lseek(m->fds[0], 0, SEEK_END);
		if (seals < 0 || (seals & SEALS) != SEALS || len < 0)
			rc = errinfo_set(&err, -EPERM, "not sealed");
		else if (len)
			data = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE,
				    m->fds[0], 0);
		if (data == MAP_FAILED)
			exit(EXIT_FAILURE);
	}
	if (!rc)
		rc = verify_image_file(
			m->id, m->type == MSG_VERIFY_FILE && !data ? "" : data,
			(size_t)len, &want, &found, &err);
	if (data)
		munmap(data, (size_t)len);
	image_step(m->id, rc, &want, &found, &err);
}

int proc_verify_run(const struct child_fds *fds)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r;

	verify.main = ipc_new(fds->peer[MSG_MAIN], MSG_VERIFY, MSG_MAIN, 0);
	if (!verify.main)
		return EXIT_FAILURE;
	must_send(ipc_post(verify.main, MSG_VERIFY_READY, 0, &verify.build));
	while ((r = ipc_recv(verify.main, &m, &err)) > 0) {
		if (m.type == MSG_VERIFY_DOC)
			on_doc(&m);
		else if (m.type == MSG_VERIFY_BLOB)
			on_blob(&m);
		else if (m.type == MSG_VERIFY_IMAGE)
			on_image(&m);
		else
			on_file(&m);
		ipc_close_fds(&m);
	}
	if (r != -EPIPE)
		log_err("%s", errinfo_text(&err, r));
	return EXIT_FAILURE;
}
