/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's own filters, at each stage of what is known: proved; and without any
 * one of their rules that drops, found to be open wherever they then are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl-prove-node.h"
#include "cleanup.h"

#define LAN                                                       \
	.nic = "eth0", .vif = "vif1.0",                           \
	.mac = { 0x52, 0x54, 0, 0x77, 0, 0x11 }, .http_port = 80, \
	.https_port = 443, .repo_port = 8080
#define GATEWAY                                       \
	.address = 0x0a4d000b, .gateway = 0x0a4d0001, \
	.gateway_mac = { 0x52, 0x54, 0, 0x77, 0, 1 }, .tunnel_port = 51820

static const struct walls_lan stages[] = {
	{ .nic = NULL },
	{ LAN },
	{ LAN, .address = 0x0a4d000b },
	{ LAN, GATEWAY },
	{ LAN, GATEWAY, .carousel = 0xef4d0001, .carousel_port = 6900 },
};

static const struct walls_vif domus[] = {
	{ "vif3.0", { 0, 0x16, 0x3e, 0, 0, 1 }, 0x0a4d800b, 0 },
	{ "vif4.0", { 0, 0x16, 0x3e, 0, 0, 2 }, 0x0a4d810b, 1000 },
};

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

static void emit(enum acl_node_part part, const struct walls_lan *lan,
		 struct buf *out)
{
	int rc = part == ACL_NODE_DOM0 ? walls_dom0(lan, out, NULL)
				       : walls_netdom(lan, NULL, 0, out, NULL);

	for (size_t i = 0;
	     !rc && part != ACL_NODE_DOM0 && i < ARRAY_SIZE(domus); i++)
		rc = walls_vif_add(&domus[i], out, NULL);
	assert_int_equal(rc, 0);
}

static size_t broken(struct nftmodel *m, enum acl_node_part part,
		     const struct walls_lan *lan, int tell)
{
	struct acl_proof proof;

	assert_int_equal(acl_prove_node(m, part, lan, domus, ARRAY_SIZE(domus),
					&proof, NULL),
			 0);
	assert_true(proof.n_claims >= 2);
	for (size_t i = 0; tell && i < proof.n_claims; i++) {
		const struct acl_claim *c = &proof.claims[i];
		auto_buf struct buf b = BUF_INIT;

		if (c->holds)
			continue;
		acl_packet_text(&c->packet, &b);
		for (size_t k = 0; k < c->n_steps; k++) {
			buf_adds(&b, "\n    ");
			acl_rule_text(c->steps[k].rule, &b);
		}
		print_message("%s: %s\n", c->name, b.data);
	}
	return proof.n_broken;
}

static void test_walls_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		for (enum acl_node_part part = ACL_NODE_DOM0;
		     part <= ACL_NODE_VIF; part++) {
			auto_buf struct buf text = BUF_INIT;
			struct nftmodel *m;

			emit(part, &stages[i], &text);
			m = load(text.data);
			if (broken(m, part, &stages[i], 1))
				fail_msg("part %d, stage %zu", part, i);
			nftmodel_free(m);
		}
}

/* The text without its k-th line that drops; NULL: there are not so many. */
static char *without_drop(const char *text, int k)
{
	char *copy = strdup(text), *at = copy, *end;

	assert_non_null(copy);
	while ((at = strstr(at, " drop comment")) != NULL && k--)
		at++;
	if (!at) {
		free(copy);
		return NULL;
	}
	while (at > copy && at[-1] != '\n')
		at--;
	end = strchr(at, '\n');
	memmove(at, end, strlen(end) + 1);
	return copy;
}

/* Drops that stand behind others that stop the same, or only count: a chain's
 * last line before a policy that drops; limits. */
static const char *const spare[] = {
	"to dom0",
	"from dom0",
	"from others",
	"between others",
	"to netdom",
	"from netdom",
	"neither domU to tunnel nor back",
	"too many bytes",
	"too many packets",
	"too much ARP",
	"no service",
	"ARP of another make",
};

static int is_spare(const char *with, const char *without)
{
	size_t at = 0, end;

	while (with[at] == without[at])
		at++;
	while (at && with[at - 1] != '\n')
		at--;
	end = at + strcspn(with + at, "\n");
	for (size_t i = 0; i < ARRAY_SIZE(spare); i++) {
		auto_free char *line = strndup(with + at, end - at);

		if (line && strstr(line, spare[i]))
			return 1;
	}
	return 0;
}

static void test_holes_are_found(void **state)
{
	const struct walls_lan *lan = &stages[ARRAY_SIZE(stages) - 1];
	auto_buf struct buf text = BUF_INIT;
	char *cut;
	int found = 0;

	(void)state;
	emit(ACL_NODE_DOM0, lan, &text);
	for (int k = 0; (cut = without_drop(text.data, k)) != NULL; k++) {
		struct nftmodel *m = load(cut);
		size_t n = broken(m, ACL_NODE_DOM0, lan, 0);

		if (!n && !is_spare(text.data, cut))
			fail_msg("drop %d is not missed", k);
		found += n > 0;
		nftmodel_free(m);
		free(cut);
	}
	assert_true(found >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walls_hold),
		cmocka_unit_test(test_holes_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
