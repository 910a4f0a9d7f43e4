/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutants - one hole at a time, cut into the rules as they are loaded: a rule
 * left out, its verdict turned round, each of its conditions left out or turned
 * round, a chain's policy, a stranger in a set. For each
 *
 *	where the proof finds a way, a packet of those it names is sent, and
 *must get through; where it finds none, the matrix is sent, and nothing more
 *than before may get through.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "main.h"

struct tally {
	const struct acl_policy *policy;
	int all, part, parts, seen;
	int mutants, broken, quiet, confirmed, untried, faults;
	char name[256];
};

#define QUIET_MS 5

static struct matrix matrix;

static void fault(struct tally *t, const char *what)
{
	t->faults++;
	printf("FAULT %s: %s\n", t->name, what);
}

static void ignore(enum bench_port port, const struct wire_heard *h, void *arg)
{
	(void)port;
	(void)h;
	(void)arg;
}

/* --- one mutant -------------------------------------------------------------------- */

static void try_proof(struct tally *t, struct nftmodel *m,
		      const struct acl_proof *proof, const char *json)
{
	for (size_t i = 0; i < proof->n_claims; i++) {
		const struct acl_claim *c = &proof->claims[i];
		auto_buf struct buf text = BUF_INIT;
		struct space_point x;
		int came;

		if (c->holds)
			continue;
		came = confirm(m, c, json, &x);
		if (came < 0) {
			t->untried++;
			x = c->packet;
		}
		acl_packet_text(&x, &text);
		if (t->all)
			printf("%s: %s: %s%s\n", t->name, c->name, text.data,
			       came < 0 ? " (not tried)" : "");
		t->confirmed += came > 0;
		if (came == 0) {
			buf_adds(&text, ": the proof says that this passes");
			fault(t, text.data);
		}
	}
}

static void try_matrix(struct tally *t)
{
	struct errinfo err = ERRINFO_INIT;
	char text[256];

	if (bench_forget(&err))
		fault(t, err.text);
	probe_run(&matrix, QUIET_MS, ignore, NULL);
	for (size_t i = 0; i < matrix.n; i++) {
		const struct probe *p = &matrix.p[i];

		if (p->expect == EXPECT_ARRIVAL ||
		    (!probe_came(p) && !p->answered))
			continue;
		snprintf(text, sizeof(text),
			 "%s%s%s to %s, %s: gets through, and the proof holds",
			 probe_who(p->from), p->spoof ? " as " : "",
			 p->spoof ? p->spoof : "", probe_who(p->to), p->kind);
		fault(t, text);
		return;
	}
}

static void try_mutant(struct tally *t, json_t *doc)
{
	auto_free char *json = NULL;
	struct errinfo err = ERRINFO_INIT;
	struct nftmodel *m = NULL;
	struct acl_proof proof;

	if (t->seen++ % t->parts != t->part)
		return;
	/* What a kernel does not take is no hole. */
	json = json_dumps(doc, JSON_COMPACT);
	if (!json || bench_load_json(json, &err))
		return;
	t->mutants++;
	if (nftmodel_load_live(&m, &err) ||
	    acl_prove(m, &acl_lab, t->policy, &proof, &err)) {
		fault(t, err.text);
		nftmodel_free(m);
		return;
	}
	if (proof.n_broken) {
		t->broken++;
		try_proof(t, m, &proof, json);
	} else {
		t->quiet++;
		try_matrix(t);
	}
	nftmodel_free(m);
}

/* --- all of them ---------------------------------------------------------------------- */

static void name_it(struct tally *t, json_t *rule, const char *what, size_t i)
{
	snprintf(t->name, sizeof(t->name), "%s, rule of %s, %s %zu",
		 json_string_value(json_object_get(rule, "chain")),
		 json_string_value(json_object_get(rule, "comment")), what, i);
}

static void without(struct tally *t, json_t *doc, json_t *list, size_t i)
{
	json_t *was = json_incref(json_array_get(list, i));

	json_array_remove(list, i);
	try_mutant(t, doc);
	json_array_insert_new(list, i, was);
}

static void turn_verdict(struct tally *t, json_t *doc, json_t *expr, size_t i)
{
	json_t *was = json_incref(json_array_get(expr, i));
	int drops = json_object_get(was, "drop") != NULL;

	if (drops || json_object_get(was, "accept")) {
		json_array_set_new(
			expr, i, json_pack("{s:n}", drops ? "accept" : "drop"));
		try_mutant(t, doc);
		json_array_set(expr, i, was);
	}
	json_decref(was);
}

