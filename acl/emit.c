/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit - lowered rules as nft text. Decides nothing.
 */
#include <stdio.h>
#include <string.h>

#include "emit.h"

#define RATE_SET_SIZE    65536
#define RATE_SET_TIMEOUT "10m"

const char *const acl_chain_names[ACL_CHAINS] = {
	[ACL_CHAIN_INPUT] = "input",
	[ACL_CHAIN_SEGMENT_INPUT] = "segment_input",
	[ACL_CHAIN_DOMU_INPUT] = "domu_input",
	[ACL_CHAIN_FORWARD] = "forward",
	[ACL_CHAIN_DOMU_FORWARD] = "domu_forward",
	[ACL_CHAIN_DOMU_REPLY] = "domu_reply",
	[ACL_CHAIN_OUTPUT] = "output",
	[ACL_CHAIN_SEGMENT_OUTPUT] = "segment_output",
	[ACL_CHAIN_DOMU_OUTPUT] = "domu_output",
	[ACL_CHAIN_POSTROUTING] = "postrouting",
};

/* Other interfaces are the owner's own firewall's, but nobody else forwards. */
static const char *const chain_hooks[ACL_CHAINS] = {
	[ACL_CHAIN_INPUT] = "filter hook input priority filter; policy accept",
	[ACL_CHAIN_FORWARD] = "filter hook forward priority filter; policy drop",
	[ACL_CHAIN_OUTPUT] = "filter hook output priority filter; policy accept",
	[ACL_CHAIN_POSTROUTING] =
		"nat hook postrouting priority srcnat; policy accept",
};

/* Sets and their elements */

/* `element ` with its comment; what nft would not take is left out of it. */
static void emit_comment(struct buf *out, const struct acl_rules *r, int line,
			 const char *name, const char *image)
{
	char text[ACL_COMMENT_MAX + 1];
	int n;

	if (!name)
		return;
	n = snprintf(text, sizeof(text), "%s:%d %s%s%s", r->facts_file, line,
		     name, image && *image ? " " : "", image ? image : "");
	if (n > ACL_COMMENT_MAX)
		snprintf(text, sizeof(text), "%s:%d %s", r->facts_file, line,
			 name);
	if (!strpbrk(text, "\"\n\\"))
		buf_addf(out, " comment \"%s\"", text);
}

static void emit_address(struct buf *out, uint32_t address)
{
	const uint32_t host[2] = { address, 32 };

	acl_emit_host(out, host);
}

static void emit_node(struct buf *out, const struct acl_rules *r,
		      const struct acl_node *n, int with_mac)
{
	char mac[PARSE_MAC_STR];

	format_mac(n->mac, mac);
	emit_address(out, n->address);
	if (with_mac)
		buf_addf(out, " . %s", mac);
	emit_comment(out, r, n->line, n->name, NULL);
}

static void emit_domu(struct buf *out, const struct acl_rules *r,
		      const struct acl_domu *d)
{
	emit_address(out, d->address);
	emit_comment(out, r, d->line, d->node, d->image);
}

/* Between the first element and the end of a list; nft knows no empty one. */
static void begin_element(struct buf *out, size_t *n)
{
	buf_adds(out, (*n)++ ? ",\n\t\t\t" : "\t\telements = {\n\t\t\t");
}

static void end_elements(struct buf *out, size_t n)
{
	buf_adds(out, n ? "\n\t\t}\n\t}\n\n" : "\t}\n\n");
}

static void emit_node_set(struct buf *out, const struct acl_rules *r,
			  const char *name, const char *type, int enrolled)
{
	int with_mac = strcmp(name, "node_addresses") != 0;
	size_t n = 0;

	buf_addf(out, "\tset %s {\n\t\ttypeof %s\n", name, type);
	for (size_t i = 0; i < r->n_nodes; i++) {
		if (enrolled && !r->nodes[i].enrolled)
			continue;
		begin_element(out, &n);
		emit_node(out, r, &r->nodes[i], with_mac);
	}
	end_elements(out, n);
}

/* All domUs, or those of one set. */
static void emit_domu_set(struct buf *out, const struct acl_rules *r,
			  const char *name, const struct acl_set *set)
{
	size_t n = 0;

	buf_addf(out, "\tset %s {\n\t\ttypeof ip saddr\n", name);
	if (set) {
		buf_adds(out, "\t\tcomment \"");
		acl_emit_place(out, r, set->of_policy, set->line);
		buf_adds(out, "\"\n");
	}
	for (size_t i = 0; i < r->n_domus; i++) {
		if (set && !acl_set_has(set, &r->domus[i]))
			continue;
		begin_element(out, &n);
		emit_domu(out, r, &r->domus[i]);
	}
	end_elements(out, n);
}

static void emit_hosts_set(struct buf *out, const struct acl_rules *r,
			   const struct acl_set *set)
{
	size_t n = 0;

	buf_addf(out,
		 "\tset %s {\n\t\ttypeof ip daddr\n\t\tflags interval\n"
		 "\t\tcomment \"",
		 set->name);
	acl_emit_place(out, r, set->of_policy, set->line);
	buf_adds(out, "\"\n");
	for (size_t i = 0; i < set->n; i++) {
		begin_element(out, &n);
		acl_emit_host(out, r->values[set->first + i]);
	}
	end_elements(out, n);
}

