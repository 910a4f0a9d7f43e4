/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scratch library by hand, for tests/boot/scratch.sh.
 *
 * usage: scratch-try open TYPE LABEL MIB | close
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "scratch.h"

int main(int argc, char **argv)
{
	struct errinfo err = ERRINFO_INIT;
	struct scratch_policy policy = { .label = "" };
	char path[SCRATCH_PATH];
	uint64_t size = 0;
	int rc = -1, mib;

	if (argc == 2 && !strcmp(argv[1], "close")) {
		rc = scratch_close(&err);
		printf("closed: %s\n", rc ? errinfo_text(&err, rc) : "ok");
	} else if (argc == 5 && !strcmp(argv[1], "open") &&
		   !scratch_parse_guid(argv[2], policy.type) &&
		   !parse_int(argv[4], 0, 1 << 20, &mib)) {
		snprintf(policy.label, sizeof(policy.label), "%s", argv[3]);
		policy.size_max = (uint64_t)mib << 20;
		rc = scratch_open(&policy, path, &size, &err);
		if (rc)
			printf("refused: %s\n", errinfo_text(&err, rc));
		else
			printf("opened: %s %llu\n", path,
			       (unsigned long long)size);
	}
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
