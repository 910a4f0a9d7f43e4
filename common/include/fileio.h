/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fileio - whole files and whole buffers. Negative errno on failure.
 */
#ifndef FILEIO_H
#define FILEIO_H

#include <stddef.h>
#include <sys/types.h>

#include "errinfo.h"

/* Reads a whole file of at most max bytes; -EFBIG if larger. *data is NUL
 * terminated behind *len, caller frees with free(). len may be NULL. */
int fileio_read(const char *path, size_t max, char **data, size_t *len,
		struct errinfo *err);
int fileio_read_fd(int fd, size_t max, char **data, size_t *len);

/* Replaces path by a complete new file or leaves it as it was: written beside
 * it, fsynced, renamed, directory fsynced. */
int fileio_write_atomic(const char *path, const void *data, size_t len,
			mode_t mode, struct errinfo *err);

int fileio_write_all(int fd, const void *data, size_t len); /* 0 or -errno */
int fileio_read_all(int fd, void *data, size_t len); /* exact; -EPIPE short */

/* Like mkdir -p. */
int fileio_mkdirs(const char *path, mode_t mode, struct errinfo *err);

#endif
