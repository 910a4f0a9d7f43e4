/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation - the packet matrix, with real packets through the rules that the
 * policy compiles to, against the contract and against the model that
 * `aclc prove` judges by.
 *
 *	isolation [--json] [-v]		the matrix
 *	isolation mutants [K/N] [-v]	holes cut into the rules (mutants.c);
 *					the Kth of N parts of them
 *
 * Exit status: 0 all as it must be, 1 not, 77 no namespaces here.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "main.h"

#define QUIET_MS 50

static struct matrix matrix;

char *compile_policy(struct acl_policy **p)
{
	struct errinfo err = ERRINFO_INIT;
	struct acl_rules *r = NULL;
	char *text;

	*p = acl_policy_parse("isolation.policy", probe_policy,
			      strlen(probe_policy));
	if (!*p || acl_compile(*p, &acl_lab, &r, &err)) {
		fprintf(stderr, "isolation: %s\n", err.text);
		exit(1);
	}
	text = acl_emit(r);
	acl_rules_free(r);
	return text;
}

void model_all(struct nftmodel *m, struct matrix *x)
{
	for (size_t i = 0; i < x->n; i++) {
		struct probe *p = &x->p[i];
		struct space_point point = probe_point(p);
		enum acl_way way = p->by == BENCH_LOCAL ? ACL_WAY_OUTPUT
				   : point.v[SPACE_OIF] ? ACL_WAY_FORWARD
							: ACL_WAY_INPUT;
		struct space in, out;

		p->modelled = -1;
		/* Frames that no chain of the gateway sees. */
		if ((p->spec.ethertype != ETH_IP && p->spec.ethertype != ETH_IP6) ||
		    p->spec.vlan[0])
			continue;
		in = space_of_point(nftmodel_pool(m), &point);
		out = acl_pass(m, way, &in, NULL);
		p->modelled = out.n > 0;
	}
}

/* Arrived, or for ARP: was answered. */
int probe_came(const struct probe *p)
{
	return p->arrived > 0 || (p->spec.ethertype == ETH_ARP && p->answered);
}

const char *probe_fault(const struct probe *p)
{
	int came = probe_came(p);

	if (p->expect == EXPECT_ARRIVAL && !came)
		return "did not arrive";
	/* Who may ask must hear the answer. */
	if (p->expect == EXPECT_ARRIVAL && !p->answered && !p->split &&
	    p->spec.ethertype == ETH_IP &&
	    (p->by == BENCH_SEGMENT || p->by == BENCH_TUNNEL) &&
	    p->spec.daddr != 0xffffffff)
		return "arrived, but its answer did not";
	if (p->expect == EXPECT_NOTHING && came)
		return "GOT THROUGH";
	if (p->expect == EXPECT_NOTHING && p->answered)
		return "was answered, though it was dropped";
	if (p->modelled == 0 && came)
		return "the model says that it is dropped";
	if (p->modelled == 1 && !came && !p->kernel)
		return "the model lets it pass";
	return NULL;
}

static void print_cell(const struct matrix *m, enum who from, enum who to)
{
	unsigned int n = 0, came = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (m->p[i].from != from || m->p[i].to != to)
			continue;
		n++;
		came += (unsigned int)probe_came(&m->p[i]);
	}
	if (n)
		printf(" %5u/%-3u", came, n);
	else
		printf(" %9s", "-");
}

static void print_table(const struct matrix *m)
{
	printf("arrived/sent, from (left) to (above):\n%-9s", "");
	for (enum who to = 0; to < WHOS; to++)
		printf(" %9s", probe_who(to));
	putchar('\n');
	for (enum who from = 0; from < WHOS; from++) {
		printf("%-9s", probe_who(from));
		for (enum who to = 0; to < WHOS; to++)
			print_cell(m, from, to);
		putchar('\n');
	}
}

