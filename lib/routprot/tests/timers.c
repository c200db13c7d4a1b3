/* Timers: once, again and again, in order, changed, and deleted in all ways. */
#include "check.h"

#define MANY 2000

static volatile LONG fired, inside;
static HANDLE gate, entered, timer_of_its_own;

static void CALLBACK count(PVOID counter, BOOLEAN fired_by_timer) {
    CHECK(fired_by_timer == TRUE);
    InterlockedIncrement(counter);
}

static void CALLBACK stay(PVOID counter, BOOLEAN fired_by_timer) {
    CHECK(fired_by_timer == TRUE);
    CHECK(InterlockedIncrement(&inside) == 1);
    CHECK(SetEvent(entered));
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    InterlockedIncrement(counter);
    InterlockedDecrement(&inside);
}

static HANDLE timer(HANDLE queue, WAITORTIMERCALLBACK callback, DWORD due, DWORD period, ULONG flags) {
    HANDLE made = NULL;
    fired = 0;
    CHECK(CreateTimerQueueTimer(&made, queue, callback, (PVOID)(uintptr_t)&fired, due, period, flags));
    CHECK(made != NULL);
    return made;
}

static void await_at_least(LONG wanted) {
    for (ULONGLONG end = GetTickCount64() + LONG_MILLISECONDS; load(&fired) < wanted;) {
        CHECK(GetTickCount64() < end);
        Sleep(0);
    }
}

/* Lets a timer that would still be due come before one that is later. */
static void let_time_pass(HANDLE queue) {
    volatile LONG later = 0;
    HANDLE made;
    CHECK(CreateTimerQueueTimer(&made, queue, count, (PVOID)(uintptr_t)&later, 20, 0, WT_EXECUTEDEFAULT));
    await(&later, 1);
    CHECK(DeleteTimerQueueTimer(queue, made, INVALID_HANDLE_VALUE));
}

