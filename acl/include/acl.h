/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl - who may talk to whom on a segment: a policy language (acl(5)) and its
 * way to the kernel.
 *
 *	text --parse--> acl_policy --check, lower--> acl_rules --emit--> nft text
 *	                                                  \--apply--> the kernel
 *
 *	struct acl_policy *p = acl_policy_load("policy.conf");
 *	struct acl_rules *r;
 *
 *	rc = acl_compile(p, &facts, &r, &err);	// problems stay with p
 *	rc = acl_apply(r, &err);		// one transaction
 *	rc = acl_change(r, changes, n, &err);	// nodes and domUs come and go
 *
 * The policy says what the owner wants; the facts say what this segment is.
 * Around the policy's lines stand floors that come from the facts alone:
 *
 *	no IPv6; nothing invalid; a node reaches the named services of its
 *	gateway and nothing else, and only the tunnel and DHCP reach a node;
 *	a domU never reaches the segment, another domU, or the gateway's own
 *	services; nobody opens a connection to a domU; the rest is dropped.
 *
 * A line that asks for what a floor forbids is an error with its place. The
 * first line that matches decides, for each packet anew: a connection ends
 * when its line goes, or its hours.
 *
 * What is loaded: table inet nightshift. Each rule counts and has a comment:
 *
 *	"FILE:LINE"		what that line passes or blocks
 *	"FILE:LINE reply"	the answers to it
 *	"FILE:LINE over"	what its rate left over, dropped
 *	"FILE:LINE log"		logs only, decides nothing
 *
 * FILE is the policy's or, for floors, the facts' file. Sets in the table:
 *
 *	nodes			ip saddr . ether saddr	"FILE:LINE NAME"
 *	node_addresses		ip daddr		"FILE:LINE NAME"
 *	enrolled		those of nodes that have a lease
 *	domus			ip saddr		"FILE:LINE NAME IMAGE"
 *	domus_LINE		domUs of that line's `of image`, `on node`
 *	table_NAME, not_internet, rate_LINE
 *	dropped			ip saddr of nodes and domUs, with counters: what
 *				no line let through
 *
 * Policies and rules belong to one thread at a time; nothing is shared between
 * objects. The library is silent. Functions down to acl_default need libacl,
 * those that speak with the kernel libacl-nft as well.
 */
#ifndef ACL_H
#define ACL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "errinfo.h"
#include "parse.h"

#define ACL_TABLE         "nightshift"  /* family inet */
#define ACL_POLICY_MAX    (1024 * 1024) /* bytes of text */
#define ACL_PROBLEMS_MAX  50            /* more are counted, not kept */
#define ACL_COMMENT_MAX   127           /* nft's own limit */
#define ACL_COMMENT_REPLY "reply"
#define ACL_COMMENT_OVER  "over"
#define ACL_COMMENT_LOG   "log"

/* Facts. Everything in them is borrowed and only read; acl_compile keeps no
 * pointer to it. */

struct acl_node {
	const char *name;
	uint32_t address; /* host byte order, as parse_ipv4 */
	uint8_t mac[PARSE_MAC_LEN];
	int line;     /* of the facts' file, 0: none */
	int enrolled; /* it reaches more than it needs to boot and enrol: the
		       * repository's port, the carousel, the tunnel */
};

/* A domU that may talk now. Several may have one node. */
struct acl_domu {
	uint32_t address;
	const char *node;  /* name */
	const char *image; /* "batch/stable"; NULL or "": unknown, in no
			    * `of image` but in all `domus` */
	int line;
};

/* A service of ours and where it is configured; port 0: there is none. */
struct acl_service {
	int port, line;
};

struct acl_facts {
	const char *file;      /* its name, for comments: "nightshift.conf" */
	const char *segment;   /* name */
	const char *interface; /* that leads to the nodes */
	int interface_line;
	uint32_t address; /* the gateway's, on interface */
	unsigned int prefix;
	int address_line;
	/* domUs' packets come out of this interface. "" or NULL: there is no
	 * tunnel, they come from `interface` (nodes without a netdom). */
	const char *tunnel_interface;
	uint32_t domu_base; /* the addresses domUs may have */
	unsigned int domu_prefix;
	int domu_line;
	uint32_t central_address;
	struct acl_service central;  /* TCP, `port api` */
	struct acl_service repo;     /* TCP, `port repo`, beside 80 and 443 */
	struct acl_service carousel; /* UDP, `port carousel` */
	struct acl_service tunnel;   /* UDP, `port tunnel` */
	const struct acl_node *nodes;
	size_t n_nodes;
	const struct acl_domu *domus;
	size_t n_domus;
	/* Local time less UTC, acl_utc_offset(): the kernel compares hours in
	 * UTC. When it changes (summer time), compile and apply again. */
	int utc_offset_sec;
};

/* Of the zone of this process (TZ, /etc/localtime) at that time. */
int acl_utc_offset(time_t now);

/* Policy */

struct acl_policy; /* owns its text, lines and problems */

/*
 * Parses. Always returns an object unless out of memory (NULL); ask
 * acl_policy_errors before use. name is for messages, its last part for
 * comments. acl_policy_load reads the file; that it cannot be read is a
 * problem of the object too. acl_policy_default is what a segment has whose
 * owner wrote none: domUs reach the central's API, nothing else.
 */
