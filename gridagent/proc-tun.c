/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tun - says who netdom is: its address, the gateway's, and the public half of
 * the tunnel's key, which is made here at netdom's boot and never leaves. No
 * tunnel is made of it yet.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "cleanup.h"
#include "fileio.h"
#include "ipc.h"
#include "log.h"
#include "parse.h"

_Static_assert(crypto_scalarmult_curve25519_BYTES == 32 &&
		       sodium_base64_ENCODED_LEN(32,
						 sodium_base64_VARIANT_ORIGINAL) ==
			       MSG_KEY_CHARS + 1,
	       "an X25519 key");

static struct {
	struct ipc *main;
	struct msg_tun_hello hello;
	uint8_t secret[32];
} tun;

/* The same key until netdom's end: the file is in its memory. */
static int key_load(const char *dir, struct errinfo *err)
{
	auto_free char *found = NULL;
	char path[4096];
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/tunnel.key", dir);
	rc = fileio_read(path, sizeof(tun.secret), &found, &len, NULL);
	if (!rc && len == sizeof(tun.secret)) {
		memcpy(tun.secret, found, len);
		return 0;
	}
	randombytes_buf(tun.secret, sizeof(tun.secret));
	return fileio_write_atomic(path, tun.secret, sizeof(tun.secret), 0600,
				   err);
}

int proc_tun_prepare(const struct options *o, struct errinfo *err)
{
	uint8_t public[32];
	int rc;

	if (sodium_init() < 0)
		return errinfo_set(err, -EIO, "libsodium does not start");
	rc = key_load(o->state_dir, err);
	if (rc)
		return rc;
	crypto_scalarmult_curve25519_base(public, tun.secret);
	sodium_bin2base64(tun.hello.key, sizeof(tun.hello.key), public,
			  sizeof(public), sodium_base64_VARIANT_ORIGINAL);
	if (parse_ipv4(o->address, &tun.hello.address) ||
	    parse_ipv4(o->gateway, &tun.hello.gateway))
		return errinfo_set(err, -EINVAL, "addresses");
	return 0;
}

int proc_tun_run(const struct child_fds *fds)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r;

	tun.main = ipc_new(fds->peer[MSG_MAIN], MSG_TUN, MSG_MAIN, 0);
	if (!tun.main || ipc_post(tun.main, MSG_TUN_HELLO, 0, &tun.hello))
		return EXIT_FAILURE;
	r = ipc_recv(tun.main, &m, &err); /* nobody has a word for it yet */
	if (r != -EPIPE)
		log_err("%s", errinfo_text(&err, r));
	return EXIT_FAILURE;
}
