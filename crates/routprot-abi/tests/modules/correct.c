/*
 * A protocol that does nothing on the wire and obeys every rule of the interface: number 200, with a block of an interface
 * that has a metric of 1 to 16, a passive flag, and neighbours as its variable tail, and a global block of an interval.
 */
#include <string.h>
#include <waypost/routprot.h>

#define SAMPLE PROTOCOL_ID(PROTO_TYPE_UCAST, PROTO_VENDOR_MS0, 200)
#define INTERFACES 16
#define NEIGHBOURS 64
#define EVENTS 64
/* A valid value that cannot be carried out. */
#define UNLUCKY 13u

typedef struct BLOCK {
    ULONG Metric;
    ULONG Passive;
    ULONG Count;
    ULONG Neighbours[NEIGHBOURS];
} BLOCK;
#define FIXED_PART ((ULONG)offsetof(BLOCK, Neighbours))

typedef struct GLOBAL {
    ULONG Interval;
    ULONG Reserved;
} GLOBAL;

typedef struct INTERFACE {
    WINBOOL InUse;
    ULONG Index;
    BLOCK Block;
} INTERFACE;

static struct {
    WINBOOL Started;
    HANDLE Event;
    SUPPORT_FUNCTIONS *Support;
    GLOBAL Global;
    INTERFACE Interfaces[INTERFACES];
    struct {
        ROUTING_PROTOCOL_EVENTS Event;
        MESSAGE Message;
    } Queue[EVENTS];
    ULONG First, Queued;
} G;

static DWORD Say(ROUTING_PROTOCOL_EVENTS Event, MESSAGE Message)
{
    if (G.Queued == EVENTS)
        return ERROR_CAN_NOT_COMPLETE;
    ULONG Place = (G.First + G.Queued++) % EVENTS;
    G.Queue[Place].Event = Event;
    G.Queue[Place].Message = Message;
    SetEvent(G.Event);
    return NO_ERROR;
}

static INTERFACE *Find(ULONG Index)
{
    for (INTERFACE *Interface = G.Interfaces; Interface < G.Interfaces + INTERFACES; Interface++)
        if (Interface->InUse && Interface->Index == Index)
            return Interface;
    return NULL;
}

/* The interface with the lowest index above one, or at all. */
static INTERFACE *After(WINBOOL Any, ULONG Index)
{
    INTERFACE *Best = NULL;
    for (INTERFACE *Interface = G.Interfaces; Interface < G.Interfaces + INTERFACES; Interface++)
        if (Interface->InUse && (Any || Interface->Index > Index) && (Best == NULL || Interface->Index < Best->Index))
            Best = Interface;
    return Best;
}

static DWORD Read(const void *Info, ULONG Size, ULONG Count, BLOCK *Block)
{
    if (Info == NULL || Count != 1 || Size < FIXED_PART || Size > sizeof(*Block))
        return ERROR_INVALID_PARAMETER;
    memset(Block, 0, sizeof(*Block));
    memcpy(Block, Info, Size);
    if (Block->Count > NEIGHBOURS || Size != FIXED_PART + Block->Count * sizeof(ULONG))
        return ERROR_INVALID_PARAMETER;
    if (Block->Metric < 1 || Block->Metric > 16 || Block->Passive > 1)
        return ERROR_INVALID_PARAMETER;
    return Block->Metric == UNLUCKY ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
}

static DWORD ReadGlobal(const void *Info, ULONG Size, ULONG Count, GLOBAL *Global)
{
    if (Info == NULL || Count != 1 || Size != sizeof(*Global))
        return ERROR_INVALID_PARAMETER;
    memcpy(Global, Info, Size);
    if (Global->Interval < 1 || Global->Interval > 3600 || Global->Reserved != 0)
        return ERROR_INVALID_PARAMETER;
    return Global->Interval == UNLUCKY ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
}

/* The rule of buffers: what is needed is said whether it fits or not. */
static DWORD Write(const void *Data, ULONG Size, PVOID Buffer, PULONG BufferSize)
{
    ULONG Capacity = *BufferSize;
    *BufferSize = Size;
    if (Size == 0)
        return NO_ERROR;
    if (Buffer == NULL || Capacity < Size)
        return ERROR_INSUFFICIENT_BUFFER;
    memcpy(Buffer, Data, Size);
    return NO_ERROR;
}

static DWORD WriteInfo(const void *Data, ULONG Size, PVOID Buffer, PULONG BufferSize, PULONG Version,
                       PULONG StructureSize, PULONG Count)
{
    if (Version != NULL)
        *Version = 1;
    if (StructureSize != NULL)
        *StructureSize = Size;
    if (Count != NULL)
        *Count = 1;
    return Write(Data, Size, Buffer, BufferSize);
}

static ULONG SizeOf(const BLOCK *Block) { return FIXED_PART + Block->Count * (ULONG)sizeof(ULONG); }

