/*
 * The routing table manager, version 2 (rtmv2.h): how a routing protocol puts its routes into the table, looks others up and
 * hears of changes.
 *
 * Written from the public documentation; names, values and layouts are the published ones. Faults of the published header
 * that are not repeated here:
 *   - RTM_SIZE_OF_ROUTE_INFO(n) is 8 bytes short of what n next hops need: its base ends at their count;
 *   - RTM_ROUTE_FLAGS_ANY_BCAST and RTM_ROUTE_FLAGS_SUBNET_BCAST name a flag that does not exist;
 *   - RTM_IPV4_MASK_FROM_LEN ends in a semicolon and shifts a negative number;
 *   - the RTM_IPV4_* macros are blocks of several statements, evaluate arguments more than once, store through a pointer
 *     of another type, leave the octets behind an address as they were, and need winsock2.h; here they are functions;
 *   - RTM_BEST_PROTOCOL and RTM_THIS_PROTOCOL lack parentheses;
 *   - it includes nothing of what it uses.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_RTMV2_H
#define WAYPOST_RTMV2_H

#include <string.h>

#include "windows.h"

WAYPOST_BEGIN

#define RTM_MAX_ADDRESS_SIZE 16
#define RTM_MAX_VIEWS 32

#define RTM_VIEW_ID_UCAST 0
#define RTM_VIEW_ID_MCAST 1
#define RTM_VIEW_MASK_SIZE 0x20u
#define RTM_VIEW_MASK_NONE 0x00000000u
#define RTM_VIEW_MASK_ANY 0x00000000u
#define RTM_VIEW_MASK_UCAST 0x00000001u
#define RTM_VIEW_MASK_MCAST 0x00000002u
#define RTM_VIEW_MASK_ALL 0xFFFFFFFFu

/* Address families as the interface numbers them. AF_INET6 of Linux is another number, and refused. */
#define RTM_AF_INET 2u
#define RTM_AF_INET6 23u

typedef INT RTM_VIEW_ID, *PRTM_VIEW_ID;
typedef DWORD RTM_VIEW_SET, *PRTM_VIEW_SET;

typedef struct _RTM_REGN_PROFILE {
    UINT MaxNextHopsInRoute;
    UINT MaxHandlesInEnum;
    RTM_VIEW_SET ViewsSupported;
    UINT NumberOfViews;
} RTM_REGN_PROFILE, *PRTM_REGN_PROFILE;

typedef HANDLE RTM_ENTITY_HANDLE, *PRTM_ENTITY_HANDLE;
typedef HANDLE RTM_DEST_HANDLE, *PRTM_DEST_HANDLE;
typedef HANDLE RTM_ROUTE_HANDLE, *PRTM_ROUTE_HANDLE;
typedef HANDLE RTM_NEXTHOP_HANDLE, *PRTM_NEXTHOP_HANDLE;
typedef HANDLE RTM_ENUM_HANDLE, *PRTM_ENUM_HANDLE;
typedef HANDLE RTM_ROUTE_LIST_HANDLE, *PRTM_ROUTE_LIST_HANDLE;
typedef HANDLE RTM_NOTIFY_HANDLE, *PRTM_NOTIFY_HANDLE;

/* The address is in network order and left-aligned; bits past NumBits are zero. */
typedef struct _RTM_NET_ADDRESS {
    USHORT AddressFamily;
    USHORT NumBits;
    UCHAR AddrBits[RTM_MAX_ADDRESS_SIZE];
} RTM_NET_ADDRESS, *PRTM_NET_ADDRESS;

typedef struct _RTM_PREF_INFO {
    ULONG Metric;
    ULONG Preference;
} RTM_PREF_INFO, *PRTM_PREF_INFO;

typedef struct _RTM_NEXTHOP_LIST {
    USHORT NumNextHops;
    RTM_NEXTHOP_HANDLE NextHops[1];
} RTM_NEXTHOP_LIST, *PRTM_NEXTHOP_LIST;

