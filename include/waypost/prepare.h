/*
 * What a module may export beside RegisterProtocol, so that its configuration is checked, and its effect told, before it is
 * set. An addition of Waypost's: without it the effect of a change is unknown beforehand, and only setting it tells whether it is
 * valid.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_PREPARE_H
#define WAYPOST_PREPARE_H

#include "windows.h"

WAYPOST_BEGIN

/* What a block is for. */
#define PREPARE_GLOBAL 0u
#define PREPARE_INTERFACE 1u     /* of the interface of this index; ERROR_INVALID_PARAMETER when there is none */
#define PREPARE_NEW_INTERFACE 2u /* of one that the protocol does not have yet; the index means nothing */
#define PREPARE_ROUTER_ID 3u     /* no block but four octets: what RouterIdChanged (state.h) would do with this one */

/*
 * Says what SetGlobalInfo or SetInterfaceInfo (AddInterface for a new interface) would answer, now, and changes nothing. Called as
 * the functions of the protocol are: one call at a time, since StartProtocol until the protocol has stopped.
 *
 * Answer takes at most *AnswerSize octets, and *AnswerSize becomes what was written: UTF-8 of a JSON object. With NO_ERROR it is
 *
 *   {"changes": [{"path": "metric", "old": 1, "new": 2, "impact": IMPACT, "reason": "why"}]}
 *
 * with every option that the block would change, none when it is in force already (of PREPARE_ROUTER_ID one change, whose path
 * means nothing, or none when the protocol has no use for a router identifier); IMPACT is "live", "restarts-interface",
 * "restarts-protocol", or {"resets-neighbours": {"neighbours": ["192.0.2.1"]}}. With ERROR_INVALID_PARAMETER or
 * ERROR_CAN_NOT_COMPLETE it is
 *
 *   {"status": 87, "path": "metric", "value": "99", "allowed": "1..=16", "reason": "value is out of range"}
 *
 * of which path, value and allowed may be left out, or nothing at all (*AnswerSize 0). ERROR_INSUFFICIENT_BUFFER: *AnswerSize is what
 * is needed. ERROR_NOT_SUPPORTED: it cannot tell.
 */
typedef DWORD(WINAPI *PPREPARE_INFO)(DWORD ProtocolId, DWORD Scope, ULONG InterfaceIndex, PVOID Info,
                                     ULONG StructureVersion, ULONG StructureSize, ULONG StructureCount, PVOID Answer,
                                     PULONG AnswerSize);

#define PREPARE_INFO_ENTRY_POINT_STRING "PrepareInfo"

WAYPOST_EXPORT DWORD WINAPI PrepareInfo(DWORD ProtocolId, DWORD Scope, ULONG InterfaceIndex, PVOID Info,
                                        ULONG StructureVersion, ULONG StructureSize, ULONG StructureCount, PVOID Answer,
                                        PULONG AnswerSize);

WAYPOST_END

#endif
