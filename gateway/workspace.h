/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workspace - what the central asks of this site (docs/protocol.md section 4).
 */
#ifndef WORKSPACE_H
#define WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "errinfo.h"
#include "hash.h"

#define WORKSPACE_TEXT 1025 /* the bound of a domU's configuration value */
#define WORKSPACES_MAX 256

struct workspace {
	char name[CONFIG_NAME];
	int domus;
	char image[CONFIG_NAME], image_version[CONFIG_NAME];
	char channel[CONFIG_NAME];
	char manifest[HASH_HEX]; /* "": the channel leads nowhere yet */
	int memory_mib, vcpus, weight, cap;
	char url[WORKSPACE_TEXT], pin[WORKSPACE_TEXT], token[WORKSPACE_TEXT];
};

struct workspaces {
	int64_t gen;
	struct workspace *list;
	size_t n;
};

/* Takes all of a document or nothing. On success *out holds a list to be
 * freed with workspaces_dispose; *out need not be initialised. */
int workspaces_parse(const char *text, size_t len, struct workspaces *out,
		     struct errinfo *err);
void workspaces_dispose(struct workspaces *w);

#endif
