/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation-report - what came of all that isolation-send sent, where, against
 * what must and what may come there.
 *
 *	isolation-report domU|office|world BASE me=... NAME=... -- POINT=FILE...
 *
 * The words of isolation-send, and recordings of isolation-pcap by where they
 * were made (below). Prints a table by kind and one by host; a probe has
 *arrived where it, an error about it or an answer to it was seen once. Exit
 *status 1: something came that must not, or did not come that must.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"
#include "pcap-file.h"

#define POINTS_MAX 9
#define API_PORT   8443 /* of the lab's central: the default policy's one line */
#define SYN        2
#define ACK        0x10

static struct attack_plan plan;

/* --- the contract ------------------------------------------------------------- */

static int is_host(const struct attack *a, const char *name)
{
	return a->to < plan.n_named && !strcmp(plan.host[a->to].name, name);
}

static int all(const struct attack *a)
{
	(void)a;
	return 1;
}

static int none(const struct attack *a)
{
	(void)a;
	return 0;
}

/* Honest IPv4 by the next hop, to somebody beyond it. */
static int is_honest(const struct attack *a)
{
	return a->way == ATTACK_ROUTED && a->spec.ethertype == ETH_IP &&
	       !a->spec.vlan[0] && a->class != CLASS_DHCP &&
	       a->to < plan.n_named && a->to != plan.next &&
	       !is_host(a, "netdom");
}

/* And of the kinds that nobody on the way may lose. */
static int is_plain(const struct attack *a)
{
	return is_honest(a) && a->class <= CLASS_ICMP;
}

static int is_api(const struct attack *a)
{
	return is_honest(a) && is_host(a, "central") && a->class == CLASS_TCP &&
	       a->spec.dport == API_PORT;
}

static int opens_api(const struct attack *a)
{
	return is_api(a) && a->spec.tcp_flags == SYN;
}

/* What a switch brings to the gateway. */
static int is_for_gateway(const struct attack *a)
{
	return a->way == ATTACK_ALL || a->way == ATTACK_ROUTED;
}

typedef int (*is_fn)(const struct attack *a);
static const struct {
	const char *who, *point;
	is_fn must, may;
} contract[] = {
	{ "domU", "tunnel-in", is_plain, is_honest },
	{ "domU", "uplink-out", opens_api, is_api },
	{ "domU", "tunnel-out", opens_api, is_api }, /* its answer */
	{ "office", "segment-in", is_for_gateway, all },
	{ "world", "uplink-in", all, all },
};

/* --- what was seen ---------------------------------------------------------------- */

struct point {
	const char *name, *file;
	is_fn must, may;
	unsigned int base;
	unsigned long frames;          /* with a number of ours */
	unsigned int seen[ATTACK_MAX]; /* how often */
	unsigned int must_n, must_not_n, faults;
};

static struct point points[POINTS_MAX];
static size_t n_points;

/* TCP's answer has no marker: it counts from where its probe began, and goes to
 * the port that it came from. */
static int answered_number(const struct wire_heard *h)
{
	unsigned int number = (uint16_t)(h->dport - WIRE_PORT);
	uint32_t behind = h->tcp_ack - 1 - (WIRE_SEQ | number);

	return h->protocol == 6 && (h->tcp_flags & ACK) && behind <= WIRE_MAX
		       ? (int)number
		       : -1;
}

static void see(const uint8_t *data, size_t len, int with_ether, void *arg)
{
	struct point *p = arg;
	struct wire_heard h;
	unsigned int n;

	wire_hear(data, len, with_ether, &h);
	if (!memmem(data, len, WIRE_MARKER, 7))
		h.number = answered_number(&h);
	n = (unsigned int)h.number - p->base;
	if (h.number < 0 || n >= plan.n)
		return;
	p->frames++;
	p->seen[n]++;
}

static void print_attack(const struct attack *a)
{
	static const char *const ways[] = {
		[ATTACK_DIRECT] = "to its MAC",
		[ATTACK_ALL] = "to everybody's MAC",
		[ATTACK_ROUTED] = "by the next hop",
		[ATTACK_AS] = "from another's address",
		[ATTACK_AS_WHOLE] = "from another's MAC and address",
	};
	const struct wire_spec *s = &a->spec;

	printf("%s to %s, %s (EtherType %04x, protocol %u, port or type %u)",
	       attack_class_name(a->class), plan.host[a->to].name, ways[a->way],
	       s->ethertype, s->protocol,
	       s->protocol == 1 || s->protocol == 58 ? s->icmp_type : s->dport);
}

