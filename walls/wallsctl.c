/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wallsctl - prints or loads a node's packet filters. For init, before there is
 * an agent, and for tests. See wallsctl(8).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "parse.h"
#include "walls.h"

static const char usage_text[] =
	"usage: wallsctl [-n] dom0|netdom|vif|gone [FACT=VALUE...]\n"
	"  -n, --dry-run  print the text, load nothing\n"
	"  dom0    nic vif mac [address] [gateway gateway-mac] [services]\n"
	"  netdom  nic mac [address] [gateway gateway-mac] [services]\n"
	"          services: http (80) https (443) repo (8080) tunnel (51820)\n"
	"                    carousel=GROUP:PORT\n"
	"  vif     name mac address [rate-kbps]\n"
	"  gone    name mac address\n"
	"  dom0 and netdom without a fact: nothing passes\n";

struct facts {
	struct walls_lan lan;
	struct walls_vif vif;
};

enum kind { NAME, MAC, ADDRESS, PORT, KBPS, GROUP };

static const struct fact {
	const char *name;
	enum kind kind;
	size_t off;
} lan_facts[] = {
	{ "nic", NAME, offsetof(struct facts, lan.nic) },
	{ "vif", NAME, offsetof(struct facts, lan.vif) },
	{ "mac", MAC, offsetof(struct facts, lan.mac) },
	{ "address", ADDRESS, offsetof(struct facts, lan.address) },
	{ "gateway", ADDRESS, offsetof(struct facts, lan.gateway) },
	{ "gateway-mac", MAC, offsetof(struct facts, lan.gateway_mac) },
	{ "http", PORT, offsetof(struct facts, lan.http_port) },
	{ "https", PORT, offsetof(struct facts, lan.https_port) },
	{ "repo", PORT, offsetof(struct facts, lan.repo_port) },
	{ "tunnel", PORT, offsetof(struct facts, lan.tunnel_port) },
	{ "carousel", GROUP, offsetof(struct facts, lan.carousel) },
	{ NULL, NAME, 0 },
}, vif_facts[] = {
	{ "name", NAME, offsetof(struct facts, vif.ifname) },
	{ "mac", MAC, offsetof(struct facts, vif.mac) },
	{ "address", ADDRESS, offsetof(struct facts, vif.address) },
	{ "rate-kbps", KBPS, offsetof(struct facts, vif.rate_kbps) },
	{ NULL, NAME, 0 },
};

static int make_dom0(const struct facts *f, struct buf *out, struct errinfo *err)
{
	return walls_dom0(&f->lan, out, err);
}

static int make_netdom(const struct facts *f, struct buf *out, struct errinfo *err)
{
	return walls_netdom(&f->lan, NULL, 0, out, err);
}

static int make_vif(const struct facts *f, struct buf *out, struct errinfo *err)
{
	return walls_vif_add(&f->vif, out, err);
}

static int make_gone(const struct facts *f, struct buf *out, struct errinfo *err)
{
	return walls_vif_del(&f->vif, out, err);
}

static const struct wall {
	const char *name;
	const struct fact *facts;
	int (*make)(const struct facts *f, struct buf *out, struct errinfo *err);
} walls[] = {
	{ "dom0", lan_facts, make_dom0 },
	{ "netdom", lan_facts, make_netdom },
	{ "vif", vif_facts, make_vif },
	{ "gone", vif_facts, make_gone },
};

static int set_port(const char *value, uint16_t *out)
{
	int port, rc = parse_int(value, 1, 65535, &port);

	if (!rc)
		*out = (uint16_t)port;
	return rc;
}

static int set_group(const char *value, struct facts *f)
{
	char text[32], *colon;

	snprintf(text, sizeof(text), "%s", value);
	colon = strchr(text, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (parse_ipv4(text, &f->lan.carousel))
		return -EINVAL;
	return set_port(colon + 1, &f->lan.carousel_port);
}

static int set_fact(struct facts *f, const struct fact *fact, const char *value)
{
	void *to = (char *)f + fact->off;
	uint64_t n;
	int rc;

	switch (fact->kind) {
	case NAME:
		*(const char **)to = value;
		return 0;
	case MAC:
		return parse_mac(value, to);
	case ADDRESS:
		return parse_ipv4(value, to);
	case PORT:
		return set_port(value, to);
	case GROUP:
		return set_group(value, f);
	default:
		rc = parse_u64(value, 1, UINT32_MAX, &n);
		if (!rc)
			*(uint32_t *)to = (uint32_t)n;
		return rc;
	}
}

static int read_facts(const struct fact *facts, int n, char **args,
		      struct facts *f, struct errinfo *err)
{
	const struct fact *fact;
	size_t len;

	for (int i = 0; i < n; i++) {
		len = strcspn(args[i], "=");
		for (fact = facts; fact->name; fact++)
			if (strlen(fact->name) == len &&
			    !strncmp(fact->name, args[i], len))
				break;
		if (!fact->name || args[i][len] != '=')
			return errinfo_set(err, -EINVAL, "%s: no such fact",
					   args[i]);
		if (set_fact(f, fact, args[i] + len + 1))
			return errinfo_set(err, -EINVAL, "%s: not of this form",
					   args[i]);
	}
	return 0;
}

static int run(const struct wall *wall, int n, char **args, int dry)
{
	struct facts f = { .lan = { .http_port = 80,
				    .https_port = 443,
				    .repo_port = 8080,
				    .tunnel_port = 51820 } };
	struct errinfo err = ERRINFO_INIT;
	auto_buf struct buf text = BUF_INIT;
	int rc;

	rc = read_facts(wall->facts, n, args, &f, &err);
	if (!rc)
		rc = wall->make(&f, &text, &err);
	if (!rc && dry)
		fputs(text.data, stdout);
	else if (!rc)
		rc = walls_load(text.data, &err);
	if (!rc)
		return CMD_EXIT_OK;
	log_err("%s: %s", wall->name, errinfo_text(&err, rc));
	return rc == -EINVAL ? CMD_EXIT_USAGE : CMD_EXIT_FAILED;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c, dry = 0;

	log_init("wallsctl", NULL);
	while ((c = getopt_long(argc, argv, "nhV", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			dry = 1;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return CMD_EXIT_OK;
		case 'V':
			puts("wallsctl " NIGHTSHIFT_VERSION);
			return CMD_EXIT_OK;
		default:
			fputs(usage_text, stderr);
			return CMD_EXIT_USAGE;
		}
	}
	for (size_t i = 0; optind < argc && i < ARRAY_SIZE(walls); i++)
		if (!strcmp(argv[optind], walls[i].name))
			return run(&walls[i], argc - optind - 1,
				   argv + optind + 1, dry);
	fputs(usage_text, stderr);
	return CMD_EXIT_USAGE;
}
