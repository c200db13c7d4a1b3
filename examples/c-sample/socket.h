/*
 * What the speaker needs of the system, in C's own types: nothing here or in socket.c is of the interface, so that the rest of the
 * module compiles against any headers of routprot.h.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef SOCKET_H
#define SOCKET_H

#include <stddef.h>

/* Addresses are in network order, ports and groups in the machine's. */

/* One socket for all interfaces; 0: it could not be had. */
int OpenSocket(unsigned short Port);
void CloseSocket(void);
/* Waits for a datagram or for WakeSocket, as many milliseconds at most. Not 0: there may be a datagram. */
int WaitForDatagram(long long Milliseconds);
void WakeSocket(void);
/* The next datagram, where it came in and from whom: how many octets of it there are; 0: there is none. */
size_t Receive(void *Octets, size_t Room, unsigned *Interface, unsigned *Sender);
/* Not 0: done. */
int Send(unsigned Group, unsigned short Port, unsigned Interface, unsigned Address, const void *Octets, size_t Length);
int JoinGroup(unsigned Group, unsigned Interface, int Join);

#endif
