/*
 * Alarms: what happens at a time. One thread keeps them, in a binary heap by due time.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>

#define FIRST_CAPACITY 16u

/* All under waypost_lock. */
static struct alarm **heap;
static size_t set, capacity, reserved;
static pthread_cond_t soonest_changed;
static bool has_thread;

__attribute__((constructor)) static void begin(void) {
    waypost_condition_init(&soonest_changed);
}

static void put(size_t position, struct alarm *alarm) {
    heap[position] = alarm;
    alarm->position = position;
}

static void rise(struct alarm *alarm) {
    size_t position = alarm->position;
    while (position > 0 && heap[(position - 1) / 2]->due > alarm->due) {
        put(position, heap[(position - 1) / 2]);
        position = (position - 1) / 2;
    }
    put(position, alarm);
}

static void sink(struct alarm *alarm) {
    size_t position = alarm->position;
    for (;;) {
        size_t child = 2 * position + 1;
        if (child + 1 < set && heap[child + 1]->due < heap[child]->due) {
            child++;
        }
        if (child >= set || heap[child]->due >= alarm->due) {
            break;
        }
        put(position, heap[child]);
        position = child;
    }
    put(position, alarm);
}

void waypost_alarm_stop(struct alarm *alarm) {
    if (alarm->position == ALARM_OFF) {
        return;
    }
    struct alarm *last = heap[--set];
    if (last != alarm) {
        put(alarm->position, last);
        rise(last);
        sink(last);
    }
    alarm->position = ALARM_OFF;
}

void waypost_alarm_set(struct alarm *alarm, nanoseconds due) {
    waypost_alarm_stop(alarm);
    if (due == FOREVER) {
        return;
    }
    alarm->due = due;
    alarm->position = set++;
    rise(alarm);
    if (alarm->position == 0) {
        pthread_cond_signal(&soonest_changed);
    }
}

static void *keep_alarms(void *nothing) {
    waypost_acquire();
    for (;;) {
        nanoseconds now = waypost_now();
        if (set == 0) {
            waypost_wait_until(&soonest_changed, FOREVER);
        } else if (heap[0]->due > now) {
            waypost_wait_until(&soonest_changed, heap[0]->due);
        } else {
            struct alarm *alarm = heap[0];
            waypost_alarm_stop(alarm);
            alarm->ring(alarm, now);
        }
    }
    return nothing;
}

bool waypost_alarm_reserve(void) {
    if (reserved == capacity) {
        size_t wanted = capacity == 0 ? FIRST_CAPACITY : capacity * 2;
        struct alarm **grown = realloc(heap, wanted * sizeof(struct alarm *));
        if (grown == NULL) {
            return false;
        }
        heap = grown;
        capacity = wanted;
    }
    if (!has_thread && !(has_thread = waypost_start(keep_alarms, NULL, 0))) {
        return false;
    }
    reserved++;
    return true;
}

void waypost_alarm_free(void) {
    reserved--;
}
