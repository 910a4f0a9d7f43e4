/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - a parsed policy: lines of lists of items.
 *
 * All lists lie in one array of the policy and are named by where they begin:
 * parsing may move the array.
 */
#ifndef ACL_POLICY_H
#define ACL_POLICY_H

#include "acl.h"

enum acl_kind {
	/* Who: the order is that of the table in names.c. */
	ACL_ANY,
	ACL_DOMUS,
	ACL_NODES,
	ACL_OFFICE,
	ACL_GATEWAY,
	ACL_CENTRAL,
	ACL_INTERNET,
	ACL_NAMED,              /* how many have a name */
	ACL_PREFIX = ACL_NAMED, /* a: address, b: length */
	ACL_TABLE_REF,          /* a: place in tables, text: its name */
	/* What else stands in lists. */
	ACL_PATTERN,   /* text */
	ACL_PORTS,     /* a to b */
	ACL_PORT_NAME, /* a: enum acl_port */
};

/* Ports that the facts know. */
enum acl_port {
	ACL_PORT_TFTP,
	ACL_PORT_HTTP,
	ACL_PORT_CONTROL,
	ACL_PORT_REPO,
	ACL_PORT_CAROUSEL,
	ACL_PORT_TUNNEL,
	ACL_PORT_API,
	ACL_PORT_NAMES,
};

/* Protocols, as bits. None: any. */
#define ACL_TCP  1U
#define ACL_UDP  2U
#define ACL_ICMP 4U /* echo requests only */

struct acl_item {
	enum acl_kind kind;
	uint32_t a, b;
	const char *text;
	int line, col;
};

struct acl_list {
	size_t first, n;
};

struct acl_end {
	int line, col;
	int negated; /* prefixes and tables only */
	struct acl_list who;
	/* Of domus only, patterns; none: any. */
	struct acl_list images, nodes;
};

enum acl_rate_unit {
	ACL_RATE_NONE,
	ACL_RATE_PACKETS,
	ACL_RATE_CONNECTIONS,
	ACL_RATE_BYTES,
};

struct acl_rate {
	enum acl_rate_unit unit;
	uint64_t value;     /* for BYTES: in a second */
	const char *per;    /* "second", "minute", "hour" */
	unsigned int burst; /* 0: nft's default */
	int each;           /* for each source address */
	int line, col;
};

/* Local time. A window that ends before it begins goes over midnight and
 * belongs to the day it begins on. */
struct acl_hours {
	unsigned int days;    /* bit 0: Sunday; 0: every day */
	int from_min, to_min; /* both 0: all day */
	int line, col;        /* line 0: at any time */
};

struct acl_line {
	int line, col;
	int pass; /* or block */
	struct acl_end from, to;
	unsigned int protos;
	int protos_line, protos_col;
	struct acl_list ports;
	struct acl_hours hours;
	struct acl_rate rate;
	int log;
	struct acl_list segments; /* patterns; none: any */
	int block;                /* which segment { } it stands in; 0: none */
};

struct acl_table {
	const char *name;
	struct acl_list hosts; /* prefixes */
	int line, col, used;
};

struct acl_policy {
	char *name;       /* as given */
	const char *base; /* its last part */
	char *text;
	size_t len;
	struct acl_item *items;
	size_t n_items;
	struct acl_line *lines;
	size_t n_lines;
	struct acl_table *tables;
	size_t n_tables;
	char **strings; /* that items point to */
	size_t n_strings;
	struct acl_problem *problems;
	size_t n_problems, n_parse_problems; /* what parsing found, for good */
	int errors, parse_errors;
	int oom;
};

/* policy.c: making and filling it. They return NULL or -1 and set oom when
 * memory is out. */
struct acl_policy *acl_policy_new(const char *name, const char *text, size_t len);
const char *acl_policy_string(struct acl_policy *p, const char *text);
/* Adds it to the list, which is the policy's last or empty. */
int acl_policy_add(struct acl_policy *p, struct acl_list *list,
		   const struct acl_item *item);
struct acl_line *acl_policy_add_line(struct acl_policy *p);
struct acl_table *acl_policy_add_table(struct acl_policy *p);
const struct acl_item *acl_policy_items(const struct acl_policy *p,
					const struct acl_list *list);

/* problem.c */
void acl_policy_error(struct acl_policy *p, int line, int col, const char *fmt,
		      ...) __attribute__((format(printf, 4, 5)));
void acl_policy_warn(struct acl_policy *p, int line, int col, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));
void acl_policy_forget(struct acl_policy *p); /* what acl_check found */

/* parse.c */
void acl_parse(struct acl_policy *p);

/* names.c: words of the language. */
const char *acl_who_name(enum acl_kind who);
int acl_who_find(const char *word); /* enum acl_kind or -1 */
const char *acl_port_name(enum acl_port port);
int acl_port_find(const char *word); /* enum acl_port or -1 */
unsigned int acl_port_proto(enum acl_port port);
/* 0: this segment has no such service. */
int acl_port_number(enum acl_port port, const struct acl_facts *f);
const char *acl_day_name(int day);            /* 0: "sun" */
unsigned int acl_days_find(const char *word); /* bits, 0: no such word */
const char *acl_proto_name(unsigned int bit);
unsigned int acl_proto_find(const char *word); /* a bit, or 0 */

#endif
