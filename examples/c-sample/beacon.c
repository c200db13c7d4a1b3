/*
 * The functions of the interface: registration, start and stop, interfaces and their blocks, events, and the MIB.
 *
 * The router calls one at a time. The speaker's thread runs beside them, so each takes the lock.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "beacon.h"
#include "json.h"
#include "socket.h"

#include <string.h>

STATE State;

/* ---- Events: a queue that the router empties when it was notified ------------------------------------------------ */

#define MOST_EVENTS (MOST_INTERFACES + 1u)

static struct {
    ROUTING_PROTOCOL_EVENTS Event;
    MESSAGE Message;
} Queue[MOST_EVENTS];
static ULONG First, Queued;

static DWORD Notify(ROUTING_PROTOCOL_EVENTS Event, ULONG Index)
{
    if (Queued == MOST_EVENTS)
        return ERROR_CAN_NOT_COMPLETE;
    ULONG Place = (First + Queued++) % MOST_EVENTS;
    Queue[Place].Event = Event;
    Queue[Place].Message.InterfaceIndex = Index;
    SetEvent(State.Notify);
    return NO_ERROR;
}

static DWORD WINAPI GetEventMessage(ROUTING_PROTOCOL_EVENTS *Event, MESSAGE *Result)
{
    DWORD Status = ERROR_NO_MORE_ITEMS;
    EnterCriticalSection(&State.Lock);
    if (Queued > 0) {
        *Event = Queue[First].Event;
        if (Result != NULL)
            *Result = Queue[First].Message;
        First = (First + 1) % MOST_EVENTS;
        Queued--;
        Status = NO_ERROR;
    }
    LeaveCriticalSection(&State.Lock);
    return Status;
}

void HasStopped(void) { Notify(ROUTER_STOPPED, 0); }

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

/* Everything is looked at before anything is taken: a block that is refused has changed nothing. Version 0 comes from who
 * does not say one. */
DWORD ReadBlock(const void *Info, ULONG Version, ULONG Size, ULONG Count, BEACON_INTERFACE *Block, const char **Reason)
{
    *Reason = "the size is not that of the fixed part and of Count prefixes";
    if (Info == NULL || Version > BLOCK_VERSION || Count != 1 || Size < FIXED_PART || Size > sizeof(*Block))
        return ERROR_INVALID_PARAMETER;
    memset(Block, 0, sizeof(*Block));
    memcpy(Block, Info, Size);
    if (Block->Count > MOST_PREFIXES || Size != SIZE_OF(Block))
        return ERROR_INVALID_PARAMETER;
    *Reason = "metric: 1 to 255; announce: 1 to 3600 seconds; hold: more than announce, up to 65535 seconds";
    if (Block->Metric < 1 || Block->Metric > 255 || Block->Announce < 1 || Block->Announce > 3600 ||
        Block->Hold <= Block->Announce || Block->Hold > 65535)
        return ERROR_INVALID_PARAMETER;
    *Reason = "a prefix is an address without host bits, and a mask of ones and then zeros";
    for (ULONG Place = 0; Place < Block->Count; Place++)
        if (!IsPrefix(&Block->Prefixes[Place]))
            return ERROR_INVALID_PARAMETER;
    return NO_ERROR;
}

DWORD ReadGlobal(const void *Info, ULONG Version, ULONG Size, ULONG Count, BEACON_GLOBAL *Global)
{
    if (Info == NULL || Version > BLOCK_VERSION || Count != 1 || Size != sizeof(*Global))
        return ERROR_INVALID_PARAMETER;
    memcpy(Global, Info, Size);
    return Global->Preference > 255 ? ERROR_INVALID_PARAMETER : NO_ERROR;
}

WINBOOL IsPrefix(const BEACON_PREFIX *Prefix)
{
    const UCHAR *Octets = (const UCHAR *)&Prefix->Mask;
    ULONG Host = ~((ULONG)Octets[0] << 24 | (ULONG)Octets[1] << 16 | (ULONG)Octets[2] << 8 | Octets[3]);
    return (Host & (Host + 1)) == 0 && (Prefix->Address & ~Prefix->Mask) == 0;
}

/* The rule of buffers: what is needed is said, whether there is room for it or not. */
static DWORD Write(const void *Data, ULONG Size, PVOID Buffer, PULONG BufferSize)
{
    ULONG Capacity = *BufferSize;
    *BufferSize = Size;
    if (Buffer == NULL || Capacity < Size)
        return ERROR_INSUFFICIENT_BUFFER;
    memcpy(Buffer, Data, Size);
    return NO_ERROR;
}

