/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carouseld receive
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "carousel.h"
#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "log.h"
#include "parse.h"
#include "tool.h"

#define BLOCK      (CAROUSEL_K * CAROUSEL_SYMBOL)
#define RUN_BLOCKS 4u  /* of a request: the socket waits meanwhile */
#define RETRY_MS   200 /* after a request that failed */
/* Where many are measured on one machine, hashing waits until all are done. */
#define MEASURE_MS 2000

struct receive {
	struct carousel_recv_config config;
	const char *url, *output, *sha256;
	uint64_t size, timeout_sec, at_ms;
	int json;

	struct loop *loop;
	struct loop_timer *start, *fetch_timer, *watchdog, *verify;
	struct carousel_recv *recv;
	struct fetch *fetch;
	uint8_t *have; /* a byte a block */
	uint32_t blocks, left;
	int fd;
	uint8_t *map; /* of the file */
	int again;    /* all of it was fetched over HTTP, at last */
	int64_t started_ms, progress_ms, first_ms;
	int64_t cpu_us; /* of what was done between start and last byte */
	uint64_t carousel_bytes, http_bytes;
};

static int write_at(void *arg, uint64_t offset, const void *data, size_t len)
{
	struct receive *r = arg;

	memmove(r->map + offset, data, len); /* it may be there already */
	return 0;
}

static void *place(void *arg, const char *sha256, uint64_t offset)
{
	struct receive *r = arg;

	(void)sha256;
	/* What came over HTTP must not be overwritten by guesses. */
	return r->have[offset / BLOCK] || r->again ? NULL : r->map + offset;
}

static void fail(struct receive *r, const char *why)
{
	log_err("%s: %s", r->output, why);
	loop_quit(r->loop, CMD_EXIT_FAILED);
}

static void finish(void *arg)
{
	struct receive *r = arg;
	uint8_t digest[HASH_LEN];
	char hex[HASH_HEX] = "";
	uint64_t size;

	if (!hash_fd(r->fd, digest, &size))
		format_hex(digest, sizeof(digest), hex);
	if (!strcmp(hex, r->sha256)) {
		loop_quit(r->loop, CMD_EXIT_OK);
		return;
	}
	carousel_recv_leave(r->recv, r->sha256);
	if (r->again || !r->fetch) {
		fail(r, "what came is not the blob");
		return;
	}
	/* Some symbol was forged; which, only smaller digests could tell. */
	log_warn("%s: what came by multicast is not the blob; fetching it",
		 r->output);
	r->again = 1;
	r->left = r->blocks;
	memset(r->have, 0, r->blocks);
	loop_timer_set(r->fetch_timer, 0);
}

static int64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void done(struct receive *r, uint32_t block, uint64_t *counter)
{
	uint64_t at = (uint64_t)block * BLOCK;

	r->progress_ms = clock_boot_ms();
	if (!r->first_ms)
		r->first_ms = r->progress_ms;
	r->have[block] = 1;
	*counter += r->size - at < BLOCK ? r->size - at : BLOCK;
	if (--r->left)
		return;
	r->cpu_us += cpu_us();
	loop_timer_set(r->verify, r->at_ms ? MEASURE_MS : 0);
}

static void on_data(void *arg, const char *sha256, uint64_t offset,
		    const void *data, size_t len)
{
	struct receive *r = arg;
	uint32_t block = (uint32_t)(offset / BLOCK);

	(void)sha256;
	loop_timer_clear(r->fetch_timer); /* it is on the air */
	if (r->have[block] || r->again)
		return;
	write_at(r, offset, data, len);
	done(r, block, &r->carousel_bytes);
}

static void on_idle(void *arg, const char *sha256, int rc)
{
	struct receive *r = arg;

	(void)sha256;
	if (rc && r->fetch && r->left)
		loop_timer_set(r->fetch_timer, 0);
}

