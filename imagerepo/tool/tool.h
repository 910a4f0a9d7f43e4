/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool - what the commands of imagerepo(8) share.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdint.h>

#include "errinfo.h"

#define TOOL_NAME     "imagerepo"
#define TOOL_KEYS_MAX 8
/* Commands (argv[0] is the command's name); exit statuses of cmd.h. */
int tool_init(int argc, char **argv, void *arg);
int tool_key_new(int argc, char **argv, void *arg);
int tool_key_show(int argc, char **argv, void *arg);
int tool_build(int argc, char **argv, void *arg);
int tool_convert(int argc, char **argv, void *arg);
int tool_trace(int argc, char **argv, void *arg);
int tool_publish(int argc, char **argv, void *arg);
int tool_verify(int argc, char **argv, void *arg);
int tool_list(int argc, char **argv, void *arg);
int tool_channel_list(int argc, char **argv, void *arg);
int tool_channel_set(int argc, char **argv, void *arg);
int tool_channel_rollback(int argc, char **argv, void *arg);
int tool_revoke(int argc, char **argv, void *arg);
int tool_diff(int argc, char **argv, void *arg);
int tool_gc(int argc, char **argv, void *arg);
int tool_fsck(int argc, char **argv, void *arg);
int tool_mirror(int argc, char **argv, void *arg);
int tool_export(int argc, char **argv, void *arg);
int tool_import(int argc, char **argv, void *arg);
int tool_serve(int argc, char **argv, void *arg);

/* Prints "imagerepo: text" and gives CMD_EXIT_FAILED. */
int tool_fail(const struct errinfo *err, int rc);

/* DIR/NAME; caller frees. NULL: out of memory. */
char *tool_join(const char *dir, const char *name);

/* "8.2 MiB" */
#define TOOL_SIZE 16
const char *tool_size(uint64_t bytes, char out[TOOL_SIZE]);

/* "2026-11-21T02:00:00Z" of an option --at: the time to judge expiry by. 0 or
 * CMD_EXIT_USAGE. */
int tool_parse_at(const char *text, int64_t *unix_ms);

/* Runs a program to its end, its output dropped; its errors are shown.
 * -ENOENT if it is not there (`package` is what to install), -EIO if it fails.
 */
int tool_run(const char *const argv[], const char *package, struct errinfo *err);

#endif
