/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of a packet filter: what it reads of a kernel's listing, which
 * packets pass, and that it refuses what it does not know. Rules go through a
 * real kernel first where there are user namespaces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "cleanup.h"
#include "nftmodel.h"
#include "parse.h"

#define ETH_IP  0x0800
#define ETH_IP6 0x86dd
#define ETH_ARP 0x0806

/* "iif=seg0 saddr=10.0.0.1 dport=80 ..." on top of a TCP packet. */
static struct space_point packet(const char *text)
{
	struct space_point x = { 0 };
	auto_free char *copy = strdup(text);
	char *save = NULL, *word;

	x.v[SPACE_ETYPE] = ETH_IP;
	x.v[SPACE_PROTO] = 6;
	x.v[SPACE_IIF] = space_ifname("in0");
	x.v[SPACE_OIF] = space_ifname("out0");
	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');
		enum space_field f;
		uint8_t mac[PARSE_MAC_LEN];
		uint32_t ip;

		assert_non_null(value);
		*value++ = 0;
		f = space_field_by_name(word);
		assert_true(f < SPACE_FIELDS);
		if (f == SPACE_IIF || f == SPACE_OIF) {
			x.v[f] = space_ifname(value);
		} else if (parse_ipv4(value, &ip) == 0) {
			x.v[f] = ip;
		} else if (parse_mac(value, mac) == 0) {
			x.v[f] = 0;
			for (int i = 0; i < PARSE_MAC_LEN; i++)
				x.v[f] = x.v[f] << 8 | mac[i];
		} else {
			x.v[f] = strtoul(value, NULL, 0);
		}
	}
	return x;
}

static int passes(struct nftmodel *m, enum nftmodel_family family,
		  enum nftmodel_hook hook, const char *text)
{
	struct space_point x = packet(text);
	struct space in = space_of_point(nftmodel_pool(m), &x);
	struct space out = nftmodel_pass(m, family, hook, &in, NULL);

	assert_int_equal(space_pool_failed(nftmodel_pool(m)), 0);
	return out.n > 0;
}

/* NULL: no user namespaces here, the case is skipped. */
static struct nftmodel *load(const char *rules)
{
	struct errinfo err = ERRINFO_INIT;
	struct nftmodel *m = NULL;

	if (nftmodel_load_rules(rules, &m, &err)) {
		print_message("%s\n", err.text);
		if (!strstr(err.text, "network namespace"))
			fail();
		skip();
	}
	return m;
}

/* A chain at forward with these rules. */
static struct nftmodel *forward(const char *sets, const char *rules)
{
	auto_free char *text = NULL;

	assert_true(asprintf(&text,
			     "table inet t {\n%s\nchain other {\n counter drop\n}\n"
			     "chain c {\ntype filter hook forward priority 0; "
			     "policy drop;\n%s\n}\n}\n",
			     sets, rules) > 0);
	return load(text);
}

struct answer {
	const char *sets, *rules, *packet;
	int passes;
};

#define NODES                                                               \
	"set nodes {\n typeof ip saddr . ether saddr\n elements = { "       \
	"10.0.0.1 . 52:54:00:00:00:01, 10.0.0.2 . 52:54:00:00:00:02 }\n}\n" \
	"set some {\n type ipv4_addr\n flags interval\n elements = { "      \
	"10.1.0.0/16, 10.3.0.4-10.3.0.9 }\n}\n"

