/*
 * Objects and their handles: CloseHandle (Microsoft Learn, handleapi.h).
 *
 * A handle is a number, never an address: slot in the table, generation of that slot, and a mark. A stale one has an old
 * generation. The mark makes the upper half of a handle what no address of Linux has, so that a pointer or a handle of the
 * routing table manager is told apart as well. Windows has the two lowest bits free, and so have we.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>

#define MARK UINT64_C(0x57)
#define MARK_SHIFT 56
#define GENERATION_SHIFT 24
#define SLOT_SHIFT 2
/* A module that leaks handles must end somewhere. */
#define SLOTS (1u << 20)
#define FIRST_CAPACITY 64u

struct slot {
    struct object *object; /* NULL: free */
    uint32_t generation;   /* counts from 1; changes when the slot is freed */
    uint32_t next_free;
};

pthread_mutex_t waypost_lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *table;
static uint32_t capacity;
/* Free slots are used again in the order in which they became free, which keeps generations low. */
static uint32_t first_free, last_free;

void waypost_acquire(void) {
    pthread_mutex_lock(&waypost_lock);
}

void waypost_release(void) {
    pthread_mutex_unlock(&waypost_lock);
}

void waypost_object_init(struct object *object, enum kind kind, void (*destroy)(struct object *)) {
    object->kind = kind;
    object->references = 1;
    object->module = waypost_thread()->module;
    object->destroy = destroy;
}

void waypost_reference(struct object *object) {
    object->references++;
}

void waypost_dereference(struct object *object) {
    if (--object->references == 0) {
        object->destroy(object);
    }
}

static HANDLE handle_of(uint32_t slot) {
    uint64_t value = MARK << MARK_SHIFT | (uint64_t)table[slot].generation << GENERATION_SHIFT | (uint64_t)slot << SLOT_SHIFT;
    return (HANDLE)(uintptr_t)value;
}

/* Place 0 is never used: it ends the list of free ones. */
static bool grow(void) {
    uint32_t wanted = capacity == 0 ? FIRST_CAPACITY : capacity * 2;
    if (wanted > SLOTS) {
        return false;
    }
    struct slot *grown = realloc(table, wanted * sizeof *table);
    if (grown == NULL) {
        return false;
    }
    table = grown;
    for (uint32_t slot = capacity; slot < wanted; slot++) {
        table[slot] = (struct slot){.generation = 1, .next_free = slot + 1 < wanted ? slot + 1 : 0};
    }
    first_free = capacity == 0 ? 1 : capacity;
    last_free = wanted - 1;
    capacity = wanted;
    return true;
}

/* Heaps, timers and their queues are counted by their own files. */
static void count_handle(const struct object *object, long long change) {
    if ((object->kind & KIND_WAITABLE) != 0) {
        waypost_count(object->module, COUNT_HANDLES, change);
    }
}

HANDLE waypost_open(struct object *object) {
    if (first_free == 0 && !grow()) {
        return NULL;
    }
    uint32_t slot = first_free;
    first_free = table[slot].next_free;
    if (first_free == 0) {
        last_free = 0;
    }
    table[slot].object = object;
    count_handle(object, 1);
    return handle_of(slot);
}

/* The slot of a valid handle, or 0. */
static uint32_t slot_of(HANDLE handle) {
    uint64_t value = (uint64_t)(uintptr_t)handle;
    uint64_t slot = (value >> SLOT_SHIFT) & ((UINT64_C(1) << (GENERATION_SHIFT - SLOT_SHIFT)) - 1);
    if (slot == 0 || slot >= capacity || table[slot].object == NULL || handle_of((uint32_t)slot) != handle) {
        return 0;
    }
    return (uint32_t)slot;
}

struct object *waypost_find(HANDLE handle, unsigned kinds) {
    uint32_t slot = slot_of(handle);
    struct object *object = slot == 0 ? NULL : table[slot].object;
    return object != NULL && ((unsigned)object->kind & kinds) != 0 ? object : NULL;
}

struct object *waypost_close(HANDLE handle, unsigned kinds) {
    struct object *object = waypost_find(handle, kinds);
    if (object == NULL) {
        return NULL;
    }
    uint32_t slot = slot_of(handle);
    table[slot].object = NULL;
    table[slot].next_free = 0;
    if (++table[slot].generation == 0) {
        table[slot].generation = 1;
    }
    if (last_free == 0) {
        first_free = slot;
    } else {
        table[last_free].next_free = slot;
    }
    last_free = slot;
    count_handle(object, -1);
    return object;
}

HANDLE waypost_next_handle(const struct module *module, unsigned kinds, uint32_t *slot) {
    while (++*slot < capacity) {
        struct object *object = table[*slot].object;
        if (object != NULL && object->module == module && ((unsigned)object->kind & kinds) != 0) {
            return handle_of(*slot);
        }
    }
    return NULL;
}

BOOL CloseHandle(HANDLE hObject) {
    waypost_acquire();
    struct object *object = waypost_close(hObject, KIND_WAITABLE);
    if (object != NULL) {
        waypost_dereference(object);
    }
    waypost_release();
    return object != NULL ? TRUE : waypost_fail(ERROR_INVALID_HANDLE);
}
