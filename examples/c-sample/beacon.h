/*
 * Beacon: a small routing protocol for routprot.h, to start one's own from.
 *
 * A router says every few seconds, by multicast on each of its interfaces, which prefixes can be reached through it. Who hears
 * that has a route to them through the sender for as long as it was told. docs/writing-a-protocol.md walks through it.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef BEACON_H
#define BEACON_H

#include <windows.h>

#include <mprerror.h>
#include <routprot.h>
#include <rtmv2.h>
#include <rtutils.h>

#ifndef AF_INET
#define AF_INET 2 /* winsock2.h has it, and socket.c needs no such thing */
#endif

#define BEACON PROTOCOL_ID(PROTO_TYPE_UCAST, PROTO_VENDOR_MS2, 1)
#define BEACON_PORT 5520
#define BEACON_GROUP 0xEFFF0057u /* 239.255.0.87 */

#define MOST_INTERFACES 64u
#define MOST_PREFIXES 64u

/* ---- Blocks, version 1 ------------------------------------------------------------------------------------------- */

typedef struct {
    ULONG Address; /* network order, as the mask */
    ULONG Mask;
} BEACON_PREFIX;

/* Of an interface; after the fixed part come Count prefixes to announce there. */
typedef struct {
    ULONG Metric;   /* of routes that are heard there, 1 to 255 */
    ULONG Announce; /* seconds between two beacons, 1 to 3600 */
    ULONG Hold;     /* seconds for which others keep what they heard, longer than Announce, at most 65535 */
    ULONG Count;
    BEACON_PREFIX Prefixes[MOST_PREFIXES];
} BEACON_INTERFACE;

/* Of the protocol. */
typedef struct {
    ULONG Preference; /* of its routes, 1 to 255; 0: what the router says */
} BEACON_GLOBAL;

/* What is in a block, checked; of one that is refused, Reason says why. */
DWORD ReadBlock(const void *Info, ULONG Version, ULONG Size, ULONG Count, BEACON_INTERFACE *Block, const char **Reason);
DWORD ReadGlobal(const void *Info, ULONG Version, ULONG Size, ULONG Count, BEACON_GLOBAL *Global);
WINBOOL IsPrefix(const BEACON_PREFIX *Prefix);

#define BLOCK_VERSION 1u
#define FIXED_PART ((ULONG)offsetof(BEACON_INTERFACE, Prefixes))
#define SIZE_OF(Block) (FIXED_PART + (Block)->Count * (ULONG)sizeof(BEACON_PREFIX))

/* ---- State ------------------------------------------------------------------------------------------------------- */

typedef struct {
    ULONG Sent, Received, Malformed, Failed;
} COUNTERS;

typedef struct {
    WINBOOL InUse;
    ULONG Index;
    CHAR Name[64]; /* UTF-8 */
    WINBOOL Active; /* what the router says of it */
    ULONG Address;  /* its first one, network order; 0: none */
    WINBOOL Joined; /* the speaker has joined the group there */
    BEACON_INTERFACE Block;
    COUNTERS Counters;
    LONGLONG Due; /* when the next beacon is, milliseconds */
} INTERFACE;

/* All of it is guarded by Lock, which the functions of the router and the thread of the speaker take. */
typedef struct {
    CRITICAL_SECTION Lock;
    WINBOOL Running;
    HANDLE Notify;
    PSUPPORT_FUNCTIONS Support;
    BEACON_GLOBAL Global;
    INTERFACE Interfaces[MOST_INTERFACES];
    DWORD Trace;
} STATE;

extern STATE State;

static inline WINBOOL IsUp(const INTERFACE *Interface) {
    return Interface->InUse && Interface->Active && Interface->Address != 0;
}

INTERFACE *FindInterface(ULONG Index);

/* Gives what was made with json.h to the router. */
DWORD WriteText(PVOID Answer, PULONG AnswerSize);

/* Says that the protocol has stopped, once the speaker has. */
void HasStopped(void);

/* ---- speaker.c: the thread, which WakeSocket has look at the interfaces, or at the end of Running, now ------------- */

DWORD StartSpeaker(void);

/* ---- routes.c: the routing table --------------------------------------------------------------------------------- */

DWORD OpenTable(void);
void CloseTable(void);
/* A route through a sender, for Seconds; 0: it goes. */
DWORD SetRoute(const INTERFACE *Interface, ULONG Sender, const BEACON_PREFIX *Prefix, ULONG Seconds);
/* Gives the routes through an interface its metric, or takes them away. */
void UpdateRoutes(const INTERFACE *Interface, WINBOOL Remove);

#endif
