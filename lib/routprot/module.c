/*
 * Modules: which thread works for which, what each holds, and its end (include/waypost/waypost.h).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

static struct module host;

pthread_cond_t waypost_something_ended;

__attribute__((constructor)) static void begin(void) {
    waypost_condition_init(&waypost_something_ended);
}

void waypost_count(struct module *module, enum count what, long long change) {
    atomic_fetch_add_explicit(&module->counts[what], (ULONGLONG)change, memory_order_relaxed);
}

/* With waypost_lock held. */
static struct module *find(DWORD number) {
    struct module *module = &host;
    while (module != NULL && module->number != number) {
        module = module->next;
    }
    return module;
}

static struct module *find_or_make(DWORD number) {
    struct module *module = find(number);
    if (module == NULL && (module = calloc(1, sizeof *module)) != NULL) {
        module->number = number;
        module->next = host.next;
        host.next = module;
    }
    return module;
}

struct module *waypost_host(void) {
    return &host;
}

DWORD WaypostSetModule(DWORD dwModule) {
    struct thread *thread = waypost_thread();
    DWORD before = thread->module->number;
    if (dwModule != before) {
        waypost_acquire();
        struct module *module = find_or_make(dwModule);
        waypost_release();
        /* Without memory for a module what it makes is charged to the one before. */
        waypost_thread_works_for(module != NULL ? module : thread->module);
    }
    return before;
}

static ULONGLONG held(struct module *module, enum count what) {
    return atomic_load_explicit(&module->counts[what], memory_order_relaxed);
}

BOOL WaypostLibraryUsage(DWORD dwModule, PWAYPOST_USAGE pUsage, DWORD dwSize) {
    if (pUsage == NULL) {
        return waypost_fail(ERROR_INVALID_PARAMETER);
    }
    WAYPOST_USAGE usage = {0};
    waypost_acquire();
    struct module *module = find(dwModule);
    if (module != NULL) {
        usage = (WAYPOST_USAGE){
            .Handles = held(module, COUNT_HANDLES),
            .Heaps = held(module, COUNT_HEAPS),
            .HeapBlocks = held(module, COUNT_BLOCKS),
            .HeapBytes = held(module, COUNT_BYTES),
            .DamagedBlocks = held(module, COUNT_DAMAGED),
            .Threads = held(module, COUNT_THREADS),
            .WorkItems = held(module, COUNT_WORK),
            .TimerQueues = held(module, COUNT_TIMER_QUEUES),
            .Timers = held(module, COUNT_TIMERS),
            .TraceIds = held(module, COUNT_TRACES),
            .Waits = held(module, COUNT_WAITS),
        };
    }
    waypost_release();
    memset(pUsage, 0, dwSize);
    memcpy(pUsage, &usage, dwSize < sizeof usage ? dwSize : sizeof usage);
    return TRUE;
}

/* With waypost_lock held: closes what CloseHandle closes. */
static void close_handles(struct module *module) {
    uint32_t slot = 0;
    for (HANDLE handle; (handle = waypost_next_handle(module, KIND_WAITABLE, &slot)) != NULL;) {
        waypost_dereference(waypost_close(handle, KIND_WAITABLE));
    }
}

static void destroy_heaps(struct module *module) {
    HANDLE heap;
    uint32_t slot = 0;
    do {
        waypost_acquire();
        heap = waypost_next_handle(module, KIND_HEAP, &slot);
        waypost_release();
        if (heap != NULL) {
            HeapDestroy(heap);
        }
    } while (heap != NULL);
}

BOOL WaypostLibraryShutdown(DWORD dwModule, DWORD dwMilliseconds) {
    nanoseconds deadline = waypost_deadline(dwMilliseconds);
    waypost_acquire();
    struct module *module = find(dwModule);
    if (module == NULL) {
        waypost_release();
        return TRUE;
    }
    module->ending = true;
    waypost_drop_timers(module);
    waypost_drop_waits(module);
    waypost_drop_work(module);
    bool in_time = true;
    while ((held(module, COUNT_WORK) != 0 || held(module, COUNT_THREADS) != 0) && in_time) {
        in_time = waypost_wait_until(&waypost_something_ended, deadline);
    }
    bool running = held(module, COUNT_WORK) != 0 || held(module, COUNT_THREADS) != 0;
    if (!running) {
        close_handles(module);
    }
    waypost_release();
    if (running) {
        return waypost_fail(WAIT_TIMEOUT);
    }
    destroy_heaps(module);
    waypost_heap_forget(module);
    waypost_trace_forget(module);
    waypost_acquire();
    module->ending = false;
    waypost_release();
    return TRUE;
}
