/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz harness over files: what a fuzzer once found stays tested, with
 * any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "fileio.h"

#define FILE_MAX (1024 * 1024)
#ifndef CORPUS
#error CORPUS is the directory of the files
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int main(void)
{
	DIR *d = opendir(CORPUS);
	struct dirent *e;
	unsigned int n = 0;

	while (d && (e = readdir(d)) != NULL) {
		auto_free char *path = NULL, *data = NULL;
		size_t len;

		if (e->d_name[0] == '.')
			continue;
		if (asprintf(&path, CORPUS "/%s", e->d_name) < 0 ||
		    fileio_read(path, FILE_MAX, &data, &len, NULL))
			return 1;
		LLVMFuzzerTestOneInput((const uint8_t *)data, len);
		n++;
	}
	if (d)
		closedir(d);
	printf("%u files of %s\n", n, CORPUS);
	return !n;
}
