/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch: what a policy may name. Types that systems keep their own things in
 * are out, whatever label they have.
 */
#include <string.h>

#include "cleanup.h"
#include "scratch.h"

/* UEFI 2.10 table 5-7; Microsoft, PARTITION_INFORMATION_GPT; Apple TN2166;
 * UAPI group, Discoverable Partitions Specification. */
static const struct {
	const char *type, *owner;
} taken[] = {
	{ "00000000-0000-0000-0000-000000000000", "no partition's" },
	{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "the EFI system's" },
	{ "21686148-6449-6e6f-744e-656564454649", "a boot loader's" },
	{ "e3c9e316-0b5c-4db8-817d-f92df00215ae", "Windows' own" },
	{ "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Windows' data" },
	{ "de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows' recovery" },
	{ "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", "Windows' volumes" },
	{ "af9b60a0-1431-4f62-bc68-3311714a69ad", "Windows' volumes" },
	{ "e75caf8f-f680-4cee-afa3-b001e56efc2d", "Windows' storage" },
	{ "0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux' data" },
	{ "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux' swap" },
	{ "e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux' LVM" },
	{ "a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux' RAID" },
	{ "ca7d7ccb-63ed-4c53-861c-1742536059cc", "Linux' encrypted data" },
	{ "bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux' boot files" },
	{ "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux' root" },
	{ "44479540-f297-41b2-9af7-d131d5f0458a", "Linux' root" },
	{ "8484680c-9521-48c6-9c11-b0720656f69e", "Linux' programs" },
	{ "4d21b016-b534-45c2-a9fb-5c16e091fd2d", "Linux' variable data" },
	{ "933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux' homes" },
	{ "3b8f8425-20e0-4f3b-907f-1a25a76f98e8", "Linux' servers'" },
	{ "48465300-0000-11aa-aa11-00306543ecac", "Apple's HFS" },
	{ "7c3457ef-0000-11aa-aa11-00306543ecac", "Apple's APFS" },
};

const char *scratch_type_owner(const uint8_t type[SCRATCH_GUID])
{
	uint8_t guid[SCRATCH_GUID];

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (!scratch_parse_guid(taken[i].type, guid) &&
		    !memcmp(guid, type, SCRATCH_GUID))
			return taken[i].owner;
	return NULL;
}

int scratch_label_ok(const char *label)
{
	size_t n = 0;

	for (; label[n] >= 0x20 && label[n] < 0x7f; n++)
		;
	return n && !label[n] && n <= SCRATCH_LABEL;
}
