/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever lies on the segment's wire. */
#include <stdlib.h>
#include <string.h>

#include "dhcp-frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* Of its own size, so that a byte too far is seen. */
	uint8_t *frame = malloc(len ? len : 1);
	struct dhcp_answer a;

	if (!frame)
		return 0;
	memcpy(frame, data, len);
	if (!dhcp_frame_parse(frame, len, &a)) {
		if (!memchr(a.file, '\0', sizeof(a.file)))
			abort();
		for (const char *p = a.file; *p; p++)
			if (*p <= ' ' || *p > '~')
				abort();
	}
	free(frame);
	return 0;
}
