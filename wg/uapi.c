/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uapi - wireguard-go by its socket: lines of key=value, an empty line ends a
 * request and its answer, the last line before it is errno=N.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <sodium.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "parse.h"
#include "private.h"

#define REPLY_MAX   ((size_t)4 * 1024 * 1024)
#define TIMEOUT_SEC 5
#define HEX_STR     (WG_KEY_LEN * 2 + 1)

static int dial(const struct wg *w)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_SEC };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strcpy(sun.sun_path, w->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return -errno;
	return TAKE_FD(fd);
}

/* Until the empty line that ends an answer. */
static int read_answer(int fd, struct buf *out)
{
	char part[4096];
	ssize_t n;

	while (out->len < 2 || memcmp(out->data + out->len - 2, "\n\n", 2)) {
		n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		if (buf_add(out, part, (size_t)n))
			return out->rc;
	}
	return 0;
}

static int talk(const struct wg *w, const struct buf *request, struct buf *out)
{
	auto_close int fd = request->rc ? request->rc : dial(w);
	int rc;

	if (fd < 0)
		return TAKE_FD(fd);
	rc = fileio_write_all(fd, request->data, request->len);
	return rc ? rc : read_answer(fd, out);
}

struct reader {
	struct wg_list *list;
	struct wg_peer *p; /* the one being read, or NULL */
	int status;        /* what errno= says */
	int ended;
};

static int get_u64(const char *value, uint64_t *out)
{
	return parse_u64(value, 0, INT64_MAX, out);
}

static int take_key(struct reader *r, const char *value)
{
	r->p = wg_list_add(r->list);
	if (!r->p)
		return -ENOMEM;
	return parse_hex(value, r->p->key, WG_KEY_LEN);
}

/* "a.b.c.d:port"; IPv6 is none of ours and stays 0. */
static int take_endpoint(struct reader *r, const char *value)
{
	const char *colon = strrchr(value, ':');
	char host[PARSE_IPV4_STR];
	int port;

	if (!colon || parse_int(colon + 1, 0, 65535, &port))
		return -EINVAL;
	if (*value == '[')
		return 0;
	if ((size_t)(colon - value) >= sizeof(host))
		return -EINVAL;
	memcpy(host, value, (size_t)(colon - value));
	host[colon - value] = '\0';
	r->p->endpoint_port = (uint16_t)port;
	return parse_ipv4(host, &r->p->endpoint);
}

static int take_range(struct reader *r, const char *value)
{
	if (strchr(value, ':'))
		return 0;
	return parse_ipv4_prefix(value, &r->p->address, &r->p->prefix);
}

static int take_handshake(struct reader *r, const char *value)
{
	uint64_t sec;
	int rc = parse_u64(value, 0, INT64_MAX / 1000, &sec);

	if (!rc)
		r->p->handshake_ms += (int64_t)sec * 1000;
	return rc;
}

static int take_handshake_nsec(struct reader *r, const char *value)
{
	uint64_t nsec;
	int rc = parse_u64(value, 0, 999999999, &nsec);

	if (!rc)
		r->p->handshake_ms += (int64_t)(nsec / 1000000);
	return rc;
}

static int take_rx(struct reader *r, const char *value)
{
	return get_u64(value, &r->p->rx_bytes);
}

static int take_tx(struct reader *r, const char *value)
{
	return get_u64(value, &r->p->tx_bytes);
}

static int take_keepalive(struct reader *r, const char *value)
{
	int sec, rc = parse_int(value, 0, UINT16_MAX, &sec);

	if (!rc)
		r->p->keepalive_sec = (uint16_t)sec;
	return rc;
}

static int take_errno(struct reader *r, const char *value)
{
	r->ended = 1;
	/* Negative as wireguard-go writes it, or not. */
	return parse_int(*value == '-' ? value + 1 : value, 0, 4095, &r->status);
}

static int take_line(struct reader *r, const char *name, const char *value)
{
	static const struct {
		const char *name;
		int (*fn)(struct reader *r, const char *value);
		int of_peer;
	} table[] = {
		{ "public_key", take_key, 0 },
		{ "errno", take_errno, 0 },
		{ "endpoint", take_endpoint, 1 },
		{ "allowed_ip", take_range, 1 },
		{ "last_handshake_time_sec", take_handshake, 1 },
		{ "last_handshake_time_nsec", take_handshake_nsec, 1 },
		{ "rx_bytes", take_rx, 1 },
		{ "tx_bytes", take_tx, 1 },
		{ "persistent_keepalive_interval", take_keepalive, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name))
			continue;
		if (table[i].of_peer && !r->p)
			return -EINVAL;
		return table[i].fn(r, value);
	}
	return 0; /* our own key and port, what later versions add */
}

