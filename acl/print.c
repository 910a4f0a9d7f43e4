/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print - the canonical form: one spelling, clauses in one order, macros
 * replaced, unused tables kept.
 */
#include <errno.h>

#include "buf.h"
#include "policy.h"

static void print_item(struct buf *out, const struct acl_item *item)
{
	char text[PARSE_IPV4_STR];

	switch (item->kind) {
	case ACL_PREFIX:
		format_ipv4(item->a, text);
		buf_adds(out, text);
		if (item->b < 32)
			buf_addf(out, "/%u", item->b);
		break;
	case ACL_TABLE_REF:
		buf_addf(out, "<%s>", item->text);
		break;
	case ACL_PATTERN:
		buf_addf(out, "\"%s\"", item->text);
		break;
	case ACL_PORTS:
		buf_addf(out, item->a == item->b ? "%u" : "%u-%u", item->a,
			 item->b);
		break;
	case ACL_PORT_NAME:
		buf_adds(out, acl_port_name((enum acl_port)item->a));
		break;
	default:
		buf_adds(out, acl_who_name(item->kind));
		break;
	}
}

static void print_list(struct buf *out, const struct acl_policy *p,
		       const struct acl_list *list)
{
	const struct acl_item *item = acl_policy_items(p, list);

	buf_adds(out, list->n > 1 ? "{ " : "");
	for (size_t i = 0; i < list->n; i++) {
		buf_adds(out, i ? ", " : "");
		print_item(out, &item[i]);
	}
	buf_adds(out, list->n > 1 ? " }" : "");
}

static void print_end(struct buf *out, const struct acl_policy *p,
		      const struct acl_end *end)
{
	buf_adds(out, end->negated ? "! " : "");
	print_list(out, p, &end->who);
	if (end->images.n) {
		buf_adds(out, " of image ");
		print_list(out, p, &end->images);
	}
	if (end->nodes.n) {
		buf_adds(out, " on node ");
		print_list(out, p, &end->nodes);
	}
}

static void print_protos(struct buf *out, unsigned int protos)
{
	int many = (protos & (protos - 1)) != 0;
	const char *sep = "";

	buf_adds(out, many ? " proto { " : " proto ");
	for (unsigned int bit = ACL_TCP; bit <= ACL_ICMP; bit <<= 1)
		if (protos & bit) {
			buf_addf(out, "%s%s", sep, acl_proto_name(bit));
			sep = ", ";
		}
	buf_adds(out, many ? " }" : "");
}

static void print_days(struct buf *out, unsigned int days)
{
	int many = (days & (days - 1)) != 0;
	const char *sep = "";

	/* As people count them: from Monday. */
	buf_adds(out, many ? " { " : " ");
	for (int i = 1; i <= 7; i++)
		if (days & 1U << i % 7) {
			buf_addf(out, "%s%s", sep, acl_day_name(i % 7));
			sep = ", ";
		}
	buf_adds(out, many ? " }" : "");
}

static void print_hours(struct buf *out, const struct acl_hours *h)
{
	buf_adds(out, " during");
	if (h->days == acl_days_find("weekdays"))
		buf_adds(out, " weekdays");
	else if (h->days == acl_days_find("weekends"))
		buf_adds(out, " weekends");
	else if (h->days)
		print_days(out, h->days);
	if (h->from_min || h->to_min)
		buf_addf(out, " %02d:%02d-%02d:%02d", h->from_min / 60,
			 h->from_min % 60, h->to_min / 60, h->to_min % 60);
}

static void print_rate(struct buf *out, const struct acl_rate *r)
{
	unsigned long long bits = r->value * 8;

	if (r->unit != ACL_RATE_BYTES)
		buf_addf(out, " rate %llu %s/%s", (unsigned long long)r->value,
			 r->unit == ACL_RATE_PACKETS ? "packets" : "connections",
			 r->per);
	else if (bits % 1000000)
		buf_addf(out, " rate %llukbit", bits / 1000);
	else
		buf_addf(out, " rate %llumbit", bits / 1000000);
	if (r->burst)
		buf_addf(out, " burst %u", r->burst);
	buf_adds(out, r->each ? " each" : "");
}

static void print_table(struct buf *out, const struct acl_policy *p,
			const struct acl_table *t)
{
	const struct acl_item *item = acl_policy_items(p, &t->hosts);

	buf_addf(out, "table <%s> { ", t->name);
	for (size_t i = 0; i < t->hosts.n; i++) {
		buf_adds(out, i ? ", " : "");
		print_item(out, &item[i]);
	}
	buf_adds(out, " }");
}

static void print_line(struct buf *out, const struct acl_policy *p,
		       const struct acl_line *l)
{
	buf_adds(out, l->pass ? "pass from " : "block from ");
	print_end(out, p, &l->from);
	buf_adds(out, " to ");
	print_end(out, p, &l->to);
	if (l->protos)
		print_protos(out, l->protos);
	if (l->ports.n) {
		buf_adds(out, " port ");
		print_list(out, p, &l->ports);
	}
	if (l->hours.line)
		print_hours(out, &l->hours);
	if (l->rate.unit)
		print_rate(out, &l->rate);
	buf_adds(out, l->log ? " log" : "");
}

static void begin_segment(struct buf *out, const struct acl_policy *p,
			  const struct acl_line *l)
{
	buf_adds(out, "segment ");
	print_list(out, p, &l->segments);
	buf_adds(out, " {");
}

char *acl_policy_print(const struct acl_policy *p)
{
	auto_buf struct buf out = BUF_INIT;
	int block = 0;

	for (size_t i = 0; i < p->n_tables; i++) {
		print_table(&out, p, &p->tables[i]);
		buf_adds(&out, "\n");
	}
	for (size_t i = 0; i < p->n_lines; i++) {
		const struct acl_line *l = &p->lines[i];

		if (l->block != block && block)
			buf_adds(&out, "}\n");
		if (l->block != block && l->block) {
			begin_segment(&out, p, l);
			buf_adds(&out, "\n");
		}
		block = l->block;
		buf_adds(&out, block ? "\t" : "");
		print_line(&out, p, l);
		buf_adds(&out, "\n");
	}
	buf_adds(&out, block ? "}\n" : "");
	return buf_take(&out);
}

int acl_policy_statement(const struct acl_policy *p, size_t i, int *line_out,
			 char **text_out)
{
	auto_buf struct buf out = BUF_INIT;

	if (i < p->n_tables) {
		*line_out = p->tables[i].line;
		print_table(&out, p, &p->tables[i]);
	} else if (i - p->n_tables < p->n_lines) {
		const struct acl_line *l = &p->lines[i - p->n_tables];

		*line_out = l->line;
		if (l->block) {
			begin_segment(&out, p, l);
			buf_adds(&out, " ");
		}
		print_line(&out, p, l);
		buf_adds(&out, l->block ? " }" : "");
	} else {
		return -ENOENT;
	}
	*text_out = buf_take(&out);
	return *text_out ? 0 : -ENOMEM;
}
