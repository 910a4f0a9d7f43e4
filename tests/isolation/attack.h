/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack - all that root on a machine can think of, as a list.
 *
 * To each host named (and to groups), by every protocol: to its MAC, to
 * everybody's, by way of the next hop; in each other's name. Who sends the list
 * and who counts what came of it make it from the same words.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include "wire.h"

#define ATTACK_HOSTS_MAX 16
#define ATTACK_MAX       6000
#define ATTACK_BASE      10000 /* numbers of one sender; the last is its end */
#define ATTACK_END       (ATTACK_BASE - 1)

enum attack_way {
	ATTACK_DIRECT, /* to its MAC */
	ATTACK_ALL,    /* to everybody's MAC */
	ATTACK_ROUTED, /* to the next hop's MAC */
	ATTACK_AS,     /* in another's name: its address; and its MAC, too */
	ATTACK_AS_WHOLE,
};

enum attack_class {
	CLASS_TCP,
	CLASS_UDP,
	CLASS_ICMP,
	CLASS_DHCP,
	CLASS_IGMP,
	CLASS_OTHER_IP,
	CLASS_FRAGMENT,
	CLASS_OPTIONS,
	CLASS_ARP,
	CLASS_IP6,
	CLASS_TAG,
	CLASS_ETHERTYPE,
	ATTACK_CLASSES
};

struct attack_host {
	char name[16];
	uint32_t address;
	uint8_t mac[6]; /* everybody's where none was named */
};

struct attack {
	enum attack_class class;
	enum attack_way way;
	size_t to; /* host */
	struct wire_spec spec;
	int split; /* sent as two fragments */
};

struct attack_plan {
	struct attack_host me;
	size_t next; /* host; n_named: there is none */
	size_t n_named, n_hosts;
	struct attack_host host[ATTACK_HOSTS_MAX]; /* named ones, groups */
	size_t n;
	struct attack a[ATTACK_MAX];
};

/* Words: me=ADDRESS NAME=ADDRESS[/MAC]...; one NAME may be "next". 0, or -1:
 * a word is none of these, or there are too many. p->me.mac stays as it is. */
int attack_plan(int argc, char **argv, struct attack_plan *p);

const char *attack_class_name(enum attack_class c);

#endif
