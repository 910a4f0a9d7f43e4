/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz harness over files: what a fuzzer once found stays tested, with
 * any compiler. The program test-fuzz-NAME reads tests/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"

#define FILE_MAX (1024 * 1024)
#define PREFIX   "test-fuzz-"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int run_file(const char *dir, const char *name)
{
	auto_free char *path = NULL, *data = NULL;
	size_t len;

	if (asprintf(&path, "%s/%s", dir, name) < 0 ||
	    fileio_read(path, FILE_MAX, &data, &len, NULL))
		return 1;
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	return 0;
}

int main(void)
{
	const char *name = program_invocation_short_name;
	auto_free char *dir = NULL;
	unsigned int n = 0;
	struct dirent *e;
	DIR *d;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
	    asprintf(&dir, "tests/fuzz/corpus/%s", name + strlen(PREFIX)) < 0)
		return 1;
	d = opendir(dir);
	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (run_file(dir, e->d_name))
			return 1;
		n++;
	}
	if (d)
		closedir(d);
	printf("%u files of %s\n", n, dir);
	return !n;
}
