/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carry - counters go on when rules are loaded anew.
 *
 * A rule that reads the same as one that is loaded begins with what that one
 * counted: in the same chain, with the same conditions and verdict. Where it
 * stands may have changed, and its hours, which are written in UTC and move
 * with summer time. What passes between the look at the old rules and the
 * moment of the new ones is counted by nobody.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "buf.h"
#include "carry.h"
#include "cleanup.h"

struct counted {
	size_t key; /* where in keys */
	unsigned long long packets, bytes;
};

struct counters {
	struct buf keys; /* one behind the other, each with its NUL */
	struct counted *list;
	size_t n, next; /* next: the one behind that which was found last */
};

/* A line of the text as it is being read. */
struct line {
	const char *at, *end;
	const char *chain; /* that it stands in, up to the brace; or "" */
};

static int next_line(struct line *l)
{
	static const char head[] = "\tchain ";

	if (!*l->end)
		return 0;
	l->at = l->end;
	l->end += strcspn(l->end, "\n");
	l->end += *l->end == '\n';
	if (strncmp(l->at, head, strlen(head)) == 0)
		l->chain = l->at + strlen(head);
	else if (strncmp(l->at, "\t}", 2) == 0)
		l->chain = "";
	return 1;
}

/* Behind the word "counter" of a rule; NULL: it has none. */
static const char *counter_of(const struct line *l)
{
	static const char word[] = "counter";
	const char *at = l->at + strspn(l->at, "\t");

	if (!*l->chain)
		return NULL;
	for (; at < l->end; at++) {
		if (strncmp(at, word, strlen(word)) == 0)
			return at + strlen(word);
		at += strcspn(at, " \n");
	}
	return NULL;
}

/* Behind a value: a word, or a list in braces. */
static const char *skip_value(const char *at, const char *end)
{
	if (*at == '{')
		at = memchr(at, '}', (size_t)(end - at));
	return at ? at + strcspn(at, " ") : end;
}

static void add_key(struct buf *keys, const struct line *l, const char *counter,
		    const char *rest)
{
	static const char *const hours[] = { "meta hour ", "meta day " };
	const char *end =
		memmem(rest, (size_t)(l->end - rest), " comment \"", 10);

	buf_add(keys, l->chain, strcspn(l->chain, " "));
	for (const char *at = l->at; at < counter; at++) {
		for (size_t i = 0; i < ARRAY_SIZE(hours); i++)
			if (strncmp(at, hours[i], strlen(hours[i])) == 0)
				at = skip_value(at + strlen(hours[i]), counter);
		buf_add(keys, at, at < counter);
	}
	buf_add(keys, rest, (size_t)((end ? end : l->end) - rest));
	buf_add(keys, "", 1);
}

/* "WORD NUMBER": returns what is behind it, NULL if it is something else. */
static const char *read_number(const char *at, const char *word,
			       unsigned long long *out)
{
	char *end;

	if (!at || strncmp(at, word, strlen(word)) != 0)
		return NULL;
	*out = strtoull(at + strlen(word), &end, 10);
	return end;
}

static int read_counters(const char *text, struct counters *c)
{
	struct line l = { .end = text, .chain = "" };

	while (next_line(&l)) {
		struct counted one = { .key = c->keys.len }, *more;
		const char *counter = counter_of(&l), *rest;

		rest = read_number(counter, " packets ", &one.packets);
		rest = read_number(rest, " bytes ", &one.bytes);
		if (!counter || !rest)
			continue;
		add_key(&c->keys, &l, counter, rest);
		more = reallocarray(c->list, c->n + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->list = more;
		c->list[c->n++] = one;
	}
	return c->keys.rc;
}

/* Each is found once. The one behind the last one first: most of what is loaded
 * is what was. */
static const struct counted *find(struct counters *c, const char *key)
{
	for (size_t i = 0; i < c->n; i++) {
		size_t k = (c->next + i) % c->n;
		char *its = c->keys.data + c->list[k].key;

		if (strcmp(its, key) != 0)
			continue;
		*its = '\0';
		c->next = k + 1;
		return &c->list[k];
	}
	return NULL;
}

static int write_counters(const char *text, struct counters *c, struct buf *out)
{
	auto_buf struct buf key = BUF_INIT;
	struct line l = { .end = text, .chain = "" };

	while (next_line(&l)) {
		const char *counter = counter_of(&l), *from = l.at;
		const struct counted *old = NULL;

		if (counter) {
			buf_reset(&key);
			add_key(&key, &l, counter, counter);
			old = key.rc ? NULL : find(c, key.data);
		}
		if (old) {
			buf_add(out, from, (size_t)(counter - from));
			buf_addf(out, " packets %llu bytes %llu", old->packets,
				 old->bytes);
			from = counter;
		}
		buf_add(out, from, (size_t)(l.end - from));
	}
	return key.rc ? key.rc : out->rc;
}

int acl_carry(const char *loaded, const char *rules, char **out)
{
	struct counters c = { .keys = BUF_INIT };
	auto_buf struct buf text = BUF_INIT;
	int rc;

	rc = read_counters(loaded, &c);
	if (!rc)
		rc = write_counters(rules, &c, &text);
	if (!rc)
		*out = buf_take(&text);
	buf_dispose(&c.keys);
	free(c.list);
	return rc;
}
