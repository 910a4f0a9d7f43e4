/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request - "nightshift-request 1".
 */
#include <errno.h>

#include "buf.h"
#include "cleanup.h"
#include "hash.h"
#include "parse.h"
#include "request.h"

int request_parse(struct request *q, struct errinfo *err)
{
	uint64_t epoch, seq;

	if (!q->node || !q->epoch_text || !q->seq_text || !q->signature)
		return errinfo_set(err, -EINVAL,
				   "a Nightshift- header is missing");
	/* The spelling is signed, so only one spelling may pass. */
	if (parse_u64(q->epoch_text, 0, INT64_MAX, &epoch) ||
	    (q->epoch_text[0] == '0' && q->epoch_text[1]))
		return errinfo_set(err, -EINVAL, "Nightshift-Epoch: no number");
	if (parse_u64(q->seq_text, 1, INT64_MAX, &seq) || q->seq_text[0] == '0')
		return errinfo_set(err, -EINVAL, "Nightshift-Seq: no number");
	if (parse_hex(q->signature, q->sig, sizeof(q->sig)))
		return errinfo_set(err, -EINVAL,
				   "Nightshift-Signature: not 128 hex digits");
	q->epoch = (int64_t)epoch;
	q->seq = (int64_t)seq;
	return 0;
}

int request_verify(const struct request *q, const uint8_t key[TRUST_PUBLIC_LEN])
{
	auto_buf struct buf text = BUF_INIT;
	char digest[HASH_HEX];

	hash_bytes_hex(q->body, q->len, digest);
	buf_addf(&text, "nightshift-request 1\n%s\n%s\n%s\n%s\n%s\n%s\n",
		 q->method, q->target, q->node, q->epoch_text, q->seq_text,
		 digest);
	if (text.rc)
		return -EBADMSG;
	return trust_verify_bytes(key, text.data, text.len, q->sig);
}

int request_take_seq(int64_t *top, uint64_t *seen, int64_t seq)
{
	uint64_t bit;

	if (seq > *top) {
		int64_t step = seq - *top;

		*seen = step < REQUEST_WINDOW ? *seen << step : 0;
		*seen |= 1;
		*top = seq;
		return 0;
	}
	if (*top - seq >= REQUEST_WINDOW)
		return -EALREADY;
	bit = 1ULL << (*top - seq);
	if (*seen & bit)
		return -EALREADY;
	*seen |= bit;
	return 0;
}
