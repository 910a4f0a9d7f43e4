/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - see text.h. Names and numbers are all that facts bring into a text,
 * and names are held to letters, digits and ".-_".
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define RULE_MAX 512

static void add_line(struct buf *out, const char *fmt, va_list ap,
		     const char *comment)
{
	char rule[RULE_MAX];

	if (vsnprintf(rule, sizeof(rule), fmt, ap) >= (int)sizeof(rule))
		out->rc = -EFBIG;
	if (!comment)
		buf_addf(out, "\t\t%s\n", rule);
	else
		buf_addf(out, "\t\t%s comment \"%s\"\n", rule, comment);
}

void walls_line(struct buf *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(out, fmt, ap, NULL);
	va_end(ap);
}

void walls_rule(struct buf *out, const char *comment, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(out, fmt, ap, comment);
	va_end(ap);
}

void walls_replace(struct buf *out, const char *family)
{
	buf_addf(out,
		 "table %s nightshift\n"
		 "delete table %s nightshift\n",
		 family, family);
}

void walls_base_chain(struct buf *out, const char *name, const char *hook)
{
	buf_addf(out,
		 "\tchain %s {\n"
		 "\t\ttype filter hook %s priority filter; policy drop;\n",
		 name, hook);
}

void walls_chain(struct buf *out, const char *name)
{
	buf_addf(out, "\tchain %s {\n", name);
}

void walls_chain_end(struct buf *out)
{
	buf_adds(out, "\t}\n");
}

/* ---- facts -------------------------------------------------------------- */

int walls_check_ifname(const char *what, const char *name, struct errinfo *err)
{
	size_t len = name ? strlen(name) : 0;

	if (!len || len > WALLS_IFNAME_MAX || !isalpha((unsigned char)name[0]))
		return errinfo_set(err, -EINVAL, "%s: no interface's name", what);
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".-_", *p))
			return errinfo_set(err, -EINVAL,
					   "%s: no interface's name", what);
	return 0;
}

int walls_check_mac(const char *what, const uint8_t mac[WALLS_MAC_LEN],
		    struct errinfo *err)
{
	static const uint8_t none[WALLS_MAC_LEN];

	if (mac[0] & 1 || !memcmp(mac, none, sizeof(none)))
		return errinfo_set(err, -EINVAL, "%s: no one's MAC", what);
	return 0;
}

/* 0.0.0.0/8, 127.0.0.0/8, and from 224.0.0.0 up are nobody's. */
int walls_check_address(const char *what, uint32_t address, struct errinfo *err)
{
	uint32_t net = address >> 24;

	if (!net || net == 127 || net >= 224)
		return errinfo_set(err, -EINVAL, "%s: no one's address", what);
	return 0;
}

static int check_gateway(const struct walls_lan *lan, struct errinfo *err)
{
	int rc;

	if (!lan->address)
		return errinfo_set(err, -EINVAL, "gateway: but no address yet");
	rc = walls_check_address("gateway", lan->gateway, err);
	if (!rc)
		rc = walls_check_mac("gateway_mac", lan->gateway_mac, err);
	if (!rc && lan->gateway == lan->address)
		rc = errinfo_set(err, -EINVAL, "gateway: it is our own address");
	if (!rc && lan->carousel &&
	    (lan->carousel >> 28 != 0xe || !lan->carousel_port))
		rc = errinfo_set(err, -EINVAL, "carousel: no group and port");
	return rc;
}

int walls_check_lan(const struct walls_lan *lan, struct errinfo *err)
{
	int rc;

	if (!lan->http_port || !lan->https_port)
		return errinfo_set(err, -EINVAL,
				   "ports: http and https are needed");
	rc = walls_check_ifname("nic", lan->nic, err);
	if (!rc)
		rc = walls_check_mac("mac", lan->mac, err);
	if (!rc && lan->address)
		rc = walls_check_address("address", lan->address, err);
	if (!rc && lan->gateway)
		rc = check_gateway(lan, err);
	return rc;
}
