/*
 * The routing table (rtmv2.h): handed on to the functions that the host has installed (include/waypost/waypost.h).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

static _Atomic(const WAYPOST_RTM *) installed;

void WaypostSetRtm(const WAYPOST_RTM *pRtm) {
    atomic_store_explicit(&installed, pRtm, memory_order_release);
}

/* The host's functions, if the one that is asked for ends within so many octets of them: an older host has fewer. */
static const WAYPOST_RTM *host(size_t end) {
    const WAYPOST_RTM *rtm = atomic_load_explicit(&installed, memory_order_acquire);
    return rtm != NULL && rtm->Size >= end ? rtm : NULL;
}

#define END_OF(Name) (offsetof(WAYPOST_RTM, Name) + sizeof(void *))

/* Defines a function that hands its arguments on. */
#define HAND_ON(Name, Parameters, Arguments)                                                                           \
    DWORD Rtm##Name Parameters {                                                                                       \
        const WAYPOST_RTM *rtm = host(END_OF(Name));                                                                   \
        return rtm != NULL ? rtm->Name Arguments : ERROR_NOT_SUPPORTED;                                                \
    }

DWORD RtmRegisterEntity(PRTM_ENTITY_INFO RtmEntityInfo, PRTM_ENTITY_EXPORT_METHODS ExportMethods,
                        RTM_EVENT_CALLBACK EventCallback, WINBOOL ReserveOpaquePointer,
                        PRTM_REGN_PROFILE RtmRegProfile, PRTM_ENTITY_HANDLE RtmRegHandle) {
    const WAYPOST_RTM *rtm = host(END_OF(RegisterEntity));
    DWORD module = waypost_thread()->module->number;
    return rtm == NULL ? ERROR_NOT_SUPPORTED
                       : rtm->RegisterEntity(module, RtmEntityInfo, ExportMethods, EventCallback,
                                             ReserveOpaquePointer, RtmRegProfile, RtmRegHandle);
}

HAND_ON(DeregisterEntity,
        (RTM_ENTITY_HANDLE RtmRegHandle),
        (RtmRegHandle))
HAND_ON(GetRegisteredEntities,
        (RTM_ENTITY_HANDLE RtmRegHandle, PUINT NumEntities, PRTM_ENTITY_HANDLE EntityHandles,
         PRTM_ENTITY_INFO EntityInfos),
        (RtmRegHandle, NumEntities, EntityHandles, EntityInfos))
HAND_ON(ReleaseEntities,
        (RTM_ENTITY_HANDLE RtmRegHandle, UINT NumEntities, PRTM_ENTITY_HANDLE EntityHandles),
        (RtmRegHandle, NumEntities, EntityHandles))
HAND_ON(LockDestination,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, WINBOOL Exclusive, WINBOOL LockDest),
        (RtmRegHandle, DestHandle, Exclusive, LockDest))
HAND_ON(GetOpaqueInformationPointer,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, PVOID *OpaqueInfoPointer),
        (RtmRegHandle, DestHandle, OpaqueInfoPointer))
HAND_ON(GetEntityMethods,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENTITY_HANDLE EntityHandle, PUINT NumMethods,
         PRTM_ENTITY_EXPORT_METHOD ExptMethods),
        (RtmRegHandle, EntityHandle, NumMethods, ExptMethods))
HAND_ON(InvokeMethod,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENTITY_HANDLE EntityHandle, PRTM_ENTITY_METHOD_INPUT Input,
         PUINT OutputSize, PRTM_ENTITY_METHOD_OUTPUT Output),
        (RtmRegHandle, EntityHandle, Input, OutputSize, Output))
HAND_ON(BlockMethods,
        (RTM_ENTITY_HANDLE RtmRegHandle, HANDLE TargetHandle, UCHAR TargetType, DWORD BlockingFlag),
        (RtmRegHandle, TargetHandle, TargetType, BlockingFlag))