int wg_uapi_parse(const char *text, size_t len, struct wg_list *out,
		  struct errinfo *err)
{
	struct reader r = { .list = out };
	const char *end = text + len, *nl, *eq;
	char name[40], value[160];
	int rc;

	for (const char *p = text; p < end && *p != '\n'; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		eq = nl ? memchr(p, '=', (size_t)(nl - p)) : NULL;
		if (!eq || r.ended || (size_t)(eq - p) >= sizeof(name) ||
		    (size_t)(nl - eq) > sizeof(value) ||
		    memchr(p, '\0', (size_t)(nl - p)))
			return errinfo_set(err, -EPROTO,
					   "wireguard-go: no key=value");
		memcpy(name, p, (size_t)(eq - p));
		name[eq - p] = '\0';
		memcpy(value, eq + 1, (size_t)(nl - eq - 1));
		value[nl - eq - 1] = '\0';
		rc = take_line(&r, name, value);
		if (rc == -ENOMEM)
			return errinfo_set(err, rc, "out of memory");
		if (rc)
			return errinfo_set(err, -EPROTO,
					   "wireguard-go: a strange '%s'", name);
	}
	explicit_bzero(value, sizeof(value));
	if (!r.ended)
		return errinfo_set(err, -EPROTO, "wireguard-go: cut short");
	return r.status ? errinfo_set_errno(err, -r.status, "wireguard-go") : 0;
}

/* Sends the request; the peers of the answer go to *list. Wipes both texts. */
static int ask(const struct wg *w, struct buf *request, struct wg_list *list,
	       struct errinfo *err)
{
	auto_buf struct buf answer = BUF_INIT_MAX(REPLY_MAX);
	int rc = talk(w, request, &answer);

	if (rc)
		errinfo_set_errno(err, rc, "%s", w->socket);
	else
		rc = wg_uapi_parse(answer.data, answer.len, list, err);
	if (request->data)
		explicit_bzero(request->data, request->len);
	if (answer.data)
		explicit_bzero(answer.data, answer.len);
	return rc;
}

static int set_key(struct wg *w, const uint8_t private_key[WG_KEY_LEN],
		   uint16_t port, struct errinfo *err)
{
	auto_buf struct buf text = BUF_INIT;
	struct wg_list none = { 0 };
	char hex[HEX_STR];

	format_hex(private_key, WG_KEY_LEN, hex);
	buf_addf(&text, "set=1\nprivate_key=%s\nlisten_port=%u\n\n", hex, port);
	explicit_bzero(hex, sizeof(hex));
	return ask(w, &text, &none, err);
}

static void put_peer(struct buf *text, const struct wg_peer *p)
{
	char hex[HEX_STR], addr[PARSE_IPV4_STR];

	format_hex(p->key, WG_KEY_LEN, hex);
	buf_addf(text, "public_key=%s\n", hex);
	if (p->remove) {
		buf_adds(text, "remove=true\n");
		return;
	}
	if (p->endpoint) {
		format_ipv4(p->endpoint, addr);
		buf_addf(text, "endpoint=%s:%u\n", addr, p->endpoint_port);
	}
	format_ipv4(p->address, addr);
	buf_addf(text,
		 "persistent_keepalive_interval=%u\nreplace_allowed_ips=true\n"
		 "allowed_ip=%s/%u\n",
		 p->keepalive_sec, addr, p->prefix);
}

static int set_peers(struct wg *w, const struct wg_peer *peers, size_t n,
		     struct errinfo *err)
{
	auto_buf struct buf text = BUF_INIT;
	struct wg_list none = { 0 };

	buf_adds(&text, "set=1\n");
	for (size_t i = 0; i < n; i++)
		put_peer(&text, &peers[i]);
	buf_adds(&text, "\n");
	return ask(w, &text, &none, err);
}

static int get_peers(struct wg *w, struct wg_peer **peers, size_t *n,
		     struct errinfo *err)
{
	auto_buf struct buf text = BUF_INIT;
	struct wg_list list = { 0 };
	int rc;

	buf_adds(&text, "get=1\n\n");
	rc = ask(w, &text, &list, err);
	if (rc) {
		free(list.peers);
		return rc;
	}
	*peers = list.peers;
	*n = list.n;
	return 0;
}

const struct wg_backend wg_backend_uapi = { set_key, set_peers, get_peers };
