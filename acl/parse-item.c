/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse-item - words of lists: hosts, ports, patterns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parser.h"

#define PORT_MAX    65535
#define PATTERN_MAX 127 /* workspace's image: name/channel */

static int add(struct acl_parser *ps, struct acl_list *list, enum acl_kind kind,
	       uint32_t a, uint32_t b, const char *text)
{
	struct acl_item item = {
		.kind = kind,
		.a = a,
		.b = b,
		.line = ps->token.line,
		.col = ps->token.col,
	};

	if (text) {
		item.text = acl_policy_string(ps->p, text);
		if (!item.text)
			return -1;
	}
	return acl_policy_add(ps->p, list, &item);
}

int acl_parse_prefix(struct acl_parser *ps, struct acl_list *list)
{
	const char *word = ps->token.text;
	unsigned int len = 32;
	uint32_t address;

	if (strchr(word, ':')) {
		acl_parse_error(ps,
				"'%s': a segment has no IPv6, and no line "
				"can open it",
				word);
		return -1;
	}
	if (parse_ipv4(word, &address) &&
	    parse_ipv4_prefix(word, &address, &len)) {
		acl_parse_error(ps,
				"'%s' is no address like 10.1.2.3 or "
				"10.1.0.0/16",
				word);
		return -1;
	}
	if (len == 0) {
		acl_parse_error(ps, "'%s': say any", word);
		return -1;
	}
	if (len < 32 && address & (~0U >> len)) {
		acl_parse_error(ps, "'%s' has bits behind its prefix", word);
		return -1;
	}
	return add(ps, list, ACL_PREFIX, address, len, NULL);
}

static int parse_table_ref(struct acl_parser *ps, struct acl_list *list)
{
	const char *word = ps->token.text;
	size_t len = strlen(word);

	for (size_t i = 0; i < ps->p->n_tables; i++) {
		struct acl_table *t = &ps->p->tables[i];

		if (len == strlen(t->name) + 2 &&
		    strncmp(word + 1, t->name, len - 2) == 0 &&
		    word[len - 1] == '>') {
			t->used = 1;
			return add(ps, list, ACL_TABLE_REF, (uint32_t)i, 0,
				   t->name);
		}
	}
	acl_parse_error(ps, "no table %s above this line", word);
	return -1;
}

int acl_parse_host(struct acl_parser *ps, struct acl_list *list)
{
	const char *word = ps->token.text;
	int who = acl_who_find(word);

	if (who >= 0)
		return add(ps, list, (enum acl_kind)who, 0, 0, NULL);
	if (word[0] == '<')
		return parse_table_ref(ps, list);
	if (strchr("0123456789", word[0]) || strchr(word, ':'))
		return acl_parse_prefix(ps, list);
	acl_parse_error(ps,
			"'%s' is nobody: any, domus, nodes, office, gateway, "
			"central, internet, an address, a <table>",
			word);
	return -1;
}

/* "80", "8000-8100", "api" */
int acl_parse_port(struct acl_parser *ps, struct acl_list *list)
{
	const char *word = ps->token.text;
	auto_free char *copy = strdup(word);
	int name = acl_port_find(word);
	int from = 0, to = 0;
	char *dash;

	if (!copy) {
		ps->p->oom = 1;
		return -1;
	}
	if (name >= 0)
		return add(ps, list, ACL_PORT_NAME, (uint32_t)name, 0, NULL);
	dash = strchr(copy, '-');
	if (dash)
		*dash = '\0';
	if (parse_int(copy, 1, PORT_MAX, &from) ||
	    parse_int(dash ? dash + 1 : copy, 1, PORT_MAX, &to)) {
		acl_parse_error(ps,
				"'%s' is no port: 1 to %d, 8000-8100, or "
				"tftp, http, control, repo, carousel, "
				"tunnel, api",
				word, PORT_MAX);
		return -1;
	}
	if (to < from) {
		acl_parse_error(ps, "'%s' ends before it begins", word);
		return -1;
	}
	return add(ps, list, ACL_PORTS, (uint32_t)from, (uint32_t)to, NULL);
}

int acl_parse_pattern(struct acl_parser *ps, struct acl_list *list)
{
	const char *word = ps->token.text;

	if (!*word || strlen(word) > PATTERN_MAX ||
	    word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789._/:*?-")]) {
		acl_parse_error(ps,
				"'%s' is no name or pattern: 1 to %d of "
				"a-z, 0-9 and ._/:-, * and ? for any",
				word, PATTERN_MAX);
		return -1;
	}
	return add(ps, list, ACL_PATTERN, 0, 0, word);
}
