/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify-docs - see verify-docs.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "image.h"
#include "scratch.h"
#include "verify-docs.h"

#define ROLE_GATEWAYS "gateways"

/* What trust_verify() has checked already, but strict unpacking must name. */
struct common {
	const char *type, *spec, *expires;
};
#define COMMON_FMT "s:s, s:s, s:s"
#define COMMON(c) \
	"_type", &(c).type, "spec_version", &(c).spec, "expires", &(c).expires

static int bad(struct errinfo *err, const char *what)
{
	return errinfo_set(err, -EBADMSG, "%s: not as the protocol has it", what);
}

/* Cannot be cut: longer than the field is an error. */
static int set_text(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return -EBADMSG;
	memcpy(out, text, len + 1);
	return 0;
}

static int set_name(char out[MSG_NAME_LEN], const char *text)
{
	return parse_is_name(text) ? set_text(out, MSG_NAME_LEN, text) : -EBADMSG;
}

static int set_hex(char out[HASH_HEX], const char *text)
{
	return hash_is_hex(text) ? set_text(out, HASH_HEX, text) : -EBADMSG;
}

static int set_int(int32_t *out, json_int_t v, json_int_t min, json_int_t max)
{
	if (v < min || v > max)
		return -EBADMSG;
	*out = (int32_t)v;
	return 0;
}

/* "sha256//" and 32 bytes in Base64. */
static int set_pin(char out[MSG_PIN_LEN], const char *text)
{
	static const char prefix[] = "sha256//";
	const char *b64 = text + sizeof(prefix) - 1;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 || strlen(b64) != 44 ||
	    strspn(b64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789+/") != 43 ||
	    b64[43] != '=')
		return -EBADMSG;
	return set_text(out, MSG_PIN_LEN, text);
}

/* What a gateway may say of its repository and its carousel. */
static int segment_options(json_t *floor, json_t *carousel,
			   json_int_t repo_port, struct msg_verify_segment *s)
{
	json_int_t v[3], port;
	const char *group;

	if (set_int(&s->repo_port, repo_port, 0, 65535))
		return -EBADMSG;
	if (floor) {
		if (json_unpack(floor, "{s:I, s:I, s:I !}", "root", &v[0],
				"timestamp", &v[1], "snapshot", &v[2]))
			return -EBADMSG;
		for (int i = 0; i < 3; i++)
			if (set_int(&s->floor[i], v[i], 0, INT32_MAX))
				return -EBADMSG;
	}
	if (!carousel)
		return 0;
	if (json_unpack(carousel, "{s:s, s:I !}", "group", &group, "port", &port) ||
	    parse_ipv4(group, &s->carousel) || s->carousel >> 28 != 0xe)
		return -EBADMSG; /* 224.0.0.0/4 */
	return set_int(&s->carousel_port, port, 1, 65535);
}

/* The one host that a node speaks to: both or neither. */
static int segment_gateway(const char *address, const char *mac,
			   struct msg_verify_segment *s)
{
	static const uint8_t none[PARSE_MAC_LEN];
	uint8_t bytes[PARSE_MAC_LEN];

	format_mac(none, s->gateway_mac);
	if (!address || !mac)
		return 0;
	if (parse_ipv4(address, &s->gateway) || !s->gateway ||
	    parse_mac(mac, bytes))
		return -EBADMSG;
	format_mac(bytes, s->gateway_mac);
	return 0;
}

static int segment_parse(json_t *body, const struct msg_verify_doc *q,
			 struct msg_verify_segment *s, struct errinfo *err)
{
	const char *segment, *nonce, *pin, *address = NULL, *mac = NULL;
	json_t *floor = NULL, *carousel = NULL;
	json_int_t time_ms, port, repo_port = 0;
	struct common c;

