/*
 * Time: Sleep (synchapi.h), GetTickCount, GetTickCount64, GetSystemTimeAsFileTime (sysinfoapi.h), by Microsoft Learn; and
 * deadlines for the other files.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE
#include "private.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#define NANOSECONDS_A_SECOND UINT64_C(1000000000)
#define NANOSECONDS_A_MILLISECOND UINT64_C(1000000)
/* A FILETIME counts tenths of microseconds from 1601, Linux seconds from 1970. */
#define FILETIME_A_SECOND UINT64_C(10000000)
#define SECONDS_FROM_1601_TO_1970 UINT64_C(11644473600)

static nanoseconds read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS_A_SECOND + (uint64_t)now.tv_nsec;
}

static struct timespec timespec_of(nanoseconds time) {
    return (struct timespec){
        .tv_sec = (time_t)(time / NANOSECONDS_A_SECOND),
        .tv_nsec = (long)(time % NANOSECONDS_A_SECOND),
    };
}

nanoseconds waypost_now(void) {
    return read_clock(CLOCK_MONOTONIC);
}

nanoseconds waypost_deadline(DWORD milliseconds) {
    return milliseconds == INFINITE ? FOREVER : waypost_now() + milliseconds * NANOSECONDS_A_MILLISECOND;
}

void waypost_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool waypost_wait_until(pthread_cond_t *condition, nanoseconds deadline) {
    if (deadline == FOREVER) {
        pthread_cond_wait(condition, &waypost_lock);
        return true;
    }
    struct timespec until = timespec_of(deadline);
    return pthread_cond_timedwait(condition, &waypost_lock, &until) != ETIMEDOUT;
}

void Sleep(DWORD dwMilliseconds) {
    if (dwMilliseconds == 0) {
        sched_yield();
        return;
    }
    struct timespec until = timespec_of(waypost_deadline(dwMilliseconds));
    do {
        /* A signal handler that ran is no reason to wake. */
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        }
    } while (dwMilliseconds == INFINITE);
}

ULONGLONG GetTickCount64(void) {
    return waypost_now() / NANOSECONDS_A_MILLISECOND;
}

/* Starts again from 0 every 49.7 days, as published. */
DWORD GetTickCount(void) {
    return (DWORD)GetTickCount64();
}

void GetSystemTimeAsFileTime(LPFILETIME lpSystemTimeAsFileTime) {
    uint64_t since_1970 = read_clock(CLOCK_REALTIME) / (NANOSECONDS_A_SECOND / FILETIME_A_SECOND);
    uint64_t time = since_1970 + SECONDS_FROM_1601_TO_1970 * FILETIME_A_SECOND;
    lpSystemTimeAsFileTime->dwLowDateTime = (DWORD)time;
    lpSystemTimeAsFileTime->dwHighDateTime = (DWORD)(time >> 32);
}
