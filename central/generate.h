/* SPDX-License-Identifier: Apache-2.0 */
/* generate - what `centrald -g DIR` makes: nginx.conf, and in the state
 * directory whatever is missing of TLS key and token files. Says on stdout
 * what it made. */
#ifndef GENERATE_H
#define GENERATE_H

#include "config.h"

int generate_all(const struct config *c, const char *dir, struct errinfo *err);
/* The text of nginx.conf; caller frees. */
int generate_nginx(const struct config *c, char **out, struct errinfo *err);

#endif
