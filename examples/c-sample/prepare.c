/*
 * What a change would do, said before it is made: an addition of Waypost's (prepare.h). Without it the operator is told that
 * nobody knows.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "beacon.h"
#include "json.h"

#include <string.h>
#include <waypost/prepare.h>

/* Changes said so far in the text that is being made. */
static ULONG Said;

static void Change(const char *Option, ULONG Old, ULONG New, WINBOOL IsNew, const char *Why)
{
    if (!IsNew && Old == New)
        return;
    Append("%s{\"path\": \"%s\", ", Said++ > 0 ? ", " : "", Option);
    if (!IsNew)
        Append("\"old\": %lu, ", (unsigned long)Old);
    Append("\"new\": %lu, \"impact\": \"live\", \"reason\": \"%s\"}", (unsigned long)New, Why);
}

static void Changes(const BEACON_INTERFACE *Old, const BEACON_INTERFACE *New, WINBOOL IsNew)
{
    WINBOOL Others = memcmp(Old->Prefixes, New->Prefixes, sizeof(New->Prefixes)) != 0;
    Change("metric", Old->Metric, New->Metric, IsNew, "routes heard here have it at once");
    Change("announce", Old->Announce, New->Announce, IsNew, "a beacon is sent at once");
    Change("hold", Old->Hold, New->Hold, IsNew, "neighbours hear of it at once");
    Change("prefixes", Old->Count, New->Count, IsNew || Others, "neighbours hear of new ones at once, others grow old there");
}

static void Refuse(const char *Reason) { Append("{\"status\": 87, \"reason\": \"%s\"}", Reason); }

static DWORD PrepareInterface(const BEACON_INTERFACE *Old, PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    static const BEACON_INTERFACE None;
    BEACON_INTERFACE Block;
    const char *Reason = NULL;
    DWORD Status = ReadBlock(Info, Version, Size, Count, &Block, &Reason);
    if (Status != NO_ERROR) {
        Refuse(Reason);
        return Status;
    }
    Append("{\"changes\": [");
    Changes(Old != NULL ? Old : &None, &Block, Old == NULL);
    Append("]}");
    return NO_ERROR;
}

static DWORD PrepareGlobal(PVOID Info, ULONG Version, ULONG Size, ULONG Count)
{
    BEACON_GLOBAL Global;
    DWORD Status = ReadGlobal(Info, Version, Size, Count, &Global);
    if (Status != NO_ERROR) {
        Refuse("preference: 0 to 255, and nothing else");
        return Status;
    }
    Append("{\"changes\": [");
    Change("preference", State.Global.Preference, Global.Preference, FALSE, "routes have it when they are heard next");
    Append("]}");
    return NO_ERROR;
}

DWORD WINAPI PrepareInfo(DWORD ProtocolId, DWORD Scope, ULONG Index, PVOID Info, ULONG Version, ULONG Size, ULONG Count,
                         PVOID Answer, PULONG AnswerSize)
{
    if (ProtocolId != BEACON)
        return ERROR_NOT_SUPPORTED;
    EnterCriticalSection(&State.Lock);
    BeginText();
    Said = 0;
    DWORD Status = ERROR_CAN_NOT_COMPLETE;
    const INTERFACE *Interface = FindInterface(Index);
    if (State.Running && Scope == PREPARE_GLOBAL)
        Status = PrepareGlobal(Info, Version, Size, Count);
    else if (State.Running && Scope == PREPARE_NEW_INTERFACE)
        Status = PrepareInterface(NULL, Info, Version, Size, Count);
    else if (State.Running && Interface != NULL)
        Status = PrepareInterface(&Interface->Block, Info, Version, Size, Count);
    else if (State.Running)
        Status = ERROR_INVALID_PARAMETER;
    DWORD Written = WriteText(Answer, AnswerSize);
    if (Written != NO_ERROR)
        Status = Written;
    LeaveCriticalSection(&State.Lock);
    return Status;
}
