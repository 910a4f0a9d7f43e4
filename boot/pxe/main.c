/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nightshift.efi: what firmware PXE starts on a UEFI PC. Asks the gateway what
 * to do with this PC now, and either starts the one payload it was built for or
 * returns to the firmware, which goes on to its next boot option, the local
 * disk. So it does after any failure: the owner's system is always the answer.
 *
 * Its own LoadOptions are not looked at.
 */

#include <string.h>

#include "decision.h"
#include "loader.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

EFI_SYSTEM_TABLE *st;
EFI_BOOT_SERVICES *bs;

static const char *get_decision(const struct net *net, struct decision *d)
{
	struct text path = TEXT_INIT;
	char text[DECISION_TEXT_MAX];
	const char *wrong;
	size_t len;

	text_put(&path, "/boot/uefi/");
	text_put_mac(&path, net->mac);
	wrong = http_get(net, path.s, text, sizeof(text), &len, NULL);
	if (wrong != NULL)
		return wrong;
	return decision_parse(text, len, d);
}

static const char *get_payload(const struct net *net, const char *path,
			       void *buffer)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;
	const char *wrong;
	size_t len;

	sha256_init(&sha);
	wrong = http_get(net, path, buffer, payload_id.size, &len, &sha);
	if (wrong != NULL)
		return wrong;
	sha256_final(&sha, digest);
	if (len != payload_id.size ||
	    memcmp(digest, payload_id.sha256, sizeof(digest)) != 0)
		return "the payload is not the one this loader was built for";
	return NULL;
}

static const char *boot_grid(EFI_HANDLE self, const struct net *net,
			     const char *path)
{
	EFI_PHYSICAL_ADDRESS address;
	UINTN pages = EFI_SIZE_TO_PAGES(payload_id.size);
	const char *wrong;

	if (bs->AllocatePages(AllocateAnyPages, EfiLoaderData, pages,
			      &address) != EFI_SUCCESS)
		return "not enough memory";
	wrong = get_payload(net, path, (void *)address);
	if (wrong == NULL)
		wrong = payload_start(self, (void *)address, payload_id.size);
	bs->FreePages(address, pages);
	return wrong;
}

/* Says whom we talk to: what a person at the screen can read to us. */
static void say_net(const struct net *net)
{
	struct text text = TEXT_INIT;

	text_put_mac(&text, net->mac);
	text_put(&text, ", ");
	text_put_ip(&text, net->address.Addr);
	text_put(&text, ", asks ");
	text_put_ip(&text, net->server.Addr);
	say(&text);
}

static const char *boot(EFI_HANDLE self)
{
	static EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
	EFI_LOADED_IMAGE *loaded;
	struct decision decision;
	struct net net;
	const char *wrong;

	if (bs->HandleProtocol(self, &image_guid, (void **)&loaded) != EFI_SUCCESS)
		return "the firmware does not say where we came from";
	wrong = net_find(loaded->DeviceHandle, &net);
	if (wrong != NULL)
		return wrong;
	say_net(&net);
	wrong = get_decision(&net, &decision);
	if (wrong != NULL)
		return wrong;
	if (decision.action == BOOT_LOCAL)
		return "the gateway says so";
	return boot_grid(self, &net, decision.path);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
	struct text text = TEXT_INIT;

	st = system_table;
	bs = st->BootServices;
	/* We have limits of our own; the firmware's would reset the PC. */
	bs->SetWatchdogTimer(0, 0, 0, NULL);
	text_put(&text, "local disk: ");
	text_put(&text, boot(image));
	say(&text);
	return EFI_ABORTED;
}
