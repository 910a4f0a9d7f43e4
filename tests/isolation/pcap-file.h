/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcap-file - frames on an interface, written to a file and read again
 * (libpcap's format, so that people can look with any tool).
 */
#ifndef PCAP_FILE_H
#define PCAP_FILE_H

#include <stddef.h>
#include <stdint.h>

enum pcap_way {
	PCAP_BOTH,
	PCAP_IN,  /* what the interface received */
	PCAP_OUT, /* what was sent by it */
};

/* Until its standard input ends. The file's head is there when it listens, a
 * frame as soon as it came. 0, or 1: said on stderr. */
int pcap_record(const char *interface, const char *path, enum pcap_way way);

typedef void (*pcap_fn)(const uint8_t *data, size_t len, int with_ether,
			void *arg);
/* All whole frames; one that is being written is left out. 0, or -1: no such
 * file, said on stderr. */
int pcap_read(const char *path, pcap_fn fn, void *arg);

#endif
