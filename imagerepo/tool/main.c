/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagerepo - build, sign, publish and check images of domUs.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "tool.h"

static const struct cmd commands[] = {
	{ "init", tool_init,
	  "DIR [--expires 365d] [--images FILE] [--gateways FILE]",
	  "make the keys of a grid and its root document",
	  "Makes DIR/root.key, images.key, gateway.key (each with .pub) and root.json.\n"
	  "Nothing is ever overwritten.\n\n"
	  "  -e, --expires TIME    how long root.json is valid (default 365d)\n"
	  "  -i, --images FILE     public key of a maintainer made elsewhere (may be\n"
	  "                        repeated); then images.key is not made\n"
	  "  -g, --gateways FILE   the same for gateways" },
	{ "key new", tool_key_new, "FILE",
	  "make one key pair, FILE and FILE.pub", NULL },
	{ "key show", tool_key_show, "FILE", "print a key's id and public half",
	  NULL },
	{ "build", tool_build, "RECIPE -o DIR [--from DIR]... [--bin DIR]",
	  "build an image from a recipe, reproducibly",
	  "RECIPE is a directory with a recipe.conf, see recipe(5).\n\n"
	  "  -o, --output DIR   where kernel, initrd, root and image.json go\n"
	  "  -f, --from DIR     tree of system files; several are searched in order\n"
	  "                     (default /)\n"
	  "  -b, --bin DIR      where our own programs lie (default build/bin)\n"
	  "  -q, --quiet        no progress" },
	{ "publish", tool_publish,
	  "DIR --repo REPO --key KEY [--channel stable] [--expires 30d]",
	  "sign what was built and put it into a repository",
	  "  -r, --repo REPO     the repository; made if it is not there\n"
	  "  -k, --key KEY       secret key of role images (repeat for a threshold)\n"
	  "  -R, --root FILE     root document (default REPO/root.json, else\n"
	  "                      root.json beside KEY)\n"
	  "  -c, --channel NAME  channel to move (default stable)\n"
	  "  -e, --expires TIME  how long the signatures hold (default 30d)\n"
	  "  -n, --dry-run       say what would be done\n"
	  "  -q, --quiet         no progress" },
	{ "verify", tool_verify,
	  "[--repo REPO | --url URL] [--root FILE] [--json] [IMAGE[:CHANNEL] | all]",
	  "check signatures, expiry, digests, sizes of all that is reachable",
	  "  -r, --repo REPO   a repository in a directory (default .)\n"
	  "  -u, --url URL     one behind a web server; name the image then\n"
	  "  -R, --root FILE   the root document you trust (default the repository's\n"
	  "                    own, which shows damage but not forgery)\n"
	  "  -j, --json        for programs\n\n"
	  "Exit status 1 if there is any problem." },
	{ "list", tool_list, "[--repo REPO] [--root FILE] [--json]",
	  "list images, versions and channels",
	  "  -r, --repo REPO   a repository in a directory (default .)\n"
	  "  -R, --root FILE   the root document you trust\n"
	  "  -j, --json        for programs" },
	{ NULL, NULL, NULL, NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc > 1 &&
	    (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))) {
		puts(TOOL_NAME " " NIGHTSHIFT_VERSION);
		return CMD_EXIT_OK;
	}
	return cmd_main(TOOL_NAME, commands, argc - 1, argv + 1, NULL);
}
