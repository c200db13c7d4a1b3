/* Threads: their identifiers, their end, stacks and parameters. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <signal.h>

static DWORD WINAPI say_id(LPVOID id) {
    *(DWORD *)id = GetCurrentThreadId();
    return 0;
}

static DWORD WINAPI use_stack(LPVOID size) {
    volatile char room[100000];
    for (size_t at = 0; at < sizeof room; at += 1000) {
        room[at] = 1;
    }
    pthread_attr_t attributes;
    CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
    CHECK(pthread_attr_getstacksize(&attributes, size) == 0);
    pthread_attr_destroy(&attributes);
    return (DWORD)room[0];
}

/* Signals are the program's: none must interrupt a module. */
static DWORD WINAPI look_at_signals(LPVOID nothing) {
    (void)nothing;
    sigset_t blocked;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
    CHECK(sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGCHLD) == 1);
    return 0;
}

static DWORD WINAPI leave(LPVOID mutex) {
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_OBJECT_0);
    pthread_exit(NULL);
}

static void *leave_as_others(void *mutex) {
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_OBJECT_0);
    return NULL;
}

static void run(LPTHREAD_START_ROUTINE function, LPVOID parameter, SIZE_T stack) {
    HANDLE handle = CreateThread(NULL, stack, function, parameter, 0, NULL);
    CHECK(handle != NULL);
    CHECK_WAIT(handle);
    /* It stays signalled. */
    CHECK(WaitForSingleObject(handle, 0) == WAIT_OBJECT_0);
    CHECK(CloseHandle(handle));
}

int main(void) {
    DWORD told = 0, seen = 0;
    HANDLE handle = CreateThread(NULL, 0, say_id, &seen, 0, &told);
    CHECK(handle != NULL);
    CHECK_WAIT(handle);
    CHECK(told == seen && told != 0 && told != GetCurrentThreadId());
    CHECK(GetCurrentThreadId() == GetCurrentThreadId());
    CHECK(CloseHandle(handle));
    CHECK_FAILS(CreateThread(NULL, 0, NULL, NULL, 0, NULL), NULL, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateThread(NULL, 0, say_id, &seen, 4, NULL), NULL, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateThread(NULL, SIZE_MAX, say_id, &seen, 0, NULL), NULL, ERROR_NOT_ENOUGH_MEMORY);
    size_t size = 0;
    run(use_stack, &size, 1000001);
    CHECK(size >= 1000001 && size < 1200000);
    run(look_at_signals, NULL, 0);
    HANDLE mutex = CreateMutex(NULL, FALSE, NULL);
    run(leave, mutex, 0);
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_ABANDONED_0 && ReleaseMutex(mutex));
    /* A thread that the library did not make. */
    pthread_t other;
    CHECK(pthread_create(&other, NULL, leave_as_others, mutex) == 0 && pthread_join(other, NULL) == 0);
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_ABANDONED_0 && CloseHandle(mutex));
    /* A thread whose handle is closed runs on. */
    handle = CreateThread(NULL, 1, say_id, &seen, 0, NULL);
    CHECK(handle != NULL && CloseHandle(handle));
    for (ULONGLONG end = GetTickCount64() + LONG_MILLISECONDS; usage(0).Threads != 0;) {
        CHECK(GetTickCount64() < end);
        Sleep(0);
    }
    CHECK(usage(0).Handles == 0);
    return 0;
}
