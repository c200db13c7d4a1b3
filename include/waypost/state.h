/*
 * What a module may export beside RegisterProtocol, so that the router shows what it does, makes reports, and tells it of
 * another router identifier. Additions of Waypost's: without them `waypost show` knows of its routes and MIB alone, and GetRouterId is asked when
 * it occurs to the module. Both are called as the functions of the protocol are: one call at a time, since StartProtocol until the
 * protocol has stopped.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_STATE_H
#define WAYPOST_STATE_H

#include "windows.h"

WAYPOST_BEGIN

/* What is asked about, and what the answer is, as JSON. */
#define STATE_SUMMARY 0u    /* an object: the protocol as a whole */
#define STATE_INTERFACES 1u /* a list of objects, each with at least the text "interface", a name */
#define STATE_NEIGHBORS 2u  /* a list of objects, each with at least the texts "interface", "address" and "state" */
#define STATE_COUNTERS 3u   /* an object: {"global": {...}, "interfaces": {NAME: {...}}} */
#define STATE_DATABASE 4u   /* a list of objects */

/*
 * Answer takes at most *AnswerSize octets, and *AnswerSize becomes what was written: UTF-8 of JSON. ERROR_INSUFFICIENT_BUFFER:
 * *AnswerSize is what is needed. ERROR_NOT_SUPPORTED: there is nothing to say about that. Nothing changes by being asked.
 */
typedef DWORD(WINAPI *PSHOW_STATE)(DWORD ProtocolId, DWORD Topic, PVOID Answer, PULONG AnswerSize);

#define SHOW_STATE_ENTRY_POINT_STRING "ShowState"

WAYPOST_EXPORT DWORD WINAPI ShowState(DWORD ProtocolId, DWORD Topic, PVOID Answer, PULONG AnswerSize);

/*
 * A report of the protocol's own (GET /v1/protocols/PROTOCOL/reports/NAME): Name is what it is called, and Arguments a JSON object
 * of texts that say what it is to be about, both UTF-8 that a zero ends. Answer and AnswerSize are as those of ShowState, and may
 * say why not when the answer is no: {"reason": "...", "path": ARGUMENT, "value": "...", "allowed": "..."}, any of it.
 * ERROR_NOT_SUPPORTED: there is no such report. ERROR_INVALID_PARAMETER: it cannot be about that.
 */
typedef DWORD(WINAPI *PMAKE_REPORT)(DWORD ProtocolId, LPCSTR Name, LPCSTR Arguments, PVOID Answer, PULONG AnswerSize);

#define MAKE_REPORT_ENTRY_POINT_STRING "MakeReport"

WAYPOST_EXPORT DWORD WINAPI MakeReport(DWORD ProtocolId, LPCSTR Name, LPCSTR Arguments, PVOID Answer, PULONG AnswerSize);

/*
 * Another router identifier is in force, in network order; 0: there is none any more. It takes effect before this returns, and
 * whatever is answered changes nothing. What it would cost is asked of PrepareInfo (PREPARE_ROUTER_ID).
 */
typedef DWORD(WINAPI *PROUTER_ID_CHANGED)(DWORD ProtocolId, ULONG RouterId);

#define ROUTER_ID_CHANGED_ENTRY_POINT_STRING "RouterIdChanged"

WAYPOST_EXPORT DWORD WINAPI RouterIdChanged(DWORD ProtocolId, ULONG RouterId);

WAYPOST_END

#endif
