/*
 * A module that says something when its interface is configured: a trace, an entry of the event log and a line on standard
 * error; with the metric FLOODS it traces far more than anybody wants to read.
 */
#define RegisterProtocol CorrectRegisterProtocol
#include "correct.c"
#undef RegisterProtocol

#include <stdio.h>
#include <waypost/rtutils.h>

#define FLOODS 9u
#define FLOOD 20000u

static DWORD WINAPI Talk(ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    DWORD Status = SetInterface(Index, Info, Version, Size, Count);
    if (Status != NO_ERROR)
        return Status;
    ULONG Metric = ((BLOCK *)Info)->Metric;
    DWORD Trace = TraceRegisterA("talk");
    HANDLE Log = RouterLogRegisterA("talker");
    if (Trace == INVALID_TRACEID || Log == NULL)
        return ERROR_CAN_NOT_COMPLETE;
    TracePrintfA(Trace, "the metric is %lu\033[2J", Metric);
    LPSTR Text = "eth0";
    RouterLogEventA(Log, EVENTLOG_ERROR_TYPE, 20103, 1, &Text, 0);
    fprintf(stderr, "on its own account\a\n");
    for (ULONG Line = 0; Metric == FLOODS && Line < FLOOD; Line++)
        TracePrintfA(Trace, "a line that nobody wants to read, number %lu", Line);
    RouterLogDeregisterA(Log);
    TraceDeregisterA(Trace);
    return NO_ERROR;
}

WAYPOST_EXPORT DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS Routing, PMPR_SERVICE_CHARACTERISTICS Service)
{
    DWORD Status = CorrectRegisterProtocol(Routing, Service);
    Routing->pfnSetInterfaceInfo = Talk;
    return Status;
}
