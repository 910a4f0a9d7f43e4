/* SPDX-License-Identifier: Apache-2.0 */
/* foreign - who answered, said once when it comes and once when it is gone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "dhcp-frame.h"
#include "foreign.h"
#include "gateway.h"
#include "log.h"

#define SERVERS_MAX 32 /* more are a flood of forged ones */
#define MISSES      3  /* questions unanswered until one is gone */
#define LATE_MS     2000

struct server {
	struct dhcp_answer says;   /* file: of any of its answers */
	int64_t first_ms, seen_ms; /* Unix */
	int64_t heard_ms;          /* clock_boot_ms() */
};

struct foreign {
	struct server servers[SERVERS_MAX];
	size_t n;
	int crowded; /* said once */
	pid_t pid;   /* of the process, or 0 */
	int fd;      /* what it hears, or -1 */
	struct loop_fd *watch;
	struct loop_timer *timer;
	char trouble[ERRINFO_MAX]; /* "": it listens */
};

static void describe(const struct server *s, char *out, size_t size)
{
	char mac[PARSE_MAC_STR], address[PARSE_IPV4_STR];

	format_mac(s->says.mac, mac);
	format_ipv4(s->says.address, address);
	snprintf(out, size, "%s (%s)%s%s%s%s", address, mac,
		 s->says.offers_address ? ", offers addresses" : "",
		 s->says.offers_boot ? ", offers to boot" : "",
		 s->says.file[0] ? " " : "", s->says.file);
}

static int is_expected(const struct config *c, uint32_t address)
{
	for (size_t i = 0; i < c->dhcp.n_others; i++)
		if (c->dhcp.others[i] == address)
			return 1;
	return 0;
}

static struct server *find(struct foreign *f, const struct dhcp_answer *a)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->servers[i].says.address == a->address &&
		    !memcmp(f->servers[i].says.mac, a->mac, PARSE_MAC_LEN))
			return &f->servers[i];
	return NULL;
}

/* Answers to several questions say several things of one server. */
static void merge(struct server *s, const struct dhcp_answer *a)
{
	s->says.offers_address |= a->offers_address;
	s->says.offers_boot |= a->offers_boot;
	if (a->server)
		s->says.server = a->server;
	if (a->file[0])
		memcpy(s->says.file, a->file, sizeof(a->file));
	s->seen_ms = clock_unix_ms();
	s->heard_ms = clock_boot_ms();
}

static void take(struct gateway *gw, const struct dhcp_answer *a)
{
	struct foreign *f = gw->foreign;
	struct server *s = find(f, a);
	char text[DHCP_FILE_MAX + 128];

	if (is_expected(gw->config, a->address))
		return;
	if (s) {
		merge(s, a);
		return;
	}
	if (f->n == SERVERS_MAX) {
		if (!f->crowded)
			log_warn("%s: more than %d foreign DHCP servers",
				 gw->config->interface, SERVERS_MAX);
		f->crowded = 1;
		return;
	}
	s = &f->servers[f->n++];
	memset(s, 0, sizeof(*s));
	s->says = *a;
	s->first_ms = clock_unix_ms();
	merge(s, a);
	describe(s, text, sizeof(text));
	log_warn("%s: a foreign DHCP server: %s%s", gw->config->interface, text,
		 a->address == gw->config->address ? ", in our name" : "");
	gateway_touch(gw);
}

static void forget_gone(struct gateway *gw)
{
	int64_t limit = gw->config->dhcp.watch_sec * 1000LL * MISSES + LATE_MS;
	struct foreign *f = gw->foreign;
	char text[DHCP_FILE_MAX + 128];
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (clock_boot_ms() - f->servers[i].heard_ms <= limit) {
			f->servers[n++] = f->servers[i];
			continue;
		}
		describe(&f->servers[i], text, sizeof(text));
		log_info("%s: a foreign DHCP server is gone: %s",
			 gw->config->interface, text);
		gateway_touch(gw);
	}
	f->n = n;
	if (n < SERVERS_MAX)
		f->crowded = 0;
}

static void end_probe(struct foreign *f)
{
	loop_fd_del(TAKE(f->watch));
	if (f->fd >= 0)
		close(TAKE_FD(f->fd));
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	f->pid = 0;
}

static void on_answer(int fd, short revents, void *arg)
{
	struct gateway *gw = arg;
	struct dhcp_answer a;
	ssize_t n = recv(fd, &a, sizeof(a), MSG_DONTWAIT);

	(void)revents;
	if (n == (ssize_t)sizeof(a)) {
		a.file[DHCP_FILE_MAX - 1] = '\0';
		take(gw, &a);
	} else if (n >= 0 || errno != EAGAIN) {
		/* Its interface is gone; the timer begins another. */
		end_probe(gw->foreign);
	}
}