DWORD WriteText(PVOID Answer, PULONG AnswerSize)
{
    size_t Length;
    const char *Text = MadeText(&Length);
    return Write(Text, (ULONG)Length, Answer, AnswerSize);
}

static DWORD WriteBlock(const void *Data, ULONG Size, PVOID Buffer, PULONG BufferSize, PULONG Version, PULONG StructureSize,
                        PULONG Count)
{
    if (BufferSize == NULL)
        return ERROR_INVALID_PARAMETER;
    if (Version != NULL)
        *Version = BLOCK_VERSION;
    if (StructureSize != NULL)
        *StructureSize = Size;
    if (Count != NULL)
        *Count = 1;
    return Write(Data, Size, Buffer, BufferSize);
}

/* ---- Start and stop ---------------------------------------------------------------------------------------------- */

static DWORD WINAPI StartProtocol(HANDLE Event, PSUPPORT_FUNCTIONS Support, LPVOID Info, ULONG Version, ULONG Size,
                                  ULONG Count)
{
    BEACON_GLOBAL Global;
    DWORD Status = ReadGlobal(Info, Version, Size, Count, &Global);
    if (Status != NO_ERROR)
        return Status;
    EnterCriticalSection(&State.Lock);
    Status = State.Running ? ERROR_CAN_NOT_COMPLETE : OpenTable();
    if (Status == NO_ERROR) {
        State.Running = TRUE;
        State.Notify = Event;
        State.Support = Support;
        State.Global = Global;
        Status = StartSpeaker();
        if (Status != NO_ERROR) {
            State.Running = FALSE;
            CloseTable();
        }
    }
    LeaveCriticalSection(&State.Lock);
    return Status;
}

static DWORD WINAPI StartComplete(VOID) { return State.Running ? NO_ERROR : ERROR_CAN_NOT_COMPLETE; }

/* The speaker says good-bye and ends; ROUTER_STOPPED tells when. */
static DWORD WINAPI StopProtocol(VOID)
{
    EnterCriticalSection(&State.Lock);
    WINBOOL Running = State.Running;
    if (Running) {
        State.Running = FALSE;
        Queued = 0;
        WakeSocket();
    }
    LeaveCriticalSection(&State.Lock);
    return Running ? ERROR_PROTOCOL_STOP_PENDING : ERROR_CAN_NOT_COMPLETE;
}

/* Begins a function that needs a running protocol: takes the lock. */
static DWORD Enter(void)
{
    EnterCriticalSection(&State.Lock);
    return State.Running ? NO_ERROR : ERROR_CAN_NOT_COMPLETE;
}

/* The same for one that is about an interface. */
static DWORD EnterInterface(ULONG Index, INTERFACE **Interface)
{
    DWORD Status = Enter();
    *Interface = FindInterface(Index);
    return Status == NO_ERROR && *Interface == NULL ? ERROR_INVALID_PARAMETER : Status;
}

static DWORD Leave(DWORD Status)
{
    LeaveCriticalSection(&State.Lock);
    return Status;
}

static DWORD WINAPI GetGlobalInfo(PVOID Buffer, PULONG BufferSize, PULONG Version, PULONG Size, PULONG Count)
{
    DWORD Status = Enter();
    if (Status == NO_ERROR)
        Status = WriteBlock(&State.Global, sizeof(State.Global), Buffer, BufferSize, Version, Size, Count);
    return Leave(Status);
}

static DWORD WINAPI SetGlobalInfo(PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    BEACON_GLOBAL Global;
    DWORD Status = Enter();
    if (Status == NO_ERROR)
        Status = ReadGlobal(Info, Version, Size, Count, &Global);
    if (Status == NO_ERROR)
        State.Global = Global;
    return Leave(Status);
}

/* ---- Interfaces -------------------------------------------------------------------------------------------------- */

INTERFACE *FindInterface(ULONG Index)
{
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++)
        if (Interface->InUse && Interface->Index == Index)
            return Interface;
    return NULL;
}

/* UTF-16 as UTF-8; what there is no room for is left out, and half a pair is U+FFFD. */
static void CopyName(INTERFACE *Interface, LPCWSTR Name)
{
    ULONG Length = 0;
    while (*Name != 0 && Length + 4 < sizeof(Interface->Name)) {
        ULONG Point = *Name++;
        if (Point >= 0xD800 && Point < 0xDC00 && *Name >= 0xDC00 && *Name < 0xE000)
            Point = 0x10000 + ((Point - 0xD800) << 10) + (*Name++ - 0xDC00u);
        else if (Point >= 0xD800 && Point < 0xE000)
            Point = 0xFFFD;
        int Rest = Point < 0x80 ? 0 : Point < 0x800 ? 1 : Point < 0x10000 ? 2 : 3;
        static const UCHAR Lead[] = {0x00, 0xC0, 0xE0, 0xF0};
        Interface->Name[Length++] = (CHAR)(Lead[Rest] | Point >> 6 * Rest);
        while (Rest-- > 0)
            Interface->Name[Length++] = (CHAR)(0x80 | (Point >> 6 * Rest & 0x3F));
    }
    Interface->Name[Length] = '\0';
}

