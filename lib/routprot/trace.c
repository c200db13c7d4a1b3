/*
 * Tracing: TraceRegisterEx, TraceDeregister, TracePrintf, TracePrintfEx, TraceVprintfEx, TracePutsEx, TraceDumpEx (Microsoft
 * Learn, "Tracing Functions", rtutils.h); and the sink that lines go to.
 *
 * Whatever a module writes, a sink gets single lines of valid UTF-8 without control characters: a module must not be able to
 * write what looks like somebody else's line, nor to speak to the terminal of whoever reads the log.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <waypost/rtutils.h>

/* Octets of one call, its end included; of a name; of a dump. */
#define MOST_TEXT 4096
#define MOST_NAME 64
#define MOST_DUMP 65536u
#define OCTETS_A_LINE 16u
/* What a sink may be given for each octet of a text: U+FFFD. */
#define GROWTH 3

#define CLIENTS 256u
/* An identifier is a place and a generation, which counts from 1 and never reaches INVALID_TRACEID. */
#define GENERATIONS 0xFFFFFFu

struct client {
    struct module *module; /* NULL: free */
    DWORD generation;
    char name[MOST_NAME];
};

static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static struct client clients[CLIENTS];

/* Held while a sink runs: so one line is written at a time, and a sink that was replaced is not running any more. */
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static WAYPOST_TRACE_SINK sink;
static PVOID sink_context;
static _Thread_local bool in_sink;

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