HAND_ON(GetEntityInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENTITY_HANDLE EntityHandle, PRTM_ENTITY_INFO EntityInfo),
        (RtmRegHandle, EntityHandle, EntityInfo))
HAND_ON(GetDestInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
         PRTM_DEST_INFO DestInfo),
        (RtmRegHandle, DestHandle, ProtocolId, TargetViews, DestInfo))
HAND_ON(GetRouteInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_ROUTE_INFO RouteInfo,
         PRTM_NET_ADDRESS DestAddress),
        (RtmRegHandle, RouteHandle, RouteInfo, DestAddress))
HAND_ON(GetNextHopInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, PRTM_NEXTHOP_INFO NextHopInfo),
        (RtmRegHandle, NextHopHandle, NextHopInfo))
HAND_ON(ReleaseEntityInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ENTITY_INFO EntityInfo),
        (RtmRegHandle, EntityInfo))
HAND_ON(ReleaseDestInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_DEST_INFO DestInfo),
        (RtmRegHandle, DestInfo))
HAND_ON(ReleaseRouteInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ROUTE_INFO RouteInfo),
        (RtmRegHandle, RouteInfo))
HAND_ON(ReleaseNextHopInfo,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NEXTHOP_INFO NextHopInfo),
        (RtmRegHandle, NextHopInfo))
HAND_ON(AddRouteToDest,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ROUTE_HANDLE RouteHandle, PRTM_NET_ADDRESS DestAddress,
         PRTM_ROUTE_INFO RouteInfo, ULONG TimeToLive, RTM_ROUTE_LIST_HANDLE RouteListHandle,
         RTM_NOTIFY_FLAGS NotifyType, RTM_NOTIFY_HANDLE NotifyHandle, PRTM_ROUTE_CHANGE_FLAGS ChangeFlags),
        (RtmRegHandle, RouteHandle, DestAddress, RouteInfo, TimeToLive, RouteListHandle, NotifyType, NotifyHandle,
         ChangeFlags))
HAND_ON(DeleteRouteToDest,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_ROUTE_CHANGE_FLAGS ChangeFlags),
        (RtmRegHandle, RouteHandle, ChangeFlags))
HAND_ON(HoldDestination,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, RTM_VIEW_SET TargetViews, ULONG HoldTime),
        (RtmRegHandle, DestHandle, TargetViews, HoldTime))
HAND_ON(GetRoutePointer,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_ROUTE_INFO *RoutePointer),
        (RtmRegHandle, RouteHandle, RoutePointer))
HAND_ON(LockRoute,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, WINBOOL Exclusive, WINBOOL LockRoute,
         PRTM_ROUTE_INFO *RoutePointer),
        (RtmRegHandle, RouteHandle, Exclusive, LockRoute, RoutePointer))
HAND_ON(UpdateAndUnlockRoute,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, ULONG TimeToLive,
         RTM_ROUTE_LIST_HANDLE RouteListHandle, RTM_NOTIFY_FLAGS NotifyType, RTM_NOTIFY_HANDLE NotifyHandle,
         PRTM_ROUTE_CHANGE_FLAGS ChangeFlags),
        (RtmRegHandle, RouteHandle, TimeToLive, RouteListHandle, NotifyType, NotifyHandle, ChangeFlags))
HAND_ON(GetExactMatchDestination,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NET_ADDRESS DestAddress, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
         PRTM_DEST_INFO DestInfo),
        (RtmRegHandle, DestAddress, ProtocolId, TargetViews, DestInfo))
HAND_ON(GetMostSpecificDestination,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NET_ADDRESS DestAddress, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
         PRTM_DEST_INFO DestInfo),
        (RtmRegHandle, DestAddress, ProtocolId, TargetViews, DestInfo))
HAND_ON(GetLessSpecificDestination,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, ULONG ProtocolId, RTM_VIEW_SET TargetViews,
         PRTM_DEST_INFO DestInfo),
        (RtmRegHandle, DestHandle, ProtocolId, TargetViews, DestInfo))