static DWORD WINAPI AddInterface(LPWSTR Name, ULONG Index, NET_INTERFACE_TYPE Type, DWORD Media, WORD Access,
                                 WORD Connection, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    (void)Type, (void)Media, (void)Access, (void)Connection;
    BEACON_INTERFACE Block;
    const char *Reason;
    DWORD Status = Enter();
    if (Status == NO_ERROR)
        Status = FindInterface(Index) != NULL ? ERROR_INVALID_PARAMETER
                                              : ReadBlock(Info, Version, Size, Count, &Block, &Reason);
    INTERFACE *Free = NULL;
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++)
        if (!Interface->InUse && !Interface->Joined)
            Free = Interface;
    if (Status == NO_ERROR && Free == NULL)
        Status = ERROR_CAN_NOT_COMPLETE;
    if (Status == NO_ERROR) {
        memset(Free, 0, sizeof(*Free));
        Free->InUse = TRUE;
        Free->Index = Index;
        CopyName(Free, Name);
        Free->Block = Block;
    }
    return Leave(Status);
}

static DWORD WINAPI DeleteInterface(ULONG Index)
{
    INTERFACE *Interface;
    DWORD Status = EnterInterface(Index, &Interface);
    if (Status == NO_ERROR) {
        Interface->InUse = FALSE;
        UpdateRoutes(Interface, TRUE);
        WakeSocket();
    }
    return Leave(Status);
}

static DWORD WINAPI InterfaceStatus(ULONG Index, WINBOOL Active, DWORD Type, PVOID Info)
{
    INTERFACE *Interface;
    DWORD Status = EnterInterface(Index, &Interface);
    if (Status == NO_ERROR && (Type == RIS_INTERFACE_ADDRESS_CHANGE) != (Info != NULL))
        Status = ERROR_INVALID_PARAMETER;
    if (Status == NO_ERROR) {
        WINBOOL Was = IsUp(Interface);
        ULONG Before = Interface->Address;
        Interface->Active = Active;
        if (Type == RIS_INTERFACE_ADDRESS_CHANGE) {
            const IP_ADAPTER_BINDING_INFO *Binding = Info;
            Interface->Address = Binding->AddressCount > 0 ? Binding->Address[0].Address : 0;
        }
        if (Was && !IsUp(Interface))
            UpdateRoutes(Interface, TRUE);
        if (!Was || Before != Interface->Address)
            Interface->Due = 0;
        WakeSocket();
    }
    return Leave(Status);
}

static DWORD WINAPI GetInterfaceInfo(ULONG Index, PVOID Buffer, PULONG BufferSize, PULONG Version, PULONG Size,
                                     PULONG Count)
{
    INTERFACE *Interface;
    DWORD Status = EnterInterface(Index, &Interface);
    if (Status == NO_ERROR)
        Status = WriteBlock(&Interface->Block, SIZE_OF(&Interface->Block), Buffer, BufferSize, Version, Size, Count);
    return Leave(Status);
}

/* Live: what is new is announced at once, and routes that were heard here have the new metric when this returns. */
static DWORD WINAPI SetInterfaceInfo(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    INTERFACE *Interface;
    BEACON_INTERFACE Block;
    const char *Reason;
    DWORD Status = EnterInterface(Index, &Interface);
    if (Status == NO_ERROR)
        Status = ReadBlock(Info, Version, Size, Count, &Block, &Reason);
    if (Status == NO_ERROR) {
        WINBOOL NewMetric = Interface->Block.Metric != Block.Metric;
        Interface->Block = Block;
        if (NewMetric)
            UpdateRoutes(Interface, FALSE);
        Interface->Due = 0;
        WakeSocket();
    }
    return Leave(Status);
}

/* ---- MIB: the counters of each interface, by its index ------------------------------------------------------------ */

typedef struct {
    ULONG Index;
    COUNTERS Counters;
} ROW;

static DWORD WriteRow(const INTERFACE *Interface, DWORD Missing, PULONG OutSize, PVOID Out)
{
    if (OutSize == NULL)
        return ERROR_INVALID_PARAMETER;
    if (Interface == NULL)
        return Missing;
    ROW Row = {Interface->Index, Interface->Counters};
    return Write(&Row, sizeof(Row), Out, OutSize);
}

