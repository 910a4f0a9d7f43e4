/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment - the segment statement: who the gateway is, where, and what time it
 * is, to anybody who asks.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "gateway.h"
#include "hash.h"
#include "parse.h"

#define HTTPS_PORT 443

int gateway_mac(const struct gateway *gw, char out[PARSE_MAC_STR])
{
	static const uint8_t none[PARSE_MAC_LEN];
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };

	strcpy(req.ifr_name, gw->config->interface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &req))
		return -errno;
	if (!memcmp(req.ifr_hwaddr.sa_data, none, sizeof(none)))
		return -EINVAL;
	format_mac((const uint8_t *)req.ifr_hwaddr.sa_data, out);
	return 0;
}

/* Nodes speak to this address at this card and to nothing else from then on. */
static void say_place(const struct gateway *gw, json_t *segment)
{
	char mac[PARSE_MAC_STR];

	json_object_set_new(segment, "gateway_address",
			    json_string(gw->config->address_text));
	if (!gateway_mac(gw, mac))
		json_object_set_new(segment, "gateway_mac", json_string(mac));
}

void handle_segment(struct httpd_req *r, void *arg)
{
	struct gateway *gw = arg;
	const char *nonce = httpd_query(r, "nonce");
	const char *from = httpd_header(r, "X-Real-IP");
	uint32_t addr;
	json_t *body;

	if (!nonce || !hash_is_hex(nonce)) {
		httpd_reply_error(r, 400, "nonce is not 64 hex digits");
		return;
	}
	/* Not signed: the address is all there is, so only a state that this
	 * would bring forward is changed. */
	for (size_t i = 0; from && !parse_ipv4(from, &addr) && i < gw->n_nodes;
	     i++) {
		struct node *n = gw->nodes[i];

		if (n->conf->address == addr &&
		    (n->state < NODE_DOM0 || n->state == NODE_LOST))
			gateway_node_state(gw, n, NODE_DOM0);
	}
	body = json_pack("{s:s, s:s, s:I, s:s, s:i}", "segment",
			 gw->config->segment, "nonce", nonce, "time_ms",
			 (json_int_t)clock_unix_ms(), "tls_pin", gw->pin,
			 "https_port", HTTPS_PORT);
	say_place(gw, body);
	gateway_say_repo(gw, body);
	gateway_reply_signed(gw, r, "segment", body);
}
