/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove - the claims, and a packet for each that does not hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl-prove-node.h"
#include "cleanup.h"
#include "judge.h"

#define PROOFS_MAX 4 /* the gateway's, and the parts of a node */

struct proofs {
	struct acl_proof p[PROOFS_MAX];
	struct nftmodel *m[PROOFS_MAX]; /* what they point into */
	size_t n, broken;
};

static json_t *claim_json(const struct acl_claim *c)
{
	static const char *const ways[] = { "input", "forward", "output" };
	json_t *o = json_pack("{s:s, s:s, s:s, s:b}", "name", c->name, "claim",
			      c->words, "way", ways[c->way], "holds", c->holds);
	json_t *rules = json_array();

	if (c->holds) {
		json_decref(rules);
		return o;
	}
	for (size_t i = 0; i < c->n_steps; i++)
		json_array_append_new(rules, acl_rule_json(c->steps[i].rule));
	json_object_set_new(o, "packet", acl_packet_json(&c->packet));
	json_object_set_new(o, "maybe", json_boolean(c->maybe));
	json_object_set_new(o, "rules", rules);
	return o;
}

static int print_json(const struct proofs *all)
{
	json_t *claims = json_array();
	size_t rules = 0;

	for (size_t k = 0; k < all->n; k++) {
		rules += all->p[k].n_rules;
		for (size_t i = 0; i < all->p[k].n_claims; i++)
			json_array_append_new(claims,
					      claim_json(&all->p[k].claims[i]));
	}
	return tool_print_json(json_pack("{s:b, s:i, s:o}", "proved", !all->broken,
					 "rules", (int)rules, "claims", claims));
}

static void print_counterexample(const struct acl_claim *c)
{
	auto_buf struct buf b = BUF_INIT;

	acl_packet_text(&c->packet, &b);
	printf("          but this passes: %s\n", b.data ? b.data : "?");
	for (size_t i = 0; i < c->n_steps; i++) {
		buf_reset(&b);
		acl_rule_text(c->steps[i].rule, &b);
		printf("            %s %s\n", i ? "then" : "by  ",
		       b.data ? b.data : "?");
	}
	if (!c->n_steps)
		printf("            no rule takes it: a chain's policy lets it "
		       "pass\n");
	if (c->maybe)
		printf("            as long as what a packet does not say (a "
		       "rate, the hour) lets it\n");
}

static void print_text(const struct proofs *all)
{
	size_t claims = 0, rules = 0;

	for (size_t k = 0; k < all->n; k++) {
		rules += all->p[k].n_rules;
		claims += all->p[k].n_claims;
		for (size_t i = 0; i < all->p[k].n_claims; i++) {
			const struct acl_claim *c = &all->p[k].claims[i];

			printf("%-8s  %s: %s\n", c->holds ? "holds" : "BROKEN",
			       c->name, c->words);
			if (!c->holds)
				print_counterexample(c);
		}
	}
	if (all->broken)
		printf("%zu of %zu claims do not hold\n", all->broken, claims);
	else
		printf("proved for all packets: %zu claims, %zu rules\n",
		       claims, rules);
}

/* The first node's filters as they are once it has enrolled; its gateway's MAC
 * is one that the statement will name. */
static int prove_part(const struct acl_facts *f, enum acl_node_part part,
		      struct proofs *all, struct errinfo *err)
{
	struct walls_lan lan = {
		.nic = "eth0",
		.vif = "vif1.0",
		.address = f->nodes[0].address,
		.gateway = f->address,
		.gateway_mac = { 2, 0, 0, 0, 0, 1 },
		.http_port = 80,
		.https_port = 443,
		.repo_port = (uint16_t)f->repo.port,
		.carousel = f->carousel.port ? 0xef000001 : 0,
		.carousel_port = (uint16_t)f->carousel.port,
		.tunnel_port = (uint16_t)f->tunnel.port,
	};
	const struct walls_vif vif = {
		.ifname = "vif2.0",
		.mac = { 0, 0x16, 0x3e, 0, 0, 1 },
		.address = f->domu_base + 1,
	};
	auto_buf struct buf text = BUF_INIT;
	int rc;

	memcpy(lan.mac, f->nodes[0].mac, sizeof(lan.mac));
	rc = part == ACL_NODE_DOM0 ? walls_dom0(&lan, &text, err)
				   : walls_netdom(&lan, NULL, 0, &text, err);
	if (!rc && part != ACL_NODE_DOM0)
		rc = walls_vif_add(&vif, &text, err);
	if (!rc)
		rc = nftmodel_load_rules(text.data, &all->m[all->n], err);
	if (!rc)
		rc = acl_prove_node(all->m[all->n], part, &lan, &vif, 1,
				    &all->p[all->n], err);
	if (!rc)
		all->broken += all->p[all->n++].n_broken;
	return rc;
}

static int prove(struct judge *j, const struct tool_options *o,
		 struct proofs *all, struct errinfo *err)
{
	int rc;

	rc = acl_prove(j->m, &j->t.facts, j->p, &all->p[0], err);
	if (rc)
		return rc;
	all->broken = all->p[all->n++].n_broken;
	/* Of what is to be loaded, nodes have their part. */
	if (o->live || o->rules || !j->t.facts.n_nodes)
		return 0;
	for (enum acl_node_part part = ACL_NODE_DOM0;
	     !rc && part <= ACL_NODE_VIF; part++)
		rc = prove_part(&j->t.facts, part, all, err);
	return rc;
}

int tool_prove(int argc, char **argv, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	struct proofs *all;
	struct tool_options o;
	struct judge j = { .both_kinds = 1 };
	int rc;

	(void)arg;
	rc = tool_policy_options(argc, argv, JUDGE_OPTIONS, &o);
	if (rc)
		return rc;
	all = calloc(1, sizeof(*all));
	if (!all)
		return tool_fail("out of memory");
	rc = judge_open(&j, &o, o.words[0]);
	if (!rc) {
		rc = prove(&j, &o, all, &err);
		if (rc)
			rc = tool_fail(errinfo_text(&err, rc));
		else if (o.json)
			rc = print_json(all);
		else
			print_text(all);
		if (!rc && all->broken)
			rc = CMD_EXIT_FAILED;
	}
	judge_dispose(&j);
	for (size_t i = 0; i < PROOFS_MAX; i++)
		nftmodel_free(all->m[i]);
	free(all);
	return rc;
}
