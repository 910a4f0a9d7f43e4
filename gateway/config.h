/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - nightshift.conf as a plain struct (nightshift.conf(5)).
 *
 * config_load parses and checks meaning; it touches no other file, so that a
 * configuration can be checked on any machine. config_check_files says which
 * of the files it names cannot be used here. Both collect every error.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "parse.h"
#include "scratch.h"

#define CONFIG_NAME       (PARSE_NAME_MAX + 1)
#define CONFIG_NODES_MAX  4096
#define CONFIG_IMAGES_MAX 64
#define CONFIG_TEXT       512 /* paths and URLs, with the final NUL */
#define CONFIG_IFNAME     16  /* IFNAMSIZ */
#define CONFIG_IMAGE      (2 * CONFIG_NAME) /* "NAME/CHANNEL" */

enum config_loader {
	CONFIG_LOADER_AUTO, /* by what the firmware says it is */
	CONFIG_LOADER_PXELINUX,
	CONFIG_LOADER_IPXE,
};

enum boot_choice {
	BOOT_LOCAL,
	BOOT_GRID,
};

/* The partition that PCs lend to domUs (scratch.h). */
struct config_scratch {
	struct scratch_policy policy;
	int lent; /* 0: an empty block */
	int line; /* 0: nothing is said */
};

struct config_node {
	char name[CONFIG_NAME];
	uint8_t mac[PARSE_MAC_LEN];
	char mac_text[PARSE_MAC_STR];
	uint32_t address;
	char address_text[PARSE_IPV4_STR];
	uint32_t domu_address; /* derived, see config-check.c */
	enum config_loader loader;
	enum boot_choice boot;
	struct config_scratch scratch;
	int line;
};

struct config_central {
	char url[CONFIG_TEXT], repo[CONFIG_TEXT];
	char pin[CONFIG_TEXT], token_file[CONFIG_TEXT];
	uint32_t address; /* of url; the packet filter needs a number */
	char address_text[PARSE_IPV4_STR];
	int port;
	int line;
};

/* The image repository as this segment has it. */
struct config_repo {
	int mirror; /* keep a verified copy of what the segment runs */
	int port;   /* HTTP/2 without TLS; HTTP/1.1 is on 80 */
};

/* Multicast of what several nodes want at once. */
struct config_carousel {
	char group[PARSE_IPV4_STR];
	int port, rate_mbit, crowd;
	int line; /* 0: there is none */
};

/* Where domUs' packets come from: WireGuard to each node. */
struct config_tunnel {
	char interface[CONFIG_IFNAME];
	int port, keepalive_sec;
	int line; /* 0: there is none, domUs are on the segment itself */
};

/* DHCP servers beside ours. */
#define CONFIG_OTHERS_MAX 8
struct config_dhcp {
	int watch_sec; /* how often they are looked for */
	uint32_t others[CONFIG_OTHERS_MAX];
	size_t n_others; /* that belong here */
};

/* The owner's caps: above any workspace. 0 and none: no cap. */
struct config_limits {
	uint64_t memory_mib;
	int vcpus;
	char images[CONFIG_IMAGES_MAX][CONFIG_NAME];
	size_t n_images;
	int line;
};

struct config {
	char *base; /* name of the file, for comments */
	char segment[CONFIG_NAME];
	char interface[CONFIG_IFNAME];
	uint32_t address;
	char address_text[PARSE_IPV4_STR];
	unsigned int prefix;
	uint32_t domu_base;
	unsigned int domu_prefix;
	char state[CONFIG_TEXT], boot[CONFIG_TEXT];
	char key[CONFIG_TEXT], root[CONFIG_TEXT];
	char policy[CONFIG_TEXT];     /* acl(5); "": the default one */
	char nginx_user[CONFIG_NAME]; /* "" : chosen when generated */
	int lease_sec, report_sec;
	uint64_t cache_bytes;
	struct config_central central;
	struct config_repo repo;
	struct config_carousel carousel;
	struct config_tunnel tunnel;
	struct config_dhcp dhcp;
	struct config_limits limits;
	struct config_scratch scratch;
	struct config_node *nodes;
	size_t n_nodes;
	int interface_line, address_line, domu_line;
};

/* Called once per error, "file:line:col: message" without a newline. */
typedef void (*config_error_fn)(const char *text, void *arg);

/* 0, -EINVAL after errors were told, -ENOMEM. *canonical (may be NULL) is the
 * canonical form, caller frees. */
int config_load(const char *path, struct config **out, char **canonical,
		config_error_fn fn, void *arg);
void config_free(struct config *c);

/* Number of files and directories named that cannot be used. */
int config_check_files(const struct config *c, const char *path,
		       config_error_fn fn, void *arg);

/* 16: 255.255.0.0, as parse_ipv4 numbers addresses. */
uint32_t config_mask(unsigned int prefix);

const struct config_node *config_node_by_mac(const struct config *c,
					     const uint8_t mac[PARSE_MAC_LEN]);
const struct config_node *config_node_by_name(const struct config *c,
					      const char *name);

/* config-scratch.c: what a node lends; NULL: nothing. */
const struct scratch_policy *config_scratch(const struct config *c,
					    const struct config_node *n);
/* config-set.c: what single statements say. */
void config_set(struct config *c, struct conf *file,
		const struct conf_stmt *segment);
/* config-check.c: what the tree of statements means, checked as a whole. */
void config_check(const struct config *c, struct conf *file,
		  const struct conf_stmt *segment);

#endif