typedef struct _RTM_DEST_VIEW_INFO {
    RTM_VIEW_ID ViewId;
    UINT NumRoutes;
    RTM_ROUTE_HANDLE Route;
    RTM_ENTITY_HANDLE Owner;
    DWORD DestFlags;
    RTM_ROUTE_HANDLE HoldRoute;
} RTM_DEST_VIEW_INFO, *PRTM_DEST_VIEW_INFO;

typedef struct _RTM_DEST_INFO {
    RTM_DEST_HANDLE DestHandle;
    RTM_NET_ADDRESS DestAddress;
    FILETIME LastChanged;
    RTM_VIEW_SET BelongsToViews;
    UINT NumberOfViews;
    RTM_DEST_VIEW_INFO ViewInfo[1];
} RTM_DEST_INFO, *PRTM_DEST_INFO;

/* NumViews is a number of views, not a mask of them. */
#define RTM_BASIC_DEST_INFO_SIZE offsetof(RTM_DEST_INFO, ViewInfo)
#define RTM_DEST_VIEW_INFO_SIZE sizeof(RTM_DEST_VIEW_INFO)
#define RTM_SIZE_OF_DEST_INFO(NumViews)                                                                                \
    (RTM_BASIC_DEST_INFO_SIZE + WAYPOST_STATIC_CAST(size_t, (NumViews)) * RTM_DEST_VIEW_INFO_SIZE)

#define RTM_DEST_FLAG_NATURAL_NET 0x01u
#define RTM_DEST_FLAG_FWD_ENGIN_ADD 0x02u
#define RTM_DEST_FLAG_DONT_FORWARD 0x04u

typedef struct _RTM_ROUTE_INFO {
    RTM_DEST_HANDLE DestHandle;
    RTM_ENTITY_HANDLE RouteOwner;
    RTM_NEXTHOP_HANDLE Neighbour;
    UCHAR State;
    UCHAR Flags1;
    USHORT Flags;
    RTM_PREF_INFO PrefInfo;
    RTM_VIEW_SET BelongsToViews;
    PVOID EntitySpecificInfo;
    RTM_NEXTHOP_LIST NextHopsList;
} RTM_ROUTE_INFO, *PRTM_ROUTE_INFO;

#define RTM_BASIC_ROUTE_INFO_SIZE offsetof(RTM_ROUTE_INFO, NextHopsList.NextHops)
#define RTM_SIZE_OF_ROUTE_INFO(NumHops)                                                                                \
    (RTM_BASIC_ROUTE_INFO_SIZE + WAYPOST_STATIC_CAST(size_t, (NumHops)) * sizeof(RTM_NEXTHOP_HANDLE))

#define RTM_ROUTE_STATE_CREATED 0u
#define RTM_ROUTE_STATE_DELETING 1u
#define RTM_ROUTE_STATE_DELETED 2u

#define RTM_ROUTE_FLAGS_MARTIAN 0x0001u
#define RTM_ROUTE_FLAGS_BLACKHOLE 0x0002u
#define RTM_ROUTE_FLAGS_DISCARD 0x0004u
#define RTM_ROUTE_FLAGS_INACTIVE 0x0008u
#define RTM_ROUTE_FLAGS_LOCAL 0x0010u
#define RTM_ROUTE_FLAGS_REMOTE 0x0020u
#define RTM_ROUTE_FLAGS_MYSELF 0x0040u
#define RTM_ROUTE_FLAGS_LOOPBACK 0x0080u
#define RTM_ROUTE_FLAGS_MCAST 0x0100u
#define RTM_ROUTE_FLAGS_LOCAL_MCAST 0x0200u
#define RTM_ROUTE_FLAGS_LIMITED_BC 0x0400u
#define RTM_ROUTE_FLAGS_ZEROS_NETBC 0x1000u
#define RTM_ROUTE_FLAGS_ZEROS_SUBNETBC 0x2000u
#define RTM_ROUTE_FLAGS_ONES_NETBC 0x4000u
#define RTM_ROUTE_FLAGS_ONES_SUBNETBC 0x8000u