/* The next run of missing blocks, over HTTP. */
static void on_fetch(void *arg)
{
	struct receive *r = arg;
	struct errinfo err = ERRINFO_INIT;
	uint32_t first = 0, end;
	uint64_t at, len;
	int rc;

	while (first < r->blocks && r->have[first])
		first++;
	if (first == r->blocks)
		return;
	for (end = first;
	     end < r->blocks && end < first + RUN_BLOCKS && !r->have[end];)
		end++;
	at = (uint64_t)first * BLOCK;
	len = (end == r->blocks ? r->size : (uint64_t)end * BLOCK) - at;
	rc = fetch_range(r->fetch, at, len, write_at, r, &err);
	if (rc) {
		log_debug("%s", errinfo_text(&err, rc));
		loop_timer_set(r->fetch_timer, RETRY_MS);
		return;
	}
	carousel_recv_have(r->recv, r->sha256, at, len);
	loop_timer_set(r->fetch_timer, 0);
	for (uint32_t b = first; b < end; b++)
		done(r, b, &r->http_bytes);
}

static void on_watchdog(void *arg)
{
	struct receive *r = arg;
	int64_t passed = clock_boot_ms() - r->progress_ms;

	if (passed >= (int64_t)r->timeout_sec * 1000)
		fail(r, "no progress");
	else
		loop_timer_set(r->watchdog,
			       (int64_t)r->timeout_sec * 1000 - passed);
}

static void on_start(void *arg)
{
	struct receive *r = arg;
	struct errinfo err = ERRINFO_INIT;
	int rc;

	r->started_ms = r->progress_ms = clock_boot_ms();
	r->cpu_us = -cpu_us();
	rc = carousel_recv_want(r->recv, r->sha256, r->size, &err);
	if (rc)
		fail(r, errinfo_text(&err, rc));
	loop_timer_set(r->watchdog, (int64_t)r->timeout_sec * 1000);
}

static int parse_one(struct receive *r, int o)
{
	struct carousel_recv_config *c = &r->config;

	switch (o) {
	case 'i':
		return tool_address(optarg, &c->interface);
	case 's':
		return tool_address(optarg, &c->sender);
	case 'g':
		return tool_address(optarg, &c->group);
	case 'p':
		return tool_port(optarg, &c->port);
	case 'u':
		r->url = optarg;
		return 0;
	case 'o':
		r->output = optarg;
		return 0;
	case 'j':
		r->json = 1;
		return 0;
	case 'S':
		if (!parse_u64(optarg, 1, CAROUSEL_BLOB_MAX, &r->size))
			return 0;
		return cmd_misuse("'%s' is no size (1 to 2^30)", optarg);
	case 't':
		if (!parse_u64(optarg, 1, 86400, &r->timeout_sec))
			return 0;
		return cmd_misuse("'%s' is no number of seconds", optarg);
	case 'a':
		if (!parse_u64(optarg, 0, INT64_MAX, &r->at_ms))
			return 0;
		return cmd_misuse("'%s' is no time", optarg);
	}
	return CMD_EXIT_USAGE;
}

