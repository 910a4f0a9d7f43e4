/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what people write. The first byte says what the rest is:
 *
 *	'r'	a recipe
 *	'g'	any text in the grammar of configurations
 *	't'	a trace of a start
 *	'w'	a list of images that a mirror is to hold
 *	'n'	the name of one
 *
 * What is taken has a canonical form that says the same.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../imagerepo/tool/follow.h"
#include "../../imagerepo/tool/recipe.h"
#include "cleanup.h"
#include "fileio.h"
#include "repo.h"

#define DISK (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct conf_rule inner[] = {
	{ "one", 1, 1, CONF_REQUIRED, NULL },
	{ "some", 0, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule outer[] = {
	{ "block", 0, 2, CONF_MANY, inner },
	{ "word", 1, 1, 0, NULL },
	{ "some", 0, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static void try_grammar(const char *text, size_t len)
{
	struct conf *c = conf_parse("a", text, len, outer), *d = NULL;
	auto_free char *one = NULL, *two = NULL;

	if (!c)
		abort();
	if (!conf_errors(c)) {
		one = conf_print(c);
		d = one ? conf_parse("b", one, strlen(one), outer) : NULL;
		two = d && !conf_errors(d) ? conf_print(d) : NULL;
		if (!two || strcmp(one, two) != 0)
			abort();
	}
	conf_free(c);
	conf_free(d);
}

/* A file of the bytes, by a name. */
static int put(const void *data, size_t len, char path[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || fileio_write_all(fd, data, len))
		abort();
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* Its errors are for people, and go nowhere. */
static void try_recipe(const void *text, size_t len)
{
	auto_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	auto_close int was = dup(STDERR_FILENO);
	char path[32];
	auto_close int fd = put(text, len, path);
	struct recipe r;

	dup2(null, STDERR_FILENO);
	if (!recipe_load(path, &r) &&
	    (!r.name[0] || !r.version[0] || r.memory_mib <= 0))
		abort();
	recipe_dispose(&r);
	dup2(was, STDERR_FILENO);
}

static void try_trace(const void *text, size_t len)
{
	auto_free uint32_t *blocks = NULL;
	char path[32];
	auto_close int fd = put(text, len, path);
	size_t n;

	if (imagerepo_trace_load(path, DISK, &blocks, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++)
		if (blocks[i] >= DISK / 4096)
			abort();
}

static void try_list(const void *text, size_t len)
{
	char path[32];
	auto_close int fd = put(text, len, path);
	auto_free struct wanted *list = NULL;
	size_t n = 0;

	if (wanted_load(path, &list, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++)
		if (!list[i].image[0] || !hash_is_hex(list[i].sha256))
			abort();
}

static void try_name(const char *text, size_t len)
{
	auto_free char *word = strndup(text, len);
	char again[IMAGE_PATH];
	struct wanted a, b;

	if (!word)
		abort();
	if (wanted_parse(word, &a, NULL))
		return;
	wanted_text(&a, again);
	if (!a.sha256[0] &&
	    (wanted_parse(again, &b, NULL) || strcmp(a.image, b.image) != 0 ||
	     strcmp(a.version, b.version) != 0 ||
	     strcmp(a.channel, b.channel) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	if (data[0] == 'r')
		try_recipe(data + 1, len - 1);
	else if (data[0] == 'g')
		try_grammar((const char *)data + 1, len - 1);
	else if (data[0] == 't')
		try_trace(data + 1, len - 1);
	else if (data[0] == 'w')
		try_list(data + 1, len - 1);
	else if (data[0] == 'n')
		try_name((const char *)data + 1, len - 1);
	return 0;
}