static DWORD WINAPI Start(HANDLE Event, PSUPPORT_FUNCTIONS Support, LPVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    (void)Version;
    GLOBAL Global;
    DWORD Status = ReadGlobal(Info, Size, Count, &Global);
    if (G.Started || Status != NO_ERROR)
        return Status != NO_ERROR ? Status : ERROR_CAN_NOT_COMPLETE;
    if (Support->dwVersion != MS_ROUTER_VERSION || Support->dwReserved != 0)
        return ERROR_CAN_NOT_COMPLETE;
    G.Event = Event;
    G.Support = Support;
    G.Global = Global;
    G.Started = TRUE;
    return NO_ERROR;
}

static DWORD WINAPI Complete(VOID) { return G.Started ? NO_ERROR : ERROR_CAN_NOT_COMPLETE; }

static DWORD WINAPI Stop(VOID)
{
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    G.Started = FALSE;
#ifdef STOPS_AT_ONCE
    return NO_ERROR;
#else
    G.Queued = 0;
    MESSAGE Message = {{0, 0, 0}};
    Say(ROUTER_STOPPED, Message);
    return ERROR_PROTOCOL_STOP_PENDING;
#endif
}

static DWORD WINAPI GetGlobal(PVOID Buffer, PULONG BufferSize, PULONG Version, PULONG Size, PULONG Count)
{
    if (BufferSize == NULL)
        return ERROR_INVALID_PARAMETER;
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    return WriteInfo(&G.Global, sizeof(G.Global), Buffer, BufferSize, Version, Size, Count);
}

static DWORD WINAPI SetGlobal(PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    (void)Version;
    GLOBAL Global;
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    DWORD Status = ReadGlobal(Info, Size, Count, &Global);
    if (Status == NO_ERROR)
        G.Global = Global;
    return Status;
}

static DWORD WINAPI Add(LPWSTR Name, ULONG Index, NET_INTERFACE_TYPE Type, DWORD Media, WORD Access, WORD Connection,
                        PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    (void)Type, (void)Version;
    BLOCK Block;
    if (!G.Started || Media != 0 || Access != 0 || Connection != 0)
        return ERROR_CAN_NOT_COMPLETE;
    if (Name == NULL || Name[0] == 0 || Find(Index) != NULL)
        return ERROR_INVALID_PARAMETER;
    DWORD Status = Read(Info, Size, Count, &Block);
    if (Status != NO_ERROR)
        return Status;
    for (INTERFACE *Interface = G.Interfaces; Interface < G.Interfaces + INTERFACES; Interface++)
        if (!Interface->InUse) {
            Interface->InUse = TRUE;
            Interface->Index = Index;
            Interface->Block = Block;
            return NO_ERROR;
        }
    return ERROR_CAN_NOT_COMPLETE;
}

static DWORD WINAPI Delete(ULONG Index)
{
    INTERFACE *Interface = Find(Index);
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    if (Interface == NULL)
        return ERROR_INVALID_PARAMETER;
    Interface->InUse = FALSE;
    return NO_ERROR;
}

static DWORD WINAPI Status(ULONG Index, WINBOOL Active, DWORD Type, PVOID Info)
{
    (void)Active;
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    if (Find(Index) == NULL)
        return ERROR_INVALID_PARAMETER;
    if (Type == RIS_INTERFACE_ADDRESS_CHANGE) {
        const IP_ADAPTER_BINDING_INFO *Binding = Info;
        if (Binding == NULL)
            return ERROR_INVALID_PARAMETER;
        for (ULONG Place = 0; Place < Binding->AddressCount; Place++)
            if (Binding->Address[Place].Address == 0 || Binding->Address[Place].Mask == 0)
                return ERROR_INVALID_PARAMETER;
    } else if (Info != NULL) {
        return ERROR_INVALID_PARAMETER;
    }
    return NO_ERROR;
}

static DWORD WINAPI GetInterface(ULONG Index, PVOID Buffer, PULONG BufferSize, PULONG Version, PULONG Size, PULONG Count)
{
    const INTERFACE *Interface = Find(Index);
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    if (Interface == NULL || BufferSize == NULL)
        return ERROR_INVALID_PARAMETER;
    return WriteInfo(&Interface->Block, SizeOf(&Interface->Block), Buffer, BufferSize, Version, Size, Count);
}

static DWORD WINAPI SetInterface(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    (void)Version;
    BLOCK Block;
    INTERFACE *Interface = Find(Index);
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    if (Interface == NULL)
        return ERROR_INVALID_PARAMETER;
    DWORD Status = Read(Info, Size, Count, &Block);
    if (Status == NO_ERROR)
        Interface->Block = Block;
    return Status;
}

static DWORD WINAPI GetEventMessage(ROUTING_PROTOCOL_EVENTS *Event, MESSAGE *Result)
{
    if (G.Queued == 0)
        return ERROR_NO_MORE_ITEMS;
    *Event = G.Queue[G.First].Event;
    if (Result != NULL)
        *Result = G.Queue[G.First].Message;
    G.First = (G.First + 1) % EVENTS;
    G.Queued--;
    return NO_ERROR;
}

