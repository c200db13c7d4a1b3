/*
 * Timers: CreateTimerQueue, CreateTimerQueueTimer, ChangeTimerQueueTimer, DeleteTimerQueueTimer, DeleteTimerQueueEx
 * (Microsoft Learn, threadpoollegacyapiset.h).
 *
 * One thread keeps the timers in a binary heap by due time and hands callbacks to the pool. A timer's callback never runs
 * twice at a time: one that comes due while the last still waits or runs is left out, so that a slow callback cannot fill the
 * pool. A callback that has not begun when its timer is deleted does not run.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>

#define NOT_ARMED SIZE_MAX
#define FIRST_CAPACITY 16u
#define NANOSECONDS_A_MILLISECOND UINT64_C(1000000)

struct timer_queue {
    struct object object;
    struct timer *timers; /* not deleted */
    unsigned running;     /* callbacks */
    bool deleted;
    struct waitable *completion;
};

struct timer {
    struct object object;
    struct timer_queue *queue;
    struct timer *next, *previous; /* in the queue */
    HANDLE self;
    WAITORTIMERCALLBACK callback;
    PVOID parameter;
    ULONG flags;
    DWORD period; /* milliseconds; 0: once */
    nanoseconds due;
    size_t position;   /* in the heap, or NOT_ARMED */
    bool expired_once; /* and is not periodic: it cannot be changed any more */
    bool in_flight;    /* its work waits or runs */
    bool running, deleted;
    struct waitable *completion;
    struct work work;
};

/* All under waypost_lock. */
static struct timer **heap;
static size_t armed, capacity, timers;
static pthread_cond_t soonest_changed;
static bool has_thread;
/* The NULL queue. The library itself holds a reference, so that it is never destroyed. */
static struct timer_queue default_queue = {.object = {.kind = KIND_TIMER_QUEUE, .references = 1}};

__attribute__((constructor)) static void begin(void) {
    waypost_condition_init(&soonest_changed);
}

/* ---- The heap ---------------------------------------------------------------------------------------------------- */

static void put(size_t position, struct timer *timer) {
    heap[position] = timer;
    timer->position = position;
}

static void rise(struct timer *timer) {
    size_t position = timer->position;
    while (position > 0 && heap[(position - 1) / 2]->due > timer->due) {
        put(position, heap[(position - 1) / 2]);
        position = (position - 1) / 2;
    }
    put(position, timer);
}

static void sink(struct timer *timer) {
    size_t position = timer->position;
    for (;;) {
        size_t child = 2 * position + 1;
        if (child + 1 < armed && heap[child + 1]->due < heap[child]->due) {
            child++;
        }
        if (child >= armed || heap[child]->due >= timer->due) {
            break;
        }
        put(position, heap[child]);
        position = child;
    }
    put(position, timer);
}

static void disarm(struct timer *timer) {
    if (timer->position == NOT_ARMED) {
        return;
    }
    struct timer *last = heap[--armed];
    if (last != timer) {
        put(timer->position, last);
        rise(last);
        sink(last);
    }
    timer->position = NOT_ARMED;
}

/* There is room: each timer reserves its place when it is made. */
static void arm(struct timer *timer, nanoseconds due) {
    disarm(timer);
    if (due == FOREVER) {
        return;
    }
    timer->due = due;
    timer->position = armed++;
    rise(timer);
    if (timer->position == 0) {
        pthread_cond_signal(&soonest_changed);
    }
}

static bool reserve(void) {
    if (timers < capacity) {
        return true;
    }
    size_t wanted = capacity == 0 ? FIRST_CAPACITY : capacity * 2;
    struct timer **grown = realloc(heap, wanted * sizeof(struct timer *));
    if (grown == NULL) {
        return false;
    }
    heap = grown;
    capacity = wanted;
    return true;
}

/* ---- Callbacks --------------------------------------------------------------------------------------------------- */

static void complete(struct waitable **completion) {
    if (*completion != NULL) {
        waypost_event_set(*completion);
        waypost_dereference(&(*completion)->object);
        *completion = NULL;
    }
}

void waypost_timer_dropped(struct timer *timer) {
    timer->in_flight = false;
    waypost_dereference(&timer->object);
}

void waypost_timer_fire(struct timer *timer) {
    struct timer_queue *queue = timer->queue;
    if (!timer->deleted) {
        struct thread *thread = waypost_thread();
        timer->running = true;
        queue->running++;
        thread->timer = timer;
        waypost_release();
        timer->callback(timer->parameter, TRUE);
        waypost_acquire();
        waypost_abandon(thread);
        thread->timer = NULL;
        timer->running = false;
        queue->running--;
        if (timer->deleted) {
            complete(&timer->completion);
        }
        if (queue->deleted && queue->running == 0) {
            complete(&queue->completion);
        }
        pthread_cond_broadcast(&waypost_something_ended);
    }
    waypost_timer_dropped(timer);
}

