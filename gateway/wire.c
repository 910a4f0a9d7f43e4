/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire - tables of members for enrol and report (docs/protocol.md section 3).
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"
#include "wire.h"

#define TEXT_MAX  256
#define LIST_MAX  32 /* cards, block devices */
#define DOMUS_MAX 16

struct member {
	const char *name;
	char type;  /* s text, i integer, b boolean, a texts */
	size_t max; /* bytes of text */
};

static const struct member host_members[] = {
	{ "xen_version", 's', TEXT_MAX },
	{ "xen_cmdline", 's', 1024 },
	{ "dom0_cmdline", 's', 1024 },
	{ "memory_mib", 'i', 0 },
	{ "free_mib", 'i', 0 },
	{ "cpus", 'i', 0 },
	{ "hvm", 'b', 0 },
	{ "hap", 'b', 0 },
	{ "iommu", 'b', 0 },
	{ "cpu_model", 's', TEXT_MAX },
	{ "product", 's', TEXT_MAX },
	{ "firmware", 's', NODE_FIRMWARE - 1 },
	{ "block_devices", 'a', TEXT_MAX },
	{ "nics", 'a', TEXT_MAX },
	{ NULL, 0, 0 },
};
/* Beside host in an enrolment; kept with it. */
static const struct member release_members[] = {
	{ "release", 's', TEXT_MAX },
	{ "build_time", 's', TEXT_MAX },
	{ "uptime_ms", 'i', 0 },
	{ NULL, 0, 0 },
};
static const struct member image_members[] = {
	{ "name", 's', TEXT_MAX },
	{ "version", 's', TEXT_MAX },
	{ "manifest", 's', HASH_HEX - 1 },
	{ "done", 'i', 0 },
	{ "total", 'i', 0 },
	{ NULL, 0, 0 },
};
static const struct member scratch_members[] = {
	{ "state", 's', 32 },
	{ "size_mib", 'i', 0 },
	{ "error", 's', NODE_ERROR_MAX - 1 },
	{ NULL, 0, 0 },
};
static const struct member domu_members[] = {
	{ "id", 's', PARSE_NAME_MAX },
	{ "state", 's', 32 },
	{ "domid", 'i', 0 },
	{ "type", 's', 8 },
	{ "manifest", 's', HASH_HEX - 1 },
	{ "since_ms", 'i', 0 },
	{ "error", 's', NODE_ERROR_MAX - 1 },
	{ NULL, 0, 0 },
};

static int is_text(const json_t *v, size_t max)
{
	return json_is_string(v) && json_string_length(v) <= max;
}

static int is_texts(const json_t *v, size_t max)
{
	json_t *item;
	size_t i;

	if (!json_is_array(v) || json_array_size(v) > LIST_MAX)
		return 0;
	json_array_foreach(v, i, item) if (!is_text(item, max)) return 0;
	return 1;
}

static int is_of_type(const json_t *v, const struct member *m)
{
	switch (m->type) {
	case 's':
		return is_text(v, m->max);
	case 'i':
		return json_is_integer(v);
	case 'b':
		return json_is_boolean(v);
	case 'a':
		return is_texts(v, m->max);
	default:
		return 0;
	}
}

/* Adds the known members of `o` to `out`. */
static int clean_into(json_t *out, const json_t *o, const struct member *table,
		      const char *what, struct errinfo *err)
{
	json_t *v;

	if (o && !json_is_object(o))
		return errinfo_set(err, -EINVAL, "%s: no object", what);
	for (const struct member *m = table; m->name; m++) {
		v = json_object_get(o, m->name);
		if (!v)
			continue;
		if (!is_of_type(v, m))
			return errinfo_set(err, -EINVAL,
					   "%s: '%s' has a wrong type or size",
					   what, m->name);
		if (json_object_set(out, m->name, v))
			return -ENOMEM;
	}
	return 0;
}

