/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event - deaths, found by comparing the list of domains with what was known.
 *
 * Xen says only that some domain has gone ("@releaseDomain"); comparing also
 * finds what happened while no one listened.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"

#include "private.h"

static struct hv_known *find_known(struct hv *hv, hv_domid domid)
{
	size_t i;

	for (i = 0; i < HV_DOMAIN_MAX; i++) {
		if (hv->known[i].domid == domid)
			return &hv->known[i];
	}
	return NULL;
}

void hv_event_forget(struct hv *hv, hv_domid domid)
{
	struct hv_known *k = find_known(hv, domid);
	size_t i;

	if (k)
		memset(k, 0, sizeof(*k));
	for (i = 0; i < hv->event_count; i++) {
		if (hv->events[i].domid != domid)
			continue;
		hv->event_count--;
		memmove(&hv->events[i], &hv->events[i + 1],
			(hv->event_count - i) * sizeof(hv->events[0]));
		i--;
	}
}

/* The queue cannot overflow by domains that are there, as each is reported
 * once; of those that vanish unread the oldest is lost. */
static void queue(struct hv *hv, struct hv_known *k, enum hv_reason reason)
{
	struct hv_event *e;

	if (hv->event_count == HV_DOMAIN_MAX) {
		memmove(&hv->events[0], &hv->events[1],
			(HV_DOMAIN_MAX - 1) * sizeof(hv->events[0]));
		hv->event_count--;
	}
	e = &hv->events[hv->event_count++];
	e->domid = k->domid;
	e->reason = reason;
	memcpy(e->name, k->name, sizeof(e->name));
	memcpy(e->uuid, k->uuid, sizeof(e->uuid));
	k->reported = true;
}

static void meet(struct hv *hv, const struct hv_domain *d)
{
	struct hv_known *k = find_known(hv, d->domid);

	/* The same number with another uuid is another domain. */
	if (k && memcmp(k->uuid, d->uuid, HV_UUID_LEN)) {
		if (!k->reported)
			queue(hv, k, HV_REASON_DESTROYED);
		memset(k, 0, sizeof(*k));
		k = NULL;
	}
	if (!k) {
		k = find_known(hv, 0);
		if (!k)
			return;
		k->domid = d->domid;
		memcpy(k->uuid, d->uuid, sizeof(k->uuid));
	}
	if (d->name[0]) /* one that was destroyed has lost it already */
		memcpy(k->name, d->name, sizeof(k->name));
	if (!k->reported && d->reason != HV_REASON_NONE)
		queue(hv, k, d->reason);
}

static bool is_listed(const struct hv_domain *list, int n, hv_domid domid)
{
	int i;

	for (i = 0; i < n; i++) {
		if (list[i].domid == domid)
			return true;
	}
	return false;
}

int hv_event_scan(struct hv *hv, struct errinfo *err)
{
	struct hv_domain list[HV_DOMAIN_MAX];
	int i, n;

	n = hv_domain_list(hv, list, HV_DOMAIN_MAX, err);
	if (n < 0)
		return n;
	for (i = 0; i < HV_DOMAIN_MAX; i++) {
		struct hv_known *k = &hv->known[i];

		if (!k->domid || is_listed(list, n, k->domid))
			continue;
		if (!k->reported)
			queue(hv, k, HV_REASON_DESTROYED);
		hv_console_drop(hv, k->domid);
		memset(k, 0, sizeof(*k));
	}
	for (i = 0; i < n; i++)
		meet(hv, &list[i]);
	return 0;
}

int hv_event_next(struct hv *hv, struct hv_event *out)
{
	if (!hv->event_count)
		return 0;
	*out = hv->events[0];
	hv->event_count--;
	memmove(&hv->events[0], &hv->events[1],
		hv->event_count * sizeof(hv->events[0]));
	return 1;
}

/* Has it ended, and how? 1 yes, 0 no, or a negative errno. */
static int has_ended(struct hv *hv, hv_domid domid, enum hv_reason *reason,
		     struct errinfo *err)
{
	struct hv_domain d;
	size_t i;
	int rc;

	for (i = 0; i < hv->event_count; i++) {
		if (hv->events[i].domid == domid) {
			*reason = hv->events[i].reason;
			return 1;
		}
	}
	rc = hv_domain_get(hv, domid, &d, err);
	if (rc)
		return rc;
	*reason = d.reason;
	return d.reason != HV_REASON_NONE;
}

int hv_domain_wait(struct hv *hv, hv_domid domid, int timeout_ms,
		   enum hv_reason *reason_out, struct errinfo *err)
{
	struct pollfd pfd = { .fd = hv->epoll, .events = POLLIN };
	int64_t end = clock_boot_ms() + timeout_ms;
	int64_t left = -1;
	int rc;

	for (;;) {
		rc = hv_dispatch(hv, err);
		if (rc)
			return rc;
		rc = has_ended(hv, domid, reason_out, err);
		if (rc)
			return rc < 0 ? rc : 0;
		if (timeout_ms >= 0) {
			left = end - clock_boot_ms();
			if (left <= 0)
				return errinfo_set(err, -ETIMEDOUT,
						   "domain %u still runs", domid);
		}
		if (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
			return errinfo_set_errno(err, -errno, "poll");
	}
}
