/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job's bar on stderr: done and failed against all, rate and time to go. A
 * terminal sees it move; a log gets a line every ten seconds and one at the
 * end.
 */
#include <string.h>
#include <unistd.h>

#include "clock.h"

#include "ctl.h"

#define LOG_EVERY_MS 10000
#define BAR_WIDTH    24

void progress_start(struct progress *p)
{
	*p = (struct progress){ clock_boot_ms(), -1, 0, isatty(STDERR_FILENO) };
}

static void bar(char *out, size_t size, int64_t part, int64_t all)
{
	size_t full = all > 0 ? (size_t)(part * BAR_WIDTH / all) : 0;

	if (full > BAR_WIDTH)
		full = BAR_WIDTH;
	snprintf(out, size, "[%.*s%.*s]", (int)full, "########################",
		 (int)(BAR_WIDTH - full), "........................");
}

/* By what ended since we look: what ended before says nothing of now. */
static void add_rate(const struct progress *p, int64_t ended, int64_t all,
		     char *out, size_t size)
{
	int64_t ms = clock_boot_ms() - p->start_ms;
	int64_t n = ended - p->start_ended;
	char eta[FORMAT_MAX];
	int64_t left_ms;
	size_t len;

	out[0] = '\0';
	if (n <= 0 || ms <= 0)
		return;
	snprintf(out, size, ", %.1f/s", (double)n * 1000 / (double)ms);
	left_ms = (all - ended) * ms / n;
	if (left_ms < 1000)
		return;
	len = strlen(out);
	snprintf(out + len, size - len, ", %s to go", format_age(eta, left_ms));
}

void progress_show(struct progress *p, const json_t *job, int final)
{
	int64_t all = ctl_int(job, "count"), failed = ctl_int(job, "failed");
	int64_t ended = ctl_int(job, "done") + failed + ctl_int(job, "cancelled");
	char graph[64], rate[64] = "", took[FORMAT_MAX];
	int64_t now = clock_boot_ms();

	if (p->start_ended < 0)
		p->start_ended = ended;
	if (!final && !p->tty && p->said_ms && now - p->said_ms < LOG_EVERY_MS)
		return;
	p->said_ms = now;
	bar(graph, sizeof(graph), ended, all);
	if (!final)
		add_rate(p, ended, all, rate, sizeof(rate));
	fprintf(stderr, "%sjob %lld %s%s%lld of %lld done, %lld running",
		p->tty ? "\r\033[K" : "", (long long)ctl_int(job, "id"),
		p->tty ? graph : "", p->tty ? " " : "",
		(long long)ctl_int(job, "done"), (long long)all,
		(long long)ctl_int(job, "leased"));
	if (failed)
		fprintf(stderr, ", %lld failed", (long long)failed);
	if (ctl_int(job, "cancelled"))
		fprintf(stderr, ", %lld cancelled",
			(long long)ctl_int(job, "cancelled"));
	fprintf(stderr, "%s", rate);
	if (final) {
		format_age(took, ctl_int(job, "ended_ms") -
					 ctl_int(job, "created_ms"));
		fprintf(stderr, ": ");
		table_print_state(stderr, ctl_str(job, "state"));
		fprintf(stderr, " after %s", took);
	}
	if (final || !p->tty)
		fputc('\n', stderr);
	fflush(stderr);
}