static void judge(struct point *p)
{
	for (size_t i = 0; i < plan.n; i++) {
		const struct attack *a = &plan.a[i];
		int must = p->must(a), may = must || p->may(a);
		const char *fault = must && !p->seen[i]  ? "did not arrive"
				    : !may && p->seen[i] ? "ARRIVED"
							 : NULL;

		p->must_n += (unsigned int)must;
		p->must_not_n += !may;
		/* The first ones tell enough. */
		if (fault && p->faults++ < 10) {
			printf("FAULT %s: %s: ", p->name, fault);
			print_attack(a);
			putchar('\n');
		}
	}
}

/* --- tables ------------------------------------------------------------------------ */

typedef size_t (*row_fn)(const struct attack *a);

static size_t row_of_class(const struct attack *a)
{
	return a->class;
}

static size_t row_of_host(const struct attack *a)
{
	return a->to;
}

static void print_row(const char *name, size_t row, row_fn row_of)
{
	unsigned int n = 0;

	for (size_t i = 0; i < plan.n; i++)
		n += row_of(&plan.a[i]) == row;
	printf("%-24s %6u", name, n);
	for (size_t k = 0; k < n_points; k++) {
		unsigned int came = 0;

		for (size_t i = 0; i < plan.n; i++)
			came += row_of(&plan.a[i]) == row && points[k].seen[i];
		printf(" %11u", came);
	}
	putchar('\n');
}

static void print_head(const char *what)
{
	printf("%-24s %6s", what, "sent");
	for (size_t k = 0; k < n_points; k++)
		printf(" %11s", points[k].name);
	putchar('\n');
}

static void print_tables(const char *who)
{
	printf("what came of the probes of root in the %s, where:\n", who);
	print_head("by kind");
	for (enum attack_class c = 0; c < ATTACK_CLASSES; c++)
		print_row(attack_class_name(c), c, row_of_class);
	print_head("by destination");
	for (size_t i = 0; i < plan.n_hosts; i++)
		print_row(plan.host[i].name, i, row_of_host);
}

/* --- words --------------------------------------------------------------------------- */

static int read_points(int argc, char **argv, const char *who, unsigned int base)
{
	for (int i = 0; i < argc; i++) {
		struct point *p = &points[n_points++];
		char *value = strchr(argv[i], '=');

		if (!value || n_points == POINTS_MAX)
			return -1;
		*value = '\0';
		*p = (struct point){ .name = argv[i],
				     .file = value + 1,
				     .must = none,
				     .may = none,
				     .base = base };
		for (size_t k = 0; k < sizeof(contract) / sizeof(contract[0]); k++)
			if (!strcmp(contract[k].who, who) &&
			    !strcmp(contract[k].point, p->name)) {
				p->must = contract[k].must;
				p->may = contract[k].may;
			}
	}
	return 0;
}

static int report(const char *who)
{
	unsigned int faults = 0, must = 0, must_not = 0;

	for (size_t k = 0; k < n_points; k++)
		if (pcap_read(points[k].file, see, &points[k]))
			return 1;
	for (size_t k = 0; k < n_points; k++) {
		judge(&points[k]);
		faults += points[k].faults;
		must += points[k].must_n;
		must_not += points[k].must_not_n;
	}
	print_tables(who);
	printf("%s: %zu probes looked for at %zu points: %u must arrive, %u must "
	       "not; %u faults\n",
	       who, plan.n, n_points, must, must_not, faults);
	return faults != 0;
}

int main(int argc, char **argv)
{
	int words = 3;

	while (words < argc && strcmp(argv[words], "--") != 0)
		words++;
	if (words >= argc - 1 || attack_plan(words - 3, argv + 3, &plan) ||
	    read_points(argc - words - 1, argv + words + 1, argv[1],
			(unsigned int)strtoul(argv[2], NULL, 10))) {
		fprintf(stderr, "usage: isolation-report domU|office|world BASE "
				"me=ADDRESS NAME=ADDRESS[/MAC]... -- "
				"POINT=FILE...\n");
		return 2;
	}
	return report(argv[1]);
}
