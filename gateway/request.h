/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request - a node's signed request (docs/protocol.md section 3): the form of
 * its headers and its signature. Knows no node and no server.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "trust.h"

struct request {
	/* as the headers came; NULL where there is none */
	const char *node, *epoch_text, *seq_text, *signature;
	const char *method, *target;
	const void *body;
	size_t len;
	/* set by request_parse */
	int64_t epoch, seq;
	uint8_t sig[TRUST_SIG_LEN];
};

/* -EINVAL with the reason where a header is missing or has a wrong form. */
int request_parse(struct request *q, struct errinfo *err);
/* 0 or -EBADMSG. */
int request_verify(const struct request *q, const uint8_t key[TRUST_PUBLIC_LEN]);

/*
 * Requests of one boot may overtake each other on their way, but each counts
 * once: *top is the highest seq taken, bit i of *seen says that top - i was.
 * Takes seq, or returns -EALREADY where it was seen or is too old to know.
 */
#define REQUEST_WINDOW 64
int request_take_seq(int64_t *top, uint64_t *seen, int64_t seq);

#endif