static void once_and_again(HANDLE queue, ULONG flags) {
    ULONGLONG start = GetTickCount64();
    HANDLE once = timer(queue, count, 20, 0, flags);
    await(&fired, 1);
    CHECK(GetTickCount64() - start >= 19);
    /* It has expired: it is not updated, as published. */
    CHECK(ChangeTimerQueueTimer(queue, once, 0, 1));
    let_time_pass(queue);
    CHECK(load(&fired) == 1);
    HANDLE again = timer(queue, count, 0, 1, flags);
    await_at_least(10);
    CHECK(DeleteTimerQueueTimer(queue, again, INVALID_HANDLE_VALUE));
    LONG seen = load(&fired);
    HANDLE limited = timer(queue, count, 0, 1, flags | WT_EXECUTEONLYONCE);
    await(&fired, 1);
    let_time_pass(queue);
    CHECK(DeleteTimerQueueTimer(queue, limited, INVALID_HANDLE_VALUE));
    CHECK(load(&fired) == 1 && seen >= 10);
    CHECK(DeleteTimerQueueTimer(queue, once, INVALID_HANDLE_VALUE));
    CHECK_FAILS(DeleteTimerQueueTimer(queue, once, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ChangeTimerQueueTimer(queue, once, 0, 0), FALSE, ERROR_INVALID_HANDLE);
}

static void changed(void) {
    HANDLE never = timer(NULL, count, INFINITE, 0, WT_EXECUTEDEFAULT);
    HANDLE late = timer(NULL, count, 0xFFFFFFF0u, 0, WT_EXECUTEDEFAULT);
    CHECK(ChangeTimerQueueTimer(NULL, late, 1, 0));
    await(&fired, 1);
    CHECK(ChangeTimerQueueTimer(NULL, never, 1, 0));
    await(&fired, 2);
    CHECK(DeleteTimerQueueTimer(NULL, never, INVALID_HANDLE_VALUE) && DeleteTimerQueueTimer(NULL, late, INVALID_HANDLE_VALUE));
}

/* Callbacks of one timer never overlap (`stay` checks that), and what came due meanwhile is not made up for. */
static void slow(ULONG flags) {
    gate = event(TRUE, FALSE);
    entered = event(FALSE, FALSE);
    HANDLE again = timer(NULL, stay, 0, 1, flags);
    CHECK_WAIT(entered);
    for (ULONGLONG start = GetTickCount64(); GetTickCount64() - start < 20;) {
        CHECK(load(&inside) == 1);
    }
    CHECK(load(&fired) == 0);
    /* In the middle of its callback. */
    HANDLE completion = event(TRUE, FALSE);
    CHECK(DeleteTimerQueueTimer(NULL, again, completion));
    CHECK(WaitForSingleObject(completion, 0) == WAIT_TIMEOUT);
    CHECK(SetEvent(gate));
    CHECK_WAIT(completion);
    CHECK(load(&fired) == 1 && load(&inside) == 0);
    CHECK(CloseHandle(completion) && CloseHandle(gate) && CloseHandle(entered));
}

static DWORD WINAPI open_gate(LPVOID nothing) {
    (void)nothing;
    CHECK(SetEvent(gate));
    return 0;
}

static void deleted_while_running(void) {
    gate = event(FALSE, FALSE);
    entered = event(FALSE, FALSE);
    HANDLE first = timer(NULL, stay, 0, 0, WT_EXECUTEDEFAULT);
    CHECK_WAIT(entered);
    CHECK_FAILS(DeleteTimerQueueTimer(NULL, first, &gate), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(DeleteTimerQueueTimer(NULL, first, NULL), FALSE, ERROR_IO_PENDING);
    CHECK(SetEvent(gate));
    await(&fired, 1);
    HANDLE second = timer(NULL, stay, 0, 0, WT_EXECUTEDEFAULT);
    CHECK_WAIT(entered);
    HANDLE opener = thread(open_gate, NULL);
    CHECK(DeleteTimerQueueTimer(NULL, second, INVALID_HANDLE_VALUE));
    CHECK(load(&fired) == 1);
    CHECK_WAIT(opener);
    CHECK(CloseHandle(opener));
    /* One that is not running is done at once, however it is deleted. */
    HANDLE completion = event(TRUE, FALSE);
    CHECK(DeleteTimerQueueTimer(NULL, timer(NULL, count, INFINITE, 0, 0), NULL));
    CHECK(DeleteTimerQueueTimer(NULL, timer(NULL, count, INFINITE, 0, 0), INVALID_HANDLE_VALUE));
    CHECK(DeleteTimerQueueTimer(NULL, timer(NULL, count, INFINITE, 0, 0), completion));
    CHECK(WaitForSingleObject(completion, 0) == WAIT_OBJECT_0);
    CHECK(CloseHandle(completion) && CloseHandle(gate) && CloseHandle(entered));
}

/* A callback cannot wait for itself. */
static void CALLBACK delete_itself(PVOID counter, BOOLEAN fired_by_timer) {
    (void)fired_by_timer;
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK_FAILS(DeleteTimerQueueTimer(NULL, timer_of_its_own, INVALID_HANDLE_VALUE), FALSE, ERROR_IO_PENDING);
    InterlockedIncrement(counter);
}

static void CALLBACK delete_its_queue(PVOID queue, BOOLEAN fired_by_timer) {
    (void)fired_by_timer;
    CHECK_FAILS(DeleteTimerQueueEx(queue, INVALID_HANDLE_VALUE), FALSE, ERROR_IO_PENDING);
    InterlockedIncrement(&fired);
}

static void deleted_from_within(void) {
    gate = event(TRUE, FALSE);
    timer_of_its_own = timer(NULL, delete_itself, 0, 1, WT_EXECUTEDEFAULT);
    CHECK(SetEvent(gate));
    await(&fired, 1);
    CHECK(CloseHandle(gate));
    HANDLE queue = CreateTimerQueue(), made;
    fired = 0;
    CHECK(CreateTimerQueueTimer(&made, queue, delete_its_queue, queue, 0, 1, WT_EXECUTEINTIMERTHREAD));
    await(&fired, 1);
}

static void queues(void) {
    HANDLE queue = CreateTimerQueue(), other = CreateTimerQueue();
    CHECK(queue != NULL && other != NULL && usage(0).TimerQueues == 2);
    HANDLE made = timer(queue, count, INFINITE, 0, 0);
    CHECK_FAILS(DeleteTimerQueueTimer(NULL, made, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ChangeTimerQueueTimer(other, made, 0, 0), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(CreateTimerQueueTimer(&made, made, count, NULL, 0, 0, 0), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(CreateTimerQueueTimer(NULL, queue, count, NULL, 0, 0, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateTimerQueueTimer(&made, queue, NULL, NULL, 0, 0, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(DeleteTimerQueueEx(NULL, NULL), FALSE, ERROR_INVALID_HANDLE);
    once_and_again(queue, WT_EXECUTEDEFAULT);
    /* It ends with its timers, one of which runs. */
    gate = event(TRUE, FALSE);
    entered = event(FALSE, FALSE);
    HANDLE completion = event(TRUE, FALSE);
    timer(queue, stay, 0, 1, WT_EXECUTEDEFAULT);
    CHECK_WAIT(entered);
    CHECK(DeleteTimerQueueEx(queue, completion));
    CHECK(WaitForSingleObject(completion, 0) == WAIT_TIMEOUT);
    CHECK_FAILS(DeleteTimerQueueTimer(queue, made, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(DeleteTimerQueueEx(queue, NULL), FALSE, ERROR_INVALID_HANDLE);
    CHECK(SetEvent(gate));
    CHECK_WAIT(completion);
    CHECK(DeleteTimerQueueEx(other, INVALID_HANDLE_VALUE));
    CHECK(CloseHandle(completion) && CloseHandle(gate) && CloseHandle(entered));
}

/* Many with the same and with other due times, half of them deleted before. */
static void many(void) {
    static HANDLE made[MANY];
    fired = 0;
    for (int index = 0; index < MANY; index++) {
        DWORD due = index % 2 == 0 ? INFINITE - 1 : (DWORD)(index * 7919 % 50);
        CHECK(CreateTimerQueueTimer(&made[index], NULL, count, (PVOID)(uintptr_t)&fired, due, 0, WT_EXECUTEDEFAULT));
    }
    CHECK(usage(0).Timers == MANY);
    for (int index = 0; index < MANY; index += 2) {
        CHECK(DeleteTimerQueueTimer(NULL, made[index], NULL));
    }
    await(&fired, MANY / 2);
    for (int index = 1; index < MANY; index += 2) {
        CHECK(DeleteTimerQueueTimer(NULL, made[index], INVALID_HANDLE_VALUE));
    }
    CHECK(load(&fired) == MANY / 2);
}

/* A callback that waits behind a full pool does not begin once its timer is deleted. */
static DWORD WINAPI fill(LPVOID nothing) {
    (void)nothing;
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    return 0;
}

static void await_work(ULONGLONG wanted) {
    for (ULONGLONG end = GetTickCount64() + LONG_MILLISECONDS; usage(0).WorkItems != wanted;) {
        CHECK(GetTickCount64() < end);
        Sleep(0);
    }
}

static void deleted_before_it_begins(void) {
    gate = event(TRUE, FALSE);
    await_work(0);
    for (int item = 0; item < 64; item++) {
        CHECK(QueueUserWorkItem(fill, NULL, WT_EXECUTELONGFUNCTION));
    }
    HANDLE made = timer(NULL, count, 0, 1, WT_EXECUTEDEFAULT);
    await_work(65);
    CHECK(DeleteTimerQueueTimer(NULL, made, NULL));
    CHECK(SetEvent(gate));
    await_work(0);
    CHECK(load(&fired) == 0 && CloseHandle(gate));
}

/* A queue is at its end when the last of its callbacks is. */
static HANDLE gates[2];

static void CALLBACK wait_at(PVOID number, BOOLEAN fired_by_timer) {
    CHECK(fired_by_timer);
    InterlockedIncrement(&inside);
    CHECK(WaitForSingleObject(gates[(intptr_t)number], LONG_MILLISECONDS) == WAIT_OBJECT_0);
    InterlockedIncrement(&fired);
}

static void two_callbacks(void) {
    HANDLE queue = CreateTimerQueue(), completion = event(TRUE, FALSE), made;
    fired = inside = 0;
    for (intptr_t number = 0; number < 2; number++) {
        gates[number] = event(TRUE, FALSE);
        CHECK(CreateTimerQueueTimer(&made, queue, wait_at, (PVOID)number, 0, 0, WT_EXECUTEDEFAULT));
    }
    await(&inside, 2);
    CHECK(DeleteTimerQueueEx(queue, completion));
    CHECK(SetEvent(gates[1]));
    await_work(1);
    CHECK(load(&fired) == 1 && WaitForSingleObject(completion, 0) == WAIT_TIMEOUT);
    CHECK(SetEvent(gates[0]));
    CHECK_WAIT(completion);
    CHECK(load(&fired) == 2 && CloseHandle(completion) && CloseHandle(gates[0]) && CloseHandle(gates[1]));
}

int main(void) {
    once_and_again(NULL, WT_EXECUTEDEFAULT);
    once_and_again(NULL, WT_EXECUTEINTIMERTHREAD);
    changed();
    slow(WT_EXECUTEDEFAULT);
    slow(WT_EXECUTEINTIMERTHREAD);
    deleted_while_running();
    deleted_from_within();
    queues();
    many();
    deleted_before_it_begins();
    two_callbacks();
    WAYPOST_USAGE left = usage(0);
    CHECK(left.Timers == 0 && left.TimerQueues == 0 && left.Handles == 0);
    return 0;
}
