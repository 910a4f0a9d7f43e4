/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive - foreign archives become a tree. Nothing is unpacked: the bytes of
 * all files go one after another to one file of ours (the spool), names and
 * links are only data, and bounds hold from the first byte.
 */
#ifndef ARCHIVE_IN_H
#define ARCHIVE_IN_H

#include "tree.h"

#define ARCHIVE_BYTES_MAX (16ULL << 30) /* of all files; see archive_in.max */

struct archive_in {
	struct tree *tree; /* to add to, as its tree->layer */
	char *spool;       /* path of the file with the bytes; owned */
	int spool_fd;
	uint64_t spooled;  /* bytes in it */
	uint64_t max;      /* more of it is refused: -EFBIG */
	int64_t mtime_max; /* later times are set to this one */
	int whiteouts;     /* ".wh." files remove what lower layers have */
	uint64_t ignored;  /* extended attributes that an image cannot hold */
};

int archive_open(struct archive_in *in, struct tree *tree, const char *spool,
		 struct errinfo *err);
void archive_close(struct archive_in *in); /* the spool stays */

/* Reads one archive, compressed or not: tar in all its dialects; for other
 * formats -EBADMSG. A ".." in a path, a link to what is not there, a socket, or
 * more bytes than the bound are errors. `name` is for messages. */
int archive_read_fd(struct archive_in *in, int fd, const char *name,
		    struct errinfo *err);
int archive_read_file(struct archive_in *in, const char *path,
		      struct errinfo *err);

/* An OCI image layout (directory): the layers of its one linux/amd64 image,
 * each blob compared with its digest before it is read. */
int archive_read_oci(struct archive_in *in, const char *dir, struct errinfo *err);

#endif
