/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - the gateway's own key and certificate for HTTPS, in the state folder.
 *
 * Nobody checks the certificate's name: nodes pin the key, which the signed
 * segment statement tells them.
 */
#ifndef TLS_H
#define TLS_H

#include <stddef.h>

#include "errinfo.h"

#define TLS_PIN 64 /* "sha256//" + base64 of 32 bytes + NUL */

/* STATE/tls.key (0600) and STATE/tls.crt: made if one of them is missing. */
int tls_ensure(const char *state, const char *segment, struct errinfo *err);

/* "sha256//BASE64" of the certificate's public key (SPKI). */
int tls_pin(const char *state, char pin[TLS_PIN], struct errinfo *err);

#endif