static const struct answer answers[] = {
	{ "", "", "", 0 },
	{ "", "accept", "", 1 },
	{ "", "tcp dport 80 accept", "dport=80", 1 },
	{ "", "tcp dport 80 accept", "dport=81", 0 },
	{ "", "tcp dport 80 accept", "dport=80 protocol=17", 0 },
	{ "", "tcp dport 80 accept", "dport=80 frag=100", 0 },
	{ "", "tcp dport 80 accept", "dport=80 frag=0x2000", 1 },
	{ "", "tcp dport { 80, 90-99 } accept", "dport=95", 1 },
	{ "", "tcp dport != 80 accept", "dport=80", 0 },
	{ "", "tcp dport != 80 accept", "dport=81", 1 },
	{ "", "tcp dport != 80 accept", "dport=81 protocol=17", 0 },
	{ "", "ip daddr != 10.0.0.1 drop\naccept", "daddr=10.0.0.1", 1 },
	{ "", "ip daddr != 10.0.0.1 drop\naccept", "daddr=10.0.0.2", 0 },
	{ "", "ip daddr != 10.0.0.1 drop\naccept", "ethertype=0x86dd", 1 },
	{ "", "meta nfproto ipv6 drop\naccept", "ethertype=0x86dd", 0 },
	{ "", "meta nfproto ipv6 drop\naccept", "", 1 },
	{ "", "iifname \"in*\" accept", "", 1 },
	{ "", "iifname \"in*\" accept", "iif=xin0", 0 },
	{ "", "iifname != \"in0\" accept", "", 0 },
	{ "", "oifname { \"a\", \"out0\" } accept", "", 1 },
	{ "", "ip saddr 10.0.0.0/8 accept", "saddr=10.255.0.1", 1 },
	{ "", "ip saddr 10.0.0.0/8 accept", "saddr=11.0.0.0", 0 },
	{ "", "ether saddr 52:54:00:00:00:01 accept",
	  "ether_saddr=52:54:00:00:00:01", 1 },
	{ "", "ether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 accept",
	  "ether_daddr=01:00:5e:00:00:01", 1 },
	{ "", "ether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 accept",
	  "ether_daddr=52:54:00:00:00:01", 0 },
	{ "", "ip daddr < 224.0.0.0 accept", "daddr=224.0.0.0", 0 },
	{ "", "ip daddr < 224.0.0.0 accept", "daddr=223.255.255.255", 1 },
	{ "", "tcp flags syn tcp option maxseg size set 1380", "", 0 },
	{ "", "igmp type membership-report-v2 accept", "protocol=2", 1 },
	{ "", "igmp type membership-report-v2 accept", "", 0 },
	/* Came out of a tunnel: there is no Ethernet header. */
	{ "", "ether saddr != 52:54:00:00:00:01 accept",
	  "ether_saddr=0x1000000000000 ether_daddr=0x1000000000000", 0 },
	{ NODES, "ip saddr . ether saddr @nodes accept",
	  "saddr=10.0.0.2 ether_saddr=52:54:00:00:00:02", 1 },
	{ NODES, "ip saddr . ether saddr @nodes accept",
	  "saddr=10.0.0.2 ether_saddr=52:54:00:00:00:01", 0 },
	{ NODES, "ip saddr . ether saddr != @nodes accept",
	  "saddr=10.0.0.2 ether_saddr=52:54:00:00:00:01", 1 },
	{ NODES, "ip daddr @some accept", "daddr=10.1.255.255", 1 },
	{ NODES, "ip daddr @some accept", "daddr=10.3.0.10", 0 },
	{ "", "ct state established,related accept", "ct_state=1", 1 },
	{ "", "ct state established,related accept", "ct_state=0", 0 },
	{ "", "ct state vmap { new : accept, invalid : drop }", "ct_state=0", 1 },
	{ "", "ct state vmap { new : accept, invalid : drop }", "ct_state=3", 0 },
	{ "", "ct state invalid drop\naccept", "ct_state=3", 0 },
	{ "", "jump other\naccept", "", 0 },
	{ "", "tcp dport 80 goto other\naccept", "dport=81", 1 },
	{ "", "tcp dport vmap { 80 : jump other, 81 : accept }", "dport=81", 1 },
	{ "", "tcp dport vmap { 80 : jump other, 81 : accept }\naccept",
	  "dport=80", 0 },
	{ "", "return\naccept", "", 0 },
	{ "", "continue\naccept", "", 1 },
	{ "", "tcp flags & (syn | ack) == syn accept", "tcp_flags=0x42", 1 },
	{ "", "tcp flags & (syn | ack) == syn accept", "tcp_flags=0x12", 0 },
	{ "", "ip frag-off & 0x1fff != 0 drop\naccept", "frag=8", 0 },
	{ "", "ip frag-off & 0x1fff != 0 drop\naccept", "frag=0x4000", 1 },
	{ "", "icmp type { echo-request, time-exceeded } accept",
	  "protocol=1 icmp_type=11", 1 },
	{ "", "icmp type echo-request accept", "icmp_type=8", 0 },
	{ "", "meta l4proto { tcp, udp } th dport 53 accept", "dport=53", 1 },
	{ "", "meta l4proto { tcp, udp } th dport 53 accept",
	  "dport=53 protocol=1", 0 },
	/* The checksum of ICMP may be 53. */
	{ "", "th dport 53 accept", "dport=9 protocol=1", 1 },
	{ "", "th dport 53 accept", "dport=9", 0 },
	{ "", "ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 81 } accept",
	  "saddr=10.0.0.2 dport=81", 1 },
	{ "", "ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 81 } accept",
	  "saddr=10.0.0.2 dport=80", 0 },
	/* What cannot be known goes both ways. */
	{ "", "limit rate 1/second accept", "", 1 },
	{ "", "limit rate over 1/second drop\naccept", "", 1 },
	{ "", "meta mark 1 drop\naccept", "", 1 },
	{ "", "ip ttl 1 accept", "", 1 },
	{ "", "ip ttl 1 accept", "ethertype=0x86dd", 0 },
	{ "", "meta hour \"18:00\"-\"19:00\" accept", "", 1 },
	{ "", "counter log prefix \"x\" reject", "", 0 },
	{ "set m {\n type ipv4_addr\n flags dynamic\n size 9\n}\n",
	  "ip saddr @m drop\nadd @m { ip saddr } accept", "", 1 },
};

