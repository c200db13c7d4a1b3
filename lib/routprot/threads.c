/*
 * Threads: CreateThread, GetCurrentThreadId (Microsoft Learn, processthreadsapi.h); and what the library knows of each.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE
#include "private.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local struct thread self;
static pthread_key_t end_of_thread;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void ended(void *thread) {
    waypost_acquire();
    waypost_abandon(thread);
    waypost_release();
}

static void make_key(void) {
    pthread_key_create(&end_of_thread, ended);
}

void waypost_thread_holds_a_mutex(void) {
    pthread_once(&once, make_key);
    pthread_setspecific(end_of_thread, &self);
}

bool waypost_start(void *(*run)(void *), void *argument, size_t stack_size) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = true;
    if (stack_size != 0) {
        size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        size_t size = stack_size < least ? least : stack_size;
        started = size <= SIZE_MAX - page && pthread_attr_setstacksize(&attributes, (size + page - 1) / page * page) == 0;
    }
    if (started) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_t thread;
        started = pthread_create(&thread, &attributes, run, argument) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return started;
}

/* What CreateThread hands to the thread it makes. */
struct birth {
    struct waitable *object;
    struct module *module;
    LPTHREAD_START_ROUTINE function;
    PVOID parameter;
    /* Under waypost_lock: the creator waits for the identifier. */
    pthread_cond_t told;
    DWORD *id;
};

/* Also when the function ends its thread by pthread_exit(3) instead of returning. */
static void end_thread(void *argument) {
    struct waitable *object = argument;
    waypost_acquire();
    waypost_abandon(&self);
    object->signalled = true;
    waypost_wake(object);
    waypost_count(object->object.module, COUNT_THREADS, -1);
    waypost_dereference(&object->object);
    pthread_cond_broadcast(&waypost_something_ended);
    waypost_release();
}

static void *run_thread(void *argument) {
    struct birth *birth = argument;
    struct waitable *object = birth->object;
    LPTHREAD_START_ROUTINE function = birth->function;
    PVOID parameter = birth->parameter;
    waypost_thread_works_for(birth->module);
    waypost_acquire();
    *birth->id = GetCurrentThreadId();
    /* The creator may now go on, and `birth` with it. */
    pthread_cond_signal(&birth->told);
    waypost_release();
    pthread_cleanup_push(end_thread, object);
    function(parameter);
    pthread_cleanup_pop(1);
    return NULL;
}

HANDLE CreateThread(LPSECURITY_ATTRIBUTES lpAttributes, SIZE_T dwStackSize, LPTHREAD_START_ROUTINE lpStartAddress,
                    LPVOID lpParameter, DWORD dwCreationFlags, LPDWORD lpThreadId) {
    (void)lpAttributes;
    if (lpStartAddress == NULL || dwCreationFlags != 0) {
        waypost_fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    DWORD id = 0;
    struct birth birth = {
        .module = waypost_thread()->module, .function = lpStartAddress, .parameter = lpParameter, .id = &id};
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    HANDLE handle = NULL;
    waypost_condition_init(&birth.told);
    waypost_acquire();
    if (birth.module->ending) {
        error = ERROR_BUSY;
    } else if ((birth.object = waypost_waitable_new(KIND_THREAD)) != NULL) {
        /* One reference is the handle's, the other the thread's. */
        struct object *object = &birth.object->object;
        waypost_reference(object);
        handle = waypost_open(object);
        if (handle == NULL) {
            waypost_dereference(object);
            waypost_dereference(object);
        } else if (waypost_start(run_thread, &birth, dwStackSize)) {
            waypost_count(birth.module, COUNT_THREADS, 1);
            while (id == 0) {
                waypost_wait_until(&birth.told, FOREVER);
            }
            error = NO_ERROR;
        } else {
            waypost_dereference(waypost_close(handle, KIND_THREAD));
            waypost_dereference(object);
            handle = NULL;
        }
    }
    waypost_release();
    pthread_cond_destroy(&birth.told);
    if (error != NO_ERROR) {
        waypost_fail(error);
        return NULL;
    }
    if (lpThreadId != NULL) {
        *lpThreadId = id;
    }
    return handle;
}

DWORD GetCurrentThreadId(void) {
    if (self.id == 0) {
        self.id = (DWORD)gettid();
    }
    return self.id;
}

void waypost_thread_works_for(struct module *module) {
    self.module = module;
}

struct thread *waypost_thread(void) {
    if (self.module == NULL) {
        self.module = waypost_host();
    }
    return &self;
}
