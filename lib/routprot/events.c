/*
 * Events, mutexes and semaphores: CreateEvent, SetEvent, ResetEvent, CreateMutex, ReleaseMutex, CreateSemaphore,
 * ReleaseSemaphore (Microsoft Learn, synchapi.h); and descriptors for events (waypost.h).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void destroy(struct object *object) {
    struct waitable *waitable = CONTAINING_RECORD(object, struct waitable, object);
    if (waitable->has_descriptor) {
        close(waitable->descriptor);
    }
    free(waitable);
}

struct waitable *waypost_waitable_new(enum kind kind) {
    struct waitable *object = calloc(1, sizeof *object);
    if (object != NULL) {
        waypost_object_init(&object->object, kind, destroy);
    }
    return object;
}

/* With waypost_lock held. */
static struct waitable *find(HANDLE handle, enum kind kind) {
    struct object *object = waypost_find(handle, kind);
    return object == NULL ? NULL : CONTAINING_RECORD(object, struct waitable, object);
}

/* A handle for an object just made, whose reference it takes. Ends what the caller began by waypost_acquire. */
static HANDLE give(struct waitable *object) {
    HANDLE handle = object == NULL ? NULL : waypost_open(&object->object);
    if (object != NULL && handle == NULL) {
        waypost_dereference(&object->object);
    }
    waypost_release();
    if (handle == NULL) {
        waypost_fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    /* ERROR_ALREADY_EXISTS would say that an object of that name was there before. */
    SetLastError(NO_ERROR);
    return handle;
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static HANDLE create_event(BOOL manual, BOOL signalled) {
    waypost_acquire();
    struct waitable *event = waypost_waitable_new(KIND_EVENT);
    if (event != NULL) {
        event->manual = manual != FALSE;
        event->signalled = signalled != FALSE;
    }
    return give(event);
}

HANDLE CreateEventA(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bManualReset, BOOL bInitialState, LPCSTR lpName) {
    (void)lpAttributes;
    if (lpName != NULL) {
        waypost_fail(ERROR_NOT_SUPPORTED);
        return NULL;
    }
    return create_event(bManualReset, bInitialState);
}

HANDLE CreateEventW(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bManualReset, BOOL bInitialState, LPCWSTR lpName) {
    return CreateEventA(lpAttributes, bManualReset, bInitialState, (LPCSTR)lpName);
}

void waypost_event_set(struct waitable *event) {
    event->signalled = true;
    waypost_wake(event);
    waypost_event_changed(event);
}

void waypost_event_changed(struct waitable *event) {
    uint64_t one = 1;
    if (!event->has_descriptor || event->readable == event->signalled) {
        return;
    }
    /* Neither blocks nor fails: it holds 0 or 1, and whoever else reads from it harms only who polls it. */
    ssize_t done = event->signalled ? write(event->descriptor, &one, sizeof one) : read(event->descriptor, &one, sizeof one);
    (void)done;
    event->readable = event->signalled;
}

int WaypostEventDescriptor(HANDLE hEvent) {
    DWORD error = NO_ERROR;
    int descriptor = -1;
    waypost_acquire();
    struct waitable *event = find(hEvent, KIND_EVENT);
    if (event == NULL) {
        error = ERROR_INVALID_HANDLE;
    } else if (event->has_descriptor) {
        descriptor = event->descriptor;
    } else if ((descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        error = ERROR_NO_SYSTEM_RESOURCES;
    } else {
        event->has_descriptor = true;
        event->descriptor = descriptor;
        waypost_event_changed(event);
    }
    waypost_release();
    if (error != NO_ERROR) {
        waypost_fail(error);
        return -1;
    }
    return descriptor;
}

/* The descriptor of an event of the host's, or -1. */
static int host_event(HANDLE event) {
    uintptr_t value = (uintptr_t)event;
    return value >> 32 == WAYPOST_HOST_EVENT_MARK ? (int)(uint32_t)value : -1;
}

static BOOL set_host_event(int descriptor) {
    uint64_t one = 1;
    ssize_t written;
    do {
        written = write(descriptor, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
    /* A counter that is full wakes whoever waits just as well. */
    return written == (ssize_t)sizeof(one) || errno == EAGAIN ? TRUE : waypost_fail(ERROR_INVALID_HANDLE);
}

static BOOL reset_host_event(int descriptor) {
    struct pollfd poll_descriptor = {.fd = descriptor, .events = POLLIN};
    uint64_t count;
    /* Nothing to take is no reason to wait, whether or not the descriptor would. */
    if (poll(&poll_descriptor, 1, 0) > 0 && (poll_descriptor.revents & POLLIN) != 0 &&
        read(descriptor, &count, sizeof(count)) < 0 && errno != EAGAIN) {
        return waypost_fail(ERROR_INVALID_HANDLE);
    }
    return (poll_descriptor.revents & (POLLNVAL | POLLERR)) == 0 ? TRUE : waypost_fail(ERROR_INVALID_HANDLE);
}

BOOL SetEvent(HANDLE hEvent) {
    int host = host_event(hEvent);
    if (host >= 0) {
        return set_host_event(host);
    }
    waypost_acquire();
    struct waitable *event = find(hEvent, KIND_EVENT);
    if (event != NULL) {
        waypost_event_set(event);
    }
    waypost_release();
    return event != NULL ? TRUE : waypost_fail(ERROR_INVALID_HANDLE);
}

BOOL ResetEvent(HANDLE hEvent) {
    int host = host_event(hEvent);
    if (host >= 0) {
        return reset_host_event(host);
    }
    waypost_acquire();
    struct waitable *event = find(hEvent, KIND_EVENT);
    if (event != NULL) {
        event->signalled = false;
        waypost_event_changed(event);
    }
    waypost_release();
    return event != NULL ? TRUE : waypost_fail(ERROR_INVALID_HANDLE);
}

/* ---- Mutexes ----------------------------------------------------------------------------------------------------- */

void waypost_mutex_take(struct waitable *mutex, struct thread *thread) {
    mutex->depth++;
    if (mutex->holder == thread) {
        return;
    }
    mutex->holder = thread;
    /* A held mutex lives on when its last handle is closed. */
    waypost_reference(&mutex->object);
    mutex->previous_held = NULL;
    mutex->next_held = thread->mutexes;
    if (thread->mutexes != NULL) {
        thread->mutexes->previous_held = mutex;
    }
    thread->mutexes = mutex;
}

/* Lets a mutex go that the thread holds, however often it does. */
static void let_go(struct waitable *mutex, struct thread *thread) {
    if (mutex->previous_held != NULL) {
        mutex->previous_held->next_held = mutex->next_held;
    } else {
        thread->mutexes = mutex->next_held;
    }
    if (mutex->next_held != NULL) {
        mutex->next_held->previous_held = mutex->previous_held;
    }
    mutex->holder = NULL;
    mutex->depth = 0;
    waypost_wake(mutex);
    waypost_dereference(&mutex->object);
}

void waypost_abandon(struct thread *thread) {
    while (thread->mutexes != NULL) {
        struct waitable *mutex = thread->mutexes;
        mutex->abandoned = true;
        let_go(mutex, thread);
    }
}

HANDLE CreateMutexA(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bInitialOwner, LPCSTR lpName) {
    (void)lpAttributes;
    if (lpName != NULL) {
        waypost_fail(ERROR_NOT_SUPPORTED);
        return NULL;
    }
    struct thread *thread = waypost_thread();
    waypost_acquire();
    struct waitable *mutex = waypost_waitable_new(KIND_MUTEX);
    HANDLE handle = mutex == NULL ? NULL : waypost_open(&mutex->object);
    if (handle != NULL && bInitialOwner) {
        waypost_mutex_take(mutex, thread);
        waypost_thread_holds_a_mutex();
    }
    if (mutex != NULL && handle == NULL) {
        waypost_dereference(&mutex->object);
    }
    waypost_release();
    SetLastError(handle != NULL ? NO_ERROR : ERROR_NOT_ENOUGH_MEMORY);
    return handle;
}

HANDLE CreateMutexW(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bInitialOwner, LPCWSTR lpName) {
    return CreateMutexA(lpAttributes, bInitialOwner, (LPCSTR)lpName);
}

BOOL ReleaseMutex(HANDLE hMutex) {
    struct thread *thread = waypost_thread();
    DWORD error = NO_ERROR;
    waypost_acquire();
    struct waitable *mutex = find(hMutex, KIND_MUTEX);
    if (mutex == NULL) {
        error = ERROR_INVALID_HANDLE;
    } else if (mutex->holder != thread) {
        error = ERROR_NOT_OWNER;
    } else if (mutex->depth > 1) {
        mutex->depth--;
    } else {
        let_go(mutex, thread);
    }
    waypost_release();
    return error == NO_ERROR ? TRUE : waypost_fail(error);
}

/* ---- Semaphores -------------------------------------------------------------------------------------------------- */

HANDLE CreateSemaphoreA(LPSECURITY_ATTRIBUTES lpAttributes, LONG lInitialCount, LONG lMaximumCount, LPCSTR lpName) {
    (void)lpAttributes;
    if (lpName != NULL) {
        waypost_fail(ERROR_NOT_SUPPORTED);
        return NULL;
    }
    if (lMaximumCount <= 0 || lInitialCount < 0 || lInitialCount > lMaximumCount) {
        waypost_fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    waypost_acquire();
    struct waitable *semaphore = waypost_waitable_new(KIND_SEMAPHORE);
    if (semaphore != NULL) {
        semaphore->count = lInitialCount;
        semaphore->maximum = lMaximumCount;
    }
    return give(semaphore);
}

HANDLE CreateSemaphoreW(LPSECURITY_ATTRIBUTES lpAttributes, LONG lInitialCount, LONG lMaximumCount, LPCWSTR lpName) {
    return CreateSemaphoreA(lpAttributes, lInitialCount, lMaximumCount, (LPCSTR)lpName);
}

BOOL ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, PLONG lpPreviousCount) {
    if (lReleaseCount <= 0) {
        return waypost_fail(ERROR_INVALID_PARAMETER);
    }
    DWORD error = NO_ERROR;
    LONG before = 0;
    waypost_acquire();
    struct waitable *semaphore = find(hSemaphore, KIND_SEMAPHORE);
    if (semaphore == NULL) {
        error = ERROR_INVALID_HANDLE;
    } else if (lReleaseCount > semaphore->maximum - semaphore->count) {
        error = ERROR_TOO_MANY_POSTS;
    } else {
        before = semaphore->count;
        semaphore->count += lReleaseCount;
        waypost_wake(semaphore);
    }
    waypost_release();
    if (error != NO_ERROR) {
        return waypost_fail(error);
    }
    if (lpPreviousCount != NULL) {
        *lpPreviousCount = before;
    }
    return TRUE;
}
