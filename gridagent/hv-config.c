/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-config - see hv-config.h.
 */
#include <stdio.h>
#include <string.h>

#include "hv-config.h"
#include "parse.h"

void hv_config_lead(struct hv_vif *vif, const struct msg_domu *d, hv_domid netdom)
{
	char ip[MSG_CONFIG_VAL_LEN];

	vif->backend = netdom;
	for (int i = 0; i < d->n_config; i++) {
		if (strcmp(d->config[i].key, "ip") != 0)
			continue;
		snprintf(ip, sizeof(ip), "%s", d->config[i].value);
		ip[strcspn(ip, "/")] = '\0';
		if (parse_ipv4(ip, &vif->address))
			vif->address = 0;
	}
}

void hv_config_fill(struct hv_config *cfg, const struct msg_hv_create *q,
		    const int *fds)
{
	const struct msg_domu *d = &q->domu;

	cfg->name = d->id;
	parse_hex(q->tag, cfg->uuid, sizeof(cfg->uuid));
	cfg->kind = HV_KIND_AUTO;
	cfg->memory_mib = (uint32_t)d->memory_mib;
	cfg->vcpus = (uint32_t)d->vcpus;
	cfg->weight = (uint32_t)d->weight;
	cfg->cap = (uint32_t)d->cap;
	cfg->kernel_fd = fds[0];
	cfg->initrd_fd = q->has_initrd ? fds[1] : -1;
	cfg->cmdline = q->cmdline;
	cfg->vbd_count = 1;
	cfg->vbds[0] = (struct hv_vbd){ .vdev = "xvda", .fd = -1 };
	cfg->vif_count = 1;
	parse_mac(d->mac, cfg->vifs[0].mac);
	cfg->key_count = (uint32_t)d->n_config;
	for (int i = 0; i < d->n_config; i++)
		cfg->keys[i] =
			(struct hv_key){ d->config[i].key, d->config[i].value };
}
