/*
 * Modules that misbehave, each in one way: MISBEHAVIOUR chooses. All but that is the correct protocol.
 */
#define _GNU_SOURCE
#define RegisterProtocol CorrectRegisterProtocol
#include "correct.c"
#undef RegisterProtocol

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum misbehaviour {
    CRASHES_IN_SET = 1,
    DIVIDES_BY_ZERO,
    OVERFLOWS_ITS_STACK,
    ABORTS_IN_START,
    EXITS_IN_SET,
    HANGS_IN_SET,
    HANGS_IN_STOP,
    WRITES_PAST_THE_BUFFER,
    WRITES_BEFORE_THE_BLOCK,
    CLAIMS_TO_HAVE_WRITTEN_MORE,
    WANTS_GIGABYTES,
    SAYS_MEANINGLESS_EVENTS,
    CLAIMS_A_NEWER_VERSION,
    LEAVES_OUT_A_FUNCTION,
    OFFERS_POWER,
    REGISTERS_ANOTHER_PROTOCOL,
    CLAIMS_MORE_FUNCTIONALITY,
    CRASHES_IN_REGISTER,
    CRASHES_WHEN_LOADED,
    KILLS_ITS_PARENT,
    MAKES_PROCESSES,
    RUNS_PROGRAMS,
    WRITES_FILES,
    CLOSES_EVERYTHING,
    TALKS_NONSENSE_TO_THE_HOST,
    FREES_WHAT_IS_NOT_ITS_OWN,
    EATS_MEMORY,
    CRASHES_IN_A_THREAD,
    ASKS_FROM_MANY_THREADS,
    PASSES_BAD_POINTERS,
    SIGNALS_ENDLESSLY,
    LEAKS_EVERYTHING,
    CHANGES_LIMITS,
};

static volatile int Zero;
static int Deep(int Depth)
{
    volatile char Space[4096];
    Space[0] = (char)Depth;
    return Depth < 0 ? 0 : Deep(Depth + 1) + Space[0];
}

static void *Crash(void *Argument)
{
    (void)Argument;
    *(volatile int *)(uintptr_t)Zero = 1;
    return NULL;
}

static volatile LONG Wrong;
static void *Ask(void *Argument)
{
    (void)Argument;
    for (int Round = 0; Round < 200; Round++) {
        if (G.Support->GetRouterId() == 0 || G.Support->HasMulticastBoundary(4711, 0))
            InterlockedIncrement(&Wrong);
        if (G.Support->DemandDialRequest(SAMPLE, 4711) != ERROR_INVALID_PARAMETER)
            InterlockedIncrement(&Wrong);
    }
    return NULL;
}

static DWORD BadPointers(VOID)
{
    ULONG Size = 0;
    if (G.Support->ValidateRoute(SAMPLE, NULL, NULL) != ERROR_INVALID_PARAMETER)
        return ERROR_CAN_NOT_COMPLETE;
    if (G.Support->MIBEntryGet(SAMPLE, 4, NULL, &Size, NULL) != ERROR_INVALID_PARAMETER)
        return ERROR_CAN_NOT_COMPLETE;
    if (G.Support->MIBEntryGet(SAMPLE, 0, NULL, NULL, NULL) != ERROR_INVALID_PARAMETER)
        return ERROR_CAN_NOT_COMPLETE;
    if (G.Support->SetInterfaceReceiveType(SAMPLE, 1, 77, TRUE) != ERROR_INVALID_PARAMETER)
        return ERROR_CAN_NOT_COMPLETE;
    return NO_ERROR;
}

/* 0 when what was tried was refused. */
static DWORD Try(VOID)
{
    switch (MISBEHAVIOUR) {
    case KILLS_ITS_PARENT:
        return kill(getppid(), SIGKILL) == 0 ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
    case MAKES_PROCESSES: {
        pid_t Child = fork();
        if (Child == 0)
            _exit(0);
        return Child > 0 ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
    }
    case RUNS_PROGRAMS:
        return execl("/bin/true", "true", (char *)NULL) == 0 ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
    case CHANGES_LIMITS: {
        struct rlimit Limit;
        if (getrlimit(RLIMIT_NOFILE, &Limit) != 0)
            return ERROR_NOT_ENOUGH_MEMORY;
        if (prlimit(getppid(), RLIMIT_NOFILE, NULL, &Limit) == 0)
            return ERROR_CAN_NOT_COMPLETE;
        return setrlimit(RLIMIT_NOFILE, &Limit) == 0 ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
    }
    case WRITES_FILES: {
        int File = open("/tmp/a-module-was-here", O_CREAT | O_WRONLY, 0600);
        return File >= 0 ? ERROR_CAN_NOT_COMPLETE : NO_ERROR;
    }
    case PASSES_BAD_POINTERS:
        return BadPointers();
    case ASKS_FROM_MANY_THREADS: {
        pthread_t Threads[8];
        for (int Place = 0; Place < 8; Place++)
            if (pthread_create(&Threads[Place], NULL, Ask, NULL) != 0)
                return ERROR_NOT_ENOUGH_MEMORY;
        for (int Place = 0; Place < 8; Place++)
            pthread_join(Threads[Place], NULL);
        return Wrong == 0 ? NO_ERROR : ERROR_CAN_NOT_COMPLETE;
    }
    case LEAKS_EVERYTHING:
        for (int Round = 0; Round < 100; Round++) {
            (void)CreateEvent(NULL, TRUE, FALSE, NULL);
            (void)HeapAlloc(GetProcessHeap(), 0, 1000);
        }
        return NO_ERROR;
    case SIGNALS_ENDLESSLY:
        for (int Round = 0; Round < 100000; Round++)
            SetEvent(G.Event);
        return NO_ERROR;
    default:
        return NO_ERROR;
    }
}

