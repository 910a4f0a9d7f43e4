/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "steps.h"

#define LOOK_MAX 262144 /* of a log's start; the marks come early */

static const struct {
	enum step step;
	const char *mark; /* "" is any byte at all */
} marks[] = {
	{ STEP_FIRMWARE, "" },
	{ STEP_XEN, "Xen version 4" },
};

void steps_from_serial(struct pc *pc, int64_t now_ms)
{
	static char text[LOOK_MAX];
	auto_close int fd = open(pc->serial, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	if (n <= 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (!pc->at_ms[marks[i].step] &&
		    memmem(text, (size_t)n, marks[i].mark, strlen(marks[i].mark)))
			pc->at_ms[marks[i].step] = now_ms;
}
