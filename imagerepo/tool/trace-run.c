/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's half: imagedev(8) serves the disk and notes what is read, QEMU
 * runs the image without hardware help, so that it works anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "tool.h"
#include "trace.h"

#define SERVER_SEC   10   /* to start, to end */
#define CONSOLE_TAIL 2048 /* bytes of the console shown when it fails */
#define CONSOLE_LINE 512

extern char **environ;

/* Beside this program, else wherever programs are. */
static char *find_imagedev(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *path;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		path = tool_join(self, "imagedev");
		if (path && !access(path, X_OK))
			return path;
		free(path);
	}
	return strdup("imagedev");
}

/* `out` becomes the child's descriptor `as`; where that is its output, its
 * errors go there as well. */
static int start(char *const argv[], int out, int as, pid_t *pid,
		 struct errinfo *err)
{
	posix_spawn_file_actions_t a;
	int rc;

	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&a, out, as);
	if (as == STDOUT_FILENO)
		posix_spawn_file_actions_adddup2(&a, out, STDERR_FILENO);
	rc = -posix_spawnp(pid, argv[0], &a, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&a);
	if (rc == -ENOENT)
		return errinfo_set(err, rc, "%s is missing%s", argv[0],
				   strstr(argv[0], "qemu")
					   ? ": install the package "
					     "qemu-system-x86"
					   : "");
	return rc ? errinfo_set_errno(err, rc, "%s", argv[0]) : 0;
}

