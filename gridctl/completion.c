/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bash completion script, from the table of commands: words, then the
 * options that a command's usage names, then what it takes by asking the
 * central (jobs, nodes, workspaces).
 */
#include <string.h>

#include "ctl.h"

/* What stands for something that can be asked for. */
static const struct {
	const char *word, *list;
} asked[] = {
	{ "JOB", "job list" },
	{ "NODE", "node list" },
	{ "NAME...", "workspace list" },
};

static void print_first_words(void)
{
	const struct cmd *c;
	size_t len, was = 0;
	const char *last = "";

	for (c = ctl_commands; c->name; c++) {
		len = strcspn(c->name, " ");
		if (len == was && !strncmp(last, c->name, len))
			continue;
		printf(" %.*s", (int)len, c->name);
		last = c->name;
		was = len;
	}
}

static void print_options(const char *args)
{
	const char *p = args;
	size_t len;

	while ((p = strstr(p, "--"))) {
		len = strspn(p, "-abcdefghijklmnopqrstuvwxyz");
		if (len > 2)
			printf(" %.*s", (int)len, p);
		p += len;
	}
}

static void print_second_words(const char *group, size_t len)
{
	const struct cmd *c;

	printf("\t%.*s) words=\"", (int)len, group);
	for (c = ctl_commands; c->name; c++)
		if (!strncmp(c->name, group, len) && c->name[len] == ' ')
			printf("%s ", c->name + len + 1);
	printf("\" ;;\n");
}

static void print_groups(void)
{
	const struct cmd *c;
	const char *last = "";
	size_t len;

	for (c = ctl_commands; c->name; c++) {
		len = strcspn(c->name, " ");
		if (!c->name[len] ||
		    (!strncmp(last, c->name, len) && strcspn(last, " ") == len))
			continue;
		print_second_words(c->name, len);
		last = c->name;
	}
}

static void print_command(const struct cmd *c)
{
	size_t i;

	printf("\t'%s') words=\"--config", c->name);
	print_options(c->args);
	if (c->more)
		print_options(c->more);
	if (!strncmp(c->name, "completion", 10))
		printf(" bash");
	if (strstr(c->args, "grid|local"))
		printf(" grid local");
	printf("\"");
	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		if (strstr(c->args, asked[i].word) &&
		    strncmp(c->name, "job submit", 10))
			printf(" ids='%s'", asked[i].list);
	if (strstr(c->args, "FILE") || strstr(c->args, "DIR"))
		printf(" files=1");
	printf(" ;;\n");
}

int completion(int argc, char **argv, void *arg)
{
	const struct cmd *c;

	(void)arg;
	if (argc != 2 || strcmp(argv[1], "bash"))
		return cmd_misuse("only for bash");
	printf("# bash completion for gridctl, made by `gridctl completion "
	       "bash`\n"
	       "_gridctl()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} first='' second='' i w\n"
	       "\tlocal words='' ids='' files='' config=()\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tw=${COMP_WORDS[i]}\n"
	       "\t\tif [[ $w == --config ]]; then\n"
	       "\t\t\tconfig=(--config \"${COMP_WORDS[++i]}\")\n"
	       "\t\telif [[ $w != -* && -z $first ]]; then first=$w\n"
	       "\t\telif [[ $w != -* && -z $second ]]; then second=$w\n"
	       "\t\tfi\n"
	       "\tdone\n"
	       "\tcase $first in\n"
	       "\t'') words=\"--config --json --help --version");
	print_first_words();
	printf("\" ;;\n");
	print_groups();
	printf("\tesac\n"
	       "\t[[ $first == completion ]] && second=\n"
	       "\tcase \"$first${second:+ $second}\" in\n");
	for (c = ctl_commands; c->name; c++)
		print_command(c);
	printf("\tesac\n"
	       "\tif [[ -n $ids && $cur != -* ]]; then\n"
	       "\t\t# shellcheck disable=SC2086\n"
	       "\t\twords+=\" $(gridctl \"${config[@]}\" $ids 2>/dev/null |\n"
	       "\t\t\tawk 'NR > 1 { print $1 }')\"\n"
	       "\tfi\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\" | sort -u)\n"
	       "\tif [[ -n $files && $cur != -* ]]; then\n"
	       "\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f "
	       "-- \"$cur\")\n"
	       "\tfi\n"
	       "}\n"
	       "complete -F _gridctl gridctl\n");
	return CMD_EXIT_OK;
}
