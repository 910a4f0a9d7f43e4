/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create - domains from a file in the grammar of conf.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "conf.h"
#include "fileio.h"
#include "log.h"
#include "parse.h"

#include "hvctl.h"

#define MIB 1048576U

static const struct conf_rule domain_rules[] = {
	{ "kind", 1, 1, 0, NULL },
	{ "uuid", 1, 1, 0, NULL },
	{ "memory", 1, 1, CONF_REQUIRED, NULL },
	{ "vcpus", 1, 1, 0, NULL },
	{ "weight", 1, 1, 0, NULL },
	{ "cap", 1, 1, 0, NULL },
	{ "kernel", 1, 1, CONF_REQUIRED, NULL },
	{ "initrd", 1, 1, 0, NULL },
	{ "cmdline", 1, 1, 0, NULL },
	{ "vbd", 2, 3, CONF_MANY, NULL },
	{ "vif", 2, 3, CONF_MANY, NULL },
	{ "key", 2, 2, CONF_MANY, NULL },
	{ "paused", 0, 0, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule file_rules[] = {
	{ "domain", 1, 1, CONF_MANY | CONF_REQUIRED, domain_rules },
	{ NULL, 0, 0, 0, NULL },
};

static void read_number(struct conf *c, const struct conf_stmt *body,
			const char *name, int min, int max, uint32_t *out)
{
	const struct conf_stmt *s = conf_find(body, name);
	int n;

	if (!s)
		return;
	if (parse_int(s->argv[0], min, max, &n))
		conf_error(c, s, 0, "%s is not a number from %d to %d", name,
			   min, max);
	else
		*out = (uint32_t)n;
}

static void read_kind(struct conf *c, const struct conf_stmt *body,
		      struct hv_config *cfg)
{
	const struct conf_stmt *s = conf_find(body, "kind");
	enum hv_kind k;

	if (!s)
		return;
	for (k = HV_KIND_AUTO; k <= HV_KIND_PV; k++) {
		if (!strcmp(hv_kind_name(k), s->argv[0])) {
			cfg->kind = k;
			return;
		}
	}
	conf_error(c, s, 0, "kind is not auto, pvh or pv");
}

/* With or without hyphens. */
static void read_uuid(struct conf *c, const struct conf_stmt *body,
		      struct hv_config *cfg)
{
	const struct conf_stmt *s = conf_find(body, "uuid");
	char hex[2 * HV_UUID_LEN + 1];
	const char *p;
	size_t n = 0;

	if (!s)
		return;
	for (p = s->argv[0]; *p && n < 2 * HV_UUID_LEN; p++) {
		if (*p != '-')
			hex[n++] = *p;
	}
	hex[n] = '\0';
	if (*p || parse_hex(hex, cfg->uuid, HV_UUID_LEN))
		conf_error(c, s, 0, "no uuid");
}

static void read_memory(struct conf *c, const struct conf_stmt *body,
			struct hv_config *cfg)
{
	const struct conf_stmt *s = conf_find(body, "memory");
	uint64_t bytes;

	if (!s)
		return;
	if (parse_size(s->argv[0], &bytes) || bytes % MIB ||
	    bytes / MIB > UINT32_MAX)
		conf_error(c, s, 0, "memory is no size in whole MiB");
	else
		cfg->memory_mib = (uint32_t)(bytes / MIB);
}

static int read_file(struct conf *c, const struct conf_stmt *s, int arg)
{
	int fd = open(s->argv[arg], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		conf_error(c, s, arg, "%s: %s", s->argv[arg], strerror(errno));
	return fd;
}

static void read_vbd(struct conf *c, const struct conf_stmt *s, struct hv_vbd *vbd)
{
	struct stat st;

	vbd->vdev = s->argv[0];
	vbd->fd = -1;
	if (s->argc == 3 && strcmp(s->argv[2], "ro"))
		vbd->writable = true;
	if (vbd->writable && strcmp(s->argv[2], "rw"))
		conf_error(c, s, 2, "neither ro nor rw");
	if (!stat(s->argv[1], &st) && S_ISBLK(st.st_mode))
		vbd->path = s->argv[1];
	else
		vbd->fd = read_file(c, s, 1);
}

static void read_vif(struct conf *c, const struct conf_stmt *s, struct hv_vif *vif)
{
	int kbps;

	if (parse_mac(s->argv[0], vif->mac))
		conf_error(c, s, 0, "no Ethernet address");
	vif->bridge = s->argv[1];
	if (s->argc < 3)
		return;
	if (parse_int(s->argv[2], 1, 1 << 30, &kbps))
		conf_error(c, s, 2, "no rate in kilobit/s");
	else
		vif->rate_kbps = (uint32_t)kbps;
}

/* Calls for each statement of that name, at most max times. */
#define for_each_stmt(s, body, name) \
	for (s = conf_find(body, name); s; s = conf_next(s))

static void read_many(struct conf *c, const struct conf_stmt *body,
		      struct hv_config *cfg)
{
	const struct conf_stmt *s;

	for_each_stmt(s, body, "vbd")
	{
		if (cfg->vbd_count == HV_VBD_MAX)
			conf_error(c, s, -1, "more than %d vbds", HV_VBD_MAX);
		else
			read_vbd(c, s, &cfg->vbds[cfg->vbd_count++]);
	}
	for_each_stmt(s, body, "vif")
	{
		if (cfg->vif_count == HV_VIF_MAX)
			conf_error(c, s, -1, "more than %d vifs", HV_VIF_MAX);
		else
			read_vif(c, s, &cfg->vifs[cfg->vif_count++]);
	}
	for_each_stmt(s, body, "key")
	{
		if (cfg->key_count == HV_KEY_MAX) {
			conf_error(c, s, -1, "more than %d keys", HV_KEY_MAX);
			continue;
		}
		cfg->keys[cfg->key_count].name = s->argv[0];
		cfg->keys[cfg->key_count++].value = s->argv[1];
	}
}

static void read_domain(struct conf *c, const struct conf_stmt *s,
			struct hv_config *cfg)
{
	const struct conf_stmt *body = s->child, *file;
	struct errinfo err = ERRINFO_INIT;
	int before = conf_errors(c);

	cfg->name = s->argv[0];
	cfg->vcpus = 1;
	read_kind(c, body, cfg);
	read_uuid(c, body, cfg);
	read_memory(c, body, cfg);
	read_number(c, body, "vcpus", 1, HV_VCPU_MAX, &cfg->vcpus);
	read_number(c, body, "weight", 1, HV_WEIGHT_MAX, &cfg->weight);
	read_number(c, body, "cap", 0, 100 * HV_VCPU_MAX, &cfg->cap);
	cfg->cmdline = conf_arg(body, "cmdline", NULL);
	cfg->paused = conf_find(body, "paused") != NULL;
	file = conf_find(body, "initrd");
	if (file)
		cfg->initrd_fd = read_file(c, file, 0);
	file = conf_find(body, "kernel");
	if (file)
		cfg->kernel_fd = read_file(c, file, 0);
	read_many(c, body, cfg);
	if (!file || !cfg->memory_mib)
		return; /* the grammar has said so */
	if (conf_errors(c) == before && hv_config_check(cfg, &err))
		conf_error(c, s, 0, "%s", errinfo_text(&err, err.rc));
}

static void close_files(struct hv_config *cfg)
{
	uint32_t i;

	cleanup_close(&cfg->kernel_fd);
	cleanup_close(&cfg->initrd_fd);
	for (i = 0; i < cfg->vbd_count; i++)
		cleanup_close(&cfg->vbds[i].fd);
}

static int create_all(struct hvctl *ctl, const struct hv_config *cfgs, int n)
{
	struct errinfo err = ERRINFO_INIT;
	hv_domid domid;
	int i, rc;

	for (i = 0; i < n; i++) {
		rc = hv_domain_create(ctl->hv, &cfgs[i], &domid, &err);
		if (rc)
			return hvctl_fail(&err, rc);
		printf("%u\n", domid);
	}
	return CMD_EXIT_OK;
}

/* dom0 has no /dev/stdin. */
static struct conf *load(const char *path)
{
	auto_free char *text = NULL;
	size_t len = 0;

	if (strcmp(path, "-"))
		return conf_load(path, file_rules);
	if (fileio_read_fd(0, CONF_FILE_MAX, &text, &len))
		return conf_load("/proc/self/fd/0", file_rules);
	return conf_parse("-", text, len, file_rules);
}

int hvctl_create(int argc, char **argv, void *arg)
{
	auto_free struct hv_config *cfgs = NULL;
	const struct conf_stmt *s;
	struct conf *c;
	int i, n = 0, rc;

	if (argc != 2)
		return cmd_misuse("needs a file");
	cfgs = calloc(HV_DOMAIN_MAX, sizeof(*cfgs));
	c = load(argv[1]);
	if (!cfgs || !c) {
		log_err("out of memory");
		conf_free(c);
		return CMD_EXIT_FAILED;
	}
	for_each_stmt(s, conf_first(c), "domain")
	{
		if (n == HV_DOMAIN_MAX)
			break;
		cfgs[n] = (struct hv_config)HV_CONFIG_INIT;
		read_domain(c, s, &cfgs[n++]);
	}
	for (i = 0; conf_error_text(c, i); i++)
		fprintf(stderr, "%s\n", conf_error_text(c, i));
	rc = conf_errors(c) ? CMD_EXIT_FAILED : create_all(arg, cfgs, n);
	for (i = 0; i < n; i++)
		close_files(&cfgs[i]);
	conf_free(c);
	return rc;
}