static int parse(struct receive *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interface", 1, NULL, 'i' }, { "sender", 1, NULL, 's' },
		{ "group", 1, NULL, 'g' },     { "port", 1, NULL, 'p' },
		{ "url", 1, NULL, 'u' },       { "size", 1, NULL, 'S' },
		{ "output", 1, NULL, 'o' },    { "timeout", 1, NULL, 't' },
		{ "at", 1, NULL, 'a' },        { "json", 0, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int o, rc = 0;

	r->timeout_sec = 30;
	while (!rc && (o = getopt_long(argc, argv, "i:s:g:p:u:S:o:t:a:j",
				       options, NULL)) != -1)
		rc = parse_one(r, o);
	if (rc)
		return rc;
	if (optind + 1 != argc || !hash_is_hex(argv[optind]))
		return cmd_misuse("receive takes one blob, 64 hex digits");
	r->sha256 = argv[optind];
	if (!r->config.sender || !r->output || (!r->url && !r->size))
		return cmd_misuse("receive takes --sender, --output, and --url "
				  "or --size");
	return 0;
}

static int prepare(struct receive *r, struct errinfo *err)
{
	int rc = 0;

	r->config.place = place;
	r->loop = loop_new();
	if (!r->loop)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (r->url)
		rc = fetch_new(r->url, r->sha256, &r->fetch, err);
	if (!rc && !r->size)
		rc = fetch_size(r->fetch, &r->size, err);
	if (!rc && r->size > CAROUSEL_BLOB_MAX)
		rc = errinfo_set(err, -EFBIG,
				 "the blob has more than 2^30 bytes");
	if (!rc)
		rc = carousel_recv_new(r->loop, &r->config, on_data, on_idle, r,
				       &r->recv, err);
	if (rc)
		return rc;
	r->blocks = r->left = (uint32_t)((r->size + BLOCK - 1) / BLOCK);
	r->have = calloc(r->blocks, 1);
	r->start = loop_timer_add(r->loop, on_start, r);
	r->fetch_timer = loop_timer_add(r->loop, on_fetch, r);
	r->watchdog = loop_timer_add(r->loop, on_watchdog, r);
	r->verify = loop_timer_add(r->loop, finish, r);
	if (!r->have || !r->start || !r->fetch_timer || !r->watchdog || !r->verify)
		return errinfo_set(err, -ENOMEM, "out of memory");
	loop_timer_set(r->start,
		       r->at_ms ? (int64_t)r->at_ms - clock_unix_ms() : 0);
	return 0;
}

static void report(const struct receive *r)
{
	struct carousel_recv_stats s;

	carousel_recv_stats_get(r->recv, &s);
	printf("{\"sha256\": \"%s\", \"size\": %" PRIu64 ", \"ms\": %" PRId64
	       ", \"first_ms\": %" PRId64 ", \"cpu_us\": %" PRId64
	       ", \"carousel_bytes\": %" PRIu64 ", \"http_bytes\": %" PRIu64
	       ", \"symbols\": %" PRIu64 ", \"parity\": %" PRIu64
	       ", \"useless\": %" PRIu64 ", \"refused\": %" PRIu64
	       ", \"wants\": %" PRIu64 "}\n",
	       r->sha256, r->size, r->progress_ms - r->started_ms,
	       r->first_ms - r->started_ms, r->cpu_us, r->carousel_bytes,
	       r->http_bytes, s.symbols, s.parity, s.useless, s.refused, s.wants);
}

static int run(struct receive *r, const char *part)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = prepare(r, &err);

	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
		return CMD_EXIT_FAILED;
	}
	r->fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (r->fd < 0) {
		log_err("%s: %s", part, strerror(errno));
		return CMD_EXIT_FAILED;
	}
	rc = posix_fallocate(r->fd, 0, (off_t)r->size);
	if (!rc) {
		r->map = mmap(NULL, r->size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_POPULATE, r->fd, 0);
		rc = r->map == MAP_FAILED ? errno : 0;
	}
	if (rc)
		log_err("%s: %s", part, strerror(rc));
	rc = rc ? CMD_EXIT_FAILED : loop_run(r->loop);
	if (!rc && rename(part, r->output)) {
		log_err("%s: %s", r->output, strerror(errno));
		rc = CMD_EXIT_FAILED;
	}
	if (rc)
		unlink(part);
	else if (r->json)
		report(r);
	return rc;
}

int tool_receive(int argc, char **argv, void *arg)
{
	struct receive r = { .fd = -1 };
	auto_free char *part = NULL;
	int rc;

	(void)arg;
	rc = parse(&r, argc, argv);
	if (rc)
		return rc;
	if (asprintf(&part, "%s.part", r.output) < 0)
		return CMD_EXIT_FAILED;
	rc = run(&r, part);
	if (r.fd >= 0)
		close(r.fd);
	carousel_recv_free(r.recv);
	if (r.map && r.map != MAP_FAILED)
		munmap(r.map, r.size);
	fetch_free(r.fetch);
	loop_free(r.loop);
	free(r.have);
	return rc;
}
