/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - uid, empty root, limits and the system calls of each role.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <xen/xen.h>

#include <xen/sys/evtchn.h>

#include "cleanup.h"
#include "log.h"
#include "sandbox.h"

/* The sanitizers' runtimes need threads, ptrace and the file system. */
#ifdef __SANITIZE_ADDRESS__
#define SANDBOX_FILTER 0
#else
#define SANDBOX_FILTER 1
#endif

/* What every process of ours does: memory, its sockets, time, its end. */
static const char *const calls_base[] = {
	"brk",          "clock_gettime",  "clock_nanosleep",
	"close",        "exit",           "exit_group",
	"fcntl",        "fstat",          "futex",
	"getpid",       "getrandom",      "gettid",
	"gettimeofday", "lseek",          "madvise",
	"mremap",       "munmap",         "nanosleep",
	"newfstatat",   "poll",           "ppoll",
	"read",         "recvmsg",        "restart_syscall",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"sendmsg",      "sigaltstack",    "sysinfo",
	"tgkill",       "write",          "writev",
	NULL,
};

static const char *const calls_main[] = {
	"ftruncate", "memfd_create", "pwrite64", "setsockopt",
	"signalfd4", "socketpair",   NULL,
};

static const char *const calls_inet[] = {
	"connect",  "eventfd2",   "getpeername", "getsockname", "getsockopt",
	"pipe2",    "readv",      "recvfrom",    "sendto",      "setsockopt",
	"shutdown", "socketpair", NULL,
};

static const char *const calls_udp[] = {
	"bind",     "connect", "getsockname", "recvfrom",
	"recvmmsg", "sendto",  "setsockopt",  NULL,
};

static const char *const calls_serve[] = {
	"dup",      "getdents64", "pread64", "recvfrom",
	"recvmmsg", "sendmmsg",   "sendto",  NULL,
};

static const char *const calls_none[] = { "pread64", "recvfrom", "setsockopt",
					  NULL };

static const char *const calls_chan[] = { "setsockopt", "socketpair", NULL };

static const char *const calls_disk[] = {
	"access",   "faccessat",  "faccessat2", "fdatasync",   "getdents64",
	"ioctl",    "openat",     "pread64",    "init_module", "pwrite64",
	"readlink", "readlinkat", "setsockopt", "stat",        "statx",
	"unlink",   NULL,
};

/* Libraries look for optional files; they are told that there are none. */
static const char *const calls_absent[] = {
	"access",     "faccessat", "faccessat2", "open", "readlink",
	"readlinkat", "stat",      "statx",      NULL,
};

/*
 * libxl forks and speaks to many devices: an allow-list would break with each
 * release. These it never needs (hv runs no script), and each of them would
 * let the process change the kernel below it or other processes, or leave.
 */
static const char *const calls_never[] = {
	"acct",
	"add_key",
	"bpf",
	"connect",
	"create_module",
	"delete_module",
	"execve",
	"execveat",
	"finit_module",
	"init_module",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"listen",
	"mount",
	"mount_setattr",
	"move_mount",
	"open_by_handle_at",
	"perf_event_open",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"reboot",
	"request_key",
	"setns",
	"swapoff",
	"swapon",
	"umount2",
	"userfaultfd",
	NULL,
};

static const struct role {
	const char *const *calls;
	rlim_t files, procs;
	int child; /* ends with its parent */
} roles[] = {
	[SANDBOX_MAIN] = { calls_main, 128, 0, 1 },
	[SANDBOX_INET] = { calls_inet, 64, 0, 1 },
	[SANDBOX_UDP] = { calls_udp, 16, 0, 1 },
	[SANDBOX_NONE] = { calls_none, 16, 0, 1 },
	[SANDBOX_CHAN] = { calls_chan, 64, 0, 1 },
	[SANDBOX_DISK] = { calls_disk, 64, 0, 1 },
	[SANDBOX_XEN] = { NULL, 1024, 1024, 1 },
	[SANDBOX_SERVE] = { calls_serve, 64, 0, 0 },
};

/* Names the refused call on the way out: without it a missing entry in the
 * lists above is a riddle. */
static void refused(int sig, siginfo_t *info, void *context)
{
	char line[64];
	int n = snprintf(line, sizeof(line),
			 "%s: sandbox: system call %d refused\n",
			 program_invocation_short_name, info->si_syscall);
	ssize_t r = write(STDERR_FILENO, line, (size_t)n);

	(void)sig;
	(void)context;
	(void)r;
	_exit(1);
}

static int add_calls(scmp_filter_ctx f, uint32_t action, const char *const *names)
{
	int nr, rc = 0;

	for (; *names && !rc; names++) {
		nr = seccomp_syscall_resolve_name(*names);
		if (nr == __NR_SCMP_ERROR)
			return -EINVAL;
		rc = seccomp_rule_add(f, action, nr, 0);
	}
	return rc;
}

