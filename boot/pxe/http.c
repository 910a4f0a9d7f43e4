/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetch one file through the firmware's HTTP. Each fetch has a connection of
 * its own: after an answer we do not like there is no telling where the next
 * would begin. We follow no redirect (the firmware doesn't either), believe no
 * length that does not fit, and wait for nobody longer than HTTP_STALL_SEC.
 */

#include <string.h>

#include "efi-http.h"
#include "loader.h"

enum {
	PIECE = 256 * 1024,          /* of a body, asked for at once */
	HTTP_TIMEOUT_MS = 10 * 1000, /* the firmware's own, for connecting */
};

static const uint64_t SECOND = 10 * 1000 * 1000; /* in timer units */

struct fetch {
	struct efi_service_binding *binding;
	EFI_HANDLE child;
	struct efi_http *http;
	EFI_EVENT stall, total; /* timers */
	EFI_EVENT done;         /* of the token under way */
	bool watched;           /* by a person: Escape counts */
	const char *wrong;      /* the first thing that went wrong */
};

static bool is_signalled(EFI_EVENT event)
{
	return bs->CheckEvent(event) == EFI_SUCCESS;
}

/* Waits for the token under way; false with f->wrong set if that is in vain. */
static bool wait_for(struct fetch *f, struct efi_http_token *token)
{
	bs->SetTimer(f->stall, TimerRelative, HTTP_STALL_SEC * SECOND);
	while (!is_signalled(f->done)) {
		f->http->poll(f->http);
		if (is_signalled(f->stall))
			f->wrong = "the gateway does not answer";
		else if (is_signalled(f->total))
			f->wrong = "the gateway is too slow";
		else if (f->watched && owner_says_no())
			f->wrong = "Escape was pressed";
		if (f->wrong != NULL) {
			f->http->cancel(f->http, token);
			return false;
		}
	}
	return true;
}

static bool send_request(struct fetch *f, struct text *url, struct text *host)
{
	CHAR16 wide[TEXT_MAX];
	struct efi_http_header headers[] = {
		{ (CHAR8 *)"Host", (CHAR8 *)host->s },
		{ (CHAR8 *)"User-Agent", (CHAR8 *)"nightshift-efi/1" },
		{ (CHAR8 *)"Accept", (CHAR8 *)"*/*" },
	};
	struct efi_http_request request = { EFI_HTTP_GET, wide };
	struct efi_http_message message = {
		.request = &request,
		.header_count = sizeof(headers) / sizeof(headers[0]),
		.headers = headers,
	};
	struct efi_http_token token = { .event = f->done, .message = &message };
	size_t i;

	for (i = 0; i <= url->len; i++)
		wide[i] = (unsigned char)url->s[i];
	if (f->http->request(f->http, &token) != EFI_SUCCESS ||
	    (wait_for(f, &token) && token.status != EFI_SUCCESS))
		f->wrong = "cannot reach the gateway";
	return f->wrong == NULL;
}

/* Case does not matter in the names of headers. */
static bool is_named(const struct efi_http_header *header, const char *name)
{
	const char *p = (const char *)header->name;

	for (; *p != '\0' && *name != '\0'; p++, name++) {
		char c = *p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p;

		if (c != *name)
			return false;
	}
	return *p == *name;
}

/* A plain number without sign, space or overflow. */
static bool parse_size(const char *s, size_t max, size_t *size_out)
{
	size_t n = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (*s - '0');
		if (n > max)
			return false;
	}
	*size_out = n;
	return true;
}

static const char *check_headers(const struct efi_http_message *answer,
				 size_t max, size_t *len_out)
{
	bool has_len = false;
	size_t i;

	for (i = 0; i < answer->header_count; i++) {
		const struct efi_http_header *header = &answer->headers[i];

		if (is_named(header, "transfer-encoding") ||
		    is_named(header, "content-encoding"))
			return "the gateway's answer is encoded";
		if (!is_named(header, "content-length"))
			continue;
		if (has_len ||
		    !parse_size((const char *)header->value, max, len_out))
			return "the gateway's answer has a wrong length";
		has_len = true;
	}
	return has_len && *len_out > 0 ? NULL
				       : "the gateway's answer has no length";
}

static void free_headers(struct efi_http_message *answer)
{
	size_t i;

	for (i = 0; i < answer->header_count; i++) {
		bs->FreePool(answer->headers[i].name);
		bs->FreePool(answer->headers[i].value);
	}
	if (answer->headers != NULL)
		bs->FreePool(answer->headers);
}