struct acl_policy *acl_policy_parse(const char *name, const char *text,
				    size_t len);
struct acl_policy *acl_policy_load(const char *path);
struct acl_policy *acl_policy_default(void);
void acl_policy_free(struct acl_policy *p);

struct acl_problem {
	int line, col; /* from 1; 0: of no place */
	int warning;   /* the policy may be used all the same */
	char *text;    /* one line */
};

/* Errors, without warnings. */
int acl_policy_errors(const struct acl_policy *p);
/* The i-th problem, by their places; NULL past the last. */
const struct acl_problem *acl_policy_problem(const struct acl_policy *p,
					     size_t i);
/* "file:line:col: text", the line and a caret under its place, without the
 * last newline; caller frees. NULL: out of memory. */
char *acl_problem_text(const struct acl_policy *p, const struct acl_problem *b);

/* Name as given; the text of line n (from 1) without its newline, *len_out
 * bytes that are not terminated, or NULL. */
const char *acl_policy_name(const struct acl_policy *p);
const char *acl_policy_line(const struct acl_policy *p, int n, size_t *len_out);

/* Canonical form: macros replaced, one spelling. Parses to the same policy;
 * caller frees. NULL: out of memory. */
char *acl_policy_print(const struct acl_policy *p);

/* The i-th statement of it, tables first, on one line, and the line of the
 * policy where it stands; caller frees the text. -ENOENT past the last,
 * -ENOMEM. */
int acl_policy_statement(const struct acl_policy *p, size_t i, int *line_out,
			 char **text_out);

/* Rules */

struct acl_rules; /* a policy and the facts, lowered; owns all it needs */

/*
 * Checks the policy against the facts and lowers it. 0, -EINVAL (the policy
 * has errors, *err has the first one), -ENOMEM. May be called again with
 * other facts: problems of an earlier check are forgotten.
 */
int acl_compile(struct acl_policy *p, const struct acl_facts *facts,
		struct acl_rules **out, struct errinfo *err);
/* The check alone: number of errors. facts NULL: as far as one can tell
 * without. */
int acl_check(struct acl_policy *p, const struct acl_facts *facts);
void acl_rules_free(struct acl_rules *r);

/* nft text that replaces the table in one transaction (add, delete, define);
 * the same for the same policy and facts. Caller frees; NULL: out of memory. */
char *acl_emit(const struct acl_rules *r);

/* Changes of sets, in order. */
enum acl_change_kind {
	ACL_ADD_NODE,
	ACL_DELETE_NODE,
	ACL_ENROL_NODE,
	ACL_DISMISS_NODE,
	ACL_ADD_DOMU,
	ACL_DELETE_DOMU,
};

struct acl_change {
	enum acl_change_kind kind;
	struct acl_node node; /* to delete: address and mac are enough */
	struct acl_domu domu; /* to delete: the address is enough */
};

/* nft text of the changes; deleting what is not there is no error, adding
 * what is there changes nothing but the sets of its image. */
char *acl_emit_changes(const struct acl_rules *r, const struct acl_change *c,
		       size_t n);

/* Text of the policy of acl_policy_default. */
extern const char acl_default[];

/* The kernel (libacl-nft). Needs CAP_NET_ADMIN in the network namespace. */

/* Runs nft text in one transaction: all of it or nothing. dry_run: only asks
 * libnftables whether it would. -EINVAL with its words, -EPERM. */
int acl_nft_run(const char *text, int dry_run, struct errinfo *err);

/* acl_emit, acl_emit_changes and acl_nft_run. Counters go on: a rule of the
 * same chain, conditions and verdict as one that is loaded begins with what
 * that one counted, but for packets of the moment in between. */
int acl_apply(const struct acl_rules *r, struct errinfo *err);
int acl_change(const struct acl_rules *r, const struct acl_change *c, size_t n,
	       struct errinfo *err);

/* What is loaded now, as nft text that restores it with its elements (or its
 * absence). Hours are written and read in the zone of this process; TZ=UTC
 * keeps them what they are. Caller frees. */
int acl_nft_save(char **text_out, struct errinfo *err);

/* The domUs that are in the loaded set, for facts that keep them; a name or
 * image that its comment does not tell is "". Caller frees the array, with all
 * it points to, with free(). -ENOENT: no such set. */
int acl_nft_domus(struct acl_domu **out, size_t *n_out, struct errinfo *err);

/* Addresses of the nodes in the loaded set enrolled. The same. */
int acl_nft_enrolled(uint32_t **out, size_t *n_out, struct errinfo *err);

/* One comment of the loaded rules with the sums of their counters. */
struct acl_count {
	char comment[ACL_COMMENT_MAX + 1]; /* FILE:LINE */
	uint64_t packets, bytes;           /* decided by it */
	uint64_t reply_packets, reply_bytes;
	uint64_t over_packets, over_bytes;
};

/* In the order of their first rule; caller frees with free(). -ENOENT: no
 * such table. */
int acl_counts(struct acl_count **out, size_t *n_out, struct errinfo *err);

/* What one node or domU lost at the walls since they were loaded. */
struct acl_dropped {
	uint32_t address;
	uint64_t packets, bytes;
};

/* In no order; caller frees with free(). -ENOENT: no such table. */
int acl_dropped(struct acl_dropped **out, size_t *n_out, struct errinfo *err);

#endif