/* New code cannot be brought in; terminals may be recognised. */
static int add_memory_calls(scmp_filter_ctx f, enum sandbox kind)
{
	int rc;

	rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!rc && kind != SANDBOX_DISK)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_EQ, TCGETS, 0));
	return rc;
}

static int add_inet_calls(scmp_filter_ctx f)
{
	int rc;

	rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			      SCMP_A0(SCMP_CMP_EQ, AF_INET, 0));
	if (!rc) /* libcurl asks whether there is IPv6: there is not */
		rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT),
				      SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_NE, AF_INET, 0));
	return rc;
}

#define SOCKET_TYPE 0xf /* without SOCK_NONBLOCK and SOCK_CLOEXEC */

static int add_udp_calls(scmp_filter_ctx f)
{
	return seccomp_rule_add(
		f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
		SCMP_A0(SCMP_CMP_EQ, AF_INET, 0),
		SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE, SOCK_DGRAM));
}

/* It may wake the other side. */
static int add_chan_calls(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_EQ, IOCTL_EVTCHN_NOTIFY, 0));
}

/* Files are opened to be read, or are told to be absent. */
static int add_open_calls(scmp_filter_ctx f, enum sandbox kind)
{
	if (kind != SANDBOX_SERVE)
		return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOENT),
					SCMP_SYS(openat), 0);
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ,
					O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
}

static int filter_build(scmp_filter_ctx f, enum sandbox kind)
{
	int rc;

	if (kind == SANDBOX_XEN)
		return add_calls(f, SCMP_ACT_ERRNO(EPERM), calls_never);
	rc = add_calls(f, SCMP_ACT_ALLOW, calls_base);
	if (!rc)
		rc = add_calls(f, SCMP_ACT_ALLOW, roles[kind].calls);
	if (!rc && kind != SANDBOX_DISK)
		rc = add_calls(f, SCMP_ACT_ERRNO(ENOENT), calls_absent);
	if (!rc && kind != SANDBOX_DISK)
		rc = add_open_calls(f, kind);
	if (!rc)
		rc = add_memory_calls(f, kind);
	if (!rc && kind == SANDBOX_INET)
		rc = add_inet_calls(f);
	if (!rc && kind == SANDBOX_UDP)
		rc = add_udp_calls(f);
	if (!rc && kind == SANDBOX_CHAN)
		rc = add_chan_calls(f);
	return rc;
}

static int filter_load(enum sandbox kind, struct errinfo *err)
{
	struct sigaction sa = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };
	uint32_t other = kind == SANDBOX_XEN ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP;
	scmp_filter_ctx f;
	int rc;

	if (!SANDBOX_FILTER)
		return 0;
	sigaction(SIGSYS, &sa, NULL);
	f = seccomp_init(other);
	if (!f)
		return -ENOMEM;
	rc = filter_build(f, kind);
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	if (rc)
		return errinfo_set_errno(err, rc, "system call filter");
	return 0;
}

static int enter_empty_root(const char *empty, struct errinfo *err)
{
	if (mkdir(empty, 0555) < 0 && errno != EEXIST)
		return errinfo_set_errno(err, -errno, "mkdir %s", empty);
	if (chroot(empty) < 0 || chdir("/") < 0)
		return errinfo_set_errno(err, -errno, "chroot %s", empty);
	return 0;
}

static int drop_user(int uid, struct errinfo *err)
{
	gid_t gid = (gid_t)uid;

	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0)
		return errinfo_set_errno(err, -errno, "uid %d", uid);
	return 0;
}

/* Rights to files that Linux 5.13 and later know; this takes all of them. */
#define FS_ALL (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)

int sandbox_only_below(int dir, struct errinfo *err)
{
	const struct landlock_ruleset_attr all = { .handled_access_fs = FS_ALL };
	const struct landlock_path_beneath_attr read = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
				  LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = dir,
	};
	auto_close int fd = -1;

	fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (fd < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return errinfo_set(err, -EOPNOTSUPP, "Landlock is not there");
	if (fd < 0 ||
	    syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
		    &read, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0))
		return errinfo_set_errno(err, -errno, "Landlock");
	return 0;
}

int sandbox_enter(enum sandbox kind, int uid, const char *empty,
		  struct errinfo *err)
{
	struct rlimit files = { roles[kind].files, roles[kind].files };
	struct rlimit procs = { roles[kind].procs, roles[kind].procs };
	struct rlimit core = { 0, 0 };
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errinfo_set_errno(err, -errno, "no_new_privs");
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_NOFILE, &files);
	if (uid != -1 && geteuid() == 0) {
		rc = enter_empty_root(empty, err);
		if (rc)
			return rc;
		rc = drop_user(uid, err);
		if (rc)
			return rc;
	}
	if (SANDBOX_FILTER)
		setrlimit(RLIMIT_NPROC, &procs);
	/* A changed uid takes this away: only now. */
	if (roles[kind].child)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return filter_load(kind, err);
}
