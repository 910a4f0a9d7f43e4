/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many packets a second a gateway forwards under each of some rule files:
 *
 *	bench-acl-forward ROUNDS PACKETS RULES...
 *
 * A domU's TCP stream to the central, out of the tunnel and onto the uplink, in
 * the namespace of tests/isolation/bench.c. The files take turns; prints each
 * one's median in packets a second. Every packet must come out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "cleanup.h"
#include "fileio.h"
#include "parse.h"

#define FILES_MAX  8
#define ROUNDS_MAX 99
#define BURST      64

static size_t out_of_uplink;

static void heard(enum bench_port port, const uint8_t *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	out_of_uplink += port == BENCH_UPLINK;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double stream(const struct wire_frame *f, int packets)
{
	double start = now();

	out_of_uplink = 0;
	for (int i = 0; i < packets; i++) {
		bench_send(BENCH_TUNNEL, f);
		if (i % BURST == BURST - 1)
			bench_listen(0, heard, NULL);
	}
	while (out_of_uplink < (size_t)packets && bench_listen(1000, heard, NULL))
		;
	return packets / (now() - start);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int measure(char **texts, int n, int rounds, int packets)
{
	static double rate[FILES_MAX][ROUNDS_MAX];
	struct wire_spec s = { .ethertype = ETH_IP,
			       .saddr = 0x0a4d800b,
			       .daddr = 0x0a630002,
			       .protocol = 6,
			       .dport = 8443,
			       .tcp_flags = 0x10 };
	struct errinfo err = ERRINFO_INIT;
	struct wire_frame f;

	wire_build(&s, 1, 0, &f);
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n; i++) {
			if (bench_load("flush ruleset", &err) ||
			    bench_load(texts[i], &err)) {
				fprintf(stderr, "%s\n", err.text);
				return 1;
			}
			stream(&f, BURST);
			rate[i][r] = stream(&f, packets);
			if (out_of_uplink < (size_t)packets) {
				fprintf(stderr, "rules %d: %zu of %d came\n", i,
					out_of_uplink, packets);
				return 1;
			}
		}
	for (int i = 0; i < n; i++) {
		qsort(rate[i], (size_t)rounds, sizeof(double), by_value);
		printf("%.0f\n", rate[i][rounds / 2]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct errinfo err = ERRINFO_INIT;
	char *texts[FILES_MAX] = { NULL };
	int rounds, packets, n = argc - 3, rc = 0;

	if (n < 1 || n > FILES_MAX || parse_int(argv[1], 1, ROUNDS_MAX, &rounds) ||
	    parse_int(argv[2], BURST, 100000000, &packets))
		return 2;
	for (int i = 0; i < n && !rc; i++)
		rc = fileio_read(argv[i + 3], 1 << 26, &texts[i], NULL, &err);
	if (!rc)
		rc = bench_open("flush ruleset", &err);
	if (rc)
		fprintf(stderr, "%s\n", errinfo_text(&err, rc));
	else
		rc = measure(texts, n, rounds, packets);
	for (int i = 0; i < n; i++)
		free(texts[i]);
	return rc != 0;
}
