/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contents - what is in an image, for people: packages and files. A text,
 * blob "contents" of the manifest, so that two versions can be compared
 * without either of them.
 *
 *	nightshift-contents 1
 *	package NAME VERSION ARCH KIB
 *	...
 *	file /PATH MODE UID:GID SIZE WHAT
 *	...
 *
 * Words are divided by one tab, lines end in a newline, packages come first;
 * both kinds are sorted (strcmp) by name, path. MODE is st_mode in octal, KIB
 * the package's Installed-Size, SIZE decimal (0 unless a regular file). WHAT is
 * the SHA-256 of a regular file, the target of a symbolic link, MAJOR:MINOR of
 * a device, "-" else. Bytes below 0x21, '\\' and 0x7f are written \xNN.
 *
 * Bytes in memory, no files; errors as in errinfo.h, -EBADMSG for what is not
 * of the form.
 */
#ifndef CONTENTS_H
#define CONTENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "errinfo.h"

#define CONTENTS_MAX      (512u << 20) /* bytes of the text */
#define CONTENTS_PATH_MAX 4096

struct contents_package {
	const char *name, *version, *arch;
	uint64_t kib; /* unpacked; 0: not known */
};

struct contents_file {
	const char *path; /* with its leading slash, not escaped */
	mode_t mode;
	uint32_t uid, gid;
	uint64_t size;
	const char *what;
};

struct contents {
	struct contents_package *packages;
	size_t n_packages;
	struct contents_file *files;
	size_t n_files;
	void *strings; /* owns what the members point to; NULL: nobody does */
};

int imagerepo_contents_parse(const void *doc, size_t len, struct contents **out,
			     struct errinfo *err);
void imagerepo_contents_free(struct contents *c);
/* The text; caller frees. Both lists are sorted in place; a name or path that
 * is there twice is -EEXIST. */
int imagerepo_contents_print(struct contents *c, char **doc, size_t *len,
			     struct errinfo *err);

#endif
