/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot - this boot's key and id. They live in a tmpfs, so they end with the
 * boot; an agent that starts anew within it goes on as the same boot.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cleanup.h"
#include "core.h"
#include "fileio.h"

static int load_id(const char *path, char id[HASH_HEX], struct errinfo *err)
{
	auto_free char *text = NULL;
	size_t len;
	int rc;

	rc = fileio_read(path, HASH_HEX, &text, &len, err);
	if (rc)
		return rc;
	text[strcspn(text, "\n")] = '\0';
	if (!hash_is_hex(text))
		return errinfo_set(err, -EINVAL, "%s: not a boot id", path);
	memcpy(id, text, HASH_HEX);
	return 0;
}

/* Random rather than Xen's or the kernel's: those may be seen from outside. */
static int make_id(const char *path, char id[HASH_HEX], struct errinfo *err)
{
	uint8_t bytes[HASH_LEN];
	char line[HASH_HEX + 1];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return errinfo_set(err, -EIO, "no random bytes");
	format_hex(bytes, sizeof(bytes), id);
	snprintf(line, sizeof(line), "%s\n", id);
	return fileio_write_atomic(path, line, strlen(line), 0600, err);
}

int boot_load(const char *dir, struct boot *boot, struct errinfo *err)
{
	char key[4096], id[4096];
	int rc;

	snprintf(key, sizeof(key), "%s/boot.key", dir);
	snprintf(id, sizeof(id), "%s/boot.id", dir);
	rc = fileio_mkdirs(dir, 0711, err);
	if (rc)
		return rc;
	/* The id is written last: with it, both are there and whole. */
	if (access(id, F_OK) == 0) {
		rc = load_id(id, boot->id, err);
		return rc ? rc : trust_key_load(key, &boot->key, err);
	}
	unlink(key);
	rc = trust_key_generate(&boot->key, err);
	if (!rc)
		rc = trust_key_save(&boot->key, key, err);
	return rc ? rc : make_id(id, boot->id, err);
}
