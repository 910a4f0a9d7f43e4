/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel's listing of its packet filter, as nftmodel reads it; what it takes
 * must answer for a packet without trouble. */
#include <stddef.h>
#include <stdint.h>

#include "nftmodel.h"

/* A verdict for each packet is exponential in the rules that jump; a kernel's
 * owner may wait, a fuzzer not. */
#define LONGEST 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct space_point x = { 0 };
	struct nftmodel *m = NULL;
	struct space in;

	if (len > LONGEST || nftmodel_parse((const char *)data, len, &m, NULL))
		return 0;
	x.v[SPACE_ETYPE] = 0x0800;
	x.v[SPACE_PROTO] = 6;
	x.v[SPACE_DPORT] = 80;
	in = space_of_point(nftmodel_pool(m), &x);
	for (int f = NFTMODEL_INET; f <= NFTMODEL_ARP; f++)
		for (int h = NFTMODEL_INGRESS; h <= NFTMODEL_EGRESS; h++)
			nftmodel_pass(m, f, h, &in, NULL);
	nftmodel_free(m);
	return 0;
}
