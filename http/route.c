/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the raw target of a request to its route and parameters.
 *
 * We decode each path segment by itself and refuse what could mean something
 * else to the next reader: an encoded '/', NUL, "." and "..".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpd-private.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place. Returns -1 on a broken escape or an encoded NUL. */
static int decode(char *s, int plus_is_space)
{
	char *to = s;

	for (; *s; s++) {
		char c = *s;

		if (c == '%') {
			int hi = hex_digit(s[1]);
			int lo = hi < 0 ? -1 : hex_digit(s[2]);

			if (lo < 0 || (hi == 0 && lo == 0))
				return -1;
			c = (char)(hi * 16 + lo);
			s += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		*to++ = c;
	}
	*to = '\0';
	return 0;
}

static int segment_is_plain(const char *s)
{
	return strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && !strchr(s, '/');
}

static int split_path(struct httpd_req *r, char *path)
{
	char *next;

	if (*path != '/')
		return 400;
	for (path++; path; path = next) {
		next = strchr(path, '/');
		if (next)
			*next++ = '\0';
		if (r->segments == SEGMENTS_MAX)
			return 414;
		if (decode(path, 0) || !segment_is_plain(path))
			return 400;
		r->segment[r->segments++] = path;
	}
	return 0;
}

static int split_query(struct httpd_req *r, char *query)
{
	char *next;

	for (; query && *query; query = next) {
		char *value;

		next = strchr(query, '&');
		if (next)
			*next++ = '\0';
		if (r->queries == QUERY_MAX)
			return 400;
		value = strchr(query, '=');
		if (value)
			*value++ = '\0';
		else
			value = query + strlen(query);
		if (decode(query, 1) || decode(value, 1))
			return 400;
		r->query[r->queries].key = query;
		r->query[r->queries].value = value;
		r->queries++;
	}
	return 0;
}

/* Joins segments from i on with '/'; caller frees. */
static char *join(const struct httpd_req *r, int i)
{
	struct buf b = BUF_INIT;

	for (int first = i; i < r->segments; i++) {
		if (i > first)
			buf_adds(&b, "/");
		buf_adds(&b, r->segment[i]);
	}
	return buf_take(&b);
}

static char *join_path(const struct httpd_req *r)
{
	char *rest = join(r, 0);
	char *path = NULL;

	if (rest && asprintf(&path, "/%s", rest) < 0)
		path = NULL;
	free(rest);
	return path;
}

int httpd_route_parse(struct httpd_req *r)
{
	char *query;
	int status;

	if (strlen(r->target) > TARGET_MAX)
		return 414;
	r->text = strdup(r->target);
	if (!r->text)
		return 500;
	query = strchr(r->text, '?');
	if (query)
		*query++ = '\0';
	status = split_path(r, r->text);
	if (!status)
		status = split_query(r, query);
	if (status)
		return status;
	r->path = join_path(r);
	return r->path ? 0 : 500;
}

/*
 * Compares the path with a pattern, segment by segment, and notes what the
 * wildcards took: first[k] is the segment of the k-th. Returns 1 on a match;
 * *rest is the first segment of "**", or -1.
 */
static int match(const struct httpd_req *r, const char *pattern,
		 int took[HTTPD_PARAMS_MAX], int *rest)
{
	int i, n = 0;

	for (int k = 0; k < HTTPD_PARAMS_MAX; k++)
		took[k] = -1;
	*rest = -1;
	for (i = 0; *pattern == '/'; i++) {
		const char *p = pattern + 1;
		size_t len = strcspn(p, "/");

		pattern = p + len;
		if (len == 2 && !strncmp(p, "**", 2)) {
			*rest = i;
			return i < r->segments;
		}
		if (i >= r->segments)
			return 0;
		if (len == 1 && *p == '*') {
			if (!*r->segment[i] || n == HTTPD_PARAMS_MAX)
				return 0;
			took[n++] = i;
		} else if (strlen(r->segment[i]) != len ||
			   strncmp(r->segment[i], p, len) != 0) {
			return 0;
		}
	}
	return i == r->segments;
}

static int take_params(struct httpd_req *r, const int *took, int rest)
{
	int n = 0;

	while (n < HTTPD_PARAMS_MAX && took[n] >= 0) {
		r->param[n] = r->segment[took[n]];
		n++;
	}
	if (rest < 0 || n == HTTPD_PARAMS_MAX)
		return 0;
	r->rest = join(r, rest);
	r->param[n] = r->rest;
	return r->rest ? 0 : 500;
}

/* MHD sends the answer to a HEAD without its body. */
static int method_fits(const char *asked, const char *route)
{
	return !strcmp(asked, route) ||
	       (!strcmp(asked, "HEAD") && !strcmp(route, "GET"));
}

static void add_allowed(struct httpd_req *r, const char *method)
{
	size_t len = strlen(r->allow);

	if (!strstr(r->allow, method))
		snprintf(r->allow + len, sizeof(r->allow) - len, "%s%s",
			 len ? ", " : "", method);
}

int httpd_route_find(struct httpd_req *r, const struct httpd_route *routes)
{
	int took[HTTPD_PARAMS_MAX];
	int rest;

	for (; routes->method; routes++) {
		if (!match(r, routes->pattern, took, &rest))
			continue;
		if (method_fits(r->method, routes->method)) {
			r->route = routes;
			return take_params(r, took, rest);
		}
		add_allowed(r, routes->method);
	}
	return *r->allow ? 405 : 404;
}
