/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-walls - see hv-walls.h.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hv-walls.h"
#include "walls-facts.h"

/* The bridge's card. */
static int find_nic(const char *bridge, char out[WALLS_IFNAME_MAX + 1],
		    struct errinfo *err)
{
	char path[96];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/brif", bridge);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !strncmp(e->d_name, "vif", 3))
			continue;
		snprintf(out, WALLS_IFNAME_MAX + 1, "%.15s", e->d_name);
		n++;
	}
	if (d)
		closedir(d);
	if (n != 1)
		return errinfo_set(err, -ENODEV, "%s: %d cards, not one",
				   bridge, n);
	return 0;
}

int hv_walls_load(const char *bridge, hv_domid domid, const uint8_t mac[6],
		  const struct msg_walls *m, struct errinfo *err)
{
	char nic[WALLS_IFNAME_MAX + 1], vif[WALLS_IFNAME_MAX + 1];
	struct walls_lan lan = { .nic = nic,
				 .vif = vif,
				 .http_port = 80,
				 .https_port = 443,
				 .repo_port = 8080 };
	auto_buf struct buf text = BUF_INIT;
	int rc = find_nic(bridge, nic, err);

	if (rc)
		return errinfo_wrap(err, rc, "walls");
	snprintf(vif, sizeof(vif), "vif%u.0", domid);
	memcpy(lan.mac, mac, sizeof(lan.mac));
	if (m)
		walls_facts(&lan, m);
	rc = walls_dom0(&lan, &text, err);
	if (!rc)
		rc = walls_load(text.data, err);
	return rc ? errinfo_wrap(err, rc, "walls") : 0;
}
