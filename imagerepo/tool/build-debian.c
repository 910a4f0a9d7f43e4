/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages of Debian: mmdebstrap(1) installs them in a place of its own, as
 * root, in a user namespace or under fakechroot, whatever it is allowed to, and
 * writes a tar archive that is read as it comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "build.h"
#include "cleanup.h"
#include "fileio.h"
#include "tool.h"

#define ARGS_MAX  128
#define LOG_LINES 15 /* of its words, shown when it fails */

extern char **environ;

struct run {
	const struct build *b;
	char *argv[ARGS_MAX + 1]; /* owned */
	int argc;
	int rc; /* of the first that failed */
};

static void add_arg(struct run *r, char *text) /* takes ownership */
{
	if (!text || r->argc == ARGS_MAX)
		r->rc = r->rc ? r->rc : text ? -E2BIG : -ENOMEM;
	if (r->rc)
		free(text);
	else
		r->argv[r->argc++] = text;
}

static void add_option(struct run *r, const char *option, const char *value)
{
	char *text;

	add_arg(r, asprintf(&text, "%s%s", option, value) < 0 ? NULL : text);
}

static void run_dispose(struct run *r)
{
	for (int i = 0; i < r->argc; i++)
		free(r->argv[i]);
}

/* ---- what the recipes say ------------------------------------------------ */

typedef void (*word_fn)(struct run *r, const char *word, void *arg);

/* Every word of the statements of that name, the base's first. */
static void each_word(struct run *run, const struct recipe *r, const char *name,
		      word_fn fn, void *arg)
{
	if (r->base)
		each_word(run, r->base, name, fn, arg);
	if (!r->debian)
		return;
	for (const struct conf_stmt *st = conf_find(r->debian->child, name); st;
	     st = conf_next(st))
		for (int i = 0; i < st->argc; i++)
			fn(run, st->argv[i], arg);
}

static void add_package(struct run *r, const char *word, void *arg)
{
	(void)arg;
	add_option(r, "--include=", word);
}

static void add_mirror(struct run *r, const char *word, void *arg)
{
	(void)arg;
	add_arg(r, strdup(word));
}

static void last_word(struct run *r, const char *word, void *arg)
{
	(void)r;
	*(const char **)arg = word;
}

static void count_word(struct run *r, const char *word, void *arg)
{
	(void)r;
	(void)word;
	++*(int *)arg;
}

/* 'text' for a shell. */
static char *quote(const char *text)
{
	auto_buf struct buf b = BUF_INIT;

	buf_adds(&b, "'");
	for (; *text; text++)
		if (*text == '\'')
			buf_adds(&b, "'\\''");
		else
			buf_add(&b, text, 1);
	buf_adds(&b, "'");
	return b.rc ? NULL : buf_take(&b);
}

/* In the new system, by its own shell. */
static void add_hook(struct run *r, const char *word, void *arg)
{
	auto_free char *quoted = quote(word);
	char *text;

	(void)arg;
	if (!quoted ||
	    asprintf(&text, "--customize-hook=chroot \"$1\" /bin/sh -eu -c %s",
		     quoted) < 0)
		text = NULL;
	add_arg(r, text);
}

/* ---- where packages come from -------------------------------------------- */

/* Is there a line in it that names a source? */
static int has_source(const char *path)
{
	auto_free char *text = NULL;

	if (fileio_read(path, 1 << 20, &text, NULL, NULL))
		return 0;
	for (const char *line = text; *line; line += *line == '\n') {
		if (!strncmp(line, "deb ", 4) || !strncmp(line, "deb\t", 4) ||
		    !strncmp(line, "deb [", 5) || !strncasecmp(line, "URIs:", 5))
			return 1;
		line += strcspn(line, "\n");
	}
	return 0;
}

