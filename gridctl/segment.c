/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl segment: a LAN of PCs as a whole, its walls and who else is there. */
#include <stdio.h>
#include <string.h>

#include "parse.h"

#include "ctl.h"

/* "10.0.0.1 boots evil.efi, 10.0.0.2" */
static void add_foreign(struct table *t, const json_t *list)
{
	char text[512] = "-";
	size_t i, len = 0;

	for (i = 0; i < json_array_size(list) && len < sizeof(text); i++) {
		const json_t *s = json_array_get(list, i);
		int boots = json_is_true(json_object_get(s, "boot"));

		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s%s%s%s%s",
			len ? ", " : "", ctl_str(s, "address"),
			boots ? " boots" : "", *ctl_str(s, "file") ? " " : "",
			ctl_str(s, "file"));
	}
	table_add(t, "%s", text);
}

int segment_list(int argc, char **argv, void *arg)
{
	static const char *const titles[] = { "SEGMENT", ">NODES", ">HEARD",
					      "FOREIGN DHCP", NULL };
	struct ctl *ctl = arg;
	char age[FORMAT_MAX];
	struct table *t;
	json_t *doc, *s;
	int status;
	size_t i;

	(void)argv;
	if (argc > 1)
		return cmd_misuse("no arguments");
	doc = ctl_get(ctl, "/v1/segments");
	if (!doc)
		return CMD_EXIT_FAILED;
	if (ctl->json)
		return ctl_print_json(doc);
	t = table_new(titles);
	json_array_foreach(json_object_get(doc, "segments"), i, s)
	{
		table_add(t, "%s", ctl_str(s, "segment"));
		table_add(t, "%lld", (long long)ctl_int(s, "nodes"));
		table_add(t, "%s", format_since(age, ctl_int(s, "heard_ms")));
		add_foreign(t, json_object_get(s, "foreign"));
	}
	status = table_print(t);
	json_decref(doc);
	return status;
}

static int print_foreign(const json_t *segment)
{
	static const char *const titles[] = { "FOREIGN DHCP", "MAC",  "OFFERS",
					      ">SEEN",        "FILE", NULL };
	const json_t *list = json_object_get(segment, "foreign"), *s;
	const char *trouble = ctl_str(segment, "foreign_trouble");
	char age[FORMAT_MAX];
	struct table *t;
	size_t i;

	if (*trouble)
		printf("\nnobody listens for foreign DHCP servers: %s\n",
		       trouble);
	if (!json_array_size(list))
		return CMD_EXIT_OK;
	putchar('\n');
	t = table_new(titles);
	json_array_foreach(list, i, s)
	{
		int dhcp = json_is_true(json_object_get(s, "dhcp"));
		int boot = json_is_true(json_object_get(s, "boot"));

		table_add(t, "%s", ctl_str(s, "address"));
		table_add(t, "%s", ctl_str(s, "mac"));
		table_add(t, "%s%s%s", dhcp ? "addresses" : "",
			  dhcp && boot ? ", " : "", boot ? "boot" : "");
		table_add(t, "%s", format_since(age, ctl_int(s, "seen_ms")));
		table_add(t, "%s", ctl_str(s, "file"));
	}
	return table_print(t);
}

static void add_bytes(struct table *t, const json_t *tunnel, const char *name)
{
	char size[FORMAT_MAX];

	if (json_is_object(tunnel))
		table_add(t, "%s", format_size(size, ctl_int(tunnel, name)));
	else
		table_add(t, "-");
}

static int print_nodes(const json_t *nodes)
{
	static const char *const titles[] = { "NODE",  "!STATE", ">HANDSHAKE",
					      ">FROM", ">TO",    ">DROPPED",
					      NULL };
	const json_t *n, *tunnel;
	char age[FORMAT_MAX];
	struct table *t;
	size_t i;

	putchar('\n');
	t = table_new(titles);
	json_array_foreach(json_object_get(nodes, "nodes"), i, n)
	{
		tunnel = json_object_get(n, "tunnel");
		table_add(t, "%s", ctl_str(n, "id"));
		table_add(t, "%s", ctl_str(n, "state"));
		table_add(t, "%s",
			  format_since(age, ctl_int(tunnel, "handshake_ms")));
		add_bytes(t, tunnel, "rx_bytes");
		add_bytes(t, tunnel, "tx_bytes");
		table_add(t, "%lld", (long long)ctl_int(n, "dropped"));
	}
	return table_print(t);
}

static int print_rules(const json_t *walls)
{
	static const char *const titles[] = { "LINE",     ">PACKETS", ">BYTES",
					      ">REPLIES", ">OVER",    NULL };
	char size[FORMAT_MAX];
	const json_t *r;
	struct table *t;
	size_t i;

	if (*ctl_str(walls, "error")) {
		printf("\nwalls: %s\n", ctl_str(walls, "error"));
		return CMD_EXIT_FAILED;
	}
	putchar('\n');
	t = table_new(titles);
	json_array_foreach(json_object_get(walls, "rules"), i, r)
	{
		table_add(t, "%s", ctl_str(r, "line"));
		table_add(t, "%lld", (long long)ctl_int(r, "packets"));
		table_add(t, "%s", format_size(size, ctl_int(r, "bytes")));
		table_add(t, "%lld", (long long)ctl_int(r, "reply_packets"));
		table_add(t, "%lld", (long long)ctl_int(r, "over_packets"));
	}
	return table_print(t);
}

static int print_segment(const json_t *segment, const json_t *nodes)
{
	const json_t *walls = json_object_get(segment, "walls");
	const json_t *tunnel = json_object_get(segment, "tunnel");
	int status;

	printf("segment %s: %s on %s, policy %s, ", ctl_str(segment, "segment"),
	       ctl_str(segment, "address"), ctl_str(segment, "interface"),
	       *ctl_str(walls, "policy") ? ctl_str(walls, "policy") : "default");
	if (json_is_object(tunnel))
		printf("tunnels on %s, port %lld\n", ctl_str(tunnel, "interface"),
		       (long long)ctl_int(tunnel, "port"));
	else
		puts("no tunnels");
	status = print_nodes(nodes);
	if (!status)
		status = print_rules(walls);
	return status ? status : print_foreign(segment);
}

/* The owner's view: it asks the gateway, which knows more than it reports. */
int segment_show(int argc, char **argv, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	json_t *segment = NULL, *nodes = NULL;
	struct ctl *ctl = arg;
	int rc, status;

	(void)argv;
	if (argc > 1)
		return cmd_misuse("no arguments: it is the gateway's segment");
	if (!ctl_gateway(ctl))
		return CMD_EXIT_FAILED;
	rc = httpc_json(ctl->gateway, "GET", "/v1/admin/segment", NULL,
			&segment, &err);
	if (!rc)
		rc = httpc_json(ctl->gateway, "GET", "/v1/admin/nodes", NULL,
				&nodes, &err);
	if (rc) {
		status = ctl_fail(&err, rc);
	} else if (ctl->json) {
		json_object_update(segment, nodes);
		status = ctl_print_json(json_incref(segment));
	} else {
		status = print_segment(segment, nodes);
	}
	json_decref(segment);
	json_decref(nodes);
	return status;
}
