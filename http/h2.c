/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "httpc_h2.h"

#define IDLE_MS 30000 /* nginx closes what is idle for a minute */

CURLcode httpc_h2_set(const struct httpc_h2 *h, CURL *easy)
{
	CURLcode rc;

	if (h->known_ms && clock_boot_ms() - h->known_ms < IDLE_MS)
		return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
					(long)CURL_HTTP_VERSION_2_0);
	rc = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
				      (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	return rc;
}

void httpc_h2_ended(struct httpc_h2 *h, CURLcode result)
{
	h->known_ms = result == CURLE_OK ? clock_boot_ms() : 0;
}
