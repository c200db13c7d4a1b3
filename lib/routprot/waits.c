/*
 * Waiting: WaitForSingleObject, WaitForMultipleObjects (Microsoft Learn, synchapi.h).
 *
 * A wait is decided by whoever makes an object signalled, not by the waiter when it wakes: under the lock it looks through the
 * waiters of the object in order of arrival and takes what the first satisfied one waits for on its behalf. So an event that
 * resets itself lets exactly one waiter go, and a wait for all takes all of them in one step or none.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

static bool signalled_for(const struct waitable *object, const struct thread *thread) {
    switch (object->object.kind) {
    case KIND_MUTEX:
        return object->holder == NULL || object->holder == thread;
    case KIND_SEMAPHORE:
        return object->count > 0;
    default:
        return object->signalled;
    }
}

/* What a satisfied wait does to an object. True if it was a mutex that nobody gave back. */
static bool take(struct waitable *object, struct thread *thread) {
    bool abandoned = object->abandoned;
    switch (object->object.kind) {
    case KIND_MUTEX:
        object->abandoned = false;
        waypost_mutex_take(object, thread);
        break;
    case KIND_SEMAPHORE:
        object->count--;
        break;
    case KIND_EVENT:
        object->signalled = object->manual;
        waypost_event_changed(object);
        break;
    default:
        break;
    }
    return abandoned;
}

bool waypost_satisfy(struct waiter *waiter) {
    DWORD signalled = 0;
    DWORD first = waiter->count;
    for (DWORD index = 0; index < waiter->count; index++) {
        if (signalled_for(waiter->places[index].object, waiter->thread)) {
            signalled++;
            first = index < first ? index : first;
        } else if (waiter->all) {
            return false;
        }
    }
    if (signalled == 0) {
        return false;
    }
    if (waiter->all) {
        bool abandoned = false;
        for (DWORD index = 0; index < waiter->count; index++) {
            abandoned |= take(waiter->places[index].object, waiter->thread);
        }
        waiter->result = abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0;
    } else {
        bool abandoned = take(waiter->places[first].object, waiter->thread);
        waiter->result = (abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0) + first;
    }
    waiter->done = true;
    return true;
}

static void enqueue(struct place *place) {
    struct waitable *object = place->object;
    waypost_reference(&object->object);
    place->previous = object->last;
    place->next = NULL;
    if (object->last != NULL) {
        object->last->next = place;
    } else {
        object->first = place;
    }
    object->last = place;
}

static void dequeue(struct place *place) {
    struct waitable *object = place->object;
    if (place->previous != NULL) {
        place->previous->next = place->next;
    } else {
        object->first = place->next;
    }
    if (place->next != NULL) {
        place->next->previous = place->previous;
    } else {
        object->last = place->previous;
    }
    waypost_dereference(&object->object);
}

void waypost_watch(struct waiter *waiter) {
    for (DWORD index = 0; index < waiter->count; index++) {
        enqueue(&waiter->places[index]);
    }
}

void waypost_stop_watching(struct waiter *waiter) {
    for (DWORD index = 0; index < waiter->count; index++) {
        dequeue(&waiter->places[index]);
    }
}

void waypost_wake(struct waitable *object) {
    /* It must outlast its waiters, whose references may be the last ones. */
    waypost_reference(&object->object);
    struct place *place = object->first;
    while (place != NULL) {
        struct waiter *waiter = place->waiter;
        if (waypost_satisfy(waiter)) {
            waypost_stop_watching(waiter);
            if (waiter->callback != NULL) {
                waiter->callback(waiter);
            } else {
                pthread_cond_signal(&waiter->satisfied);
            }
            place = object->first;
        } else {
            place = place->next;
        }
    }
    waypost_dereference(&object->object);
}

static bool twice(const HANDLE *handles, DWORD count) {
    for (DWORD index = 1; index < count; index++) {
        for (DWORD other = 0; other < index; other++) {
            if (handles[index] == handles[other]) {
                return true;
            }
        }
    }
    return false;
}

static DWORD failed(DWORD error) {
    waypost_fail(error);
    return WAIT_FAILED;
}

DWORD WaitForMultipleObjects(DWORD nCount, const HANDLE *lpHandles, BOOL bWaitAll, DWORD dwMilliseconds) {
    /* The same handle twice is refused where it could mean two units of one object; where any will do it does no harm. */
    if (nCount == 0 || nCount > MAXIMUM_WAIT_OBJECTS || lpHandles == NULL || (bWaitAll && twice(lpHandles, nCount))) {
        return failed(ERROR_INVALID_PARAMETER);
    }
    nanoseconds deadline = dwMilliseconds == 0 ? 0 : waypost_deadline(dwMilliseconds);
    struct place places[MAXIMUM_WAIT_OBJECTS];
    struct waiter waiter = {.thread = waypost_thread(), .all = bWaitAll != FALSE, .count = nCount, .places = places};
    waypost_acquire();
    for (DWORD index = 0; index < nCount; index++) {
        struct object *object = waypost_find(lpHandles[index], KIND_WAITABLE);
        if (object == NULL) {
            waypost_release();
            return failed(ERROR_INVALID_HANDLE);
        }
        places[index] =
            (struct place){.waiter = &waiter, .object = CONTAINING_RECORD(object, struct waitable, object)};
    }
    if (!waypost_satisfy(&waiter)) {
        waiter.result = WAIT_TIMEOUT;
        if (deadline != 0) {
            waypost_condition_init(&waiter.satisfied);
            waypost_watch(&waiter);
            bool in_time = true;
            while (!waiter.done && in_time) {
                in_time = waypost_wait_until(&waiter.satisfied, deadline);
            }
            /* A wait satisfied in the moment of its deadline has taken its object and counts. */
            if (!waiter.done) {
                waypost_stop_watching(&waiter);
            }
            pthread_cond_destroy(&waiter.satisfied);
        }
    }
    if (waiter.thread->mutexes != NULL) {
        waypost_thread_holds_a_mutex();
    }
    waypost_release();
    return waiter.result;
}

DWORD WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) {
    return WaitForMultipleObjects(1, &hHandle, FALSE, dwMilliseconds);
}
