/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aclc - check, compile, load and look at a segment's policy.
 */
#include <stdio.h>
#include <string.h>

#include "judge.h"

#define CONFIG_HELP                                                       \
	"  -f, --config FILE   nightshift.conf of the segment (default\n" \
	"                      " TOOL_CONFIG ")\n"

static const struct cmd commands[] = {
	{ "check", tool_check, "[POLICY] [-f CONF] [--json]",
	  "say what is wrong with a policy",
	  "Of a POLICY without -f, only what holds for any segment is checked.\n\n"
	  "  -f, --config FILE   nightshift.conf of the segment\n"
	  "  -j, --json          {\"errors\", \"problems\": [{\"file\", \"line\",\n"
	  "                      \"column\", \"severity\", \"text\"}]}" },
	{ "print", tool_print, "[POLICY | --default] [-f CONF]",
	  "print a policy's canonical form",
	  CONFIG_HELP
	  "  -d, --default       what a segment has without a policy" },
	{ "compile", tool_compile_command,
	  "[POLICY | --default] [-f CONF] [--domus]",
	  "print the nftables rules of a policy",
	  CONFIG_HELP
	  "  -d, --default       of the policy of a segment without one\n"
	  "  -D, --domus         as if each node had its domU now; of no image" },
	{ "diff", tool_diff, "[OLD | --default] NEW [-f CONF] [--json]",
	  "what changes from one policy to another, in lines and rules",
	  CONFIG_HELP
	  "  -j, --json          {\"lines\": [{\"op\", \"line\", \"text\"}],\n"
	  "                      \"rules\": [{\"op\", \"text\"}]}; op is - or +" },
	{ "apply", tool_apply,
	  "[POLICY | --default] [-f CONF] [-n] [--confirm SEC]",
	  "load a policy's rules, all of them or none",
	  "domUs that may talk now stay in their sets. gatewayd(8) loads the policy of\n"
	  "its configuration when it starts or reloads.\n\n" CONFIG_HELP
	  "  -n, --dry-run       let nftables check them, load nothing\n"
	  "  -c, --confirm SEC   go back to the rules of now after SEC seconds, unless\n"
	  "                      Enter is pressed here or `aclc confirm` is run\n"
	  "  -D, --domus         as if each node had its domU now; of no image" },
	{ "confirm", tool_confirm, "[-f CONF]",
	  "keep the rules that wait to be confirmed", CONFIG_HELP },
	{ "revert", tool_revert, "[-f CONF]",
	  "go back at once instead of confirming", CONFIG_HELP },
	{ "show", tool_show, "[POLICY | --default] [-f CONF] [--json]",
	  "what the loaded rules counted, line by line",
	  CONFIG_HELP
	  "  -d, --default       the lines are the default policy's\n"
	  "  -j, --json          {\"lines\": [{\"place\", \"packets\", \"bytes\",\n"
	  "                      \"reply_packets\", \"reply_bytes\", \"over_packets\",\n"
	  "                      \"over_bytes\", \"text\"}]}" },
	{ "explain", tool_explain,
	  "FROM TO tcp/PORT|udp/PORT|icmp [--policy POLICY | --default] [-f CONF] "
	  "[--live | --rules FILE] [--src-mac MAC] [--spoof ADDRESS] [--json]",
	  "say which rule decides about a packet, and why",
	  "FROM and TO: a node (its dom0 and netdom), NODE/domu, gateway,\n"
	  "central, office, internet, or an address.\n\n" JUDGE_HELP
	  "  -p, --policy FILE   compile this policy and judge its rules\n"
	  "  -d, --default       the same of a segment without a policy\n"
	  "  -m, --src-mac MAC   as if sent by this Ethernet address\n"
	  "  -s, --spoof ADDRESS as if sent with this source address\n"
	  "  -j, --json          {\"unseen\", \"request\", \"reply\"}" },
	{ "prove", tool_prove,
	  "[POLICY | --default] [-f CONF] [--live | --rules FILE] [--json]",
	  "prove that the rules keep the walls, or show a packet",
	  "Exit status 1 if a claim does not hold or cannot be judged.\n\n" JUDGE_HELP
	  "  -d, --default       of the policy of a segment without one\n"
	  "  -j, --json          {\"proved\", \"rules\", \"claims\": [{\"name\",\n"
	  "                      \"claim\", \"way\", \"holds\", \"packet\", \"maybe\",\n"
	  "                      \"rules\"}]}" },
	{ NULL, NULL, NULL, NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc == 2 &&
	    (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
		printf("aclc %s\n", NIGHTSHIFT_VERSION);
		return CMD_EXIT_OK;
	}
	return cmd_main("aclc", commands, argc - 1, argv + 1, NULL);
}
