/*
 * A module that uses every function of rtmv2.h and checks what comes of it, when its interface is configured: the code of a
 * refusal is FAILED and the line that was not as it should be. LEAVES makes it leave everything it has when it stops.
 */
#define RegisterProtocol CorrectRegisterProtocol
#include "correct.c"
#undef RegisterProtocol

#include <waypost/rtmv2.h>

#define FAILED 100000u
#define CHECK(Condition)                                                                                               \
    do {                                                                                                               \
        if (!(Condition))                                                                                              \
            return FAILED + __LINE__;                                                                                  \
    } while (0)
/* For what has checks of its own. */
#define TRY(Call)                                                                                                      \
    do {                                                                                                               \
        DWORD Line = (Call);                                                                                           \
        if (Line != NO_ERROR)                                                                                          \
            return Line;                                                                                               \
    } while (0)

/* Nothing waits so long unless something is wrong. */
#define LONG_MILLISECONDS 30000u
#define GARBAGE ((HANDLE)(uintptr_t)0x1234567890ABCDEFu)

typedef union ROUTE {
    RTM_ROUTE_INFO Info;
    UCHAR Room[sizeof(RTM_ROUTE_INFO) + 15 * sizeof(HANDLE)];
} ROUTE;

typedef union DESTS {
    RTM_DEST_INFO Info;
    UCHAR Room[64 * (sizeof(RTM_DEST_INFO) + sizeof(RTM_DEST_VIEW_INFO))];
} DESTS;

static RTM_DEST_INFO *DestAt(DESTS *Dests, UINT Place, UINT Views)
{
    return (RTM_DEST_INFO *)(void *)(Dests->Room + Place * RTM_SIZE_OF_DEST_INFO(Views));
}

static RTM_NET_ADDRESS Net(ULONG A, ULONG B, ULONG C, ULONG D, ULONG Bits)
{
    RTM_NET_ADDRESS Address = {.AddressFamily = RTM_AF_INET, .NumBits = (USHORT)Bits};
    Address.AddrBits[0] = (UCHAR)A;
    Address.AddrBits[1] = (UCHAR)B;
    Address.AddrBits[2] = (UCHAR)C;
    Address.AddrBits[3] = (UCHAR)D;
    return Address;
}

/* What the callback of every entity heard. */
static struct {
    HANDLE News;
    volatile LONG Registered, Deregistered, Expired, Changed;
    RTM_ENTITY_HANDLE Entity;
    PVOID Context;
    HANDLE Handle;
    ULONG Protocol, Metric;
    volatile LONG Answer;
} Heard;

static DWORD WINAPI Hear(RTM_ENTITY_HANDLE Entity, RTM_EVENT_TYPE Type, PVOID First, PVOID Second)
{
    Heard.Entity = Entity;
    Heard.Handle = First;
    switch (Type) {
    case RTM_ENTITY_REGISTERED:
        Heard.Protocol = ((PRTM_ENTITY_INFO)Second)->EntityId.EntityProtocolId;
        InterlockedIncrement(&Heard.Registered);
        break;
    case RTM_ENTITY_DEREGISTERED:
        Heard.Protocol = ((PRTM_ENTITY_INFO)Second)->EntityId.EntityProtocolId;
        InterlockedIncrement(&Heard.Deregistered);
        break;
    case RTM_ROUTE_EXPIRED:
        Heard.Metric = ((PRTM_ROUTE_INFO)Second)->PrefInfo.Metric;
        InterlockedIncrement(&Heard.Expired);
        break;
    case RTM_CHANGE_NOTIFICATION:
        Heard.Context = Second;
        InterlockedIncrement(&Heard.Changed);
        break;
    }
    SetEvent(Heard.News);
    return (DWORD)InterlockedExchangeAdd(&Heard.Answer, 0);
}

/* Waits until so much of something was heard. */
static WINBOOL Await(volatile LONG *Count, LONG Wanted)
{
    ULONGLONG End = GetTickCount64() + LONG_MILLISECONDS;
    while (InterlockedExchangeAdd(Count, 0) < Wanted) {
        if (GetTickCount64() > End)
            return FALSE;
        (void)WaitForSingleObject(Heard.News, 100);
    }
    return TRUE;
}

static RTM_REGN_PROFILE Profile;

static DWORD Register(ULONG Protocol, PRTM_ENTITY_EXPORT_METHODS Methods, RTM_EVENT_CALLBACK Callback, WINBOOL Reserve,
                      PRTM_ENTITY_HANDLE Entity)
{
    RTM_ENTITY_INFO Info = {.RtmInstanceId = 0, .AddressFamily = RTM_AF_INET};
    Info.EntityId.EntityProtocolId = Protocol;
    return RtmRegisterEntity(&Info, Methods, Callback, Reserve, &Profile, Entity);
}

