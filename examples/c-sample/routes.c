/*
 * What was heard, as routes: RTMv2.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "beacon.h"

#include <string.h>

static RTM_ENTITY_HANDLE Entity;

/* Expired routes are the routing table's to delete: that is what this code says, and all there is to ageing. */
static DWORD WINAPI Heard(RTM_ENTITY_HANDLE Handle, RTM_EVENT_TYPE Event, PVOID Context1, PVOID Context2)
{
    (void)Handle, (void)Context1, (void)Context2;
    if (Event == RTM_ROUTE_EXPIRED)
        TracePrintfA(State.Trace, "a route has not been heard of again");
    return ERROR_NOT_SUPPORTED;
}

DWORD OpenTable(void)
{
    RTM_ENTITY_INFO Info = {0};
    RTM_REGN_PROFILE Profile;
    Info.AddressFamily = AF_INET;
    Info.EntityId.EntityProtocolId = BEACON;
    return RtmRegisterEntity(&Info, NULL, Heard, FALSE, &Profile, &Entity);
}

/* What is left of routes and next hops goes with the entity. */
void CloseTable(void)
{
    RtmDeregisterEntity(Entity);
    Entity = NULL;
}

static void Fill(PRTM_ROUTE_INFO Info, const INTERFACE *Interface, PRTM_NET_ADDRESS Destination)
{
    Info->PrefInfo.Metric = Interface->Block.Metric;
    Info->PrefInfo.Preference = State.Global.Preference;
    if (Info->PrefInfo.Preference == 0)
        State.Support->ValidateRoute(BEACON, Info, Destination);
}

DWORD SetRoute(const INTERFACE *Interface, ULONG Sender, const BEACON_PREFIX *Prefix, ULONG Seconds)
{
    /* The next hop is a thing of its own, which routes share: adding one that is there finds it. */
    RTM_NEXTHOP_INFO Hop = {0};
    RTM_NEXTHOP_HANDLE HopHandle = NULL;
    RTM_NEXTHOP_CHANGE_FLAGS HopChange;
    RTM_IPV4_MAKE_NET_ADDRESS(&Hop.NextHopAddress, Sender, 32);
    Hop.InterfaceIndex = Interface->Index;
    DWORD Status = RtmAddNextHop(Entity, &Hop, &HopHandle, &HopChange);
    if (Status != NO_ERROR)
        return Status;

    RTM_NET_ADDRESS Destination;
    RTM_IPV4_SET_ADDR_AND_MASK(&Destination, Prefix->Address, Prefix->Mask);
    RTM_ROUTE_INFO Info = {0};
    Info.Neighbour = HopHandle;
    Info.Flags = RTM_ROUTE_FLAGS_REMOTE;
    Info.BelongsToViews = RTM_VIEW_MASK_UCAST;
    Info.NextHopsList.NumNextHops = 1;
    Info.NextHopsList.NextHops[0] = HopHandle;
    if (Seconds != 0) {
        RTM_ROUTE_CHANGE_FLAGS Change = 0;
        Fill(&Info, Interface, &Destination);
        Status = RtmAddRouteToDest(Entity, NULL, &Destination, &Info, Seconds * 1000, NULL, 0, NULL, &Change);
    } else {
        RTM_ROUTE_HANDLE Route = NULL;
        RTM_ROUTE_CHANGE_FLAGS Change = 0;
        /* The owner of the route is who asks. */
        Info.RouteOwner = Entity;
        Status = RtmGetExactMatchRoute(Entity, &Destination, RTM_MATCH_OWNER | RTM_MATCH_NEIGHBOUR, &Info, 0,
                                       RTM_VIEW_MASK_UCAST, &Route);
        if (Status == NO_ERROR) {
            RtmReleaseRouteInfo(Entity, &Info);
            Status = RtmDeleteRouteToDest(Entity, Route, &Change);
        }
    }
    RtmReleaseNextHops(Entity, 1, &HopHandle);
    return Status;
}

static void Update(RTM_ROUTE_HANDLE Route, const INTERFACE *Interface, WINBOOL Remove)
{
    RTM_ROUTE_CHANGE_FLAGS Change = 0;
    /* This consumes the handle. */
    if (Remove && RtmDeleteRouteToDest(Entity, Route, &Change) == NO_ERROR)
        return;
    PRTM_ROUTE_INFO Info;
    if (!Remove && RtmLockRoute(Entity, Route, TRUE, TRUE, &Info) == NO_ERROR) {
        Info->PrefInfo.Metric = Interface->Block.Metric;
        if (RtmUpdateAndUnlockRoute(Entity, Route, Interface->Block.Hold * 1000, NULL, 0, NULL, &Change) != NO_ERROR)
            RtmLockRoute(Entity, Route, TRUE, FALSE, NULL);
    }
    RtmReleaseRoutes(Entity, 1, &Route);
}

void UpdateRoutes(const INTERFACE *Interface, WINBOOL Remove)
{
    RTM_ENUM_HANDLE Enum;
    RTM_ROUTE_HANDLE Routes[64];
    DWORD Status = RtmCreateRouteEnum(Entity, NULL, RTM_VIEW_MASK_UCAST, RTM_ENUM_START | RTM_ENUM_OWN_ROUTES, NULL,
                                      RTM_MATCH_INTERFACE, NULL, Interface->Index, &Enum);
    if (Status != NO_ERROR)
        return;
    do {
        UINT Count = 64;
        Status = RtmGetEnumRoutes(Entity, Enum, &Count, Routes);
        for (UINT Place = 0; Place < Count; Place++)
            Update(Routes[Place], Interface, Remove);
    } while (Status == NO_ERROR);
    RtmDeleteEnumHandle(Entity, Enum);
}
