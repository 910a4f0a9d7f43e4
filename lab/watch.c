/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab-watch - shows live, one line a PC, how the emulated segment boots.
 *
 * On a terminal the lines are redrawn in place; otherwise each step is a line
 * of its own as it happens. Ends when every PC has reached the wanted step, or
 * with status 1 when one is refused or failed, or time is up.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fileio.h"
#include "httpc.h"
#include "parse.h"
#include "steps.h"

#define POLL_MS      300
#define TIMEOUT_DFLT 300 /* seconds; a boot under emulation takes 40 */

struct watch {
	const char *lab;
	struct httpc *gateway, *central;
	struct pc pcs[PCS_MAX];
	int npcs;
	enum step until;
	int timeout_sec;
	int tty, drawn;
	const char *json; /* write the steps there at the end, or NULL */
};

static struct httpc *connect_to(const char *lab, const char *socket)
{
	char url[PATH_LEN];
	struct httpc_config config = { .url = url, .timeout_sec = 5 };
	struct errinfo err = ERRINFO_INIT;
	struct httpc *c;

	snprintf(url, sizeof(url), "unix:%s/%s", lab, socket);
	if (httpc_new(&config, &c, &err)) {
		fprintf(stderr, "lab-watch: %s\n", err.text);
		exit(1);
	}
	return c;
}

static void add_pc(struct watch *w, const char *name)
{
	struct pc *pc = &w->pcs[w->npcs++];
	struct errinfo err = ERRINFO_INIT;
	char path[PATH_LEN], *text;
	uint64_t on = 0;

	*pc = (struct pc){ .name = name };
	snprintf(pc->serial, sizeof(pc->serial), "%s/%s/serial.log", w->lab,
		 name);
	snprintf(path, sizeof(path), "%s/%s/on_ms", w->lab, name);
	if (fileio_read(path, 64, &text, NULL, &err)) {
		fprintf(stderr, "lab-watch: %s: is it powered on?\n", err.text);
		exit(1);
	}
	text[strcspn(text, "\n")] = '\0';
	if (parse_u64(text, 0, INT64_MAX, &on)) {
		fprintf(stderr, "lab-watch: %s: not a time\n", path);
		exit(1);
	}
	free(text);
	pc->on_ms = (int64_t)on;
}

/* A service that is away for a moment (tests restart them) is asked again. */
static json_t *ask(struct httpc *c, const char *path)
{
	json_t *reply = NULL;

	if (httpc_json(c, "GET", path, NULL, &reply, NULL))
		return NULL;
	return reply;
}

static void look(struct watch *w)
{
	json_t *gateway = ask(w->gateway, "/v1/admin/nodes");
	json_t *central = ask(w->central, "/v1/nodes");
	int64_t now = clock_unix_ms();

	for (int i = 0; i < w->npcs; i++) {
		steps_from_serial(&w->pcs[i], now);
		if (gateway)
			steps_from_gateway(&w->pcs[i], gateway, now);
		if (central)
			steps_from_central(&w->pcs[i], central, now);
	}
	json_decref(gateway);
	json_decref(central);
}

static void draw_pc(const struct pc *pc)
{
	enum step pending = step_pending(pc);
	double sum = (double)(clock_unix_ms() - pc->on_ms) / 1000;

	printf("\033[2K%-5s", pc->name);
	for (int i = 0; i < STEP_COUNT; i++) {
		if (i < (int)pending)
			printf(" \033[32m%s\033[0m %.1f", step_names[i],
			       step_seconds(pc, (enum step)i));
		else if (i == (int)pending)
			printf(" \033[1m%s ...\033[0m", step_names[i]);
		else
			printf(" \033[2m%s\033[0m", step_names[i]);
	}
	if (pc->error[0])
		printf("  \033[31m%.60s\033[0m", pc->error);
	else if (pending < STEP_COUNT)
		printf("  \033[2m%.0f s\033[0m", sum);
	putchar('\n');
}