static DWORD WINAPI UpdateRoutes(ULONG Index)
{
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    if (Find(Index) == NULL)
        return ERROR_INVALID_PARAMETER;
    MESSAGE Message = {{Index, RF_DEMAND_UPDATE_ROUTES, NO_ERROR}};
    return Say(UPDATE_COMPLETE, Message);
}

static DWORD WINAPI Client(ULONG Index, PVOID Address)
{
    return Find(Index) == NULL || Address == NULL ? ERROR_INVALID_PARAMETER : NO_ERROR;
}

/* The input of every MIB function begins with an index. */
static DWORD Named(ULONG Size, const void *Input, PULONG Index)
{
    if (Input == NULL || Size < sizeof(*Index))
        return ERROR_INVALID_PARAMETER;
    memcpy(Index, Input, sizeof(*Index));
    return NO_ERROR;
}

static DWORD WINAPI MibNothing(ULONG Size, PVOID Input)
{
    (void)Size, (void)Input;
    return ERROR_INVALID_PARAMETER;
}

static DWORD WINAPI MibSet(ULONG Size, PVOID Input)
{
    ULONG Index = 0;
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    DWORD Status = Named(Size, Input, &Index);
    if (Status == NO_ERROR)
        Status = SetInterface(Index, (PBYTE)Input + sizeof(Index), 1, Size - (ULONG)sizeof(Index), 1);
    if (Status != NO_ERROR)
        return Status;
    MESSAGE Message = {{Index, 0, 0}};
    return Say(SAVE_INTERFACE_CONFIG_INFO, Message);
}

static DWORD Row(const INTERFACE *Interface, DWORD Missing, PULONG OutSize, PVOID Out)
{
    if (!G.Started)
        return ERROR_CAN_NOT_COMPLETE;
    if (OutSize == NULL)
        return ERROR_INVALID_PARAMETER;
    return Interface == NULL ? Missing : Write(&Interface->Block, SizeOf(&Interface->Block), Out, OutSize);
}

static DWORD WINAPI MibGet(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    ULONG Index = 0;
    DWORD Status = Named(Size, Input, &Index);
    return Status != NO_ERROR ? Status : Row(Find(Index), ERROR_INVALID_PARAMETER, OutSize, Out);
}

static DWORD WINAPI MibGetFirst(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    (void)Size, (void)Input;
    return Row(After(TRUE, 0), ERROR_NO_MORE_ITEMS, OutSize, Out);
}

static DWORD WINAPI MibGetNext(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    ULONG Index = 0;
    DWORD Status = Named(Size, Input, &Index);
    return Status != NO_ERROR ? Status : Row(After(FALSE, Index), ERROR_NO_MORE_ITEMS, OutSize, Out);
}

static DWORD WINAPI SetTrap(HANDLE Event, ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    (void)Event, (void)Size, (void)Input, (void)OutSize, (void)Out;
    return ERROR_ACCESS_DENIED;
}

static DWORD WINAPI GetTrap(ULONG Size, PVOID Input, PULONG OutSize, PVOID Out)
{
    (void)Size, (void)Input, (void)OutSize, (void)Out;
    return ERROR_ACCESS_DENIED;
}

DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    if (Routing->dwProtocolId != SAMPLE || Routing->dwVersion < MS_ROUTER_VERSION)
        return ERROR_NOT_SUPPORTED;
    Service->fSupportedFunctionality = 0;
    Routing->dwVersion = MS_ROUTER_VERSION;
    Routing->fSupportedFunctionality &= RF_ROUTING | RF_DEMAND_UPDATE_ROUTES;
    Routing->pfnStartProtocol = Start;
    Routing->pfnStartComplete = Complete;
    Routing->pfnStopProtocol = Stop;
    Routing->pfnGetGlobalInfo = GetGlobal;
    Routing->pfnSetGlobalInfo = SetGlobal;
    Routing->pfnAddInterface = Add;
    Routing->pfnDeleteInterface = Delete;
    Routing->pfnInterfaceStatus = Status;
    Routing->pfnGetInterfaceInfo = GetInterface;
    Routing->pfnSetInterfaceInfo = SetInterface;
    Routing->pfnGetEventMessage = GetEventMessage;
    Routing->pfnUpdateRoutes = UpdateRoutes;
    Routing->pfnConnectClient = Client;
    Routing->pfnDisconnectClient = Client;
    Routing->pfnMibCreateEntry = MibNothing;
    Routing->pfnMibDeleteEntry = MibNothing;
    Routing->pfnMibGetEntry = MibGet;
    Routing->pfnMibSetEntry = MibSet;
    Routing->pfnMibGetFirstEntry = MibGetFirst;
    Routing->pfnMibGetNextEntry = MibGetNext;
    Routing->pfnMibSetTrapInfo = SetTrap;
    Routing->pfnMibGetTrapInfo = GetTrap;
    return NO_ERROR;
}
