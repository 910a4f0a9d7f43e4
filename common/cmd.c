/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

/* What cmd_misuse names; set while a command runs. */
static const char *current_tool;
static const struct cmd *current;

/* How many words of argv the command's name takes; 0 if it is not this one. */
static int match(const struct cmd *c, int argc, char **argv)
{
	const char *space = strchr(c->name, ' ');
	size_t n;

	if (!space)
		return strcmp(c->name, argv[0]) == 0;
	n = (size_t)(space - c->name);
	if (argc < 2 || strlen(argv[0]) != n || strncmp(c->name, argv[0], n) != 0)
		return 0;
	return strcmp(space + 1, argv[1]) == 0 ? 2 : 0;
}

/* Is it the first of two words of some command? */
static int is_group(const struct cmd *table, const char *word)
{
	size_t n = strlen(word);

	for (const struct cmd *c = table; c->name; c++)
		if (strncmp(c->name, word, n) == 0 && c->name[n] == ' ')
			return 1;
	return 0;
}

static void print_commands(FILE *out, const struct cmd *table, const char *group)
{
	size_t n = group ? strlen(group) : 0;
	int width = 0;

	for (const struct cmd *c = table; c->name; c++) {
		int w = (int)(strlen(c->name) + 1 + strlen(c->args));

		if (w > width && w <= 44)
			width = w;
	}
	for (const struct cmd *c = table; c->name; c++) {
		if (group &&
		    (strncmp(c->name, group, n) != 0 || c->name[n] != ' '))
			continue;
		fprintf(out, "  %s %-*s  %s\n", c->name,
			width - (int)strlen(c->name) - 1, c->args, c->help);
	}
}

void cmd_usage(const char *tool, const struct cmd *table, int to_stderr)
{
	FILE *out = to_stderr ? stderr : stdout;

	fprintf(out, "usage: %s [OPTIONS] COMMAND [ARGS]\n\n", tool);
	print_commands(out, table, NULL);
	fprintf(out, "\n'%s COMMAND --help' tells more of one.\n", tool);
}

static int command_help(const char *tool, const struct cmd *c)
{
	printf("usage: %s %s %s\n\n%s\n", tool, c->name, c->args, c->help);
	if (c->more)
		printf("\n%s\n", c->more);
	return CMD_EXIT_OK;
}

static int wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return 0;
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return 1;
	}
	return 0;
}

static int unknown(const char *tool, const struct cmd *table, int argc,
		   char **argv)
{
	if (is_group(table, argv[0])) {
		if (argc > 1 && strcmp(argv[1], "--help") != 0)
			fprintf(stderr, "%s: unknown command '%s %s'\n", tool,
				argv[0], argv[1]);
		fprintf(stderr, "%s %s:\n", tool, argv[0]);
		print_commands(stderr, table, argv[0]);
		return CMD_EXIT_USAGE;
	}
	fprintf(stderr, "%s: unknown command '%s'\n\n", tool, argv[0]);
	cmd_usage(tool, table, 1);
	return CMD_EXIT_USAGE;
}

int cmd_main(const char *tool, const struct cmd *table, int argc, char **argv,
	     void *arg)
{
	if (argc < 1) {
		cmd_usage(tool, table, 1);
		return CMD_EXIT_USAGE;
	}
	if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 ||
	    strcmp(argv[0], "-h") == 0) {
		cmd_usage(tool, table, 0);
		return CMD_EXIT_OK;
	}
	for (const struct cmd *c = table; c->name; c++) {
		int words = match(c, argc, argv);

		if (!words)
			continue;
		argc -= words - 1;
		argv += words - 1;
		if (wants_help(argc, argv))
			return command_help(tool, c);
		current_tool = tool;
		current = c;
		return c->fn(argc, argv, arg);
	}
	return unknown(tool, table, argc, argv);
}

/* In parentheses: to the analyzer the name is a macro as well. */
int(cmd_misuse)(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s %s: ", current_tool, current->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: %s %s %s\n", current_tool, current->name,
		current->args);
	return CMD_EXIT_USAGE;
}
