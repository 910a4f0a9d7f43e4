/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - what the gateway is told (docs/protocol.md §3): always the whole
 * state, so that a lost report costs nothing but time.
 */
#include <string.h>

#include "cleanup.h"
#include "core.h"

static void add_string(struct buf *b, const char *s)
{
	buf_adds(b, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addf(b, "\\%c", *s);
		else
			buf_add(b, *s >= 0x20 && *s < 0x7f ? s : "?", 1);
	}
	buf_adds(b, "\"");
}

static void add_key(struct buf *b, const char *key)
{
	if (b->len && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[')
		buf_adds(b, ", ");
	buf_addf(b, "\"%s\": ", key);
}

static void add_text(struct buf *b, const char *key, const char *value)
{
	add_key(b, key);
	add_string(b, value);
}

static void add_int(struct buf *b, const char *key, long long value)
{
	add_key(b, key);
	buf_addf(b, "%lld", value);
}

static void add_bool(struct buf *b, const char *key, int value)
{
	add_key(b, key);
	buf_adds(b, value ? "true" : "false");
}

/* size: of one element of the array that starts at text. */
static void add_list(struct buf *b, const char *key, const char *text,
		     size_t size, int n)
{
	add_key(b, key);
	buf_adds(b, "[");
	for (int i = 0; i < n; i++) {
		if (i)
			buf_adds(b, ", ");
		add_string(b, text + i * size);
	}
	buf_adds(b, "]");
}

void report_enrol(struct core *c, struct buf *b)
{
	const struct msg_hv_facts *f = &c->facts;

	buf_adds(b, "{");
	add_text(b, "boot_id", c->boot.id);
	add_text(b, "mac", f->mac);
	add_text(b, "release", c->build.release);
	add_text(b, "build_time", c->build.build_time);
	add_int(b, "uptime_ms", clock_boot_ms());
	add_key(b, "host");
	buf_adds(b, "{");
	add_text(b, "xen_version", f->xen_version);
	add_text(b, "xen_cmdline", f->xen_cmdline);
	add_text(b, "dom0_cmdline", f->dom0_cmdline);
	add_int(b, "memory_mib", (long long)f->memory_mib);
	add_int(b, "free_mib", (long long)f->free_mib);
	add_int(b, "cpus", f->cpus);
	add_bool(b, "hvm", f->hvm);
	add_bool(b, "hap", f->hap);
	add_bool(b, "iommu", f->iommu);
	add_text(b, "cpu_model", f->cpu_model);
	add_text(b, "product", f->product);
	add_text(b, "firmware", f->uefi ? "uefi" : "bios");
	add_list(b, "block_devices", f->block[0], sizeof(f->block[0]),
		 f->n_block);
	add_list(b, "nics", f->nics[0], sizeof(f->nics[0]), f->n_nics);
	buf_adds(b, "}");
	if (c->o->netdom)
		add_text(b, "tunnel_key", c->netdom.hello.key);
	buf_adds(b, "}");
}

static const char *image_error(struct core *c, const struct domu *d)
{
	const struct image *im = image_find(c, d->want.manifest);

	return d->error[0] || !im ? d->error : im->error;
}

/* The first of these that any domU is in names the node's state. */
static const struct {
	enum domu_state domu;
	const char *node;
} order[] = {
	{ DOMU_REFUSED, "refused" },   { DOMU_FAILED, "failed" },
	{ DOMU_STOPPED, "failed" },    { DOMU_PENDING, "fetching" },
	{ DOMU_FETCHING, "fetching" }, { DOMU_VERIFYING, "fetching" },
	{ DOMU_STARTING, "verified" }, { DOMU_RUNNING, "running" },
};

const char *report_node_state(struct core *c, const char **error)
{
	*error = c->node.error;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		for (int j = 0; j < DOMUS_MAX; j++) {
			const struct domu *d = &c->domus[j];

			if (!d->used || !d->desired || d->state != order[i].domu)
				continue;
			if (order[i].domu != DOMU_RUNNING)
				*error = image_error(c, d);
			return order[i].node;
		}
	return "enrolled";
}

static void add_image(struct core *c, struct buf *b)
{
	const struct domu *d = NULL;
	const struct image *im;
	uint64_t done = 0, total = 0;

	for (int i = 0; i < DOMUS_MAX && !d; i++)
		if (c->domus[i].used && c->domus[i].desired)
			d = &c->domus[i];
	if (!d)
		return;
	im = image_find(c, d->want.manifest);
	if (im)
		image_progress(im, &done, &total);
	add_key(b, "image");
	buf_adds(b, "{");
	add_text(b, "name", d->want.image);
	add_text(b, "version", d->want.image_version);
	add_text(b, "manifest", d->want.manifest);
	add_int(b, "done", (long long)done);
	add_int(b, "total", (long long)total);
	buf_adds(b, "}");
}

static void add_scratch(struct core *c, struct buf *b)
{
	const struct scratch *s = &c->scratch;

	if (!s->policy.type[0])
		return;
	add_key(b, "scratch");
	buf_adds(b, "{");
	add_text(b, "state", s->withdrawn ? "withdrawn" : scratch_state_name(s));
	add_int(b, "size_mib",
		s->state == SCRATCH_OPEN ? (long long)(s->size >> 20) : 0);
	add_text(b, "error", s->error);
	buf_adds(b, "}");
}

static void add_domu(struct core *c, struct buf *b, const struct domu *d)
{
	if (b->data[b->len - 1] == '}')
		buf_adds(b, ", ");
	buf_adds(b, "{");
	add_text(b, "id", d->want.id);
	add_text(b, "state", domu_state_name(d->state));
	add_int(b, "domid", d->domid);
	if (d->domid)
		add_text(b, "type", domu_type(d));
	add_text(b, "manifest", d->want.manifest);
	add_int(b, "since_ms", d->since_ms);
	add_text(b, "error", image_error(c, d));
	buf_adds(b, "}");
}

void report_state(struct core *c, struct buf *b)
{
	const char *error;
	const char *state = report_node_state(c, &error);

	buf_adds(b, "{");
	add_text(b, "boot_id", c->boot.id);
	add_int(b, "gen", (long long)c->node.gen);
	add_int(b, "uptime_ms", clock_boot_ms());
	add_text(b, "state", state);
	add_text(b, "error", error);
	add_image(c, b);
	add_key(b, "host");
	buf_adds(b, "{");
	add_int(b, "free_mib", (long long)c->host.free_mib);
	buf_adds(b, "}");
	add_scratch(c, b);
	add_key(b, "domus");
	buf_adds(b, "[");
	for (int i = 0; i < DOMUS_MAX && !b->rc; i++)
		if (c->domus[i].used)
			add_domu(c, b, &c->domus[i]);
	buf_adds(b, "]}");
}
