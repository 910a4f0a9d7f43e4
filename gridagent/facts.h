/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts - what machine this is, from /proc and /sys.
 */
#ifndef FACTS_H
#define FACTS_H

#include "messages.h"

/* What a card in the bridge has in dom0: its own MAC is netdom's (init). */
#define FACTS_LENT_MAC "fe:ff:ff:ff:ff:ff"

/* root is "" or a folder that stands for /, for tests. Fills what Xen does not
 * know: mac, dom0_cmdline, cpu_model, product, uefi, block devices, nics.
 * f->mac may be set before: it is of the card that lent its own. */
void facts_read(const char *root, struct msg_hv_facts *f);
/* MemAvailable, 0 if it cannot be read. */
uint64_t facts_free_mib(const char *root);
/* Copies, what cannot be printed as '?'. */
void facts_text(char *out, size_t size, const char *text);

#endif
