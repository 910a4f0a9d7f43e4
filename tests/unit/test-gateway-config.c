/* SPDX-License-Identifier: Apache-2.0 */
/* Errors and generated files are golden tests (tests/golden/gateway-conf). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "config.h"
#include "fileio.h"

static void no_error(const char *text, void *arg)
{
	(void)arg;
	fail_msg("%s", text);
}

static const char *top(void)
{
	const char *s = getenv("TOP");

	return s ? s : ".";
}

#define CONF(scratch, node)                                                   \
	"segment s {\n interface i; address 10.0.0.1/24\n"                    \
	" domu-range 10.0.0.128/25; state /s; boot /b; key /k; root /r\n"     \
	" central { url https://10.1.0.1; repo http://10.1.0.1\n"             \
	"  pin \"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n"    \
	"  token-file /t }\n" scratch                                         \
	" node a { mac 02:00:00:00:00:0a; address 10.0.0.2; boot grid\n" node \
	" }\n}\n"
#define LENT(label, size)                                                   \
	"scratch { type 7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3; label " label \
	"; " size "}\n"

/* What the node of such a file lends. */
static int lent(const char *text, struct scratch_policy *out)
{
	char path[] = "/tmp/test-gateway-config.XXXXXX";
	const struct scratch_policy *p;
	struct config *c;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(config_load(path, &c, NULL, no_error, NULL), 0);
	unlink(path);
	p = config_scratch(c, &c->nodes[0]);
	if (p)
		*out = *p;
	config_free(c);
	return p != NULL;
}

static void the_nodes_partition_comes_before_the_segments(void **state)
{
	struct scratch_policy p;

	(void)state;
	assert_false(lent(CONF("", ""), &p));
	assert_true(lent(CONF(LENT("night", ""), ""), &p));
	assert_string_equal(p.label, "night");
	assert_int_equal(p.size_max, 0);
	assert_true(lent(CONF(LENT("night", ""), LENT("\"my own\"", "size 2G")),
			 &p));
	assert_string_equal(p.label, "my own");
	assert_int_equal(p.size_max, UINT64_C(2) << 30);
	assert_true(lent(CONF("", LENT("night", "")), &p));
	assert_false(lent(CONF(LENT("night", ""), "scratch { }"), &p));
}

static void the_example_is_read(void **state)
{
	uint8_t mac[] = { 0x52, 0x54, 0, 0x77, 0, 0x12 };
	auto_free char *text = NULL;
	char path[4096];
	struct config *c;

	(void)state;
	snprintf(path, sizeof(path), "%s/gateway/nightshift.conf.example", top());
	assert_int_equal(config_load(path, &c, &text, no_error, NULL), 0);
	assert_string_equal(c->segment, "lab");
	assert_string_equal(c->interface, "seg0");
	assert_string_equal(c->base, "nightshift.conf.example");
	assert_int_equal(c->address, 0x0a4d0001);
	assert_int_equal(c->prefix, 16);
	assert_int_equal(c->n_nodes, 2);
	assert_int_equal(c->repo.mirror, 1);
	assert_int_equal(c->repo.port, 8080);
	assert_true(c->carousel.line > 0);
	assert_string_equal(c->carousel.group, "239.255.78.83");
	assert_int_equal(c->carousel.rate_mbit, 600);
	assert_int_equal(c->limits.memory_mib, 1024);
	assert_int_equal(c->limits.vcpus, 2);
	assert_int_equal(c->limits.n_images, 1);
	assert_int_equal(c->central.port, 8443);
	assert_string_equal(c->central.address_text, "10.99.0.2");
	assert_int_equal(c->nodes[0].domu_address, 0x0a4d800b);
	assert_int_equal(c->nodes[0].boot, BOOT_GRID);
	assert_ptr_equal(config_node_by_mac(c, mac), &c->nodes[1]);
	assert_null(config_node_by_name(c, "pc3"));
	config_free(c);
}

/* The canonical form says the same, and is its own canonical form. */
static void canonical_form_is_a_fixpoint(void **state)
{
	char copy[] = "/tmp/test-config-XXXXXX", path[4096];
	auto_free char *first = NULL, *second = NULL;
	struct config *a, *b;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/gateway/nightshift.conf.example", top());
	assert_int_equal(config_load(path, &a, &first, no_error, NULL), 0);
	fd = mkstemp(copy);
	assert_true(fd >= 0);
	assert_int_equal(fileio_write_all(fd, first, strlen(first)), 0);
	close(fd);
	assert_int_equal(config_load(copy, &b, &second, no_error, NULL), 0);
	assert_string_equal(first, second);
	assert_int_equal(a->n_nodes, b->n_nodes);
	assert_string_equal(a->nodes[1].mac_text, b->nodes[1].mac_text);
	assert_memory_equal(&a->limits, &b->limits,
			    offsetof(struct config_limits, line));
	unlink(copy);
	config_free(a);
	config_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_is_read),
		cmocka_unit_test(the_nodes_partition_comes_before_the_segments),
		cmocka_unit_test(canonical_form_is_a_fixpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
