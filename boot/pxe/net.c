/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Find out who we are and who sent us. Firmware that booted us by PXE left
 * the DHCP answers in its PXE base code protocol; firmware that booted us from a
 * URL left address and server in the device path. The answers are foreign
 * bytes: only fixed offsets and one bounded walk over the options are read.
 */

#include <string.h>

#include "efi-http.h"
#include "loader.h"
#include "url.h"

/* BOOTP and DHCP: RFC 951, RFC 2131, RFC 2132. */
enum {
	BOOTP_SIADDR = 20,
	DHCP_OPTIONS = 240, /* after the magic cookie */
	DHCP_PAD = 0,
	DHCP_SERVER_ID = 54,
	DHCP_END = 255,
};

static bool ip_is_zero(EFI_IPv4_ADDRESS ip)
{
	return (ip.Addr[0] | ip.Addr[1] | ip.Addr[2] | ip.Addr[3]) == 0;
}

static EFI_DEVICE_PATH *path_next(EFI_DEVICE_PATH *path)
{
	return (EFI_DEVICE_PATH *)((uint8_t *)path + DevicePathNodeLength(path));
}

/* The first messaging node of a subtype and of at least that length. */
static void *path_node(EFI_DEVICE_PATH *path, uint8_t subtype, size_t len)
{
	for (; !IsDevicePathEndType(path); path = path_next(path)) {
		if (DevicePathNodeLength(path) < (int)sizeof(*path))
			return NULL;
		if (DevicePathType(path) == MESSAGING_DEVICE_PATH &&
		    DevicePathSubType(path) == subtype &&
		    DevicePathNodeLength(path) >= (int)len)
			return path;
	}
	return NULL;
}

static bool dhcp_option_ip(const EFI_PXE_BASE_CODE_PACKET *packet, uint8_t code,
			   EFI_IPv4_ADDRESS *ip_out)
{
	const uint8_t *p = packet->Raw + DHCP_OPTIONS;
	const uint8_t *end = packet->Raw + sizeof(packet->Raw);

	while (end - p >= 2 && *p != DHCP_END) {
		if (*p == DHCP_PAD) {
			p++;
			continue;
		}
		if (end - p < 2 + p[1])
			return false;
		if (*p == code && p[1] == sizeof(*ip_out)) {
			memcpy(ip_out, p + 2, sizeof(*ip_out));
			return true;
		}
		p += 2 + p[1];
	}
	return false;
}

/* Whoever named the boot file holds the rest as well. */
static bool packet_server(const EFI_PXE_BASE_CODE_PACKET *packet,
			  EFI_IPv4_ADDRESS *server_out)
{
	memcpy(server_out, packet->Raw + BOOTP_SIADDR, sizeof(*server_out));
	if (!ip_is_zero(*server_out))
		return true;
	return dhcp_option_ip(packet, DHCP_SERVER_ID, server_out);
}

static bool from_pxe(EFI_HANDLE device, struct net *net)
{
	static EFI_GUID guid = EFI_PXE_BASE_CODE_PROTOCOL_GUID;
	EFI_PXE_BASE_CODE *pxe;
	const EFI_PXE_BASE_CODE_MODE *mode;

	if (bs->HandleProtocol(device, &guid, (void **)&pxe) != EFI_SUCCESS)
		return false;
	mode = pxe->Mode;
	if (!mode->Started || mode->UsingIpv6 || !mode->DhcpAckReceived)
		return false;
	net->address = mode->StationIp.v4;
	net->netmask = mode->SubnetMask.v4;
	/* The most special answer first: boot server, proxyDHCP, DHCP. */
	if (mode->PxeReplyReceived && packet_server(&mode->PxeReply, &net->server))
		return true;
	if (mode->ProxyOfferReceived &&
	    packet_server(&mode->ProxyOffer, &net->server))
		return true;
	return packet_server(&mode->DhcpAck, &net->server);
}

/* Of UEFI HTTP boot: .../MAC()/IPv4(ours)/Uri(where we were fetched from) */
static bool from_path(EFI_DEVICE_PATH *path, struct net *net)
{
	/* 27 bytes in UEFI, one less than the compiler makes of it. */
	IPv4_DEVICE_PATH *ip = path_node(path, MSG_IPv4_DP,
					 offsetof(IPv4_DEVICE_PATH, SubnetMask) +
						 sizeof(ip->SubnetMask));
	EFI_DEVICE_PATH *uri = path_node(path, MSG_URI_DP, sizeof(*uri));

	if (ip == NULL || uri == NULL)
		return false;
	memcpy(&net->address, &ip->LocalIpAddress, sizeof(net->address));
	memcpy(&net->netmask, &ip->SubnetMask, sizeof(net->netmask));
	return !ip_is_zero(net->address) &&
	       url_server((const char *)(uri + 1),
			  DevicePathNodeLength(uri) - sizeof(*uri),
			  net->server.Addr);
}

/*
 * The HTTP service hangs on the card, which is a part of our own path. Some
 * firmware starts only the drivers that the boot option needs: then connect
 * the rest of the card's drivers, and look again.
 */
static bool find_http(EFI_DEVICE_PATH *path, EFI_HANDLE *handle_out)
{
	static EFI_GUID http = HTTP_SERVICE_BINDING_GUID;
	static EFI_GUID card = EFI_SIMPLE_NETWORK_PROTOCOL_GUID;
	EFI_DEVICE_PATH *rest = path;
	EFI_HANDLE handle;

	if (bs->LocateDevicePath(&http, &rest, handle_out) == EFI_SUCCESS)
		return true;
	rest = path;
	if (bs->LocateDevicePath(&card, &rest, &handle) != EFI_SUCCESS)
		return false;
	bs->ConnectController(handle, NULL, NULL, TRUE);
	rest = path;
	return bs->LocateDevicePath(&http, &rest, handle_out) == EFI_SUCCESS;
}

const char *net_find(EFI_HANDLE device, struct net *net_out)
{
	static EFI_GUID guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
	MAC_ADDR_DEVICE_PATH *mac;
	EFI_DEVICE_PATH *path;

	if (bs->HandleProtocol(device, &guid, (void **)&path) != EFI_SUCCESS)
		return "no device path to the network card";
	mac = path_node(path, MSG_MAC_ADDR_DP, sizeof(*mac));
	if (mac == NULL)
		return "not started from the network";
	memcpy(net_out->mac, mac->MacAddress.Addr, sizeof(net_out->mac));
	if (!from_pxe(device, net_out) && !from_path(path, net_out))
		return "the firmware does not say which server sent us";
	if (!find_http(path, &net_out->http))
		return "this firmware has no HTTP";
	return NULL;
}
