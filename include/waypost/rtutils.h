/*
 * Tracing and logging (rtutils.h). Lines go to the router's log when a router runs the module, and to standard error
 * otherwise.
 *
 * Formats are read as Windows reads them, so that sources need no change: `l` is 32 bits wide, `I64` and `ll` are 64, `S`,
 * `ls` and `ws` are strings of WCHAR; in formats of WCHAR so is `s`, and `S` is one of CHAR. `n` is refused. Compilers for
 * Linux read the same formats differently; no format attribute is declared, therefore.
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
WAYPOST_EXPORT DWORD WAYPOST_CDECL TracePrintfW(DWORD dwTraceID, LPCWSTR lpszFormat, ...);
WAYPOST_EXPORT DWORD WAYPOST_CDECL TracePrintfExW(DWORD dwTraceID, DWORD dwFlags, LPCWSTR lpszFormat, ...);
WAYPOST_EXPORT DWORD WINAPI TraceVprintfExW(DWORD dwTraceID, DWORD dwFlags, LPCWSTR lpszFormat, va_list arglist);
WAYPOST_EXPORT DWORD WINAPI TraceDumpExW(DWORD dwTraceID, DWORD dwFlags, LPBYTE lpbBytes, DWORD dwByteCount,
                                         DWORD dwGroupSize, BOOL bAddressPrefix, LPCWSTR lpszPrefix);

#define TraceRegisterA(name) TraceRegisterExA(name, 0)
#define TraceRegisterW(name) TraceRegisterExW(name, 0)
#define TraceVprintfA(id, format, list) TraceVprintfExA(id, 0, format, list)
#define TracePutsA(id, text) TracePutsExA(id, 0, text)
#define TracePutsW(id, text) TracePutsExW(id, 0, text)
#define TraceDumpA(id, bytes, count, group, prefixed, prefix) TraceDumpExA(id, 0, bytes, count, group, prefixed, prefix)
#define TraceVprintfW(id, format, list) TraceVprintfExW(id, 0, format, list)
#define TraceDumpW(id, bytes, count, group, prefixed, prefix) TraceDumpExW(id, 0, bytes, count, group, prefixed, prefix)

/*
 * The event log. Lines go where traces go: type and number of the message, its strings, the error. Texts of messages are in
 * files of Windows and are not known here. dwErrorIndex, the string in front of which the error would stand, is ignored.
 */
WAYPOST_EXPORT HANDLE WINAPI RouterLogRegisterA(LPCSTR lpszSource);
WAYPOST_EXPORT HANDLE WINAPI RouterLogRegisterW(LPCWSTR lpszSource);
WAYPOST_EXPORT void WINAPI RouterLogDeregisterA(HANDLE hLogHandle);
WAYPOST_EXPORT void WINAPI RouterLogDeregisterW(HANDLE hLogHandle);
WAYPOST_EXPORT void WINAPI RouterLogEventA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                                           LPSTR *plpszSubStringArray, DWORD dwErrorCode);
WAYPOST_EXPORT void WINAPI RouterLogEventW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                                           LPWSTR *plpszSubStringArray, DWORD dwErrorCode);
WAYPOST_EXPORT void WINAPI RouterLogEventStringA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId,
                                                 DWORD dwSubStringCount, LPSTR *plpszSubStringArray, DWORD dwErrorCode,
                                                 DWORD dwErrorIndex);
WAYPOST_EXPORT void WINAPI RouterLogEventStringW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId,
                                                 DWORD dwSubStringCount, LPWSTR *plpszSubStringArray, DWORD dwErrorCode,
                                                 DWORD dwErrorIndex);
WAYPOST_EXPORT void WINAPI RouterLogEventDataA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId,
                                               DWORD dwSubStringCount, LPSTR *plpszSubStringArray, DWORD dwDataBytes,
                                               LPBYTE lpDataBytes);
WAYPOST_EXPORT void WINAPI RouterLogEventDataW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId,
                                               DWORD dwSubStringCount, LPWSTR *plpszSubStringArray, DWORD dwDataBytes,
                                               LPBYTE lpDataBytes);
WAYPOST_EXPORT void WAYPOST_CDECL RouterLogEventExA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode,
                                                    DWORD dwMessageId, LPCSTR ptszFormat, ...);
