/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wanted: which image is meant.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "follow.h"

#define LIST_MAX  (1024 * 1024) /* bytes */
#define JSON_TAIL ".json"
#define CHANNELS  "channels/"

static int copy_name(const char *from, size_t len, char out[IMAGE_NAME])
{
	if (len >= IMAGE_NAME)
		return -EINVAL;
	snprintf(out, IMAGE_NAME, "%.*s", (int)len, from);
	return parse_is_name(out) ? 0 : -EINVAL;
}

int wanted_parse(const char *word, struct wanted *w, struct errinfo *err)
{
	size_t n = strcspn(word, ":/@");
	const char *rest = word[n] ? word + n + 1 : "stable";
	int rc = copy_name(word, n, w->image);

	w->channel[0] = w->version[0] = w->sha256[0] = '\0';
	if (!rc && word[n] == '@') {
		rc = hash_is_hex(rest) ? 0 : -EINVAL;
		snprintf(w->sha256, sizeof(w->sha256), "%s", rest);
	} else if (!rc) {
		rc = copy_name(rest, strlen(rest),
			       word[n] == '/' ? w->version : w->channel);
	}
	return rc ? errinfo_set(err, rc,
				"'%s' names no image; write IMAGE:CHANNEL, "
				"IMAGE/VERSION or IMAGE@DIGEST",
				word)
		  : 0;
}

static int parse_line(char *line, struct wanted *w)
{
	char *save, *image, *version, *hex;

	image = strtok_r(line, " \t\r", &save);
	version = image ? strtok_r(NULL, " \t\r", &save) : NULL;
	hex = version ? strtok_r(NULL, " \t\r", &save) : NULL;
	if (!hex || strtok_r(NULL, " \t\r", &save) ||
	    copy_name(image, strlen(image), w->image) ||
	    copy_name(version, strlen(version), w->version) || !hash_is_hex(hex))
		return -EINVAL;
	strcpy(w->sha256, hex);
	w->channel[0] = '\0';
	return 0;
}

static int is_blank(const char *line)
{
	line += strspn(line, " \t\r");
	return *line == '\0' || *line == '#';
}

int wanted_load(const char *file, struct wanted **out, size_t *n,
		struct errinfo *err)
{
	auto_free struct wanted *list = NULL;
	auto_free char *text = NULL;
	char *next, *line;
	size_t count = 0;
	int number = 0, rc;

	rc = fileio_read(file, LIST_MAX, &text, NULL, err);
	if (rc)
		return errinfo_wrap(err, rc, "list of wanted images");
	next = text;
	while ((line = strsep(&next, "\n"))) {
		struct wanted *more;

		number++;
		if (is_blank(line))
			continue;
		more = reallocarray(list, count + 1, sizeof(*list));
		if (!more)
			return errinfo_set(err, -ENOMEM, "out of memory");
		list = more;
		if (parse_line(line, &list[count++]))
			return errinfo_set(
				err, -EINVAL,
				"%s:%d: not of the form IMAGE VERSION DIGEST",
				file, number);
	}
	*out = TAKE(list);
	*n = count;
	return 0;
}

void wanted_text(const struct wanted *w, char out[IMAGE_PATH])
{
	if (w->version[0])
		snprintf(out, IMAGE_PATH, "%s/%s", w->image, w->version);
	else if (w->channel[0])
		snprintf(out, IMAGE_PATH, "%s:%s", w->image, w->channel);
	else
		snprintf(out, IMAGE_PATH, "%s@%.12s", w->image, w->sha256);
}

int target_split(const char *path, char image[IMAGE_NAME],
		 char name[IMAGE_NAME], int *is_channel)
{
	const char *slash = strchr(path, '/');
	const char *rest = slash ? slash + 1 : "";
	size_t n = strlen(rest), tail = strlen(JSON_TAIL);

	if (!slash || n <= tail || strcmp(rest + n - tail, JSON_TAIL) != 0)
		return -EINVAL;
	n -= tail;
	*is_channel = !strncmp(rest, CHANNELS, strlen(CHANNELS));
	if (*is_channel) {
		rest += strlen(CHANNELS);
		n -= strlen(CHANNELS);
	}
	if (copy_name(path, (size_t)(slash - path), image))
		return -EINVAL;
	return copy_name(rest, n, name);
}

int target_same_image(const struct tuf_target *a, const struct tuf_target *b)
{
	size_t image = strcspn(a->path, "/") + 1;

	return !strcmp(a->sha256, b->sha256) && !strncmp(a->path, b->path, image);
}

static int matches(const struct wanted *w, const struct tuf_target *t)
{
	char image[IMAGE_NAME], name[IMAGE_NAME];
	int is_channel;

	if (target_split(t->path, image, name, &is_channel) ||
	    strcmp(image, w->image) != 0)
		return 0;
	if (w->sha256[0] && strcmp(t->sha256, w->sha256) != 0)
		return 0;
	if (w->version[0])
		return !is_channel && !strcmp(name, w->version);
	if (w->channel[0])
		return is_channel && !strcmp(name, w->channel);
	return !is_channel;
}

int wanted_find(const struct wanted *w, const struct tuf_client *c,
		const struct tuf_target **out, struct errinfo *err)
{
	char text[IMAGE_PATH];

	for (size_t i = 0; (*out = tuf_client_each(c, i)); i++)
		if (matches(w, *out))
			return 0;
	wanted_text(w, text);
	return errinfo_set(err, -ENOENT,
			   "%s: no maintainer signs for it (not published, or "
			   "revoked)",
			   text);
}
