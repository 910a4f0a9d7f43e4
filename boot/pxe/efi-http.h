/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EFI_HTTP_PROTOCOL as the UEFI specification 2.10, chapter 29.6, defines it.
 * Debian's gnu-efi headers have no HTTP. Only what we call has its full type;
 * the layout is complete.
 */
#ifndef BOOT_PXE_EFI_HTTP_H
#define BOOT_PXE_EFI_HTTP_H

#include <efi.h>

#define HTTP_SERVICE_BINDING_GUID                                      \
	{                                                              \
		0xbdc8e6af, 0xd9bc, 0x4379,                            \
		{                                                      \
			0xa7, 0x2a, 0xe0, 0xc4, 0xe7, 0x5d, 0xae, 0x1c \
		}                                                      \
	}
#define HTTP_PROTOCOL_GUID                                             \
	{                                                              \
		0x7a59b29b, 0x910b, 0x4171,                            \
		{                                                      \
			0x82, 0x42, 0xa8, 0x5a, 0x0d, 0xf2, 0x5b, 0x5b \
		}                                                      \
	}

/* §11.6 */
struct efi_service_binding {
	EFI_STATUS(EFIAPI *create_child)
	(struct efi_service_binding *this, EFI_HANDLE *child);
	EFI_STATUS(EFIAPI *destroy_child)
	(struct efi_service_binding *this, EFI_HANDLE child);
};

enum efi_http_version {
	EFI_HTTP_1_0,
	EFI_HTTP_1_1,
};

/* The specification counts the codes instead of using them. */
enum efi_http_status {
	EFI_HTTP_STATUS_UNSUPPORTED = 0,
	EFI_HTTP_STATUS_200_OK = 3,
	EFI_HTTP_STATUS_404_NOT_FOUND = 21,
};

enum efi_http_method { EFI_HTTP_GET = 0 };

struct efi_http_v4_access_point {
	BOOLEAN use_default_address;
	EFI_IPv4_ADDRESS local_address;
	EFI_IPv4_ADDRESS local_subnet;
	UINT16 local_port;
};

struct efi_http_config {
	enum efi_http_version version;
	UINT32 timeout_ms;
	BOOLEAN is_ipv6;
	struct efi_http_v4_access_point *v4;
};

struct efi_http_header {
	CHAR8 *name;
	CHAR8 *value;
};

struct efi_http_request {
	enum efi_http_method method;
	CHAR16 *url;
};

struct efi_http_response {
	enum efi_http_status status;
};

struct efi_http_message {
	union {
		struct efi_http_request *request;
		struct efi_http_response *response;
	};
	UINTN header_count;
	struct efi_http_header *headers; /* of an answer: pool, ours */
	UINTN body_len;
	VOID *body;
};

struct efi_http_token {
	EFI_EVENT event;
	EFI_STATUS status;
	struct efi_http_message *message;
};

struct efi_http {
	VOID *get_mode_data;
	EFI_STATUS(EFIAPI *configure)
	(struct efi_http *this, struct efi_http_config *config);
	EFI_STATUS(EFIAPI *request)
	(struct efi_http *this, struct efi_http_token *token);
	EFI_STATUS(EFIAPI *cancel)
	(struct efi_http *this, struct efi_http_token *token);
	EFI_STATUS(EFIAPI *response)
	(struct efi_http *this, struct efi_http_token *token);
	EFI_STATUS(EFIAPI *poll)(struct efi_http *this);
};

/* UINTN, pointers and the padding between: a wrong guess would not link. */
_Static_assert(sizeof(struct efi_http_config) == 24, "efi_http_config");
_Static_assert(sizeof(struct efi_http_message) == 40, "efi_http_message");
_Static_assert(sizeof(struct efi_http_token) == 24, "efi_http_token");
_Static_assert(sizeof(struct efi_http_v4_access_point) == 12, "access point");

#endif