	if (json_unpack(body,
			"{" COMMON_FMT
			", s:s, s:s, s:I, s:s, s:I, s?I, s?o, s?o, s?s, s?s "
			"!}",
			COMMON(c), "segment", &segment, "nonce", &nonce,
			"time_ms", &time_ms, "tls_pin", &pin, "https_port",
			&port, "repo_port", &repo_port, "repo_floor", &floor,
			"carousel", &carousel, "gateway_address", &address,
			"gateway_mac", &mac))
		return bad(err, "segment statement");
	if (!q->nonce[0] || strcmp(nonce, q->nonce) != 0)
		return errinfo_set(err, -EBADMSG,
				   "segment statement: not for our nonce");
	if (time_ms <= 0 || set_name(s->segment, segment) ||
	    set_pin(s->tls_pin, pin) || set_int(&s->https_port, port, 1, 65535) ||
	    segment_options(floor, carousel, repo_port, s) ||
	    segment_gateway(address, mac, s))
		return bad(err, "segment statement");
	s->time_ms = time_ms;
	return 0;
}

/* The key itself is looked at where it is used. */
static int lease_tunnel(json_t *tunnel, struct msg_verify_lease *l)
{
	json_int_t port, keepalive;
	const char *key;

	if (!tunnel)
		return 0;
	if (json_unpack(tunnel, "{s:s, s:I, s:I !}", "gateway_key", &key,
			"port", &port, "keepalive", &keepalive) ||
	    strlen(key) != MSG_KEY_CHARS ||
	    set_int(&l->tunnel_port, port, 1, 65535) ||
	    set_int(&l->tunnel_keepalive, keepalive, 0, 65535))
		return -EBADMSG;
	return set_text(l->tunnel_key, sizeof(l->tunnel_key), key);
}

/* A partition is named by the owner's gateway and by nobody else; one that a
 * system keeps its own things in is not to be had from it either. */
static int lease_scratch(json_t *scratch, struct msg_scratch_policy *p)
{
	uint8_t guid[SCRATCH_GUID];
	const char *type, *label;
	json_int_t size;

	if (!scratch)
		return 0;
	if (json_unpack(scratch, "{s:s, s:s, s:I !}", "type", &type, "label",
			&label, "size_mib", &size) ||
	    scratch_parse_guid(type, guid) || scratch_type_owner(guid) ||
	    !scratch_label_ok(label) || size < 0 ||
	    (size && size < SCRATCH_SIZE_MIN >> 20) ||
	    size > (json_int_t)(SCRATCH_SIZE_MAX >> 20))
		return -EBADMSG;
	p->size_mib = (uint64_t)size;
	return set_text(p->type, sizeof(p->type), type)
		       ? -EBADMSG
		       : set_text(p->label, sizeof(p->label), label);
}

static int lease_parse(json_t *body, const struct msg_verify_doc *q,
		       struct msg_verify_lease *l, struct errinfo *err)
{
	json_int_t epoch, lease_sec, report_sec, gen;
	const char *node, *boot_id;
	json_t *tunnel = NULL, *scratch = NULL;
	struct common c;

	if (json_unpack(
		    body,
		    "{" COMMON_FMT ", s:s, s:s, s:I, s:I, s:I, s:I, s?o, s?o !}",
		    COMMON(c), "node", &node, "boot_id", &boot_id, "epoch",
		    &epoch, "lease_sec", &lease_sec, "report_sec", &report_sec,
		    "gen", &gen, "tunnel", &tunnel, "scratch", &scratch))
		return bad(err, "lease");
	if (!q->boot_id[0] || strcmp(boot_id, q->boot_id) != 0)
		return errinfo_set(err, -EBADMSG, "lease: of another boot");
	if (epoch < 1 || gen < 0 || set_name(l->node, node) ||
	    set_int(&l->lease_sec, lease_sec, 1, 86400) ||
	    set_int(&l->report_sec, report_sec, 1, 86400) ||
	    lease_tunnel(tunnel, l) || lease_scratch(scratch, &l->scratch))
		return bad(err, "lease");
	l->epoch = (uint64_t)epoch;
	l->gen = (uint64_t)gen;
	return 0;
}