/* In the child. */
static void become_probe(int raw, int out, const char *every, const char *mac)
{
	char *const argv[] = { (char *)"gatewayd", (char *)"--dhcp-probe",
			       (char *)every, (char *)mac, NULL };
	char *const env[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Neither may be where the other goes. */
	raw = fcntl(raw, F_DUPFD, FOREIGN_PROBE_OUT + 1);
	out = fcntl(out, F_DUPFD, FOREIGN_PROBE_OUT + 1);
	if (raw < 0 || out < 0 || dup2(raw, FOREIGN_PROBE_SOCKET) < 0 ||
	    dup2(out, FOREIGN_PROBE_OUT) < 0)
		_exit(127);
	close_range(FOREIGN_PROBE_OUT + 1, ~0U, 0);
	execve("/proc/self/exe", argv, env);
	_exit(127);
}

static int begin_probe(struct gateway *gw, struct errinfo *err)
{
	struct foreign *f = gw->foreign;
	auto_close int raw = foreign_probe_socket(gw->config->interface, err);
	char every[16], mac[PARSE_MAC_STR];
	int pair[2], rc;

	if (raw < 0)
		return err->rc;
	rc = gateway_mac(gw, mac);
	if (rc)
		return errinfo_set_errno(err, rc, "%s: its Ethernet address",
					 gw->config->interface);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return errinfo_set_errno(err, -errno, "socket pair");
	snprintf(every, sizeof(every), "%d", gw->config->dhcp.watch_sec);
	f->pid = fork();
	if (!f->pid)
		become_probe(raw, pair[1], every, mac);
	close(pair[1]);
	f->fd = pair[0];
	f->watch = f->pid < 0
			   ? NULL
			   : loop_fd_add(gw->loop, f->fd, POLLIN, on_answer, gw);
	if (f->watch)
		return 0;
	end_probe(f);
	return errinfo_set(err, -ENOMEM, "no process");
}

static void on_timer(void *arg)
{
	struct gateway *gw = arg;
	struct foreign *f = gw->foreign;
	struct errinfo err = ERRINFO_INIT;
	int rc = 0;

	forget_gone(gw);
	if (!f->watch) {
		rc = begin_probe(gw, &err);
		if (rc && strcmp(f->trouble, errinfo_text(&err, rc)))
			log_warn("nobody listens for foreign DHCP servers: %s",
				 errinfo_text(&err, rc));
		snprintf(f->trouble, sizeof(f->trouble), "%s",
			 rc ? errinfo_text(&err, rc) : "");
	}
	loop_timer_set(f->timer, gw->config->dhcp.watch_sec * 1000LL);
}

int foreign_start(struct gateway *gw, struct errinfo *err)
{
	struct foreign *f = gw->foreign = calloc(1, sizeof(*f));

	if (!f)
		return errinfo_set(err, -ENOMEM, "out of memory");
	f->fd = -1;
	f->timer = loop_timer_add(gw->loop, on_timer, gw);
	if (!f->timer)
		return errinfo_set(err, -ENOMEM, "out of memory");
	on_timer(gw);
	return 0;
}

void foreign_stop(struct gateway *gw)
{
	struct foreign *f = TAKE(gw->foreign);

	if (!f)
		return;
	end_probe(f);
	loop_timer_del(f->timer);
	free(f);
}

json_t *foreign_to_json(const struct gateway *gw)
{
	char mac[PARSE_MAC_STR], address[PARSE_IPV4_STR], id[PARSE_IPV4_STR];
	const struct foreign *f = gw->foreign;
	json_t *list = json_array();

	for (size_t i = 0; f && i < f->n; i++) {
		const struct server *s = &f->servers[i];

		format_mac(s->says.mac, mac);
		format_ipv4(s->says.address, address);
		format_ipv4(s->says.server, id);
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:I, s:I}",
				  "address", address, "mac", mac, "server", id,
				  "dhcp", s->says.offers_address, "boot",
				  s->says.offers_boot, "file", s->says.file,
				  "first_ms", (json_int_t)s->first_ms,
				  "seen_ms", (json_int_t)s->seen_ms));
	}
	return list;
}

json_t *foreign_trouble(const struct gateway *gw)
{
	return gw->foreign && gw->foreign->trouble[0]
		       ? json_string(gw->foreign->trouble)
		       : json_null();
}
