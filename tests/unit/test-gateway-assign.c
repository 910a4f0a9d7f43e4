/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assign.h"
#include "cleanup.h"

#define MANIFEST \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A case in text: workspaces "NAME:DOMUS[:MIB]", nodes "STATE:CURRENT[:FREE]"
 * (STATE: - not eligible, i idle, r running, b broken), what each node is
 * given ("-": nothing). */
struct row {
	const char *what;
	const char *workspaces, *nodes, *given;
	const char *reason; /* of the first workspace */
};

static const struct row rows[] = {
	{ "an idle PC is taken", "a:1", "i:", "a", "" },
	{ "no more than asked", "a:1", "i: i:", "a -", "" },
	{ "fewer than asked is said", "a:2", "i: -:", "a -",
	  "1 of 2 domus: no more PCs" },
	{ "in the central's order", "a:1 b:1", "i: i: i:", "a b -", "" },
	{ "what runs is not moved", "a:1 b:1", "r:b i:", "b a", "" },
	{ "what runs stays before what starts", "a:1", "i:a r:a", "- a", "" },
	{ "what starts stays before what is idle", "a:1", "i: i:a", "- a", "" },
	{ "a PC that is gone is replaced", "a:1", "-:a i:", "- a", "" },
	{ "a smaller workspace lets one go", "a:1", "r:a r:a", "a -", "" },
	{ "a workspace that ended lets go", "b:1", "r:a", "b", "" },
	{ "no workspace, no domU", "", "r:a", "-", "" },
	{ "zero domUs lets all go", "a:0", "r:a b:a", "- -", "" },
	{ "a broken PC keeps its error and is replaced", "a:1", "b:a i:", "a a",
	  "" },
	{ "broken and no other PC", "a:1", "b:a", "a",
	  "0 of 1 domus: no more PCs" },
	{ "broken by one that ended: free for another", "b:1", "b:a", "b", "" },
	{ "too small a PC is passed over", "a:1:800", "i::600 i::900", "- a", "" },
	{ "only too small PCs", "a:1:800", "i::600", "-",
	  "0 of 1 domus: 1 idle PCs have no 800 MiB free" },
	{ "what runs in little free memory stays", "a:1:800", "r:a:100", "a", "" },
};

struct table {
	struct workspace ws[8];
	size_t n_ws;
	struct assign_node nodes[8];
	size_t n_nodes;
	char names[8][8], current[8][CONFIG_NAME];
};

static void read_workspaces(struct table *t, const char *text)
{
	char copy[128], *save = NULL;

	strcpy(copy, text);
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		struct workspace *x = &t->ws[t->n_ws++];

		x->memory_mib = 512;
		x->vcpus = 1;
		sscanf(w, "%7[^:]:%d:%d", x->name, &x->domus, &x->memory_mib);
		strcpy(x->image, "batch");
		strcpy(x->manifest, MANIFEST);
	}
}

static void read_nodes(struct table *t, const char *text)
{
	char copy[128], *save = NULL;

	strcpy(copy, text);
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		size_t i = t->n_nodes++;
		struct assign_node *n = &t->nodes[i];
		char *colon = strchr(w + 2, ':');

		snprintf(t->names[i], sizeof(t->names[i]), "pc%zu", i);
		if (colon) {
			n->free_mib = atoi(colon + 1);
			*colon = '\0';
		}
		strcpy(t->current[i], w + 2);
		n->name = t->names[i];
		n->current = t->current[i];
		n->eligible = w[0] != '-';
		n->health = w[0] == 'r'   ? ASSIGN_RUNNING
			    : w[0] == 'b' ? ASSIGN_BROKEN
					  : ASSIGN_IDLE;
	}
}

static void given_text(const struct table *t, char *out)
{
	*out = '\0';
	for (size_t i = 0; i < t->n_nodes; i++) {
		int w = t->nodes[i].workspace;

		if (i)
			strcat(out, " ");
		strcat(out, w < 0 ? "-" : t->ws[w].name);
	}
}

static void rows_hold(void **state)
{
	static const struct config_limits none;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct table t = { 0 };
		struct assign_result results[8];
		char given[128];

		read_workspaces(&t, rows[i].workspaces);
		read_nodes(&t, rows[i].nodes);
		assign(t.ws, t.n_ws, &none, t.nodes, t.n_nodes, results);
		given_text(&t, given);
		if (strcmp(given, rows[i].given))
			print_error("%s\n", rows[i].what);
		assert_string_equal(given, rows[i].given);
		if (t.n_ws)
			assert_string_equal(results[0].reason, rows[i].reason);
	}
}

/* Once given, the same question has the same answer. */
static void is_stable(void **state)
{
	static const struct config_limits none;
	struct table t = { 0 };
	struct assign_result results[8];
	char first[128], second[128];

	(void)state;
	read_workspaces(&t, "a:2 b:3");
	read_nodes(&t, "i: r:b i: i:a b:a i:");
	assign(t.ws, t.n_ws, &none, t.nodes, t.n_nodes, results);
	given_text(&t, first);
	for (size_t i = 0; i < t.n_nodes; i++)
		strcpy(t.current[i], t.nodes[i].workspace < 0
					     ? ""
					     : t.ws[t.nodes[i].workspace].name);
	assign(t.ws, t.n_ws, &none, t.nodes, t.n_nodes, results);
	given_text(&t, second);
	assert_string_equal(first, second);
}

static void owner_wins(void **state)
{
	static const struct {
		uint64_t memory;
		int vcpus;
		const char *image;
		int given;
		const char *reason;
	} cases[] = {
		{ 512, 1, "batch", 0, "" },
		{ 511, 1, "batch", -1,
		  "512 MiB is more than the owner's limit of 511 MiB" },
		{ 0, 1, "other", -1, "the owner does not allow image batch" },
		{ 0, 0, "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config_limits l = { .memory_mib = cases[i].memory,
					   .vcpus = cases[i].vcpus };
		struct table t = { 0 };
		struct assign_result results[8];

		if (cases[i].image[0])
			strcpy(l.images[l.n_images++], cases[i].image);
		read_workspaces(&t, "a:1");
		read_nodes(&t, "r:a");
		assign(t.ws, t.n_ws, &l, t.nodes, t.n_nodes, results);
		assert_int_equal(t.nodes[0].workspace, cases[i].given);
		assert_string_equal(results[0].reason, cases[i].reason);
	}
}

static void vcpus_and_manifest_are_checked(void **state)
{
	struct config_limits l = { .vcpus = 1 };
	struct table t = { 0 };
	struct assign_result results[8];

	(void)state;
	read_workspaces(&t, "a:1 b:1");
	read_nodes(&t, "i: i:");
	t.ws[0].vcpus = 2;
	t.ws[1].manifest[0] = '\0';
	assign(t.ws, t.n_ws, &l, t.nodes, t.n_nodes, results);
	assert_int_equal(t.nodes[0].workspace, -1);
	assert_int_equal(t.nodes[1].workspace, -1);
	assert_string_equal(results[0].reason,
			    "2 vcpus are more than the owner's limit of 1");
	assert_string_equal(results[1].reason,
			    "image batch has not been published");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_hold),
		cmocka_unit_test(is_stable),
		cmocka_unit_test(owner_wins),
		cmocka_unit_test(vcpus_and_manifest_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
