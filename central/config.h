/* SPDX-License-Identifier: Apache-2.0 */
/* config - central.conf(5), parsed and checked; also makes token files. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>

#include "conf.h"
#include "errinfo.h"
#include "parse.h"

#define CONFIG_SITES_MAX 256

struct config_site {
	char name[PARSE_NAME_MAX + 1];
	char *token_file;
};

struct config {
	char *listen, *repo_listen; /* ADDRESS:PORT */
	char *worker_url;
	char *state, *repository, *root; /* absolute paths */
	char *operator_token_file;
	struct config_site sites[CONFIG_SITES_MAX];
	size_t n_sites;
	int lease_sec, attempts_max;
};

/* Prints every error of the file to stderr; *out is the caller's
 * (config_free). */
int config_load(const char *path, struct config **out);
void config_free(struct config *c);

#endif
