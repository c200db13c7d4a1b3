/*
 * A module that changes routes all the time, from a thread of its own: it has those to 198.18.0.0/24 to 198.18.7.0/24 for as
 * long as it runs, adds and deletes others below 198.19.0.0/16, and has one to 192.0.2.0/24 that is worse than anybody's. With
 * the metric RESTS on its interface it takes back what it has added and lies still.
 */
#define RegisterProtocol CorrectRegisterProtocol
#include "correct.c"
#undef RegisterProtocol

#include <waypost/rtmv2.h>

#define RESTS 12u
#define KEPT 8u
#define OTHERS 64u
/* One change in so many is for unicast, which the kernel hears of. */
#define QUIET 5u

static RTM_ENTITY_HANDLE Entity;
static RTM_NEXTHOP_HANDLE Via;
static HANDLE Thread;
static volatile LONG Metric, Ends;

static DWORD Open(ULONG Index)
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
    Hop.InterfaceIndex = Index;
    Hop.NextHopAddress.AddressFamily = RTM_AF_INET;
    Hop.NextHopAddress.NumBits = 32;
    memcpy(Hop.NextHopAddress.AddrBits, "\12\1\0\12", 4);
    return RtmAddNextHop(Entity, &Hop, &Via, &Flags);
}

static DWORD AddRoute(const char *Net, ULONG Third, RTM_VIEW_SET Views, ULONG Preference)
{
    RTM_NET_ADDRESS Address = {.AddressFamily = RTM_AF_INET, .NumBits = 24};
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    RTM_ROUTE_INFO Info;
    memset(&Info, 0, sizeof(Info));
    Info.Neighbour = Via;
    Info.PrefInfo.Preference = Preference;
    Info.PrefInfo.Metric = 1;
    Info.BelongsToViews = Views;
    Info.NextHopsList.NumNextHops = 1;
    Info.NextHopsList.NextHops[0] = Via;
    memcpy(Address.AddrBits, Net, 2);
    Address.AddrBits[2] = (UCHAR)Third;
    return RtmAddRouteToDest(Entity, NULL, &Address, &Info, INFINITE, NULL, 0, NULL, &Flags);
}

static DWORD DeleteRoute(ULONG Third)
{
    RTM_NET_ADDRESS Address = {.AddressFamily = RTM_AF_INET, .NumBits = 24};
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    RTM_ROUTE_HANDLE Route = NULL;
    RTM_ROUTE_INFO Info;
    memset(&Info, 0, sizeof(Info));
    Info.RouteOwner = Entity;
    memcpy(Address.AddrBits, "\306\023", 2);
    Address.AddrBits[2] = (UCHAR)Third;
    DWORD Status = RtmGetExactMatchRoute(Entity, &Address, RTM_MATCH_OWNER, &Info, 0, RTM_VIEW_MASK_ANY, &Route);
    if (Status != NO_ERROR)
        return Status;
    RtmReleaseRouteInfo(Entity, &Info);
    return RtmDeleteRouteToDest(Entity, Route, &Flags);
}

static DWORD WINAPI Churn(LPVOID Nothing)
{
    ULONG Step = 0;
    (void)Nothing;
    for (; !Ends; Step++) {
        ULONG Third = Step * 7 % OTHERS;
        if ((ULONG)Metric == RESTS) {
            for (Third = 0; Third < OTHERS; Third++)
                DeleteRoute(Third);
            while ((ULONG)Metric == RESTS && !Ends)
                Sleep(1);
        } else if (DeleteRoute(Third) != NO_ERROR) {
            AddRoute("\306\023", Third, Step % QUIET == 0 ? RTM_VIEW_MASK_UCAST : RTM_VIEW_MASK_MCAST, 100);
        }
    }
    return 0;
}

/* What is kept is there before the router goes on. */
static DWORD WINAPI AddAndChurn(LPWSTR Name, ULONG Index, NET_INTERFACE_TYPE Type, DWORD Media, WORD Access, WORD Connection,
                                PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    DWORD Status = Add(Name, Index, Type, Media, Access, Connection, Info, Version, Size, Count);
    if (Status != NO_ERROR || Thread != NULL)
        return Status;
    Status = Open(Index);
    for (ULONG Third = 0; Third < KEPT && Status == NO_ERROR; Third++)
        Status = AddRoute("\306\022", Third, RTM_VIEW_MASK_UCAST, 100);
    if (Status == NO_ERROR)
        Status = AddRoute("\300\000", 2, RTM_VIEW_MASK_UCAST, 255);
    if (Status != NO_ERROR)
        return Status;
    Metric = (LONG)((BLOCK *)Info)->Metric;
    Thread = CreateThread(NULL, 0, Churn, NULL, 0, NULL);
    return Thread == NULL ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
}

static DWORD WINAPI SetMetric(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    DWORD Status = SetInterface(Index, Info, Version, Size, Count);
    if (Status == NO_ERROR)
        Metric = (LONG)((BLOCK *)Info)->Metric;
    return Status;
}

static DWORD WINAPI StopChurning(VOID)
{
    if (Thread != NULL) {
        Ends = TRUE;
        WaitForSingleObject(Thread, INFINITE);
        CloseHandle(Thread);
        RtmDeregisterEntity(Entity);
        Thread = NULL;
    }
    return Stop();
}

WAYPOST_EXPORT DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    DWORD Status = CorrectRegisterProtocol(Routing, Service);
    Routing->pfnAddInterface = AddAndChurn;
    Routing->pfnSetInterfaceInfo = SetMetric;
    Routing->pfnStopProtocol = StopChurning;
    return Status;
}