/* The length of the character at the start of the text if it is one that may be shown, or 0 (RFC 3629 §4). */
static size_t printable(const uint8_t *text, size_t length) {
    uint8_t first = text[0];
    if (first < 0x80) {
        return (first >= 0x20 && first != 0x7F) || first == '\t' ? 1 : 0;
    }
    size_t octets = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length < octets) {
        return 0;
    }
    uint32_t code = first & (0xFFu >> (octets + 1));
    for (size_t index = 1; index < octets; index++) {
        if ((text[index] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[index] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0xA0 /* below are control characters */, 0x800, 0x10000};
    bool surrogate = code >= 0xD800 && code < 0xE000;
    return code >= least[octets] && code <= 0x10FFFF && !surrogate ? octets : 0;
}

static void write_to_stderr(LPCSTR name, DWORD flags, LPCSTR line) {
    char prefix[MOST_NAME + 64] = "";
    if ((flags & TRACE_NO_STDINFO) == 0) {
        struct timespec now;
        struct tm utc;
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        char date[16] = "", time[16] = "", milliseconds[8] = "";
        if ((flags & TRACE_USE_DATE) != 0) {
            strftime(date, sizeof date, "%Y-%m-%d ", &utc);
        }
        strftime(time, sizeof time, "%H:%M:%S", &utc);
        if ((flags & TRACE_USE_MSEC) != 0) {
            snprintf(milliseconds, sizeof milliseconds, ".%03u", (unsigned)(now.tv_nsec / 1000000) % 1000u);
        }
        snprintf(prefix, sizeof prefix, "[%s:%u] %s%s%s: ", name, GetCurrentThreadId(), date, time, milliseconds);
    }
    fprintf(stderr, "%s%s\n", prefix, line);
}

/* Hands a text to the sink, line by line. A line end at its end is no line of its own. */
static void deliver(const struct module *module, LPCSTR name, DWORD flags, const char *text, size_t length) {
    static char line[GROWTH * MOST_TEXT + 1];
    if (in_sink) {
        return;
    }
    in_sink = true;
    pthread_mutex_lock(&sink_lock);
    size_t used = 0;
    for (size_t at = 0; at <= length;) {
        bool line_end = at == length || text[at] == '\n';
        if (line_end) {
            line[used] = '\0';
            if (at < length || used > 0 || length == 0) {
                if (sink != NULL) {
                    sink(sink_context, module->number, name, line);
                } else {
                    write_to_stderr(name, flags, line);
                }
            }
            used = 0;
            at++;
            continue;
        }
        if (text[at] == '\r' && (at + 1 == length || text[at + 1] == '\n')) {
            at++;
            continue;
        }
        size_t octets = printable((const uint8_t *)text + at, length - at);
        if (octets != 0) {
            memcpy(line + used, text + at, octets);
            used += octets;
            at += octets;
        } else {
            memcpy(line + used, "\xEF\xBF\xBD", GROWTH);
            used += GROWTH;
            at++;
        }
    }
    pthread_mutex_unlock(&sink_lock);
    in_sink = false;
}

void WaypostSetTraceSink(WAYPOST_TRACE_SINK pfnSink, PVOID pContext) {
    /* A sink that replaces itself holds the lock already. */
    if (!in_sink) {
        pthread_mutex_lock(&sink_lock);
    }
    sink = pfnSink;
    sink_context = pContext;
    if (!in_sink) {
        pthread_mutex_unlock(&sink_lock);
    }
}

void waypost_say(const struct module *module, LPCSTR name, LPCSTR format, ...) {
    char text[MOST_TEXT];
    va_list arguments;
    va_start(arguments, format);
    size_t length = waypost_format(text, sizeof text, format, arguments);
    va_end(arguments);
    deliver(module, name, 0, text, length);
}

/* ---- Who traces -------------------------------------------------------------------------------------------------- */

static DWORD invalid(DWORD error, DWORD result) {
    waypost_fail(error);
    return result;
}

/* With clients_lock held. */
static struct client *find(DWORD id) {
    struct client *client = &clients[id % CLIENTS];
    return client->module != NULL && client->generation == id / CLIENTS ? client : NULL;
}

static void forget(struct client *client) {
    waypost_count(client->module, COUNT_TRACES, -1);
    client->module = NULL;
}

static DWORD add(const char *name, size_t length) {
    struct module *module = waypost_thread()->module;
    DWORD id = INVALID_TRACEID;
    pthread_mutex_lock(&clients_lock);
    for (DWORD place = 0; place < CLIENTS && id == INVALID_TRACEID; place++) {
        struct client *client = &clients[place];
        if (client->module == NULL) {
            client->module = module;
            client->generation = client->generation % (GENERATIONS - 1) + 1;
            memcpy(client->name, name, length);
            client->name[length] = '\0';
            waypost_count(module, COUNT_TRACES, 1);
            id = client->generation * CLIENTS + place;
        }
    }
    pthread_mutex_unlock(&clients_lock);
    return id != INVALID_TRACEID ? id : invalid(ERROR_NO_SYSTEM_RESOURCES, INVALID_TRACEID);
}

/* A name is cut before what it cannot show, as a whole line is not worth its name. */
static DWORD add_shown(const char *name) {
    size_t whole = strnlen(name, MOST_NAME);
    size_t length = 0;
    for (size_t octets; length < whole && (octets = printable((const uint8_t *)name + length, whole - length)) != 0;) {
        if (length + octets >= MOST_NAME) {
            break;
        }
        length += octets;
    }
    return add(name, length);
}

DWORD TraceRegisterExA(LPCSTR lpszCallerName, DWORD dwFlags) {
    (void)dwFlags;
    return lpszCallerName != NULL ? add_shown(lpszCallerName) : invalid(ERROR_INVALID_PARAMETER, INVALID_TRACEID);
}

DWORD TraceRegisterExW(LPCWSTR lpszCallerName, DWORD dwFlags) {
    (void)dwFlags;
    if (lpszCallerName == NULL) {
        return invalid(ERROR_INVALID_PARAMETER, INVALID_TRACEID);
    }
    char name[MOST_NAME];
    waypost_narrow(name, sizeof name, lpszCallerName);
    return add_shown(name);
}

DWORD TraceDeregisterExA(DWORD dwTraceID, DWORD dwFlags) {
    (void)dwFlags;
    pthread_mutex_lock(&clients_lock);
    struct client *client = find(dwTraceID);
    if (client != NULL) {
        forget(client);
    }
    pthread_mutex_unlock(&clients_lock);
    return client != NULL ? NO_ERROR : ERROR_INVALID_HANDLE;
}

DWORD TraceDeregisterExW(DWORD dwTraceID, DWORD dwFlags) {
    return TraceDeregisterExA(dwTraceID, dwFlags);
}

DWORD TraceDeregisterA(DWORD dwTraceID) {
    return TraceDeregisterExA(dwTraceID, 0);
}

DWORD TraceDeregisterW(DWORD dwTraceID) {
    return TraceDeregisterExA(dwTraceID, 0);
}

void waypost_trace_forget(const struct module *module) {
    pthread_mutex_lock(&clients_lock);
    for (DWORD place = 0; place < CLIENTS; place++) {
        if (clients[place].module == module) {
            forget(&clients[place]);
        }
    }
    pthread_mutex_unlock(&clients_lock);
}

/* A copy of what is known of an identifier: its owner may take it back meanwhile. */
static bool look_up(DWORD id, struct client *copy) {
    pthread_mutex_lock(&clients_lock);
    struct client *client = find(id);
    if (client != NULL) {
        *copy = *client;
    }
    pthread_mutex_unlock(&clients_lock);
    return client != NULL;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/*
 * The mask of TRACE_USE_MASK is accepted and hides nothing: the registry values that it is compared to admit everything unless
 * somebody sets them, and there is no registry here.
 */
DWORD TraceVprintfExA(DWORD dwTraceID, DWORD dwFlags, LPCSTR lpszFormat, va_list arglist) {
    struct client client;
    if (lpszFormat == NULL) {
        return invalid(ERROR_INVALID_PARAMETER, 0);
    }
    if (!look_up(dwTraceID, &client)) {
        return invalid(ERROR_INVALID_HANDLE, 0);
    }
    char text[MOST_TEXT];
    size_t length = waypost_format(text, sizeof text, lpszFormat, arglist);
    deliver(client.module, client.name, dwFlags, text, length);
    return (DWORD)length;
}

DWORD TraceVprintfExW(DWORD dwTraceID, DWORD dwFlags, LPCWSTR lpszFormat, va_list arglist) {
    char text[MOST_TEXT];
    if (lpszFormat == NULL) {
        return invalid(ERROR_INVALID_PARAMETER, 0);
    }
    waypost_format_wide(text, sizeof text, lpszFormat, arglist);
    return TracePutsExA(dwTraceID, dwFlags, text);
}

DWORD TracePrintfA(DWORD dwTraceID, LPCSTR lpszFormat, ...) {
    va_list arguments;
    va_start(arguments, lpszFormat);
    DWORD written = TraceVprintfExA(dwTraceID, 0, lpszFormat, arguments);
    va_end(arguments);
    return written;
}

DWORD TracePrintfExA(DWORD dwTraceID, DWORD dwFlags, LPCSTR lpszFormat, ...) {
    va_list arguments;
    va_start(arguments, lpszFormat);
    DWORD written = TraceVprintfExA(dwTraceID, dwFlags, lpszFormat, arguments);
    va_end(arguments);
    return written;
}

DWORD TracePrintfW(DWORD dwTraceID, LPCWSTR lpszFormat, ...) {
    va_list arguments;
    va_start(arguments, lpszFormat);
    DWORD written = TraceVprintfExW(dwTraceID, 0, lpszFormat, arguments);
    va_end(arguments);
    return written;
}

DWORD TracePrintfExW(DWORD dwTraceID, DWORD dwFlags, LPCWSTR lpszFormat, ...) {
    va_list arguments;
    va_start(arguments, lpszFormat);
    DWORD written = TraceVprintfExW(dwTraceID, dwFlags, lpszFormat, arguments);
    va_end(arguments);
    return written;
}

DWORD TracePutsExA(DWORD dwTraceID, DWORD dwFlags, LPCSTR lpszString) {
    return lpszString != NULL ? TracePrintfExA(dwTraceID, dwFlags, "%s", lpszString) : invalid(ERROR_INVALID_PARAMETER, 0);
}

DWORD TracePutsExW(DWORD dwTraceID, DWORD dwFlags, LPCWSTR lpszString) {
    return lpszString != NULL ? TracePrintfExA(dwTraceID, dwFlags, "%S", lpszString) : invalid(ERROR_INVALID_PARAMETER, 0);
}

/* One line of a dump: groups are numbers in the byte order of the machine, the last filled up with zeroes, as published. */
static size_t dump_line(char *text, size_t size, const BYTE *octets, DWORD count, DWORD group) {
    size_t length = 0;
    for (DWORD at = 0; at < count; at += group) {
        uint32_t value = 0;
        for (DWORD octet = 0; octet < group && at + octet < count; octet++) {
            value |= (uint32_t)octets[at + octet] << (8 * octet);
        }
        length += (size_t)snprintf(text + length, size - length, "%s%0*X", at == 0 ? "" : " ", (int)(2 * group), value);
    }
    return length;
}

DWORD TraceDumpExA(DWORD dwTraceID, DWORD dwFlags, LPBYTE lpbBytes, DWORD dwByteCount, DWORD dwGroupSize, BOOL bAddressPrefix,
                   LPCSTR lpszPrefix) {
    struct client client;
    bool known_group = dwGroupSize == 1 || dwGroupSize == 2 || dwGroupSize == 4;
    if (!known_group || (lpbBytes == NULL && dwByteCount != 0)) {
        return invalid(ERROR_INVALID_PARAMETER, 0);
    }
    if (!look_up(dwTraceID, &client)) {
        return invalid(ERROR_INVALID_HANDLE, 0);
    }
    DWORD shown = dwByteCount < MOST_DUMP ? dwByteCount : MOST_DUMP;
    DWORD written = 0;
    for (DWORD at = 0; at < shown; at += OCTETS_A_LINE) {
        DWORD count = shown - at < OCTETS_A_LINE ? shown - at : OCTETS_A_LINE;
        char octets[4 * OCTETS_A_LINE], address[24] = "", text[MOST_TEXT];
        dump_line(octets, sizeof octets, lpbBytes + at, count, dwGroupSize);
        if (bAddressPrefix) {
            snprintf(address, sizeof address, "%p: ", (void *)(lpbBytes + at));
        }
        LPCSTR prefix = lpszPrefix != NULL ? lpszPrefix : "";
        int length = snprintf(text, sizeof text, "%.*s%s%s", MOST_TEXT / 2, prefix, address, octets);
        deliver(client.module, client.name, dwFlags, text, (size_t)length);
        written += (DWORD)length;
    }
    if (shown < dwByteCount) {
        char text[64];
        int length = snprintf(text, sizeof text, "%u octets more", dwByteCount - shown);
        deliver(client.module, client.name, dwFlags, text, (size_t)length);
        written += (DWORD)length;
    }
    return written;
}

DWORD TraceDumpExW(DWORD dwTraceID, DWORD dwFlags, LPBYTE lpbBytes, DWORD dwByteCount, DWORD dwGroupSize, BOOL bAddressPrefix,
                   LPCWSTR lpszPrefix) {
    char prefix[MOST_TEXT / 2] = "";
    if (lpszPrefix != NULL) {
        waypost_narrow(prefix, sizeof prefix, lpszPrefix);
    }
    return TraceDumpExA(dwTraceID, dwFlags, lpbBytes, dwByteCount, dwGroupSize, bAddressPrefix, prefix);
}
