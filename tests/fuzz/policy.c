/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the policy language: what is taken has a canonical form that says the
 * same, and rules that keep to the floors.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/acl-fixture.h"
#include "cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(int ok)
{
	if (!ok)
		abort();
}

/* The floors of the world's side: no rule that accepts stands before them, and
 * the segment's drop is the first of its chain. */
static void check_floors(const char *nft)
{
	const char *chain = strstr(nft, "\tchain domu_forward {\n");
	const char *next;

	must(chain != NULL);
	next = strchr(chain, '\n') + 1;
	must(strncmp(next, "\t\tip daddr 10.77.0.0/16 counter drop", 36) == 0);
	must(strstr(nft, "hook forward priority filter; policy drop") != NULL);
	must(strstr(nft, "ip6") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free char *canonical = NULL, *again = NULL, *nft = NULL;
	struct acl_facts facts = acl_lab;
	struct acl_policy *p, *q = NULL;
	struct acl_rules *r = NULL;
	size_t i = 0;

	facts.utc_offset_sec = 5400;
	p = acl_policy_parse("policy", (const char *)data, len);
	must(p != NULL);
	must(acl_compile(p, &facts, &r, NULL) == 0 || acl_policy_errors(p));
	for (const struct acl_problem *b; (b = acl_policy_problem(p, i)); i++) {
		auto_free char *text = acl_problem_text(p, b);

		must(text != NULL);
	}
	if (r) {
		canonical = acl_policy_print(p);
		nft = acl_emit(r);
		check_floors(nft);
		q = acl_policy_parse("policy", canonical, strlen(canonical));
		must(acl_check(q, &facts) == 0);
		again = acl_policy_print(q);
		must(strcmp(canonical, again) == 0);
	}
	acl_rules_free(r);
	acl_policy_free(q);
	acl_policy_free(p);
	return 0;
}
