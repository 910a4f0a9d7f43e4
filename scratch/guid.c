/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch: GUIDs as text.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"
#include "scratch.h"

/* Where each byte on disk stands in the text, by pairs of digits. */
static const uint8_t order[SCRATCH_GUID] = { 3, 2, 1,  0,  5,  4,  7,  6,
					     8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t dashes[] = { 8, 13, 18, 23 };

int scratch_parse_guid(const char *text, uint8_t guid[SCRATCH_GUID])
{
	char hex[2 * SCRATCH_GUID + 1];
	uint8_t bytes[SCRATCH_GUID];
	size_t n = 0;

	if (strlen(text) != SCRATCH_GUID_STR - 1)
		return -EINVAL;
	for (size_t i = 0; text[i]; i++) {
		if (memchr(dashes, (int)i, sizeof(dashes))) {
			if (text[i] != '-')
				return -EINVAL;
			continue;
		}
		hex[n++] = text[i] >= 'A' && text[i] <= 'F'
				   ? (char)(text[i] - 'A' + 'a')
				   : text[i];
	}
	hex[n] = '\0';
	if (parse_hex(hex, bytes, sizeof(bytes)))
		return -EINVAL;
	for (size_t i = 0; i < SCRATCH_GUID; i++)
		guid[i] = bytes[order[i]];
	return 0;
}

void scratch_format_guid(const uint8_t guid[SCRATCH_GUID],
			 char text[SCRATCH_GUID_STR])
{
	char hex[2 * SCRATCH_GUID + 1];
	uint8_t bytes[SCRATCH_GUID];
	size_t n = 0;

	for (size_t i = 0; i < SCRATCH_GUID; i++)
		bytes[order[i]] = guid[i];
	format_hex(bytes, sizeof(bytes), hex);
	for (size_t i = 0; i < SCRATCH_GUID_STR - 1; i++)
		text[i] = memchr(dashes, (int)i, sizeof(dashes)) ? '-' : hex[n++];
	text[SCRATCH_GUID_STR - 1] = '\0';
}
