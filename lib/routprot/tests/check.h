/*
 * What the tests of the library share: a check that ends the program, and how long a test waits for what must come.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <waypost/waypost.h>

/* Long enough for the slowest machine; nothing waits so long unless the test fails. */
#define LONG_MILLISECONDS 60000u

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s (last error %u)\n", __FILE__, __LINE__, #condition, GetLastError());    \
            _Exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* The call fails and says so. */
#define CHECK_FAILS(call, failure, error)                                                                              \
    do {                                                                                                               \
        SetLastError(12345);                                                                                           \
        CHECK((call) == (failure));                                                                                    \
        CHECK(GetLastError() == (error));                                                                              \
    } while (0)

#define CHECK_WAIT(handle) CHECK(WaitForSingleObject(handle, LONG_MILLISECONDS) == WAIT_OBJECT_0)

static inline HANDLE event(BOOL manual, BOOL signalled) {
    HANDLE handle = CreateEvent(NULL, manual, signalled, NULL);
    CHECK(handle != NULL && handle != INVALID_HANDLE_VALUE);
    return handle;
}

static inline HANDLE thread(LPTHREAD_START_ROUTINE function, void *parameter) {
    HANDLE handle = CreateThread(NULL, 0, function, parameter, 0, NULL);
    CHECK(handle != NULL);
    return handle;
}

static inline LONG load(volatile LONG *value) {
    return InterlockedExchangeAdd(value, 0);
}

/* Waits until a number has become what it must. */
static inline void await(volatile LONG *value, LONG wanted) {
    for (ULONGLONG end = GetTickCount64() + LONG_MILLISECONDS; load(value) != wanted;) {
        CHECK(GetTickCount64() < end);
        Sleep(0);
    }
}

static inline WAYPOST_USAGE usage(DWORD module) {
    WAYPOST_USAGE held;
    CHECK(WaypostLibraryUsage(module, &held, sizeof held));
    return held;
}

#endif
