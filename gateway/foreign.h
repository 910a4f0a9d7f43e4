/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign - DHCP and PXE servers on the segment that are not ours.
 *
 * Whoever answers a PC first owns what it boots, so an operator must hear of
 * everybody who would. A process of its own asks as a PC would, again and
 * again, and listens; it has a raw socket and no other right, and holds no key
 * of ours. Our own dnsmasq does not hear what this machine itself sends.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <jansson.h>

#include "errinfo.h"

struct gateway;
struct foreign;

/* A segment that cannot be listened to is not a reason to stop: it is said in
 * the log, and tried again. */
int foreign_start(struct gateway *gw, struct errinfo *err);
void foreign_stop(struct gateway *gw);
/* [{"address", "mac", "server", "dhcp", "boot", "file", "first_ms",
 * "seen_ms"}] (docs/protocol.md); never NULL. */
json_t *foreign_to_json(const struct gateway *gw);
/* null, or a sentence: why nobody listens. New reference. */
json_t *foreign_trouble(const struct gateway *gw);

/* foreign-probe.c: the process. Its socket is 3, what it hears goes to 4 as
 * struct dhcp_answer, one a message. Returns the exit status. */
int foreign_probe(const char *every_text, const char *mac_text);
/* A raw socket that hears what DHCP servers say on an interface, and sends. */
int foreign_probe_socket(const char *ifname, struct errinfo *err);

#define FOREIGN_PROBE_SOCKET 3
#define FOREIGN_PROBE_OUT    4

#endif