/* Names of xenstore keys; a subset of what hv.h takes. */
static int key_ok(const char *key)
{
	size_t len = strlen(key);

	return len && len < MSG_NAME_LEN && parse_is_name(key) &&
	       !strchr(key, '.');
}

static int config_parse(json_t *config, struct msg_domu *d)
{
	const char *key;
	json_t *value;

	if (!json_is_object(config) || json_object_size(config) > MSG_CONFIG_MAX)
		return -EBADMSG;
	json_object_foreach(config, key, value)
	{
		struct msg_config *c = &d->config[d->n_config++];

		if (!json_is_string(value) || !key_ok(key) ||
		    json_string_length(value) != strlen(json_string_value(value)) ||
		    set_text(c->key, sizeof(c->key), key) ||
		    set_text(c->value, sizeof(c->value), json_string_value(value)))
			return -EBADMSG;
	}
	return 0;
}

static int domu_parse(json_t *o, int index, struct msg_domu *d)
{
	const char *id, *image, *version, *manifest, *mac;
	json_int_t memory, vcpus, weight, cap;
	uint8_t bytes[PARSE_MAC_LEN];
	json_t *config;

	if (json_unpack(o, "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:o !}",
			"id", &id, "image", &image, "image_version", &version,
			"manifest", &manifest, "memory_mib", &memory, "vcpus",
			&vcpus, "weight", &weight, "cap", &cap, "mac", &mac,
			"config", &config))
		return -EBADMSG;
	d->index = index;
	if (set_name(d->id, id) || set_name(d->image, image) ||
	    set_name(d->image_version, version) ||
	    set_hex(d->manifest, manifest) ||
	    set_int(&d->memory_mib, memory, 1, 1048576) ||
	    set_int(&d->vcpus, vcpus, 1, 128) ||
	    set_int(&d->weight, weight, 1, 65535) ||
	    set_int(&d->cap, cap, 0, 12800))
		return -EBADMSG;
	if (parse_mac(mac, bytes) || (bytes[0] & 1))
		return -EBADMSG;
	format_mac(bytes, d->mac);
	return config_parse(config, d);
}

static int same_id(const struct msg_domu *d, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(d[i].id, d[n].id))
			return 1;
	return 0;
}

static int desired_parse(json_t *body, const struct msg_verify_doc *q,
			 struct verified *v, struct errinfo *err)
{
	json_int_t epoch, gen;
	const char *node;
	struct common c;
	json_t *domus, *o;
	size_t i;

	if (json_unpack(body, "{" COMMON_FMT ", s:s, s:I, s:I, s:o !}",
			COMMON(c), "node", &node, "epoch", &epoch, "gen", &gen,
			"domus", &domus) ||
	    gen < 0 || epoch < 1 || !json_is_array(domus))
		return bad(err, "desired");
	if (!q->node[0] || strcmp(node, q->node) != 0 ||
	    (uint64_t)epoch != q->epoch)
		return errinfo_set(err, -EBADMSG,
				   "desired: of another node or epoch");
	if (json_array_size(domus) > MSG_DOMUS_MAX)
		return errinfo_set(err, -EBADMSG, "desired: more than %d domUs",
				   MSG_DOMUS_MAX);
	json_array_foreach(domus, i, o)
	{
		if (domu_parse(o, (int)i, &v->domu[i]))
			return errinfo_set(err, -EBADMSG,
					   "desired: domU %zu: not as the "
					   "protocol has it",
					   i);
		if (same_id(v->domu, (int)i))
			return errinfo_set(err, -EBADMSG,
					   "desired: two domUs '%s'",
					   v->domu[i].id);
	}
	v->desired.gen = (uint64_t)gen;
	v->desired.n_domus = (int32_t)json_array_size(domus);
	return 0;
}

