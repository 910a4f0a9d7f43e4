/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl - one command line for operators, maintainers and owners. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

const struct cmd ctl_commands[] = {
	{ "segment list", segment_list, "[--json]",
	  "segments, and foreign DHCP servers on them", NULL },
	{ "segment show", segment_show, "[--json]",
	  "the gateway's own: tunnels, walls, foreign DHCP servers",
	  "Asks the gateway's own socket (gateway { url } in the "
	  "configuration)." },
	{ "node list", node_list, "[--json]", "PCs and where each stands", NULL },
	{ "node show", node_show, "SEGMENT/NODE [--json]",
	  "one PC: boot steps, host, domUs", NULL },
	{ "node boot", node_boot, "NODE grid|local [--once]",
	  "the owner's word on how a PC boots",
	  "Goes to the gateway's own socket (gateway { url } in the "
	  "configuration), above\nany workspace. --once: for the next boot "
	  "only. local: also ends what runs." },
	{ "job submit", job_submit, "[OPTION...] -- COMMAND [ARG...] | FILE",
	  "submit a job; prints its number",
	  "  --count N, --range A-B   how many tasks, or their indexes\n"
	  "  --name NAME              for people\n"
	  "  --input FILE[=NAME]      put into each task's directory (many)\n"
	  "  --env NAME=VALUE         environment (many)\n"
	  "  --retries N              failures of a task that are forgiven\n"
	  "  --priority N             higher goes first\n"
	  "  --memory SIZE            of a task, like 64M\n"
	  "  --wall TIME, --cpu TIME  of a task, like 90s or 15m\n"
	  "  --output-max SIZE        bytes of output that are kept\n"
	  "  --key KEY                the same key again is the same job\n"
	  "  --dry-run                print what would be submitted\n"
	  "  --wait, --timeout TIME   then do as `job wait`\n\n"
	  "{index} in arguments and environment is the task's index.\n"
	  "  gridctl job submit --count 40 --input ll -- ./ll {index}\n"
	  "  gridctl job submit night.job" },
	{ "job list", job_list, "[--all] [--json]",
	  "jobs, newest first (20 unless --all)", NULL },
	{ "job show", job_show, "JOB [--json]", "a job and its tasks", NULL },
	{ "job wait", job_wait, "JOB [--timeout TIME] [--json]",
	  "wait until a job ended",
	  "Exit status: 0 done, 1 failed or cancelled, 3 timeout." },
	{ "job cancel", job_cancel, "JOB...", "cancel jobs", NULL },
	{ "job result", job_result, "JOB [INDEX] [-o DIR] [--json]",
	  "print outputs, checked by their SHA-256",
	  "-o DIR: one file a task, DIR/INDEX.out. Exit status 1 unless every "
	  "task is done." },
	{ "image list", image_list, "[--json]", "images and channels", NULL },
	{ "workspace list", workspace_list, "[--json]", "workspaces", NULL },
	{ "workspace apply", workspace_apply, "FILE [--dry-run] [--json]",
	  "make workspaces as a file says; others stay", NULL },
	{ "workspace delete", workspace_delete, "NAME...",
	  "delete workspaces: their domUs end", NULL },
	{ "completion", completion, "bash", "print a completion script", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static int usage(int to_stderr)
{
	cmd_usage("gridctl", ctl_commands, to_stderr);
	fputs("\noptions: --config FILE (or $GRIDCTL_CONFIG, or "
	      "~/.config/nightshift/gridctl.conf)\n"
	      "         --json, --version, --help\n",
	      to_stderr ? stderr : stdout);
	return to_stderr ? CMD_EXIT_USAGE : CMD_EXIT_OK;
}

/* --json and --config may stand anywhere before "--"; takes them out. */
static int take_globals(struct ctl *ctl, int argc, char **argv)
{
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			while (i < argc)
				argv[n++] = argv[i++];
			break;
		}
		if (!strcmp(argv[i], "--json"))
			ctl->json = 1;
		else if (!strcmp(argv[i], "--config") && i + 1 < argc)
			ctl->config_path = argv[++i];
		else if (!strncmp(argv[i], "--config=", 9))
			ctl->config_path = argv[i] + 9;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { NULL, 0, NULL, NULL, NULL, NULL };
	int status;

	signal(SIGPIPE, SIG_DFL);
	argc = take_globals(&ctl, argc - 1, argv + 1);
	argv++;
	if (!argc)
		return usage(1);
	if (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V")) {
		puts("gridctl " NIGHTSHIFT_VERSION);
		return CMD_EXIT_OK;
	}
	if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h") ||
	    !strcmp(argv[0], "help"))
		return usage(0);
	status = cmd_main("gridctl", ctl_commands, argc, argv, &ctl);
	ctl_dispose(&ctl);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		perror("gridctl: standard output");
		return CMD_EXIT_FAILED;
	}
	return status;
}