#define RTM_ROUTE_FLAGS_FORWARDING                                                                                     \
    (RTM_ROUTE_FLAGS_MARTIAN | RTM_ROUTE_FLAGS_BLACKHOLE | RTM_ROUTE_FLAGS_DISCARD | RTM_ROUTE_FLAGS_INACTIVE)
#define RTM_ROUTE_FLAGS_ANY_UNICAST (RTM_ROUTE_FLAGS_LOCAL | RTM_ROUTE_FLAGS_REMOTE | RTM_ROUTE_FLAGS_MYSELF)
#define RTM_ROUTE_FLAGS_ANY_MCAST (RTM_ROUTE_FLAGS_MCAST | RTM_ROUTE_FLAGS_LOCAL_MCAST)
#define RTM_ROUTE_FLAGS_SUBNET_BCAST (RTM_ROUTE_FLAGS_ONES_SUBNETBC | RTM_ROUTE_FLAGS_ZEROS_SUBNETBC)
#define RTM_ROUTE_FLAGS_NET_BCAST (RTM_ROUTE_FLAGS_ONES_NETBC | RTM_ROUTE_FLAGS_ZEROS_NETBC)
#define RTM_ROUTE_FLAGS_ANY_BCAST                                                                                      \
    (RTM_ROUTE_FLAGS_LIMITED_BC | RTM_ROUTE_FLAGS_NET_BCAST | RTM_ROUTE_FLAGS_SUBNET_BCAST)

typedef struct _RTM_NEXTHOP_INFO {
    RTM_NET_ADDRESS NextHopAddress;
    RTM_ENTITY_HANDLE NextHopOwner;
    ULONG InterfaceIndex;
    USHORT State;
    USHORT Flags;
    PVOID EntitySpecificInfo;
    RTM_DEST_HANDLE RemoteNextHop;
} RTM_NEXTHOP_INFO, *PRTM_NEXTHOP_INFO;

#define RTM_NEXTHOP_STATE_CREATED 0u
#define RTM_NEXTHOP_STATE_DELETED 1u
#define RTM_NEXTHOP_FLAGS_REMOTE 0x0001u
#define RTM_NEXTHOP_FLAGS_DOWN 0x0002u

WAYPOST_EXTENSION typedef struct _RTM_ENTITY_ID {
    WAYPOST_EXTENSION union {
        WAYPOST_EXTENSION struct {
            ULONG EntityProtocolId;
            ULONG EntityInstanceId;
        };
        ULONGLONG EntityId;
    };
} RTM_ENTITY_ID, *PRTM_ENTITY_ID;

typedef struct _RTM_ENTITY_INFO {
    USHORT RtmInstanceId;
    USHORT AddressFamily;
    RTM_ENTITY_ID EntityId;
} RTM_ENTITY_INFO, *PRTM_ENTITY_INFO;

typedef enum _RTM_EVENT_TYPE {
    RTM_ENTITY_REGISTERED,
    RTM_ENTITY_DEREGISTERED,
    RTM_ROUTE_EXPIRED,
    RTM_CHANGE_NOTIFICATION
} RTM_EVENT_TYPE, *PRTM_EVENT_TYPE;

typedef DWORD(WINAPI *_EVENT_CALLBACK)(RTM_ENTITY_HANDLE RtmRegHandle, RTM_EVENT_TYPE EventType, PVOID Context1,
                                       PVOID Context2);
typedef _EVENT_CALLBACK RTM_EVENT_CALLBACK, *PRTM_EVENT_CALLBACK;

