/* SPDX-License-Identifier: Apache-2.0 */
/*
 * try-wg - one end of a tunnel by hand:
 *
 *   try-wg key FILE                    makes a key, prints the public one
 *   try-wg up IF SOCKET|- KEYFILE PORT MTU
 *   try-wg peer IF SOCKET|- KEY a.b.c.d/len ENDPOINT:PORT|- KEEPALIVE
 *   try-wg unpeer IF SOCKET|- KEY
 *   try-wg route IF SOCKET|- a.b.c.d/len
 *   try-wg show IF SOCKET|-            KEY a.b.c.d/len HANDSHAKE_MS RX TX
 *   try-wg down IF SOCKET|-
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "parse.h"
#include "wg.h"

static int cmd_key(const char *path)
{
	uint8_t key[WG_KEY_LEN], shown[WG_KEY_LEN];
	char text[WG_KEY_STR];

	wg_key_new(key);
	wg_key_public(key, shown);
	wg_key_format(shown, text);
	puts(text);
	return fileio_write_atomic(path, key, sizeof(key), 0600, NULL);
}

static int cmd_up(struct wg *w, char **argv, struct errinfo *err)
{
	auto_free char *key = NULL;
	size_t len;
	int rc = fileio_read(argv[0], WG_KEY_LEN, &key, &len, err);

	if (!rc && len != WG_KEY_LEN)
		rc = -EINVAL;
	if (!rc)
		rc = wg_set_key(w, (const uint8_t *)key,
				(uint16_t)atoi(argv[1]), err);
	return rc ? rc : wg_up(w, (unsigned int)atoi(argv[2]), err);
}

static int cmd_peer(struct wg *w, char **argv, struct errinfo *err)
{
	struct wg_peer p = { .keepalive_sec = (uint16_t)atoi(argv[3]) };
	char *colon = strchr(argv[2], ':');

	if (wg_key_parse(argv[0], p.key) ||
	    parse_ipv4_prefix(argv[1], &p.address, &p.prefix))
		return errinfo_set(err, -EINVAL, "%s %s", argv[0], argv[1]);
	if (colon) {
		*colon = '\0';
		p.endpoint_port = (uint16_t)atoi(colon + 1);
		if (parse_ipv4(argv[2], &p.endpoint))
			return errinfo_set(err, -EINVAL, "%s", argv[2]);
	}
	return wg_set_peers(w, &p, 1, err);
}

static int cmd_unpeer(struct wg *w, char **argv, struct errinfo *err)
{
	struct wg_peer p = { .remove = 1 };

	if (wg_key_parse(argv[0], p.key))
		return errinfo_set(err, -EINVAL, "%s", argv[0]);
	return wg_set_peers(w, &p, 1, err);
}

static int cmd_route(struct wg *w, char **argv, struct errinfo *err)
{
	unsigned int prefix;
	uint32_t address;

	if (parse_ipv4_prefix(argv[0], &address, &prefix))
		return errinfo_set(err, -EINVAL, "%s", argv[0]);
	return wg_route(w, address, prefix, err);
}

static int cmd_show(struct wg *w, char **argv, struct errinfo *err)
{
	char key[WG_KEY_STR], addr[PARSE_IPV4_STR];
	auto_free struct wg_peer *p = NULL;
	size_t n = 0;
	int rc = wg_get_peers(w, &p, &n, err);

	(void)argv;
	for (size_t i = 0; i < n; i++) {
		wg_key_format(p[i].key, key);
		format_ipv4(p[i].address, addr);
		printf("%s %s/%u %lld %llu %llu\n", key, addr, p[i].prefix,
		       (long long)p[i].handshake_ms,
		       (unsigned long long)p[i].rx_bytes,
		       (unsigned long long)p[i].tx_bytes);
	}
	return rc;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*fn)(struct wg *w, char **argv, struct errinfo *err);
	} table[] = {
		{ "up", 3, cmd_up },         { "peer", 4, cmd_peer },
		{ "unpeer", 1, cmd_unpeer }, { "route", 1, cmd_route },
		{ "show", 0, cmd_show },     { "down", 0, NULL },
	};
	struct errinfo err = ERRINFO_INIT;
	struct wg *w;
	int rc;

	if (argc == 3 && !strcmp(argv[1], "key"))
		return cmd_key(argv[2]) ? 1 : 0;
	for (size_t i = 0; argc > 3 && i < ARRAY_SIZE(table); i++) {
		if (strcmp(argv[1], table[i].name) || argc != table[i].args + 4)
			continue;
		rc = wg_open(argv[2], *argv[3] == '/' ? argv[3] : NULL, &w, &err);
		if (!rc && table[i].fn) {
			rc = table[i].fn(w, argv + 4, &err);
			wg_close(w);
		} else if (!rc) {
			rc = wg_destroy(w, &err);
		}
		if (rc)
			fprintf(stderr, "try-wg: %s\n", errinfo_text(&err, rc));
		return rc ? 1 : 0;
	}
	return 2;
}
