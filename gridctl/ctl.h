/* SPDX-License-Identifier: Apache-2.0 */
/* ctl - what gridctl's commands share: who to ask, how to say it. */
#ifndef CTL_H
#define CTL_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "cmd.h"
#include "conf.h"
#include "errinfo.h"
#include "httpc.h"

#define CTL_EXIT_TIMEOUT 3

struct ctl {
	const char *config_path; /* --config, or NULL */
	int json;
	struct httpc *central; /* made when first needed */
	struct httpc *gateway;
	char *central_url, *gateway_url;
};

extern const struct cmd ctl_commands[];

/* --- config.c ------------------------------------------------------------ */

/* Both report their errors and return NULL on failure. */
struct httpc *ctl_central(struct ctl *ctl);
struct httpc *ctl_gateway(struct ctl *ctl);
void ctl_dispose(struct ctl *ctl);
/* Prints a file's errors; returns how many. */
int ctl_conf_errors(const struct conf *c);

/* --- ask.c --------------------------------------------------------------- */

/* One line on stderr; returns CMD_EXIT_FAILED. */
int ctl_fail(const struct errinfo *err, int rc);
/* Asks the central; on failure has said why and returns NULL. */
json_t *ctl_get(struct ctl *ctl, const char *path);
/* {"tasks": [...]} of a job, all of them. */
json_t *ctl_tasks(struct ctl *ctl, int64_t job);
/* Like it with a body; *out may be NULL. Returns an exit status. */
int ctl_send(struct ctl *ctl, const char *method, const char *path,
	     const json_t *body, json_t **out);
/* --json: the document as it is; takes ownership. Returns an exit status. */
int ctl_print_json(json_t *doc);

/* Members with defaults, for documents of servers. */
const char *ctl_str(const json_t *o, const char *name);
int64_t ctl_int(const json_t *o, const char *name);
/* "12", or misuse: returns 0 and has said so. */
int ctl_id(const char *text, int64_t *id);

/* --- format.c ------------------------------------------------------------ */

#define FORMAT_MAX 32
const char *format_age(char out[FORMAT_MAX], int64_t ms);     /* "3h20m" */
const char *format_size(char out[FORMAT_MAX], int64_t bytes); /* "1.2M" */
/* The age of a point in time; "-" for 0. */
const char *format_since(char out[FORMAT_MAX], int64_t unix_ms);

/* --- table.c ------------------------------------------------------------- */

/* A table for people: aligned, the last column cut to the terminal, states
 * coloured on a terminal only. Foreign text is escaped. */
struct table;

#define TABLE_RIGHT '>' /* first letter of a title: align right */
#define TABLE_STATE '!' /* a state: coloured by its name */

/* titles: NULL-terminated. */
struct table *table_new(const char *const *titles);
void table_add(struct table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* next cell */
int table_print(struct table *t);              /* and frees; exit status */
/* A state for a line of its own, coloured on a terminal. */
void table_print_state(FILE *out, const char *state);

/* --- progress.c ---------------------------------------------------------- */

/* The bar of a job on stderr; `final` ends the line. */
struct progress {
	int64_t start_ms, start_ended, said_ms;
	int tty;
};
void progress_start(struct progress *p);
void progress_show(struct progress *p, const json_t *job, int final);

/* --- commands ------------------------------------------------------------ */

int segment_list(int argc, char **argv, void *arg);
int segment_show(int argc, char **argv, void *arg);
int node_list(int argc, char **argv, void *arg);
int node_show(int argc, char **argv, void *arg);
int node_boot(int argc, char **argv, void *arg);
int image_list(int argc, char **argv, void *arg);
int workspace_list(int argc, char **argv, void *arg);
int workspace_apply(int argc, char **argv, void *arg);
int workspace_delete(int argc, char **argv, void *arg);
int job_list(int argc, char **argv, void *arg);
int job_show(int argc, char **argv, void *arg);
int job_wait(int argc, char **argv, void *arg);
int job_cancel(int argc, char **argv, void *arg);
int job_result(int argc, char **argv, void *arg);
int job_submit(int argc, char **argv, void *arg);
int completion(int argc, char **argv, void *arg);

/* Waits until the job ended; timeout_sec 0: for ever. The exit status of
 * `job wait`. */
int job_wait_for(struct ctl *ctl, int64_t id, uint64_t timeout_sec);
/* For conf files: a size in MiB (has reported an error and returns 0). */
int ctl_conf_mib(struct conf *f, const struct conf_stmt *s, int64_t *mib);
int ctl_conf_int(struct conf *f, const struct conf_stmt *s, int min, int max,
		 int64_t *out);

#endif
