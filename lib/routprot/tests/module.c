/* Who owns what, and the end of a module that leaves all kinds of things behind. */
#include "check.h"

#include <string.h>

#include <waypost/rtutils.h>

static HANDLE gate, entered, private_heap, made_by_work;
static volatile LONG ran, ran_later, refused;
static LONG ran_at_the_end;

static DWORD WINAPI work(LPVOID nothing) {
    (void)nothing;
    made_by_work = event(TRUE, FALSE);
    CHECK(SetEvent(entered));
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    /* Its module is being ended: nothing new begins. */
    HANDLE made;
    CHECK_FAILS(QueueUserWorkItem(work, NULL, 0), FALSE, ERROR_BUSY);
    CHECK_FAILS(CreateThread(NULL, 0, work, NULL, 0, NULL), NULL, ERROR_BUSY);
    CHECK_FAILS(CreateTimerQueue(), NULL, ERROR_BUSY);
    CHECK_FAILS(CreateTimerQueueTimer(&made, NULL, (WAITORTIMERCALLBACK)NULL, NULL, 0, 0, 0), FALSE, ERROR_INVALID_PARAMETER);
    InterlockedIncrement(&refused);
    return 0;
}

static DWORD WINAPI never_runs(LPVOID nothing) {
    (void)nothing;
    CHECK(!"dropped work does not run");
    return 0;
}

static void CALLBACK fire(PVOID nothing, BOOLEAN fired) {
    (void)nothing;
    (void)fired;
    InterlockedIncrement(&ran);
}

static DWORD WINAPI run_as_host(LPVOID module) {
    CHECK(WaypostSetModule(0) == *(DWORD *)module);
    return 0;
}

static void ownership(void) {
    CHECK(WaypostSetModule(7) == 0 && WaypostSetModule(7) == 7 && WaypostSetModule(8) == 7 && WaypostSetModule(7) == 8);
    DWORD seven = 7;
    HANDLE child = thread(run_as_host, &seven);
    CHECK_WAIT(child);
    CHECK(usage(7).Handles == 1 && usage(0).Handles == 0 && usage(8).Handles == 0);
    /* What one module made another may close: it is the maker's all the same. */
    WaypostSetModule(8);
    void *block = HeapAlloc(GetProcessHeap(), 0, 10);
    WaypostSetModule(0);
    CHECK(CloseHandle(child) && usage(7).Handles == 0);
    CHECK(usage(8).HeapBlocks == 1 && usage(8).HeapBytes == 10);
    CHECK(HeapFree(GetProcessHeap(), 0, block) && usage(8).HeapBlocks == 0);
    WAYPOST_USAGE nobody = usage(99), nothing;
    memset(&nothing, 0, sizeof nothing);
    CHECK(memcmp(&nobody, &nothing, sizeof nothing) == 0);
    CHECK_FAILS(WaypostLibraryUsage(0, NULL, 0), FALSE, ERROR_INVALID_PARAMETER);
    /* Callers of other versions know less or more. */
    ULONGLONG counts[sizeof(WAYPOST_USAGE) / sizeof(ULONGLONG) + 1];
    HANDLE one = event(TRUE, FALSE);
    memset(counts, 0xFF, sizeof counts);
    CHECK(WaypostLibraryUsage(0, (PWAYPOST_USAGE)(void *)counts, sizeof counts[0]));
    CHECK(counts[0] == 1 && counts[1] == UINT64_MAX);
    CHECK(WaypostLibraryUsage(0, (PWAYPOST_USAGE)(void *)counts, sizeof counts));
    CHECK(counts[0] == 1 && counts[1] == 0 && counts[sizeof counts / sizeof *counts - 1] == 0);
    CHECK(CloseHandle(one));
    CHECK(WaypostLibraryShutdown(99, 0));
}

