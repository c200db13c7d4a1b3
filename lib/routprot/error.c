/*
 * The last error of a thread: GetLastError, SetLastError (Microsoft Learn, errhandlingapi.h).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

static _Thread_local DWORD last_error;

DWORD GetLastError(void) {
    return last_error;
}

void SetLastError(DWORD dwErrCode) {
    last_error = dwErrCode;
}

BOOL waypost_fail(DWORD error) {
    last_error = error;
    return FALSE;
}
