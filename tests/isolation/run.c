/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - sends the matrix and hears what came of it.
 *
 * The kernel has done with a packet when the write of it returns, but for what
 * it puts off to its own threads; so after the last one we listen until it is
 * quiet, and not before a last packet of a way that is open has come through.
 */
#include <string.h>

#include "probe.h"

#define WAIT_MS    20
#define PATIENT_MS 2000

struct hearing {
	struct matrix *m;
	stray_fn stray;
	void *arg;
	int number; /* waited for, -1: none */
	int done;
};

static int is_arp_answer(const struct wire_heard *h)
{
	return h->ethertype == ETH_ARP && h->arp_op == 2;
}

/* The gateway answers ARP with frames that carry no number: by who asked. */
static struct probe *who_asked(struct matrix *m, const struct wire_heard *h)
{
	for (size_t i = 0; i < m->n; i++) {
		struct probe *p = &m->p[i];

		if (p->spec.ethertype == ETH_ARP && p->spec.arp_op == 1 &&
		    !p->spec.vlan[0] && p->spec.arp_spa == h->arp_tpa &&
		    p->spec.arp_tpa == h->arp_spa)
			return p;
	}
	return NULL;
}

/* The world answers what the contract promises a domU: that must get back. */
static void answer(const struct probe *p, const struct wire_heard *h)
{
	struct wire_spec s;
	struct wire_frame f;

	wire_answer(h, &s);
	wire_build(&s, (unsigned int)p->number, 1, &f);
	(void)bench_send(BENCH_UPLINK, &f);
}

static void heard(enum bench_port port, const uint8_t *data, size_t len, void *arg)
{
	struct hearing *l = arg;
	struct wire_heard h;
	struct probe *p = NULL;

	wire_hear(data, len, port == BENCH_SEGMENT || port == BENCH_UPLINK, &h);
	if (h.number >= 0 && (size_t)h.number < l->m->n)
		p = &l->m->p[h.number];
	if (port == BENCH_SEGMENT && is_arp_answer(&h) && !p)
		p = who_asked(l->m, &h);
	if (!p) {
		/* The uplink is the owner's, and so is what goes out there. */
		if (port == BENCH_SEGMENT || port == BENCH_TUNNEL)
			l->stray(port, &h, l->arg);
		return;
	}
	/* A probe of this type is no answer to itself. */
	if (h.is_answer && p->spec.protocol == 1 && p->spec.icmp_type == 0)
		h.is_answer = 0;
	if (h.is_answer)
		p->answered++;
	else if (!p->arrived++ && port == BENCH_UPLINK &&
		 p->by == BENCH_TUNNEL && h.ethertype == ETH_IP && p->why)
		answer(p, &h);
	l->done |= p->number == l->number;
}

static void put_in(struct probe *p)
{
	int with_ether = p->by == BENCH_SEGMENT || p->by == BENCH_UPLINK;
	struct wire_frame f, first, second;

	wire_build(&p->spec, (unsigned int)p->number, with_ether, &f);
	/* A refusal to send is an answer: nothing comes of it. */
	if (!p->split) {
		(void)bench_send(p->by, &f);
		return;
	}
	wire_split(&f, with_ether, &first, &second);
	(void)bench_send(p->by, &first);
	(void)bench_send(p->by, &second);
}

/* The last probe whose arrival is promised. */
static int last_open(const struct matrix *m)
{
	int number = -1;

	for (size_t i = 0; i < m->n; i++)
		if (m->p[i].expect == EXPECT_ARRIVAL)
			number = m->p[i].number;
	return number;
}

void probe_run(struct matrix *m, int quiet_ms, stray_fn stray, void *arg)
{
	struct hearing l = { m, stray, arg, last_open(m), 0 };

	for (size_t i = 0; i < m->n; i++) {
		m->p[i].arrived = m->p[i].answered = 0;
		put_in(&m->p[i]);
		/* Interfaces hold some hundred frames. */
		if (i % 64 == 63)
			while (bench_listen(0, heard, &l))
				;
	}
	for (int waited = 0; !l.done && waited < PATIENT_MS; waited += WAIT_MS)
		bench_listen(WAIT_MS, heard, &l);
	while (bench_listen(quiet_ms, heard, &l))
		;
}
