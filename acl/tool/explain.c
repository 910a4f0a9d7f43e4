/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain - who decides about a packet from here to there, and why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "judge.h"

struct query {
	struct acl_question q;
	uint8_t mac[PARSE_MAC_LEN];
	uint32_t source;
};

/* "tcp/443", "udp/53", "icmp". */
static int read_service(const char *text, struct acl_question *q)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protocols[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 } };
	size_t len = strcspn(text, "/");
	int port = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strlen(protocols[i].name) == len &&
		    !strncmp(protocols[i].name, text, len))
			q->protocol = protocols[i].number;
	if (!q->protocol || (q->protocol == 1) != !text[len] ||
	    (text[len] && parse_int(text + len + 1, 1, 65535, &port)))
		return cmd_misuse("'%s' is not tcp/PORT, udp/PORT or icmp", text);
	q->port = (uint16_t)port;
	return CMD_EXIT_OK;
}

static int read_query(const struct tool_options *o, const struct acl_facts *f,
		      struct query *out)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = read_service(o->words[2], &out->q);
	if (rc)
		return rc;
	if (o->src_mac && parse_mac(o->src_mac, out->mac))
		return cmd_misuse("'%s' is no MAC address", o->src_mac);
	if (o->spoof && parse_ipv4(o->spoof, &out->source))
		return cmd_misuse("'%s' is no IPv4 address", o->spoof);
	out->q.mac = o->src_mac ? out->mac : NULL;
	out->q.source = o->spoof ? &out->source : NULL;
	rc = acl_place_find(f, o->words[0], &out->q.from, &err);
	if (!rc)
		rc = acl_place_find(f, o->words[1], &out->q.to, &err);
	return rc ? tool_fail(errinfo_text(&err, rc)) : CMD_EXIT_OK;
}

static const char *outcome(const struct acl_answer *a)
{
	return !a->passes ? "dropped" : a->maybe ? "maybe" : "passes";
}

static void print_decision(const struct acl_answer *a)
{
	auto_buf struct buf b = BUF_INIT;

	if (a->decides) {
		acl_rule_text(a->decides, &b);
		printf("  decided by %s\n", b.data ? b.data : "?");
		if (a->passes && a->maybe)
			printf("  as long as what a packet does not say (a "
			       "rate, the hour) lets it\n");
		if (!a->otherwise)
			return;
		buf_reset(&b);
		acl_rule_text(a->otherwise, &b);
		printf("  else by %s\n", b.data ? b.data : "?");
	} else if (a->policy) {
		printf("  no rule decides; policy of chain %s %s %s: %s\n",
		       a->policy->family_word, a->policy->table,
		       a->policy->name, a->policy->accepts ? "accept" : "drop");
	} else {
		printf("  no chain stands there\n");
	}
}

static void print_answer(const char *title, const struct acl_answer *a)
{
	auto_buf struct buf b = BUF_INIT;
	const struct nftmodel_chain *chain = NULL;

	acl_packet_text(&a->packet, &b);
	printf("%s: %s\n  %s\n", title, outcome(a), b.data ? b.data : "?");
	print_decision(a);
	for (size_t i = 0; i < a->n_looks; i++) {
		const struct acl_look *l = &a->looks[i];
		const struct nftmodel_rule *r = l->rule;

		if (r->chain != chain)
			printf("    %s %s %s\n", r->chain->family_word,
			       r->chain->table, r->chain->name);
		chain = r->chain;
		printf("      #%-3d %-24s %s%s%s\n", r->index,
		       *r->comment ? r->comment : "-",
		       l->taken ? r->word : "no: ",
		       l->taken ? "" : r->match[l->failed].text,
		       l->taken && r->maybe ? " (maybe)" : "");
	}
}

static json_t *look_json(const struct acl_look *l)
{
	json_t *o = acl_rule_json(l->rule);

	json_object_set_new(o, "taken", json_boolean(l->taken));
	if (!l->taken)
		json_object_set_new(o, "failed",
				    json_string(l->rule->match[l->failed].text));
	return o;
}

static json_t *answer_json(const struct acl_answer *a)
{
	json_t *looks = json_array(), *o;

	for (size_t i = 0; i < a->n_looks; i++)
		json_array_append_new(looks, look_json(&a->looks[i]));
	o = json_pack("{s:s, s:o}", "outcome", outcome(a), "packet",
		      acl_packet_json(&a->packet));
	json_object_set_new(o, "decides",
			    a->decides ? acl_rule_json(a->decides) : json_null());
	json_object_set_new(o, "otherwise",
			    a->otherwise ? acl_rule_json(a->otherwise)
					 : json_null());
	json_object_set_new(o, "policy",
			    a->policy ? json_string(a->policy->name)
				      : json_null());
	json_object_set_new(o, "rules", looks);
	return o;
}

static int print(const struct tool_options *o, const struct acl_answer *request,
		 const struct acl_answer *reply)
{
	if (o->json)
		return tool_print_json(json_pack(
			"{s:s?, s:o, s:o}", "unseen", request->unseen, "request",
			answer_json(request), "reply", answer_json(reply)));
	if (request->unseen)
		printf("%s\n", request->unseen);
	print_answer("request", request);
	print_answer("reply", reply);
	if (!request->passes)
		printf("(there is no reply where nobody hears the request)\n");
	return fflush(stdout) ? tool_fail("cannot write") : CMD_EXIT_OK;
}

static int explain(const struct judge *j, const struct tool_options *o)
{
	struct acl_answer *answers = calloc(2, sizeof(*answers));
	struct errinfo err = ERRINFO_INIT;
	struct query query;
	int rc;

	rc = answers ? read_query(o, &j->t.facts, &query)
		     : tool_fail("out of memory");
	if (!rc) {
		rc = acl_explain(j->m, &j->t.facts, &query.q, &answers[0],
				 &answers[1], &err);
		rc = rc ? tool_fail(errinfo_text(&err, rc))
			: print(o, &answers[0], &answers[1]);
	}
	free(answers);
	return rc;
}

int tool_explain(int argc, char **argv, void *arg)
{
	struct tool_options o;
	struct judge j = { 0 };
	int rc;

	(void)arg;
	rc = tool_options(argc, argv, JUDGE_OPTIONS "pms", &o);
	if (rc)
		return rc;
	if (o.n_words != 3)
		return cmd_misuse("needs FROM TO PROTO/PORT");
	if (o.policy && o.builtin)
		return cmd_misuse("--policy or --default, not both");
	rc = judge_open(&j, &o, o.policy);
	if (!rc)
		rc = explain(&j, &o);
	judge_dispose(&j);
	return rc;
}
