/* Handles that are stale, foreign, of another kind, or too many. */
#include "check.h"

#include <string.h>

#define MANY 100000

static void check_refused(HANDLE handle) {
    CHECK_FAILS(SetEvent(handle), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ResetEvent(handle), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ReleaseMutex(handle), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ReleaseSemaphore(handle, 1, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(WaitForSingleObject(handle, INFINITE), WAIT_FAILED, ERROR_INVALID_HANDLE);
    CHECK_FAILS(CloseHandle(handle), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapAlloc(handle, 0, 1), NULL, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapDestroy(handle), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(DeleteTimerQueueTimer(NULL, handle, NULL), FALSE, ERROR_INVALID_HANDLE);
}

static void stale(void) {
    HANDLE first = event(TRUE, FALSE);
    CHECK(CloseHandle(first));
    check_refused(first);
    /* Its slot is used again before long, and the old handle means no more for it. */
    for (int turn = 0; turn < 1000; turn++) {
        HANDLE next = event(TRUE, FALSE);
        CHECK(next != first);
        CHECK_FAILS(SetEvent(first), FALSE, ERROR_INVALID_HANDLE);
        CHECK(WaitForSingleObject(next, 0) == WAIT_TIMEOUT);
        CHECK(CloseHandle(next));
    }
}

static void foreign(void) {
    int local = 0;
    void *memory = malloc(64);
    CHECK(memory != NULL);
    memset(memory, 0x57, 64);
    HANDLE real = event(TRUE, FALSE);
    check_refused(NULL);
    check_refused(INVALID_HANDLE_VALUE);
    check_refused(&local);
    check_refused(memory);
    check_refused((char *)real + 1);
    check_refused((HANDLE)(uintptr_t)0x7000);
    for (int bit = 0; bit < 64; bit++) {
        check_refused((HANDLE)((uintptr_t)real ^ (uintptr_t)1 << bit));
    }
    CHECK(CloseHandle(real));
    free(memory);
}

static void other_kinds(void) {
    HANDLE mutex = CreateMutex(NULL, FALSE, NULL);
    CHECK_FAILS(SetEvent(mutex), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ReleaseSemaphore(mutex, 1, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK(CloseHandle(mutex));
    HANDLE heap = HeapCreate(0, 0, 0);
    CHECK_FAILS(CloseHandle(heap), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(WaitForSingleObject(heap, 0), WAIT_FAILED, ERROR_INVALID_HANDLE);
    CHECK(HeapDestroy(heap));
    HANDLE queue = CreateTimerQueue();
    CHECK_FAILS(CloseHandle(queue), FALSE, ERROR_INVALID_HANDLE);
    CHECK(DeleteTimerQueueEx(queue, NULL));
}

static void many(void) {
    HANDLE *handles = calloc(MANY, sizeof *handles);
    CHECK(handles != NULL);
    for (int index = 0; index < MANY; index++) {
        handles[index] = event(TRUE, index % 2);
        CHECK(((uintptr_t)handles[index] & 3) == 0);
    }
    CHECK(usage(0).Handles == MANY);
    for (int index = 0; index < MANY; index++) {
        CHECK(WaitForSingleObject(handles[index], 0) == (index % 2 ? WAIT_OBJECT_0 : WAIT_TIMEOUT));
    }
    for (int index = 0; index < MANY; index++) {
        CHECK(CloseHandle(handles[index]));
    }
    CHECK(usage(0).Handles == 0);
    free(handles);
}

/* A module that never closes anything meets an end. */
static void too_many(void) {
    HANDLE last = NULL, next;
    ULONGLONG made = 0;
    while ((next = CreateEvent(NULL, TRUE, FALSE, NULL)) != NULL) {
        last = next;
        made++;
        CHECK(made <= 1u << 20);
    }
    CHECK(GetLastError() == ERROR_NOT_ENOUGH_MEMORY);
    CHECK(made > 1000000);
    CHECK(CloseHandle(last));
    CHECK(event(TRUE, FALSE) != last);
    CHECK(WaypostLibraryShutdown(0, 0));
    CHECK(usage(0).Handles == 0);
}

int main(void) {
    stale();
    foreign();
    other_kinds();
    many();
    too_many();
    return 0;
}
