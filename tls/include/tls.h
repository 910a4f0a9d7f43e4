/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - a server's own key for HTTPS: ECDSA P-256 with a self-signed
 * certificate, in the files tls.key and tls.crt of a folder.
 *
 * Nobody checks the certificate's name or dates: who talks to the server knows
 * the pin of its key.
 */
#ifndef TLS_H
#define TLS_H

#include "errinfo.h"

#define TLS_PIN_LEN 53 /* "sha256//", base64 of 32 bytes, NUL */

/* Makes DIR, DIR/tls.key (0600) and DIR/tls.crt unless both files are there.
 * name is for people who look at the certificate; *made (may be NULL) says
 * whether there is a new key. */
int tls_ensure(const char *dir, const char *name, int *made, struct errinfo *err);

/* curl's form of the digest of the public key in DIR/tls.crt (SPKI),
 * "sha256//BASE64"; -ENOENT if there is none, -EBADMSG if it is no
 * certificate. */
int tls_pin(const char *dir, char out[TLS_PIN_LEN], struct errinfo *err);

#endif