/* The sources of Debian that this machine uses; without any, mmdebstrap's. */
static void add_sources(struct run *r)
{
	static const char *const files[] = {
		"/etc/apt/sources.list",
		"/etc/apt/sources.list.d/debian.sources",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (has_source(files[i]))
			add_arg(r, strdup(files[i]));
}

/* A proxy that apt is told to use serves here as well. */
static void add_proxy(struct run *r)
{
	static const char *const names[] = { "Acquire::http::Proxy",
					     "Acquire::https::Proxy" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char command[128], value[512] = "", *text;
		FILE *f;

		snprintf(command, sizeof(command),
			 "apt-config dump --format '%%v%%n' %s 2>/dev/null",
			 names[i]);
		f = popen(command, "re");
		if (!f)
			continue;
		if (fgets(value, sizeof(value), f))
			value[strcspn(value, "\n")] = '\0';
		pclose(f);
		if (!*value || strpbrk(value, "\"\\"))
			continue;
		add_arg(r, asprintf(&text, "--aptopt=%s \"%s\";", names[i],
				    value) < 0
				   ? NULL
				   : text);
	}
}

static void make_args(struct run *r, const struct recipe *recipe,
		      const char *suite)
{
	const char *variant = "minbase";
	int mirrors = 0;

	each_word(r, recipe, "variant", last_word, &variant);
	each_word(r, recipe, "mirror", count_word, &mirrors);
	add_arg(r, strdup("mmdebstrap"));
	add_arg(r, strdup("--mode=auto"));
	add_arg(r, strdup("--format=tar"));
	add_option(r, "--variant=", variant);
	add_arg(r, strdup("--aptopt=Apt::Install-Recommends \"false\";"));
	add_proxy(r);
	each_word(r, recipe, "package", add_package, NULL);
	each_word(r, recipe, "hook", add_hook, NULL);
	/* the day of the last change of a password is the day of the build */
	add_arg(r, strdup("--customize-hook=sed -i -E "
			  "'s/^([^:]*:[^:]*):[0-9]*:/\\1::/' "
			  "\"$1\"/etc/shadow"));
	add_arg(r, strdup(suite));
	add_arg(r, strdup("-"));
	if (mirrors)
		each_word(r, recipe, "mirror", add_mirror, NULL);
	else
		add_sources(r);
}

/* ---- running it ---------------------------------------------------------- */

static int start(struct run *r, const char *log, int *out, pid_t *pid)
{
	posix_spawn_file_actions_t a;
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&a, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&a, STDERR_FILENO, log,
					 O_WRONLY | O_CREAT | O_TRUNC, 0644);
	rc = -posix_spawnp(pid, r->argv[0], &a, NULL, r->argv, environ);
	posix_spawn_file_actions_destroy(&a);
	close(fds[1]);
	if (rc)
		close(fds[0]);
	else
		*out = fds[0];
	return rc;
}

/* The last lines of what it said. */
static void show_log(const char *log)
{
	auto_free char *text = NULL;
	size_t len;
	const char *p;
	int lines = 0;

	if (fileio_read(log, 16 << 20, &text, &len, NULL))
		return;
	for (p = text + len; p > text && lines <= LOG_LINES; p--)
		lines += p[-1] == '\n';
	p += p > text || lines > LOG_LINES ? 1 : 0;
	fprintf(stderr, "%s", p);
}

static int finish(pid_t pid, const char *log, int rc, struct errinfo *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errinfo_set_errno(err, -errno, "mmdebstrap");
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return rc;
	show_log(log);
	return errinfo_set(err, -EIO,
			   "mmdebstrap failed: what it said is above (wrong "
			   "package, mirror, or no network?)");
}

static int install(struct build *b, struct run *r, struct errinfo *err)
{
	auto_free char *log = tool_join(b->tmp, "mmdebstrap.log");
	auto_close int fd = -1;
	pid_t pid = -1;
	int rc;

	if (!log || r->rc)
		return errinfo_set_errno(err, r->rc ? r->rc : -ENOMEM,
					 "arguments of mmdebstrap");
	rc = start(r, log, &fd, &pid);
	if (rc == -ENOENT)
		return errinfo_set(err, rc,
				   "mmdebstrap is missing: install the package "
				   "mmdebstrap");
	if (rc)
		return errinfo_set_errno(err, rc, "mmdebstrap");
	rc = archive_read_fd(&b->base, fd, "mmdebstrap", err);
	close(TAKE_FD(fd));
	return finish(pid, log, rc, err);
}

static void exclude(struct run *r, const char *word, void *arg)
{
	struct tree *t = arg;

	(void)r;
	word += strspn(word, "/");
	for (size_t i = 0; i < t->n; i++)
		if (!fnmatch(word, t->entries[i].path, 0))
			t->entries[i].gone = 1;
}

int build_debian(struct build *b, struct errinfo *err)
{
	const struct recipe *top = &b->recipe;
	struct run r = { .b = b };
	char size[TOOL_SIZE];
	int n = 0, rc;

	while (!top->debian)
		top = top->base;
	each_word(&r, &b->recipe, "package", count_word, &n);
	build_progress(b, "Debian %s with %d packages more (mmdebstrap)",
		       top->debian->argv[0], n);
	make_args(&r, &b->recipe, top->debian->argv[0]);
	rc = install(b, &r, err);
	if (!rc)
		each_word(&r, &b->recipe, "exclude", exclude, &b->root);
	run_dispose(&r);
	if (!rc)
		rc = tree_mend(&b->root, err);
	if (!rc)
		build_progress(b, "%zu files, %s", tree_files(&b->root),
			       tool_size(tree_size(&b->root), size));
	return rc;
}
