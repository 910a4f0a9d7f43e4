/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messages - the tables that every received message is checked against.
 */
#include <errno.h>
#include <string.h>

#include "messages-fields.h"

static const struct message {
	const char *name;
	enum msg_role from, to;
	size_t size; /* of the fixed struct */
	size_t tail_max;
	int fds_min, fds_max;
	const struct field *fields;
} messages[MSG_TYPES] = {
#define M(type, from, to, size, tail, fds, fields) \
	[MSG_##type] = { #type, MSG_##from, MSG_##to, size, tail, fds, fields }
#define S(s)        sizeof(struct s)
#define FDS(lo, hi) lo, hi
	M(SUPER_CHILD, SUPER, MAIN, S(msg_super_child), 0, FDS(1, 1),
	  fields_super_child),
	M(NET_REQUEST, MAIN, NET, S(msg_net_request), MSG_DOC_MAX, FDS(0, 0),
	  fields_net_request),
	M(NET_CANCEL, MAIN, NET, 0, 0, FDS(0, 0), NULL),
	M(NET_LINK, MAIN, NET, S(msg_net_link), 0, FDS(1, 1), fields_net_link),
	M(NET_SENT, NET, MAIN, 0, 0, FDS(0, 0), NULL),
	M(NET_DATA, NET, MAIN, 0, MSG_DATA_MAX, FDS(0, 0), NULL),
	M(NET_DONE, NET, MAIN, S(msg_net_done), 0, FDS(0, 0), fields_net_done),
	M(VERIFY_READY, VERIFY, MAIN, S(msg_verify_ready), 0, FDS(0, 0),
	  fields_verify_ready),
	M(VERIFY_DOC, MAIN, VERIFY, S(msg_verify_doc), MSG_DOC_MAX, FDS(0, 0),
	  fields_verify_doc),
	M(VERIFY_BLOB, MAIN, VERIFY, S(msg_verify_blob), 0, FDS(1, 1),
	  fields_verify_blob),
	M(VERIFY_IMAGE, MAIN, VERIFY, S(msg_verify_image), 0, FDS(0, 0),
	  fields_verify_image),
	M(VERIFY_WANT, VERIFY, MAIN, S(msg_verify_want), 0, FDS(0, 0),
	  fields_verify_want),
	M(VERIFY_FILE, MAIN, VERIFY, 0, 0, FDS(1, 1), NULL),
	M(VERIFY_ABSENT, MAIN, VERIFY, 0, 0, FDS(0, 0), NULL),
	M(VERIFY_SEGMENT, VERIFY, MAIN, S(msg_verify_segment), 0, FDS(0, 0),
	  fields_verify_segment),
	M(VERIFY_LEASE, VERIFY, MAIN, S(msg_verify_lease), 0, FDS(0, 0),
	  fields_verify_lease),
	M(VERIFY_DESIRED, VERIFY, MAIN, S(msg_verify_desired), 0, FDS(0, 0),
	  fields_verify_desired),
	M(VERIFY_DOMU, VERIFY, MAIN, S(msg_domu), 0, FDS(0, 0), fields_domu),
	M(VERIFY_MANIFEST, VERIFY, MAIN, S(msg_verify_manifest), 0, FDS(0, 0),
	  fields_verify_manifest),
	M(VERIFY_DONE, VERIFY, MAIN, S(msg_verify_done), 0, FDS(0, 0),
	  fields_verify_done),
	M(BLK_LINK, MAIN, BLK, 0, 0, FDS(1, 1), NULL),
	M(BLK_OPEN, MAIN, BLK, S(msg_blk_open), 0, FDS(1, 1), fields_blk_open),
	M(BLK_SERVE, MAIN, BLK, S(msg_blk_disk), 0, FDS(1, 1), fields_blk_disk),
	M(BLK_CLOSE, MAIN, BLK, S(msg_blk_disk), 0, FDS(0, 0), fields_blk_disk),
	M(BLK_AIR, MAIN, BLK, 0, 0, FDS(1, 1), NULL),
	M(BLK_OFF_AIR, MAIN, BLK, S(msg_blk_disk), 0, FDS(0, 0), fields_blk_disk),
	M(BLK_STATS, BLK, MAIN, S(msg_blk_stats), 0, FDS(0, 0), fields_blk_stats),
	M(BLK_DONE, BLK, MAIN, S(msg_blk_done), 0, FDS(0, 0), fields_blk_done),
	M(GET, BLK, NET, S(msg_get), 0, FDS(0, 0), fields_get),
	M(GET_CANCEL, BLK, NET, 0, 0, FDS(0, 0), NULL),
	M(GET_DATA, NET, BLK, 0, MSG_DATA_MAX, FDS(0, 0), NULL),
	M(GET_END, NET, BLK, S(msg_get_end), 0, FDS(0, 0), fields_get_end),
	M(AIR_LINK, MAIN, AIR, 0, 0, FDS(1, 1), NULL),
	M(AIR_JOIN, MAIN, AIR, S(msg_air_join), 0, FDS(0, 0), fields_air_join),
	M(AIR_WANT, MAIN, AIR, S(msg_air_want), 0, FDS(0, 0), fields_air_want),
	M(AIR_LEAVE, MAIN, AIR, S(msg_air_blob), 0, FDS(0, 0), fields_air_blob),
	M(AIR_IDLE, AIR, MAIN, S(msg_air_idle), 0, FDS(0, 0), fields_air_idle),
	M(OFFER, AIR, BLK, S(msg_offer), MSG_DOC_MAX, FDS(0, 0), fields_offer),
	M(OFFER_BAD, BLK, AIR, S(msg_offer_range), 0, FDS(0, 0),
	  fields_offer_range),
	M(OFFER_HAVE, BLK, AIR, S(msg_offer_range), 0, FDS(0, 0),
	  fields_offer_range),
	M(TUN_HELLO, TUN, MAIN, S(msg_tun_hello), 0, FDS(0, 0), fields_tun_hello),
	M(TUN_WALLS, MAIN, TUN, S(msg_walls), 0, FDS(0, 0), fields_walls_fields),
	M(TUN_DONE, TUN, MAIN, S(msg_tun_done), 0, FDS(0, 0), fields_tun_done),
	M(TUN_PEER, MAIN, TUN, S(msg_tun_peer), 0, FDS(0, 0), fields_tun_peer),
	M(SCRATCH_ASK, MAIN, SCRATCH, 0, 0, FDS(0, 0), NULL),
	M(SCRATCH_PREPARE, MAIN, SCRATCH, 0, 0, FDS(0, 1), NULL),
	M(SCRATCH_OPEN, MAIN, SCRATCH, S(msg_scratch_policy), 0, FDS(0, 0),
	  fields_scratch_open),
	M(SCRATCH_CLOSE, MAIN, SCRATCH, 0, 0, FDS(0, 0), NULL),
	M(SCRATCH_DONE, SCRATCH, MAIN, S(msg_scratch_done), 0, FDS(0, 0),
	  fields_scratch_done),
	M(HV_NETDOM, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_WALLS, MAIN, HV, S(msg_walls), 0, FDS(0, 0), fields_walls_fields),
	M(HV_FACTS, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_HOST, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_LIST, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_ATTACH, MAIN, HV, S(msg_hv_attach), 0, FDS(1, 1), fields_hv_attach),
	M(HV_DETACH, MAIN, HV, S(msg_hv_detach), 0, FDS(0, 0), fields_hv_detach),
	M(HV_CREATE, MAIN, HV, S(msg_hv_create), 0, FDS(1, 2), fields_hv_create),
	M(HV_SHUTDOWN, MAIN, HV, S(msg_hv_domid), 0, FDS(0, 0), fields_hv_domid),
	M(HV_DESTROY, MAIN, HV, S(msg_hv_domid), 0, FDS(0, 0), fields_hv_domid),
	M(HV_SCHED, MAIN, HV, S(msg_hv_sched), 0, FDS(0, 0), fields_hv_sched),
	M(HV_CLOCK, MAIN, HV, S(msg_hv_clock), 0, FDS(0, 0), fields_hv_clock),
	M(HV_ALIVE, MAIN, HV, 0, 0, FDS(0, 0), NULL),
	M(HV_FACTS_ARE, HV, MAIN, S(msg_hv_facts), 0, FDS(0, 0), fields_hv_facts),
	M(HV_HOST_IS, HV, MAIN, S(msg_hv_host), 0, FDS(0, 0), NULL),
	M(HV_DOMAIN, HV, MAIN, S(msg_hv_domain), 0, FDS(0, 0), fields_hv_domain),
	M(HV_DEATH, HV, MAIN, S(msg_hv_death), MSG_CONSOLE_MAX, FDS(0, 0),
	  fields_hv_death),
	M(HV_DONE, HV, MAIN, S(msg_hv_done), 0, FDS(0, 0), fields_hv_done),
};

static const char *const roles[MSG_ROLES] = {
	"super", "main", "net",     "verify", "blk",
	"air",   "tun",  "scratch", "hv",     "chan",
};

const char *msg_type_name(unsigned int type)
{
	return type < MSG_TYPES && messages[type].name ? messages[type].name
						       : "?";
}

const char *msg_role_name(unsigned int role)
{
	return role < MSG_ROLES ? roles[role] : "?";
}

size_t msg_body_size(enum msg_type type)
{
	return messages[type].size;
}

static int text_ok(const char *s, size_t size)
{
	const char *end = memchr(s, '\0', size);

	if (!end)
		return 0;
	for (; s < end; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return 0;
	return 1;
}

static int key_ok(const char *s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(s) == MSG_KEY_CHARS &&
	       strspn(s, digits) == MSG_KEY_CHARS - 1 &&
	       s[MSG_KEY_CHARS - 1] == '=';
}

static int in_range(const struct field *f, const void *p)
{
	int32_t i32;
	int64_t i64;

	if (f->kind == FIELD_I32) {
		memcpy(&i32, p, sizeof(i32));
		i64 = i32;
	} else {
		memcpy(&i64, p, sizeof(i64));
	}
	return i64 >= f->min && i64 <= f->max;
}

static int element_ok(const struct field *f, const char *p)
{
	uint8_t mac[PARSE_MAC_LEN], tag[MSG_TAG_LEN / 2];

	if (f->kind == FIELD_I32 || f->kind == FIELD_I64)
		return in_range(f, p);
	if (!text_ok(p, f->size))
		return 0;
	switch (f->kind) {
	case FIELD_NAME0:
		return !*p || parse_is_name(p);
	case FIELD_NAME:
		return parse_is_name(p);
	case FIELD_HEX0:
		return !*p || hash_is_hex(p);
	case FIELD_HEX:
		return hash_is_hex(p);
	case FIELD_TAG:
		return !parse_hex(p, tag, sizeof(tag));
	case FIELD_MAC:
		return !parse_mac(p, mac);
	case FIELD_KEY0:
		return !*p || key_ok(p);
	case FIELD_KEY:
		return key_ok(p);
	default:
		return 1;
	}
}

static const char *first_bad(const struct field *f, const char *body)
{
	for (; f && f->name; f++)
		for (size_t i = 0; i < f->count; i++)
			if (!element_ok(f, body + f->off + i * f->stride))
				return f->name;
	return NULL;
}

int msg_decode(enum msg_role from, enum msg_role to, const void *data,
	       size_t len, int n_fds, struct msg *out, struct errinfo *err)
{
	const struct message *m;
	const char *body = (const char *)data + sizeof(struct msg_hdr);
	const char *bad;
	struct msg_hdr hdr;

	if (len < sizeof(hdr))
		return errinfo_set(err, -EPROTO, "%zu bytes are no message", len);
	memcpy(&hdr, data, sizeof(hdr));
	if (hdr.magic != MSG_MAGIC || hdr.type >= MSG_TYPES ||
	    !messages[hdr.type].name)
		return errinfo_set(err, -EPROTO, "unknown message %u", hdr.type);
	m = &messages[hdr.type];
	if (m->from != from || m->to != to)
		return errinfo_set(err, -EPROTO, "%s: not for %s to send to %s",
				   m->name, roles[from], roles[to]);
	if (hdr.tail > m->tail_max || len != sizeof(hdr) + m->size + hdr.tail)
		return errinfo_set(err, -EPROTO, "%s: %zu bytes, tail %u",
				   m->name, len, hdr.tail);
	if (n_fds < m->fds_min || n_fds > m->fds_max)
		return errinfo_set(err, -EPROTO, "%s: %d descriptors", m->name,
				   n_fds);
	bad = first_bad(m->fields, body);
	if (bad)
		return errinfo_set(err, -EPROTO, "%s: bad %s", m->name, bad);
	out->type = hdr.type;
	out->id = hdr.id;
	out->body = body;
	out->tail = (const uint8_t *)body + m->size;
	out->tail_len = hdr.tail;
	return 0;
}
