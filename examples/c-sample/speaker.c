/*
 * What is said and heard, and the thread that does it.
 *
 * A beacon, all in network order: "BCN1", for how many seconds it holds (2 octets; 0: the sender goes), how many prefixes (2),
 * and each as address and mask (8).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "beacon.h"
#include "socket.h"

#include <string.h>

#define HEAD 8u
#define LONGEST (HEAD + MOST_PREFIXES * sizeof(BEACON_PREFIX))

static LONGLONG Now(void) { return (LONGLONG)GetTickCount64(); }

static void Say(INTERFACE *Interface, ULONG Hold)
{
    UCHAR Octets[LONGEST] = {'B', 'C', 'N', '1', (UCHAR)(Hold >> 8), (UCHAR)Hold, 0, (UCHAR)Interface->Block.Count};
    memcpy(Octets + HEAD, Interface->Block.Prefixes, Interface->Block.Count * sizeof(BEACON_PREFIX));
    size_t Length = HEAD + Interface->Block.Count * sizeof(BEACON_PREFIX);
    if (Send(BEACON_GROUP, BEACON_PORT, Interface->Index, Interface->Address, Octets, Length))
        Interface->Counters.Sent++;
    else
        Interface->Counters.Failed++;
}

static WINBOOL Parse(const UCHAR *Octets, size_t Length, const INTERFACE *Interface, ULONG Sender)
{
    if (Length < HEAD || memcmp(Octets, "BCN1", 4) != 0)
        return FALSE;
    ULONG Hold = (ULONG)Octets[4] << 8 | Octets[5], Count = (ULONG)Octets[6] << 8 | Octets[7];
    if (Count > MOST_PREFIXES || Length != HEAD + Count * sizeof(BEACON_PREFIX))
        return FALSE;
    BEACON_PREFIX Prefixes[MOST_PREFIXES];
    memcpy(Prefixes, Octets + HEAD, Count * sizeof(BEACON_PREFIX));
    for (ULONG Place = 0; Place < Count; Place++)
        if (!IsPrefix(&Prefixes[Place]))
            return FALSE;
    for (ULONG Place = 0; Place < Count; Place++) {
        DWORD Status = SetRoute(Interface, Sender, &Prefixes[Place], Hold);
        if (Status != NO_ERROR)
            TracePrintfA(State.Trace, "a route was refused with %lu", (unsigned long)Status);
    }
    return TRUE;
}

/* Hears one beacon. */
static void Hear(void)
{
    UCHAR Octets[LONGEST + 1];
    unsigned Index, Sender;
    size_t Length = Receive(Octets, sizeof(Octets), &Index, &Sender);
    if (Length == 0)
        return;
    EnterCriticalSection(&State.Lock);
    INTERFACE *Interface = FindInterface(Index);
    if (Interface != NULL && IsUp(Interface) && Sender != Interface->Address) {
        Interface->Counters.Received++;
        if (!Parse(Octets, Length, Interface, Sender))
            Interface->Counters.Malformed++;
    }
    LeaveCriticalSection(&State.Lock);
}

/* Joins or leaves the group where an interface came or went. */
static void Join(INTERFACE *Interface)
{
    WINBOOL Wanted = IsUp(Interface);
    if (Wanted != Interface->Joined) {
        int Done = JoinGroup(BEACON_GROUP, Interface->Index, Wanted);
        Interface->Joined = Wanted && Done;
    }
}

/* Does what is due, and says how many milliseconds there are until there is more. */
static LONGLONG Work(void)
{
    LONGLONG Rest = 3600 * 1000;
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++) {
        Join(Interface);
        if (!IsUp(Interface))
            continue;
        if (Interface->Due <= Now()) {
            Say(Interface, Interface->Block.Hold);
            Interface->Due = Now() + (LONGLONG)Interface->Block.Announce * 1000;
        }
        if (Interface->Due - Now() < Rest)
            Rest = Interface->Due - Now();
    }
    return Rest < 0 ? 0 : Rest;
}

static DWORD WINAPI Speak(PVOID Context)
{
    (void)Context;
    WINBOOL Running = TRUE;
    while (Running) {
        EnterCriticalSection(&State.Lock);
        LONGLONG Rest = Work();
        Running = State.Running;
        LeaveCriticalSection(&State.Lock);
        if (Running && WaitForDatagram(Rest))
            Hear();
    }
    EnterCriticalSection(&State.Lock);
    /* Nobody need wait for what it knows of us to grow old. */
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++)
        if (IsUp(Interface))
            Say(Interface, 0);
    CloseTable();
    CloseSocket();
    HasStopped();
    LeaveCriticalSection(&State.Lock);
    return 0;
}

DWORD StartSpeaker(void)
{
    if (!OpenSocket(BEACON_PORT))
        return ERROR_CAN_NOT_COMPLETE;
    HANDLE Thread = CreateThread(NULL, 0, Speak, NULL, 0, NULL);
    if (Thread == NULL) {
        CloseSocket();
        return ERROR_CAN_NOT_COMPLETE;
    }
    /* It ends by itself; nobody waits for it by its handle. */
    CloseHandle(Thread);
    return NO_ERROR;
}
