/* Waiting for one, any and all, from several threads. */
#include "check.h"

#define WAITERS 8

static HANDLE gate;
static volatile LONG through;

static DWORD WINAPI pass(LPVOID nothing) {
    (void)nothing;
    CHECK(WaitForSingleObject(gate, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    InterlockedIncrement(&through);
    return 0;
}

static void parameters(void) {
    HANDLE one = event(TRUE, TRUE);
    HANDLE many[MAXIMUM_WAIT_OBJECTS + 1];
    for (int index = 0; index <= MAXIMUM_WAIT_OBJECTS; index++) {
        many[index] = one;
    }
    CHECK_FAILS(WaitForMultipleObjects(0, many, FALSE, 0), WAIT_FAILED, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(WaitForMultipleObjects(1, NULL, FALSE, 0), WAIT_FAILED, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(WaitForMultipleObjects(MAXIMUM_WAIT_OBJECTS + 1, many, FALSE, 0), WAIT_FAILED, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(WaitForMultipleObjects(2, many, TRUE, 0), WAIT_FAILED, ERROR_INVALID_PARAMETER);
    CHECK(WaitForMultipleObjects(MAXIMUM_WAIT_OBJECTS, many, FALSE, 0) == WAIT_OBJECT_0);
    /* One that is not valid spoils the wait, also behind one that is signalled. */
    many[1] = NULL;
    CHECK_FAILS(WaitForMultipleObjects(2, many, FALSE, 0), WAIT_FAILED, ERROR_INVALID_HANDLE);
    CHECK(CloseHandle(one));
}

static void any_and_all(void) {
    HANDLE handles[MAXIMUM_WAIT_OBJECTS];
    for (int index = 0; index < MAXIMUM_WAIT_OBJECTS; index++) {
        handles[index] = event(FALSE, FALSE);
    }
    CHECK(WaitForMultipleObjects(MAXIMUM_WAIT_OBJECTS, handles, FALSE, 1) == WAIT_TIMEOUT);
    /* The lowest index, and only its object is taken. */
    CHECK(SetEvent(handles[63]) && SetEvent(handles[40]));
    CHECK(WaitForMultipleObjects(MAXIMUM_WAIT_OBJECTS, handles, FALSE, INFINITE) == WAIT_OBJECT_0 + 40);
    CHECK(WaitForMultipleObjects(MAXIMUM_WAIT_OBJECTS, handles, FALSE, INFINITE) == WAIT_OBJECT_0 + 63);
    CHECK(WaitForMultipleObjects(MAXIMUM_WAIT_OBJECTS, handles, FALSE, 0) == WAIT_TIMEOUT);
    /* A wait for all that fails takes none. */
    CHECK(SetEvent(handles[0]));
    CHECK(WaitForMultipleObjects(2, handles, TRUE, 1) == WAIT_TIMEOUT);
    CHECK(WaitForSingleObject(handles[0], 0) == WAIT_OBJECT_0);
    CHECK(SetEvent(handles[0]) && SetEvent(handles[1]));
    CHECK(WaitForMultipleObjects(2, handles, TRUE, 0) == WAIT_OBJECT_0);
    CHECK(WaitForMultipleObjects(2, handles, FALSE, 0) == WAIT_TIMEOUT);
    for (int index = 0; index < MAXIMUM_WAIT_OBJECTS; index++) {
        CHECK(CloseHandle(handles[index]));
    }
}

/* Of waiting threads an event that resets itself lets one through each time it is set, one that does not lets all. */
static void one_or_all(BOOL manual) {
    HANDLE threads[WAITERS];
    gate = event(manual, FALSE);
    through = 0;
    for (int index = 0; index < WAITERS; index++) {
        threads[index] = thread(pass, NULL);
    }
    if (manual) {
        CHECK(SetEvent(gate));
    }
    for (LONG turn = 1; turn <= WAITERS && !manual; turn++) {
        CHECK(SetEvent(gate));
        await(&through, turn);
        DWORD first = WaitForMultipleObjects(WAITERS, threads, TRUE, 0);
        CHECK(turn == WAITERS || first == WAIT_TIMEOUT);
    }
    CHECK(WaitForMultipleObjects(WAITERS, threads, TRUE, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK(load(&through) == WAITERS);
    for (int index = 0; index < WAITERS; index++) {
        CHECK(CloseHandle(threads[index]));
    }
    CHECK(CloseHandle(gate));
}

static void time_passes(void) {
    HANDLE never = event(FALSE, FALSE);
    ULONGLONG start = GetTickCount64();
    CHECK(WaitForSingleObject(never, 50) == WAIT_TIMEOUT);
    CHECK(GetTickCount64() - start >= 49);
    CHECK(CloseHandle(never));
}

/* An event closed by one thread while another waits for it, or is about to: either is an end, and neither is a crash. */
static HANDLE closed[2];

static DWORD WINAPI wait_for_two(LPVOID ready) {
    CHECK(SetEvent(ready));
    DWORD result = WaitForMultipleObjects(2, closed, FALSE, LONG_MILLISECONDS);
    CHECK(result == WAIT_OBJECT_0 + 1 || (result == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE));
    return 0;
}

static void closed_meanwhile(void) {
    for (int turn = 0; turn < 200; turn++) {
        HANDLE ready = event(FALSE, FALSE);
        closed[0] = event(FALSE, FALSE);
        closed[1] = event(FALSE, FALSE);
        HANDLE waiter = thread(wait_for_two, ready);
        CHECK_WAIT(ready);
        for (int pause = 0; pause < turn % 20; pause++) {
            Sleep(0);
        }
        CHECK(CloseHandle(closed[0]) && SetEvent(closed[1]));
        CHECK_WAIT(waiter);
        CHECK(CloseHandle(closed[1]) && CloseHandle(waiter) && CloseHandle(ready));
    }
}

/* Philosophers: each needs two forks at once, which a wait for all takes without a deadlock. */
#define MEALS 2000
static HANDLE forks[5];
static volatile LONG at_table[5];

static DWORD WINAPI dine(LPVOID number) {
    LONG left = *(LONG *)number, right = (left + 1) % 5;
    HANDLE pair[] = {forks[left], forks[right]};
    for (int meal = 0; meal < MEALS; meal++) {
        CHECK(WaitForMultipleObjects(2, pair, TRUE, LONG_MILLISECONDS) == WAIT_OBJECT_0);
        CHECK(InterlockedIncrement(&at_table[left]) == 1 && InterlockedIncrement(&at_table[right]) == 1);
        InterlockedDecrement(&at_table[left]);
        InterlockedDecrement(&at_table[right]);
        CHECK(ReleaseMutex(pair[meal % 2]) && ReleaseMutex(pair[1 - meal % 2]));
    }
    return 0;
}

static void philosophers(void) {
    LONG numbers[5];
    HANDLE threads[5];
    for (int index = 0; index < 5; index++) {
        forks[index] = CreateMutex(NULL, FALSE, NULL);
        CHECK(forks[index] != NULL);
        numbers[index] = index;
    }
    for (int index = 0; index < 5; index++) {
        threads[index] = thread(dine, &numbers[index]);
    }
    CHECK(WaitForMultipleObjects(5, threads, TRUE, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    for (int index = 0; index < 5; index++) {
        CHECK(CloseHandle(threads[index]) && CloseHandle(forks[index]));
    }
}

int main(void) {
    parameters();
    any_and_all();
    one_or_all(FALSE);
    one_or_all(TRUE);
    time_passes();
    closed_meanwhile();
    philosophers();
    CHECK(usage(0).Handles == 0);
    return 0;
}