static bool read_head(struct fetch *f, size_t max, size_t *len_out)
{
	struct efi_http_response response = { EFI_HTTP_STATUS_UNSUPPORTED };
	struct efi_http_message message = { .response = &response };
	struct efi_http_token token = { .event = f->done, .message = &message };

	if (f->http->response(f->http, &token) != EFI_SUCCESS)
		f->wrong = "the connection to the gateway broke";
	else if (!wait_for(f, &token))
		;
	else if (response.status == EFI_HTTP_STATUS_404_NOT_FOUND)
		f->wrong = "the gateway does not know this";
	else if (token.status != EFI_SUCCESS ||
		 response.status != EFI_HTTP_STATUS_200_OK)
		f->wrong = "the gateway refuses";
	else
		f->wrong = check_headers(&message, max, len_out);
	free_headers(&message);
	return f->wrong == NULL;
}

static bool read_body(struct fetch *f, uint8_t *buffer, size_t len,
		      struct sha256 *sha)
{
	size_t done = 0;

	while (done < len) {
		size_t left = len - done;
		struct efi_http_message message = {
			.body_len = left < PIECE ? left : PIECE,
			.body = buffer + done,
		};
		struct efi_http_token token = { .event = f->done,
						.message = &message };

		if (f->http->response(f->http, &token) != EFI_SUCCESS)
			f->wrong = "the connection to the gateway broke";
		else if (wait_for(f, &token) &&
			 (token.status != EFI_SUCCESS ||
			  message.body_len == 0 || message.body_len > left))
			f->wrong = "the gateway's answer ends too early";
		if (f->wrong != NULL)
			return false;
		if (sha != NULL) {
			sha256_update(sha, buffer + done, message.body_len);
			say_progress(done + message.body_len, len);
		}
		done += message.body_len;
	}
	return true;
}

static bool open_http(struct fetch *f, const struct net *net)
{
	static EFI_GUID binding = HTTP_SERVICE_BINDING_GUID;
	static EFI_GUID protocol = HTTP_PROTOCOL_GUID;
	struct efi_http_v4_access_point v4 = {
		.local_address = net->address,
		.local_subnet = net->netmask,
	};
	struct efi_http_config config = {
		.version = EFI_HTTP_1_1,
		.timeout_ms = HTTP_TIMEOUT_MS,
		.v4 = &v4,
	};

	f->wrong = "the firmware's HTTP does not start";
	if (bs->HandleProtocol(net->http, &binding, (void **)&f->binding) !=
		    EFI_SUCCESS ||
	    bs->CreateEvent(EVT_TIMER, 0, NULL, NULL, &f->stall) != EFI_SUCCESS ||
	    bs->CreateEvent(EVT_TIMER, 0, NULL, NULL, &f->total) != EFI_SUCCESS ||
	    bs->CreateEvent(0, 0, NULL, NULL, &f->done) != EFI_SUCCESS ||
	    f->binding->create_child(f->binding, &f->child) != EFI_SUCCESS)
		return false;
	if (bs->HandleProtocol(f->child, &protocol, (void **)&f->http) !=
		    EFI_SUCCESS ||
	    f->http->configure(f->http, &config) != EFI_SUCCESS)
		return false;
	bs->SetTimer(f->total, TimerRelative, HTTP_TOTAL_SEC * SECOND);
	f->wrong = NULL;
	return true;
}

static void close_http(struct fetch *f)
{
	EFI_EVENT *events[] = { &f->stall, &f->total, &f->done };
	size_t i;

	if (f->http != NULL)
		f->http->configure(f->http, NULL);
	if (f->child != NULL)
		f->binding->destroy_child(f->binding, f->child);
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (*events[i] != NULL)
			bs->CloseEvent(*events[i]);
	}
}

const char *http_get(const struct net *net, const char *path, void *buffer,
		     size_t max, size_t *len_out, struct sha256 *sha)
{
	struct fetch f = { .watched = sha != NULL };
	struct text host = TEXT_INIT, url = TEXT_INIT;

	text_put_ip(&host, net->server.Addr);
	text_put(&url, "http://");
	text_put(&url, host.s);
	text_put(&url, path);
	if (!text_is_whole(&url))
		return "the path is too long";

	/* Each step sets f.wrong when it fails. */
	if (open_http(&f, net) && send_request(&f, &url, &host) &&
	    read_head(&f, max, len_out))
		read_body(&f, buffer, *len_out, sha);
	close_http(&f);
	return f.wrong;
}
