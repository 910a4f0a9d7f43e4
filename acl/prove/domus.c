/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domus - whom a proof is about: domUs that might be, or those that are; and
 * which nodes are enrolled.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "prove.h"

#define IMAGE_MAX 128

struct listed {
	struct acl_domu domu;
	char node[PARSE_NAME_MAX + 1], image[IMAGE_MAX];
};

/* A name that the pattern fits: a letter for each wildcard. */
static void instance(const char *pattern, char *out, size_t size)
{
	size_t n = 0;

	for (; *pattern && n + 1 < size; pattern++) {
		if (*pattern == '[') {
			pattern++;
			out[n++] = *pattern == '!' ? '_' : *pattern;
			pattern += strcspn(pattern, "]");
			if (!*pattern)
				break;
		} else {
			out[n++] = *pattern == '*' || *pattern == '?' ? 'x'
								      : *pattern;
		}
	}
	out[n] = 0;
}

static size_t count_images(const struct acl_policy *p)
{
	size_t n = 0;

	for (size_t i = 0; p && i < p->n_lines; i++)
		n += p->lines[i].from.images.n;
	return n;
}

static size_t put_images(const struct acl_policy *p, char (*image)[IMAGE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; p && i < p->n_lines; i++) {
		const struct acl_list *l = &p->lines[i].from.images;

		for (size_t k = 0; k < l->n; k++)
			instance(acl_policy_items(p, l)[k].text, image[n++],
				 IMAGE_MAX);
	}
	return n;
}

/* Node by node, image by image (the last one: none that a line names), until
 * each node and each image has had its turn. */
int acl_prove_domus(const struct acl_facts *f, const struct acl_policy *p,
		    struct acl_domu **out, size_t *n_out)
{
	size_t n_images = count_images(p), n, room;
	char(*image)[IMAGE_MAX];
	struct acl_domu *d;

	n = f->n_domus > n_images ? f->n_domus : n_images + 1;
	if (!f->n_domus)
		n = 0;
	room = (n + 1) * sizeof(*d);
	d = calloc(1, room + (n_images + 1) * sizeof(*image));
	if (!d)
		return -ENOMEM;
	image = (char(*)[IMAGE_MAX])((char *)d + room);
	put_images(p, image);
	for (size_t i = 0; i < n; i++) {
		d[i] = f->domus[i % f->n_domus];
		d[i].image = image[i % (n_images + 1)];
		/* More images than nodes: addresses of their range behind. */
		if (i >= f->n_domus)
			d[i].address =
				(f->domu_base | (0xffffffffU >> f->domu_prefix)) -
				(uint32_t)(i - f->n_domus) - 1;
	}
	*out = d;
	*n_out = n;
	return 0;
}

struct listing {
	const struct acl_facts *f;
	struct listed *list;
	size_t n;
	int rc;
};

/* Comment: "FILE:LINE NODE IMAGE". */
static void add_listed(const char *value, const char *comment, void *arg)
{
	struct listing *l = arg;
	struct listed *new, *one;
	uint32_t a;

	new = reallocarray(l->list, l->n + 1, sizeof(*new));
	if (!new) {
		l->rc = -ENOMEM;
		return;
	}
	l->list = new;
	/* An address that no domU may have is nobody's here, so that a path
	 * from it is one that was not meant. */
	if (parse_ipv4(value, &a) ||
	    ((uint64_t)(a ^ l->f->domu_base) >> (32 - l->f->domu_prefix)))
		return;
	one = &new[l->n++];
	memset(one, 0, sizeof(*one));
	one->domu.address = a;
	(void)sscanf(comment, "%*s %63s %127s", one->node, one->image);
}

int acl_prove_live_domus(const struct nftmodel *m, const struct acl_facts *f,
			 struct acl_domu **out, size_t *n_out)
{
	struct listing l = { .f = f };
	struct acl_domu *d;
	char *text;
	int rc;

	rc = nftmodel_elements(m, "inet", ACL_TABLE, "domus", add_listed, &l);
	if (!rc)
		rc = l.rc;
	d = rc ? NULL
	       : calloc(1, (l.n + 1) * (sizeof(*d) + sizeof(struct listed)));
	if (!d) {
		free(l.list);
		return rc ? rc : -ENOMEM;
	}
	text = (char *)(d + l.n + 1);
	for (size_t i = 0; i < l.n; i++) {
		struct listed *one = (struct listed *)(void *)text + i;

		*one = l.list[i];
		d[i] = one->domu;
		d[i].node = one->node;
		d[i].image = one->image;
	}
	free(l.list);
	*out = d;
	*n_out = l.n;
	return 0;
}

struct enrolled {
	struct acl_node *nodes;
	size_t n;
};

/* "ADDRESS . MAC" */
static void enrol(const char *value, const char *comment, void *arg)
{
	const struct enrolled *e = arg;
	char text[PARSE_IPV4_STR], mac[PARSE_MAC_STR];
	uint32_t a;

	(void)comment;
	if (sscanf(value, "%15s . %17s", text, mac) != 2 || parse_ipv4(text, &a))
		return;
	for (size_t i = 0; i < e->n; i++) {
		char its[PARSE_MAC_STR];

		if (e->nodes[i].address != a)
			continue;
		format_mac(e->nodes[i].mac, its);
		e->nodes[i].enrolled |= strcmp(its, mac) == 0;
	}
}

void acl_prove_live_enrolled(const struct nftmodel *m, struct acl_node *nodes,
			     size_t n)
{
	struct enrolled e = { nodes, n };

	for (size_t i = 0; i < n; i++)
		nodes[i].enrolled = 0;
	/* Rules without that set enrol nobody. */
	(void)nftmodel_elements(m, "inet", ACL_TABLE, "enrolled", enrol, &e);
}
