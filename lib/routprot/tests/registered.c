/* Waits with a callback. */
#include "check.h"

static volatile LONG signalled, timed_out, inside;
static HANDLE gate, entered, wait_of_its_own;

static void CALLBACK count(PVOID context, BOOLEAN by_time) {
    CHECK(context == &gate);
    InterlockedIncrement(by_time ? &timed_out : &signalled);
}

static void CALLBACK stay(PVOID context, BOOLEAN by_time) {
    (void)context;
    CHECK(!by_time && InterlockedIncrement(&inside) == 1);
    CHECK(SetEvent(entered));
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    InterlockedDecrement(&inside);
    InterlockedIncrement(&signalled);
}

static HANDLE wait_for(HANDLE object, WAITORTIMERCALLBACK callback, DWORD milliseconds, ULONG flags) {
    HANDLE wait = NULL;
    signalled = timed_out = 0;
    CHECK(RegisterWaitForSingleObject(&wait, object, callback, &gate, milliseconds, flags) && wait != NULL);
    return wait;
}

static void parameters(void) {
    HANDLE object = event(TRUE, FALSE), mutex = CreateMutex(NULL, FALSE, NULL), wait = NULL;
    CHECK_FAILS(RegisterWaitForSingleObject(NULL, object, count, NULL, 0, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(RegisterWaitForSingleObject(&wait, object, NULL, NULL, 0, 0), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(RegisterWaitForSingleObject(&wait, &object, count, NULL, 0, 0), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(RegisterWaitForSingleObject(&wait, mutex, count, NULL, 0, 0), FALSE, ERROR_NOT_SUPPORTED);
    CHECK(wait == NULL);
    wait = wait_for(object, count, INFINITE, 0);
    CHECK(usage(0).Waits == 1);
    CHECK_FAILS(CloseHandle(wait), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(UnregisterWaitEx(wait, &object), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(UnregisterWait(object), FALSE, ERROR_INVALID_HANDLE);
    CHECK(UnregisterWait(wait));
    CHECK_FAILS(UnregisterWait(wait), FALSE, ERROR_INVALID_HANDLE);
    CHECK(SetEvent(object) && CloseHandle(object) && CloseHandle(mutex));
    CHECK(signalled == 0 && timed_out == 0);
}

static void again_and_once(void) {
    HANDLE object = event(FALSE, FALSE);
    HANDLE wait = wait_for(object, count, INFINITE, WT_EXECUTEDEFAULT);
    for (LONG turn = 1; turn <= 100; turn++) {
        CHECK(SetEvent(object));
        await(&signalled, turn);
    }
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
    /* Nobody takes it any more. */
    CHECK(SetEvent(object) && WaitForSingleObject(object, 0) == WAIT_OBJECT_0 && load(&signalled) == 100);
    /* Signalled before; and once is once, the handle stays until it is unregistered. */
    CHECK(SetEvent(object));
    wait = wait_for(object, count, INFINITE, WT_EXECUTEONLYONCE);
    await(&signalled, 1);
    CHECK(SetEvent(object) && WaitForSingleObject(object, 0) == WAIT_OBJECT_0);
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE) && load(&signalled) == 1);
    /* An event that stays signalled calls again and again, as published. */
    HANDLE manual = event(TRUE, TRUE);
    wait = wait_for(manual, count, INFINITE, WT_EXECUTEDEFAULT);
    for (ULONGLONG end = GetTickCount64() + LONG_MILLISECONDS; load(&signalled) < 5;) {
        CHECK(GetTickCount64() < end);
        Sleep(0);
    }
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
    CHECK(CloseHandle(manual) && CloseHandle(object));
    CHECK(load(&timed_out) == 0);
}

static void by_time(void) {
    HANDLE object = event(FALSE, FALSE);
    ULONGLONG start = GetTickCount64();
    HANDLE wait = wait_for(object, count, 20, WT_EXECUTEONLYONCE);
    await(&timed_out, 1);
    CHECK(GetTickCount64() - start >= 19);
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
    wait = wait_for(object, count, 1, WT_EXECUTEDEFAULT);
    for (ULONGLONG end = GetTickCount64() + LONG_MILLISECONDS; load(&timed_out) < 10;) {
        CHECK(GetTickCount64() < end);
        Sleep(0);
    }
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
    wait = wait_for(object, count, 0, WT_EXECUTEONLYONCE);
    await(&timed_out, 1);
    /* It has counted, but may not have returned yet. */
    CHECK(UnregisterWait(wait) || GetLastError() == ERROR_IO_PENDING);
    CHECK(load(&signalled) == 0 && CloseHandle(object));
}

/* Of units that come while the callback runs none is lost, and callbacks do not overlap (`stay` checks that). */
static void slow(void) {
    gate = event(TRUE, FALSE);
    entered = event(FALSE, FALSE);
    HANDLE units = CreateSemaphore(NULL, 0, 100, NULL), completion = event(TRUE, FALSE);
    HANDLE wait = wait_for(units, stay, INFINITE, WT_EXECUTELONGFUNCTION);
    CHECK(ReleaseSemaphore(units, 50, NULL));
    CHECK_WAIT(entered);
    CHECK(load(&inside) == 1 && load(&signalled) == 0);
    CHECK(SetEvent(gate));
    await(&signalled, 50);
    CHECK(ResetEvent(gate) && ResetEvent(entered) && ReleaseSemaphore(units, 2, NULL));
    CHECK_WAIT(entered);
    CHECK(UnregisterWaitEx(wait, completion));
    CHECK(WaitForSingleObject(completion, 0) == WAIT_TIMEOUT);
    CHECK(SetEvent(gate));
    CHECK_WAIT(completion);
    CHECK(load(&signalled) == 51 && WaitForSingleObject(units, 0) == WAIT_OBJECT_0);
    CHECK(CloseHandle(units) && CloseHandle(completion) && CloseHandle(gate) && CloseHandle(entered));
}

static void CALLBACK unregister_itself(PVOID context, BOOLEAN by_time_too) {
    (void)context;
    (void)by_time_too;
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK_FAILS(UnregisterWaitEx(wait_of_its_own, INVALID_HANDLE_VALUE), FALSE, ERROR_IO_PENDING);
    InterlockedIncrement(&signalled);
}

static void from_within(void) {
    gate = event(TRUE, FALSE);
    HANDLE object = event(TRUE, TRUE);
    wait_of_its_own = wait_for(object, unregister_itself, INFINITE, WT_EXECUTEDEFAULT);
    CHECK(SetEvent(gate));
    await(&signalled, 1);
    CHECK(CloseHandle(object) && CloseHandle(gate));
}

/* The object is closed while it is watched: the wait lasts, by time alone. */
static void closed_meanwhile(void) {
    HANDLE object = event(FALSE, FALSE);
    HANDLE wait = wait_for(object, count, 30, WT_EXECUTEONLYONCE);
    CHECK(CloseHandle(object));
    await(&timed_out, 1);
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE) && load(&signalled) == 0);
}

/* A module ends with a wait that is watched, and with one whose callback runs. */
static void end_of_a_module(void) {
    gate = event(TRUE, FALSE);
    entered = event(FALSE, FALSE);
    HANDLE object = event(TRUE, TRUE);
    WaypostSetModule(4);
    wait_for(entered, count, INFINITE, WT_EXECUTEDEFAULT);
    HANDLE never = event(FALSE, FALSE);
    wait_for(never, count, 1000000, WT_EXECUTEDEFAULT);
    wait_for(object, stay, INFINITE, WT_EXECUTEDEFAULT);
    await(&inside, 1);
    WaypostSetModule(0);
    CHECK(usage(4).Waits == 3);
    CHECK_FAILS(WaypostLibraryShutdown(4, 1), FALSE, WAIT_TIMEOUT);
    CHECK(usage(4).Waits == 0 && SetEvent(gate));
    CHECK(WaypostLibraryShutdown(4, LONG_MILLISECONDS));
    CHECK(usage(4).WorkItems == 0 && usage(4).Handles == 0);
    CHECK(CloseHandle(gate) && CloseHandle(entered) && CloseHandle(object));
}

int main(void) {
    parameters();
    again_and_once();
    by_time();
    slow();
    from_within();
    closed_meanwhile();
    end_of_a_module();
    CHECK(usage(0).Waits == 0 && usage(0).Handles == 0);
    return 0;
}