static void show(struct watch *w)
{
	if (w->tty) {
		if (w->drawn)
			printf("\033[%dA", w->npcs);
		for (int i = 0; i < w->npcs; i++)
			draw_pc(&w->pcs[i]);
		w->drawn = 1;
	} else {
		for (int i = 0; i < w->npcs; i++) {
			struct pc *pc = &w->pcs[i];

			for (; pc->shown < (int)step_pending(pc); pc->shown++)
				printf("%s: %s (%.1f s)\n", pc->name,
				       step_names[pc->shown],
				       step_seconds(pc, (enum step)pc->shown));
		}
	}
	fflush(stdout);
}

static int is_done(const struct watch *w)
{
	for (int i = 0; i < w->npcs; i++)
		if (step_pending(&w->pcs[i]) <= w->until)
			return 0;
	return 1;
}

static const struct pc *broken(const struct watch *w)
{
	for (int i = 0; i < w->npcs; i++) {
		const struct pc *pc = &w->pcs[i];

		if (strcmp(pc->state, "refused") == 0 ||
		    strcmp(pc->state, "failed") == 0)
			return pc;
	}
	return NULL;
}

static int save(const struct watch *w)
{
	json_t *all = json_object();
	int rc;

	for (int i = 0; i < w->npcs; i++) {
		json_t *steps = json_object();

		for (int s = 0; s < STEP_COUNT; s++)
			if (w->pcs[i].at_ms[s])
				json_object_set_new(
					steps, step_names[s],
					json_integer(w->pcs[i].at_ms[s] -
						     w->pcs[i].on_ms));
		json_object_set_new(all, w->pcs[i].name, steps);
	}
	rc = json_dump_file(all, w->json, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(all);
	if (rc)
		fprintf(stderr, "lab-watch: %s: cannot be written\n", w->json);
	return rc;
}

static int watch(struct watch *w)
{
	const struct timespec pause = { 0, POLL_MS * 1000000L };
	int64_t end = clock_boot_ms() + (int64_t)w->timeout_sec * 1000;

	for (;;) {
		const struct pc *bad;

		look(w);
		show(w);
		if (is_done(w))
			return 0;
		bad = broken(w);
		if (bad) {
			fprintf(stderr, "lab-watch: %s: %s: %s\n", bad->name,
				bad->state, bad->error);
			return 1;
		}
		if (clock_boot_ms() > end)
			break;
		nanosleep(&pause, NULL);
	}
	for (int i = 0; i < w->npcs; i++)
		if (step_pending(&w->pcs[i]) <= w->until)
			fprintf(stderr,
				"lab-watch: %s: no '%s' after %d s; its serial log is %s\n",
				w->pcs[i].name,
				step_names[step_pending(&w->pcs[i])],
				w->timeout_sec, w->pcs[i].serial);
	return 1;
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: lab-watch [-u STEP] [-t SECONDS] [-j FILE] LAB PC...\n"
		"  -u STEP     until all PCs reached it (default: job)\n"
		"  -t SECONDS  give up after (default: %d)\n"
		"  -j FILE     write milliseconds since power on, by PC and step\n",
		TIMEOUT_DFLT);
	return status;
}

int main(int argc, char **argv)
{
	static struct watch w = { .until = STEP_JOB, .timeout_sec = TIMEOUT_DFLT };
	int opt, step, rc;

	while ((opt = getopt(argc, argv, "u:t:j:h")) != -1) {
		switch (opt) {
		case 'u':
			step = step_by_name(optarg);
			if (step < 0)
				return usage(2);
			w.until = (enum step)step;
			break;
		case 't':
			if (parse_int(optarg, 1, 86400, &w.timeout_sec))
				return usage(2);
			break;
		case 'j':
			w.json = optarg;
			break;
		default:
			return usage(opt == 'h' ? 0 : 2);
		}
	}
	if (argc - optind < 2 || argc - optind - 1 > PCS_MAX)
		return usage(2);
	w.lab = realpath(argv[optind++], NULL);
	if (!w.lab) {
		perror("lab-watch");
		return 1;
	}
	w.tty = isatty(STDOUT_FILENO);
	w.gateway = connect_to(w.lab, "gateway/gatewayd.sock");
	w.central = connect_to(w.lab, "central/centrald.sock");
	while (optind < argc)
		add_pc(&w, argv[optind++]);
	rc = watch(&w);
	if (w.json && save(&w))
		rc = 1;
	httpc_free(w.gateway);
	httpc_free(w.central);
	return rc;
}