static void turn_match(struct tally *t, json_t *doc, json_t *match)
{
	json_t *was = json_incref(json_object_get(match, "op"));
	const char *op = json_string_value(was);

	if (op && (!strcmp(op, "==") || !strcmp(op, "!="))) {
		json_object_set_new(match, "op",
				    json_string(strcmp(op, "==") ? "==" : "!="));
		try_mutant(t, doc);
		json_object_set(match, "op", was);
	}
	json_decref(was);
}

static void cut_rule(struct tally *t, json_t *doc, json_t *rule)
{
	json_t *expr = json_object_get(rule, "expr");

	for (size_t i = 0; i < json_array_size(expr); i++) {
		json_t *e = json_array_get(expr, i);
		json_t *match = json_object_get(e, "match");

		name_it(t, rule, "turned round: statement", i);
		turn_verdict(t, doc, expr, i);
		if (match)
			turn_match(t, doc, match);
		name_it(t, rule, "without statement", i);
		if (!json_object_get(e, "counter") && json_array_size(expr) > 1)
			without(t, doc, expr, i);
	}
}

static void cut_policy(struct tally *t, json_t *doc, json_t *chain)
{
	json_t *was = json_incref(json_object_get(chain, "policy"));
	const char *word = json_string_value(was);

	snprintf(t->name, sizeof(t->name), "policy of %s",
		 json_string_value(json_object_get(chain, "name")));
	if (word) {
		json_object_set_new(
			chain, "policy",
			json_string(strcmp(word, "drop") ? "drop" : "accept"));
		try_mutant(t, doc);
		json_object_set(chain, "policy", was);
	}
	json_decref(was);
}

/* Strangers: the office's host as a node, an address as a domU. */
static void cut_set(struct tally *t, json_t *doc, json_t *set)
{
	const char *name = json_string_value(json_object_get(set, "name"));
	json_t *elem = json_object_get(set, "elem"), *one;

	if (!elem)
		return;
	if (name && !strcmp(name, "nodes"))
		one = json_pack("{s:[s, s]}", "concat", "10.77.0.200",
				"52:54:00:77:00:c8");
	else if (name && !strcmp(name, "domus"))
		one = json_string("10.77.128.99");
	else
		return;
	snprintf(t->name, sizeof(t->name), "a stranger in %s", name);
	json_array_append_new(elem, one);
	try_mutant(t, doc);
	json_array_remove(elem, json_array_size(elem) - 1);
}

/* Handles are places to the kernel when they are loaded again. */
static void forget_handles(json_t *list)
{
	json_t *entry, *o;
	const char *key;
	size_t i;

	json_array_foreach(list, i, entry) json_object_foreach(entry, key, o)
		json_object_del(o, "handle");
}

int run_mutants(const struct acl_policy *policy, int all, int part, int parts)
{
	struct tally t = {
		.policy = policy,
		.all = all,
		.part = part - 1,
		.parts = parts,
	};
	auto_free char *json = bench_list_json();
	json_t *doc = json ? json_loads(json, 0, NULL) : NULL;
	json_t *list = json_object_get(doc, "nftables"), *entry;
	size_t i;

	if (!list)
		return 1;
	probe_all(&matrix);
	forget_handles(list);
	/* In place of all that is there, in one transaction. */
	json_array_insert_new(list, 1,
			      json_pack("{s:{s:n}}", "flush", "ruleset"));
	for (i = 0; i < json_array_size(list); i++) {
		entry = json_array_get(list, i);
		if (json_object_get(entry, "rule")) {
			name_it(&t, json_object_get(entry, "rule"), "left out",
				i);
			without(&t, doc, list, i);
			cut_rule(&t, doc, json_object_get(entry, "rule"));
		}
		if (json_object_get(entry, "chain"))
			cut_policy(&t, doc, json_object_get(entry, "chain"));
		if (json_object_get(entry, "set"))
			cut_set(&t, doc, json_object_get(entry, "set"));
	}
	json_decref(doc);
	printf("%d mutants: %d with a way that the proof finds (%d packets got "
	       "through, %d could not be made here), %d without (the matrix "
	       "found none either); %d faults\n",
	       t.mutants, t.broken, t.confirmed, t.untried, t.quiet, t.faults);
	return t.faults || !t.confirmed;
}