#define METHOD_TYPE_ALL_METHODS 0xFFFFFFFFu
#define METHOD_RIP2_NEIGHBOUR_ADDR 0x00000001u
#define METHOD_RIP2_OUTBOUND_INTF 0x00000002u
#define METHOD_RIP2_ROUTE_TAG 0x00000004u
#define METHOD_RIP2_ROUTE_TIMESTAMP 0x00000008u
#define METHOD_OSPF_ROUTE_TYPE 0x00000001u
#define METHOD_OSPF_ROUTE_METRIC 0x00000002u
#define METHOD_OSPF_LSDB_TYPE 0x00000004u
#define METHOD_OSPF_ROUTE_TAG 0x00000008u
#define METHOD_OSPF_ROUTE_AREA 0x00000010u
#define METHOD_OSPF_FWD_ADDRESS 0x00000020u
#define METHOD_BGP4_AS_PATH 0x00000001u
#define METHOD_BGP4_PEER_ID 0x00000002u
#define METHOD_BGP4_PA_ORIGIN 0x00000004u
#define METHOD_BGP4_NEXTHOP_ATTR 0x00000008u

typedef DWORD RTM_ENTITY_METHOD_TYPE, *PRTM_ENTITY_METHOD_TYPE;

typedef struct _RTM_ENTITY_METHOD_INPUT {
    RTM_ENTITY_METHOD_TYPE MethodType;
    UINT InputSize;
    UCHAR InputData[1];
} RTM_ENTITY_METHOD_INPUT, *PRTM_ENTITY_METHOD_INPUT;

typedef struct _RTM_ENTITY_METHOD_OUTPUT {
    RTM_ENTITY_METHOD_TYPE MethodType;
    DWORD MethodStatus;
    UINT OutputSize;
    UCHAR OutputData[1];
} RTM_ENTITY_METHOD_OUTPUT, *PRTM_ENTITY_METHOD_OUTPUT;

typedef VOID(WINAPI *_ENTITY_METHOD)(RTM_ENTITY_HANDLE CallerHandle, RTM_ENTITY_HANDLE CalleeHandle,
                                     RTM_ENTITY_METHOD_INPUT *Input, RTM_ENTITY_METHOD_OUTPUT *Output);
typedef _ENTITY_METHOD RTM_ENTITY_EXPORT_METHOD, *PRTM_ENTITY_EXPORT_METHOD;

typedef struct _RTM_ENTITY_EXPORT_METHODS {
    UINT NumMethods;
    RTM_ENTITY_EXPORT_METHOD Methods[1];
} RTM_ENTITY_EXPORT_METHODS, *PRTM_ENTITY_EXPORT_METHODS;

#define RTM_RESUME_METHODS 0u
#define RTM_BLOCK_METHODS 1u

typedef DWORD RTM_ROUTE_CHANGE_FLAGS, *PRTM_ROUTE_CHANGE_FLAGS;
#define RTM_ROUTE_CHANGE_FIRST 0x01u
#define RTM_ROUTE_CHANGE_NEW 0x02u
#define RTM_ROUTE_CHANGE_BEST 0x00010000u

typedef DWORD RTM_NEXTHOP_CHANGE_FLAGS, *PRTM_NEXTHOP_CHANGE_FLAGS;
#define RTM_NEXTHOP_CHANGE_NEW 0x01u

typedef DWORD RTM_MATCH_FLAGS, *PRTM_MATCH_FLAGS;
#define RTM_MATCH_NONE 0x00000000u
#define RTM_MATCH_OWNER 0x00000001u
#define RTM_MATCH_NEIGHBOUR 0x00000002u
#define RTM_MATCH_PREF 0x00000004u
#define RTM_MATCH_NEXTHOP 0x00000008u
#define RTM_MATCH_INTERFACE 0x00000010u
#define RTM_MATCH_FULL 0x0000FFFFu

#define RTM_BEST_PROTOCOL 0u
#define RTM_THIS_PROTOCOL 0xFFFFFFFFu

