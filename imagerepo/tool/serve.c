/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: how a web server hands out a repository. Starts nothing: the
 * repository is static files.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "meta.h"
#include "tool.h"

#define LISTEN_DEFAULT "80"
#define PREFIX_DEFAULT "/repo/"

/* One file changes; the others never do, and may be kept for good. */
static const char block[] =
	"# nginx: an image repository, static files only.\n"
	"server {\n"
	"\tlisten %s;\n"
	"\tserver_name _;\n"
	"\tserver_tokens off;\n"
	"\n"
	"\tlocation = %smetadata/timestamp.json {\n"
	"\t\talias %s/metadata/timestamp.json;\n"
	"\t\tdefault_type application/json;\n"
	"\t\tadd_header Cache-Control \"no-cache\";\n"
	"\t}\n"
	"\tlocation ~ ^%s((?:metadata|targets|blobs)/.+)$ {\n"
	"\t\talias %s/$1;\n"
	"\t\tdefault_type application/octet-stream;\n"
	"\t\tadd_header Cache-Control \"public, max-age=31536000, immutable\";\n"
	"\t\tsendfile on;\n"
	"\t\ttcp_nopush on;\n"
	"\t}\n"
	"\tlocation / {\n"
	"\t\treturn 404;\n"
	"\t}\n"
	"}\n";

static int check_prefix(const char *prefix)
{
	size_t n = strlen(prefix);

	if (!n || prefix[0] != '/' || prefix[n - 1] != '/' ||
	    strspn(prefix, "abcdefghijklmnopqrstuvwxyz0123456789/_-") != n)
		return cmd_misuse("--prefix: '%s' is not of the form /repo/",
				  prefix);
	return 0;
}

static int check_listen(const char *listen)
{
	if (!*listen || strspn(listen, "0123456789abcdef.:[]") != strlen(listen))
		return cmd_misuse("--listen: '%s' is not of the form "
				  "[ADDRESS:]PORT",
				  listen);
	return 0;
}

static int print_block(const char *repo, const char *listen, const char *prefix,
		       struct errinfo *err)
{
	auto_free char *real = realpath(repo, NULL);
	auto_free char *stamp = NULL;

	if (!real)
		return errinfo_set_errno(err, -errno, "%s", repo);
	if (strpbrk(real, " \t\n\"'\\;{}$"))
		return errinfo_set(err, -EINVAL,
				   "the path of %s needs quoting in nginx's "
				   "configuration; move it",
				   repo);
	stamp = tool_join(real, META_TIMESTAMP);
	if (!stamp || access(stamp, R_OK))
		return errinfo_set(err, -ENOENT,
				   "%s is no repository: there is no %s", repo,
				   META_TIMESTAMP);
	printf(block, listen, prefix, real, prefix, real);
	fprintf(stderr,
		"\nPut this into /etc/nginx/conf.d/ and reload nginx. Then try\n"
		"  imagerepo verify --url http://HOST%.*s --root root.json\n",
		(int)strlen(prefix) - 1, prefix);
	return 0;
}

int tool_serve(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "repo", required_argument, NULL, 'r' },
		{ "listen", required_argument, NULL, 'l' },
		{ "prefix", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	const char *repo = ".", *listen = LISTEN_DEFAULT;
	const char *prefix = PREFIX_DEFAULT;
	struct errinfo err = ERRINFO_INIT;
	int c, rc = 0;

	(void)arg;
	while (!rc &&
	       (c = getopt_long(argc, argv, "r:l:p:", options, NULL)) != -1) {
		if (c == 'r')
			repo = optarg;
		else if (c == 'l')
			rc = check_listen(listen = optarg);
		else if (c == 'p')
			rc = check_prefix(prefix = optarg);
		else
			rc = cmd_misuse("see --help");
	}
	if (rc)
		return rc;
	if (argc != optind)
		return cmd_misuse("no arguments, only options");
	rc = print_block(repo, listen, prefix, &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
