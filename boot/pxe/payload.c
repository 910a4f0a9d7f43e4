/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start the unified Xen from memory. Xen 4.17 needs a file system on the
 * handle it came from and stops without one (fixed upstream by commit
 * 880e40b187), so it gets one that holds nothing: all its files are sections of
 * its own image. And it hands its LoadOptions on to its own and to dom0's
 * command line, which nobody may write to from outside: they are emptied.
 */

#include <string.h>

#include "loader.h"

/* --- a file system without files */

static EFI_STATUS EFIAPI file_open(struct _EFI_FILE_HANDLE *file,
				   struct _EFI_FILE_HANDLE **new_file,
				   CHAR16 *name, UINT64 mode, UINT64 attributes)
{
	(void)file, (void)name, (void)mode, (void)attributes;
	*new_file = NULL;
	return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI file_close(struct _EFI_FILE_HANDLE *file)
{
	(void)file;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_delete(struct _EFI_FILE_HANDLE *file)
{
	(void)file;
	return EFI_WARN_DELETE_FAILURE;
}

static EFI_STATUS EFIAPI file_read(struct _EFI_FILE_HANDLE *file, UINTN *len,
				   VOID *buffer)
{
	(void)file, (void)buffer;
	*len = 0;
	return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI file_write(struct _EFI_FILE_HANDLE *file, UINTN *len,
				    VOID *buffer)
{
	(void)file, (void)buffer;
	*len = 0;
	return EFI_WRITE_PROTECTED;
}

static EFI_STATUS EFIAPI file_get_position(struct _EFI_FILE_HANDLE *file,
					   UINT64 *position)
{
	(void)file;
	*position = 0;
	return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI file_set_position(struct _EFI_FILE_HANDLE *file,
					   UINT64 position)
{
	(void)file, (void)position;
	return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI file_get_info(struct _EFI_FILE_HANDLE *file,
				       EFI_GUID *type, UINTN *len, VOID *buffer)
{
	(void)file, (void)type, (void)buffer;
	*len = 0;
	return EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI file_set_info(struct _EFI_FILE_HANDLE *file,
				       EFI_GUID *type, UINTN len, VOID *buffer)
{
	(void)file, (void)type, (void)len, (void)buffer;
	return EFI_WRITE_PROTECTED;
}

static EFI_STATUS EFIAPI file_flush(struct _EFI_FILE_HANDLE *file)
{
	(void)file;
	return EFI_SUCCESS;
}

static EFI_FILE root = {
	.Revision = EFI_FILE_HANDLE_REVISION,
	.Open = file_open,
	.Close = file_close,
	.Delete = file_delete,
	.Read = file_read,
	.Write = file_write,
	.GetPosition = file_get_position,
	.SetPosition = file_set_position,
	.GetInfo = file_get_info,
	.SetInfo = file_set_info,
	.Flush = file_flush,
};

static EFI_STATUS EFIAPI open_volume(EFI_FILE_IO_INTERFACE *this,
				     struct _EFI_FILE_HANDLE **root_out)
{
	(void)this;
	*root_out = &root;
	return EFI_SUCCESS;
}

static EFI_FILE_IO_INTERFACE volume = {
	.Revision = EFI_FILE_IO_INTERFACE_REVISION,
	.OpenVolume = open_volume,
};

/* --- the start */

static EFI_GUID volume_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;

/* From the pool: the firmware frees it together with the image. */
static EFI_DEVICE_PATH *empty_path(void)
{
	static const EFI_DEVICE_PATH end = {
		.Type = END_DEVICE_PATH_TYPE,
		.SubType = END_ENTIRE_DEVICE_PATH_SUBTYPE,
		.Length = { sizeof(end), 0 },
	};
	EFI_DEVICE_PATH *path;

	if (bs->AllocatePool(EfiBootServicesData, sizeof(end), (void **)&path) !=
	    EFI_SUCCESS)
		return NULL;
	memcpy(path, &end, sizeof(end));
	return path;
}

static bool isolate(EFI_HANDLE child, EFI_HANDLE device)
{
	EFI_LOADED_IMAGE *loaded;
	EFI_DEVICE_PATH *path = empty_path();

	if (path == NULL || bs->HandleProtocol(child, &image_guid,
					       (void **)&loaded) != EFI_SUCCESS)
		return false;
	if (loaded->FilePath != NULL)
		bs->FreePool(loaded->FilePath);
	loaded->FilePath = path;
	loaded->DeviceHandle = device;
	loaded->LoadOptions = NULL;
	loaded->LoadOptionsSize = 0;
	return true;
}

const char *payload_start(EFI_HANDLE self, void *image, size_t len)
{
	EFI_HANDLE device = NULL, child = NULL;
	const char *wrong;

	if (bs->InstallProtocolInterface(&device, &volume_guid,
					 EFI_NATIVE_INTERFACE,
					 &volume) != EFI_SUCCESS)
		return "no memory";
	/* With Secure Boot on, the firmware checks the image's signature here. */
	if (bs->LoadImage(FALSE, self, NULL, image, len, &child) != EFI_SUCCESS) {
		wrong = "the firmware refuses the payload";
		goto err_unload;
	}
	wrong = "no memory";
	if (!isolate(child, device))
		goto err_unload;
	bs->StartImage(child, NULL, NULL);
	/* It came back, and the firmware has unloaded it. */
	child = NULL;
	wrong = "the payload gave up";
err_unload:
	if (child != NULL)
		bs->UnloadImage(child);
	bs->UninstallProtocolInterface(device, &volume_guid, &volume);
	return wrong;
}
