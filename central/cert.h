/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert - the central's own TLS key: ECDSA P-256, self-signed, in the state
 * directory (tls.key, tls.crt). Everybody who talks to it knows its pin, so
 * the certificate's name and dates carry no weight.
 */
#ifndef CERT_H
#define CERT_H

#include "errinfo.h"

#define CERT_PIN_LEN 64 /* "sha256//" and 44 of base64, with the NUL */

/* Makes both files unless they are there; *made says whether. */
int cert_ensure(const char *state, int *made, struct errinfo *err);
/* curl's form of the public key's digest, "sha256//BASE64". */
int cert_pin(const char *state, char out[CERT_PIN_LEN], struct errinfo *err);

#endif
