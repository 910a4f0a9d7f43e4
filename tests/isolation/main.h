/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main - what the matrix and the mutants share.
 */
#ifndef ISOLATION_MAIN_H
#define ISOLATION_MAIN_H

#include "acl-fixture.h"
#include "acl-prove.h"
#include "probe.h"

/* The rules of probe_policy; caller frees both. Ends the program on errors. */
char *compile_policy(struct acl_policy **p);
/* Fills in what the model says of each. */
void model_all(struct nftmodel *m, struct matrix *x);
int probe_came(const struct probe *p);
/* What is wrong with what came of it, or NULL. */
const char *probe_fault(const struct probe *p);

/* confirm.c: 1 a packet of the hole got through the rules (json, loaded), 0
 * not, -1 there is none in it that this bench can make. *x: the packet. */
int confirm(struct nftmodel *m, const struct acl_claim *c, const char *json,
	    struct space_point *x);

int run_mutants(const struct acl_policy *policy, int all, int part, int parts);

#endif