WAYPOST_EXPORT void WAYPOST_CDECL RouterLogEventExW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode,
                                                    DWORD dwMessageId, LPCWSTR ptszFormat, ...);
WAYPOST_EXPORT void WINAPI RouterLogEventValistExA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode,
                                                   DWORD dwMessageId, LPCSTR ptszFormat, va_list arglist);
WAYPOST_EXPORT void WINAPI RouterLogEventValistExW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode,
                                                   DWORD dwMessageId, LPCWSTR ptszFormat, va_list arglist);
WAYPOST_EXPORT void WINAPI LogErrorA(DWORD dwMessageId, DWORD cNumberOfSubStrings, LPSTR *plpwsSubStrings, DWORD dwErrorCode);
WAYPOST_EXPORT void WINAPI LogErrorW(DWORD dwMessageId, DWORD cNumberOfSubStrings, LPWSTR *plpwsSubStrings, DWORD dwErrorCode);
WAYPOST_EXPORT void WINAPI LogEventA(DWORD wEventType, DWORD dwMessageId, DWORD cNumberOfSubStrings, LPSTR *plpwsSubStrings);
WAYPOST_EXPORT void WINAPI LogEventW(DWORD wEventType, DWORD dwMessageId, DWORD cNumberOfSubStrings, LPWSTR *plpwsSubStrings);

#define EVENTLOG_SUCCESS 0x0000u
#define EVENTLOG_ERROR_TYPE 0x0001u
#define EVENTLOG_WARNING_TYPE 0x0002u
#define EVENTLOG_INFORMATION_TYPE 0x0004u

#define RouterLogErrorA(log, message, count, strings, error)                                                           \
    RouterLogEventA(log, EVENTLOG_ERROR_TYPE, message, count, strings, error)
#define RouterLogErrorW(log, message, count, strings, error)                                                           \
    RouterLogEventW(log, EVENTLOG_ERROR_TYPE, message, count, strings, error)
#define RouterLogWarningA(log, message, count, strings, error)                                                         \
    RouterLogEventA(log, EVENTLOG_WARNING_TYPE, message, count, strings, error)
#define RouterLogWarningW(log, message, count, strings, error)                                                         \
    RouterLogEventW(log, EVENTLOG_WARNING_TYPE, message, count, strings, error)
#define RouterLogInformationA(log, message, count, strings, error)                                                     \
    RouterLogEventA(log, EVENTLOG_INFORMATION_TYPE, message, count, strings, error)
#define RouterLogInformationW(log, message, count, strings, error)                                                     \
    RouterLogEventW(log, EVENTLOG_INFORMATION_TYPE, message, count, strings, error)

#ifdef UNICODE
#define TraceRegister TraceRegisterW
#define TraceRegisterEx TraceRegisterExW
#define TraceDeregister TraceDeregisterW
#define TraceDeregisterEx TraceDeregisterExW
#define TracePuts TracePutsW
#define TracePutsEx TracePutsExW
#define TracePrintf TracePrintfW
#define TracePrintfEx TracePrintfExW
#define TraceVprintf TraceVprintfW
#define TraceVprintfEx TraceVprintfExW
#define TraceDump TraceDumpW
#define TraceDumpEx TraceDumpExW
#define RouterLogRegister RouterLogRegisterW
#define RouterLogDeregister RouterLogDeregisterW
#define RouterLogEvent RouterLogEventW
#define RouterLogEventString RouterLogEventStringW
#define RouterLogEventData RouterLogEventDataW
#define RouterLogEventEx RouterLogEventExW
#define RouterLogEventValistEx RouterLogEventValistExW
#define RouterLogError RouterLogErrorW
#define RouterLogWarning RouterLogWarningW
#define RouterLogInformation RouterLogInformationW
#define LogError LogErrorW
#define LogEvent LogEventW
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
#define RouterLogRegister RouterLogRegisterA
#define RouterLogDeregister RouterLogDeregisterA
#define RouterLogEvent RouterLogEventA
#define RouterLogEventString RouterLogEventStringA
#define RouterLogEventData RouterLogEventDataA
#define RouterLogEventEx RouterLogEventExA
#define RouterLogEventValistEx RouterLogEventValistExA
#define RouterLogError RouterLogErrorA
#define RouterLogWarning RouterLogWarningA
#define RouterLogInformation RouterLogInformationA
#define LogError LogErrorA
#define LogEvent LogEventA
#endif

WAYPOST_END

#endif