typedef DWORD RTM_ENUM_FLAGS, *PRTM_ENUM_FLAGS;
#define RTM_ENUM_START 0x00000000u
#define RTM_ENUM_NEXT 0x00000001u
#define RTM_ENUM_RANGE 0x00000002u
#define RTM_ENUM_ALL_DESTS 0x00000000u
#define RTM_ENUM_OWN_DESTS 0x01000000u
#define RTM_ENUM_ALL_ROUTES 0x00000000u
#define RTM_ENUM_OWN_ROUTES 0x00010000u

typedef DWORD RTM_NOTIFY_FLAGS, *PRTM_NOTIFY_FLAGS;
#define RTM_NUM_CHANGE_TYPES 3u
#define RTM_CHANGE_TYPE_ALL 0x0001u
#define RTM_CHANGE_TYPE_BEST 0x0002u
#define RTM_CHANGE_TYPE_FORWARDING 0x0004u
#define RTM_NOTIFY_ONLY_MARKED_DESTS 0x00010000u

/* ---- IPv4 addresses: addresses and masks are in network order ------------------------------------------------------ */

/* The mask of a length; lengths over 32 are taken for 32. */
static inline ULONG RtmIpv4MaskFromLen(ULONG Len) {
    UCHAR Octets[4];
    ULONG Mask = 0;
    for (ULONG i = 0; i < 4; i++) {
        ULONG Bits = Len >= 8 * (i + 1) ? 8 : Len > 8 * i ? Len - 8 * i : 0;
        Octets[i] = WAYPOST_STATIC_CAST(UCHAR, (0xFF00u >> Bits) & 0xFFu);
    }
    memcpy(&Mask, Octets, sizeof(Mask));
    return Mask;
}

/* The number of leading one bits of a mask. */
static inline USHORT RtmIpv4LenFromMask(ULONG Mask) {
    UCHAR Octets[4];
    USHORT Len = 0;
    memcpy(Octets, &Mask, sizeof(Mask));
    while (Len < 32 && (Octets[Len / 8] & (0x80u >> (Len % 8))) != 0) {
        Len = WAYPOST_STATIC_CAST(USHORT, Len + 1);
    }
    return Len;
}

static inline void RtmIpv4SetAddrAndLen(PRTM_NET_ADDRESS NetAddress, ULONG Addr, ULONG Len) {
    memset(NetAddress, 0, sizeof(*NetAddress));
    NetAddress->AddressFamily = RTM_AF_INET;
    NetAddress->NumBits = WAYPOST_STATIC_CAST(USHORT, Len);
    memcpy(NetAddress->AddrBits, &Addr, sizeof(Addr));
}

static inline ULONG RtmIpv4GetAddr(const RTM_NET_ADDRESS *NetAddress) {
    ULONG Addr = 0;
    memcpy(&Addr, NetAddress->AddrBits, sizeof(Addr));
    return Addr;
}

#define RTM_IPV4_LEN_FROM_MASK(Len, Mask) ((Len) = RtmIpv4LenFromMask(Mask))
#define RTM_IPV4_MASK_FROM_LEN(Len) RtmIpv4MaskFromLen(Len)
#define RTM_IPV4_MAKE_NET_ADDRESS(NetAddress, Addr, Len) RtmIpv4SetAddrAndLen(NetAddress, Addr, Len)
#define RTM_IPV4_SET_ADDR_AND_LEN(NetAddress, Addr, Len) RtmIpv4SetAddrAndLen(NetAddress, Addr, Len)
#define RTM_IPV4_SET_ADDR_AND_MASK(NetAddress, Addr, Mask)                                                             \
    RtmIpv4SetAddrAndLen(NetAddress, Addr, RtmIpv4LenFromMask(Mask))
#define RTM_IPV4_GET_ADDR_AND_LEN(Addr, Len, NetAddress)                                                               \
    WAYPOST_STATIC_CAST(void, ((Len) = (NetAddress)->NumBits, (Addr) = RtmIpv4GetAddr(NetAddress)))
