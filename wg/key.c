/* SPDX-License-Identifier: Apache-2.0 */
/* key - X25519 keys and their spelling. */
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "wg.h"

_Static_assert(WG_KEY_LEN == crypto_scalarmult_BYTES, "X25519");
_Static_assert(WG_KEY_STR ==
		       sodium_base64_ENCODED_LEN(WG_KEY_LEN,
						 sodium_base64_VARIANT_ORIGINAL),
	       "base64 with its padding");

void wg_key_new(uint8_t private_key[WG_KEY_LEN])
{
	randombytes_buf(private_key, WG_KEY_LEN);
	/* RFC 7748 section 5; wireguard-go wants it done. */
	private_key[0] &= 248;
	private_key[31] = (private_key[31] & 127) | 64;
}

void wg_key_public(const uint8_t private_key[WG_KEY_LEN],
		   uint8_t public_key[WG_KEY_LEN])
{
	crypto_scalarmult_base(public_key, private_key);
}

void wg_key_format(const uint8_t key[WG_KEY_LEN], char out[WG_KEY_STR])
{
	sodium_bin2base64(out, WG_KEY_STR, key, WG_KEY_LEN,
			  sodium_base64_VARIANT_ORIGINAL);
}

int wg_key_parse(const char *text, uint8_t key[WG_KEY_LEN])
{
	/* Any scalar shows a point of small order: the product is zero. */
	static const uint8_t one[WG_KEY_LEN] = { 8, [31] = 64 };
	uint8_t raw[WG_KEY_LEN], product[WG_KEY_LEN];
	char again[WG_KEY_STR];
	size_t len;

	if (sodium_base642bin(raw, sizeof(raw), text, strlen(text), NULL, &len,
			      NULL, sodium_base64_VARIANT_ORIGINAL) ||
	    len != WG_KEY_LEN)
		return -EINVAL;
	wg_key_format(raw, again);
	if (strcmp(again, text) || crypto_scalarmult(product, one, raw))
		return -EINVAL;
	memcpy(key, raw, WG_KEY_LEN);
	return 0;
}
