/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmdline - see cmdline.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cmdline.h"
#include "fileio.h"

#define LINE_MAX_BYTES 4096

/* The next word, its length in *len; 0 at the end. */
static const char *next_word(const char **rest, int *len)
{
	const char *word = *rest + strspn(*rest, " \t\n");

	*len = (int)strcspn(word, " \t\n");
	*rest = word + *len;
	return word;
}

int cmdline_check(const char *what, const char *expected, const char *found,
		  const char *may, struct errinfo *err)
{
	const char *want, *have;
	int want_len, have_len;

	for (;;) {
		want = next_word(&expected, &want_len);
		have = next_word(&found, &have_len);
		if (!want_len || want_len != have_len ||
		    memcmp(want, have, (size_t)want_len) != 0)
			break;
	}
	if (want_len)
		return errinfo_set(err, -EPERM,
				   "%s has '%.*s' where its image says '%.*s'",
				   what, have_len, have, want_len, want);
	if (may && have_len && !strncmp(have, may, strlen(may)))
		have = next_word(&found, &have_len);
	if (have_len)
		return errinfo_set(err, -EPERM,
				   "%s has '%.*s', which its image does not say",
				   what, have_len, have);
	return 0;
}

static int check_file(const char *dir, const char *file, const char *what,
		      const char *found, const char *may, struct errinfo *err)
{
	auto_free char *expected = NULL;
	char path[512];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	rc = fileio_read(path, LINE_MAX_BYTES, &expected, NULL, err);
	return rc ? rc : cmdline_check(what, expected, found, may, err);
}

int cmdline_check_both(const char *dir, const char *xen, const char *dom0,
		       struct errinfo *err)
{
	int rc;

	rc = check_file(dir, CMDLINE_XEN, "Xen's command line", xen, NULL, err);
	if (rc)
		return rc;
	/* PXELINUX tells which card it booted from. */
	return check_file(dir, CMDLINE_DOM0, "dom0's command line", dom0,
			  "BOOTIF=", err);
}
