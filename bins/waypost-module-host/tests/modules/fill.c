/*
 * A module that adds many routes, all through one next hop, when its interface is given the metric 5, and deletes them when it
 * is given another one.
 */
#define RegisterProtocol CorrectRegisterProtocol
#include "correct.c"
#undef RegisterProtocol

#include <waypost/rtmv2.h>

#ifndef ROUTES
#define ROUTES 200000u
#endif

static RTM_ENTITY_HANDLE Entity;
static RTM_NEXTHOP_HANDLE Via;
static RTM_ROUTE_HANDLE Handles[ROUTES];

static DWORD Begin(VOID)
{
    RTM_ENTITY_INFO Info = {.RtmInstanceId = 0, .AddressFamily = RTM_AF_INET};
    RTM_REGN_PROFILE Profile;
    RTM_NEXTHOP_CHANGE_FLAGS Flags = 0;
    RTM_NEXTHOP_INFO Hop;
    Info.EntityId.EntityProtocolId = SAMPLE;
    DWORD Status = RtmRegisterEntity(&Info, NULL, NULL, FALSE, &Profile, &Entity);
    if (Status != NO_ERROR)
        return Status;
    memset(&Hop, 0, sizeof(Hop));
    Hop.InterfaceIndex = 1;
    Hop.NextHopAddress.AddressFamily = RTM_AF_INET;
    Hop.NextHopAddress.NumBits = 32;
    memcpy(Hop.NextHopAddress.AddrBits, "\300\0\2\1", 4);
    return RtmAddNextHop(Entity, &Hop, &Via, &Flags);
}

static DWORD AddAll(VOID)
{
    RTM_NET_ADDRESS Address = {.AddressFamily = RTM_AF_INET, .NumBits = 24};
    RTM_ROUTE_INFO Info;
    memset(&Info, 0, sizeof(Info));
    Info.Neighbour = Via;
    Info.PrefInfo.Preference = 10;
    Info.BelongsToViews = RTM_VIEW_MASK_UCAST;
    Info.NextHopsList.NumNextHops = 1;
    Info.NextHopsList.NextHops[0] = Via;
    for (ULONG Place = 0; Place < ROUTES; Place++) {
        RTM_ROUTE_CHANGE_FLAGS Flags = 0;
        Handles[Place] = NULL;
        Address.AddrBits[0] = (UCHAR)(16 + (Place >> 16));
        Address.AddrBits[1] = (UCHAR)(Place >> 8);
        Address.AddrBits[2] = (UCHAR)Place;
        DWORD Status = RtmAddRouteToDest(Entity, &Handles[Place], &Address, &Info, INFINITE, NULL, 0, NULL, &Flags);
        if (Status != NO_ERROR)
            return Status;
    }
    return NO_ERROR;
}

static DWORD DeleteAll(VOID)
{
    for (ULONG Place = 0; Place < ROUTES; Place++) {
        RTM_ROUTE_CHANGE_FLAGS Flags;
        DWORD Status = RtmDeleteRouteToDest(Entity, Handles[Place], &Flags);
        if (Status != NO_ERROR)
            return Status;
    }
    return NO_ERROR;
}

static DWORD WINAPI Fill(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    DWORD Status = SetInterface(Index, Info, Version, Size, Count);
    if (Status == NO_ERROR && Entity == NULL)
        Status = Begin();
    if (Status != NO_ERROR)
        return Status;
    return ((BLOCK *)Info)->Metric == 5 ? AddAll() : DeleteAll();
}

WAYPOST_EXPORT DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    DWORD Status = CorrectRegisterProtocol(Routing, Service);
    Routing->pfnSetInterfaceInfo = Fill;
    return Status;
}
