/*
 * Critical sections: InitializeCriticalSection, EnterCriticalSection, TryEnterCriticalSection, LeaveCriticalSection,
 * DeleteCriticalSection (Microsoft Learn, synchapi.h).
 *
 * The lock lives in the published structure, without memory of its own: LockCount is the word that threads sleep on
 * (futex(2)), OwningThread the identifier of the thread inside, as published. Nothing but zeroes is an open section, so
 * that one which nobody initialised, or which was deleted, locks all the same instead of taking the router down.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE
#include "private.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What LockCount says. */
enum { OPEN = 0, HELD = 1, HELD_AND_WAITED_FOR = 2 };

/* A module may ask for any number of turns; no section is worth more. */
#define MOST_TURNS 4000u

static HANDLE caller(void) {
    return (HANDLE)(uintptr_t)GetCurrentThreadId();
}

static bool is_inside(LPCRITICAL_SECTION section) {
    return __atomic_load_n(&section->OwningThread, __ATOMIC_RELAXED) == caller();
}

static bool open_to(LPCRITICAL_SECTION section, LONG state) {
    LONG open = OPEN;
    return __atomic_compare_exchange_n(&section->LockCount, &open, state, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void entered(LPCRITICAL_SECTION section) {
    section->RecursionCount = 1;
    __atomic_store_n(&section->OwningThread, caller(), __ATOMIC_RELAXED);
}

static void futex(LONG *word, int operation, LONG value) {
    /* Woken, interrupted or too late: whoever calls looks at the word again. */
    syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

void InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
    memset(lpCriticalSection, 0, sizeof *lpCriticalSection);
}

BOOL InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION lpCriticalSection, DWORD dwSpinCount) {
    InitializeCriticalSection(lpCriticalSection);
    lpCriticalSection->SpinCount = dwSpinCount < MOST_TURNS ? dwSpinCount : MOST_TURNS;
    return TRUE;
}

BOOL TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
    if (is_inside(lpCriticalSection)) {
        lpCriticalSection->RecursionCount++;
        return TRUE;
    }
    if (!open_to(lpCriticalSection, HELD)) {
        return FALSE;
    }
    entered(lpCriticalSection);
    return TRUE;
}

void EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
    if (TryEnterCriticalSection(lpCriticalSection)) {
        return;
    }
    bool open = false;
    for (ULONG_PTR turn = 0; turn < lpCriticalSection->SpinCount && !open; turn++) {
        open = open_to(lpCriticalSection, HELD);
    }
    /* Who sleeps must be woken by whoever leaves, and from here on it cannot be known that nobody else sleeps. */
    while (!open && __atomic_exchange_n(&lpCriticalSection->LockCount, HELD_AND_WAITED_FOR, __ATOMIC_ACQUIRE) != OPEN) {
        futex(&lpCriticalSection->LockCount, FUTEX_WAIT, HELD_AND_WAITED_FOR);
    }
    entered(lpCriticalSection);
}

void LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
    if (!is_inside(lpCriticalSection)) {
        /* Undefined as published; here it leaves the section to the thread that is inside. */
        SetLastError(ERROR_NOT_OWNER);
        return;
    }
    if (--lpCriticalSection->RecursionCount > 0) {
        return;
    }
    __atomic_store_n(&lpCriticalSection->OwningThread, NULL, __ATOMIC_RELAXED);
    if (__atomic_exchange_n(&lpCriticalSection->LockCount, OPEN, __ATOMIC_RELEASE) == HELD_AND_WAITED_FOR) {
        futex(&lpCriticalSection->LockCount, FUTEX_WAKE, 1);
    }
}

void DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection) {
    memset(lpCriticalSection, 0, sizeof *lpCriticalSection);
}
