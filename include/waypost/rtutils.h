/*
 * Tracing (rtutils.h). Lines go to the router's log when a router runs the module, and to standard error otherwise.
 *
 * Formats are read as Windows reads them, so that sources need no change: `l` is 32 bits wide, `I64` and `ll` are 64, `S`,
 * `ls` and `ws` are strings of WCHAR. `n` is refused. Compilers for Linux read the same formats differently; no format
 * attribute is declared, therefore.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_RTUTILS_H
#define WAYPOST_RTUTILS_H

#include "windows.h"

WAYPOST_BEGIN

/* Where lines go is the router's decision: the first two are accepted and ignored. */
#define TRACE_USE_FILE 0x00000001u
#define TRACE_USE_CONSOLE 0x00000002u
#define TRACE_NO_SYNCH 0x00000004u

#define TRACE_NO_STDINFO 0x00000001u
#define TRACE_USE_MASK 0x00000002u
#define TRACE_USE_MSEC 0x00000004u
#define TRACE_USE_DATE 0x00000008u

#define INVALID_TRACEID 0xFFFFFFFFu

WAYPOST_EXPORT DWORD WINAPI TraceRegisterExA(LPCSTR lpszCallerName, DWORD dwFlags);
WAYPOST_EXPORT DWORD WINAPI TraceRegisterExW(LPCWSTR lpszCallerName, DWORD dwFlags);
WAYPOST_EXPORT DWORD WINAPI TraceDeregisterA(DWORD dwTraceID);
WAYPOST_EXPORT DWORD WINAPI TraceDeregisterW(DWORD dwTraceID);
WAYPOST_EXPORT DWORD WINAPI TraceDeregisterExA(DWORD dwTraceID, DWORD dwFlags);
WAYPOST_EXPORT DWORD WINAPI TraceDeregisterExW(DWORD dwTraceID, DWORD dwFlags);
WAYPOST_EXPORT DWORD WAYPOST_CDECL TracePrintfA(DWORD dwTraceID, LPCSTR lpszFormat, ...);
WAYPOST_EXPORT DWORD WAYPOST_CDECL TracePrintfExA(DWORD dwTraceID, DWORD dwFlags, LPCSTR lpszFormat, ...);
WAYPOST_EXPORT DWORD WINAPI TraceVprintfExA(DWORD dwTraceID, DWORD dwFlags, LPCSTR lpszFormat, va_list arglist);
WAYPOST_EXPORT DWORD WINAPI TracePutsExA(DWORD dwTraceID, DWORD dwFlags, LPCSTR lpszString);
WAYPOST_EXPORT DWORD WINAPI TracePutsExW(DWORD dwTraceID, DWORD dwFlags, LPCWSTR lpszString);
WAYPOST_EXPORT DWORD WINAPI TraceDumpExA(DWORD dwTraceID, DWORD dwFlags, LPBYTE lpbBytes, DWORD dwByteCount,
                                         DWORD dwGroupSize, BOOL bAddressPrefix, LPCSTR lpszPrefix);

#define TraceRegisterA(name) TraceRegisterExA(name, 0)
#define TraceRegisterW(name) TraceRegisterExW(name, 0)
#define TraceVprintfA(id, format, list) TraceVprintfExA(id, 0, format, list)
#define TracePutsA(id, text) TracePutsExA(id, 0, text)
#define TracePutsW(id, text) TracePutsExW(id, 0, text)
#define TraceDumpA(id, bytes, count, group, prefixed, prefix) TraceDumpExA(id, 0, bytes, count, group, prefixed, prefix)

#ifdef UNICODE
#define TraceRegister TraceRegisterW
#define TraceRegisterEx TraceRegisterExW
#define TraceDeregister TraceDeregisterW
#define TraceDeregisterEx TraceDeregisterExW
#define TracePuts TracePutsW
#define TracePutsEx TracePutsExW
#else
#define TraceRegister TraceRegisterA
#define TraceRegisterEx TraceRegisterExA
#define TraceDeregister TraceDeregisterA
#define TraceDeregisterEx TraceDeregisterExA
#define TracePrintf TracePrintfA
#define TracePrintfEx TracePrintfExA
#define TraceVprintf TraceVprintfA
#define TraceVprintfEx TraceVprintfExA
#define TracePuts TracePutsA
#define TracePutsEx TracePutsExA
#define TraceDump TraceDumpA
#define TraceDumpEx TraceDumpExA
#endif

WAYPOST_END

#endif
