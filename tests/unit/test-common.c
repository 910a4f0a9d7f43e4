/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "buf.h"
#include "cleanup.h"
#include "clock.h"
#include "conf-lex.h"
#include "conf.h"
#include "errinfo.h"
#include "fileio.h"
#include "hash.h"
#include "log.h"
#include "loop.h"
#include "parse.h"

static void errinfo_gathers_context(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	char longer[2 * ERRINFO_MAX];

	(void)state;
	assert_int_equal(errinfo_set(&err, -ENOENT, "no bridge '%s'", "b"),
			 -ENOENT);
	assert_int_equal(errinfo_wrap(&err, -ENOENT, "vif %d", 3), -ENOENT);
	assert_string_equal(err.text, "vif 3: no bridge 'b'");
	assert_int_equal(errinfo_set(NULL, -EIO, "x"), -EIO);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	errinfo_wrap(&err, -EIO, "%s", longer);
	assert_int_equal(strlen(err.text), ERRINFO_MAX - 1);
}

static void parse_is_strict(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t value;
	} sizes[] = {
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "64K", 0, 65536 },
		{ "2G", 0, 2147483648ULL },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1k", -EINVAL, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "18446744073709551615K", -ERANGE, 0 },
	};
	uint64_t v;
	int n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		v = 0;
		assert_int_equal(parse_size(sizes[i].text, &v), sizes[i].rc);
		assert_int_equal(v, sizes[i].value);
	}
	assert_int_equal(parse_int("-5", -9, 9, &n), 0);
	assert_int_equal(n, -5);
	assert_int_equal(parse_int("10", -9, 9, &n), -ERANGE);
	assert_int_equal(parse_duration("7d", &v), 0);
	assert_int_equal(v, 7 * 86400);
}

