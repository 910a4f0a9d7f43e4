/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot-http - the boot decision: a loader asks, the gateway decides for this
 * PC, now, and notes it. Whoever is not a PC of ours, at its own address, is
 * sent to its local disk and nothing is noted.
 */
#include <string.h>

#include "boot.h"
#include "clock.h"
#include "gateway.h"
#include "log.h"

/* A loader that asks again soon (a retry) belongs to the same boot. */
#define ONCE_HOLDS_MS 30000

static void reply_choice(struct gateway *gw, struct httpd_req *r,
			 enum boot_loader loader, enum boot_choice choice,
			 const struct release *release)
{
	auto_buf struct buf text = BUF_INIT;

	boot_text(loader, choice, release, gw->config->address_text, &text);
	if (text.rc)
		httpd_reply_error(r, 500, "out of memory");
	else
		httpd_reply_text(r, 200, "text/plain", text.data, text.len);
}

/* A one-shot that was used by an earlier boot is over. */
static void expire_once(struct node *n, int64_t now)
{
	if (!n->once_used_ms || now - n->once_used_ms < ONCE_HOLDS_MS)
		return;
	n->once_used_ms = 0;
	if (n->override >= NODE_ONCE_LOCAL)
		n->override = NODE_AS_CONFIGURED;
}

static enum boot_choice decide(struct gateway *gw, struct node *n,
			       const struct release **release)
{
	struct errinfo err = ERRINFO_INIT;
	int64_t now = clock_unix_ms();
	enum boot_choice choice;
	int once;

	expire_once(n, now);
	once = n->override >= NODE_ONCE_LOCAL;
	if (once && !n->once_used_ms)
		n->once_used_ms = now;
	choice = node_choice(n);
	n->granted_once = once && choice == BOOT_GRID;
	if (choice == BOOT_LOCAL)
		return choice;
	*release = release_get(&gw->release, gw->config->boot, &err);
	if (err.rc)
		log_warn("%s", errinfo_text(&err, err.rc));
	if (!*release) {
		log_err("%s: sent to its own disk: no release to boot",
			n->conf->name);
		return BOOT_LOCAL;
	}
	return choice;
}

static void note(struct gateway *gw, struct node *n, enum boot_loader loader,
		 enum boot_choice choice)
{
	int64_t now = clock_unix_ms();

	n->seen_ms = now;
	strcpy(n->firmware, boot_firmware(loader));
	if (choice == BOOT_GRID && n->state == NODE_ASKED) {
		gateway_node_save(gw, n); /* a retry of the loader */
		return;
	}
	node_forget_boot(n);
	gateway_node_state(gw, n, choice == BOOT_GRID ? NODE_ASKED : NODE_LOCAL);
	gateway_assign(gw);
}

static void handle(struct gateway *gw, struct httpd_req *r,
		   enum boot_loader loader)
{
	const struct release *release = NULL;
	uint8_t mac[PARSE_MAC_LEN];
	enum boot_choice choice;
	struct node *n;

	/* PXELINUX tries many names; "not found" sends it to the next. */
	if (boot_parse_mac(loader, httpd_param(r, 0), mac)) {
		httpd_reply_error(r, 404, "no MAC address");
		return;
	}
	n = gateway_node_by_mac(gw, mac);
	if (!n || !gateway_is_from(r, n)) {
		reply_choice(gw, r, loader, BOOT_LOCAL, NULL);
		return;
	}
	choice = decide(gw, n, &release);
	note(gw, n, loader, choice);
	reply_choice(gw, r, loader, choice, release);
}

void handle_boot_pxelinux(struct httpd_req *r, void *arg)
{
	handle(arg, r, BOOT_LOADER_PXELINUX);
}

void handle_boot_ipxe(struct httpd_req *r, void *arg)
{
	handle(arg, r, BOOT_LOADER_IPXE);
}

void handle_boot_uefi(struct httpd_req *r, void *arg)
{
	handle(arg, r, BOOT_LOADER_UEFI);
}
