/*
 * What libwaypost-routprot offers to the host of modules, beside what was published for Windows: who owns what, where trace
 * lines go, and the way out. Modules need nothing of it.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_WAYPOST_H
#define WAYPOST_WAYPOST_H

#include "rtmv2.h"
#include "windows.h"

WAYPOST_BEGIN

/*
 * Every object, heap block, thread, work item and timer belongs to a module: a number of the host's choosing. It is the
 * module of the thread that makes it; threads, work items and timers run as the module that asked for them. A thread that
 * says nothing works for module 0, the host itself.
 *
 * WaypostSetModule makes the calling thread work for a module and returns the one it worked for before. A host sets it
 * around each call into a module.
 */
WAYPOST_EXPORT DWORD WINAPI WaypostSetModule(DWORD dwModule);

/* What a module holds. Later versions only add to its end. */
typedef struct _WAYPOST_USAGE {
    ULONGLONG Handles;       /* events, mutexes, semaphores, threads: handles not closed */
    ULONGLONG Heaps;         /* of HeapCreate, not destroyed */
    ULONGLONG HeapBlocks;    /* of every heap, that of the process included */
    ULONGLONG HeapBytes;     /* in these blocks, as asked for */
    ULONGLONG DamagedBlocks; /* written before or behind their end, found when freed; never given back */
    ULONGLONG Threads;       /* of CreateThread, that run */
    ULONGLONG WorkItems;     /* queued or running, callbacks of timers and waits included */
    ULONGLONG TimerQueues;   /* not deleted */
    ULONGLONG Timers;        /* not deleted */
    ULONGLONG TraceIds;      /* registered, log handles included */
    ULONGLONG Waits;         /* registered, not unregistered */
} WAYPOST_USAGE, *PWAYPOST_USAGE;

/*
 * A module that was never heard of holds nothing. dwSize is what the caller takes sizeof(WAYPOST_USAGE) to be: so many octets
 * are written, whatever this version knows. FALSE: ERROR_INVALID_PARAMETER, no place for the answer.
 */
WAYPOST_EXPORT BOOL WINAPI WaypostLibraryUsage(DWORD dwModule, PWAYPOST_USAGE pUsage, DWORD dwSize);

/*
 * Ends what a module has left: its timers, its registered waits and its queued work are dropped, its running threads and
 * callbacks are waited for, then its handles are closed and its heaps, heap blocks and trace ids freed. From the call on the
 * module can start nothing new until it was ended; afterwards its number may be used again.
 *
 * TRUE: nothing of the module runs any more and it may be unloaded. FALSE with WAIT_TIMEOUT: something still runs in its
 * code, which must stay where it is; nothing was freed, and the call may be repeated.
 */
WAYPOST_EXPORT BOOL WINAPI WaypostLibraryShutdown(DWORD dwModule, DWORD dwMilliseconds);

/*
 * A descriptor (eventfd(2)) to poll for an event: readable for as long as the event is signalled. It is the event's, which
 * reads and writes it and closes it at its own end; whoever polls it then takes the event by WaitForSingleObject with 0.
 * -1: ERROR_INVALID_HANDLE, or ERROR_NO_SYSTEM_RESOURCES.
 */
WAYPOST_EXPORT int WINAPI WaypostEventDescriptor(HANDLE hEvent);

/*
 * The handle by which a module signals an event of its host: SetEvent adds to, and ResetEvent empties, a descriptor of
 * eventfd(2). No handle of the library and no pointer looks like it, and it holds for modules that are linked to the archive
 * as well. It is the host's to wait for and to close.
 */
#define WAYPOST_HOST_EVENT_MARK 0x57504556u
#define WAYPOST_HOST_EVENT(Descriptor)                                                                                 \
    WAYPOST_POINTER_CAST(HANDLE, (WAYPOST_STATIC_CAST(uintptr_t, WAYPOST_HOST_EVENT_MARK) << 32) |                     \
                                     WAYPOST_STATIC_CAST(uint32_t, (Descriptor)))

/*
 * Takes a trace line: the module that wrote it, the name it registered under, the text in UTF-8 without its line end. One
 * call at a time, so it should be short: whoever traces meanwhile waits. What a sink traces itself is dropped.
 */
