/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#include "ctl.h"

#define COLUMNS_MAX 16
#define CELL_MAX    256
#define GAP         2

struct table {
	const char *titles[COLUMNS_MAX];
	char flags[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	size_t columns, shown;
	char **cells; /* row by row */
	size_t n, room;
	int failed;
};

static const struct {
	const char *state, *colour;
} colours[] = {
	{ "done", "32" },      { "running", "32" },  { "leased", "36" },
	{ "failed", "31" },    { "refused", "31" },  { "lost", "31" },
	{ "cancelled", "33" }, { "local", "2" },     { "unknown", "2" },
	{ "fetching", "36" },  { "verified", "36" }, { "enrolled", "36" },
	{ "dom0", "36" },      { "asked", "36" },
};

static const char *colour_of(const char *state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(colours); i++)
		if (!strcmp(colours[i].state, state))
			return colours[i].colour;
	return NULL;
}

struct table *table_new(const char *const *titles)
{
	struct table *t = calloc(1, sizeof(*t));

	for (; t && *titles && t->columns < COLUMNS_MAX; titles++) {
		const char *title = *titles;

		if (*title == TABLE_RIGHT || *title == TABLE_STATE)
			t->flags[t->columns] = *title++;
		t->titles[t->columns] = title;
		t->width[t->columns++] = strlen(title);
	}
	return t;
}

static int grow(struct table *t)
{
	size_t room = t->room ? 2 * t->room : 64;
	char **cells = reallocarray(t->cells, room, sizeof(*cells));

	if (!cells)
		return 0;
	t->cells = cells;
	t->room = room;
	return 1;
}

void table_add(struct table *t, const char *fmt, ...)
{
	auto_free char *raw = NULL;
	char *cell;
	va_list ap;
	int r;

	if (!t || t->failed)
		return;
	va_start(ap, fmt);
	r = vasprintf(&raw, fmt, ap);
	va_end(ap);
	cell = malloc(CELL_MAX);
	if (r < 0 || !cell || (t->n == t->room && !grow(t))) {
		free(cell);
		t->failed = 1;
		return;
	}
	log_quote(cell, CELL_MAX, raw, strlen(raw));
	if (strlen(cell) > t->width[t->n % t->columns])
		t->width[t->n % t->columns] = strlen(cell);
	t->cells[t->n++] = cell;
}

/* Of the terminal; 0 where there is none: nothing is cut in pipes. */
static size_t terminal_width(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		return 0;
	return ws.ws_col;
}

/* What is too wide is taken from the last column. */
static void fit(struct table *t)
{
	size_t i, total = 0, have = terminal_width();
	size_t last = t->shown - 1;

	for (i = 0; i < last; i++)
		total += t->width[i] + GAP;
	if (!have || total + t->width[last] <= have)
		return;
	t->width[last] = have > total + 8 ? have - total : 8;
}

/* A last column with nothing in it (no errors) is not worth its title. */
static void hide_empty_last(struct table *t)
{
	size_t i;

	t->shown = t->columns;
	for (i = t->columns - 1; i < t->n; i += t->columns)
		if (*t->cells[i])
			return;
	t->shown--;
}

static void print_text(const struct table *t, size_t column, const char *text)
{
	int width = (int)t->width[column];

	if (t->flags[column] == TABLE_RIGHT)
		printf("%*s", width, text);
	else if (column + 1 < t->shown)
		printf("%-*s", width, text);
	else if (strlen(text) > (size_t)width)
		printf("%.*s...", width - 3, text);
	else
		printf("%s", text);
}

static void print_row(const struct table *t, const char *const *cells,
		      int is_title)
{
	const char *colour;
	size_t i;

	for (i = 0; i < t->shown; i++) {
		colour = NULL;
		if (t->flags[i] == TABLE_STATE && !is_title &&
		    isatty(STDOUT_FILENO))
			colour = colour_of(cells[i]);
		if (i && (i + 1 < t->shown || *cells[i]))
			printf("%*s", GAP, "");
		if (colour)
			printf("\033[%sm", colour);
		print_text(t, i, cells[i]);
		if (colour)
			printf("\033[0m");
	}
	putchar('\n');
}

int table_print(struct table *t)
{
	size_t i;
	int failed;

	if (!t)
		return CMD_EXIT_FAILED;
	hide_empty_last(t);
	fit(t);
	print_row(t, t->titles, 1);
	for (i = 0; i + t->columns <= t->n; i += t->columns)
		print_row(t, (const char *const *)&t->cells[i], 0);
	for (i = 0; i < t->n; i++)
		free(t->cells[i]);
	failed = t->failed;
	free(t->cells);
	free(t);
	return failed ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

void table_print_state(FILE *out, const char *state)
{
	const char *colour = isatty(fileno(out)) ? colour_of(state) : NULL;

	if (colour)
		fprintf(out, "\033[%sm%s\033[0m", colour, state);
	else
		fprintf(out, "%s", state);
}
