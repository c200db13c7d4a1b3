/*
 * The event log: RouterLogRegister, RouterLogEvent and its kin, LogError, LogEvent (rtutils.h of mingw-w64; of most there
 * is no page at Microsoft Learn, so names and parameters are all that is known of them).
 *
 * A message is a number here, since its text is in a file of Windows. Lines go where traces go, under the name of their
 * source: "error 20103: eth0, 10.0.0.1 (code 1168)". A log handle is the trace identifier of its source.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

#include <waypost/rtutils.h>

/* Of all strings of a message together, end included. */
#define MOST_STRINGS 2048

struct strings {
    char text[MOST_STRINGS];
    size_t length;
};

static void add(struct strings *strings, const char *text) {
    size_t left = sizeof strings->text - strings->length;
    int written = snprintf(strings->text + strings->length, left, "%s%s", strings->length == 0 ? "" : ", ", text);
    strings->length += (size_t)written < left ? (size_t)written : left - 1;
}

static bool is_full(const struct strings *strings) {
    return strings->length + 1 >= sizeof strings->text;
}

static void add_all(struct strings *strings, LPSTR *array, DWORD count) {
    for (DWORD index = 0; array != NULL && index < count && !is_full(strings); index++) {
        add(strings, array[index] != NULL ? array[index] : "(null)");
    }
}

static void add_all_wide(struct strings *strings, LPWSTR *array, DWORD count) {
    for (DWORD index = 0; array != NULL && index < count && !is_full(strings); index++) {
        char narrow[MOST_STRINGS] = "(null)";
        if (array[index] != NULL) {
            waypost_narrow(narrow, sizeof narrow, array[index]);
        }
        add(strings, narrow);
    }
}

static LPCSTR name_of(DWORD type) {
    switch (type) {
    case EVENTLOG_ERROR_TYPE:
        return "error";
    case EVENTLOG_WARNING_TYPE:
        return "warning";
    default:
        return "information";
    }
}

struct line {
    char text[MOST_STRINGS + 64];
};

static struct line line_of(DWORD type, DWORD message, const struct strings *strings, DWORD error) {
    struct line line;
    char code[24] = "";
    if (error != NO_ERROR) {
        snprintf(code, sizeof code, " (code %u)", error);
    }
    snprintf(line.text, sizeof line.text, "%s %u%s%s%s", name_of(type), message, strings->length == 0 ? "" : ": ",
             strings->text, code);
    return line;
}

/* A handle that is too great for an identifier is none. */
static DWORD id_of(HANDLE log) {
    return (uintptr_t)log < INVALID_TRACEID ? (DWORD)(uintptr_t)log : INVALID_TRACEID;
}

static void write_line(HANDLE log, DWORD type, DWORD message, const struct strings *strings, DWORD error) {
    struct line line = line_of(type, message, strings, error);
    TracePutsExA(id_of(log), 0, line.text);
}

HANDLE RouterLogRegisterA(LPCSTR lpszSource) {
    DWORD id = TraceRegisterExA(lpszSource, 0);
    return id != INVALID_TRACEID ? (HANDLE)(uintptr_t)id : NULL;
}

HANDLE RouterLogRegisterW(LPCWSTR lpszSource) {
    DWORD id = TraceRegisterExW(lpszSource, 0);
    return id != INVALID_TRACEID ? (HANDLE)(uintptr_t)id : NULL;
}

void RouterLogDeregisterA(HANDLE hLogHandle) {
    DWORD error = TraceDeregisterExA(id_of(hLogHandle), 0);
    if (error != NO_ERROR) {
        SetLastError(error);
    }
}

void RouterLogDeregisterW(HANDLE hLogHandle) {
    RouterLogDeregisterA(hLogHandle);
}

void RouterLogEventA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                     LPSTR *plpszSubStringArray, DWORD dwErrorCode) {
    struct strings strings = {.length = 0};
    add_all(&strings, plpszSubStringArray, dwSubStringCount);
    write_line(hLogHandle, dwEventType, dwMessageId, &strings, dwErrorCode);
}

void RouterLogEventW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                     LPWSTR *plpszSubStringArray, DWORD dwErrorCode) {
    struct strings strings = {.length = 0};
    add_all_wide(&strings, plpszSubStringArray, dwSubStringCount);
    write_line(hLogHandle, dwEventType, dwMessageId, &strings, dwErrorCode);
}

void RouterLogEventStringA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                           LPSTR *plpszSubStringArray, DWORD dwErrorCode, DWORD dwErrorIndex) {
    (void)dwErrorIndex;
    RouterLogEventA(hLogHandle, dwEventType, dwMessageId, dwSubStringCount, plpszSubStringArray, dwErrorCode);
}