static void test_packets_pass_as_in_the_kernel(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const struct answer *a = &answers[i];
		struct nftmodel *m = forward(a->sets, a->rules);

		if (passes(m, NFTMODEL_INET, NFTMODEL_FORWARD, a->packet) !=
		    a->passes)
			fail_msg("%s | %s: not %d", a->rules, a->packet,
				 a->passes);
		nftmodel_free(m);
	}
}

static void test_all_base_chains_must_accept(void **state)
{
	struct nftmodel *m =
		load("table ip6 z {\nchain c {\ntype filter hook forward "
		     "priority 9; policy drop;\n}\n}\n"
		     "table inet a {\nchain c {\ntype filter hook forward "
		     "priority 5; policy accept;\ntcp dport 80 drop\n}\n}\n"
		     "table ip b {\nchain c {\ntype filter hook forward "
		     "priority -5; policy drop;\ntcp dport { 80, 81 } accept\n"
		     "}\n}\n");

	(void)state;
	assert_string_equal(
		nftmodel_base(m, NFTMODEL_INET, NFTMODEL_FORWARD, 0)->table, "b");
	assert_string_equal(
		nftmodel_base(m, NFTMODEL_INET, NFTMODEL_FORWARD, 2)->table, "z");
	assert_null(nftmodel_base(m, NFTMODEL_INET, NFTMODEL_FORWARD, 3));
	assert_true(passes(m, NFTMODEL_INET, NFTMODEL_FORWARD, "dport=81"));
	assert_false(passes(m, NFTMODEL_INET, NFTMODEL_FORWARD, "dport=80"));
	assert_false(passes(m, NFTMODEL_INET, NFTMODEL_FORWARD, "dport=82"));
	/* IPv6 meets the chains of inet and ip6 only. */
	assert_false(passes(m, NFTMODEL_INET, NFTMODEL_FORWARD,
			    "dport=81 ethertype=0x86dd"));
	nftmodel_free(m);
}

static void test_frames_at_a_device(void **state)
{
	struct nftmodel *m = load(
		"table netdev n {\nchain c {\ntype filter hook ingress device "
		"\"vif1.0\" priority 0; policy drop;\n"
		"ether type arp arp operation request arp saddr ip 10.0.0.1 "
		"accept\nip saddr 10.0.0.1 accept\nvlan id 7 accept\n}\n}\n");
	enum nftmodel_hook in = NFTMODEL_INGRESS;

	(void)state;
	assert_true(passes(m, NFTMODEL_NETDEV, in, "iif=vif2.0"));
	assert_false(passes(m, NFTMODEL_NETDEV, in, "iif=vif1.0"));
	assert_true(passes(m, NFTMODEL_NETDEV, in, "iif=vif1.0 saddr=10.0.0.1"));
	/* The listing does not say whether tagged ones match. */
	assert_true(passes(m, NFTMODEL_NETDEV, in,
			   "iif=vif1.0 saddr=10.0.0.1 vlan=9"));
	assert_true(passes(m, NFTMODEL_NETDEV, in,
			   "iif=vif1.0 ethertype=0x0806 arp_operation=1 "
			   "arp_spa=10.0.0.1"));
	assert_true(passes(m, NFTMODEL_NETDEV, in,
			   "iif=vif1.0 ethertype=0x0806 arp_operation=1 "
			   "arp_spa=10.0.0.1 vlan=9"));
	assert_false(passes(m, NFTMODEL_NETDEV, in,
			    "iif=vif1.0 ethertype=0x0806 arp_operation=2 "
			    "arp_spa=10.0.0.1"));
	assert_true(passes(m, NFTMODEL_NETDEV, in,
			   "iif=vif1.0 ethertype=0x9999 vlan=8"));
	nftmodel_free(m);
}

