/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private - what the files of the front share.
 */
#ifndef HV_PRIVATE_H
#define HV_PRIVATE_H

#include "backend.h"

/* Output of one console; see console.c. */
struct hv_console {
	hv_domid domid; /* 0: this slot is free */
	int fd;         /* -1: not open (yet) */
	uint64_t total; /* bytes seen; the ring holds the last ones */
	char *ring;     /* HV_CONSOLE_RING bytes */
};

/* What was last known of a domain; see event.c. */
struct hv_known {
	hv_domid domid; /* 0: this slot is free */
	uint8_t uuid[HV_UUID_LEN];
	char name[HV_NAME_MAX + 1];
	bool reported;
};

struct hv {
	const struct hv_ops *ops;
	void *be;
	int epoll; /* what hv_fd gives: be's fd, kick, consoles */
	int kick;  /* eventfd: there is something to do */
	struct hv_known known[HV_DOMAIN_MAX];
	struct hv_event events[HV_DOMAIN_MAX]; /* a queue */
	size_t event_count;
	struct hv_console consoles[HV_DOMAIN_MAX];
};

int hv_poll_add(struct hv *hv, int fd); /* 0 or -errno */

/* Compares the list with what was known and queues deaths. */
int hv_event_scan(struct hv *hv, struct errinfo *err);
/* Its end was ours: nothing to report. */
void hv_event_forget(struct hv *hv, hv_domid domid);

void hv_console_pump(struct hv *hv); /* all that is readable, into rings */
void hv_console_drop(struct hv *hv, hv_domid domid);
void hv_console_dispose(struct hv *hv);

#endif
