/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job's world: namespaces of its own without a network, a root of its own
 * that holds the image's programs (read-only), a few devices, its inputs and
 * two directories in RAM, or one of them on the scratch disk. No xenstore, no
 * /run, no /sys, no command line of the kernel: nothing that leads to the worker's token.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "parse.h"
#include "worker.h"

#define MIB         (1024ULL * 1024)
#define FILES_MAX   1024 /* open at one time */
#define PROCS_MAX   256  /* of the job's user */
#define WORK_INODES "65536"
/* Where no cgroup counts the task's memory: room for programs and libraries
 * beside their data. */
#define AS_EXTRA (256 * MIB)

/* What of the image a job sees: directories, files, or links as they are. */
static const char *const shown[] = {
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/usr",
	"/opt",
	"/etc/passwd",
	"/etc/group",
	"/etc/ld.so.cache",
	"/etc/alternatives",
	"/etc/localtime",
	"/dev/null",
	"/dev/zero",
	"/dev/full",
	"/dev/random",
	"/dev/urandom",
};

static const char *const made[] = {
	"/etc", "/dev", "/proc", "/work", "/tmp",
};

static const struct {
	const char *name, *to;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/shm", "/tmp" },
};

int sandbox_user(const char *name, uid_t *uid, gid_t *gid, struct errinfo *err)
{
	uint64_t n;
	const struct passwd *pw;

	if (!parse_u64(name, 1, INT32_MAX, &n)) {
		*uid = (uid_t)n;
		*gid = (gid_t)n;
		return 0;
	}
	pw = getpwnam(name);
	if (!pw)
		return errinfo_set(err, -ENOENT, "no user '%s' to run jobs as",
				   name);
	if (!pw->pw_uid)
		return errinfo_set(err, -EPERM, "jobs do not run as root");
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

static int failed(struct errinfo *err, const char *what, const char *name)
{
	return errinfo_set_errno(err, -errno, "sandbox: %s %s", what, name);
}

/* Binds a file or directory read-only onto one that is there. */
static int bind(const char *from, const char *to, unsigned long flags,
		struct errinfo *err)
{
	flags |= MS_RDONLY | MS_NOSUID;
	if (mount(from, to, NULL, MS_BIND, NULL) ||
	    mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | flags, NULL))
		return failed(err, "mount", from);
	return 0;
}

static int touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int show(const char *root, const char *path, struct errinfo *err)
{
	char to[256], target[256] = "";
	struct stat st;

	snprintf(to, sizeof(to), "%s%s", root, path);
	if (lstat(path, &st))
		return 0;
	if (S_ISLNK(st.st_mode) && readlink(path, target, sizeof(target) - 1) > 0)
		return symlink(target, to) ? failed(err, "link", path) : 0;
	if (S_ISDIR(st.st_mode) ? mkdir(to, 0755) : touch(to))
		return failed(err, "make", path);
	/* nodev would make a bound device useless. */
	return bind(path, to, S_ISCHR(st.st_mode) ? MS_NOEXEC : MS_NODEV, err);
}

static int make_private(struct errinfo *err)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		    CLONE_NEWUTS))
		return failed(err, "unshare", "namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return failed(err, "mount", "/ private");
	if (sethostname("job", 3))
		return failed(err, "set", "host name");
	return 0;
}

static int make_root(const char *root, struct errinfo *err)
{
	char path[256];
	int rc = 0;

	if (mkdir(root, 0700) && errno != EEXIST)
		return failed(err, "make", root);
	if (mount("root", root, "tmpfs", MS_NOSUID, "size=1M,mode=0755"))
		return failed(err, "mount", root);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		snprintf(path, sizeof(path), "%s%s", root, made[i]);
		if (mkdir(path, 0755))
			return failed(err, "make", path);
	}
	for (size_t i = 0; !rc && i < ARRAY_SIZE(shown); i++)
		rc = show(root, shown[i], err);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(links); i++) {
		snprintf(path, sizeof(path), "%s%s", root, links[i].name);
		if (symlink(links[i].to, path))
			rc = failed(err, "link", links[i].name);
	}
	return rc;
}

/* A directory in RAM that only the job may use, bounded. */
static int make_ram(const char *root, const char *name, int mib, uid_t uid,
		    gid_t gid, struct errinfo *err)
{
	char path[256], options[128];

	snprintf(path, sizeof(path), "%s%s", root, name);
	snprintf(options, sizeof(options),
		 "size=%dM,nr_inodes=" WORK_INODES ",mode=0700,uid=%u,gid=%u",
		 mib > 0 ? mib : 1, (unsigned int)uid, (unsigned int)gid);
	if (mount("job", path, "tmpfs", MS_NOSUID | MS_NODEV, options))
		return failed(err, "mount", path);
	return 0;
}

/* /work: on the scratch disk, all that is free there, else in RAM. */
static int make_work(const struct worker_config *c, const struct task *t,
		     const char *root, uid_t uid, gid_t gid, struct errinfo *err)
{
	auto_free char *disk = scratch_dir(c);
	auto_free char *from = NULL, *to = NULL;

	if (!disk)
		return make_ram(root, "/work", t->memory_mib / 2, uid, gid, err);
	from = scratch_make(disk, uid, gid, err);
	if (!from)
		return -EIO;
	if (asprintf(&to, "%s/work", root) < 0) {
		to = NULL;
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	if (mount(from, to, NULL, MS_BIND, NULL) ||
	    mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV,
		  NULL))
		return failed(err, "mount", from);
	return 0;
}

