/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flip-bytes N SEED FILE...: changes N bytes in all, at random places.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static off_t size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) ? 0 : st.st_size;
}

static int flip(const char *file, off_t at)
{
	int fd = open(file, O_RDWR | O_CLOEXEC), rc;
	unsigned char c = 0;

	rc = fd < 0 || pread(fd, &c, 1, at) != 1;
	c ^= (unsigned char)(1 + random() % 255);
	rc = rc || pwrite(fd, &c, 1, at) != 1;
	close(fd);
	return rc;
}

int main(int argc, char **argv)
{
	off_t total = 0;

	if (argc < 4)
		return 2;
	srandom((unsigned int)atoi(argv[2]));
	for (int i = 3; i < argc; i++)
		total += size_of(argv[i]);
	for (int n = atoi(argv[1]); n > 0 && total > 0; n--) {
		off_t at = (off_t)random() % total;
		int i = 3;

		while (at >= size_of(argv[i]))
			at -= size_of(argv[i++]);
		if (flip(argv[i], at)) {
			perror(argv[i]);
			return 1;
		}
	}
	return 0;
}
