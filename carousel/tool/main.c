/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carouseld - multicast the blobs that many nodes want at once; and the other
 * end of it, for tests and measurements.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "log.h"
#include "parse.h"
#include "tool.h"

static const struct cmd commands[] = {
	{ "serve", tool_serve, "--interface ADDRESS --dir REPOSITORY [options]",
	  "send blobs that are asked for to a multicast group",
	  "  -i, --interface ADDRESS  of the segment's interface\n"
	  "  -d, --dir DIR            a repository; its blobs/ are sent\n"
	  "  -g, --group ADDRESS      multicast group (default 239.255.78.83)\n"
	  "  -p, --port PORT          its port, and ours (default 7883)\n"
	  "  -r, --rate RATE          bits a second on the wire, never more\n"
	  "                           (default 600M)\n"
	  "  -c, --crowd N            send once so many ask (default 2)\n"
	  "  -P, --parity N           symbols a block before anyone asks\n"
	  "                           (default 0; more as losses show)\n"
	  "  -n, --notify FD          write a newline there when ready\n"
	  "  -v, --verbose            say each blob that is opened" },
	{ "receive", tool_receive,
	  "--interface ADDRESS --sender ADDRESS [--url REPO_URL] HEX64 -o FILE",
	  "receive one blob, verify it; for tests and measurements",
	  "  -i, --interface ADDRESS  of ours, where the group is joined\n"
	  "  -s, --sender ADDRESS     of the sender\n"
	  "  -u, --url URL            of the repository: what does not come by\n"
	  "                           multicast is fetched there\n"
	  "  -S, --size BYTES         of the blob (default: asked of the URL)\n"
	  "  -o, --output FILE        written when it is whole and true\n"
	  "  -g, --group, -p, --port  as above\n"
	  "  -t, --timeout SEC        without any progress (default 30)\n"
	  "  -a, --at MS              begin at that Unix time\n"
	  "  -j, --json               say what came which way" },
	{ NULL, NULL, NULL, NULL, NULL },
};

int tool_address(const char *text, uint32_t *out)
{
	if (parse_ipv4(text, out))
		return cmd_misuse("'%s' is no IPv4 address", text);
	return 0;
}

int tool_port(const char *text, uint16_t *out)
{
	uint64_t n;

	if (parse_u64(text, 1, 65535, &n))
		return cmd_misuse("'%s' is no port (1 to 65535)", text);
	*out = (uint16_t)n;
	return 0;
}

int main(int argc, char **argv)
{
	log_init("carouseld", NULL);
	if (argc > 1 &&
	    (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))) {
		puts("carouseld " NIGHTSHIFT_VERSION);
		return CMD_EXIT_OK;
	}
	return cmd_main("carouseld", commands, argc - 1, argv + 1, NULL);
}