static DWORD WINAPI HostileSet(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    switch (MISBEHAVIOUR) {
    case CRASHES_IN_SET:
        Crash(NULL);
        break;
    case DIVIDES_BY_ZERO:
        return (DWORD)(77 / Zero);
    case OVERFLOWS_ITS_STACK:
        return (DWORD)Deep(0);
    case EXITS_IN_SET:
        _exit(3);
    case HANGS_IN_SET:
        for (;;)
            pause();
    case WRITES_BEFORE_THE_BLOCK:
        memset((PBYTE)Info - 8, 0, 8);
        break;
    case CLOSES_EVERYTHING:
        for (int Descriptor = 0; Descriptor < 1024; Descriptor++)
            close(Descriptor);
        break;
    case TALKS_NONSENSE_TO_THE_HOST: {
        static const char Nonsense[64] = "nonsense";
        for (int Descriptor = 0; Descriptor < 16; Descriptor++)
            if (write(Descriptor, Nonsense, sizeof(Nonsense)) < 0)
                continue;
        break;
    }
    case FREES_WHAT_IS_NOT_ITS_OWN:
        free((PBYTE)Info + 4);
        break;
    case EATS_MEMORY:
        for (;;)
            memset(malloc(64 << 20), 1, 64 << 20);
    case CRASHES_IN_A_THREAD: {
        pthread_t Thread;
        if (pthread_create(&Thread, NULL, Crash, NULL) == 0)
            pthread_join(Thread, NULL);
        break;
    }
    default: {
        DWORD Status = Try();
        if (Status != NO_ERROR)
            return Status;
        break;
    }
    }
    return SetInterface(Index, Info, Version, Size, Count);
}

static DWORD WINAPI HostileGet(ULONG Index, PVOID Buffer, PULONG BufferSize, PULONG Version, PULONG Size, PULONG Count)
{
    ULONG Capacity = *BufferSize;
    DWORD Status = GetInterface(Index, Buffer, BufferSize, Version, Size, Count);
    if (MISBEHAVIOUR == WANTS_GIGABYTES) {
        *BufferSize = 0xFFFFFFFFu;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if (MISBEHAVIOUR == WRITES_PAST_THE_BUFFER && Buffer != NULL)
        memset((PBYTE)Buffer + Capacity, 0, 8);
    if (MISBEHAVIOUR == CLAIMS_TO_HAVE_WRITTEN_MORE && Status == NO_ERROR)
        *BufferSize = Capacity + 100;
    return Status;
}

static DWORD WINAPI HostileStart(HANDLE Event, PSUPPORT_FUNCTIONS Support, LPVOID Info, ULONG Version, ULONG Size,
                                 ULONG Count)
{
    if (MISBEHAVIOUR == ABORTS_IN_START)
        abort();
    return Start(Event, Support, Info, Version, Size, Count);
}

static DWORD WINAPI HostileStop(VOID)
{
    if (MISBEHAVIOUR == HANGS_IN_STOP)
        for (;;)
            pause();
    return Stop();
}

static DWORD WINAPI HostileEvent(ROUTING_PROTOCOL_EVENTS *Event, MESSAGE *Result)
{
    if (MISBEHAVIOUR != SAYS_MEANINGLESS_EVENTS)
        return GetEventMessage(Event, Result);
    *(int *)Event = 77;
    return NO_ERROR;
}

static DWORD WINAPI Power(DWORD Type)
{
    (void)Type;
    return NO_ERROR;
}

__attribute__((constructor)) static void Loaded(void)
{
    if (MISBEHAVIOUR == CRASHES_WHEN_LOADED)
        Crash(NULL);
}

WAYPOST_EXPORT DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    DWORD Status = CorrectRegisterProtocol(Routing, Service);
    Routing->pfnSetInterfaceInfo = HostileSet;
    Routing->pfnGetInterfaceInfo = HostileGet;
    Routing->pfnStartProtocol = HostileStart;
    Routing->pfnStopProtocol = HostileStop;
    Routing->pfnGetEventMessage = HostileEvent;
    switch (MISBEHAVIOUR) {
    case CLAIMS_A_NEWER_VERSION:
        Routing->dwVersion = 0x600;
        break;
    case LEAVES_OUT_A_FUNCTION:
        Routing->pfnInterfaceStatus = NULL;
        break;
    case OFFERS_POWER:
        Routing->pfnSetPower = Power;
        break;
    case REGISTERS_ANOTHER_PROTOCOL:
        Routing->dwProtocolId++;
        break;
    case CLAIMS_MORE_FUNCTIONALITY:
        Routing->fSupportedFunctionality |= RF_POWER;
        break;
    case CRASHES_IN_REGISTER:
        Crash(NULL);
        break;
    default:
        break;
    }
    return Status;
}