static int segment_open(const struct trust_root *root,
			const struct msg_verify_doc *q, const void *doc,
			size_t len, int64_t now_ms, struct verified *v,
			struct errinfo *err)
{
	json_t *body;
	int rc;

	rc = trust_verify(root, ROLE_GATEWAYS, "segment", doc, len, now_ms,
			  &body, err);
	if (rc)
		return rc;
	rc = segment_parse(body, q, &v->segment, err);
	json_decref(body);
	if (rc || v->segment.time_ms <= now_ms)
		return rc;
	/* It must not have expired by its own time either. */
	rc = trust_verify(root, ROLE_GATEWAYS, "segment", doc, len,
			  v->segment.time_ms, &body, err);
	if (!rc)
		json_decref(body);
	return rc;
}

static int set_blob(struct msg_blob *out, const struct image_blob *b)
{
	out->size = b->size;
	return b->size ? set_hex(out->sha256, b->sha256) : 0;
}

int verify_manifest(const void *doc, size_t len,
		    struct msg_verify_manifest *out, struct errinfo *err)
{
	struct image_manifest m;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = imagerepo_image_parse(doc, len, &m, err);
	if (rc)
		return rc;
	out->memory_min_mib = m.memory_min_mib;
	out->disk_stored = m.disk_stored;
	out->disk.index_size = m.index.size;
	out->disk.bundle_size = m.bundle.size;
	out->disk.bundle_head = m.bundle.size ? m.bundle_head : 0;
	if (set_name(out->name, m.name) || set_name(out->version, m.version) ||
	    set_text(out->cmdline, sizeof(out->cmdline), m.cmdline) ||
	    set_blob(&out->blob[MSG_BLOB_KERNEL], &m.kernel) ||
	    set_blob(&out->blob[MSG_BLOB_INITRD], &m.initrd) ||
	    set_hex(out->disk.disk, m.index.sha256))
		return bad(err, "manifest");
	if (m.bundle.size &&
	    (set_hex(out->disk.bundle, m.bundle.sha256) ||
	     set_hex(out->disk.bundle_head_sha256, m.bundle_head_sha256)))
		return bad(err, "manifest");
	return 0;
}

int verify_doc(const struct trust_root *root, const struct msg_verify_doc *q,
	       const void *doc, size_t len, int64_t now_ms,
	       struct verified *out, struct errinfo *err)
{
	json_t *body;
	int rc;

	memset(out, 0, sizeof(*out));
	if (q->kind == MSG_DOC_SEGMENT)
		return segment_open(root, q, doc, len, now_ms, out, err);
	rc = trust_verify(root, ROLE_GATEWAYS,
			  q->kind == MSG_DOC_LEASE ? "lease" : "desired", doc,
			  len, now_ms, &body, err);
	if (rc)
		return rc;
	if (q->kind == MSG_DOC_LEASE)
		rc = lease_parse(body, q, &out->lease, err);
	else
		rc = desired_parse(body, q, out, err);
	json_decref(body);
	return rc;
}

int verify_build(const void *text, size_t len, struct msg_verify_ready *out,
		 struct errinfo *err)
{
	const char *release, *build_time, *drivers = NULL;
	json_int_t drivers_size = 0;
	json_error_t why;
	json_t *top = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (!top ||
	    json_unpack(top, "{s:s, s:s, s?{s:s, s:I}}", "release", &release,
			"build_time", &build_time, "drivers", "sha256",
			&drivers, "size", &drivers_size) ||
	    (drivers && set_hex(out->drivers_sha256, drivers)) ||
	    set_name(out->release, release) ||
	    set_text(out->build_time, sizeof(out->build_time), build_time) ||
	    clock_parse(build_time, &out->build_ms) || out->build_ms < 0)
		rc = errinfo_set(err, -EINVAL,
				 "no \"release\" and \"build_time\" in it");
	out->drivers_size = (uint64_t)drivers_size;
	json_decref(top);
	return rc;
}