#define RTM_IPV4_GET_ADDR_AND_MASK(Addr, Mask, NetAddress)                                                             \
    WAYPOST_STATIC_CAST(void,                                                                                          \
                        ((Addr) = RtmIpv4GetAddr(NetAddress), (Mask) = RtmIpv4MaskFromLen((NetAddress)->NumBits)))

/* ---- Functions --------------------------------------------------------------------------------------------------- */

WAYPOST_EXPORT DWORD WINAPI RtmRegisterEntity(
    PRTM_ENTITY_INFO RtmEntityInfo, PRTM_ENTITY_EXPORT_METHODS ExportMethods, RTM_EVENT_CALLBACK EventCallback,
    WINBOOL ReserveOpaquePointer, PRTM_REGN_PROFILE RtmRegProfile, PRTM_ENTITY_HANDLE RtmRegHandle);
WAYPOST_EXPORT DWORD WINAPI RtmDeregisterEntity(RTM_ENTITY_HANDLE RtmRegHandle);
WAYPOST_EXPORT DWORD WINAPI RtmGetRegisteredEntities(
    RTM_ENTITY_HANDLE RtmRegHandle, PUINT NumEntities, PRTM_ENTITY_HANDLE EntityHandles, PRTM_ENTITY_INFO
    EntityInfos);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseEntities(
    RTM_ENTITY_HANDLE RtmRegHandle, UINT NumEntities, PRTM_ENTITY_HANDLE EntityHandles);
WAYPOST_EXPORT DWORD WINAPI RtmLockDestination(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, WINBOOL Exclusive, WINBOOL LockDest);
WAYPOST_EXPORT DWORD WINAPI RtmGetOpaqueInformationPointer(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, PVOID *OpaqueInfoPointer);
WAYPOST_EXPORT DWORD WINAPI RtmGetEntityMethods(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENTITY_HANDLE EntityHandle, PUINT NumMethods, PRTM_ENTITY_EXPORT_METHOD
    ExptMethods);
WAYPOST_EXPORT DWORD WINAPI RtmInvokeMethod(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENTITY_HANDLE EntityHandle, PRTM_ENTITY_METHOD_INPUT Input, PUINT
    OutputSize, PRTM_ENTITY_METHOD_OUTPUT Output);
WAYPOST_EXPORT DWORD WINAPI RtmBlockMethods(
    RTM_ENTITY_HANDLE RtmRegHandle, HANDLE TargetHandle, UCHAR TargetType, DWORD BlockingFlag);
WAYPOST_EXPORT DWORD WINAPI RtmGetEntityInfo(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENTITY_HANDLE EntityHandle, PRTM_ENTITY_INFO EntityInfo);
WAYPOST_EXPORT DWORD WINAPI RtmGetDestInfo(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
    PRTM_DEST_INFO DestInfo);
WAYPOST_EXPORT DWORD WINAPI RtmGetRouteInfo(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_ROUTE_INFO RouteInfo, PRTM_NET_ADDRESS
    DestAddress);
WAYPOST_EXPORT DWORD WINAPI RtmGetNextHopInfo(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, PRTM_NEXTHOP_INFO NextHopInfo);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseEntityInfo(RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ENTITY_INFO EntityInfo);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseDestInfo(RTM_ENTITY_HANDLE RtmRegHandle, PRTM_DEST_INFO DestInfo);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseRouteInfo(RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ROUTE_INFO RouteInfo);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseNextHopInfo(RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NEXTHOP_INFO NextHopInfo);
WAYPOST_EXPORT DWORD WINAPI RtmAddRouteToDest(
    RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ROUTE_HANDLE RouteHandle, PRTM_NET_ADDRESS DestAddress, PRTM_ROUTE_INFO
    RouteInfo, ULONG TimeToLive, RTM_ROUTE_LIST_HANDLE RouteListHandle, RTM_NOTIFY_FLAGS NotifyType,
    RTM_NOTIFY_HANDLE NotifyHandle, PRTM_ROUTE_CHANGE_FLAGS ChangeFlags);