static int clean(const json_t *o, const struct member *table, const char *what,
		 json_t **out, struct errinfo *err)
{
	int rc;

	*out = json_object();
	rc = clean_into(*out, o, table, what, err);
	if (rc) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

static int clean_domus(const json_t *list, json_t **out, struct errinfo *err)
{
	json_t *item, *copy;
	size_t i;
	int rc;

	*out = json_array();
	if (!list)
		return 0;
	rc = errinfo_set(err, -EINVAL, "domus: no array of at most %d",
			 DOMUS_MAX);
	if (!json_is_array(list) || json_array_size(list) > DOMUS_MAX)
		goto err_free;
	json_array_foreach(list, i, item)
	{
		rc = clean(item, domu_members, "domu", &copy, err);
		if (rc)
			goto err_free;
		json_array_append_new(*out, copy);
	}
	return 0;

err_free:
	json_decref(*out);
	*out = NULL;
	return rc;
}

static int get_boot_id(const json_t *body, const char **out, struct errinfo *err)
{
	*out = json_string_value(json_object_get(body, "boot_id"));
	if (!*out || !hash_is_hex(*out))
		return errinfo_set(err, -EINVAL, "'boot_id' is not 64 hex");
	return 0;
}

/* A node without a netdom has none. */
static int get_tunnel_key(const json_t *body, struct wire_enrol *out,
			  struct errinfo *err)
{
	const json_t *key = json_object_get(body, "tunnel_key");
	const char *text = json_string_value(key);

	out->has_tunnel_key = key != NULL;
	if (key && (!text || wg_key_parse(text, out->tunnel_key)))
		return errinfo_set(err, -EINVAL,
				   "'tunnel_key' is no X25519 key in base64");
	return 0;
}

int wire_enrol(const json_t *body, struct wire_enrol *out, struct errinfo *err)
{
	int rc;

	out->mac = json_string_value(json_object_get(body, "mac"));
	if (!out->mac)
		return errinfo_set(err, -EINVAL, "'mac' is missing");
	rc = get_boot_id(body, &out->boot_id, err);
	if (!rc)
		rc = get_tunnel_key(body, out, err);
	if (rc)
		return rc;
	rc = clean(json_object_get(body, "host"), host_members, "host",
		   &out->host, err);
	if (rc)
		return rc;
	rc = clean_into(out->host, body, release_members, "enrol", err);
	if (rc) {
		json_decref(out->host);
		out->host = NULL;
	}
	return rc;
}

static int get_state(const json_t *body, struct wire_report *out,
		     struct errinfo *err)
{
	const char *s = json_string_value(json_object_get(body, "state"));
	const json_t *e = json_object_get(body, "error");
	int state = s ? node_state_parse(s) : -1;

	if (state < NODE_ENROLLED || state > NODE_FAILED)
		return errinfo_set(err, -EINVAL,
				   "'state' is none that a node reports");
	out->state = (enum node_state)state;
	if (e && !is_text(e, NODE_ERROR_MAX - 1))
		return errinfo_set(err, -EINVAL, "'error' is too long");
	strcpy(out->error, e ? json_string_value(e) : "");
	return 0;
}

int wire_report(const json_t *body, struct wire_report *out, struct errinfo *err)
{
	int rc;

	out->image = out->domus = out->host = out->scratch = NULL;
	out->gen = json_integer_value(json_object_get(body, "gen"));
	rc = get_boot_id(body, &out->boot_id, err);
	if (!rc)
		rc = get_state(body, out, err);
	if (!rc)
		rc = clean(json_object_get(body, "host"), host_members, "host",
			   &out->host, err);
	if (!rc)
		rc = clean(json_object_get(body, "image"), image_members,
			   "image", &out->image, err);
	if (!rc && json_object_get(body, "scratch"))
		rc = clean(json_object_get(body, "scratch"), scratch_members,
			   "scratch", &out->scratch, err);
	if (!rc)
		rc = clean_domus(json_object_get(body, "domus"), &out->domus,
				 err);
	if (!rc)
		return 0;
	json_decref(out->scratch);
	json_decref(out->image);
	json_decref(out->host);
	return rc;
}
