/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign disks: qemu-img turns them into a raw, sparse file. A qcow2 may name
 * other files that are to be read in its stead; such a one is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "build.h"
#include "cleanup.h"
#include "tool.h"

#define INFO_MAX (1 << 20)

static json_t *read_info(const char *format, const char *file, const char *tmp,
			 struct errinfo *err)
{
	auto_free char *out = tool_join(tmp, "disk.json");
	static const char script[] =
		"exec qemu-img info --output=json -f \"$1\" -- \"$2\" >\"$3\"";
	const char *argv[] = { "sh", "-c", script, "sh", format, file, out, NULL };
	json_t *doc;

	if (!out) {
		errinfo_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (tool_run(argv, "qemu-utils", err)) {
		errinfo_set(err, -EBADMSG,
			    "%s: qemu-img cannot read it as %s (package "
			    "qemu-utils)",
			    file, format);
		return NULL;
	}
	doc = json_load_file(out, 0, NULL);
	if (!doc)
		errinfo_set(err, -EBADMSG, "%s: qemu-img says nothing", file);
	return doc;
}

static int check_info(json_t *info, const char *file, struct errinfo *err)
{
	json_t *data = json_object_get(
		json_object_get(json_object_get(info, "format-specific"), "data"),
		"data-file");
	json_int_t size =
		json_integer_value(json_object_get(info, "virtual-size"));

	if (json_object_get(info, "backing-filename") ||
	    json_object_get(info, "full-backing-filename") || data)
		return errinfo_set(err, -EPERM,
				   "%s names other files (a backing file): "
				   "flatten it where it comes from (qemu-img "
				   "convert)",
				   file);
	if (json_object_get(info, "encrypted"))
		return errinfo_set(err, -EPERM, "%s is encrypted", file);
	if (size <= 0 || (uint64_t)size > IMAGE_DISK_MAX)
		return errinfo_set(err, -EFBIG,
				   "%s: a disk of %lld bytes; at most %llu GiB",
				   file, (long long)size, IMAGE_DISK_MAX >> 30);
	return 0;
}

int build_disk(struct build *b, const char *to, uint64_t *size,
	       struct errinfo *err)
{
	const char *argv[] = { "qemu-img", "convert", "-f", b->format,
			       "-O",       "raw",     "-S", "4k",
			       "--",       b->file,   to,   NULL };
	struct stat st;
	json_t *info;
	int rc;

	build_progress(b, "%s %s", b->format, b->file);
	info = read_info(b->format, b->file, b->tmp, err);
	if (!info)
		return err->rc;
	rc = check_info(info, b->file, err);
	json_decref(info);
	if (!rc)
		rc = tool_run(argv, "qemu-utils", err);
	if (rc)
		return rc;
	if (stat(to, &st))
		return errinfo_set_errno(err, -errno, "%s", to);
	*size = (uint64_t)(st.st_size + 4095) / 4096 * 4096;
	if (truncate(to, (off_t)*size))
		return errinfo_set_errno(err, -errno, "%s", to);
	return 0;
}