/* The interface with the lowest index from one on. */
static INTERFACE *From(ULONGLONG Index)
{
    INTERFACE *Best = NULL;
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++)
        if (Interface->InUse && Interface->Index >= Index && (Best == NULL || Interface->Index < Best->Index))
            Best = Interface;
    return Best;
}

static DWORD ReadIndex(ULONG Size, const void *Input, PULONG Index)
{
    if (Input == NULL || Size < sizeof(*Index))
        return ERROR_INVALID_PARAMETER;
    memcpy(Index, Input, sizeof(*Index));
    return NO_ERROR;
}

static DWORD WINAPI MibGet(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    ULONG Index;
    DWORD Status = Enter();
    if (Status == NO_ERROR)
        Status = ReadIndex(Size, Input, &Index);
    if (Status == NO_ERROR)
        Status = WriteRow(FindInterface(Index), ERROR_INVALID_PARAMETER, OutSize, Out);
    return Leave(Status);
}

static DWORD WINAPI MibGetFirst(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    (void)Size, (void)Input;
    DWORD Status = Enter();
    if (Status == NO_ERROR)
        Status = WriteRow(From(0), ERROR_NO_MORE_ITEMS, OutSize, Out);
    return Leave(Status);
}

static DWORD WINAPI MibGetNext(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    ULONG Index;
    DWORD Status = Enter();
    if (Status == NO_ERROR)
        Status = ReadIndex(Size, Input, &Index);
    if (Status == NO_ERROR)
        Status = WriteRow(From((ULONGLONG)Index + 1), ERROR_NO_MORE_ITEMS, OutSize, Out);
    return Leave(Status);
}

/* An index, and a block for it: set as by the router, which is asked to keep it. */
static DWORD WINAPI MibSet(ULONG Size, PVOID Input)
{
    ULONG Index;
    DWORD Status = ReadIndex(Size, Input, &Index);
    if (Status == NO_ERROR)
        Status = SetInterfaceInfo(Index, (PBYTE)Input + sizeof(Index), BLOCK_VERSION, Size - (ULONG)sizeof(Index), 1);
    if (Status != NO_ERROR)
        return Status;
    EnterCriticalSection(&State.Lock);
    return Leave(Notify(SAVE_INTERFACE_CONFIG_INFO, Index));
}

static DWORD WINAPI MibChange(ULONG Size, PVOID Input)
{
    (void)Size, (void)Input;
    return ERROR_INVALID_PARAMETER;
}

static DWORD WINAPI MibSetTrap(HANDLE Event, ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    (void)Event, (void)Size, (void)Input, (void)OutSize, (void)Out;
    return ERROR_INVALID_PARAMETER;
}

static DWORD WINAPI MibGetTrap(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    (void)Size, (void)Input, (void)OutSize, (void)Out;
    return ERROR_INVALID_PARAMETER;
}

/* ---- Registration ------------------------------------------------------------------------------------------------ */

DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    if (Routing->dwProtocolId != BEACON || Routing->dwVersion < MS_ROUTER_VERSION)
        return ERROR_NOT_SUPPORTED;
    InitializeCriticalSection(&State.Lock);
    State.Trace = TraceRegisterA("beacon");
    Service->fSupportedFunctionality = 0;
    Routing->dwVersion = MS_ROUTER_VERSION;
    Routing->fSupportedFunctionality &= RF_ROUTING;
    Routing->pfnStartProtocol = StartProtocol;
    Routing->pfnStartComplete = StartComplete;
    Routing->pfnStopProtocol = StopProtocol;
    Routing->pfnGetGlobalInfo = GetGlobalInfo;
    Routing->pfnSetGlobalInfo = SetGlobalInfo;
    Routing->pfnAddInterface = AddInterface;
    Routing->pfnDeleteInterface = DeleteInterface;
    Routing->pfnInterfaceStatus = InterfaceStatus;
    Routing->pfnGetInterfaceInfo = GetInterfaceInfo;
    Routing->pfnSetInterfaceInfo = SetInterfaceInfo;
    Routing->pfnGetEventMessage = GetEventMessage;
    Routing->pfnMibCreateEntry = MibChange;
    Routing->pfnMibDeleteEntry = MibChange;
    Routing->pfnMibGetEntry = MibGet;
    Routing->pfnMibSetEntry = MibSet;
    Routing->pfnMibGetFirstEntry = MibGetFirst;
    Routing->pfnMibGetNextEntry = MibGetNext;
    Routing->pfnMibSetTrapInfo = MibSetTrap;
    Routing->pfnMibGetTrapInfo = MibGetTrap;
    return NO_ERROR;
}
