/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "tool.h"

static int disk_fd = -1; /* for the life of the program */

static int read_disk(void *arg, uint64_t offset, uint32_t len, void *buf)
{
	uint8_t *to = buf;

	(void)arg;
	while (len) {
		ssize_t k = pread(disk_fd, to, len, (off_t)offset);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k ? -errno : -EIO; /* it was cut meanwhile */
		to += k;
		offset += (uint64_t)k;
		len -= (uint32_t)k;
	}
	return 0;
}

int tool_disk_open(struct loop *loop, const char *path, struct imagedev **dev,
		   struct errinfo *err)
{
	struct stat st;

	disk_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (disk_fd < 0 || fstat(disk_fd, &st))
		return errinfo_set_errno(err, -errno, "%s", path);
	if (!S_ISREG(st.st_mode) || !st.st_size || st.st_size % 512)
		return errinfo_set(err, -EINVAL,
				   "%s: not a disk: it must be a regular file "
				   "whose size is a multiple of 512",
				   path);
	return imagedev_open_plain(loop, (uint64_t)st.st_size, read_disk, NULL,
				   dev, err);
}
