/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers - see drivers.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers.h"
#include "log.h"
#include "parse.h"

#define MAGIC "nightshift-drivers 1\n"

struct walk {
	const char *data, *line, *line_end; /* the list, */
	size_t at, len;                     /* and the modules */
};

static int bad(struct errinfo *err, const char *why)
{
	errinfo_set(err, -EBADMSG, "drivers: %s", why);
	return -EBADMSG;
}

static int walk_start(struct walk *w, const char *data, size_t len,
		      struct errinfo *err)
{
	const char *end = memmem(data, len, "\n\n", 2);

	if (len < strlen(MAGIC) || memcmp(data, MAGIC, strlen(MAGIC)) != 0 || !end)
		return bad(err, "not as the protocol has it");
	*w = (struct walk){ .data = data,
			    .line = data + strlen(MAGIC),
			    .line_end = end + 1,
			    .at = (size_t)(end + 2 - data),
			    .len = len };
	return 0;
}

/* 1 and the next module, 0 at the end. */
static int walk_next(struct walk *w, char name[PARSE_NAME_MAX + 1],
		     const void **module, size_t *size, struct errinfo *err)
{
	const char *eol, *space;
	char number[24];
	uint64_t n;

	if (w->line >= w->line_end)
		return w->at == w->len ? 0 : bad(err, "bytes behind the last");
	eol = memchr(w->line, '\n', (size_t)(w->line_end - w->line));
	space = eol ? memchr(w->line, ' ', (size_t)(eol - w->line)) : NULL;
	if (!space || space - w->line >= (int)sizeof(number) ||
	    eol - space - 1 > PARSE_NAME_MAX || eol == space + 1)
		return bad(err, "a line of another form");
	snprintf(number, sizeof(number), "%.*s", (int)(space - w->line), w->line);
	snprintf(name, PARSE_NAME_MAX + 1, "%.*s", (int)(eol - space - 1),
		 space + 1);
	if (parse_u64(number, 1, w->len - w->at, &n))
		return bad(err, "a size that is not in it");
	*module = w->data + w->at;
	*size = n;
	w->at += n;
	w->line = eol + 1;
	return 1;
}

int drivers_each(const void *data, size_t len, drivers_fn fn, void *arg,
		 struct errinfo *err)
{
	char name[PARSE_NAME_MAX + 1];
	struct walk w = { 0 };
	const void *module = NULL;
	size_t size = 0;
	int rc;

	/* All of it is looked at before any of it is used. */
	for (int use = 0; use < 2; use++) {
		rc = walk_start(&w, data, len, err);
		if (rc)
			return rc;
		while ((rc = walk_next(&w, name, &module, &size, err)) > 0) {
			rc = use ? fn(name, module, size, arg, err) : 0;
			if (rc)
				return rc;
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int load(const char *name, const void *module, size_t size, void *arg,
		struct errinfo *err)
{
	(void)arg;
	if (!syscall(SYS_init_module, module, size, "") || errno == EEXIST)
		return 0;
	if (errno == ENODEV) {
		log_debug("module %s: nothing here that it is for", name);
		return 0;
	}
	return errinfo_set_errno(err, -errno, "module %s", name);
}

int drivers_load(int fd, struct errinfo *err)
{
	struct stat st;
	void *data;
	int rc;

	if (fstat(fd, &st) || st.st_size <= 0)
		return errinfo_set(err, -EINVAL, "drivers: no file");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return errinfo_set_errno(err, -errno, "drivers");
	rc = drivers_each(data, (size_t)st.st_size, load, NULL, err);
	munmap(data, (size_t)st.st_size);
	return rc;
}
