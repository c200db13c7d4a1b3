/*
 * Many threads of two modules do everything at once to objects they share, and free what is not theirs any more; above all for
 * the thread sanitizer. Whatever an answer is, it must be one of those that are documented.
 */
#include "check.h"

#include <waypost/rtutils.h>

#define THREADS 8
#define SHARED 16
#define TURNS 3000

/* Handles and blocks that any thread may use, close and replace at any time. */
static PVOID volatile handles[SHARED];
static PVOID volatile blocks[SHARED];
static volatile LONG callbacks;
static HANDLE heap;
static DWORD trace;

static void CALLBACK hear(PVOID context, DWORD module, LPCSTR name, LPCSTR line) {
    CHECK(context == NULL && module <= 2 && name[0] != '\0' && line[0] != '\0');
}

static PVOID look(PVOID volatile *place) {
    return InterlockedCompareExchangePointer(place, NULL, NULL);
}

static DWORD WINAPI item(LPVOID number) {
    InterlockedIncrement(&callbacks);
    SetEvent(look(&handles[(uintptr_t)number % SHARED]));
    return 0;
}

static void CALLBACK fire(PVOID number, BOOLEAN fired) {
    CHECK(fired);
    item(number);
}

static void CALLBACK woken(PVOID number, BOOLEAN timed_out) {
    CHECK(timed_out <= 1 && (uintptr_t)number != 0);
    InterlockedIncrement(&callbacks);
}

static HANDLE make(uint64_t random) {
    switch (random % 3) {
    case 0:
        return CreateEvent(NULL, random / 3 % 2 == 0, random / 6 % 2 == 0, NULL);
    case 1:
        return CreateSemaphore(NULL, 1, 5, NULL);
    default:
        return CreateMutex(NULL, FALSE, NULL);
    }
}

static void check_result(BOOL result, DWORD first, DWORD second) {
    CHECK(result || GetLastError() == ERROR_INVALID_HANDLE || GetLastError() == first || GetLastError() == second);
}

static void turn(uint64_t random, HANDLE queue) {
    LONG place = (LONG)(random >> 8 & (SHARED - 1));
    HANDLE handle = look(&handles[place]);
    uint64_t more = random >> 16;
    switch (random & 15) {
    case 0:
        check_result(CloseHandle(InterlockedExchangePointer(&handles[place], make(more))), 0, 0);
        break;
    case 1:
    case 2:
        check_result(SetEvent(handle), 0, 0);
        break;
    case 3:
        check_result(ResetEvent(handle), 0, 0);
        break;
    case 4:
        check_result(ReleaseSemaphore(handle, 1, NULL), ERROR_TOO_MANY_POSTS, 0);
        break;
    case 5:
    case 6: {
        HANDLE pair[] = {handle, look(&handles[(place + 1) % SHARED])};
        DWORD result = WaitForMultipleObjects(2, pair, more % 2 == 0, (DWORD)(more >> 1) % 3);
        CHECK(result == WAIT_TIMEOUT || result < 2 || result == WAIT_ABANDONED_0 || result == WAIT_ABANDONED_0 + 1 ||
              (result == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE));
        break;
    }
    case 7:
        check_result(ReleaseMutex(handle), ERROR_NOT_OWNER, 0);
        break;
    case 8:
    case 9: {
        /* The block in a place is freed by whoever takes it out; meanwhile others free it to a heap that is not its own. */
        PVOID mine = InterlockedExchangePointer(&blocks[place], HeapAlloc(heap, HEAP_ZERO_MEMORY, more % 500));
        CHECK(HeapFree(heap, 0, mine));
        break;
    }
    case 10:
        check_result(HeapFree(GetProcessHeap(), 0, look(&blocks[place])), ERROR_INVALID_PARAMETER, 0);
        CHECK(HeapSize(heap, 0, look(&blocks[place])) + 1 <= 500);
        break;
    case 11:
        CHECK(QueueUserWorkItem(item, (PVOID)(uintptr_t)more, WT_EXECUTEDEFAULT));
        break;
    case 12:
    case 13: {
        HANDLE timer;
        CHECK(CreateTimerQueueTimer(&timer, queue, fire, (PVOID)(uintptr_t)more, (DWORD)(more % 3), (DWORD)(more >> 2) % 3,
                                    more >> 4 & WT_EXECUTEINTIMERTHREAD));
        CHECK(ChangeTimerQueueTimer(queue, timer, (DWORD)(more >> 5) % 2, (DWORD)(more >> 6) % 2));
        if (more % 4 != 0) {
            HANDLE completion = more % 2 == 0 ? NULL : INVALID_HANDLE_VALUE;
            check_result(DeleteTimerQueueTimer(queue, timer, completion), ERROR_IO_PENDING, 0);
        }
        break;
    }
    case 14: {
        HANDLE wait = NULL;
        check_result(RegisterWaitForSingleObject(&wait, handle, woken, (PVOID)(uintptr_t)(more | 1), (DWORD)(more % 3),
                                                 more >> 2 & WT_EXECUTEONLYONCE),
                     ERROR_NOT_SUPPORTED, 0);
        if (wait != NULL && more % 8 != 0) {
            check_result(UnregisterWaitEx(wait, more % 2 == 0 ? NULL : INVALID_HANDLE_VALUE), ERROR_IO_PENDING, 0);
        }
        CHECK(TracePrintf(trace, "%p %I64u", handle, more) > 0);
        break;
    }
    default:
        WaypostSetModule((DWORD)more % 2 + 1);
        CHECK(usage((DWORD)more % 3).HeapBytes < 1u << 30);
        break;
    }
}

static DWORD WINAPI run(LPVOID seed) {
    uint64_t random = (uintptr_t)seed;
    HANDLE queue = CreateTimerQueue();
    CHECK(queue != NULL);
    for (int count = 0; count < TURNS; count++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        turn(random >> 11, queue);
    }
    CHECK(DeleteTimerQueueEx(queue, INVALID_HANDLE_VALUE));
    return 0;
}

int main(void) {
    HANDLE threads[THREADS];
    WaypostSetTraceSink(hear, NULL);
    heap = HeapCreate(0, 0, 0);
    trace = TraceRegister("STRESS");
    for (LONG place = 0; place < SHARED; place++) {
        InterlockedExchangePointer(&handles[place], make((uint64_t)place));
    }
    for (int index = 0; index < THREADS; index++) {
        WaypostSetModule((DWORD)index % 2 + 1);
        threads[index] = thread(run, (PVOID)(uintptr_t)(index + 1));
    }
    CHECK(WaitForMultipleObjects(THREADS, threads, TRUE, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    WaypostSetModule(0);
    for (DWORD module = 1; module <= 2; module++) {
        CHECK(WaypostLibraryShutdown(module, LONG_MILLISECONDS));
        WAYPOST_USAGE left = usage(module);
        CHECK(left.Handles == 0 && left.Timers == 0 && left.TimerQueues == 0 && left.Waits == 0);
        CHECK(left.WorkItems == 0 && left.Threads == 0);
    }
    CHECK(HeapDestroy(heap));
    for (DWORD module = 0; module <= 2; module++) {
        CHECK(usage(module).HeapBlocks == 0 && usage(module).HeapBytes == 0 && usage(module).DamagedBlocks == 0);
    }
    CHECK(load(&callbacks) > 0);
    return 0;
}