HAND_ON(GetExactMatchRoute,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NET_ADDRESS DestAddress, RTM_MATCH_FLAGS MatchingFlags,
         PRTM_ROUTE_INFO RouteInfo, ULONG InterfaceIndex, RTM_VIEW_SET TargetViews, PRTM_ROUTE_HANDLE RouteHandle),
        (RtmRegHandle, DestAddress, MatchingFlags, RouteInfo, InterfaceIndex, TargetViews, RouteHandle))
HAND_ON(IsBestRoute,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_HANDLE RouteHandle, PRTM_VIEW_SET BestInViews),
        (RtmRegHandle, RouteHandle, BestInViews))
HAND_ON(AddNextHop,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NEXTHOP_INFO NextHopInfo, PRTM_NEXTHOP_HANDLE NextHopHandle,
         PRTM_NEXTHOP_CHANGE_FLAGS ChangeFlags),
        (RtmRegHandle, NextHopInfo, NextHopHandle, ChangeFlags))
HAND_ON(FindNextHop,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_NEXTHOP_INFO NextHopInfo, PRTM_NEXTHOP_HANDLE NextHopHandle,
         PRTM_NEXTHOP_INFO *NextHopPointer),
        (RtmRegHandle, NextHopInfo, NextHopHandle, NextHopPointer))
HAND_ON(DeleteNextHop,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, PRTM_NEXTHOP_INFO NextHopInfo),
        (RtmRegHandle, NextHopHandle, NextHopInfo))
HAND_ON(GetNextHopPointer,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, PRTM_NEXTHOP_INFO *NextHopPointer),
        (RtmRegHandle, NextHopHandle, NextHopPointer))
HAND_ON(LockNextHop,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NEXTHOP_HANDLE NextHopHandle, WINBOOL Exclusive, WINBOOL LockNextHop,
         PRTM_NEXTHOP_INFO *NextHopPointer),
        (RtmRegHandle, NextHopHandle, Exclusive, LockNextHop, NextHopPointer))
HAND_ON(CreateDestEnum,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_VIEW_SET TargetViews, RTM_ENUM_FLAGS EnumFlags,
         PRTM_NET_ADDRESS NetAddress, ULONG ProtocolId, PRTM_ENUM_HANDLE RtmEnumHandle),
        (RtmRegHandle, TargetViews, EnumFlags, NetAddress, ProtocolId, RtmEnumHandle))
HAND_ON(GetEnumDests,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumDests, PRTM_DEST_INFO DestInfos),
        (RtmRegHandle, EnumHandle, NumDests, DestInfos))
HAND_ON(ReleaseDests,
        (RTM_ENTITY_HANDLE RtmRegHandle, UINT NumDests, PRTM_DEST_INFO DestInfos),
        (RtmRegHandle, NumDests, DestInfos))
HAND_ON(CreateRouteEnum,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_DEST_HANDLE DestHandle, RTM_VIEW_SET TargetViews,
         RTM_ENUM_FLAGS EnumFlags, PRTM_NET_ADDRESS StartDest, RTM_MATCH_FLAGS MatchingFlags,
         PRTM_ROUTE_INFO CriteriaRoute, ULONG CriteriaInterface, PRTM_ENUM_HANDLE RtmEnumHandle),
        (RtmRegHandle, DestHandle, TargetViews, EnumFlags, StartDest, MatchingFlags, CriteriaRoute, CriteriaInterface,
         RtmEnumHandle))
HAND_ON(GetEnumRoutes,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumRoutes, PRTM_ROUTE_HANDLE RouteHandles),
        (RtmRegHandle, EnumHandle, NumRoutes, RouteHandles))
HAND_ON(ReleaseRoutes,
        (RTM_ENTITY_HANDLE RtmRegHandle, UINT NumRoutes, PRTM_ROUTE_HANDLE RouteHandles),
        (RtmRegHandle, NumRoutes, RouteHandles))
