/* Work items: all run, on a bounded number of threads, and may wait for each other. */
#include "check.h"

#define ITEMS 20000
/* As many as the pool has threads, and as many as a module may have queued. */
#define MOST_THREADS 64
#define MOST_WORK 65536

static volatile LONG done, inside, most_inside;
static HANDLE gate;

static DWORD WINAPI add(LPVOID number) {
    InterlockedExchangeAdd(&done, *(LONG *)number);
    return 0;
}

static DWORD WINAPI queue_another(LPVOID number) {
    static LONG one = 1;
    CHECK(QueueUserWorkItem(add, number != NULL ? number : &one, WT_EXECUTEDEFAULT));
    return 0;
}

static DWORD WINAPI stay(LPVOID nothing) {
    (void)nothing;
    LONG here = InterlockedIncrement(&inside);
    for (LONG most = load(&most_inside); here > most; most = load(&most_inside)) {
        InterlockedCompareExchange(&most_inside, here, most);
    }
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    InterlockedDecrement(&inside);
    InterlockedIncrement(&done);
    return 0;
}

static DWORD WINAPI open_gate(LPVOID nothing) {
    (void)nothing;
    CHECK(SetEvent(gate));
    InterlockedIncrement(&done);
    return 0;
}

static void await_idle(void) {
    for (ULONGLONG end = GetTickCount64() + LONG_MILLISECONDS; usage(0).WorkItems != 0;) {
        CHECK(GetTickCount64() < end);
        Sleep(0);
    }
}

static void all_run(void) {
    LONG one = 1;
    for (int item = 0; item < ITEMS; item++) {
        CHECK(QueueUserWorkItem(item % 2 ? add : queue_another, &one, WT_EXECUTELONGFUNCTION | WT_EXECUTEINIOTHREAD));
    }
    await(&done, ITEMS);
    await_idle();
    done = 0;
}

/* Work that waits for work that is queued behind it. */
static void wait_for_each_other(void) {
    gate = event(TRUE, FALSE);
    for (int item = 1; item < MOST_THREADS; item++) {
        CHECK(QueueUserWorkItem(stay, NULL, WT_EXECUTEDEFAULT));
    }
    CHECK(QueueUserWorkItem(open_gate, NULL, WT_EXECUTEDEFAULT));
    await(&done, MOST_THREADS);
    await_idle();
    done = 0;
    CHECK(CloseHandle(gate));
}

static void bounded(void) {
    gate = event(TRUE, FALSE);
    most_inside = 0;
    int queued = 0;
    while (QueueUserWorkItem(stay, NULL, WT_EXECUTEDEFAULT)) {
        queued++;
        CHECK(queued <= MOST_WORK);
    }
    CHECK(GetLastError() == ERROR_NO_SYSTEM_RESOURCES && queued == MOST_WORK);
    await(&inside, MOST_THREADS);
    CHECK(usage(0).WorkItems == MOST_WORK);
    CHECK(SetEvent(gate));
    await(&done, MOST_WORK);
    await_idle();
    CHECK(most_inside == MOST_THREADS);
    CHECK(CloseHandle(gate));
}

int main(void) {
    CHECK_FAILS(QueueUserWorkItem(NULL, NULL, WT_EXECUTEDEFAULT), FALSE, ERROR_INVALID_PARAMETER);
    all_run();
    wait_for_each_other();
    bounded();
    CHECK(usage(0).Handles == 0);
    return 0;
}
