/*
 * Timers: CreateTimerQueue, CreateTimerQueueTimer, ChangeTimerQueueTimer, DeleteTimerQueueTimer, DeleteTimerQueueEx
 * (Microsoft Learn, threadpoollegacyapiset.h).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>

#define NANOSECONDS_A_MILLISECOND UINT64_C(1000000)

/* All under waypost_lock. */
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
    ULONG flags;
    DWORD period; /* milliseconds; 0: once */
    struct alarm alarm;
    bool expired_once; /* and is not periodic: it cannot be changed any more */
    struct callback callback;
};

/* The NULL queue. The library itself holds a reference, so that it is never destroyed. */
static struct timer_queue default_queue = {.object = {.kind = KIND_TIMER_QUEUE, .references = 1}};

static void begins(struct callback *callback) {
    CONTAINING_RECORD(callback, struct timer, callback)->queue->running++;
}

static void ended(struct callback *callback) {
    struct timer_queue *queue = CONTAINING_RECORD(callback, struct timer, callback)->queue;
    queue->running--;
    if (queue->deleted && queue->running == 0) {
        waypost_complete(&queue->completion);
    }
}

static void expire(struct alarm *alarm, nanoseconds now) {
    struct timer *timer = CONTAINING_RECORD(alarm, struct timer, alarm);
    bool once = timer->period == 0 || (timer->flags & WT_EXECUTEONLYONCE) != 0;
    timer->expired_once = once;
    if (!once) {
        nanoseconds period = timer->period * NANOSECONDS_A_MILLISECOND;
        /* In step, but without making up for turns that were missed. */
        waypost_alarm_set(alarm, alarm->due + period > now ? alarm->due + period : now + period);
    }
    if ((timer->flags & WT_EXECUTEINTIMERTHREAD) != 0) {
        waypost_callback_run_here(&timer->callback);
    } else {
        waypost_callback_queue(&timer->callback);
    }
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
    if (!waypost_alarm_reserve()) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    timer->self = waypost_open(&timer->object);
    if (timer->self == NULL) {
        waypost_alarm_free();
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    waypost_reference(&timer->queue->object);
    timer->next = timer->queue->timers;
    if (timer->next != NULL) {
        timer->next->previous = timer;
    }
    timer->queue->timers = timer;
    waypost_count(timer->object.module, COUNT_TIMERS, 1);
    waypost_alarm_set(&timer->alarm, waypost_deadline(due));
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
    timer->flags = Flags;
    timer->period = Period;
    timer->alarm = (struct alarm){.position = ALARM_OFF, .ring = expire};
    waypost_callback_init(&timer->callback, &timer->object, Callback, Parameter);
    timer->callback.begins = begins;
    timer->callback.ended = ended;
    /* What is seen of the last argument when a timer fires. */
    timer->callback.timed_out = true;
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
        waypost_alarm_set(&timer->alarm, waypost_deadline(DueTime));
    }
    waypost_release();
    return timer != NULL ? TRUE : waypost_fail(ERROR_INVALID_HANDLE);
}

/* ---- Deleting ---------------------------------------------------------------------------------------------------- */

static void delete_timer(struct timer *timer) {
    waypost_alarm_stop(&timer->alarm);
    timer->callback.deleted = true;
    if (timer->previous != NULL) {
        timer->previous->next = timer->next;
    } else {
        timer->queue->timers = timer->next;
    }
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    waypost_alarm_free();
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

BOOL DeleteTimerQueueTimer(HANDLE TimerQueue, HANDLE Timer, HANDLE CompletionEvent) {
    struct waitable *completion = NULL;
    DWORD error = NO_ERROR;
    waypost_acquire();
    struct timer *timer = find_timer(TimerQueue, Timer);
    if (timer == NULL || !waypost_find_completion(CompletionEvent, &completion)) {
        error = ERROR_INVALID_HANDLE;
    } else {
        waypost_reference(&timer->object);
        delete_timer(timer);
        error = waypost_callback_delete(&timer->callback, CompletionEvent, completion);
        waypost_dereference(&timer->object);
    }
    waypost_release();
    return error == NO_ERROR ? TRUE : waypost_fail(error);
}

static bool is_of_queue(const struct object *object, const struct timer_queue *queue) {
    return object != NULL && object->kind == KIND_TIMER && CONTAINING_RECORD(object, struct timer, object)->queue == queue;
}

BOOL DeleteTimerQueueEx(HANDLE TimerQueue, HANDLE CompletionEvent) {
    struct thread *thread = waypost_thread();
    struct waitable *completion = NULL;
    DWORD error = NO_ERROR;
    waypost_acquire();
    struct timer_queue *queue = find_queue(TimerQueue);
    if (queue == NULL || queue == &default_queue || !waypost_find_completion(CompletionEvent, &completion)) {
        error = ERROR_INVALID_HANDLE;
    } else {
        waypost_reference(&queue->object);
        delete_queue(queue, TimerQueue);
        if (completion != NULL) {
            queue->completion = completion;
            if (queue->running == 0) {
                waypost_complete(&queue->completion);
            }
        } else if (CompletionEvent == NULL || is_of_queue(thread->callback, queue)) {
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
