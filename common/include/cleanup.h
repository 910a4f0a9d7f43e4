/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup - memory and descriptors that end with their scope.
 *
 *	auto_free char *text = NULL;
 *	auto_close int fd = -1;
 *	...
 *	*out = TAKE(text);		// handed over: no longer ours
 *
 * For memory and descriptors only. Effects on the world (a created domain, a
 * published file) are unwound by named goto labels. errno is preserved.
 */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <stdio.h>

void cleanup_free(void *p); /* p points at the pointer */
void cleanup_close(const int *fd);
void cleanup_fclose(FILE **f);

#define auto_free   __attribute__((cleanup(cleanup_free)))
#define auto_close  __attribute__((cleanup(cleanup_close)))
#define auto_fclose __attribute__((cleanup(cleanup_fclose)))

#define TAKE(p)                             \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
