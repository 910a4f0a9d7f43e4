/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - the words of the language, as tables.
 */
#include <string.h>

#include "cleanup.h"
#include "policy.h"

static const char *const who_names[ACL_NAMED] = {
	[ACL_ANY] = "any",           [ACL_DOMUS] = "domus",
	[ACL_NODES] = "nodes",       [ACL_OFFICE] = "office",
	[ACL_GATEWAY] = "gateway",   [ACL_CENTRAL] = "central",
	[ACL_INTERNET] = "internet",
};

static const struct {
	const char *name;
	unsigned int proto;
	int number; /* 0: the facts know */
} ports[ACL_PORT_NAMES] = {
	[ACL_PORT_TFTP] = { "tftp", ACL_UDP, 69 },
	[ACL_PORT_HTTP] = { "http", ACL_TCP, 80 },
	[ACL_PORT_CONTROL] = { "control", ACL_TCP, 443 },
	[ACL_PORT_REPO] = { "repo", ACL_TCP, 0 },
	[ACL_PORT_CAROUSEL] = { "carousel", ACL_UDP, 0 },
	[ACL_PORT_TUNNEL] = { "tunnel", ACL_UDP, 0 },
	[ACL_PORT_API] = { "api", ACL_TCP, 0 },
};

/* Days count as the kernel's do: Sunday is 0. */
static const struct {
	const char *name;
	unsigned int days;
} days[] = {
	{ "sun", 0x01 }, { "mon", 0x02 },      { "tue", 0x04 },
	{ "wed", 0x08 }, { "thu", 0x10 },      { "fri", 0x20 },
	{ "sat", 0x40 }, { "weekdays", 0x3e }, { "weekends", 0x41 },
};

static const struct {
	const char *name;
	unsigned int bit;
} protos[] = {
	{ "tcp", ACL_TCP },
	{ "udp", ACL_UDP },
	{ "icmp", ACL_ICMP },
};

const char *acl_who_name(enum acl_kind who)
{
	return who_names[who];
}

int acl_who_find(const char *word)
{
	for (int i = 0; i < ACL_NAMED; i++)
		if (strcmp(who_names[i], word) == 0)
			return i;
	return -1;
}

const char *acl_port_name(enum acl_port port)
{
	return ports[port].name;
}

int acl_port_find(const char *word)
{
	for (int i = 0; i < ACL_PORT_NAMES; i++)
		if (strcmp(ports[i].name, word) == 0)
			return i;
	return -1;
}

unsigned int acl_port_proto(enum acl_port port)
{
	return ports[port].proto;
}

int acl_port_number(enum acl_port port, const struct acl_facts *f)
{
	switch (port) {
	case ACL_PORT_REPO:
		return f->repo.port;
	case ACL_PORT_CAROUSEL:
		return f->carousel.port;
	case ACL_PORT_TUNNEL:
		return f->tunnel.port;
	case ACL_PORT_API:
		return f->central.port;
	default:
		return ports[port].number;
	}
}

const char *acl_day_name(int day)
{
	return days[day].name;
}

unsigned int acl_days_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(days); i++)
		if (strcmp(days[i].name, word) == 0)
			return days[i].days;
	return 0;
}

const char *acl_proto_name(unsigned int bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].bit == bit)
			return protos[i].name;
	return "any";
}

unsigned int acl_proto_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (strcmp(protos[i].name, word) == 0)
			return protos[i].bit;
	return 0;
}