static DWORD Entities(VOID)
{
    RTM_ENTITY_HANDLE One = NULL, Two = NULL, More[9];
    RTM_ENTITY_INFO Info = {.RtmInstanceId = 0, .AddressFamily = 10};
    CHECK(RtmRegisterEntity(&Info, NULL, NULL, FALSE, &Profile, &One) == ERROR_INVALID_PARAMETER);
    CHECK(RtmRegisterEntity(NULL, NULL, NULL, FALSE, &Profile, &One) == ERROR_INVALID_PARAMETER);
    Info.AddressFamily = RTM_AF_INET;
    CHECK(RtmRegisterEntity(&Info, NULL, NULL, FALSE, NULL, &One) == ERROR_INVALID_PARAMETER);
    CHECK(RtmRegisterEntity(&Info, NULL, NULL, FALSE, &Profile, NULL) == ERROR_INVALID_PARAMETER);
    Info.RtmInstanceId = 1;
    CHECK(RtmRegisterEntity(&Info, NULL, NULL, FALSE, &Profile, &One) == ERROR_INVALID_PARAMETER);
    CHECK(Register(SAMPLE, NULL, Hear, FALSE, &One) == NO_ERROR && One != NULL);
    CHECK(Profile.MaxNextHopsInRoute == 16 && Profile.MaxHandlesInEnum == 256);
    CHECK(Profile.ViewsSupported == 3 && Profile.NumberOfViews == 2);
    CHECK(Register(SAMPLE, NULL, NULL, FALSE, &Two) == ERROR_ALREADY_EXISTS);
    CHECK(Register(SAMPLE + 1, NULL, NULL, FALSE, &Two) == NO_ERROR);
    CHECK(Await(&Heard.Registered, 1) && Heard.Entity == One && Heard.Protocol == SAMPLE + 1);

    UINT Count = 0;
    CHECK(RtmGetRegisteredEntities(One, &Count, NULL, NULL) == NO_ERROR && Count == 2);
    RTM_ENTITY_HANDLE Handles[4];
    RTM_ENTITY_INFO Infos[4];
    Count = 1;
    CHECK(RtmGetRegisteredEntities(One, &Count, Handles, Infos) == ERROR_INSUFFICIENT_BUFFER && Count == 1);
    CHECK(RtmReleaseEntities(One, Count, Handles) == NO_ERROR);
    Count = 4;
    CHECK(RtmGetRegisteredEntities(One, &Count, Handles, Infos) == NO_ERROR && Count == 2);
    CHECK(Infos[0].AddressFamily == RTM_AF_INET && Infos[1].EntityId.EntityProtocolId == SAMPLE + 1);
    CHECK(RtmGetEntityInfo(One, Handles[1], &Info) == NO_ERROR && Info.EntityId.EntityProtocolId == SAMPLE + 1);
    CHECK(RtmReleaseEntityInfo(One, &Info) == NO_ERROR);
    CHECK(RtmGetEntityInfo(One, GARBAGE, &Info) == ERROR_INVALID_HANDLE);
    CHECK(RtmReferenceHandles(One, 2, Handles) == NO_ERROR);
    CHECK(RtmReleaseEntities(One, 2, Handles) == NO_ERROR);
    CHECK(RtmReleaseEntities(One, 2, Handles) == NO_ERROR);
    CHECK(RtmReleaseEntities(One, 2, Handles) == ERROR_INVALID_HANDLE);
    Handles[1] = GARBAGE;
    CHECK(RtmReferenceHandles(One, 2, Handles) == ERROR_INVALID_HANDLE);
    CHECK(RtmReferenceHandles(GARBAGE, 1, Handles) == ERROR_INVALID_HANDLE);
    CHECK(RtmReferenceHandles(NULL, 1, Handles) == ERROR_INVALID_HANDLE);
    CHECK(RtmReferenceHandles(One, 1, NULL) == ERROR_INVALID_PARAMETER);

    for (ULONG Place = 0; Place < 8; Place++)
        CHECK(Register(300 + Place, NULL, NULL, TRUE, &More[Place]) == NO_ERROR);
    CHECK(Register(308, NULL, NULL, TRUE, &More[8]) == ERROR_NO_SYSTEM_RESOURCES);
    for (ULONG Place = 0; Place < 8; Place++)
        CHECK(RtmDeregisterEntity(More[Place]) == NO_ERROR);
    CHECK(RtmDeregisterEntity(Two) == NO_ERROR);
    CHECK(RtmDeregisterEntity(Two) == ERROR_INVALID_HANDLE);
    CHECK(Await(&Heard.Deregistered, 9) && Heard.Protocol == SAMPLE + 1);
    CHECK(RtmDeregisterEntity(One) == NO_ERROR);
    return NO_ERROR;
}

static RTM_ENTITY_HANDLE Own, Other;

static DWORD Hop(ULONG D, ULONG Interface, PRTM_NEXTHOP_HANDLE Handle)
{
    RTM_NEXTHOP_INFO Info = {.NextHopAddress = Net(192, 0, 2, D, 32), .InterfaceIndex = Interface};
    RTM_NEXTHOP_CHANGE_FLAGS Flags = 77;
    *Handle = NULL;
    CHECK(RtmAddNextHop(Own, &Info, Handle, &Flags) == NO_ERROR && *Handle != NULL && Flags <= RTM_NEXTHOP_CHANGE_NEW);
    return NO_ERROR;
}

static DWORD NextHops(VOID)
{
    RTM_NEXTHOP_INFO Info = {.NextHopAddress = Net(192, 0, 2, 1, 32), .InterfaceIndex = 1}, *Shown = NULL;
    Info.EntitySpecificInfo = &Info;
    RTM_NEXTHOP_HANDLE One = NULL, Same = NULL, Many[20];
    RTM_NEXTHOP_CHANGE_FLAGS Flags = 0;
    CHECK(RtmFindNextHop(Own, &Info, &One, NULL) == ERROR_NOT_FOUND);
    CHECK(RtmAddNextHop(Own, NULL, &One, &Flags) == ERROR_INVALID_PARAMETER);
    CHECK(RtmAddNextHop(Own, &Info, &One, NULL) == ERROR_INVALID_PARAMETER);
    Info.NextHopAddress.AddressFamily = RTM_AF_INET6;
    CHECK(RtmAddNextHop(Own, &Info, &One, &Flags) == ERROR_INVALID_PARAMETER);
    Info.NextHopAddress.AddressFamily = RTM_AF_INET;
    CHECK(RtmAddNextHop(Own, &Info, &One, &Flags) == NO_ERROR && One != NULL && Flags == RTM_NEXTHOP_CHANGE_NEW);
    CHECK(RtmAddNextHop(Own, &Info, &Same, &Flags) == NO_ERROR && Same == One && Flags == 0);
    CHECK(RtmAddNextHop(Own, &Info, &Same, &Flags) == NO_ERROR && Same == One && Flags == 0);
    CHECK(RtmAddNextHop(Own, &Info, NULL, &Flags) == NO_ERROR);
    CHECK(RtmAddNextHop(Other, &Info, &Same, &Flags) == ERROR_ACCESS_DENIED);
    CHECK(RtmFindNextHop(Own, &Info, &Same, &Shown) == NO_ERROR && Same == One);
    CHECK(Shown->InterfaceIndex == 1 && Shown->EntitySpecificInfo == &Info && Shown->State == RTM_NEXTHOP_STATE_CREATED);
    CHECK(RtmReleaseNextHops(Own, 1, &Same) == NO_ERROR);
    CHECK(RtmGetNextHopInfo(Other, One, &Info) == NO_ERROR && Info.NextHopOwner == Own && Info.RemoteNextHop == NULL);
    CHECK(RtmReleaseNextHopInfo(Other, &Info) == NO_ERROR);
    CHECK(RtmReleaseNextHopInfo(Other, &Info) == ERROR_INVALID_HANDLE);
    CHECK(RtmGetNextHopPointer(Other, One, &Shown) == ERROR_ACCESS_DENIED);
    PRTM_NEXTHOP_INFO Again = NULL;
    CHECK(RtmGetNextHopPointer(Own, One, &Again) == NO_ERROR && Again == Shown);
    CHECK(RtmLockNextHop(Other, One, TRUE, TRUE, NULL) == ERROR_ACCESS_DENIED);
    CHECK(RtmLockNextHop(Own, One, TRUE, TRUE, &Again) == NO_ERROR && Again == Shown);
    Shown->EntitySpecificInfo = &Flags;
    CHECK(RtmLockNextHop(Own, One, TRUE, FALSE, NULL) == NO_ERROR);
    CHECK(RtmLockNextHop(Own, One, TRUE, FALSE, NULL) == ERROR_INVALID_PARAMETER);
    CHECK(RtmGetNextHopInfo(Own, One, &Info) == NO_ERROR && Info.EntitySpecificInfo == &Flags);
    CHECK(RtmReleaseNextHopInfo(Own, &Info) == NO_ERROR);

    for (ULONG Place = 0; Place < 20; Place++)
        TRY(Hop(10 + Place, 2, &Many[Place]));
    RTM_ENUM_HANDLE Enum = NULL;
    RTM_NET_ADDRESS Address = Net(192, 0, 2, 16, 28);
    UINT Count = 257, Total = 0;
    RTM_NEXTHOP_HANDLE Found[8];
    CHECK(RtmCreateNextHopEnum(Own, RTM_ENUM_RANGE, &Address, &Enum) == NO_ERROR);
    CHECK(RtmGetEnumNextHops(Own, Enum, &Count, Found) == ERROR_INVALID_PARAMETER);
    DWORD Code = NO_ERROR;
    while (Code == NO_ERROR) {
        Count = 8;
        Code = RtmGetEnumNextHops(Own, Enum, &Count, Found);
        CHECK(Code == NO_ERROR || Code == ERROR_NO_MORE_ITEMS);
        CHECK(RtmReleaseNextHops(Own, Count, Found) == NO_ERROR);
        Total += Count;
    }
    CHECK(Total == 14);
    CHECK(RtmDeleteEnumHandle(Own, Enum) == NO_ERROR);
    CHECK(RtmDeleteEnumHandle(Own, Enum) == ERROR_INVALID_HANDLE);
    for (ULONG Place = 0; Place < 20; Place++)
        CHECK(RtmDeleteNextHop(Own, Many[Place], NULL) == NO_ERROR);
    Info.NextHopAddress = Net(192, 0, 2, 10, 32);
    CHECK(RtmDeleteNextHop(Own, NULL, &Info) == ERROR_NOT_FOUND);
    CHECK(RtmDeleteNextHop(Own, NULL, NULL) == ERROR_INVALID_PARAMETER);
    CHECK(RtmDeleteNextHop(Other, One, NULL) == ERROR_ACCESS_DENIED);
    Info.NextHopAddress = Net(192, 0, 2, 1, 32);
    CHECK(RtmDeleteNextHop(Own, NULL, &Info) == NO_ERROR);
    CHECK(RtmDeleteNextHop(Own, One, NULL) == ERROR_NOT_FOUND);
    CHECK(RtmGetNextHopInfo(Own, One, &Info) == NO_ERROR && Info.State == RTM_NEXTHOP_STATE_DELETED);
    CHECK(RtmReleaseNextHopInfo(Own, &Info) == NO_ERROR);
    /* Once for each that was asked for. */
    CHECK(RtmReleaseNextHops(Own, 1, &One) == NO_ERROR);
    CHECK(RtmReleaseNextHops(Own, 1, &One) == NO_ERROR);
    CHECK(RtmReleaseNextHops(Own, 1, &One) == ERROR_INVALID_HANDLE);
    return NO_ERROR;
}

