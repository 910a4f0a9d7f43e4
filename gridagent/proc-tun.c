/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tun - netdom's network: its walls, the vifs of domUs, the tunnel they lead
 * into. The tunnel's key is made here, at netdom's boot, and never leaves: dom0
 * learns its public half.
 *
 * It may do all that root may with netdom's network and nothing else; what
 * netdom as a whole may do, dom0's own walls say.
 */
#include <errno.h>
#include <poll.h>
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
#include "tun-net.h"
#include "tun-vifs.h"
#include "walls-facts.h"
#include "wg.h"

_Static_assert(crypto_scalarmult_curve25519_BYTES == 32 &&
		       sodium_base64_ENCODED_LEN(32,
						 sodium_base64_VARIANT_ORIGINAL) ==
			       MSG_KEY_CHARS + 1,
	       "an X25519 key");

static struct {
	struct ipc *main;
	struct msg_tun_hello hello;
	uint8_t secret[32];
	struct walls_lan lan;
	struct tun_vifs *vifs;
} tun;

#define NIC "eth0"

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

/* One transaction: those domUs that are up stay so. */
static int load_walls(struct errinfo *err)
{
	auto_buf struct buf text = BUF_INIT;
	const struct walls_vif *up = NULL;
	size_t n = 0;
	int rc;

	if (tun.vifs)
		up = tun_vifs_list(tun.vifs, &n);
	rc = walls_netdom(&tun.lan, up, n, &text, err);
	return rc ? rc : walls_load(text.data, err);
}

static int walls_begin(const struct options *o, struct errinfo *err)
{
	auto_free char *mac = NULL;

	if (fileio_read("/sys/class/net/" NIC "/address", 64, &mac, NULL, err))
		return -ENODEV;
	mac[strcspn(mac, "\n")] = '\0';
	if (parse_mac(mac, tun.lan.mac))
		return errinfo_set(err, -EINVAL, NIC ": no MAC");
	tun.lan.nic = NIC;
	tun.lan.http_port = (uint16_t)o->http_port;
	tun.lan.https_port = 443;
	tun.lan.repo_port = 8080;
	tun.lan.address = tun.hello.address;
	return load_walls(err);
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
	rc = walls_begin(o, err);
	if (!rc)
		rc = tun_net_rules(err);
	if (rc)
		return rc;
	tun.vifs = tun_vifs_new(err);
	return tun.vifs ? 0 : err->rc;
}

static int done(uint32_t id, int rc, const struct errinfo *err)
{
	struct msg_tun_done d = { .rc = rc };
	const char *text = rc ? errinfo_text(err, rc) : "";

	if (rc)
		log_err("%s", text);
	log_quote(d.text, sizeof(d.text), text, strlen(text));
	return ipc_post(tun.main, MSG_TUN_DONE, id, &d);
}

static int on_walls(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;

	walls_facts(&tun.lan, m->body);
	return done(m->id, load_walls(&err), &err);
}

static int open_tunnel(const struct msg_tun_peer *q, struct errinfo *err)
{
	struct wg_peer peer = { .endpoint = q->gateway,
				.endpoint_port = (uint16_t)q->port,
				.keepalive_sec = (uint16_t)q->keepalive_sec };
	struct wg *wg;
	int rc;

	if (wg_key_parse(q->key, peer.key))
		return errinfo_set(err, -EINVAL, "the gateway's key is none");
	rc = wg_open(WALLS_TUNNEL, NULL, &wg, err);
	if (rc)
		return rc;
	rc = wg_set_key(wg, tun.secret, 0, err);
	if (!rc)
		rc = wg_set_peers(wg, &peer, 1, err);
	if (!rc)
		rc = wg_up(wg, WALLS_TUNNEL_MTU, err);
	wg_close(wg);
	return rc ? rc : tun_net_default(WALLS_TUNNEL, err);
}

/* Another gateway's key takes the range from the one before it. */
static int on_peer(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;

	return done(m->id, open_tunnel(m->body, &err), &err);
}

static int on_main(void)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r = ipc_recv(tun.main, &m, &err);

	if (r == -EPROTO)
		log_err("%s", errinfo_text(&err, r));
	if (r <= 0)
		return r;
	if (m.type == MSG_TUN_WALLS)
		return on_walls(&m);
	return m.type == MSG_TUN_PEER ? on_peer(&m) : 0;
}

int proc_tun_run(const struct child_fds *fds)
{
	struct pollfd p[2];
	int again;

	tun.main = ipc_new(fds->peer[MSG_MAIN], MSG_TUN, MSG_MAIN, 0);
	if (!tun.main || ipc_post(tun.main, MSG_TUN_HELLO, 0, &tun.hello))
		return EXIT_FAILURE;
	p[0] = (struct pollfd){ ipc_fd(tun.main), POLLIN, 0 };
	p[1] = (struct pollfd){ tun_vifs_fd(tun.vifs), POLLIN, 0 };
	for (;;) {
		again = tun_vifs_dispatch(tun.vifs);
		if (poll(p, 2, again) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		if (p[0].revents && on_main())
			return EXIT_FAILURE;
	}
}
