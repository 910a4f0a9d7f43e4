/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands build and convert.
 */
#include <getopt.h>
#include <string.h>

#include "build.h"
#include "cleanup.h"
#include "cmd.h"
#include "tool.h"

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "from", required_argument, NULL, 'f' },
	{ "bin", required_argument, NULL, 'b' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "recipe", required_argument, NULL, 'r' },
	{ "name", required_argument, NULL, 'n' },
	{ "image-version", required_argument, NULL, 'v' },
	{ "kernel", required_argument, NULL, 'k' },
	{ "initrd", required_argument, NULL, 'i' },
	{ "max-size", required_argument, NULL, 'm' },
	{ NULL, 0, NULL, 0 },
};

static int parse_option(struct build *b, int c, const char **recipe)
{
	switch (c) {
	case 'o':
		b->out = optarg;
		return 0;
	case 'b':
		b->stage.bin = optarg;
		return 0;
	case 'q':
		b->quiet = 1;
		return 0;
	case 'f':
		if (b->stage.n_from == STAGE_FROM_MAX)
			return cmd_misuse("more than %d times --from",
					  STAGE_FROM_MAX);
		/* "/" is "" before "/bin" */
		b->stage.from[b->stage.n_from++] =
			strcmp(optarg, "/") ? optarg : "";
		return 0;
	default:
		break;
	}
	if (!recipe) /* the rest is for convert alone */
		return cmd_misuse("see --help");
	if (c == 'r')
		*recipe = optarg;
	else if (c == 'k')
		b->kernel = optarg;
	else if (c == 'i')
		b->initrd_file = optarg;
	else if (c == 'n' && parse_is_name(optarg))
		b->name = optarg;
	else if (c == 'v' && parse_is_name(optarg) &&
		 strlen(optarg) <= PARSE_NAME_MAX - RECIPE_VERSION_SUFFIX)
		b->version = optarg;
	else if (c == 'm' && !parse_size(optarg, &b->max_bytes))
		return 0;
	else if (c == 'n' || c == 'v' || c == 'm')
		return cmd_misuse("'%s' will not do as -%c", optarg, c);
	else
		return cmd_misuse("see --help");
	return 0;
}

static int finish(struct build *b, const char *recipe)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (!b->stage.n_from)
		b->stage.from[b->stage.n_from++] = "";
	rc = recipe_load(recipe, &b->recipe);
	if (rc)
		rc = errinfo_set(&err, rc, "%s: refused, nothing built", recipe);
	else
		rc = build_run(b, &err);
	build_dispose(b);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}

int tool_build(int argc, char **argv, void *arg)
{
	struct build b;
	int c, rc = 0;

	(void)arg;
	build_init(&b);
	while (!rc &&
	       (c = getopt_long(argc, argv, "o:f:b:q", options, NULL)) != -1)
		rc = parse_option(&b, c, NULL);
	if (rc)
		return rc;
	if (argc - optind != 1 || !b.out)
		return cmd_misuse("name one recipe and --output DIR");
	return finish(&b, argv[optind]);
}

static int known_format(const char *word)
{
	static const char *const formats[] = { "tar", "oci", "raw", "qcow2" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i], word))
			return 1;
	return 0;
}

int tool_convert(int argc, char **argv, void *arg)
{
	const char *recipe = NULL;
	struct build b;
	int c, rc = 0;

	(void)arg;
	build_init(&b);
	while (!rc && (c = getopt_long(argc, argv, "o:f:b:qr:n:v:k:i:m:", options,
				       NULL)) != -1)
		rc = parse_option(&b, c, &recipe);
	if (rc)
		return rc;
	if (argc - optind != 2 || !b.out || !recipe)
		return cmd_misuse("name a format, a file, --recipe RECIPE and "
				  "--output DIR");
	b.format = argv[optind];
	b.file = argv[optind + 1];
	if (!known_format(b.format))
		return cmd_misuse("'%s' is none of tar, oci, raw, qcow2",
				  b.format);
	return finish(&b, recipe);
}