static void print_probe(const struct probe *p, const char *fault)
{
	printf("%s %4d %-8s > %-8s %-28s %s%s%s%s\n", fault ? "FAULT" : "ok   ",
	       p->number, probe_who(p->from), probe_who(p->to), p->kind,
	       p->spoof ? "as " : "", p->spoof ? p->spoof : "",
	       p->spoof ? ": " : "", probe_came(p) ? "arrived" : "nothing");
	if (fault)
		printf("      %s\n", fault);
}

struct counts {
	int faults, open, shut, strays;
};

static void count_stray(enum bench_port port, const struct wire_heard *h,
			void *arg)
{
	struct counts *c = arg;

	/* The gateway may look for others of the segment. */
	if (port == BENCH_SEGMENT && h->ethertype == ETH_ARP)
		return;
	c->strays++;
	fprintf(stderr,
		"isolation: a frame of no probe on %s: EtherType %04x, "
		"protocol %u\n",
		bench_interface(port), h->ethertype, h->protocol);
}

static json_t *probe_json(const struct probe *p)
{
	const char *fault = probe_fault(p);

	return json_pack("{s:i, s:s, s:s, s:s, s:s?, s:b, s:s?, s:b, s:o, s:s?}",
			 "number", p->number, "from", probe_who(p->from), "to",
			 probe_who(p->to), "kind", p->kind, "spoof", p->spoof,
			 "expected", p->expect == EXPECT_ARRIVAL, "because",
			 p->why, "arrived", probe_came(p), "model",
			 p->modelled < 0 ? json_null()
					 : json_boolean(p->modelled),
			 "fault", fault);
}

static int report(const struct matrix *m, struct counts *c, int json, int all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->n; i++) {
		const char *fault = probe_fault(&m->p[i]);

		c->faults += fault != NULL;
		c->open += m->p[i].expect == EXPECT_ARRIVAL;
		c->shut += m->p[i].expect == EXPECT_NOTHING;
		if (json)
			json_array_append_new(list, probe_json(&m->p[i]));
		else if (fault || all)
			print_probe(&m->p[i], fault);
	}
	if (json) {
		json_t *doc = json_pack("{s:i, s:i, s:i, s:i, s:i, s:O}",
					"probes", (int)m->n, "open", c->open,
					"shut", c->shut, "faults", c->faults,
					"strays", c->strays, "list", list);

		json_dumpf(doc, stdout, JSON_INDENT(1));
		json_decref(doc);
		putchar('\n');
	} else {
		print_table(m);
		printf("%zu probes: %d that must arrive, %d that must not; "
		       "%d faults, %d frames of no probe\n",
		       m->n, c->open, c->shut, c->faults, c->strays);
	}
	json_decref(list);
	return c->faults || c->strays ? 1 : 0;
}

static int run_matrix(int json, int all)
{
	struct errinfo err = ERRINFO_INIT;
	struct nftmodel *model = NULL;
	struct counts c = { 0 };
	int rc;

	probe_all(&matrix);
	rc = nftmodel_load_live(&model, &err);
	if (rc) {
		fprintf(stderr, "isolation: %s\n", err.text);
		return 1;
	}
	model_all(model, &matrix);
	probe_run(&matrix, QUIET_MS, count_stray, &c);
	rc = report(&matrix, &c, json, all);
	nftmodel_free(model);
	return rc;
}

int main(int argc, char **argv)
{
	struct errinfo err = ERRINFO_INIT;
	struct acl_policy *policy = NULL;
	auto_free char *rules = NULL;
	int mutate = 0, json = 0, all = 0, part = 1, parts = 1, rc;

	for (int i = 1; i < argc; i++) {
		mutate |= !strcmp(argv[i], "mutants");
		json |= !strcmp(argv[i], "--json");
		all |= !strcmp(argv[i], "-v");
		(void)sscanf(argv[i], "%d/%d", &part, &parts);
	}
	rules = compile_policy(&policy);
	rc = bench_open(rules, &err);
	if (rc) {
		printf("%s\n", err.text);
		rc = rc == -EPERM || rc == -ENOENT ? 77 : 1;
	} else {
		rc = mutate ? run_mutants(policy, all, part, parts)
			    : run_matrix(json, all);
	}
	acl_policy_free(policy);
	return rc;
}
