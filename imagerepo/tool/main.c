/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagerepo - build, sign, publish and check images of domUs.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "keys.h"
#include "tool.h"

/* clang-format off */
#define CHANGE_HELP                                                            \
	"  -r, --repo REPO     the repository; publish makes it\n"             \
	"  -k, --keys KEYS     directory of keys, each signs what it may\n"    \
	"  -R, --root FILE     the root document you trust\n"                  \
	"      --timestamp-expires TIME, --snapshot-expires TIME,\n"           \
	"      --targets-expires TIME\n"                                       \
	"                      how long what is signed now holds (7d, 30d, 180d)\n" \
	"  -n, --dry-run       check everything, write nothing\n"              \
	"  -q, --quiet         say nothing\n"
#define VIEW_HELP                                                              \
	"  -r, --repo REPO   a repository in a directory (default .)\n"        \
	"  -u, --url URL     one behind a web server\n"                        \
	"  -R, --root FILE   the root document you trust (default the repository's\n" \
	"                    own, which shows damage but not forgery)\n"       \
	"      --at TIME     judge expiry by 2026-11-21T02:00:00Z\n"           \
	"  -j, --json        for programs"
/* clang-format on */

static const struct cmd commands[] = {
	{ "init", tool_init,
	  "DIR [--root-keys N] [--root-threshold N] [option...]",
	  "make the keys of a grid, its root document, its first metadata",
	  "Makes DIR/root.key, targets.key, snapshot.key, timestamp.key, gateway.key and\n"
	  "maintainer.key (each with .pub), root.json, and metadata/, which publishing\n"
	  "into an empty repository begins with. Nothing is ever overwritten.\n\n"
	  "      --root-keys N       make N root keys: root.key, root2.key, ...\n"
	  "      --root-threshold N  so many of them must sign a new root document\n"
	  "  -e, --expires TIME      how long root.json is valid (default 365d)\n"
	  "      --root FILE, --targets FILE, --snapshot FILE, --timestamp FILE\n"
	  "  -g, --gateways FILE\n"
	  "  -m, --maintainer FILE   key of that role made elsewhere, its public half is\n"
	  "                          enough (may be repeated); then none is made here" },
	{ "key new", tool_key_new, "FILE",
	  "make one key pair, FILE and FILE.pub", NULL },
	{ "key show", tool_key_show, "FILE", "print a key's id and public half",
	  NULL },
	{ "root show", tool_root_show, "FILE [--json]",
	  "print roles, keys and signatures of a root document", NULL },
	{ "root edit", tool_root_edit, "OLD -o NEW [change...]",
	  "draft the next root document",
	  "Writes version N+1 of OLD, unsigned. ROLE is root, targets, snapshot,\n"
	  "timestamp or gateways; FILE a key, its public half is enough.\n\n"
	  "  -o, --output NEW         the draft\n"
	  "  -a, --add ROLE=FILE      let a key sign\n"
	  "  -d, --remove ROLE=KEY    no longer; KEY is a file or a key id\n"
	  "  -t, --threshold ROLE=N   so many of its keys must sign\n"
	  "  -e, --expires TIME       valid so long (default 365d)\n\n"
	  "Each may be repeated. To rotate a key, add the new and remove the old one." },
	{ "root sign", tool_root_sign, "FILE --key KEY...",
	  "add signatures to a draft of a root document",
	  "Several people sign one after another, each where their key is: enough of\n"
	  "the old root role and enough of the new one.\n\n"
	  "  -k, --key KEY   secret key (may be repeated)" },
	{ "root publish", tool_root_publish,
	  "FILE --repo REPO --keys DIR [option...]",
	  "put the next root document into a repository",
	  "Metadata that other keys must sign now is signed anew, by old and new keys.\n"
	  "Into an empty directory: the first root document, with first metadata.\n\n" KEYS_COMMON_HELP },
	{ "delegate", tool_delegate,
	  "ROLE IMAGE --key FILE --repo REPO --keys DIR",
	  "let a maintainer publish an image",
	  "ROLE is the maintainer's name, IMAGE may be '*' (any image that nobody has for\n"
	  "himself). A maintainer who is there keeps the other images.\n\n"
	  "  -K, --key FILE         the maintainer's key, the public half is enough (may\n"
	  "                         be repeated); all that may sign from now on\n"
	  "  -t, --threshold N      so many of them must sign (default 1)\n" KEYS_COMMON_HELP },
	{ "undelegate", tool_undelegate, "ROLE [IMAGE] --repo REPO --keys DIR",
	  "take an image, or all, from a maintainer", KEYS_COMMON_HELP },
	{ "refresh", tool_refresh, "--repo REPO --keys DIR [option...]",
	  "sign metadata anew when half of its time is over",
	  "For cron: does nothing, and says nothing, while there is nothing to do. Signs\n"
	  "whatever the keys in DIR may sign.\n\n"
	  "  -f, --force         all of it, now\n"
	  "  -q, --quiet         say nothing\n" KEYS_COMMON_HELP },
	{ "build", tool_build, "RECIPE -o DIR [--from DIR]... [--bin DIR]",
	  "build an image from a recipe, reproducibly",
	  "RECIPE is a directory with a recipe.conf, see recipe(5).\n\n"
	  "  -o, --output DIR   where kernel, initrd, root and image.json go\n"
	  "  -f, --from DIR     tree of system files; several are searched in order\n"
	  "                     (default /)\n"
	  "  -b, --bin DIR      where our own programs lie (default build/bin)\n"
	  "  -q, --quiet        no progress" },
	{ "convert", tool_convert,
	  "tar|oci|raw|qcow2 FILE --recipe RECIPE -o DIR [--name NAME]",
	  "make an image of a foreign archive or disk",
	  "Files of a tar archive or an OCI layout (directory) come below the root\n"
	  "that RECIPE says, a disk takes its place; all else is RECIPE's.\n\n"
	  "  -o, --output DIR   where kernel, initrd, root and image.json go\n"
	  "  -r, --recipe DIR   see recipe(5)\n"
	  "  -n, --name NAME    of the image (default the recipe's)\n"
	  "  -v, --image-version VERSION\n"
	  "                     of the image (default the recipe's)\n"
	  "  -k, --kernel FILE  instead of the recipe's\n"
	  "  -i, --initrd FILE  instead of the recipe's\n"
	  "  -m, --max-size SIZE\n"
	  "                     refuse more than that (default 16G)\n"
	  "  -f, -b, -q         as with build" },
	{ "trace", tool_trace, "DIR [--from DIR]... [--timeout 300s]",
	  "start a built image once and record what it reads",
	  "Starts the image in an emulated PC and writes DIR/root.trace: the blocks of\n"
	  "its disk in the order in which a start reads them, see recipe(5).\n\n"
	  "  -f, --from DIR      trees with the kernel's modules (default /)\n"
	  "  -t, --timeout TIME  how long it may take (default 300s)\n"
	  "  -v, --verbose       show the console\n"
	  "  -q, --quiet         no progress" },
	{ "publish", tool_publish,
	  "DIR --repo REPO --keys KEYS [--channel stable] [option...]",
	  "put what was built into a repository and sign for it",
	  CHANGE_HELP
	  "  -c, --channel NAME  channel to move (default stable)\n"
	  "  -l, --level N       of zstd, 1 to 19 (default 9)\n"
	  "      --delta-from IMAGE:CHANNEL\n"
	  "                      what clients have (default the same channel, and\n"
	  "                      stable); may be repeated\n"
	  "      --no-delta, --no-bundle" },
	{ "channel set", tool_channel_set,
	  "IMAGE:CHANNEL VERSION --repo REPO --keys KEYS",
	  "point a channel at a version", CHANGE_HELP },
	{ "channel rollback", tool_channel_rollback,
	  "IMAGE:CHANNEL --repo REPO --keys KEYS",
	  "point a channel where it was before", CHANGE_HELP },
	{ "channel list", tool_channel_list,
	  "[--repo REPO | --url URL] [--root FILE] [--json]", "list channels",
	  VIEW_HELP },
	{ "revoke", tool_revoke,
	  "IMAGE/VERSION --reason TEXT --repo REPO --keys KEYS",
	  "take a version back",
	  "Channels that name it go back to where they were.\n\n"
	  "  -m, --reason TEXT   one sentence, kept in the metadata\n"
	  "      --undo          bring it back instead\n" CHANGE_HELP },
	{ "list", tool_list, "[--repo REPO | --url URL] [--root FILE] [--json]",
	  "list images and versions", VIEW_HELP },
	{ "verify", tool_verify,
	  "[--repo REPO | --url URL] [--root FILE] [--json] [IMAGE...]",
	  "check metadata, digests, sizes of all that is reachable",
	  "  -p, --present     only images that are here, as in a mirror\n" VIEW_HELP
	  "\n\nExit status 1 if there is any problem." },
	{ "diff", tool_diff,
	  "[--repo REPO | --url URL] [--root FILE] [--json] A B",
	  "compare packages, files and bytes of two images",
	  "A and B are IMAGE:CHANNEL, IMAGE/VERSION, IMAGE@DIGEST, or a directory that\n"
	  "was built.\n\n"
	  "  -a, --all         all files\n" VIEW_HELP },
	{ "gc", tool_gc, "[--repo REPO] [--grace 7d] [--dry-run] [--json]",
	  "delete what no metadata names",
	  "  -r, --repo REPO   a repository in a directory (default .)\n"
	  "  -R, --root FILE   the root document you trust\n"
	  "  -g, --grace TIME  keep what is younger (default 7d)\n"
	  "  -n, --dry-run     say how much\n"
	  "  -j, --json        for programs" },
	{ "fsck", tool_fsck, "[--repo REPO] [--present] [--json]",
	  "read every blob, decode every chunk",
	  "  -r, --repo REPO   a repository in a directory (default .)\n"
	  "  -R, --root FILE   the root document you trust\n"
	  "  -p, --present     only images that are there: for a mirror\n"
	  "  -j, --json        for programs\n\n"
	  "Exit status 1 if there is any fault." },
	{ "mirror", tool_mirror,
	  "--to DIR --url URL --root FILE [option...] [IMAGE... | --wanted FILE]",
	  "keep a verified copy of images",
	  "  -t, --to DIR          the copy, for a web server to serve\n"
	  "  -u, --url URL         the repository; may be a directory\n"
	  "  -R, --root FILE       the root document you trust\n"
	  "  -w, --wanted FILE     list of IMAGE VERSION DIGEST; implies --early\n"
	  "  -W, --watch TIME      go on, look each TIME\n"
	  "      --check TIME      read all again after TIME (with --watch: 7d)\n"
	  "      --early           move timestamp.json before the blobs are here\n"
	  "      --full            all of it (default)\n"
	  "      --bundle-only     what a boot needs, no packs\n"
	  "      --deltas          keep deltas and contents too\n"
	  "  -l, --limit-rate N    bytes per second, such as 2M\n"
	  "      --stall TIME      ask anew after so long a pause (default 30s)\n"
	  "      --tries N         ask so often for each file (default 5)\n"
	  "      --prune TIME      delete what is not wanted and older\n"
	  "      --at TIME         judge expiry by 2026-11-21T02:00:00Z\n"
	  "  -j, --json            one line at the end of each run\n"
	  "  -q, --quiet           no progress" },
	{ "export", tool_export, "[--repo REPO] -o FILE IMAGE...",
	  "write images and their proof into one file",
	  "  -r, --repo REPO    a repository in a directory (default .)\n"
	  "  -o, --output FILE  a tar file\n"
	  "  -R, --root FILE    the root document you trust\n"
	  "  -q, --quiet        no progress" },
	{ "import", tool_import, "--to DIR --root FILE TARFILE",
	  "take such a file into a mirror",
	  "  -t, --to DIR     the mirror\n"
	  "  -R, --root FILE  the root document you trust\n"
	  "      --at TIME    judge expiry by 2026-11-21T02:00:00Z\n"
	  "  -j, --json       for programs\n"
	  "  -q, --quiet      say nothing" },
	{ "serve", tool_serve,
	  "[--repo REPO] [--listen [ADDRESS:]PORT] [--prefix /repo/]",
	  "print how nginx serves a repository",
	  "Starts nothing: a repository is static files.\n\n"
	  "  -r, --repo REPO      a repository in a directory (default .)\n"
	  "  -l, --listen PORT    default 80\n"
	  "  -p, --prefix PREFIX  default /repo/" },
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
