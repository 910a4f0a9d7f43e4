/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xenbus - the two halves of a device in xenstore, and other entries.
 *
 *	/local/domain/DOMID/device/KIND/DEVID		the domU's, frontend
 *	/local/domain/0/backend/KIND/DOMID/DEVID	ours, backend; or
 *another domain's in place of 0
 *
 * Layout and states as in xen/io/xenbus.h, blkif.h, netif.h. All return 0 or
 * a negative errno.
 */
#ifndef HV_XENBUS_H
#define HV_XENBUS_H

#include <xenstore.h>

#include "hv.h"

#define HV_XB_PATH_MAX 192 /* longest path of ours, with NUL */
#define HV_XB_NODE_MAX 16  /* entries in one half of a device */

enum {
	HV_XB_INITIALISING = 1,
	HV_XB_INITWAIT = 2,
	HV_XB_CONNECTED = 4,
	HV_XB_CLOSING = 5,
	HV_XB_CLOSED = 6
};

struct hv_xb_node {
	const char *name, *value;
};

struct hv_xb_device {
	const char *kind; /* "vbd", "vif" */
	hv_domid domid;
	uint32_t devid;
	hv_domid backend; /* 0: dom0 */
};

#define HV_XB_VALUE_MAX 256
/* Reads backend/KIND/DOMID/DEVID/NAME or DIR/NAME; -ENOENT if it is not there,
 * -ERANGE if it is longer than a value of ours can be. */
int hv_xb_backend_read(struct xs_handle *xs, const struct hv_xb_device *d,
		       const char *name, char out[HV_XB_VALUE_MAX]);
int hv_xb_backend_write(struct xs_handle *xs, const struct hv_xb_device *d,
			const char *name, const char *value);
int hv_xb_read(struct xs_handle *xs, char out[HV_XB_VALUE_MAX], const char *fmt,
	       ...) __attribute__((format(printf, 3, 4)));

/* Writes both halves in one transaction, state Initialising; "frontend",
 * "frontend-id", "backend", "backend-id", "online" and "state" are added.
 * Arrays end with a NULL name. */
int hv_xb_add(struct xs_handle *xs, const struct hv_xb_device *d,
	      const struct hv_xb_node *front, const struct hv_xb_node *back);
/* Takes the frontend away and tells the backend to close. */
int hv_xb_begin_remove(struct xs_handle *xs, const struct hv_xb_device *d);
/* Takes the backend's entries away. */
int hv_xb_end_remove(struct xs_handle *xs, const struct hv_xb_device *d);

/* Waits until the backend's state is `state` (-ETIMEDOUT) or, for CLOSED, gone. */
int hv_xb_wait_state(struct xs_handle *xs, const struct hv_xb_device *d,
		     int state, int timeout_ms);

/* A domain's devices of a kind, whoever their backend, at most max; returns how
 * many. kind is borrowed. What the domain itself says is not asked. */
int hv_xb_list(struct xs_handle *xs, const char *kind, hv_domid domid,
	       struct hv_xb_device *out, int max);
/* Removes the folder of all backends of that kind for that domain once they
 * are gone. */
void hv_xb_forget(struct xs_handle *xs, const struct hv_xb_device *d);

/* Waits until the backend's domain says that it is connected: -EIO and what it
 * says otherwise, -ETIMEDOUT. */
int hv_xb_wait_hotplug(struct xs_handle *xs, const struct hv_xb_device *d,
		       int timeout_ms, struct errinfo *err);

/* Writes vm-data/nightshift/NAME of the domain, for it to read. */
int hv_xb_write_keys(struct xs_handle *xs, hv_domid domid,
		     const struct hv_key *keys, uint32_t count);

void hv_sleep_ms(int ms);

#endif
