/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - one line per event, to stderr or to the kernel log.
 *
 *	gridagent[hv]: domain 7 (batch-1): created
 *
 * err: someone must act. warn: we coped. info: one line per state change.
 * debug: off by default, adds file:line. Only programs log; libraries return
 * errors. Never log secrets or raw foreign text (use log_quote).
 */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* name is borrowed for the life of the program; role may be NULL. */
void log_init(const char *name, const char *role);
void log_set_level(enum log_level level);
/* Lines go to fd instead of stderr, prefixed "<N>" as syslog and /dev/kmsg
 * read it when kmsg is non-zero. */
void log_set_fd(int fd, int kmsg);
/* Adds a UTC time stamp to each line (off by default). */
void log_set_timestamps(int on);

void log_write(enum log_level level, const char *file, int line,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define log_err(...)  log_write(LOG_LEVEL_ERR, __FILE__, __LINE__, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __FILE__, __LINE__, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __FILE__, __LINE__, __VA_ARGS__)
#define log_debug(...) \
	log_write(LOG_LEVEL_DEBUG, __FILE__, __LINE__, __VA_ARGS__)

/* Escapes at most len bytes of foreign text into buf (always terminated; cut
 * with "..." where it does not fit): printable ASCII as is, the rest as \xNN.
 * Returns buf. */
const char *log_quote(char *buf, size_t size, const void *text, size_t len);

#endif
