/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove - the claims, and a packet for each that does not hold.
 */
#include <stdio.h>

#include "cleanup.h"
#include "judge.h"

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

static int print_json(const struct acl_proof *proof)
{
	json_t *claims = json_array();

	for (size_t i = 0; i < proof->n_claims; i++)
		json_array_append_new(claims, claim_json(&proof->claims[i]));
	return tool_print_json(json_pack("{s:b, s:i, s:o}", "proved",
					 !proof->n_broken, "rules",
					 (int)proof->n_rules, "claims", claims));
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

static void print_text(const struct acl_proof *proof)
{
	for (size_t i = 0; i < proof->n_claims; i++) {
		const struct acl_claim *c = &proof->claims[i];

		printf("%-8s  %s: %s\n", c->holds ? "holds" : "BROKEN", c->name,
		       c->words);
		if (!c->holds)
			print_counterexample(c);
	}
	if (proof->n_broken)
		printf("%zu of %zu claims do not hold\n", proof->n_broken,
		       proof->n_claims);
	else
		printf("proved for all packets: %zu claims, %zu rules\n",
		       proof->n_claims, proof->n_rules);
}

int tool_prove(int argc, char **argv, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	struct tool_options o;
	struct acl_proof proof;
	struct judge j;
	int rc;

	(void)arg;
	rc = tool_options(argc, argv, JUDGE_OPTIONS, &o);
	if (rc)
		return rc;
	if (o.n_words > 1 || (o.n_words && o.builtin))
		return cmd_misuse("one POLICY, or --default");
	rc = judge_open(&j, &o, o.n_words ? o.words[0] : NULL);
	if (!rc) {
		rc = acl_prove(j.m, &j.t.facts, j.p, &proof, &err);
		if (rc)
			rc = tool_fail(errinfo_text(&err, rc));
		else if (o.json)
			rc = print_json(&proof);
		else
			print_text(&proof);
		if (!rc && proof.n_broken)
			rc = CMD_EXIT_FAILED;
	}
	judge_dispose(&j);
	return rc;
}
