/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl image. */
#include <string.h>

#include "buf.h"

#include "ctl.h"

static void add_channels(struct table *t, const json_t *channels)
{
	auto_buf struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < json_array_size(channels); i++)
		buf_addf(&b, "%s%s", i ? "," : "",
			 json_string_value(json_array_get(channels, i)));
	table_add(t, "%s", b.len ? b.data : "-");
}

int image_list(int argc, char **argv, void *arg)
{
	static const char *const titles[] = { "IMAGE",    "VERSION", "CHANNELS",
					      ">SIZE",    "CREATED", "EXPIRES",
					      "MANIFEST", "ERROR",   NULL };
	struct ctl *ctl = arg;
	char size[FORMAT_MAX];
	struct table *t;
	json_t *doc, *m;
	int status;
	size_t i;

	(void)argv;
	if (argc > 1)
		return cmd_misuse("no arguments");
	doc = ctl_get(ctl, "/v1/images");
	if (!doc)
		return CMD_EXIT_FAILED;
	if (ctl->json)
		return ctl_print_json(doc);
	t = table_new(titles);
	json_array_foreach(json_object_get(doc, "images"), i, m)
	{
		table_add(t, "%s", ctl_str(m, "name"));
		table_add(t, "%s", ctl_str(m, "version"));
		add_channels(t, json_object_get(m, "channels"));
		table_add(t, "%s", format_size(size, ctl_int(m, "size")));
		table_add(t, "%.10s", ctl_str(m, "created"));
		table_add(t, "%.10s", ctl_str(m, "expires"));
		table_add(t, "%.12s", ctl_str(m, "manifest"));
		table_add(t, "%s", ctl_str(m, "error"));
	}
	status = table_print(t);
	json_decref(doc);
	return status;
}