/* Ends it in order; 0 if it ended so. */
static int stop(pid_t pid, int signo)
{
	int status = 0;

	if (pid <= 0)
		return 0;
	kill(pid, signo);
	for (int i = 0; i < SERVER_SEC * 20; i++) {
		pid_t r = waitpid(pid, &status, WNOHANG);

		if (r == pid || (r < 0 && errno != EINTR))
			return WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
		usleep(50000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -ETIMEDOUT;
}

/* ---- the disk ------------------------------------------------------------ */

static int start_server(struct trace *t, pid_t *pid, struct errinfo *err)
{
	auto_free char *program = find_imagedev();
	auto_free char *disk = tool_join(t->dir, "root");
	auto_free char *socket = tool_join(t->tmp, "disk");
	auto_free char *trace = tool_join(t->tmp, "trace");
	/* clang-format off */
	char *argv[] = { program, (char *)"serve", (char *)"--disk", disk,
			 (char *)"--socket", socket, (char *)"--trace", trace,
			 (char *)"--ready-fd", (char *)"3", NULL };
	/* clang-format on */
	struct pollfd p = { .events = POLLIN };
	int fds[2], rc;
	char c;

	if (!program || !disk || !socket || !trace)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (pipe2(fds, O_CLOEXEC))
		return errinfo_set_errno(err, -errno, "pipe");
	rc = start(argv, fds[1], 3, pid, err);
	close(fds[1]);
	p.fd = fds[0];
	if (!rc &&
	    (poll(&p, 1, SERVER_SEC * 1000) != 1 || read(fds[0], &c, 1) != 1))
		rc = errinfo_set(err, -EIO, "%s did not start", program);
	close(fds[0]);
	return rc;
}

/* ---- the guest ----------------------------------------------------------- */

static int start_guest(struct trace *t, int console, pid_t *pid,
		       struct errinfo *err)
{
	auto_free char *kernel = tool_join(t->dir, "kernel");
	auto_free char *initrd = tool_join(t->tmp, "initrd");
	auto_free char *cmdline = NULL, *drive = NULL;
	char memory[16];
	/* clang-format off */
	char *argv[] = { (char *)"qemu-system-x86_64",
		(char *)"-accel", (char *)"tcg,thread=multi,tb-size=256",
		(char *)"-cpu", (char *)"max,-smap,-rdtscp,-xsave",
		(char *)"-smp", (char *)"1", (char *)"-m", memory,
		(char *)"-nodefaults", (char *)"-no-reboot",
		(char *)"-display", (char *)"none",
		(char *)"-serial", (char *)"stdio",
		(char *)"-kernel", kernel, (char *)"-initrd", initrd,
		(char *)"-append", NULL,
		(char *)"-drive", NULL,
		(char *)"-device", (char *)"virtio-blk-pci,drive=root",
		(char *)"-netdev", (char *)"user,id=net,restrict=on",
		(char *)"-device", (char *)"virtio-net-pci,netdev=net",
		NULL };
	/* clang-format on */
	size_t append = ARRAY_SIZE(argv) - 10;

	snprintf(memory, sizeof(memory), "%d", t->memory_mib);
	if (asprintf(&cmdline,
		     "%s 8250.nr_uarts=1 console=ttyS0 panic=-1 loglevel=4",
		     t->draft.m.cmdline) < 0)
		cmdline = NULL;
	if (asprintf(&drive,
		     "if=none,id=root,format=raw,readonly=on,"
		     "file=nbd+unix:///?socket=%s/disk",
		     t->tmp) < 0)
		drive = NULL;
	if (!kernel || !initrd || !cmdline || !drive)
		return errinfo_set(err, -ENOMEM, "out of memory");
	argv[append] = cmdline;
	argv[append + 2] = drive;
	return start(argv, console, STDOUT_FILENO, pid, err);
}

struct console {
	char line[CONSOLE_LINE]; /* of the console, as far as it is here */
	size_t len;
	char last[CONSOLE_TAIL + 1]; /* the last bytes of all */
	size_t last_len;
};

static void remember(struct console *c, const char *data, size_t n)
{
	if (n > CONSOLE_TAIL / 2) {
		data += n - CONSOLE_TAIL / 2;
		n = CONSOLE_TAIL / 2;
	}
	if (c->last_len + n > CONSOLE_TAIL) {
		size_t drop = c->last_len + n - CONSOLE_TAIL;

		memmove(c->last, c->last + drop, c->last_len - drop);
		c->last_len -= drop;
	}
	memcpy(c->last + c->last_len, data, n);
	c->last_len += n;
	c->last[c->last_len] = '\0';
}

/* 1: it is up; 0: not yet; else it failed. */
static int feed(struct trace *t, struct console *c, const char *data, size_t n,
		struct errinfo *err)
{
	remember(c, data, n);
	if (t->verbose)
		fwrite(data, 1, n, stderr);
	for (size_t i = 0; i < n; i++) {
		if (data[i] != '\n' && data[i] != '\r') {
			if (c->len + 1 < sizeof(c->line))
				c->line[c->len++] = data[i];
			continue;
		}
		c->line[c->len] = '\0';
		c->len = 0;
		if (strstr(c->line, TRACE_DONE))
			return 1;
		if (strstr(c->line, TRACE_FAILED))
			return errinfo_set(err, -EIO,
					   "a command of 'warm' failed: what "
					   "the image said is above");
		if (strstr(c->line, "nightshift: image failed"))
			return errinfo_set(err, -EIO,
					   "the image does not start: what it "
					   "said is above");
	}
	return 0;
}

static int watch(struct trace *t, int fd, struct errinfo *err)
{
	int64_t end = clock_boot_ms() + (int64_t)t->timeout_sec * 1000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct console c = { .len = 0 };
	char data[4096];
	int rc = 0;

	while (!rc) {
		int64_t left = end - clock_boot_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			rc = errinfo_set(err, -ETIMEDOUT,
					 "the image did not say \"" TRACE_DONE
					 "\" within %d s (--timeout); what it "
					 "said is above",
					 t->timeout_sec);
			break;
		}
		n = read(fd, data, sizeof(data));
		if (n > 0)
			rc = feed(t, &c, data, (size_t)n, err);
		else if (!n || errno != EINTR)
			rc = errinfo_set(err, -EIO,
					 "the image ended by itself; what it "
					 "said is above");
	}
	if (rc < 0 && !t->verbose)
		fprintf(stderr, "%s\n", c.last);
	return rc < 0 ? rc : 0;
}

static int run_guest(struct trace *t, struct errinfo *err)
{
	pid_t pid = -1;
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC))
		return errinfo_set_errno(err, -errno, "pipe");
	rc = start_guest(t, fds[1], &pid, err);
	close(fds[1]);
	if (!rc)
		rc = watch(t, fds[0], err);
	stop(pid, SIGTERM);
	close(fds[0]);
	return rc;
}

int trace_run(struct trace *t, struct errinfo *err)
{
	pid_t server = -1;
	int rc = start_server(t, &server, err), ended;

	if (!rc)
		rc = run_guest(t, err);
	ended = stop(server, SIGTERM);
	if (!rc && ended)
		rc = errinfo_set(err, -EIO, "imagedev did not end in order");
	return rc;
}
