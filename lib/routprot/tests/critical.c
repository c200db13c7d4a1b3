/* Critical sections: recursion, exclusion, what is not allowed. */
#include "check.h"

#include <string.h>

#define THREADS 8
#define TURNS 20000

static CRITICAL_SECTION section;
static LONG unguarded;

static DWORD WINAPI count(LPVOID nothing) {
    (void)nothing;
    for (int turn = 0; turn < TURNS; turn++) {
        EnterCriticalSection(&section);
        EnterCriticalSection(&section);
        unguarded++;
        LeaveCriticalSection(&section);
        unguarded++;
        LeaveCriticalSection(&section);
    }
    return 0;
}

static DWORD WINAPI stay_out(LPVOID nothing) {
    (void)nothing;
    CHECK(!TryEnterCriticalSection(&section));
    SetLastError(NO_ERROR);
    LeaveCriticalSection(&section);
    CHECK(GetLastError() == ERROR_NOT_OWNER);
    CHECK(!TryEnterCriticalSection(&section));
    return 0;
}

static DWORD WINAPI go_in(LPVOID nothing) {
    (void)nothing;
    CHECK(TryEnterCriticalSection(&section));
    LeaveCriticalSection(&section);
    return 0;
}

static void run(LPTHREAD_START_ROUTINE function) {
    HANDLE handle = thread(function, NULL);
    CHECK_WAIT(handle);
    CHECK(CloseHandle(handle));
}

static void contended(void) {
    HANDLE threads[THREADS];
    unguarded = 0;
    for (int index = 0; index < THREADS; index++) {
        threads[index] = thread(count, NULL);
    }
    CHECK(WaitForMultipleObjects(THREADS, threads, TRUE, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK(unguarded == 2 * THREADS * TURNS);
    for (int index = 0; index < THREADS; index++) {
        CHECK(CloseHandle(threads[index]));
    }
}

int main(void) {
    memset(&section, 0xCC, sizeof section);
    InitializeCriticalSection(&section);
    CHECK(TryEnterCriticalSection(&section));
    EnterCriticalSection(&section);
    CHECK(section.RecursionCount == 2);
    CHECK((uintptr_t)section.OwningThread == GetCurrentThreadId());
    run(stay_out);
    LeaveCriticalSection(&section);
    run(stay_out);
    LeaveCriticalSection(&section);
    run(go_in);
    contended();
    DeleteCriticalSection(&section);
    CHECK(InitializeCriticalSectionAndSpinCount(&section, 0xFFFFFFFF));
    contended();
    DeleteCriticalSection(&section);
    /* Deleted or never initialised, it still locks. */
    memset(&section, 0, sizeof section);
    contended();
    return 0;
}