static RTM_NEXTHOP_HANDLE Via, Elsewhere;

static ROUTE Through(RTM_NEXTHOP_HANDLE Neighbour, ULONG Metric)
{
    ROUTE Route;
    memset(&Route, 0, sizeof(Route));
    Route.Info.Neighbour = Neighbour;
    Route.Info.PrefInfo.Metric = Metric;
    Route.Info.PrefInfo.Preference = 10;
    Route.Info.BelongsToViews = RTM_VIEW_MASK_UCAST;
    Route.Info.NextHopsList.NumNextHops = 1;
    Route.Info.NextHopsList.NextHops[0] = Neighbour;
    return Route;
}

static DWORD Routes(VOID)
{
    RTM_NET_ADDRESS Address = Net(10, 0, 0, 0, 8), Told;
    RTM_ROUTE_HANDLE One = NULL, Same = NULL;
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    ROUTE Route = Through(Via, 5), Info;
    CHECK(RtmAddRouteToDest(Own, &One, NULL, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == ERROR_INVALID_PARAMETER);
    CHECK(RtmAddRouteToDest(Own, &One, &Address, NULL, INFINITE, NULL, 0, NULL, &Flags) == ERROR_INVALID_PARAMETER);
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, NULL) == ERROR_INVALID_PARAMETER);
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, NULL, 1, NULL, &Flags) == ERROR_INVALID_PARAMETER);
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, GARBAGE, 0, NULL, &Flags) == ERROR_INVALID_HANDLE);
    CHECK(RtmAddRouteToDest(Other, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == ERROR_INVALID_PARAMETER);
    Route.Info.BelongsToViews = 0;
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == ERROR_INVALID_PARAMETER);
    Route.Info.BelongsToViews = 4;
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == ERROR_INVALID_PARAMETER);
    Route = Through(Via, 5);
    Route.Info.NextHopsList.NumNextHops = 17;
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == ERROR_INVALID_PARAMETER);
    Route = Through(Via, 5);
    Route.Info.EntitySpecificInfo = &Route;
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(One != NULL && Flags == (RTM_ROUTE_CHANGE_NEW | RTM_ROUTE_CHANGE_BEST));
    Flags = 0;
    CHECK(RtmAddRouteToDest(Own, &Same, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(Same == One && Flags == RTM_ROUTE_CHANGE_BEST);
    CHECK(RtmReleaseRoutes(Own, 1, &Same) == NO_ERROR);
    CHECK(RtmAddRouteToDest(Other, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) != NO_ERROR);

    CHECK(RtmGetRouteInfo(Other, One, &Info.Info, &Told) == NO_ERROR);
    CHECK(memcmp(&Told, &Address, sizeof(Told)) == 0);
    CHECK(Info.Info.RouteOwner == Own && Info.Info.Neighbour == Via && Info.Info.State == RTM_ROUTE_STATE_CREATED);
    CHECK(Info.Info.PrefInfo.Metric == 5 && Info.Info.PrefInfo.Preference == 10 && Info.Info.BelongsToViews == 1);
    CHECK(Info.Info.NextHopsList.NumNextHops == 1 && Info.Info.NextHopsList.NextHops[0] == Via);
    CHECK(Info.Info.EntitySpecificInfo == &Route);
    CHECK(RtmReleaseRouteInfo(Other, &Info.Info) == NO_ERROR);
    CHECK(RtmGetRouteInfo(Own, One, NULL, NULL) == NO_ERROR);
    CHECK(RtmGetRouteInfo(Own, GARBAGE, NULL, NULL) == ERROR_INVALID_HANDLE);

    PRTM_ROUTE_INFO Shown = NULL, Again = NULL;
    CHECK(RtmGetRoutePointer(Other, One, &Shown) == ERROR_ACCESS_DENIED);
    CHECK(RtmGetRoutePointer(Own, One, &Shown) == NO_ERROR && Shown->PrefInfo.Metric == 5);
    CHECK(RtmUpdateAndUnlockRoute(Own, One, INFINITE, NULL, 0, NULL, &Flags) == ERROR_ACCESS_DENIED);
    CHECK(RtmLockRoute(Other, One, TRUE, TRUE, NULL) == ERROR_ACCESS_DENIED);
    CHECK(RtmLockRoute(Own, One, TRUE, TRUE, &Again) == NO_ERROR && Again == Shown);
    Shown->PrefInfo.Metric = 6;
    Shown->NextHopsList.NumNextHops = 2;
    Shown->NextHopsList.NextHops[1] = GARBAGE;
    CHECK(RtmUpdateAndUnlockRoute(Own, One, INFINITE, NULL, 0, NULL, &Flags) == ERROR_INVALID_HANDLE);
    Shown->NextHopsList.NextHops[1] = Elsewhere;
    CHECK(RtmUpdateAndUnlockRoute(Own, One, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(RtmLockRoute(Own, One, TRUE, FALSE, NULL) == ERROR_INVALID_PARAMETER);
    CHECK(Shown->PrefInfo.Metric == 6 && Shown->NextHopsList.NumNextHops == 2);
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(Shown->PrefInfo.Metric == 5 && Shown->NextHopsList.NumNextHops == 1);

    RTM_VIEW_SET Best = 0;
    CHECK(RtmIsBestRoute(Own, One, &Best) == NO_ERROR && Best == RTM_VIEW_MASK_UCAST);
    CHECK(RtmReferenceHandles(Own, 1, &One) == NO_ERROR);
    CHECK(RtmDeleteRouteToDest(Other, One, &Flags) == ERROR_ACCESS_DENIED);
    CHECK(RtmDeleteRouteToDest(Own, One, &Flags) == NO_ERROR && Flags == RTM_ROUTE_CHANGE_BEST);
    CHECK(Shown->State == RTM_ROUTE_STATE_DELETED);
    CHECK(RtmDeleteRouteToDest(Own, One, &Flags) == ERROR_NOT_FOUND);
    CHECK(RtmIsBestRoute(Own, One, &Best) == NO_ERROR && Best == 0);
    CHECK(RtmReleaseRoutes(Own, 1, &One) == NO_ERROR);
    CHECK(RtmDeleteRouteToDest(Own, One, &Flags) == ERROR_INVALID_HANDLE);

    /* A route whose time is over is the owner's to decide about. */
    Route = Through(Via, 7);
    Heard.Answer = NO_ERROR;
    One = NULL;
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, 1, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(Await(&Heard.Expired, 1) && Heard.Handle == One && Heard.Metric == 7);
    CHECK(RtmIsBestRoute(Own, One, &Best) == NO_ERROR && Best == RTM_VIEW_MASK_UCAST);
    Heard.Answer = ERROR_NOT_SUPPORTED;
    CHECK(RtmAddRouteToDest(Own, &One, &Address, &Route.Info, 1, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(Await(&Heard.Expired, 2));
    for (ULONGLONG End = GetTickCount64() + LONG_MILLISECONDS; Best != 0; Sleep(1)) {
        CHECK(RtmIsBestRoute(Own, One, &Best) == NO_ERROR);
        CHECK(GetTickCount64() < End);
    }
    CHECK(RtmReleaseRoutes(Own, 1, &One) == NO_ERROR);
    return NO_ERROR;
}

static DWORD Lists(VOID)
{
    RTM_ROUTE_LIST_HANDLE One = NULL, Two = NULL;
    RTM_ROUTE_HANDLE Handles[3] = {NULL, NULL, NULL}, Found[8];
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    ROUTE Route = Through(Via, 1);
    CHECK(RtmCreateRouteList(Own, NULL) == ERROR_INVALID_PARAMETER);
    CHECK(RtmCreateRouteList(Own, &One) == NO_ERROR && RtmCreateRouteList(Own, &Two) == NO_ERROR);
    for (ULONG Place = 0; Place < 3; Place++) {
        RTM_NET_ADDRESS Address = Net(10, Place, 0, 0, 16);
        Flags = 0;
        CHECK(RtmAddRouteToDest(Own, &Handles[Place], &Address, &Route.Info, INFINITE, One, 0, NULL, &Flags) == NO_ERROR);
    }
    CHECK(RtmInsertInRouteList(Other, NULL, 1, Handles) == ERROR_ACCESS_DENIED);
    CHECK(RtmInsertInRouteList(Own, GARBAGE, 1, Handles) == ERROR_INVALID_HANDLE);
    CHECK(RtmInsertInRouteList(Own, Two, 1, Handles) == NO_ERROR);
    CHECK(RtmInsertInRouteList(Own, NULL, 1, Handles + 1) == NO_ERROR);
    RTM_ENUM_HANDLE Enum = NULL;
    UINT Count = 8;
    CHECK(RtmCreateRouteListEnum(Own, Two, &Enum) == NO_ERROR);
    CHECK(RtmGetListEnumRoutes(Own, Enum, &Count, Found) == ERROR_NO_MORE_ITEMS && Count == 1 && Found[0] == Handles[0]);
    CHECK(RtmReleaseRoutes(Own, Count, Found) == NO_ERROR);
    CHECK(RtmDeleteRouteList(Own, Two) == NO_ERROR && RtmDeleteRouteList(Own, Two) == ERROR_INVALID_HANDLE);
    CHECK(RtmGetListEnumRoutes(Own, Enum, &Count, Found) == ERROR_INVALID_HANDLE);
    CHECK(RtmDeleteEnumHandle(Own, Enum) == NO_ERROR);
    CHECK(RtmDeleteRouteList(Own, One) == NO_ERROR);
    for (ULONG Place = 0; Place < 3; Place++)
        CHECK(RtmDeleteRouteToDest(Own, Handles[Place], &Flags) == NO_ERROR);
    return NO_ERROR;
}

static DWORD Lookups(VOID)
{
    RTM_NET_ADDRESS Wide = Net(10, 0, 0, 0, 8), Long = Net(10, 1, 0, 0, 16), Inside = Net(10, 1, 2, 3, 32);
    RTM_ROUTE_HANDLE Handles[2] = {NULL, NULL}, Found = NULL;
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    ROUTE Route = Through(Via, 1), Criteria;
    DESTS Dests;
    RTM_DEST_INFO *Dest = &Dests.Info;
    CHECK(RtmGetExactMatchDestination(Own, &Wide, RTM_BEST_PROTOCOL, RTM_VIEW_MASK_UCAST, Dest) == ERROR_NOT_FOUND);
    CHECK(RtmAddRouteToDest(Own, &Handles[0], &Wide, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    Flags = 0;
    CHECK(RtmAddRouteToDest(Own, &Handles[1], &Long, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(RtmGetExactMatchDestination(Own, &Inside, RTM_BEST_PROTOCOL, RTM_VIEW_MASK_UCAST, Dest) == ERROR_NOT_FOUND);
    CHECK(RtmGetMostSpecificDestination(Own, NULL, 0, RTM_VIEW_MASK_UCAST, Dest) == ERROR_INVALID_PARAMETER);
    CHECK(RtmGetMostSpecificDestination(Own, &Inside, RTM_BEST_PROTOCOL, RTM_VIEW_MASK_UCAST, Dest) == NO_ERROR);
    CHECK(memcmp(&Dest->DestAddress, &Long, sizeof(Long)) == 0);
    CHECK(Dest->BelongsToViews == 1 && Dest->NumberOfViews == 1 && Dest->ViewInfo[0].ViewId == RTM_VIEW_ID_UCAST);
    CHECK(Dest->ViewInfo[0].NumRoutes == 1 && Dest->ViewInfo[0].Route == Handles[1] && Dest->ViewInfo[0].Owner == Own);
    CHECK(Dest->ViewInfo[0].HoldRoute == NULL && Dest->LastChanged.dwHighDateTime > 0x01D00000);
    RTM_DEST_HANDLE Kept = Dest->DestHandle;
    CHECK(RtmReferenceHandles(Own, 1, &Kept) == NO_ERROR && RtmReleaseDestInfo(Own, Dest) == NO_ERROR);
    CHECK(RtmReleaseDestInfo(Own, NULL) == ERROR_INVALID_PARAMETER);
    CHECK(RtmGetLessSpecificDestination(Own, Kept, RTM_THIS_PROTOCOL, RTM_VIEW_MASK_ALL, Dest) == NO_ERROR);
    CHECK(Dest->NumberOfViews == 2 && Dest->DestAddress.NumBits == 8 && Dest->ViewInfo[0].Route == Handles[0]);
    CHECK(DestAt(&Dests, 0, 2)->ViewInfo[1].NumRoutes == 0 && DestAt(&Dests, 0, 2)->ViewInfo[1].Route == NULL);
    RTM_DEST_HANDLE Shorter = Dest->DestHandle;
    CHECK(RtmGetLessSpecificDestination(Own, Shorter, 0, RTM_VIEW_MASK_ANY, Dest) == ERROR_NOT_FOUND);
    CHECK(RtmReleaseDestInfo(Own, Dest) == NO_ERROR);
    CHECK(RtmGetDestInfo(Own, Kept, RTM_BEST_PROTOCOL, RTM_VIEW_MASK_ANY, Dest) == NO_ERROR && Dest->NumberOfViews == 0);
    CHECK(RtmReleaseDestInfo(Own, Dest) == NO_ERROR);
    CHECK(RtmGetDestInfo(Own, GARBAGE, RTM_BEST_PROTOCOL, RTM_VIEW_MASK_ANY, Dest) == ERROR_INVALID_HANDLE);

    memset(&Criteria, 0, sizeof(Criteria));
    CHECK(RtmGetExactMatchRoute(Own, &Long, RTM_MATCH_OWNER, NULL, 0, 1, &Found) == ERROR_INVALID_PARAMETER);
    CHECK(RtmGetExactMatchRoute(Own, &Long, RTM_MATCH_INTERFACE, NULL, 9, 1, &Found) == ERROR_NOT_FOUND);
    CHECK(RtmGetExactMatchRoute(Own, &Long, RTM_MATCH_INTERFACE, NULL, 1, 1, &Found) == NO_ERROR && Found == Handles[1]);
    CHECK(RtmReleaseRoutes(Own, 1, &Found) == NO_ERROR);
    Criteria.Info.RouteOwner = Own;
    Criteria.Info.Neighbour = Via;
    CHECK(RtmGetExactMatchRoute(Own, &Long, RTM_MATCH_OWNER | RTM_MATCH_NEIGHBOUR, &Criteria.Info, 0, 1, &Found) == NO_ERROR);
    CHECK(Found == Handles[1] && Criteria.Info.PrefInfo.Preference == 10);
    CHECK(RtmReleaseRouteInfo(Own, &Criteria.Info) == NO_ERROR && RtmReleaseRoutes(Own, 1, &Found) == NO_ERROR);

    /* A hold shows the route that went. */
    CHECK(RtmHoldDestination(Own, Kept, RTM_VIEW_MASK_UCAST, 0) == ERROR_INVALID_PARAMETER);
    CHECK(RtmHoldDestination(Own, GARBAGE, RTM_VIEW_MASK_UCAST, 9) == ERROR_INVALID_HANDLE);
    CHECK(RtmHoldDestination(Own, Kept, RTM_VIEW_MASK_UCAST, 100000) == NO_ERROR);
    CHECK(RtmDeleteRouteToDest(Own, Handles[1], &Flags) == NO_ERROR);
    CHECK(RtmGetDestInfo(Own, Kept, RTM_BEST_PROTOCOL, RTM_VIEW_MASK_UCAST, Dest) == NO_ERROR);
    CHECK(Dest->ViewInfo[0].NumRoutes == 0 && Dest->ViewInfo[0].Route == NULL && Dest->ViewInfo[0].HoldRoute != NULL);
    CHECK(RtmReleaseDestInfo(Own, Dest) == NO_ERROR);
    CHECK(RtmDeleteRouteToDest(Own, Handles[0], &Flags) == NO_ERROR);

    /* The destination lives as long as its handle. */
    RTM_NET_ADDRESS Address = Net(10, 9, 0, 0, 16);
    Found = NULL;
    Flags = 0;
    CHECK(RtmAddRouteToDest(Own, &Found, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(RtmGetExactMatchDestination(Own, &Address, 0, 0, Dest) == NO_ERROR);
    CHECK(RtmDeleteRouteToDest(Own, Found, &Flags) == NO_ERROR);
    RTM_DEST_INFO Basic;
    CHECK(RtmGetDestInfo(Own, Dest->DestHandle, 0, 0, &Basic) == NO_ERROR && Basic.BelongsToViews == 0);
    CHECK(RtmReleaseDestInfo(Own, &Basic) == NO_ERROR && RtmReleaseDestInfo(Own, Dest) == NO_ERROR);
    CHECK(RtmGetDestInfo(Own, Dest->DestHandle, 0, 0, &Basic) == ERROR_INVALID_HANDLE);
    RTM_DEST_INFO Last = {.DestHandle = Kept};
    CHECK(RtmReleaseDestInfo(Own, &Last) == NO_ERROR);
    return NO_ERROR;
}

static DWORD Enumerations(VOID)
{
    enum { MANY = 20 };
    RTM_ROUTE_HANDLE Handles[MANY], Found[8];
    RTM_ROUTE_CHANGE_FLAGS Flags;
    ROUTE Route = Through(Via, 1);
    for (ULONG Place = 0; Place < MANY; Place++) {
        RTM_NET_ADDRESS Address = Net(172, 16, Place, 0, 24);
        Handles[Place] = NULL;
        Flags = 0;
        CHECK(RtmAddRouteToDest(Own, &Handles[Place], &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    }
    RTM_ENUM_HANDLE Enum = NULL;
    RTM_NET_ADDRESS Range = Net(172, 16, 0, 0, 12), From = Net(172, 16, 15, 0, 24);
    CHECK(RtmCreateDestEnum(Own, 4, RTM_ENUM_START, NULL, 0, &Enum) == ERROR_NOT_SUPPORTED);
    CHECK(RtmCreateDestEnum(Own, 1, RTM_ENUM_RANGE, NULL, 0, &Enum) == ERROR_INVALID_PARAMETER);
    CHECK(RtmCreateDestEnum(Own, 3, RTM_ENUM_RANGE | RTM_ENUM_OWN_DESTS, &Range, RTM_BEST_PROTOCOL, &Enum) == NO_ERROR);
    DESTS Dests;
    UINT Count = 257, Total = 0;
    CHECK(RtmGetEnumDests(Own, Enum, &Count, &Dests.Info) == ERROR_INVALID_PARAMETER);
    DWORD Code = NO_ERROR;
    while (Code == NO_ERROR) {
        Count = 7;
        Code = RtmGetEnumDests(Own, Enum, &Count, &Dests.Info);
        CHECK((Code == NO_ERROR && Count == 7) || Code == ERROR_NO_MORE_ITEMS);
        for (UINT Place = 0; Place < Count; Place++) {
            RTM_DEST_INFO *Dest = DestAt(&Dests, Place, 2);
            CHECK(Dest->DestAddress.AddrBits[2] == Total + Place && Dest->ViewInfo[0].Route == Handles[Total + Place]);
            CHECK(Dest->ViewInfo[1].ViewId == RTM_VIEW_ID_MCAST);
        }
        CHECK(RtmReleaseDests(Own, Count, &Dests.Info) == NO_ERROR);
        Total += Count;
    }
    CHECK(Total == MANY && RtmDeleteEnumHandle(Own, Enum) == NO_ERROR);

    CHECK(RtmCreateRouteEnum(Own, NULL, 1, RTM_ENUM_NEXT | RTM_ENUM_OWN_ROUTES, &From, RTM_MATCH_INTERFACE, NULL, 1,
                             &Enum) == NO_ERROR);
    Count = 4;
    CHECK(RtmGetEnumRoutes(Own, Enum, &Count, Found) == NO_ERROR && Count == 4 && Found[0] == Handles[15]);
    CHECK(RtmReleaseRoutes(Own, Count, Found) == NO_ERROR);
    Count = 4;
    CHECK(RtmGetEnumRoutes(Own, Enum, &Count, Found) == ERROR_NO_MORE_ITEMS && Count == 1 && Found[0] == Handles[19]);
    CHECK(RtmReleaseRoutes(Own, Count, Found) == NO_ERROR);
    CHECK(RtmDeleteEnumHandle(Own, Enum) == NO_ERROR);
    CHECK(RtmCreateRouteEnum(Own, NULL, 1, RTM_ENUM_START, NULL, RTM_MATCH_OWNER, NULL, 0, &Enum) == ERROR_INVALID_PARAMETER);
    CHECK(RtmGetExactMatchDestination(Own, &From, 0, 0, &Dests.Info) == NO_ERROR);
    CHECK(RtmCreateRouteEnum(Own, Dests.Info.DestHandle, 0, 0, NULL, RTM_MATCH_NONE, NULL, 0, &Enum) == NO_ERROR);
    CHECK(RtmReleaseDestInfo(Own, &Dests.Info) == NO_ERROR);
    Count = 4;
    CHECK(RtmGetEnumRoutes(Own, Enum, &Count, Found) == ERROR_NO_MORE_ITEMS && Count == 1 && Found[0] == Handles[15]);
    CHECK(RtmReleaseRoutes(Own, Count, Found) == NO_ERROR && RtmDeleteEnumHandle(Own, Enum) == NO_ERROR);
    for (ULONG Place = 0; Place < MANY; Place++)
        CHECK(RtmDeleteRouteToDest(Own, Handles[Place], &Flags) == NO_ERROR);
    return NO_ERROR;
}

static DWORD Notifications(VOID)
{
    RTM_NOTIFY_HANDLE All = NULL, Marked = NULL;
    RTM_ROUTE_HANDLE Handle = NULL;
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    RTM_NET_ADDRESS Address = Net(10, 5, 0, 0, 16);
    ROUTE Route = Through(Via, 1);
    DESTS Dests;
    RTM_DEST_INFO *Dest = &Dests.Info;
    CHECK(RtmRegisterForChangeNotification(Own, 1, 0, NULL, &All) == ERROR_INVALID_PARAMETER);
    CHECK(RtmRegisterForChangeNotification(Own, 8, RTM_CHANGE_TYPE_BEST, NULL, &All) == ERROR_NOT_SUPPORTED);
    CHECK(RtmRegisterForChangeNotification(Own, 1, RTM_CHANGE_TYPE_BEST, &All, &All) == NO_ERROR);
    UINT Count = 4;
    CHECK(RtmGetChangedDests(Own, All, &Count, Dest) == ERROR_NO_MORE_ITEMS && Count == 0);
    CHECK(RtmAddRouteToDest(Own, &Handle, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(Await(&Heard.Changed, 1) && Heard.Handle == All && Heard.Context == &All);
    Count = 4;
    CHECK(RtmGetChangedDests(Own, All, &Count, Dest) == ERROR_NO_MORE_ITEMS && Count == 1);
    CHECK(Dest->ViewInfo[0].Route == Handle);
    WINBOOL Is = TRUE;
    CHECK(RtmGetChangeStatus(Own, All, Dest->DestHandle, &Is) == NO_ERROR && !Is);
    Route.Info.PrefInfo.Metric = 2;
    CHECK(RtmAddRouteToDest(Own, &Handle, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(Await(&Heard.Changed, 2));
    CHECK(RtmGetChangeStatus(Own, All, Dest->DestHandle, &Is) == NO_ERROR && Is);
    CHECK(RtmGetChangeStatus(Own, All, GARBAGE, &Is) == ERROR_INVALID_HANDLE);
    CHECK(RtmIgnoreChangedDests(Own, All, 1, &Dest->DestHandle) == NO_ERROR);
    CHECK(RtmGetChangeStatus(Own, All, Dest->DestHandle, &Is) == NO_ERROR && !Is);

    CHECK(RtmRegisterForChangeNotification(Own, 3, RTM_CHANGE_TYPE_ALL | RTM_NOTIFY_ONLY_MARKED_DESTS, NULL, &Marked) ==
          NO_ERROR);
    CHECK(RtmIsMarkedForChangeNotification(Own, Marked, Dest->DestHandle, &Is) == NO_ERROR && !Is);
    CHECK(RtmMarkDestForChangeNotification(Own, Marked, Dest->DestHandle, TRUE) == NO_ERROR);
    CHECK(RtmIsMarkedForChangeNotification(Own, Marked, Dest->DestHandle, &Is) == NO_ERROR && Is);
    CHECK(RtmReleaseChangedDests(Own, GARBAGE, 1, Dest) == ERROR_INVALID_HANDLE);
    CHECK(RtmReleaseChangedDests(Own, All, 1, Dest) == NO_ERROR);
    CHECK(RtmDeregisterFromChangeNotification(Own, All) == NO_ERROR);
    CHECK(RtmDeregisterFromChangeNotification(Own, All) == ERROR_INVALID_HANDLE);
    CHECK(RtmDeleteRouteToDest(Own, Handle, &Flags) == NO_ERROR);
    CHECK(Await(&Heard.Changed, 3) && Heard.Handle == Marked);
    Count = 4;
    CHECK(RtmGetChangedDests(Own, Marked, &Count, Dest) == ERROR_NO_MORE_ITEMS && Count == 1);
    CHECK(Dest->NumberOfViews == 2 && Dest->ViewInfo[0].NumRoutes == 0 && Dest->ViewInfo[0].Route == NULL);
    CHECK(RtmReleaseChangedDests(Own, Marked, 1, Dest) == NO_ERROR);
    CHECK(RtmDeregisterFromChangeNotification(Own, Marked) == NO_ERROR);
    return NO_ERROR;
}

static VOID WINAPI First(RTM_ENTITY_HANDLE Caller, RTM_ENTITY_HANDLE Callee, RTM_ENTITY_METHOD_INPUT *Input,
                         RTM_ENTITY_METHOD_OUTPUT *Output)
{
    (void)Caller;
    Output->MethodStatus = RtmBlockMethods(Callee, NULL, 0, RTM_BLOCK_METHODS);
    Output->OutputSize = 1;
    Output->OutputData[0] = (UCHAR)(Input->InputData[0] + Input->MethodType);
}

static VOID WINAPI Second(RTM_ENTITY_HANDLE Caller, RTM_ENTITY_HANDLE Callee, RTM_ENTITY_METHOD_INPUT *Input,
                          RTM_ENTITY_METHOD_OUTPUT *Output)
{
    Output->MethodStatus = Caller == Own && Callee == Other && Input->InputSize == 1 ? NO_ERROR : ERROR_CAN_NOT_COMPLETE;
    Output->OutputSize = 0;
}

static volatile LONG Went;

static DWORD WINAPI Invoke(LPVOID Parameter)
{
    RTM_ENTITY_METHOD_INPUT Input = {.MethodType = 2, .InputSize = 1, .InputData = {1}};
    RTM_ENTITY_METHOD_OUTPUT Output[2];
    UINT Size = sizeof(Output);
    (void)Parameter;
    DWORD Code = RtmInvokeMethod(Own, Other, &Input, &Size, Output);
    InterlockedIncrement(&Went);
    SetEvent(Heard.News);
    return Code;
}

static DWORD Methods(VOID)
{
    RTM_ENTITY_EXPORT_METHOD Exported[2] = {NULL, NULL};
    UINT Count = 0;
    CHECK(RtmGetEntityMethods(Own, Other, &Count, NULL) == NO_ERROR && Count == 2);
    Count = 1;
    CHECK(RtmGetEntityMethods(Own, Other, &Count, Exported) == ERROR_INSUFFICIENT_BUFFER);
    Count = 2;
    CHECK(RtmGetEntityMethods(Own, Other, &Count, Exported) == NO_ERROR && Exported[0] == First && Exported[1] == Second);
    CHECK(RtmGetEntityMethods(Own, GARBAGE, &Count, Exported) == ERROR_INVALID_HANDLE);

    RTM_ENTITY_METHOD_INPUT Input = {.MethodType = 7, .InputSize = 1, .InputData = {40}};
    union {
        RTM_ENTITY_METHOD_OUTPUT Record;
        ULONG Words[32];
    } Output;
    UINT Size = sizeof(Output);
    CHECK(RtmInvokeMethod(Own, Other, &Input, &Size, NULL) == ERROR_INVALID_PARAMETER);
    CHECK(RtmInvokeMethod(Own, Other, &Input, &Size, &Output.Record) == NO_ERROR && Size == 16 + 12 + 12);
    CHECK(Output.Words[0] == 1 && Output.Words[1] == ERROR_CAN_NOT_COMPLETE && Output.Words[2] == 1);
    CHECK(Output.Record.OutputData[0] == 41);
    CHECK(Output.Words[4] == 2 && Output.Words[5] == NO_ERROR && Output.Words[6] == 0);
    CHECK(Output.Words[7] == 4 && Output.Words[8] == ERROR_NOT_SUPPORTED && Output.Words[9] == 0);
    Input.MethodType = METHOD_TYPE_ALL_METHODS;
    Size = sizeof(Output);
    CHECK(RtmInvokeMethod(Own, Other, &Input, &Size, &Output.Record) == NO_ERROR && Size == 16 + 12);
    Size = 8;
    CHECK(RtmInvokeMethod(Own, Other, &Input, &Size, &Output.Record) == ERROR_INSUFFICIENT_BUFFER && Size == 0);

    CHECK(RtmBlockMethods(Other, GARBAGE, 0, RTM_BLOCK_METHODS) == ERROR_INVALID_HANDLE);
    CHECK(RtmBlockMethods(Other, Via, 0, RTM_BLOCK_METHODS) == ERROR_NOT_SUPPORTED);
    CHECK(RtmBlockMethods(Other, NULL, 0, RTM_BLOCK_METHODS) == NO_ERROR);
    HANDLE Thread = CreateThread(NULL, 0, Invoke, NULL, 0, NULL);
    CHECK(Thread != NULL);
    CHECK(WaitForSingleObject(Thread, 20) == WAIT_TIMEOUT && Went == 0);
    CHECK(RtmBlockMethods(Other, NULL, 0, RTM_RESUME_METHODS) == NO_ERROR);
    CHECK(Await(&Went, 1) && WaitForSingleObject(Thread, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK(CloseHandle(Thread));
    return NO_ERROR;
}

static RTM_DEST_HANDLE Locked;

static DWORD WINAPI LockIt(LPVOID Parameter)
{
    (void)Parameter;
    DWORD Code = RtmLockDestination(Own, Locked, TRUE, TRUE);
    InterlockedIncrement(&Went);
    SetEvent(Heard.News);
    return Code == NO_ERROR ? RtmLockDestination(Own, Locked, TRUE, FALSE) : Code;
}

static DWORD Destinations(VOID)
{
    RTM_NET_ADDRESS Address = Net(10, 6, 0, 0, 16);
    RTM_ROUTE_HANDLE Handle = NULL;
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    ROUTE Route = Through(Via, 1);
    RTM_DEST_INFO Dest;
    CHECK(RtmAddRouteToDest(Own, &Handle, &Address, &Route.Info, INFINITE, NULL, 0, NULL, &Flags) == NO_ERROR);
    CHECK(RtmGetExactMatchDestination(Own, &Address, 0, 0, &Dest) == NO_ERROR);
    Locked = Dest.DestHandle;
    PVOID *Slot = NULL, *Again = NULL;
    CHECK(RtmGetOpaqueInformationPointer(Other, Locked, (PVOID *)&Slot) == ERROR_NOT_FOUND);
    CHECK(RtmGetOpaqueInformationPointer(Own, Locked, (PVOID *)&Slot) == NO_ERROR && *Slot == NULL);
    CHECK(RtmLockDestination(Own, GARBAGE, TRUE, TRUE) == ERROR_INVALID_HANDLE);
    CHECK(RtmLockDestination(Own, Locked, TRUE, FALSE) == ERROR_INVALID_PARAMETER);
    CHECK(RtmLockDestination(Own, Locked, TRUE, TRUE) == NO_ERROR);
    *Slot = &Dest;
    Went = 0;
    HANDLE Thread = CreateThread(NULL, 0, LockIt, NULL, 0, NULL);
    CHECK(Thread != NULL);
    CHECK(WaitForSingleObject(Thread, 20) == WAIT_TIMEOUT && Went == 0);
    CHECK(RtmLockDestination(Own, Locked, TRUE, FALSE) == NO_ERROR);
    CHECK(Await(&Went, 1) && WaitForSingleObject(Thread, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK(CloseHandle(Thread));
    /* What is in the slot stays while the destination does, handle or not. */
    CHECK(RtmReleaseDestInfo(Own, &Dest) == NO_ERROR);
    CHECK(RtmGetExactMatchDestination(Own, &Address, 0, 0, &Dest) == NO_ERROR);
    CHECK(RtmGetOpaqueInformationPointer(Own, Dest.DestHandle, (PVOID *)&Again) == NO_ERROR);
    CHECK(Again == Slot && *Again == &Dest);
    CHECK(RtmReleaseDestInfo(Own, &Dest) == NO_ERROR);
    CHECK(RtmDeleteRouteToDest(Own, Handle, &Flags) == NO_ERROR);
    return NO_ERROR;
}

static DWORD All(VOID)
{
    union {
        RTM_ENTITY_EXPORT_METHODS Exported;
        UCHAR Room[sizeof(RTM_ENTITY_EXPORT_METHODS) + sizeof(RTM_ENTITY_EXPORT_METHOD)];
    } Export;
    Export.Exported.NumMethods = 2;
    Export.Exported.Methods[0] = First;
    RTM_ENTITY_EXPORT_METHOD Next = Second;
    memcpy(Export.Room + sizeof(RTM_ENTITY_EXPORT_METHODS), &Next, sizeof(Next));
    memset(&Heard, 0, sizeof(Heard));
    Heard.News = CreateEvent(NULL, FALSE, FALSE, NULL);
    CHECK(Heard.News != NULL);
    TRY(Entities());
    CHECK(Register(SAMPLE, NULL, Hear, TRUE, &Own) == NO_ERROR);
    CHECK(Register(SAMPLE + 1, &Export.Exported, NULL, FALSE, &Other) == NO_ERROR);
    TRY(NextHops());
    TRY(Hop(1, 1, &Via));
    TRY(Hop(2, 2, &Elsewhere));
    TRY(Routes());
    TRY(Lists());
    TRY(Lookups());
    TRY(Enumerations());
    TRY(Notifications());
    TRY(Methods());
    TRY(Destinations());
#ifdef LEAVES
    RTM_ROUTE_LIST_HANDLE List = NULL;
    RTM_ENUM_HANDLE Enum = NULL;
    RTM_NOTIFY_HANDLE Notify = NULL;
    RTM_ROUTE_HANDLE Handle = NULL;
    RTM_ROUTE_CHANGE_FLAGS Flags = 0;
    RTM_NET_ADDRESS Address = Net(10, 7, 0, 0, 16);
    RTM_ROUTE_INFO *Shown = NULL;
    ROUTE Route = Through(Via, 1);
    CHECK(RtmCreateRouteList(Own, &List) == NO_ERROR);
    CHECK(RtmCreateRouteListEnum(Own, List, &Enum) == NO_ERROR);
    CHECK(RtmRegisterForChangeNotification(Own, 1, RTM_CHANGE_TYPE_ALL, NULL, &Notify) == NO_ERROR);
    CHECK(RtmAddRouteToDest(Own, &Handle, &Address, &Route.Info, INFINITE, List, 0, NULL, &Flags) == NO_ERROR);
    CHECK(RtmLockRoute(Own, Handle, TRUE, TRUE, &Shown) == NO_ERROR);
#else
    CHECK(RtmDeleteNextHop(Own, Via, NULL) == NO_ERROR);
    CHECK(RtmDeleteNextHop(Own, Elsewhere, NULL) == NO_ERROR);
    CHECK(RtmDeregisterEntity(Other) == NO_ERROR);
    CHECK(RtmDeregisterEntity(Own) == NO_ERROR);
    CHECK(CloseHandle(Heard.News));
#endif
    return NO_ERROR;
}

static DWORD WINAPI SetAndCheck(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    TRY(All());
    return SetInterface(Index, Info, Version, Size, Count);
}

WAYPOST_EXPORT DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    DWORD Status = CorrectRegisterProtocol(Routing, Service);
    Routing->pfnSetInterfaceInfo = SetAndCheck;
    return Status;
}
