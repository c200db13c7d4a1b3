/*
 * Work items: QueueUserWorkItem (Microsoft Learn, threadpoollegacyapiset.h).
 *
 * A pool of at most MOST_THREADS threads. One is started when work comes and none is idle, since work may wait for other work;
 * one that has been idle for long ends. The flags that choose among Windows' kinds of threads are accepted: here there is one.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>

#define MOST_THREADS 64u
/* What one module may have waiting and running. More is a loop that forgot to stop. */
#define MOST_WORK 65536u
#define IDLE_MILLISECONDS 10000u

/* All under waypost_lock. */
static struct work *first, *last;
static unsigned waiting, threads, idle;
static pthread_cond_t work_came;

__attribute__((constructor)) static void begin(void) {
    waypost_condition_init(&work_came);
}

static struct work *next(void) {
    struct work *work = first;
    first = work->next;
    if (first == NULL) {
        last = NULL;
    }
    waiting--;
    return work;
}

static void ended(struct module *module) {
    waypost_count(module, COUNT_WORK, -1);
    pthread_cond_broadcast(&waypost_something_ended);
}

/* With waypost_lock held, which is let go meanwhile. */
static void run(struct work *work) {
    struct module *module = work->module;
    waypost_thread_works_for(module);
    work->run(work);
    /* A mutex belongs to a thread, which the module sees end here. */
    waypost_abandon(waypost_thread());
    ended(module);
    waypost_thread_works_for(waypost_host());
}

static void *worker(void *nothing) {
    waypost_acquire();
    bool in_time = true;
    while (first != NULL || in_time) {
        if (first != NULL) {
            run(next());
            in_time = true;
        } else {
            nanoseconds deadline = waypost_deadline(IDLE_MILLISECONDS);
            idle++;
            while (first == NULL && in_time) {
                in_time = waypost_wait_until(&work_came, deadline);
            }
            idle--;
        }
    }
    threads--;
    waypost_release();
    return nothing;
}

bool waypost_queue(struct work *work) {
    if (waiting >= idle && threads < MOST_THREADS) {
        if (waypost_start(worker, NULL, 0)) {
            threads++;
        } else if (threads == 0) {
            return false;
        }
    }
    work->next = NULL;
    if (last != NULL) {
        last->next = work;
    } else {
        first = work;
    }
    last = work;
    waiting++;
    waypost_count(work->module, COUNT_WORK, 1);
    pthread_cond_signal(&work_came);
    return true;
}

void waypost_drop_work(const struct module *module) {
    struct work *before = NULL;
    for (struct work *work = first, *after; work != NULL; work = after) {
        after = work->next;
        if (work->module != module) {
            before = work;
            continue;
        }
        if (before != NULL) {
            before->next = after;
        } else {
            first = after;
        }
        if (last == work) {
            last = before;
        }
        waiting--;
        ended(work->module);
        work->drop(work);
    }
}

struct item {
    struct work work;
    LPTHREAD_START_ROUTINE function;
    PVOID context;
};

static void drop_item(struct work *work) {
    free(CONTAINING_RECORD(work, struct item, work));
}

static void run_item(struct work *work) {
    struct item *item = CONTAINING_RECORD(work, struct item, work);
    waypost_release();
    item->function(item->context);
    free(item);
    waypost_acquire();
}

BOOL QueueUserWorkItem(LPTHREAD_START_ROUTINE Function, PVOID Context, ULONG Flags) {
    (void)Flags;
    if (Function == NULL) {
        return waypost_fail(ERROR_INVALID_PARAMETER);
    }
    struct module *module = waypost_thread()->module;
    struct item *item = malloc(sizeof *item);
    if (item == NULL) {
        return waypost_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    *item = (struct item){
        .work = {.module = module, .run = run_item, .drop = drop_item}, .function = Function, .context = Context};
    DWORD error = NO_ERROR;
    waypost_acquire();
    if (module->ending) {
        error = ERROR_BUSY;
    } else if (atomic_load_explicit(&module->counts[COUNT_WORK], memory_order_relaxed) >= MOST_WORK) {
        error = ERROR_NO_SYSTEM_RESOURCES;
    } else if (!waypost_queue(&item->work)) {
        error = ERROR_NOT_ENOUGH_MEMORY;
    }
    waypost_release();
    if (error != NO_ERROR) {
        free(item);
        return waypost_fail(error);
    }
    return TRUE;
}
