/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lucas-lehmer - which Mersenne numbers 2^p - 1 are prime, for all prime
 * exponents p in a range.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mersenne.h"

static void usage(FILE *to)
{
	fputs("usage: lucas-lehmer [-a] [-s I/N] [-v] FROM TO\n"
	      "\n"
	      "  -a, --all      test also where a small factor is known\n"
	      "  -s, --slice    only the I-th of N even shares, I from 0\n"
	      "  -v, --verbose  name each exponent on stderr\n"
	      "  -V, --version  print the version\n"
	      "  -h, --help     print this\n",
	      to);
}

static int parse_exponent(const char *s, uint32_t *out)
{
	unsigned long n;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || *end || n > MERSENNE_P_MAX)
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

/* One task of an array takes every N-th prime: large ones take longest, and
 * so each task gets its share of them. */
struct slice {
	uint32_t index, count;
};

static int parse_slice(const char *s, struct slice *out)
{
	char copy[32], *bar;

	if (strlen(s) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, s);
	bar = strchr(copy, '/');
	if (!bar)
		return -EINVAL;
	*bar++ = '\0';
	if (parse_exponent(copy, &out->index) || parse_exponent(bar, &out->count))
		return -EINVAL;
	return out->index < out->count ? 0 : -EINVAL;
}

struct counts {
	unsigned int tested, factored, primes;
};

static int test_one(uint32_t p, int all, int verbose, struct counts *c)
{
	uint32_t factor = all ? 0 : mersenne_small_factor(p);
	int prime = factor ? 0 : mersenne_lucas_lehmer(p);

	if (prime < 0)
		return prime;
	c->tested++;
	c->factored += factor != 0;
	c->primes += (unsigned int)prime;
	if (prime) {
		printf("M%u is prime\n", p);
		fflush(stdout);
	}
	if (verbose && factor)
		fprintf(stderr, "M%u has the factor %u\n", p, factor);
	else if (verbose && !prime)
		fprintf(stderr, "M%u is composite\n", p);
	return 0;
}

static int run(uint32_t from, uint32_t to, const struct slice *slice, int all,
	       int verbose)
{
	struct counts c = { 0 };
	uint32_t nth = 0;

	for (uint32_t p = from; p <= to; p++) {
		int rc;

		if (!mersenne_is_prime(p) || nth++ % slice->count != slice->index)
			continue;
		rc = test_one(p, all, verbose, &c);
		if (rc) {
			fprintf(stderr, "lucas-lehmer: %s\n", strerror(-rc));
			return 1;
		}
	}
	printf("tested %u prime exponents from %u to %u: "
	       "%u Mersenne primes, %u composite by a small factor, %u by the test\n",
	       c.tested, from, to, c.primes, c.factored,
	       c.tested - c.primes - c.factored);
	/* A result that did not get out is none. */
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "slice", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct slice slice = { 0, 1 };
	int c, all = 0, verbose = 0;
	uint32_t from, to;

	while ((c = getopt_long(argc, argv, "as:vVh", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			all = 1;
			break;
		case 's':
			if (!parse_slice(optarg, &slice))
				break;
			fprintf(stderr,
				"lucas-lehmer: '%s' is no share I/N "
				"with I < N\n",
				optarg);
			return 2;
		case 'v':
			verbose = 1;
			break;
		case 'V':
			puts("lucas-lehmer " NIGHTSHIFT_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (argc - optind != 2 || parse_exponent(argv[optind], &from) ||
	    parse_exponent(argv[optind + 1], &to) || from > to) {
		fprintf(stderr,
			"lucas-lehmer: FROM and TO are whole numbers, "
			"0 <= FROM <= TO <= %u\n",
			MERSENNE_P_MAX);
		usage(stderr);
		return 2;
	}
	return run(from, to, &slice, all, verbose);
}