static void expire(struct timer *timer, nanoseconds now) {
    disarm(timer);
    bool once = timer->period == 0 || (timer->flags & WT_EXECUTEONLYONCE) != 0;
    timer->expired_once = once;
    if (!once) {
        nanoseconds period = timer->period * NANOSECONDS_A_MILLISECOND;
        /* In step, but without making up for turns that were missed. */
        arm(timer, timer->due + period > now ? timer->due + period : now + period);
    }
    if (timer->in_flight) {
        return;
    }
    timer->in_flight = true;
    waypost_reference(&timer->object);
    if ((timer->flags & WT_EXECUTEINTIMERTHREAD) != 0) {
        struct module *module = timer->object.module;
        waypost_count(module, COUNT_WORK, 1);
        waypost_thread_works_for(module);
        waypost_timer_fire(timer);
        waypost_thread_works_for(waypost_host());
        waypost_count(module, COUNT_WORK, -1);
        pthread_cond_broadcast(&waypost_something_ended);
    } else if (!waypost_queue(&timer->work)) {
        waypost_timer_dropped(timer);
    }
}

static void *keep_timers(void *nothing) {
    waypost_acquire();
    for (;;) {
        nanoseconds now = waypost_now();
        if (armed == 0) {
            waypost_wait_until(&soonest_changed, FOREVER);
        } else if (heap[0]->due > now) {
            waypost_wait_until(&soonest_changed, heap[0]->due);
        } else {
            expire(heap[0], now);
        }
    }
    return nothing;
}

/* ---- Making and changing ----------------------------------------------------------------------------------------- */

static void destroy_queue(struct object *object) {
    free(CONTAINING_RECORD(object, struct timer_queue, object));
}

static void destroy_timer(struct object *object) {
    struct timer *timer = CONTAINING_RECORD(object, struct timer, object);
    waypost_dereference(&timer->queue->object);
    free(timer);
}

static struct timer_queue *find_queue(HANDLE handle) {
    if (handle == NULL) {
        return &default_queue;
    }
    struct object *object = waypost_find(handle, KIND_TIMER_QUEUE);
    return object == NULL ? NULL : CONTAINING_RECORD(object, struct timer_queue, object);
}

/* A timer of the queue that is named with it. */
static struct timer *find_timer(HANDLE queue, HANDLE handle) {
    struct object *object = waypost_find(handle, KIND_TIMER);
    struct timer *timer = object == NULL ? NULL : CONTAINING_RECORD(object, struct timer, object);
    return timer != NULL && timer->queue == find_queue(queue) ? timer : NULL;
}

HANDLE CreateTimerQueue(void) {
    struct timer_queue *queue = calloc(1, sizeof *queue);
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    HANDLE handle = NULL;
    if (queue != NULL) {
        waypost_object_init(&queue->object, KIND_TIMER_QUEUE, destroy_queue);
        waypost_acquire();
        if (queue->object.module->ending) {
            error = ERROR_BUSY;
        } else {
            handle = waypost_open(&queue->object);
        }
        if (handle != NULL) {
            waypost_count(queue->object.module, COUNT_TIMER_QUEUES, 1);
        } else {
            waypost_dereference(&queue->object);
        }
        waypost_release();
    }
    if (handle == NULL) {
        waypost_fail(error);
    }
    return handle;
}

