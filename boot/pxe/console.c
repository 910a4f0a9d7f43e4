/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware's console: short ASCII lines, a progress line, one key. */

#include "loader.h"

enum { MIB = 1024 * 1024, KEY_ESCAPE = 0x17 };

void say_plain(const char *s)
{
	CHAR16 wide[64];
	size_t n = 0;

	do {
		wide[n++] = (unsigned char)*s;
		if (*s == '\0' || n == sizeof(wide) / sizeof(wide[0]) - 1) {
			wide[n] = 0;
			st->ConOut->OutputString(st->ConOut, wide);
			n = 0;
		}
	} while (*s++ != '\0');
}

void say(const struct text *text)
{
	say_plain("nightshift: ");
	say_plain(text->s);
	say_plain("\r\n");
}

/* A line a MiB, rewritten: a serial console is slower than the network. */
void say_progress(uint64_t done, uint64_t total)
{
	static uint64_t shown = UINT64_MAX;
	struct text text = TEXT_INIT;

	if (done / MIB == shown && done != total)
		return;
	shown = done == total ? UINT64_MAX : done / MIB;
	text_put(&text, "\rnightshift: ");
	text_put_uint(&text, done / MIB);
	text_put(&text, " of ");
	text_put_uint(&text, total / MIB);
	text_put(&text, " MiB (Esc: local disk) ");
	say_plain(text.s);
	if (done == total)
		say_plain("\r\n");
}

bool owner_says_no(void)
{
	EFI_INPUT_KEY key;

	while (st->ConIn != NULL &&
	       st->ConIn->ReadKeyStroke(st->ConIn, &key) == EFI_SUCCESS) {
		if (key.ScanCode == KEY_ESCAPE)
			return true;
	}
	return false;
}
