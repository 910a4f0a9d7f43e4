/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules - a policy and the facts of a segment, lowered: chains of rules, each
 * a list of matches and a verdict, and sets. What emit writes down as it is.
 */
#ifndef ACL_RULES_H
#define ACL_RULES_H

#include "policy.h"

enum acl_chain {
	ACL_CHAIN_INPUT,
	ACL_CHAIN_SEGMENT_INPUT, /* to the gateway, from the segment */
	ACL_CHAIN_DOMU_INPUT,    /* to the gateway, out of the tunnel */
	ACL_CHAIN_FORWARD,
	ACL_CHAIN_DOMU_FORWARD, /* from a domU to the world */
	ACL_CHAIN_DOMU_REPLY,   /* and back */
	ACL_CHAIN_OUTPUT,
	ACL_CHAIN_SEGMENT_OUTPUT,
	ACL_CHAIN_DOMU_OUTPUT,
	ACL_CHAIN_POSTROUTING,
	ACL_CHAINS,
};

enum acl_match_kind {
	ACL_MATCH_IF, /* text; dst: going out */
	ACL_MATCH_IPV6,
	ACL_MATCH_STATE, /* bits: ACL_STATE_* */
	ACL_MATCH_NODE,  /* ip saddr . ether saddr @nodes, or the set text */
	ACL_MATCH_SET,   /* address in the set of name text */
	ACL_MATCH_HOSTS, /* address in values: address, length */
	ACL_MATCH_PROTO, /* bits: ACL_TCP | ... */
	ACL_MATCH_PORTS, /* values: from, to; bits: protocols */
	ACL_MATCH_ICMP,  /* bits: ACL_ICMP_* */
	ACL_MATCH_DAYS,  /* bits, 0x01: Sunday, of UTC */
	ACL_MATCH_SECS,  /* values: from, to, both in; of UTC's day */
};

#define ACL_STATE_INVALID     1U
#define ACL_STATE_NEW         2U
#define ACL_STATE_ESTABLISHED 4U
#define ACL_STATE_RELATED     8U

#define ACL_ICMP_ECHO_REQUEST 1U
#define ACL_ICMP_ECHO_REPLY   2U
#define ACL_ICMP_UNREACHABLE  4U
#define ACL_ICMP_TIME         8U

struct acl_match {
	enum acl_match_kind kind;
	int dst; /* destination address, port, output interface */
	int negated;
	unsigned int bits;
	const char *text;
	size_t first, n; /* pairs in values */
};

enum acl_verdict {
	ACL_VERDICT_NONE, /* goes on: it only logs */
	ACL_VERDICT_ACCEPT,
	ACL_VERDICT_DROP,
	ACL_VERDICT_GOTO,
	ACL_VERDICT_MASQUERADE,
};

struct acl_limit {
	enum acl_rate_unit unit; /* NONE: no limit; CONNECTIONS as packets */
	int over; /* matches what is beyond, else what is within */
	uint64_t value;
	const char *per;
	unsigned int burst;
};

#define ACL_MATCHES_MAX 8

struct acl_rule {
	enum acl_chain chain;
	struct acl_match m[ACL_MATCHES_MAX];
	size_t n;
	struct acl_limit limit; /* in the rule itself */
	const char *rate;       /* or the line's, by name; NULL: none */
	enum acl_verdict verdict;
	enum acl_chain target; /* of a goto */
	int count_source; /* in the set `dropped`: the next rule drops it */
	int log;
	int of_policy; /* line is the policy's, not the facts' */
	int line;
	const char *note; /* ACL_COMMENT_*, or NULL */
};

enum acl_set_kind {
	ACL_SET_HOSTS, /* prefixes: values */
	ACL_SET_DOMUS, /* domUs that its patterns fit */
	ACL_SET_RATE,  /* the kernel fills it: the limit for each address */
	ACL_SET_LIMIT, /* no set but the limit itself, by name */
};

struct acl_set {
	const char *name;
	enum acl_set_kind kind;
	size_t first, n;        /* values */
	char **images, **nodes; /* patterns, NULL at the end; NULL: any */
	struct acl_limit limit;
	int of_policy, line;
};

struct acl_rules {
	const char *policy_file, *facts_file;
	const char *segment;
	const char *interface, *tunnel; /* tunnel: NULL if there is none */
	struct acl_rule *rules;
	size_t n_rules;
	struct acl_set *sets;
	size_t n_sets;
	uint32_t (*values)[2];
	size_t n_values;
	struct acl_node *nodes;
	size_t n_nodes;
	struct acl_domu *domus;
	size_t n_domus;
	char **strings;
	size_t n_strings;
	int oom;
};

/* rules.c: making and filling it; what fails sets oom. */
struct acl_rules *acl_rules_new(const struct acl_policy *p,
				const struct acl_facts *f);
const char *acl_rules_string(struct acl_rules *r, const char *text);
void acl_rules_add(struct acl_rules *r, const struct acl_rule *rule);
struct acl_set *acl_rules_add_set(struct acl_rules *r, const struct acl_set *set);
const struct acl_set *acl_rules_find_set(const struct acl_rules *r,
					 const char *name);
size_t acl_rules_value(struct acl_rules *r, uint32_t a, uint32_t b);

/* Add a match to a rule. */
void acl_match_if(struct acl_rule *rule, int out, int negated, const char *name);
void acl_match_state(struct acl_rule *rule, unsigned int bits);
void acl_match_node(struct acl_rule *rule, int negated);
void acl_match_enrolled(struct acl_rule *rule);
void acl_match_set(struct acl_rule *rule, int dst, int negated, const char *name);
void acl_match_host(struct acl_rules *r, struct acl_rule *rule, int dst,
		    int negated, uint32_t address, unsigned int len);
void acl_match_port(struct acl_rules *r, struct acl_rule *rule, int dst,
		    unsigned int proto, int port);
void acl_match_bits(struct acl_rule *rule, enum acl_match_kind kind,
		    unsigned int bits);

/* Does a domU belong to that set? */
int acl_set_has(const struct acl_set *set, const struct acl_domu *domu);

/* lower.c, floor.c: the lines of the policy, into their chains; the floors
 * around them. */
void acl_lower_lines(struct acl_rules *r, const struct acl_policy *p,
		     const struct acl_facts *f);
void acl_floor_before(struct acl_rules *r, const struct acl_facts *f);
void acl_floor_after(struct acl_rules *r, const struct acl_facts *f);

/* hours.c: local hours as windows of UTC's days. */
#define ACL_WINDOWS_MAX 16
struct acl_window {
	unsigned int days; /* bit 0: Sunday; 0x7f: every day */
	uint32_t from, to; /* seconds of the day, both in */
};
/* Number of windows in out. */
size_t acl_hours_windows(const struct acl_hours *h, int utc_offset_sec,
			 struct acl_window out[ACL_WINDOWS_MAX]);

/* check.c: does this line stand for this segment? */
int acl_line_applies(const struct acl_policy *p, const struct acl_line *l,
		     const char *segment);
/* check-order.c: warns of lines that never decide. */
void acl_check_order(struct acl_policy *p);

#endif
