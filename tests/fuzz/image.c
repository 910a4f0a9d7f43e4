/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the manifest of an image: what is taken must print as it came.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct image_manifest m;
	auto_free char *doc = NULL;

	if (imagerepo_image_parse(data, len, &m, NULL))
		return 0;
	if (imagerepo_image_print(&m, &doc, NULL) || strlen(doc) != len ||
	    memcmp(doc, data, len) != 0)
		abort();
	return 0;
}
