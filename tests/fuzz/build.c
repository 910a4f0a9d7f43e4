/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what a build reads. The first byte says what the rest is:
 *
 *	'c'	a list of contents
 *	'j'	an image.json
 *	't'	a tar archive, put into a tree
 *
 * What is accepted must be the same when it is made anew; no path in a tree
 * leads out of it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../imagerepo/tool/archive-in.h"
#include "cleanup.h"
#include "contents.h"
#include "draft.h"
#include "fileio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_contents(const void *doc, size_t len)
{
	auto_free char *again = NULL;
	struct contents *c;
	size_t n;

	if (imagerepo_contents_parse(doc, len, &c, NULL))
		return;
	if (imagerepo_contents_print(c, &again, &n, NULL))
		abort();
	imagerepo_contents_free(c);
	if (imagerepo_contents_parse(again, n, &c, NULL))
		abort();
	imagerepo_contents_free(c);
}

static void try_draft(const void *doc, size_t len)
{
	static struct image_draft d, d2;
	auto_free char *again = NULL;

	if (imagerepo_draft_parse(doc, len, &d, NULL))
		return;
	if (imagerepo_draft_print(&d, &again, NULL) ||
	    imagerepo_draft_parse(again, strlen(again), &d2, NULL) ||
	    memcmp(&d, &d2, sizeof(d)) != 0)
		abort();
}

static void check_path(const char *path)
{
	char padded[TREE_PATH + 2];

	snprintf(padded, sizeof(padded), "/%s/", path);
	if (strstr(padded, "/../") || strstr(padded, "/./") ||
	    strstr(padded, "//"))
		abort();
}

static void try_tar(const void *doc, size_t len)
{
	auto_close int fd = memfd_create("tar", MFD_CLOEXEC);
	char spool[] = "/tmp/fuzz-build.XXXXXX";
	int file = mkstemp(spool);
	struct tree t = { .layer = 1 };
	struct archive_in in;

	if (file < 0 || fd < 0 || fileio_write_all(fd, doc, len) ||
	    lseek(fd, 0, SEEK_SET) || archive_open(&in, &t, spool, NULL))
		abort();
	close(file);
	unlink(spool);
	in.max = 1 << 20;
	in.whiteouts = 1;
	archive_read_fd(&in, fd, "fuzz", NULL);
	tree_sort(&t);
	for (size_t i = 0; i < t.n; i++)
		check_path(t.entries[i].path);
	archive_close(&in);
	tree_dispose(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	if (data[0] == 'c')
		try_contents(data + 1, len - 1);
	else if (data[0] == 'j')
		try_draft(data + 1, len - 1);
	else if (data[0] == 't')
		try_tar(data + 1, len - 1);
	return 0;
}
