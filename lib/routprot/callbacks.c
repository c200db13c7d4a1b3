/*
 * Callbacks of timers and registered waits (Microsoft Learn, threadpoollegacyapiset.h: DeleteTimerQueueTimer,
 * UnregisterWaitEx).
 *
 * A callback never runs twice at a time: what calls for it while it still waits or runs is left out, so that a slow one cannot
 * fill the pool. One that has not begun when its object is deleted does not run.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

void waypost_complete(struct waitable **completion) {
    if (*completion != NULL) {
        waypost_event_set(*completion);
        waypost_dereference(&(*completion)->object);
        *completion = NULL;
    }
}

bool waypost_find_completion(HANDLE handle, struct waitable **completion) {
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

static void end(struct callback *callback) {
    callback->in_flight = false;
    if (callback->over != NULL && !callback->deleted) {
        callback->over(callback);
    }
    waypost_dereference(callback->object);
}

static void run(struct work *work) {
    struct callback *callback = CONTAINING_RECORD(work, struct callback, work);
    if (!callback->deleted) {
        struct thread *thread = waypost_thread();
        BOOLEAN timed_out = callback->timed_out ? TRUE : FALSE;
        callback->running = true;
        if (callback->begins != NULL) {
            callback->begins(callback);
        }
        thread->callback = callback->object;
        waypost_release();
        callback->function(callback->parameter, timed_out);
        waypost_acquire();
        thread->callback = NULL;
        callback->running = false;
        if (callback->ended != NULL) {
            callback->ended(callback);
        }
        if (callback->deleted) {
            waypost_complete(&callback->completion);
        }
        pthread_cond_broadcast(&waypost_something_ended);
    }
    end(callback);
}

static void drop(struct work *work) {
    end(CONTAINING_RECORD(work, struct callback, work));
}

void waypost_callback_init(struct callback *callback, struct object *object, WAITORTIMERCALLBACK function, PVOID parameter) {
    *callback = (struct callback){.object = object, .function = function, .parameter = parameter};
    callback->work = (struct work){.module = object->module, .run = run, .drop = drop};
}

/* False: it is in flight already. */
static bool take_off(struct callback *callback) {
    if (callback->in_flight) {
        return false;
    }
    callback->in_flight = true;
    waypost_reference(callback->object);
    return true;
}

void waypost_callback_queue(struct callback *callback) {
    if (take_off(callback) && !waypost_queue(&callback->work)) {
        /* There is no thread at all, nor memory for one: this turn is lost, and a registered wait ends with it. */
        callback->in_flight = false;
        waypost_dereference(callback->object);
    }
}

void waypost_callback_run_here(struct callback *callback) {
    if (take_off(callback)) {
        struct module *module = callback->work.module;
        waypost_count(module, COUNT_WORK, 1);
        waypost_thread_works_for(module);
        run(&callback->work);
        waypost_abandon(waypost_thread());
        waypost_thread_works_for(waypost_host());
        waypost_count(module, COUNT_WORK, -1);
        pthread_cond_broadcast(&waypost_something_ended);
    }
}

DWORD waypost_callback_delete(struct callback *callback, HANDLE completion_handle, struct waitable *completion) {
    if (completion != NULL) {
        callback->completion = completion;
        if (!callback->running) {
            waypost_complete(&callback->completion);
        }
        return NO_ERROR;
    }
    /* A wait for the callback that the caller itself runs in would never end: that is ERROR_IO_PENDING as well. */
    if (completion_handle == NULL || waypost_thread()->callback == callback->object) {
        return callback->running ? ERROR_IO_PENDING : NO_ERROR;
    }
    while (callback->running) {
        waypost_wait_until(&waypost_something_ended, FOREVER);
    }
    return NO_ERROR;
}
