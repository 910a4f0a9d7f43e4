/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What UEFI starts from an emulated owner's disk (EFI/BOOT/BOOTX64.EFI): it
 * says so on the firmware's console, which is the serial line as well, and
 * stops there. It opens no file and no disk.
 */

#include <efi.h>

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

static CHAR16 text[] = u"\r\nOWNER-OS: started from the local disk (UEFI)\r\n";

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	(void)image;
	/* Or the firmware's watchdog resets the PC after five minutes. */
	st->BootServices->SetWatchdogTimer(0, 0, 0, NULL);
	st->ConOut->OutputString(st->ConOut, text);
	for (;;)
		__asm__ volatile("hlt");
}