/* As module 7: a bit of everything, none of it given back. */
static void leave_all_behind(void) {
    HANDLE made;
    WaypostSetModule(7);
    for (int index = 0; index < 100; index++) {
        event(TRUE, FALSE);
        CHECK(CreateMutex(NULL, index % 2, NULL) != NULL && CreateSemaphore(NULL, 0, 1, NULL) != NULL);
        CHECK(HeapAlloc(GetProcessHeap(), 0, 1000) != NULL);
    }
    private_heap = HeapCreate(0, 0, 0);
    CHECK(private_heap != NULL && HeapAlloc(private_heap, 0, 5) != NULL);
    CHECK(TraceRegister("LEAVES") != INVALID_TRACEID);
    HANDLE queue = CreateTimerQueue();
    CHECK(CreateTimerQueueTimer(&made, queue, fire, NULL, 0, 1, WT_EXECUTEDEFAULT));
    CHECK(CreateTimerQueueTimer(&made, NULL, fire, NULL, 0, 1, WT_EXECUTEINTIMERTHREAD));
    CHECK(CreateTimerQueueTimer(&made, NULL, fire, NULL, INFINITE - 1, 0, WT_EXECUTEDEFAULT));
    CHECK(QueueUserWorkItem(work, NULL, WT_EXECUTEDEFAULT));
    CHECK_WAIT(entered);
    WaypostSetModule(0);
}

static void the_end(void) {
    gate = event(TRUE, FALSE);
    entered = event(FALSE, FALSE);
    void *of_host = HeapAlloc(GetProcessHeap(), 0, 50);
    leave_all_behind();
    WAYPOST_USAGE left = usage(7);
    CHECK(left.Handles == 301 && left.Heaps == 1 && left.HeapBlocks == 101 && left.HeapBytes == 100005);
    CHECK(left.TraceIds == 1 && left.TimerQueues == 1 && left.Timers == 3 && left.WorkItems >= 1);
    /* Work of it still runs: it may not be unloaded, and nothing is taken from under it. */
    CHECK_FAILS(WaypostLibraryShutdown(7, 10), FALSE, WAIT_TIMEOUT);
    left = usage(7);
    CHECK(left.Handles == 301 && left.HeapBlocks == 101 && left.Timers == 0 && left.TimerQueues == 0);
    CHECK(SetEvent(gate));
    CHECK(WaypostLibraryShutdown(7, LONG_MILLISECONDS));
    WAYPOST_USAGE after = usage(7), nothing;
    memset(&nothing, 0, sizeof nothing);
    CHECK(memcmp(&after, &nothing, sizeof nothing) == 0);
    CHECK(load(&refused) == 1);
    CHECK_FAILS(SetEvent(made_by_work), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapAlloc(private_heap, 0, 1), NULL, ERROR_INVALID_HANDLE);
    ran_at_the_end = load(&ran);
    /* The host has lost nothing, and the module may begin anew. */
    CHECK(HeapSize(GetProcessHeap(), 0, of_host) == 50 && HeapFree(GetProcessHeap(), 0, of_host));
    WaypostSetModule(7);
    CHECK(QueueUserWorkItem(run_as_host, &(DWORD){7}, 0));
    CHECK(WaypostLibraryShutdown(7, LONG_MILLISECONDS));
    WaypostSetModule(0);
    CHECK(CloseHandle(gate) && CloseHandle(entered) && usage(0).Handles == 0);
}

/* Work that is queued behind a full pool is dropped. */
static DWORD WINAPI stay(LPVOID nothing) {
    (void)nothing;
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    return 0;
}

static DWORD WINAPI run_later(LPVOID nothing) {
    (void)nothing;
    InterlockedIncrement(&ran_later);
    return 0;
}

static void queued_work(void) {
    gate = event(TRUE, FALSE);
    for (int item = 0; item < 64; item++) {
        CHECK(QueueUserWorkItem(stay, NULL, WT_EXECUTELONGFUNCTION));
    }
    WaypostSetModule(9);
    for (int item = 0; item < 1000; item++) {
        CHECK(QueueUserWorkItem(never_runs, NULL, WT_EXECUTEDEFAULT));
    }
    WaypostSetModule(0);
    CHECK(usage(9).WorkItems == 1000 && usage(0).WorkItems == 64);
    CHECK(WaypostLibraryShutdown(9, 0));
    CHECK(usage(9).WorkItems == 0 && usage(0).WorkItems == 64);
    /* What is queued behind those that were dropped runs. */
    CHECK(QueueUserWorkItem(run_later, NULL, WT_EXECUTEDEFAULT));
    CHECK(SetEvent(gate));
    await(&ran_later, 1);
    CHECK(WaypostLibraryShutdown(0, LONG_MILLISECONDS));
    CHECK(usage(0).WorkItems == 0 && usage(0).Handles == 0);
}

int main(void) {
    ownership();
    the_end();
    queued_work();
    /* Its timers did not outlive it. */
    CHECK(load(&ran) == ran_at_the_end);
    return 0;
}
