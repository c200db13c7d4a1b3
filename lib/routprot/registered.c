/*
 * Waits with a callback: RegisterWaitForSingleObject, UnregisterWait, UnregisterWaitEx (Microsoft Learn, winbase.h and
 * threadpoollegacyapiset.h).
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>

/* All under waypost_lock. */
struct registration {
    struct object object;
    HANDLE self;
    struct waitable *watched;
    struct waiter waiter;
    struct place place;
    struct alarm alarm;
    DWORD milliseconds;
    bool once, watching;
    struct callback callback;
};

static void fire(struct registration *registration, bool timed_out) {
    waypost_alarm_stop(&registration->alarm);
    registration->watching = false;
    registration->callback.timed_out = timed_out;
    waypost_callback_queue(&registration->callback);
}

static void satisfied(struct waiter *waiter) {
    fire(CONTAINING_RECORD(waiter, struct registration, waiter), false);
}

static void timed_out(struct alarm *alarm, nanoseconds now) {
    struct registration *registration = CONTAINING_RECORD(alarm, struct registration, alarm);
    (void)now;
    waypost_stop_watching(&registration->waiter);
    fire(registration, true);
}

static void watch(struct registration *registration) {
    registration->waiter.done = false;
    if (waypost_satisfy(&registration->waiter)) {
        fire(registration, false);
        return;
    }
    registration->watching = true;
    waypost_watch(&registration->waiter);
    waypost_alarm_set(&registration->alarm, waypost_deadline(registration->milliseconds));
}

/* The next wait begins when the callback of the last one has ended, so that none is lost and none overlaps. */
static void again(struct callback *callback) {
    struct registration *registration = CONTAINING_RECORD(callback, struct registration, callback);
    if (!registration->once) {
        watch(registration);
    }
}

static void destroy(struct object *object) {
    struct registration *registration = CONTAINING_RECORD(object, struct registration, object);
    waypost_dereference(&registration->watched->object);
    free(registration);
}

static DWORD begin(struct registration *registration, HANDLE handle) {
    struct object *object = waypost_find(handle, KIND_WAITABLE);
    if (object == NULL) {
        return ERROR_INVALID_HANDLE;
    }
    if (object->kind == KIND_MUTEX) {
        return ERROR_NOT_SUPPORTED;
    }
    if (registration->object.module->ending) {
        return ERROR_BUSY;
    }
    if (!waypost_alarm_reserve()) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    registration->self = waypost_open(&registration->object);
    if (registration->self == NULL) {
        waypost_alarm_free();
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    waypost_reference(object);
    registration->watched = CONTAINING_RECORD(object, struct waitable, object);
    registration->place = (struct place){.waiter = &registration->waiter, .object = registration->watched};
    waypost_count(registration->object.module, COUNT_WAITS, 1);
    return NO_ERROR;
}

BOOL RegisterWaitForSingleObject(PHANDLE phNewWaitObject, HANDLE hObject, WAITORTIMERCALLBACK Callback, PVOID Context,
                                 ULONG dwMilliseconds, ULONG dwFlags) {
    if (phNewWaitObject == NULL || Callback == NULL) {
        return waypost_fail(ERROR_INVALID_PARAMETER);
    }
    struct registration *registration = calloc(1, sizeof *registration);
    if (registration == NULL) {
        return waypost_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    waypost_object_init(&registration->object, KIND_WAIT, destroy);
    registration->waiter = (struct waiter){.callback = satisfied, .count = 1, .places = &registration->place};
    registration->alarm = (struct alarm){.position = ALARM_OFF, .ring = timed_out};
    registration->milliseconds = dwMilliseconds;
    registration->once = (dwFlags & WT_EXECUTEONLYONCE) != 0;
    waypost_callback_init(&registration->callback, &registration->object, Callback, Context);
    registration->callback.over = again;
    waypost_acquire();
    DWORD error = begin(registration, hObject);
    if (error == NO_ERROR) {
        /* Before the callback can run, which may look for it there. */
        *phNewWaitObject = registration->self;
        watch(registration);
    }
    waypost_release();
    if (error != NO_ERROR) {
        free(registration);
        return waypost_fail(error);
    }
    return TRUE;
}

static void unregister(struct registration *registration) {
    waypost_alarm_stop(&registration->alarm);
    waypost_alarm_free();
    if (registration->watching) {
        waypost_stop_watching(&registration->waiter);
        registration->watching = false;
    }
    registration->callback.deleted = true;
    waypost_count(registration->object.module, COUNT_WAITS, -1);
    waypost_close(registration->self, KIND_WAIT);
    waypost_dereference(&registration->object);
}

BOOL UnregisterWaitEx(HANDLE WaitHandle, HANDLE CompletionEvent) {
    struct waitable *completion = NULL;
    DWORD error = NO_ERROR;
    waypost_acquire();
    struct object *object = waypost_find(WaitHandle, KIND_WAIT);
    if (object == NULL || !waypost_find_completion(CompletionEvent, &completion)) {
        error = ERROR_INVALID_HANDLE;
    } else {
        struct registration *registration = CONTAINING_RECORD(object, struct registration, object);
        waypost_reference(object);
        unregister(registration);
        error = waypost_callback_delete(&registration->callback, CompletionEvent, completion);
        waypost_dereference(object);
    }
    waypost_release();
    return error == NO_ERROR ? TRUE : waypost_fail(error);
}

BOOL UnregisterWait(HANDLE WaitHandle) {
    return UnregisterWaitEx(WaitHandle, NULL);
}

void waypost_drop_waits(const struct module *module) {
    uint32_t slot = 0;
    for (HANDLE handle; (handle = waypost_next_handle(module, KIND_WAIT, &slot)) != NULL;) {
        unregister(CONTAINING_RECORD(waypost_find(handle, KIND_WAIT), struct registration, object));
    }
}