typedef void(CALLBACK *WAYPOST_TRACE_SINK)(PVOID pContext, DWORD dwModule, LPCSTR pszName, LPCSTR pszLine);

/* NULL is standard error. When it returns, the sink before is not running and will not be called again. */
WAYPOST_EXPORT void WINAPI WaypostSetTraceSink(WAYPOST_TRACE_SINK pfnSink, PVOID pContext);

/*
 * The routing table (rtmv2.h) is the host's: each of its functions hands its arguments on to the one of the same name that the
 * host has installed, and is ERROR_NOT_SUPPORTED without one. These are all but RtmRegisterEntity.
 */
#define WAYPOST_RTM_FUNCTIONS(F)                                                                                       \
    F(DeregisterEntity) F(GetRegisteredEntities) F(ReleaseEntities) F(LockDestination)                                 \
    F(GetOpaqueInformationPointer) F(GetEntityMethods) F(InvokeMethod) F(BlockMethods) F(GetEntityInfo)                \
    F(GetDestInfo) F(GetRouteInfo) F(GetNextHopInfo) F(ReleaseEntityInfo) F(ReleaseDestInfo) F(ReleaseRouteInfo)       \
    F(ReleaseNextHopInfo) F(AddRouteToDest) F(DeleteRouteToDest) F(HoldDestination) F(GetRoutePointer) F(LockRoute)    \
    F(UpdateAndUnlockRoute) F(GetExactMatchDestination) F(GetMostSpecificDestination) F(GetLessSpecificDestination)    \
    F(GetExactMatchRoute) F(IsBestRoute) F(AddNextHop) F(FindNextHop) F(DeleteNextHop) F(GetNextHopPointer)            \
    F(LockNextHop) F(CreateDestEnum) F(GetEnumDests) F(ReleaseDests) F(CreateRouteEnum) F(GetEnumRoutes)               \
    F(ReleaseRoutes) F(CreateNextHopEnum) F(GetEnumNextHops) F(ReleaseNextHops) F(DeleteEnumHandle)                    \
    F(RegisterForChangeNotification) F(GetChangedDests) F(ReleaseChangedDests) F(IgnoreChangedDests)                   \
    F(GetChangeStatus) F(MarkDestForChangeNotification) F(IsMarkedForChangeNotification)                               \
    F(DeregisterFromChangeNotification) F(CreateRouteList) F(InsertInRouteList) F(CreateRouteListEnum)                 \
    F(GetListEnumRoutes) F(DeleteRouteList) F(ReferenceHandles)

#define WAYPOST_RTM_FUNCTION(Name) __typeof__(Rtm##Name) *Name;

/* Later versions only add to its end. */
typedef struct _WAYPOST_RTM {
    DWORD Size; /* sizeof(WAYPOST_RTM) of the host */
    /* dwModule is the module that the calling thread works for: whose entity it will be. */
    DWORD(WINAPI *RegisterEntity)
    (DWORD dwModule, PRTM_ENTITY_INFO RtmEntityInfo, PRTM_ENTITY_EXPORT_METHODS ExportMethods,
     RTM_EVENT_CALLBACK EventCallback, WINBOOL ReserveOpaquePointer, PRTM_REGN_PROFILE RtmRegProfile,
     PRTM_ENTITY_HANDLE RtmRegHandle);
    WAYPOST_RTM_FUNCTIONS(WAYPOST_RTM_FUNCTION)
} WAYPOST_RTM, *PWAYPOST_RTM;

/*
 * What a module that is linked to none of this library may export instead, as "WaypostTakeRtm": the host calls it once, before
 * RegisterProtocol and only if it has a routing table, with the functions and the number to pass to RegisterEntity. Both hold
 * for as long as the module is loaded.
 */
typedef void(WINAPI *PWAYPOST_TAKE_RTM)(DWORD dwModule, const WAYPOST_RTM *pRtm);

#define WAYPOST_TAKE_RTM_ENTRY_POINT_STRING "WaypostTakeRtm"

/* Installs the host's functions for all modules. The structure must stay; NULL is none again. */
WAYPOST_EXPORT void WINAPI WaypostSetRtm(const WAYPOST_RTM *pRtm);

WAYPOST_END

#endif
