/*
 * What is said and heard: one socket for all interfaces, and the thread that has it.
 *
 * A beacon, all in network order: "BCN1", for how many seconds it holds (2 octets; 0: the sender goes), how many prefixes (2),
 * and each as address and mask (8).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "beacon.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD 8u
#define LONGEST (HEAD + MOST_PREFIXES * sizeof(BEACON_PREFIX))

static int Socket = -1, Wake = -1;

static LONGLONG Now(void)
{
    struct timespec Time;
    clock_gettime(CLOCK_MONOTONIC, &Time);
    return (LONGLONG)Time.tv_sec * 1000 + Time.tv_nsec / 1000000;
}

static void Say(INTERFACE *Interface, ULONG Hold)
{
    UCHAR Octets[LONGEST] = {'B', 'C', 'N', '1', (UCHAR)(Hold >> 8), (UCHAR)Hold, 0, (UCHAR)Interface->Block.Count};
    memcpy(Octets + HEAD, Interface->Block.Prefixes, Interface->Block.Count * sizeof(BEACON_PREFIX));
    struct sockaddr_in Group = {.sin_family = AF_INET, .sin_port = htons(BEACON_PORT), .sin_addr.s_addr = htonl(BEACON_GROUP)};
    struct ip_mreqn From = {.imr_address.s_addr = Interface->Address, .imr_ifindex = (int)Interface->Index};
    size_t Length = HEAD + Interface->Block.Count * sizeof(BEACON_PREFIX);
    if (setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_IF, &From, sizeof(From)) == 0 &&
        sendto(Socket, Octets, Length, 0, (struct sockaddr *)&Group, sizeof(Group)) == (ssize_t)Length)
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
    for (ULONG Place = 0; Place < Count; Place++) {
        ULONG Host = ~ntohl(Prefixes[Place].Mask);
        if ((Host & (Host + 1)) != 0 || (Prefixes[Place].Address & ~Prefixes[Place].Mask) != 0)
            return FALSE;
    }
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
    struct sockaddr_in Sender;
    union {
        struct cmsghdr Align;
        UCHAR Octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } Control;
    struct iovec Into = {Octets, sizeof(Octets)};
    struct msghdr Message = {&Sender, sizeof(Sender), &Into, 1, &Control, sizeof(Control), 0};
    ssize_t Length = recvmsg(Socket, &Message, MSG_DONTWAIT);
    struct cmsghdr *Head = Length < 0 ? NULL : CMSG_FIRSTHDR(&Message);
    if (Head == NULL || Head->cmsg_level != IPPROTO_IP || Head->cmsg_type != IP_PKTINFO)
        return;
    struct in_pktinfo Where;
    memcpy(&Where, CMSG_DATA(Head), sizeof(Where));
    EnterCriticalSection(&State.Lock);
    INTERFACE *Interface = FindInterface((ULONG)Where.ipi_ifindex);
    if (Interface != NULL && IsUp(Interface) && Sender.sin_addr.s_addr != Interface->Address) {
        Interface->Counters.Received++;
        if (!Parse(Octets, (size_t)Length, Interface, Sender.sin_addr.s_addr))
            Interface->Counters.Malformed++;
    }
    LeaveCriticalSection(&State.Lock);
}

/* Joins or leaves the group where an interface came or went. */
static void Join(INTERFACE *Interface)
{
    struct ip_mreqn There = {.imr_multiaddr.s_addr = htonl(BEACON_GROUP), .imr_ifindex = (int)Interface->Index};
    WINBOOL Wanted = IsUp(Interface);
    if (Wanted != Interface->Joined) {
        int Option = Wanted ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
        int Failed = setsockopt(Socket, IPPROTO_IP, Option, &There, sizeof(There));
        Interface->Joined = Wanted && Failed == 0;
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
        struct pollfd Both[] = {{Socket, POLLIN, 0}, {Wake, POLLIN, 0}};
        if (!Running || poll(Both, 2, (int)Rest) <= 0)
            continue;
        uint64_t Calls;
        if ((Both[1].revents & POLLIN) != 0 && read(Wake, &Calls, sizeof(Calls)) < 0)
            break;
        if ((Both[0].revents & POLLIN) != 0)
            Hear();
    }
    EnterCriticalSection(&State.Lock);
    /* Nobody need wait for what it knows of us to grow old. */
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++)
        if (IsUp(Interface))
            Say(Interface, 0);
    CloseTable();
    close(Socket);
    close(Wake);
    HasStopped();
    LeaveCriticalSection(&State.Lock);
    return 0;
}

DWORD StartSpeaker(void)
{
    const int One = 1, None = 0;
    struct sockaddr_in Any = {.sin_family = AF_INET, .sin_port = htons(BEACON_PORT)};
    Socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    Wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    HANDLE Thread = NULL;
    if (Socket >= 0 && Wake >= 0 && setsockopt(Socket, SOL_SOCKET, SO_REUSEADDR, &One, sizeof(One)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_PKTINFO, &One, sizeof(One)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_TTL, &One, sizeof(One)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_LOOP, &None, sizeof(None)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_ALL, &None, sizeof(None)) == 0 &&
        bind(Socket, (struct sockaddr *)&Any, sizeof(Any)) == 0)
        Thread = CreateThread(NULL, 0, Speak, NULL, 0, NULL);
    if (Thread == NULL) {
        close(Socket);
        close(Wake);
        return ERROR_CAN_NOT_COMPLETE;
    }
    /* It ends by itself; nobody waits for it by its handle. */
    CloseHandle(Thread);
    return NO_ERROR;
}

void WakeSpeaker(void)
{
    uint64_t One = 1;
    /* A counter that is full wakes as well. */
    ssize_t Written = write(Wake, &One, sizeof(One));
    (void)Written;
}