HAND_ON(CreateNextHopEnum,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_FLAGS EnumFlags, PRTM_NET_ADDRESS NetAddress,
         PRTM_ENUM_HANDLE RtmEnumHandle),
        (RtmRegHandle, EnumFlags, NetAddress, RtmEnumHandle))
HAND_ON(GetEnumNextHops,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumNextHops,
         PRTM_NEXTHOP_HANDLE NextHopHandles),
        (RtmRegHandle, EnumHandle, NumNextHops, NextHopHandles))
HAND_ON(ReleaseNextHops,
        (RTM_ENTITY_HANDLE RtmRegHandle, UINT NumNextHops, PRTM_NEXTHOP_HANDLE NextHopHandles),
        (RtmRegHandle, NumNextHops, NextHopHandles))
HAND_ON(DeleteEnumHandle,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle),
        (RtmRegHandle, EnumHandle))
HAND_ON(RegisterForChangeNotification,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_VIEW_SET TargetViews, RTM_NOTIFY_FLAGS NotifyFlags, PVOID NotifyContext,
         PRTM_NOTIFY_HANDLE NotifyHandle),
        (RtmRegHandle, TargetViews, NotifyFlags, NotifyContext, NotifyHandle))
HAND_ON(GetChangedDests,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, PUINT NumDests, PRTM_DEST_INFO ChangedDests),
        (RtmRegHandle, NotifyHandle, NumDests, ChangedDests))
HAND_ON(ReleaseChangedDests,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, UINT NumDests, PRTM_DEST_INFO ChangedDests),
        (RtmRegHandle, NotifyHandle, NumDests, ChangedDests))
HAND_ON(IgnoreChangedDests,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, UINT NumDests,
         PRTM_DEST_HANDLE ChangedDests),
        (RtmRegHandle, NotifyHandle, NumDests, ChangedDests))
HAND_ON(GetChangeStatus,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, RTM_DEST_HANDLE DestHandle,
         PBOOL ChangeStatus),
        (RtmRegHandle, NotifyHandle, DestHandle, ChangeStatus))
HAND_ON(MarkDestForChangeNotification,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, RTM_DEST_HANDLE DestHandle,
         WINBOOL MarkDest),
        (RtmRegHandle, NotifyHandle, DestHandle, MarkDest))
HAND_ON(IsMarkedForChangeNotification,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle, RTM_DEST_HANDLE DestHandle,
         PBOOL DestMarked),
        (RtmRegHandle, NotifyHandle, DestHandle, DestMarked))
HAND_ON(DeregisterFromChangeNotification,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_NOTIFY_HANDLE NotifyHandle),
        (RtmRegHandle, NotifyHandle))
HAND_ON(CreateRouteList,
        (RTM_ENTITY_HANDLE RtmRegHandle, PRTM_ROUTE_LIST_HANDLE RouteListHandle),
        (RtmRegHandle, RouteListHandle))
HAND_ON(InsertInRouteList,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_LIST_HANDLE RouteListHandle, UINT NumRoutes,
         PRTM_ROUTE_HANDLE RouteHandles),
        (RtmRegHandle, RouteListHandle, NumRoutes, RouteHandles))
HAND_ON(CreateRouteListEnum,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_LIST_HANDLE RouteListHandle, PRTM_ENUM_HANDLE RtmEnumHandle),
        (RtmRegHandle, RouteListHandle, RtmEnumHandle))
HAND_ON(GetListEnumRoutes,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ENUM_HANDLE EnumHandle, PUINT NumRoutes, PRTM_ROUTE_HANDLE RouteHandles),
        (RtmRegHandle, EnumHandle, NumRoutes, RouteHandles))
HAND_ON(DeleteRouteList,
        (RTM_ENTITY_HANDLE RtmRegHandle, RTM_ROUTE_LIST_HANDLE RouteListHandle),
        (RtmRegHandle, RouteListHandle))
HAND_ON(ReferenceHandles,
        (RTM_ENTITY_HANDLE RtmRegHandle, UINT NumHandles, HANDLE *RtmHandles),
        (RtmRegHandle, NumHandles, RtmHandles))
