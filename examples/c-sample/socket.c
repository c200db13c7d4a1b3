/*
 * A UDP socket that says and hears multicast on any interface, and what wakes who waits for it.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int Socket = -1, Wake = -1;

int OpenSocket(unsigned short Port)
{
    const int One = 1, None = 0;
    struct sockaddr_in Any = {.sin_family = AF_INET, .sin_port = htons(Port)};
    Socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    Wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (Socket >= 0 && Wake >= 0 && setsockopt(Socket, SOL_SOCKET, SO_REUSEADDR, &One, sizeof(One)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_PKTINFO, &One, sizeof(One)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_TTL, &One, sizeof(One)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_LOOP, &None, sizeof(None)) == 0 &&
        setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_ALL, &None, sizeof(None)) == 0 &&
        bind(Socket, (struct sockaddr *)&Any, sizeof(Any)) == 0)
        return 1;
    CloseSocket();
    return 0;
}

void CloseSocket(void)
{
    close(Socket);
    close(Wake);
    Socket = Wake = -1;
}

int WaitForDatagram(long long Milliseconds)
{
    struct pollfd Both[] = {{Socket, POLLIN, 0}, {Wake, POLLIN, 0}};
    uint64_t Calls;
    if (poll(Both, 2, (int)Milliseconds) <= 0)
        return 0;
    /* All calls at once. Without one there is nothing to read, which is no fault. */
    ssize_t Length = read(Wake, &Calls, sizeof(Calls));
    (void)Length;
    return (Both[0].revents & POLLIN) != 0;
}

void WakeSocket(void)
{
    uint64_t One = 1;
    /* A counter that is full wakes as well. */
    ssize_t Written = write(Wake, &One, sizeof(One));
    (void)Written;
}

size_t Receive(void *Octets, size_t Room, unsigned *Interface, unsigned *Sender)
{
    struct sockaddr_in From;
    union {
        struct cmsghdr Align;
        char Octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } Control;
    struct iovec Into = {Octets, Room};
    struct msghdr Message = {&From, sizeof(From), &Into, 1, &Control, sizeof(Control), 0};
    ssize_t Length = recvmsg(Socket, &Message, MSG_DONTWAIT);
    struct cmsghdr *Head = Length < 0 ? NULL : CMSG_FIRSTHDR(&Message);
    if (Head == NULL || Head->cmsg_level != IPPROTO_IP || Head->cmsg_type != IP_PKTINFO)
        return 0;
    struct in_pktinfo Where;
    memcpy(&Where, CMSG_DATA(Head), sizeof(Where));
    *Interface = (unsigned)Where.ipi_ifindex;
    *Sender = From.sin_addr.s_addr;
    return (size_t)Length;
}

int Send(unsigned Group, unsigned short Port, unsigned Interface, unsigned Address, const void *Octets, size_t Length)
{
    struct sockaddr_in To = {.sin_family = AF_INET, .sin_port = htons(Port), .sin_addr.s_addr = htonl(Group)};
    struct ip_mreqn From = {.imr_address.s_addr = Address, .imr_ifindex = (int)Interface};
    return setsockopt(Socket, IPPROTO_IP, IP_MULTICAST_IF, &From, sizeof(From)) == 0 &&
           sendto(Socket, Octets, Length, 0, (struct sockaddr *)&To, sizeof(To)) == (ssize_t)Length;
}

int JoinGroup(unsigned Group, unsigned Interface, int Join)
{
    struct ip_mreqn There = {.imr_multiaddr.s_addr = htonl(Group), .imr_ifindex = (int)Interface};
    return setsockopt(Socket, IPPROTO_IP, Join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &There, sizeof(There)) == 0;
}
