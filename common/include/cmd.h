/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd - a tool as one table of commands.
 *
 * Names may be two words ("node list"). Help and completion come from the
 * table. Exit status: 0 done, 1 failed, 2 used wrongly.
 */
#ifndef CMD_H
#define CMD_H

#define CMD_EXIT_OK     0
#define CMD_EXIT_FAILED 1
#define CMD_EXIT_USAGE  2

struct cmd {
	const char *name; /* NULL ends the table */
	/* argv[0] is the command's last word; arg is what cmd_main was given */
	int (*fn)(int argc, char **argv, void *arg);
	const char *args; /* "NAME [FILE...]", for usage lines */
	const char *help; /* one line */
	const char *more; /* text for `tool CMD --help`, or NULL */
};

/* argv[0] is the first word of the command (global options already taken by
 * the caller). Handles "help", "--help" behind a command, unknown commands. */
int cmd_main(const char *tool, const struct cmd *table, int argc, char **argv,
	     void *arg);
void cmd_usage(const char *tool, const struct cmd *table, int to_stderr);
/* Says what is wrong and how it is used; returns CMD_EXIT_USAGE. */
int cmd_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#ifdef __clang_analyzer__
#define cmd_misuse(...) (cmd_misuse(__VA_ARGS__), CMD_EXIT_USAGE)
#endif

#endif