static int show_inputs(const struct worker_config *c, const struct task *t,
		       const char *root, struct errinfo *err)
{
	int rc = 0;

	for (int i = 0; !rc && i < t->ninputs; i++) {
		auto_free char *from = fetch_path(c, &t->inputs[i]);
		auto_free char *to = NULL;

		if (!from ||
		    asprintf(&to, "%s/work/%s", root, t->inputs[i].name) < 0) {
			to = NULL;
			return errinfo_set(err, -ENOMEM, "out of memory");
		}
		if (touch(to))
			return failed(err, "make", t->inputs[i].name);
		rc = bind(from, to, MS_NODEV, err);
	}
	return rc;
}

static int change_root(const char *root, struct errinfo *err)
{
	if (mount(NULL, root, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID,
		  "size=1M,mode=0755"))
		return failed(err, "remount", root);
	/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of
	 * the new one and is detached from there. */
	if (chdir(root) || syscall(SYS_pivot_root, ".", ".") ||
	    umount2(".", MNT_DETACH) || chdir("/work"))
		return failed(err, "enter", root);
	return 0;
}

int sandbox_enter(const struct worker_config *c, const struct task *t,
		  uid_t uid, gid_t gid, struct errinfo *err)
{
	char root[sizeof(c->state) + 8];
	int rc;

	umask(022);
	snprintf(root, sizeof(root), "%s/root", c->state);
	rc = make_private(err);
	if (!rc)
		rc = make_root(root, err);
	if (!rc)
		rc = make_work(c, t, root, uid, gid, err);
	if (!rc)
		rc = make_ram(root, "/tmp", t->memory_mib / 4, uid, gid, err);
	if (!rc)
		rc = show_inputs(c, t, root, err);
	if (!rc)
		rc = change_root(root, err);
	return rc;
}

int sandbox_mount_proc(void)
{
	/* "subset=pid" leaves out /proc/cmdline and all else that is not a
	 * process (Linux 5.8). */
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     "subset=pid,hidepid=2");
}

static int is_in_ram(const char *path)
{
	struct statfs st;

	return statfs(path, &st) || st.f_type == TMPFS_MAGIC;
}

static int set_limits(const struct task *t, int have_cgroup)
{
	const rlim_t memory = (rlim_t)t->memory_mib * MIB;
	const rlim_t none = RLIM_INFINITY;
	const rlim_t file = is_in_ram("/work") ? memory : none;
	const struct {
		__rlimit_resource_t what;
		rlim_t soft, hard;
	} table[] = {
		{ RLIMIT_CORE, 0, 0 },
		{ RLIMIT_DATA, memory, memory },
		{ RLIMIT_AS, have_cgroup ? none : memory + AS_EXTRA,
		  have_cgroup ? none : memory + AS_EXTRA },
		{ RLIMIT_FSIZE, file, file },
		{ RLIMIT_MEMLOCK, 0, 0 },
		{ RLIMIT_NOFILE, FILES_MAX, FILES_MAX },
		{ RLIMIT_NPROC, PROCS_MAX, PROCS_MAX },
		{ RLIMIT_MSGQUEUE, 0, 0 },
		{ RLIMIT_NICE, 0, 0 },
		{ RLIMIT_RTPRIO, 0, 0 },
		/* SIGXCPU first, so that a program may say something. */
		{ RLIMIT_CPU, t->cpu_sec ? (rlim_t)t->cpu_sec : none,
		  t->cpu_sec ? (rlim_t)t->cpu_sec + 1 : none },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct rlimit lim = { table[i].soft, table[i].hard };

		if (setrlimit(table[i].what, &lim))
			return -errno;
	}
	return 0;
}

/* The kernel is to take the job when memory runs out, not the worker. */
static void be_first_to_die(void)
{
	auto_close int fd =
		open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		log_debug("oom_score_adj: not set");
}

static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int drop_rights(uid_t uid, gid_t gid, struct errinfo *err)
{
	for (int cap = 0; !prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); cap++)
		;
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return failed(err, "become", "the job's user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failed(err, "set", "no_new_privs");
	return 0;
}

int sandbox_exec(const struct task *t, uid_t uid, gid_t gid, int have_cgroup,
		 struct errinfo *err)
{
	char quoted[128];
	int rc;

	setsid();
	be_first_to_die();
	rc = set_limits(t, have_cgroup);
	if (rc)
		return errinfo_set_errno(err, rc, "sandbox: set limits");
	rc = drop_rights(uid, gid, err);
	if (rc)
		return rc;
	reset_signals();
	/* All others close by themselves, if the exec succeeds. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC))
		return failed(err, "close", "descriptors");
	execvpe(t->argv[0], t->argv, t->envp);
	rc = -errno;
	return errinfo_set_errno(err, rc, "cannot run '%s'",
				 log_quote(quoted, sizeof(quoted), t->argv[0],
					   strlen(t->argv[0])));
}