static void parse_addresses(void **state)
{
	char text[PARSE_MAC_STR], ip[PARSE_IPV4_STR];
	uint8_t mac[PARSE_MAC_LEN];
	unsigned int len;
	uint32_t a;

	(void)state;
	assert_int_equal(parse_mac("52-54-00-AB-cd-01", mac), 0);
	format_mac(mac, text);
	assert_string_equal(text, "52:54:00:ab:cd:01");
	assert_int_equal(parse_mac("52-54-00:AB-cd-01", mac), -EINVAL);
	assert_int_equal(parse_mac("52:54:00:ab:cd", mac), -EINVAL);
	assert_int_equal(parse_mac("52:54:00:ab:cd:01:02", mac), -EINVAL);
	assert_int_equal(parse_mac("", mac), -EINVAL);
	assert_int_equal(parse_ipv4("10.77.0.1", &a), 0);
	assert_int_equal(a, 0x0a4d0001);
	format_ipv4(a, ip);
	assert_string_equal(ip, "10.77.0.1");
	assert_int_equal(parse_ipv4("10.77.0.256", &a), -EINVAL);
	assert_int_equal(parse_ipv4("10.77.0.01", &a), -EINVAL);
	assert_int_equal(parse_ipv4("10.77.0", &a), -EINVAL);
	assert_int_equal(parse_ipv4_prefix("10.0.0.0/8", &a, &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(parse_ipv4_prefix("10.0.0.0/33", &a, &len), -ERANGE);
	assert_true(parse_is_name("pc-1.lab_2"));
	assert_false(parse_is_name("-pc"));
	assert_false(parse_is_name("PC"));
	assert_false(parse_is_name(""));
	assert_false(parse_is_name("../x"));
}

static void buf_keeps_its_bound(void **state)
{
	struct buf b = BUF_INIT_MAX(8);

	(void)state;
	assert_int_equal(buf_adds(&b, "1234"), 0);
	assert_int_equal(buf_addf(&b, "%d", 56789), -EFBIG);
	assert_int_equal(buf_adds(&b, "x"), -EFBIG);
	assert_null(buf_take(&b));
	buf_reset(&b);
	assert_int_equal(buf_addf(&b, "%d", 12345678), 0);
	assert_string_equal(b.data, "12345678");
	buf_dispose(&b);
}

static void hash_known_vector(void **state)
{
	char hex[HASH_HEX];

	(void)state;
	/* FIPS 180-4 example "abc" */
	hash_bytes_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
				 "b00361a396177a9cb410ff61f20015ad");
	assert_true(hash_is_hex(hex));
	hex[5] = 'G';
	assert_false(hash_is_hex(hex));
}

static void clock_has_one_spelling(void **state)
{
	char text[CLOCK_ISO];
	int64_t ms;

	(void)state;
	assert_int_equal(clock_parse("2026-11-21T02:00:00Z", &ms), 0);
	clock_format(ms, text);
	assert_string_equal(text, "2026-11-21T02:00:00Z");
	assert_int_equal(clock_parse("2026-02-31T00:00:00Z", &ms), -EINVAL);
	assert_int_equal(clock_parse("2026-11-21 02:00:00", &ms), -EINVAL);
}

static void log_quote_escapes(void **state)
{
	char out[16];

	(void)state;
	assert_string_equal(log_quote(out, sizeof(out), "a\nb", 3), "a\\x0ab");
	assert_string_equal(log_quote(out, sizeof(out), "0123456789abcdefgh", 18),
			    "0123456789ab...");
}

/* conf */

static const struct conf_rule node_rules[] = {
	{ "mac", 1, 1, CONF_REQUIRED, NULL },
	{ "boot", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule segment_rules[] = {
	{ "address", 1, 2, CONF_REQUIRED, NULL },
	{ "node", 1, 1, CONF_MANY, node_rules },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule rules[] = {
	{ "segment", 1, 1, CONF_REQUIRED, segment_rules },
	{ NULL, 0, 0, 0, NULL },
};

static struct conf *parse(const char *text)
{
	return conf_parse("t", text, strlen(text), rules);
}

static void conf_round_trip(void **state)
{
	static const char text[] =
		"# all of it\nsegment \"la b\" {\n address 1 \"x\\\"y\" ;"
		"node a { mac 1; boot grid } ; node b {mac 2\n}\n}\n";
	struct conf *c = parse(text), *again;
	const struct conf_stmt *s;
	char *p, *q;

	(void)state;
	assert_int_equal(conf_errors(c), 0);
	s = conf_first(c)->child;
	assert_string_equal(conf_find(s, "address")->argv[1], "x\"y");
	s = conf_find(s, "node");
	assert_string_equal(conf_arg(s->child, "boot", "?"), "grid");
	s = conf_next(s);
	assert_string_equal(conf_arg(s->child, "boot", "?"), "?");
	assert_null(conf_next(s));
	p = conf_print(c);
	again = parse(p);
	assert_int_equal(conf_errors(again), 0);
	q = conf_print(again);
	assert_string_equal(p, q);
	free(p);
	free(q);
	conf_free(c);
	conf_free(again);
}

/* A backslash at the end of a line, and nowhere else. */
static void conf_lines_go_on(void **state)
{
	struct conf *c = parse("segment a {\n address 1\\\n  b\\c \\\n # no\n}");
	const struct conf_stmt *s = conf_find(conf_first(c)->child, "address");

	(void)state;
	assert_int_equal(conf_errors(c), 0);
	assert_int_equal(s->argc, 2);
	assert_string_equal(s->argv[0], "1");
	assert_string_equal(s->argv[1], "b\\c");
	assert_int_equal(s->line, 2);
	conf_free(c);
}

static void conf_lex_knows_marks(void **state)
{
	static const char text[] = "a=b,\"c,d\",e";
	static const struct {
		enum conf_token token;
		const char *text;
	} want[] = {
		{ CONF_TOKEN_WORD, "a" },   { CONF_TOKEN_MARK, "=" },
		{ CONF_TOKEN_WORD, "b" },   { CONF_TOKEN_MARK, "," },
		{ CONF_TOKEN_WORD, "c,d" }, { CONF_TOKEN_MARK, "," },
		{ CONF_TOKEN_WORD, "e" },
	};
	struct conf_lex x;

	(void)state;
	conf_lex_init(&x, text, sizeof(text) - 1);
	x.marks = ",=";
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(conf_lex_next(&x), want[i].token);
		assert_string_equal(x.text, want[i].text);
	}
	assert_int_equal(conf_lex_next(&x), CONF_TOKEN_EOF);
	conf_lex_init(&x, text, sizeof(text) - 1);
	assert_int_equal(conf_lex_next(&x), CONF_TOKEN_WORD);
	assert_string_equal(x.text, "a=b,");
}

static void conf_errors_have_places(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "t:1:1: 'segment' is missing" },
		{ "segment a {\n adress 1\n}", "t:2:2: unknown keyword 'adress'" },
		{ "segment a { address 1 2 3 }",
		  "t:1:25: '3' is too much behind 'address'" },
		{ "segment a { address 1\naddress 2 }",
		  "t:2:1: 'address' stands in line 1 already" },
		{ "segment a { address 1; node x }",
		  "t:1:24: 'node' needs a block { }" },
		{ "segment a { address 1; node x { } }",
		  "t:1:24: 'mac' is missing in node" },
		{ "segment a { address \"1 }",
		  "t:1:21: string is not closed on its line" },
		{ "segment a { address 1",
		  "t:1:1: the block of 'segment' is not closed" },
		{ "segment a { address 1 } }", "t:1:25: '}' without a block" },
		{ "{", "t:1:1: a block without a keyword" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf *c = parse(cases[i].text);

		assert_true(conf_errors(c) > 0);
		assert_string_equal(conf_error_text(c, 0), cases[i].error);
		conf_free(c);
	}
}

static void conf_survives_any_bytes(void **state)
{
	static const char seed[] =
		"segment a { address 1; node x { mac \"1\" } } # c\n";
	char text[sizeof(seed)];

	(void)state;
	for (size_t at = 0; at < sizeof(seed) - 1; at++) {
		for (int byte = 0; byte < 256; byte++) {
			struct conf *c;

			memcpy(text, seed, sizeof(seed));
			text[at] = (char)byte;
			c = conf_parse("t", text, sizeof(seed) - 1, rules);
			assert_non_null(c);
			conf_free(c);
		}
	}
	for (int depth = 0; depth < 2; depth++) {
		char deep[4096];
		struct conf *c;

		for (size_t i = 0; i < sizeof(deep); i += 2)
			memcpy(deep + i, depth ? "a{" : "{{", 2);
		c = conf_parse("t", deep, sizeof(deep), rules);
		assert_true(conf_errors(c) > 0);
		conf_free(c);
	}
}

static void write_atomic_replaces_or_leaves(void **state)
{
	char dir[] = "/tmp/test-common.XXXXXX", path[64];
	struct errinfo err = ERRINFO_INIT;
	char *text;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(fileio_write_atomic(path, "1", 1, 0600, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	snprintf(path, sizeof(path), "%s/a/b/c", dir);
	assert_int_equal(fileio_mkdirs(path, 0700, &err), 0);
	snprintf(path, sizeof(path), "%s/a/b/c/f", dir);
	assert_int_equal(fileio_write_atomic(path, "12", 2, 0600, &err), 0);
	assert_int_equal(fileio_write_atomic(path, "34", 2, 0600, &err), 0);
	assert_int_equal(fileio_read(path, 2, &text, NULL, &err), 0);
	assert_string_equal(text, "34");
	free(text);
	assert_int_equal(fileio_read(path, 1, &text, NULL, &err), -EFBIG);
	unlink(path);
	for (char *p = strrchr(path, '/'); p > path + strlen(dir);
	     p = strrchr(path, '/')) {
		*p = '\0';
		rmdir(path);
	}
	rmdir(dir);
}

/* loop */

struct seen {
	struct loop *loop;
	struct loop_fd *fd;
	struct loop_timer *timer;
	int reads, ticks, signals;
};

static void on_read(int fd, short revents, void *arg)
{
	struct seen *s = arg;
	char c;

	(void)revents;
	assert_int_equal(read(fd, &c, 1), 1);
	s->reads++;
	loop_fd_del(s->fd);
	kill(getpid(), SIGUSR1);
}

static void on_signal(int signo, void *arg)
{
	struct seen *s = arg;

	assert_int_equal(signo, SIGUSR1);
	s->signals++;
	loop_timer_set(s->timer, 5);
}

static void on_tick(void *arg)
{
	struct seen *s = arg;

	if (++s->ticks == 3)
		loop_quit(s->loop, 7);
	else
		loop_timer_set(s->timer, 1);
}

static void loop_runs_all_kinds(void **state)
{
	struct seen s = { .loop = loop_new() };
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	s.fd = loop_fd_add(s.loop, p[0], POLLIN, on_read, &s);
	s.timer = loop_timer_add(s.loop, on_tick, &s);
	assert_int_equal(loop_signal(s.loop, SIGUSR1, on_signal, &s), 0);
	assert_int_equal(write(p[1], "xy", 2), 2);
	assert_int_equal(loop_run(s.loop), 7);
	assert_int_equal(s.reads, 1);
	assert_int_equal(s.signals, 1);
	assert_int_equal(s.ticks, 3);
	loop_free(s.loop);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(errinfo_gathers_context),
		cmocka_unit_test(parse_is_strict),
		cmocka_unit_test(parse_addresses),
		cmocka_unit_test(buf_keeps_its_bound),
		cmocka_unit_test(hash_known_vector),
		cmocka_unit_test(clock_has_one_spelling),
		cmocka_unit_test(log_quote_escapes),
		cmocka_unit_test(conf_round_trip),
		cmocka_unit_test(conf_lines_go_on),
		cmocka_unit_test(conf_lex_knows_marks),
		cmocka_unit_test(conf_errors_have_places),
		cmocka_unit_test(conf_survives_any_bytes),
		cmocka_unit_test(write_atomic_replaces_or_leaves),
		cmocka_unit_test(loop_runs_all_kinds),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
