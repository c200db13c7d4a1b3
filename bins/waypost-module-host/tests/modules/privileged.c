/*
 * A module that looks at what it may do: its interface block says what to try in the first word, and SetInterfaceInfo
 * answers 0 when that can be done.
 */
#define _GNU_SOURCE
#define RegisterProtocol CorrectRegisterProtocol
#include "correct.c"
#undef RegisterProtocol

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum attempt {
    BINDS_A_LOW_PORT = 1,
    OPENS_A_RAW_SOCKET,
    READS_SHADOW,
    BECOMES_ROOT,
    TAKES_ALL_CAPABILITIES,
    IS_ROOT,
    IS_USER_OF_THE_BLOCK,
    DIES_WITH_ITS_HOST,
    SHOWS_ITSELF,
};

static int LowPort(void)
{
    struct sockaddr_in Address = {.sin_family = AF_INET, .sin_port = htons(520)};
    int Socket = socket(AF_INET, SOCK_DGRAM, 0);
    int Failed = Socket < 0 || bind(Socket, (struct sockaddr *)&Address, sizeof(Address)) != 0;
    close(Socket);
    return !Failed;
}

static int Opened(int Descriptor)
{
    if (Descriptor < 0)
        return 0;
    close(Descriptor);
    return 1;
}

static int AllCapabilities(void)
{
    unsigned Header[2] = {0x20080522u, 0};
    unsigned Sets[6] = {~0u, ~0u, 0, 0x1FFu, 0x1FFu, 0};
    return syscall(SYS_capset, Header, Sets) == 0;
}

/* Real, effective and saved, and no group but one's own. */
static int IsUser(uid_t Uid, gid_t Gid)
{
    uid_t Uids[3];
    gid_t Gids[3];
    if (getresuid(&Uids[0], &Uids[1], &Uids[2]) != 0 || getresgid(&Gids[0], &Gids[1], &Gids[2]) != 0)
        return 0;
    for (int Place = 0; Place < 3; Place++)
        if (Uids[Place] != Uid || Gids[Place] != Gid)
            return 0;
    return getgroups(0, NULL) == 0;
}

static int Can(DWORD Attempt, const DWORD *More)
{
    int Signal = 0;
    switch (Attempt) {
    case BINDS_A_LOW_PORT:
        return LowPort();
    case OPENS_A_RAW_SOCKET:
        return Opened(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
    case READS_SHADOW:
        return Opened(open("/etc/shadow", O_RDONLY));
    case BECOMES_ROOT:
        return setresuid(0, 0, 0) == 0 || seteuid(0) == 0;
    case TAKES_ALL_CAPABILITIES:
        return AllCapabilities();
    case IS_ROOT:
        return geteuid() == 0;
    case IS_USER_OF_THE_BLOCK:
        return IsUser(More[0], More[1]);
    case DIES_WITH_ITS_HOST:
        return prctl(PR_GET_PDEATHSIG, &Signal) == 0 && Signal == 9;
    case SHOWS_ITSELF:
        return prctl(PR_GET_DUMPABLE) != 0;
    default:
        return 0;
    }
}

static DWORD WINAPI Attempt(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    const DWORD *Words = Info;
    (void)Index, (void)Version, (void)Count;
    return Size >= 12 && Can(Words[0], &Words[1]) ? NO_ERROR : ERROR_CAN_NOT_COMPLETE;
}

WAYPOST_EXPORT DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    DWORD Status = CorrectRegisterProtocol(Routing, Service);
    Routing->pfnSetInterfaceInfo = Attempt;
    return Status;
}