static void emit_set(struct buf *out, const struct acl_rules *r,
		     const struct acl_set *set)
{
	switch (set->kind) {
	case ACL_SET_DOMUS:
		emit_domu_set(out, r, set->name, set);
		break;
	case ACL_SET_HOSTS:
		emit_hosts_set(out, r, set);
		break;
	case ACL_SET_RATE:
		buf_addf(out,
			 "\tset %s {\n\t\ttypeof ip saddr\n\t\tsize %d\n"
			 "\t\tflags dynamic,timeout\n\t\ttimeout %s\n\t}\n\n",
			 set->name, RATE_SET_SIZE, RATE_SET_TIMEOUT);
		break;
	case ACL_SET_LIMIT:
		buf_addf(out, "\tlimit %s {\n\t\t", set->name);
		acl_emit_limit(out, &set->limit);
		buf_adds(out, "\n\t}\n\n");
		break;
	}
}

static void emit_chain(struct buf *out, const struct acl_rules *r,
		       enum acl_chain chain)
{
	int open = chain_hooks[chain] != NULL;

	if (open)
		buf_addf(out, "\tchain %s {\n\t\ttype %s;\n",
			 acl_chain_names[chain], chain_hooks[chain]);
	for (size_t i = 0; i < r->n_rules; i++) {
		if (r->rules[i].chain != chain)
			continue;
		if (!open)
			buf_addf(out, "\tchain %s {\n", acl_chain_names[chain]);
		open = 1;
		acl_emit_rule(out, r, &r->rules[i]);
	}
	if (open)
		buf_addf(out, "\t}\n%s",
			 chain == ACL_CHAIN_POSTROUTING ? "" : "\n");
}

char *acl_emit(const struct acl_rules *r)
{
	auto_buf struct buf out = BUF_INIT;

	buf_addf(&out,
		 "table inet %s\n"
		 "delete table inet %s\n"
		 "table inet %s {\n",
		 ACL_TABLE, ACL_TABLE, ACL_TABLE);
	emit_node_set(&out, r, "nodes", "ip saddr . ether saddr", 0);
	emit_node_set(&out, r, "node_addresses", "ip daddr", 0);
	emit_node_set(&out, r, "enrolled", "ip saddr . ether saddr", 1);
	emit_domu_set(&out, r, "domus", NULL);
	buf_addf(&out,
		 "\tset dropped {\n\t\ttypeof ip saddr\n\t\tsize %d\n"
		 "\t\tflags dynamic\n\t}\n\n",
		 RATE_SET_SIZE);
	for (size_t i = 0; i < r->n_sets; i++)
		emit_set(&out, r, &r->sets[i]);
	for (int i = 0; i < ACL_CHAINS; i++)
		emit_chain(&out, r, (enum acl_chain)i);
	buf_adds(&out, "}\n");
	return buf_take(&out);
}

/* Changes: nft deletes only what is there, so it is added first. */

static void emit_element(struct buf *out, const struct acl_rules *r,
			 const char *verb, const char *set,
			 const struct acl_change *c)
{
	buf_addf(out, "%s element inet %s %s { ", verb, ACL_TABLE, set);
	if (c->kind == ACL_ADD_DOMU || c->kind == ACL_DELETE_DOMU)
		emit_domu(out, r, &c->domu);
	else
		emit_node(out, r, &c->node, strcmp(set, "node_addresses") != 0);
	buf_adds(out, " }\n");
}

static void put(struct buf *out, const struct acl_rules *r, const char *set,
		const struct acl_change *c, int add)
{
	emit_element(out, r, "add", set, c);
	if (!add)
		emit_element(out, r, "delete", set, c);
}

static void put_node(struct buf *out, const struct acl_rules *r,
		     const struct acl_change *c, int add)
{
	int listed = c->kind == ACL_ADD_NODE || c->kind == ACL_DELETE_NODE;

	if (listed) {
		put(out, r, "nodes", c, add);
		put(out, r, "node_addresses", c, add);
	}
	if (!listed || !add)
		put(out, r, "enrolled", c, add);
}

char *acl_emit_changes(const struct acl_rules *r, const struct acl_change *c,
		       size_t n)
{
	auto_buf struct buf out = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		int add = c[i].kind == ACL_ADD_NODE ||
			  c[i].kind == ACL_ENROL_NODE ||
			  c[i].kind == ACL_ADD_DOMU;

		if (c[i].kind < ACL_ADD_DOMU) {
			put_node(&out, r, &c[i], add);
			continue;
		}
		put(&out, r, "domus", &c[i], add);
		for (size_t k = 0; k < r->n_sets; k++)
			if (r->sets[k].kind == ACL_SET_DOMUS)
				put(&out, r, r->sets[k].name, &c[i],
				    add && acl_set_has(&r->sets[k], &c[i].domu));
	}
	return buf_take(&out);
}