WAYPOST_EXPORT DWORD WINAPI RtmDeleteRouteToDest(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_ROUTE_CHANGE_FLAGS ChangeFlags);
WAYPOST_EXPORT DWORD WINAPI RtmHoldDestination(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, RTM_VIEW_SET TargetViews, ULONG HoldTime);
WAYPOST_EXPORT DWORD WINAPI RtmGetRoutePointer(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_ROUTE_INFO *RoutePointer);
WAYPOST_EXPORT DWORD WINAPI RtmLockRoute(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, WINBOOL Exclusive, WINBOOL LockRoute,
    PRTM_ROUTE_INFO *RoutePointer);
WAYPOST_EXPORT DWORD WINAPI RtmUpdateAndUnlockRoute(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, ULONG TimeToLive, RTM_ROUTE_LIST_HANDLE
    RouteListHandle, RTM_NOTIFY_FLAGS NotifyType, RTM_NOTIFY_HANDLE NotifyHandle, PRTM_ROUTE_CHANGE_FLAGS
    ChangeFlags);
WAYPOST_EXPORT DWORD WINAPI RtmGetExactMatchDestination(
    RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NET_ADDRESS DestAddress, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
    PRTM_DEST_INFO DestInfo);
WAYPOST_EXPORT DWORD WINAPI RtmGetMostSpecificDestination(
    RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NET_ADDRESS DestAddress, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
    PRTM_DEST_INFO DestInfo);
WAYPOST_EXPORT DWORD WINAPI RtmGetLessSpecificDestination(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
    PRTM_DEST_INFO DestInfo);
WAYPOST_EXPORT DWORD WINAPI RtmGetExactMatchRoute(
    RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NET_ADDRESS DestAddress, RTM_MATCH_FLAGS MatchingFlags, PRTM_ROUTE_INFO
    RouteInfo, ULONG InterfaceIndex, RTM_VIEW_SET TargetViews, PRTM_ROUTE_HANDLE RouteHandle);
WAYPOST_EXPORT DWORD WINAPI RtmIsBestRoute(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_VIEW_SET BestInViews);
WAYPOST_EXPORT DWORD WINAPI RtmAddNextHop(
    RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NEXTHOP_INFO NextHopInfo, PRTM_NEXTHOP_HANDLE NextHopHandle,
    PRTM_NEXTHOP_CHANGE_FLAGS ChangeFlags);
WAYPOST_EXPORT DWORD WINAPI RtmFindNextHop(
    RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NEXTHOP_INFO NextHopInfo, PRTM_NEXTHOP_HANDLE NextHopHandle,
    PRTM_NEXTHOP_INFO *NextHopPointer);
WAYPOST_EXPORT DWORD WINAPI RtmDeleteNextHop(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, PRTM_NEXTHOP_INFO NextHopInfo);
WAYPOST_EXPORT DWORD WINAPI RtmGetNextHopPointer(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, PRTM_NEXTHOP_INFO *NextHopPointer);
WAYPOST_EXPORT DWORD WINAPI RtmLockNextHop(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, WINBOOL Exclusive, WINBOOL LockNextHop,
    PRTM_NEXTHOP_INFO *NextHopPointer);
WAYPOST_EXPORT DWORD WINAPI RtmCreateDestEnum(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_VIEW_SET TargetViews, RTM_ENUM_FLAGS EnumFlags, PRTM_NET_ADDRESS NetAddress,
    ULONG ProtocolId, PRTM_ENUM_HANDLE RtmEnumHandle);
