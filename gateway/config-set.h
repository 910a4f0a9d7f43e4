/* SPDX-License-Identifier: Apache-2.0 */
/* config-set - what the files of setters share. */
#ifndef CONFIG_SET_H
#define CONFIG_SET_H

#include "config.h"

struct reader {
	struct conf *file;
	struct config *c;
	struct config_node *node; /* the node being read */
	struct config_scratch *scratch;
};

struct setter {
	const char *name;
	void (*fn)(struct reader *r, const struct conf_stmt *s);
};

/* Each statement of the list to its setter. */
void config_apply(struct reader *r, const struct setter *table,
		  const struct conf_stmt *list);
/* The first word, if it is 1 to size - 1 bytes. */
void config_copy_text(struct reader *r, const struct conf_stmt *s, char *out,
		      size_t size);
/* An absolute path that needs no quotes in the generated files. */
void config_copy_path(struct reader *r, const struct conf_stmt *s, char *out);

/* An interface's name, to CONFIG_IFNAME bytes. */
void config_copy_ifname(struct reader *r, const struct conf_stmt *s, char *out);
/* A duration of a second to an hour. */
void config_set_seconds(struct reader *r, const struct conf_stmt *s, int *out);

/* config-uplink.c: the blocks about where images come from. */
void config_set_central(struct reader *r, const struct conf_stmt *s);
void config_set_repo(struct reader *r, const struct conf_stmt *s);
void config_set_carousel(struct reader *r, const struct conf_stmt *s);
/* config-walls.c: the blocks about who reaches whom. */
void config_set_tunnel(struct reader *r, const struct conf_stmt *s);
void config_set_acl(struct reader *r, const struct conf_stmt *s);
void config_set_dhcp(struct reader *r, const struct conf_stmt *s);
/* config-scratch.c: of the node being read, or of the segment. */
void config_set_scratch(struct reader *r, const struct conf_stmt *s);

#endif