/* With waypost_lock held: puts a timer into its queue and arms it, or says why not. Takes the timer's reference if it does. */
static DWORD begin_timer(struct timer *timer, HANDLE queue, DWORD due) {
    timer->queue = find_queue(queue);
    if (timer->queue == NULL) {
        return ERROR_INVALID_HANDLE;
    }
    if (timer->object.module->ending) {
        return ERROR_BUSY;
    }
    if (!reserve() || (!has_thread && !(has_thread = waypost_start(keep_timers, NULL, 0)))) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    timer->self = waypost_open(&timer->object);
    if (timer->self == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    waypost_reference(&timer->queue->object);
    timer->next = timer->queue->timers;
    if (timer->next != NULL) {
        timer->next->previous = timer;
    }
    timer->queue->timers = timer;
    timers++;
    waypost_count(timer->object.module, COUNT_TIMERS, 1);
    arm(timer, waypost_deadline(due));
    return NO_ERROR;
}

BOOL CreateTimerQueueTimer(PHANDLE phNewTimer, HANDLE TimerQueue, WAITORTIMERCALLBACK Callback, PVOID Parameter,
                           DWORD DueTime, DWORD Period, ULONG Flags) {
    if (phNewTimer == NULL || Callback == NULL) {
        return waypost_fail(ERROR_INVALID_PARAMETER);
    }
    struct timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL) {
        return waypost_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    waypost_object_init(&timer->object, KIND_TIMER, destroy_timer);
    timer->callback = Callback;
    timer->parameter = Parameter;
    timer->flags = Flags;
    timer->period = Period;
    timer->position = NOT_ARMED;
    timer->work = (struct work){.module = timer->object.module, .timer = timer};
    waypost_acquire();
    DWORD error = begin_timer(timer, TimerQueue, DueTime);
    if (error == NO_ERROR) {
        /* Before the callback can run, which may look for it there. */
        *phNewTimer = timer->self;
    }
    waypost_release();
    if (error != NO_ERROR) {
        free(timer);
        return waypost_fail(error);
    }
    return TRUE;
}

BOOL ChangeTimerQueueTimer(HANDLE TimerQueue, HANDLE Timer, ULONG DueTime, ULONG Period) {
    waypost_acquire();
    struct timer *timer = find_timer(TimerQueue, Timer);
    /* "If you call ChangeTimerQueueTimer on a one-shot timer that has already expired, the timer is not updated." */
    if (timer != NULL && !timer->expired_once) {
        timer->period = Period;
        arm(timer, waypost_deadline(DueTime));
    }
    waypost_release();
    return timer != NULL ? TRUE : waypost_fail(ERROR_INVALID_HANDLE);
}

/* ---- Deleting ---------------------------------------------------------------------------------------------------- */

static void delete_timer(struct timer *timer) {
    disarm(timer);
    timer->deleted = true;
    if (timer->previous != NULL) {
        timer->previous->next = timer->next;
    } else {
        timer->queue->timers = timer->next;
    }
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    timers--;
    waypost_count(timer->object.module, COUNT_TIMERS, -1);
    waypost_close(timer->self, KIND_TIMER);
    waypost_dereference(&timer->object);
}

static void delete_queue(struct timer_queue *queue, HANDLE handle) {
    queue->deleted = true;
    while (queue->timers != NULL) {
        delete_timer(queue->timers);
    }
    waypost_count(queue->object.module, COUNT_TIMER_QUEUES, -1);
    waypost_close(handle, KIND_TIMER_QUEUE);
    waypost_dereference(&queue->object);
}

/* Takes a reference to the event that is to be set; false if it is none. */
static bool find_completion(HANDLE handle, struct waitable **completion) {
    *completion = NULL;
    if (handle == NULL || handle == INVALID_HANDLE_VALUE) {
        return true;
    }
    struct object *object = waypost_find(handle, KIND_EVENT);
    if (object == NULL) {
        return false;
    }
    waypost_reference(object);
    *completion = CONTAINING_RECORD(object, struct waitable, object);
    return true;
}

/* A wait for the callback that the caller itself runs in would never end: that is ERROR_IO_PENDING as well. */
BOOL DeleteTimerQueueTimer(HANDLE TimerQueue, HANDLE Timer, HANDLE CompletionEvent) {
    struct thread *thread = waypost_thread();
    struct waitable *completion = NULL;
    DWORD error = NO_ERROR;
    waypost_acquire();
    struct timer *timer = find_timer(TimerQueue, Timer);
    if (timer == NULL || !find_completion(CompletionEvent, &completion)) {
        error = ERROR_INVALID_HANDLE;
    } else {
        waypost_reference(&timer->object);
        delete_timer(timer);
        if (completion != NULL) {
            timer->completion = completion;
            if (!timer->running) {
                complete(&timer->completion);
            }
        } else if (CompletionEvent == NULL || thread->timer == timer) {
            error = timer->running ? ERROR_IO_PENDING : NO_ERROR;
        } else {
            while (timer->running) {
                waypost_wait_until(&waypost_something_ended, FOREVER);
            }
        }
        waypost_dereference(&timer->object);
    }
    waypost_release();
    return error == NO_ERROR ? TRUE : waypost_fail(error);
}

BOOL DeleteTimerQueueEx(HANDLE TimerQueue, HANDLE CompletionEvent) {
    struct thread *thread = waypost_thread();
    struct waitable *completion = NULL;
    DWORD error = NO_ERROR;
    waypost_acquire();
    struct timer_queue *queue = find_queue(TimerQueue);
    if (queue == NULL || queue == &default_queue || !find_completion(CompletionEvent, &completion)) {
        error = ERROR_INVALID_HANDLE;
    } else {
        waypost_reference(&queue->object);
        delete_queue(queue, TimerQueue);
        if (completion != NULL) {
            queue->completion = completion;
            if (queue->running == 0) {
                complete(&queue->completion);
            }
        } else if (CompletionEvent == NULL || (thread->timer != NULL && thread->timer->queue == queue)) {
            error = queue->running != 0 ? ERROR_IO_PENDING : NO_ERROR;
        } else {
            while (queue->running != 0) {
                waypost_wait_until(&waypost_something_ended, FOREVER);
            }
        }
        waypost_dereference(&queue->object);
    }
    waypost_release();
    return error == NO_ERROR ? TRUE : waypost_fail(error);
}

void waypost_drop_timers(const struct module *module) {
    uint32_t slot = 0;
    for (HANDLE handle; (handle = waypost_next_handle(module, KIND_TIMER, &slot)) != NULL;) {
        delete_timer(CONTAINING_RECORD(waypost_find(handle, KIND_TIMER), struct timer, object));
    }
    slot = 0;
    for (HANDLE handle; (handle = waypost_next_handle(module, KIND_TIMER_QUEUE, &slot)) != NULL;) {
        delete_queue(find_queue(handle), handle);
    }
}
