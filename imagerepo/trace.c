/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a boot read: root.trace.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "index.h"
#include "parse.h"
#include "repo.h"

#define TRACE_MAX (256u << 20) /* bytes of the file */

int imagerepo_trace_load(const char *file, uint64_t disk_size,
			 uint32_t **blocks, size_t *n, struct errinfo *err)
{
	auto_free char *text = NULL;
	auto_free uint32_t *list = NULL;
	auto_free uint8_t *seen = NULL;
	uint64_t block, end = disk_size / INDEX_BLOCK;
	size_t len, count = 0;
	int rc = fileio_read(file, TRACE_MAX, &text, &len, err);

	if (rc)
		return rc;
	list = malloc((len / 2 + 1) * sizeof(*list));
	seen = calloc(1, end / 8 + 1);
	if (!list || !seen)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (char *p = text, *eol; *p; p = eol + 1) {
		eol = strchr(p, '\n');
		if (eol)
			*eol = 0;
		if (!eol || parse_u64(p, 0, end - 1, &block))
			return errinfo_set(err, -EBADMSG,
					   "%s:%zu: not a block of the disk",
					   file, count + 1);
		if (seen[block / 8] & 1 << block % 8)
			return errinfo_set(err, -EBADMSG,
					   "%s:%zu: block %llu again", file,
					   count + 1, (unsigned long long)block);
		seen[block / 8] |= (uint8_t)(1 << block % 8);
		list[count++] = (uint32_t)block;
	}
	*blocks = TAKE(list);
	*n = count;
	return 0;
}