WAYPOST_EXPORT DWORD WINAPI RtmGetEnumDests(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumDests, PRTM_DEST_INFO DestInfos);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseDests(RTM_ENTITY_HANDLE RtmRegHandle, UINT NumDests, PRTM_DEST_INFO DestInfos);
WAYPOST_EXPORT DWORD WINAPI RtmCreateRouteEnum(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, RTM_VIEW_SET TargetViews, RTM_ENUM_FLAGS EnumFlags,
    PRTM_NET_ADDRESS StartDest, RTM_MATCH_FLAGS MatchingFlags, PRTM_ROUTE_INFO CriteriaRoute, ULONG
    CriteriaInterface, PRTM_ENUM_HANDLE RtmEnumHandle);
WAYPOST_EXPORT DWORD WINAPI RtmGetEnumRoutes(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumRoutes, PRTM_ROUTE_HANDLE RouteHandles);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseRoutes(
    RTM_ENTITY_HANDLE RtmRegHandle, UINT NumRoutes, PRTM_ROUTE_HANDLE RouteHandles);
WAYPOST_EXPORT DWORD WINAPI RtmCreateNextHopEnum(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_FLAGS EnumFlags, PRTM_NET_ADDRESS NetAddress, PRTM_ENUM_HANDLE
    RtmEnumHandle);
WAYPOST_EXPORT DWORD WINAPI RtmGetEnumNextHops(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumNextHops, PRTM_NEXTHOP_HANDLE
    NextHopHandles);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseNextHops(
    RTM_ENTITY_HANDLE RtmRegHandle, UINT NumNextHops, PRTM_NEXTHOP_HANDLE NextHopHandles);
WAYPOST_EXPORT DWORD WINAPI RtmDeleteEnumHandle(RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle);
WAYPOST_EXPORT DWORD WINAPI RtmRegisterForChangeNotification(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_VIEW_SET TargetViews, RTM_NOTIFY_FLAGS NotifyFlags, PVOID NotifyContext,
    PRTM_NOTIFY_HANDLE NotifyHandle);
WAYPOST_EXPORT DWORD WINAPI RtmGetChangedDests(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, PUINT NumDests, PRTM_DEST_INFO ChangedDests);
WAYPOST_EXPORT DWORD WINAPI RtmReleaseChangedDests(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, UINT NumDests, PRTM_DEST_INFO ChangedDests);
WAYPOST_EXPORT DWORD WINAPI RtmIgnoreChangedDests(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, UINT NumDests, PRTM_DEST_HANDLE ChangedDests);
WAYPOST_EXPORT DWORD WINAPI RtmGetChangeStatus(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, RTM_DEST_HANDLE DestHandle, PBOOL ChangeStatus);
WAYPOST_EXPORT DWORD WINAPI RtmMarkDestForChangeNotification(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, RTM_DEST_HANDLE DestHandle, WINBOOL MarkDest);
WAYPOST_EXPORT DWORD WINAPI RtmIsMarkedForChangeNotification(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, RTM_DEST_HANDLE DestHandle, PBOOL DestMarked);
WAYPOST_EXPORT DWORD WINAPI RtmDeregisterFromChangeNotification(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle);
WAYPOST_EXPORT DWORD WINAPI RtmCreateRouteList(RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ROUTE_LIST_HANDLE RouteListHandle);
WAYPOST_EXPORT DWORD WINAPI RtmInsertInRouteList(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_LIST_HANDLE RouteListHandle, UINT NumRoutes, PRTM_ROUTE_HANDLE
    RouteHandles);
WAYPOST_EXPORT DWORD WINAPI RtmCreateRouteListEnum(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_LIST_HANDLE RouteListHandle, PRTM_ENUM_HANDLE RtmEnumHandle);
WAYPOST_EXPORT DWORD WINAPI RtmGetListEnumRoutes(
    RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumRoutes, PRTM_ROUTE_HANDLE RouteHandles);
WAYPOST_EXPORT DWORD WINAPI RtmDeleteRouteList(RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_LIST_HANDLE RouteListHandle);
WAYPOST_EXPORT DWORD WINAPI RtmReferenceHandles(RTM_ENTITY_HANDLE RtmRegHandle, UINT NumHandles, HANDLE *RtmHandles);

WAYPOST_END

#endif