void RouterLogEventStringW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                           LPWSTR *plpszSubStringArray, DWORD dwErrorCode, DWORD dwErrorIndex) {
    (void)dwErrorIndex;
    RouterLogEventW(hLogHandle, dwEventType, dwMessageId, dwSubStringCount, plpszSubStringArray, dwErrorCode);
}

static void write_data(HANDLE log, DWORD count, LPBYTE octets) {
    if (octets != NULL && count != 0) {
        TraceDumpExA(id_of(log), 0, octets, count, 1, FALSE, "data: ");
    }
}

void RouterLogEventDataA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                         LPSTR *plpszSubStringArray, DWORD dwDataBytes, LPBYTE lpDataBytes) {
    RouterLogEventA(hLogHandle, dwEventType, dwMessageId, dwSubStringCount, plpszSubStringArray, NO_ERROR);
    write_data(hLogHandle, dwDataBytes, lpDataBytes);
}

void RouterLogEventDataW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwMessageId, DWORD dwSubStringCount,
                         LPWSTR *plpszSubStringArray, DWORD dwDataBytes, LPBYTE lpDataBytes) {
    RouterLogEventW(hLogHandle, dwEventType, dwMessageId, dwSubStringCount, plpszSubStringArray, NO_ERROR);
    write_data(hLogHandle, dwDataBytes, lpDataBytes);
}

void RouterLogEventValistExA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode, DWORD dwMessageId, LPCSTR ptszFormat,
                             va_list arglist) {
    struct strings strings = {.length = 0};
    if (ptszFormat != NULL) {
        strings.length = waypost_format(strings.text, sizeof strings.text, ptszFormat, arglist);
    }
    write_line(hLogHandle, dwEventType, dwMessageId, &strings, dwErrorCode);
}

void RouterLogEventValistExW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode, DWORD dwMessageId, LPCWSTR ptszFormat,
                             va_list arglist) {
    struct strings strings = {.length = 0};
    if (ptszFormat != NULL) {
        strings.length = waypost_format_wide(strings.text, sizeof strings.text, ptszFormat, arglist);
    }
    write_line(hLogHandle, dwEventType, dwMessageId, &strings, dwErrorCode);
}

void RouterLogEventExA(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode, DWORD dwMessageId, LPCSTR ptszFormat, ...) {
    va_list arguments;
    va_start(arguments, ptszFormat);
    RouterLogEventValistExA(hLogHandle, dwEventType, dwErrorCode, dwMessageId, ptszFormat, arguments);
    va_end(arguments);
}

void RouterLogEventExW(HANDLE hLogHandle, DWORD dwEventType, DWORD dwErrorCode, DWORD dwMessageId, LPCWSTR ptszFormat, ...) {
    va_list arguments;
    va_start(arguments, ptszFormat);
    RouterLogEventValistExW(hLogHandle, dwEventType, dwErrorCode, dwMessageId, ptszFormat, arguments);
    va_end(arguments);
}

/* ---- Without a source -------------------------------------------------------------------------------------------- */

static void write_nameless(DWORD type, DWORD message, const struct strings *strings, DWORD error) {
    struct line line = line_of(type, message, strings, error);
    waypost_say(waypost_thread()->module, "log", "%s", line.text);
}

void LogErrorA(DWORD dwMessageId, DWORD cNumberOfSubStrings, LPSTR *plpwsSubStrings, DWORD dwErrorCode) {
    struct strings strings = {.length = 0};
    add_all(&strings, plpwsSubStrings, cNumberOfSubStrings);
    write_nameless(EVENTLOG_ERROR_TYPE, dwMessageId, &strings, dwErrorCode);
}

void LogErrorW(DWORD dwMessageId, DWORD cNumberOfSubStrings, LPWSTR *plpwsSubStrings, DWORD dwErrorCode) {
    struct strings strings = {.length = 0};
    add_all_wide(&strings, plpwsSubStrings, cNumberOfSubStrings);
    write_nameless(EVENTLOG_ERROR_TYPE, dwMessageId, &strings, dwErrorCode);
}

void LogEventA(DWORD wEventType, DWORD dwMessageId, DWORD cNumberOfSubStrings, LPSTR *plpwsSubStrings) {
    struct strings strings = {.length = 0};
    add_all(&strings, plpwsSubStrings, cNumberOfSubStrings);
    write_nameless(wEventType, dwMessageId, &strings, NO_ERROR);
}

void LogEventW(DWORD wEventType, DWORD dwMessageId, DWORD cNumberOfSubStrings, LPWSTR *plpwsSubStrings) {
    struct strings strings = {.length = 0};
    add_all_wide(&strings, plpwsSubStrings, cNumberOfSubStrings);
    write_nameless(wEventType, dwMessageId, &strings, NO_ERROR);
}
