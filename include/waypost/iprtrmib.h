/*
 * The multicast forwarding entries of the router's MIB (iprtrmib.h, the part that mgm.h uses). Addresses are in network order.
 *
 * The published sizes of entries are those without any outgoing interface plus one of them (ANY_SIZE); the SIZEOF macros are
 * the ones to use. They lack parentheses as published.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_IPRTRMIB_H
#define WAYPOST_IPRTRMIB_H

#include "windows.h"

WAYPOST_BEGIN

#define IPRTRMGR_PID 10000u

#ifndef ANY_SIZE
#define ANY_SIZE 1
#endif

typedef struct _MIB_IPMCAST_OIF {
    DWORD dwOutIfIndex;
    DWORD dwNextHopAddr;
    DWORD dwReserved;
    DWORD dwReserved1;
} MIB_IPMCAST_OIF, *PMIB_IPMCAST_OIF;

typedef struct _MIB_IPMCAST_MFE {
    DWORD dwGroup;
    DWORD dwSource;
    DWORD dwSrcMask;
    DWORD dwUpStrmNgbr;
    DWORD dwInIfIndex;
    DWORD dwInIfProtocol;
    DWORD dwRouteProtocol;
    DWORD dwRouteNetwork;
    DWORD dwRouteMask;
    ULONG ulUpTime;
    ULONG ulExpiryTime;
    ULONG ulTimeOut;
    ULONG ulNumOutIf;
    DWORD fFlags;
    DWORD dwReserved;
    MIB_IPMCAST_OIF rgmioOutInfo[ANY_SIZE];
} MIB_IPMCAST_MFE, *PMIB_IPMCAST_MFE;

#define SIZEOF_BASIC_MIB_MFE offsetof(MIB_IPMCAST_MFE, rgmioOutInfo)
#define SIZEOF_MIB_MFE(X) (SIZEOF_BASIC_MIB_MFE + (WAYPOST_STATIC_CAST(size_t, (X)) * sizeof(MIB_IPMCAST_OIF)))

typedef struct _MIB_IPMCAST_OIF_STATS {
    DWORD dwOutIfIndex;
    DWORD dwNextHopAddr;
    DWORD dwDialContext;
    ULONG ulTtlTooLow;
    ULONG ulFragNeeded;
    ULONG ulOutPackets;
    ULONG ulOutDiscards;
} MIB_IPMCAST_OIF_STATS, *PMIB_IPMCAST_OIF_STATS;

typedef struct _MIB_IPMCAST_MFE_STATS {
    DWORD dwGroup;
    DWORD dwSource;
    DWORD dwSrcMask;
    DWORD dwUpStrmNgbr;
    DWORD dwInIfIndex;
    DWORD dwInIfProtocol;
    DWORD dwRouteProtocol;
    DWORD dwRouteNetwork;
    DWORD dwRouteMask;
    ULONG ulUpTime;
    ULONG ulExpiryTime;
    ULONG ulNumOutIf;
    ULONG ulInPkts;
    ULONG ulInOctets;
    ULONG ulPktsDifferentIf;
    ULONG ulQueueOverflow;
    MIB_IPMCAST_OIF_STATS rgmiosOutStats[ANY_SIZE];
} MIB_IPMCAST_MFE_STATS, *PMIB_IPMCAST_MFE_STATS;

#define SIZEOF_BASIC_MIB_MFE_STATS offsetof(MIB_IPMCAST_MFE_STATS, rgmiosOutStats)
#define SIZEOF_MIB_MFE_STATS(X)                                                                                        \
    (SIZEOF_BASIC_MIB_MFE_STATS + (WAYPOST_STATIC_CAST(size_t, (X)) * sizeof(MIB_IPMCAST_OIF_STATS)))

typedef struct _MIB_IPMCAST_MFE_STATS_EX {
    DWORD dwGroup;
    DWORD dwSource;
    DWORD dwSrcMask;
    DWORD dwUpStrmNgbr;
    DWORD dwInIfIndex;
    DWORD dwInIfProtocol;
    DWORD dwRouteProtocol;
    DWORD dwRouteNetwork;
    DWORD dwRouteMask;
    ULONG ulUpTime;
    ULONG ulExpiryTime;
    ULONG ulNumOutIf;
    ULONG ulInPkts;
    ULONG ulInOctets;
    ULONG ulPktsDifferentIf;
    ULONG ulQueueOverflow;
    ULONG ulUninitMfe;
    ULONG ulNegativeMfe;
    ULONG ulInDiscards;
    ULONG ulInHdrErrors;
    ULONG ulTotalOutPackets;
    MIB_IPMCAST_OIF_STATS rgmiosOutStats[ANY_SIZE];
} MIB_IPMCAST_MFE_STATS_EX, *PMIB_IPMCAST_MFE_STATS_EX;

#define SIZEOF_BASIC_MIB_MFE_STATS_EX offsetof(MIB_IPMCAST_MFE_STATS_EX, rgmiosOutStats)
#define SIZEOF_MIB_MFE_STATS_EX(X)                                                                                     \
    (SIZEOF_BASIC_MIB_MFE_STATS_EX + (WAYPOST_STATIC_CAST(size_t, (X)) * sizeof(MIB_IPMCAST_OIF_STATS)))

WAYPOST_END

#endif
