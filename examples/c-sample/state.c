/*
 * What the protocol does, for `waypost show`: an addition of Waypost's (state.h). Without it an operator sees the routes, and
 * whoever has the MIB the counters.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "beacon.h"
#include "json.h"

#include <string.h>
#include <waypost/state.h>

static void Counters(const COUNTERS *Counters)
{
    Append("{\"beacons-sent\": %lu, \"beacons-received\": %lu, \"malformed\": %lu, \"send-failures\": %lu}",
           (unsigned long)Counters->Sent, (unsigned long)Counters->Received, (unsigned long)Counters->Malformed,
           (unsigned long)Counters->Failed);
}

static void Summary(void)
{
    unsigned long Configured = 0, Up = 0;
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++) {
        Configured += Interface->InUse ? 1 : 0;
        Up += IsUp(Interface) ? 1 : 0;
    }
    Append("{\"interfaces\": %lu, \"interfaces-up\": %lu, \"preference\": %lu}", Configured, Up,
           (unsigned long)State.Global.Preference);
}

/* Each interface that is configured, as Say says it. */
static void Each(void (*Say)(const INTERFACE *))
{
    WINBOOL First = TRUE;
    for (INTERFACE *Interface = State.Interfaces; Interface < State.Interfaces + MOST_INTERFACES; Interface++) {
        if (!Interface->InUse)
            continue;
        if (!First)
            Append(", ");
        First = FALSE;
        Say(Interface);
    }
}

static void Row(const INTERFACE *Interface)
{
    Append("{\"interface\": ");
    Quote(Interface->Name);
    Append(", \"state\": \"%s\", \"metric\": %lu, \"prefixes\": %lu}", IsUp(Interface) ? "up" : "down",
           (unsigned long)Interface->Block.Metric, (unsigned long)Interface->Block.Count);
}

static void CounterRow(const INTERFACE *Interface)
{
    Quote(Interface->Name);
    Append(": ");
    Counters(&Interface->Counters);
}

DWORD WINAPI ShowState(DWORD ProtocolId, DWORD Topic, PVOID Answer, PULONG AnswerSize)
{
    if (ProtocolId != BEACON)
        return ERROR_NOT_SUPPORTED;
    EnterCriticalSection(&State.Lock);
    DWORD Status = State.Running ? NO_ERROR : ERROR_CAN_NOT_COMPLETE;
    BeginText();
    if (Topic == STATE_SUMMARY) {
        Summary();
    } else if (Topic == STATE_INTERFACES) {
        Append("[");
        Each(Row);
        Append("]");
    } else if (Topic == STATE_COUNTERS) {
        Append("{\"global\": {}, \"interfaces\": {");
        Each(CounterRow);
        Append("}}");
    } else {
        /* Whom it hears it knows by their routes alone. */
        Status = ERROR_NOT_SUPPORTED;
    }
    if (Status == NO_ERROR)
        Status = WriteText(Answer, AnswerSize);
    LeaveCriticalSection(&State.Lock);
    return Status;
}
