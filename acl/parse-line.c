/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse-line - the clauses behind `pass` and `block`, each once, in any order.
 */
#include <string.h>

#include "cleanup.h"
#include "parser.h"

static int parse_patterns(struct acl_parser *ps, const char *word,
			  struct acl_list *list)
{
	if (!acl_parse_is(ps, word)) {
		acl_parse_error(ps, "expected '%s' here", word);
		return -1;
	}
	acl_parse_next(ps);
	if (list->n) {
		acl_parse_error(ps, "'%s' stands in this line already", word);
		return -1;
	}
	return acl_parse_list(ps, list, acl_parse_pattern, "a name or pattern");
}

/* `of image PATTERN`, `on node PATTERN` */
static int parse_which(struct acl_parser *ps, struct acl_end *end)
{
	while (acl_parse_is(ps, "of") || acl_parse_is(ps, "on")) {
		int image = acl_parse_is(ps, "of");
		const struct acl_item *who = acl_policy_items(ps->p, &end->who);

		if (end->who.n != 1 || who->kind != ACL_DOMUS) {
			acl_parse_error(ps, "'%s' stands behind domus alone",
					ps->token.text);
			return -1;
		}
		acl_parse_next(ps);
		if (parse_patterns(ps, image ? "image" : "node",
				   image ? &end->images : &end->nodes))
			return -1;
	}
	return 0;
}

static int parse_end(struct acl_parser *ps, struct acl_end *end)
{
	const struct acl_item *item;

	end->line = ps->token.line;
	end->col = ps->token.col;
	if (ps->token.kind == CONF_TOKEN_WORD && ps->token.text[0] == '!') {
		end->negated = 1;
		if (ps->token.text[1]) {
			ps->token.text++;
			ps->token.col++;
		} else {
			acl_parse_next(ps);
		}
	}
	if (acl_parse_list(ps, &end->who, acl_parse_host,
			   "domus, nodes, an address, ..."))
		return -1;
	item = acl_policy_items(ps->p, &end->who);
	for (size_t i = 0; end->negated && i < end->who.n; i++)
		if (item[i].kind < ACL_NAMED) {
			acl_policy_error(ps->p, item[i].line, item[i].col,
					 "'!' stands before addresses and "
					 "tables, not before %s",
					 acl_who_name(item[i].kind));
			return -1;
		}
	return parse_which(ps, end);
}

static int parse_from(struct acl_parser *ps, struct acl_line *l)
{
	return parse_end(ps, &l->from);
}

static int parse_to(struct acl_parser *ps, struct acl_line *l)
{
	return parse_end(ps, &l->to);
}

/* The bits of a list of protocols, in an item's a. */
static int parse_proto_word(struct acl_parser *ps, struct acl_list *list)
{
	struct acl_item item = { .kind = ACL_PORTS,
				 .a = acl_proto_find(ps->token.text) };

	if (!item.a) {
		acl_parse_error(ps, "'%s' is no protocol: tcp, udp, icmp",
				ps->token.text);
		return -1;
	}
	return acl_policy_add(ps->p, list, &item);
}

static int parse_proto(struct acl_parser *ps, struct acl_line *l)
{
	struct acl_list list = { 0, 0 };

	l->protos_line = ps->token.line;
	l->protos_col = ps->token.col;
	if (acl_parse_list(ps, &list, parse_proto_word, "tcp, udp or icmp"))
		return -1;
	for (size_t i = 0; i < list.n; i++)
		l->protos |= acl_policy_items(ps->p, &list)[i].a;
	return 0;
}

static int parse_port(struct acl_parser *ps, struct acl_line *l)
{
	return acl_parse_list(ps, &l->ports, acl_parse_port, "a port");
}

static int parse_during(struct acl_parser *ps, struct acl_line *l)
{
	return acl_parse_during(ps, &l->hours);
}

static int parse_rate(struct acl_parser *ps, struct acl_line *l)
{
	return acl_parse_rate(ps, &l->rate);
}

static int parse_log(struct acl_parser *ps, struct acl_line *l)
{
	(void)ps;
	l->log = 1;
	return 0;
}

static const struct {
	const char *word;
	int (*fn)(struct acl_parser *ps, struct acl_line *l);
} clauses[] = {
	{ "from", parse_from },     { "to", parse_to },
	{ "proto", parse_proto },   { "port", parse_port },
	{ "during", parse_during }, { "rate", parse_rate },
	{ "log", parse_log },
};

static int find_clause(const struct acl_parser *ps)
{
	for (size_t i = 0; i < ARRAY_SIZE(clauses); i++)
		if (acl_parse_is(ps, clauses[i].word))
			return (int)i;
	return -1;
}

/* What the clauses mean to each other, whatever the segment. */
static int check_clauses(struct acl_parser *ps, const struct acl_line *l)
{
	const struct acl_item *port = acl_policy_items(ps->p, &l->ports);

	if (!l->from.who.n || !l->to.who.n) {
		acl_policy_error(ps->p, l->line, l->col,
				 "'%s' without '%s'; any is a word for all",
				 l->pass ? "pass" : "block",
				 l->from.who.n ? "to" : "from");
		return -1;
	}
	if (l->ports.n && (!l->protos || l->protos & ACL_ICMP)) {
		acl_policy_error(ps->p, port->line, port->col,
				 "ports are of proto tcp or udp; say which%s",
				 l->protos ? ", in a line without icmp" : "");
		return -1;
	}
	for (size_t i = 0; i < l->ports.n; i++) {
		unsigned int of;

		if (port[i].kind != ACL_PORT_NAME)
			continue;
		of = acl_port_proto((enum acl_port)port[i].a);
		if (of == l->protos)
			continue;
		acl_policy_error(ps->p, port[i].line, port[i].col,
				 "port %s is of proto %s alone",
				 acl_port_name((enum acl_port)port[i].a),
				 acl_proto_name(of));
		return -1;
	}
	if (l->rate.unit && !l->pass) {
		acl_policy_error(ps->p, l->rate.line, l->rate.col,
				 "a rate is of what passes, not of a block");
		return -1;
	}
	return 0;
}

int acl_parse_line(struct acl_parser *ps, struct acl_line *line)
{
	unsigned int seen = 0;
	int i;

	while (ps->token.kind == CONF_TOKEN_WORD) {
		i = find_clause(ps);
		if (i < 0) {
			acl_parse_error(ps,
					"expected from, to, proto, port, "
					"during, rate or log, not '%s'",
					ps->token.text);
			return -1;
		}
		if (seen & 1U << i) {
			acl_parse_error(ps, "'%s' stands in this line already",
					ps->token.text);
			return -1;
		}
		seen |= 1U << i;
		acl_parse_next(ps);
		if (clauses[i].fn(ps, line))
			return -1;
	}
	return check_clauses(ps, line);
}