/* Rules that do things it does not model, and listings that are none. */
static const char *const refused[] = {
	"",
	"{",
	"[]",
	"{}",
	"{\"nftables\": 1}",
	"{\"nftables\": [1]}",
	"{\"nftables\": [{\"chain\": {}}]}",
	"{\"nftables\": [{\"flowtable\": {}}]}",
	"{\"nftables\": [{\"rule\": {\"chain\": \"c\"}}]}",
#define RULE(expr)                                                       \
	"{\"nftables\": [{\"chain\": {\"family\": \"inet\", \"table\": " \
	"\"t\", \"name\": \"c\"}}, {\"rule\": {\"family\": \"inet\", "   \
	"\"table\": \"t\", \"chain\": \"c\", \"expr\": [" expr "]}}]}"
#define MATCH(left, right)                                  \
	RULE("{\"match\": {\"op\": \"==\", \"left\": " left \
	     ", \"right\": " right "}}")
	RULE("{\"queue\": {\"num\": 1}}"),
	RULE("{\"notrack\": null}"),
	RULE("{\"dnat\": {\"addr\": \"1.2.3.4\"}}"),
	RULE("{\"jump\": {\"target\": \"d\"}}"),
	RULE("{\"jump\": {\"target\": \"c\"}}"),
	RULE("{\"accept\": null}, {\"drop\": null}"),
	RULE("{\"accept\": null, \"drop\": null}"),
	RULE("{\"mangle\": {\"key\": {\"payload\": {\"protocol\": \"ip\", "
	     "\"field\": \"saddr\"}}, \"value\": \"1.2.3.4\"}}"),
	RULE("{\"vmap\": {\"key\": {\"ct\": {\"key\": \"state\"}}, \"data\": 1}}"),
	MATCH("{\"meta\": {\"key\": \"newthing\"}}", "1"),
	MATCH("{\"payload\": {\"base\": \"th\", \"offset\": 0, \"len\": 3}}", "1"),
	MATCH("{\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}",
	      "65536"),
	MATCH("{\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}",
	      "\"@none\""),
	MATCH("{\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}",
	      "{\"range\": [9, 8]}"),
	MATCH("{\"payload\": {\"protocol\": \"ip\", \"field\": \"saddr\"}}",
	      "{\"prefix\": {\"addr\": \"1.2.3.4\", \"len\": 33}}"),
	MATCH("{\"ct\": {\"key\": \"state\"}}", "2"),
	MATCH("{\"concat\": []}", "1"),
};

static void test_unknown_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct errinfo err = ERRINFO_INIT;
		struct nftmodel *m = NULL;

		if (!nftmodel_parse(refused[i], strlen(refused[i]), &m, &err))
			fail_msg("accepted: %s", refused[i]);
		assert_non_null(strstr(err.text, "ruleset: "));
		assert_null(m);
	}
}

static void test_unknown_is_named(void **state)
{
	const char *text = RULE("{\"queue\": {\"num\": 1}}");
	struct errinfo err = ERRINFO_INIT;
	struct nftmodel *m = NULL;

	(void)state;
	assert_true(nftmodel_parse(text, strlen(text), &m, &err) != 0);
	assert_string_equal(err.text, "ruleset: inet t c, rule 1: "
				      "not understood: {\"queue\":{\"num\":1}}");
}

static void test_bad_rules_do_not_load(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	struct nftmodel *m = NULL;

	(void)state;
	assert_true(nftmodel_load_rules("table inet x {", &m, &err) != 0);
	assert_null(m);
	assert_true(strlen(err.text) > 0);
}

/* More elements than an ordinary user may put into one message. */
static void test_large_sets_load_in_portions(void **state)
{
	auto_buf struct buf sets = BUF_INIT;
	struct nftmodel *m;

	(void)state;
	buf_adds(&sets, "set nodes {\n typeof ip saddr . ether saddr\n"
			" comment \"{ \"\n elements = {\n");
	for (int i = 0; i < 5000; i++)
		buf_addf(&sets,
			 "%s10.0.%d.%d . 52:54:00:00:%02x:%02x comment \"of "
			 "some file, line %d: {, }\"",
			 i ? ",\n" : "", i / 256, i % 256, i / 256, i % 256, i);
	buf_adds(&sets, "\n}\n}\n");
	m = forward(sets.data, "ip saddr . ether saddr @nodes accept");
	assert_true(passes(m, NFTMODEL_INET, NFTMODEL_FORWARD,
			   "saddr=10.0.19.135 ether_saddr=52:54:00:00:13:87"));
	assert_true(passes(m, NFTMODEL_INET, NFTMODEL_FORWARD,
			   "saddr=10.0.0.200 ether_saddr=52:54:00:00:00:c8"));
	assert_false(passes(m, NFTMODEL_INET, NFTMODEL_FORWARD,
			    "saddr=10.0.19.136 ether_saddr=52:54:00:00:13:88"));
	nftmodel_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_is_refused),
		cmocka_unit_test(test_unknown_is_named),
		cmocka_unit_test(test_packets_pass_as_in_the_kernel),
		cmocka_unit_test(test_all_base_chains_must_accept),
		cmocka_unit_test(test_frames_at_a_device),
		cmocka_unit_test(test_bad_rules_do_not_load),
		cmocka_unit_test(test_large_sets_load_in_portions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
