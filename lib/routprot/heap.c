/*
 * Heaps: GetProcessHeap, HeapCreate, HeapDestroy, HeapAlloc, HeapReAlloc, HeapFree, HeapSize (Microsoft Learn, heapapi.h).
 *
 * A heap knows its blocks by address, in a table beside them. So a pointer that is not one of its blocks (freed before, of
 * another heap, of malloc, or none at all) is told by looking it up, never by looking at the memory before it. Each block has
 * a guard on both sides. One that was written over is not handed back to the C library, whose own words beside it may be
 * damaged as well: it is said, counted and lost.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

/* As long as the alignment that a block is to have. */
#define GUARD 16u
#define GUARD_OCTET 0xFD
#define FIRST_CAPACITY 64u
#define LARGEST (SIZE_MAX / 2)

struct block {
    uint8_t *address; /* of the module's part; NULL: free entry */
    size_t size;
    struct module *module;
};

struct heap {
    struct object object;
    pthread_mutex_t lock;
    struct block *blocks; /* open addressing; capacity is a power of two, at most three quarters used */
    size_t capacity, used;
    size_t bytes, maximum; /* maximum 0: as much as there is */
    bool destroyed;
};

static struct heap process_heap = {.lock = PTHREAD_MUTEX_INITIALIZER, .object = {.kind = KIND_HEAP}};
/* As a handle: a mark like that of other handles, in a slot that none of them has. */
#define PROCESS_HEAP ((HANDLE)(uintptr_t)0x5700000000000004)

/* ---- The table of blocks, with the heap's lock held -------------------------------------------------------------- */

static size_t home_of(const struct heap *heap, const void *address) {
    uint64_t mixed = (uint64_t)(uintptr_t)address * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 32) & (heap->capacity - 1);
}

static struct block *find_block(struct heap *heap, const void *address) {
    if (heap->capacity == 0 || address == NULL) {
        return NULL;
    }
    size_t index = home_of(heap, address);
    while (heap->blocks[index].address != NULL) {
        if (heap->blocks[index].address == address) {
            return &heap->blocks[index];
        }
        index = (index + 1) & (heap->capacity - 1);
    }
    return NULL;
}

static void place_block(struct heap *heap, struct block block) {
    size_t index = home_of(heap, block.address);
    while (heap->blocks[index].address != NULL) {
        index = (index + 1) & (heap->capacity - 1);
    }
    heap->blocks[index] = block;
}

/* Makes room for one block more. */
static bool reserve(struct heap *heap) {
    if (heap->used + 1 <= heap->capacity / 4 * 3) {
        return true;
    }
    struct heap grown = {.capacity = heap->capacity == 0 ? FIRST_CAPACITY : heap->capacity * 2};
    grown.blocks = calloc(grown.capacity, sizeof *grown.blocks);
    if (grown.blocks == NULL) {
        return false;
    }
    for (size_t index = 0; index < heap->capacity; index++) {
        if (heap->blocks[index].address != NULL) {
            place_block(&grown, heap->blocks[index]);
        }
    }
    free(heap->blocks);
    heap->blocks = grown.blocks;
    heap->capacity = grown.capacity;
    return true;
}

static void add_block(struct heap *heap, struct block block) {
    place_block(heap, block);
    heap->used++;
    heap->bytes += block.size;
    waypost_count(block.module, COUNT_BLOCKS, 1);
    waypost_count(block.module, COUNT_BYTES, (long long)block.size);
}

static void remove_block(struct heap *heap, struct block *block) {
    heap->used--;
    heap->bytes -= block->size;
    waypost_count(block->module, COUNT_BLOCKS, -1);
    waypost_count(block->module, COUNT_BYTES, -(long long)block->size);
    /* Those behind it move up, so that a search never meets a hole before it meets its block. */
    size_t mask = heap->capacity - 1;
    size_t hole = (size_t)(block - heap->blocks);
    for (size_t index = (hole + 1) & mask; heap->blocks[index].address != NULL; index = (index + 1) & mask) {
        size_t home = home_of(heap, heap->blocks[index].address);
        if (((index - home) & mask) >= ((index - hole) & mask)) {
            heap->blocks[hole] = heap->blocks[index];
            hole = index;
        }
    }
    heap->blocks[hole].address = NULL;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static void set_guard(uint8_t *guard) {
    memset(guard, GUARD_OCTET, GUARD);
}

static bool is_whole(const struct block *block) {
    const uint8_t *before = block->address - GUARD;
    const uint8_t *behind = block->address + block->size;
    unsigned differences = 0;
    for (unsigned octet = 0; octet < GUARD; octet++) {
        differences |= before[octet] ^ GUARD_OCTET;
        differences |= behind[octet] ^ GUARD_OCTET;
    }
    return differences == 0;
}

/* Memory for a block between its guards, or NULL. */
static uint8_t *make(size_t size, bool zero) {
    uint8_t *memory = zero ? calloc(1, size + 2 * GUARD) : malloc(size + 2 * GUARD);
    if (memory == NULL) {
        return NULL;
    }
    set_guard(memory);
    set_guard(memory + GUARD + size);
    return memory + GUARD;
}

static bool has_room(const struct heap *heap, size_t before, size_t size) {
    size_t others = heap->bytes - before;
    return size <= LARGEST && (heap->maximum == 0 || (others <= heap->maximum && size <= heap->maximum - others));
}

/* Gives the memory of a block back that the table no longer has. False if its guards were written over. */
static bool give_back(const struct block *block) {
    if (is_whole(block)) {
        free(block->address - GUARD);
        return true;
    }
    waypost_count(block->module, COUNT_DAMAGED, 1);
    return false;
}

/* Frees all blocks, or all of one module. */
static void empty(struct heap *heap, const struct module *module) {
    size_t index = 0;
    while (index < heap->capacity) {
        struct block block = heap->blocks[index];
        if (block.address != NULL && (module == NULL || block.module == module)) {
            /* Another one may move up into this entry, which is looked at again. */
            remove_block(heap, &heap->blocks[index]);
            give_back(&block);
        } else {
            index++;
        }
    }
}

/* ---- Heaps ------------------------------------------------------------------------------------------------------- */

static void destroy(struct object *object) {
    struct heap *heap = CONTAINING_RECORD(object, struct heap, object);
    pthread_mutex_destroy(&heap->lock);
    free(heap->blocks);
    free(heap);
}

/* The heap of a handle with its lock held, or NULL and a last error. */
static struct heap *enter(HANDLE handle) {
    struct heap *heap = &process_heap;
    if (handle != PROCESS_HEAP) {
        waypost_acquire();
        struct object *object = waypost_find(handle, KIND_HEAP);
        if (object != NULL) {
            waypost_reference(object);
        }
        waypost_release();
        if (object == NULL) {
            waypost_fail(ERROR_INVALID_HANDLE);
            return NULL;
        }
        heap = CONTAINING_RECORD(object, struct heap, object);
    }
    pthread_mutex_lock(&heap->lock);
    return heap;
}

static void leave(struct heap *heap) {
    pthread_mutex_unlock(&heap->lock);
    if (heap != &process_heap) {
        waypost_acquire();
        waypost_dereference(&heap->object);
        waypost_release();
    }
}

HANDLE GetProcessHeap(void) {
    return PROCESS_HEAP;
}

HANDLE HeapCreate(DWORD flOptions, SIZE_T dwInitialSize, SIZE_T dwMaximumSize) {
    if ((flOptions & HEAP_GENERATE_EXCEPTIONS) != 0) {
        waypost_fail(ERROR_NOT_SUPPORTED);
        return NULL;
    }
    if (dwMaximumSize != 0 && dwInitialSize > dwMaximumSize) {
        waypost_fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    struct heap *heap = calloc(1, sizeof *heap);
    HANDLE handle = NULL;
    if (heap != NULL) {
        heap->maximum = dwMaximumSize;
        pthread_mutex_init(&heap->lock, NULL);
        waypost_object_init(&heap->object, KIND_HEAP, destroy);
        waypost_acquire();
        handle = waypost_open(&heap->object);
        if (handle != NULL) {
            waypost_count(heap->object.module, COUNT_HEAPS, 1);
        } else {
            waypost_dereference(&heap->object);
        }
        waypost_release();
    }
    if (handle == NULL) {
        waypost_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    return handle;
}

BOOL HeapDestroy(HANDLE hHeap) {
    waypost_acquire();
    struct object *object = waypost_close(hHeap, KIND_HEAP);
    if (object != NULL) {
        waypost_count(object->module, COUNT_HEAPS, -1);
    }
    waypost_release();
    if (object == NULL) {
        return waypost_fail(ERROR_INVALID_HANDLE);
    }
    struct heap *heap = CONTAINING_RECORD(object, struct heap, object);
    pthread_mutex_lock(&heap->lock);
    /* Whoever is on the way into the heap must not leave a block in it. */
    heap->destroyed = true;
    empty(heap, NULL);
    leave(heap);
    return TRUE;
}

void waypost_heap_forget(const struct module *module) {
    pthread_mutex_lock(&process_heap.lock);
    empty(&process_heap, module);
    pthread_mutex_unlock(&process_heap.lock);
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

static LPVOID no_memory(DWORD error) {
    waypost_fail(error);
    return NULL;
}

static bool has_bad_flags(DWORD flags) {
    return (flags & HEAP_GENERATE_EXCEPTIONS) != 0;
}

LPVOID HeapAlloc(HANDLE hHeap, DWORD dwFlags, SIZE_T dwBytes) {
    if (has_bad_flags(dwFlags)) {
        return no_memory(ERROR_NOT_SUPPORTED);
    }
    struct heap *heap = enter(hHeap);
    if (heap == NULL) {
        return NULL;
    }
    struct block block = {.size = dwBytes, .module = waypost_thread()->module};
    if (!heap->destroyed && has_room(heap, 0, dwBytes) && reserve(heap)) {
        block.address = make(dwBytes, (dwFlags & HEAP_ZERO_MEMORY) != 0);
    }
    if (block.address != NULL) {
        add_block(heap, block);
    }
    leave(heap);
    return block.address != NULL ? block.address : no_memory(ERROR_NOT_ENOUGH_MEMORY);
}

static void complain_of_damage(const struct block *block) {
    waypost_say(block->module, "libwaypost-routprot",
                "heap block %p of %I64u octets was written before its start or behind its end", block->address,
                (uint64_t)block->size);
}

BOOL HeapFree(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem) {
    (void)dwFlags;
    /* The published text leaves it open; sources free NULL as they do with free(). */
    if (lpMem == NULL) {
        return TRUE;
    }
    struct heap *heap = enter(hHeap);
    if (heap == NULL) {
        return FALSE;
    }
    struct block *found = find_block(heap, lpMem);
    bool known = found != NULL;
    bool whole = true;
    struct block block = {0};
    if (known) {
        block = *found;
        remove_block(heap, found);
        whole = give_back(&block);
    }
    leave(heap);
    if (!known) {
        return waypost_fail(ERROR_INVALID_PARAMETER);
    }
    if (!whole) {
        complain_of_damage(&block);
        return waypost_fail(ERROR_INVALID_DATA);
    }
    return TRUE;
}

/* Another size for a block; with the heap's lock held. The entry of the table changes with it. NULL: there is no memory. */
static uint8_t *resize(struct heap *heap, struct block *found, DWORD flags, size_t size) {
    struct block block = *found;
    bool in_place = (flags & HEAP_REALLOC_IN_PLACE_ONLY) != 0;
    if (!has_room(heap, block.size, size) || (in_place && size > block.size)) {
        return NULL;
    }
    struct block resized = {.address = block.address, .size = size, .module = block.module};
    if (in_place) {
        set_guard(block.address + size);
    } else {
        resized.address = make(size, false);
        if (resized.address == NULL) {
            return NULL;
        }
        memcpy(resized.address, block.address, size < block.size ? size : block.size);
    }
    if (size > block.size && (flags & HEAP_ZERO_MEMORY) != 0) {
        memset(resized.address + block.size, 0, size - block.size);
    }
    remove_block(heap, found);
    add_block(heap, resized);
    if (!in_place) {
        give_back(&block);
    }
    return resized.address;
}

LPVOID HeapReAlloc(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem, SIZE_T dwBytes) {
    if (has_bad_flags(dwFlags)) {
        return no_memory(ERROR_NOT_SUPPORTED);
    }
    struct heap *heap = enter(hHeap);
    if (heap == NULL) {
        return NULL;
    }
    struct block *found = find_block(heap, lpMem);
    DWORD error = NO_ERROR;
    struct block damaged = {0};
    uint8_t *resized = NULL;
    if (found == NULL) {
        error = ERROR_INVALID_PARAMETER;
    } else if (!is_whole(found)) {
        /* It stays what it is, so that HeapFree says it as well. */
        damaged = *found;
        error = ERROR_INVALID_DATA;
    } else if ((resized = resize(heap, found, dwFlags, dwBytes)) == NULL) {
        error = ERROR_NOT_ENOUGH_MEMORY;
    }
    leave(heap);
    if (damaged.address != NULL) {
        complain_of_damage(&damaged);
    }
    return error == NO_ERROR ? resized : no_memory(error);
}

SIZE_T HeapSize(HANDLE hHeap, DWORD dwFlags, LPCVOID lpMem) {
    (void)dwFlags;
    struct heap *heap = enter(hHeap);
    if (heap == NULL) {
        return (SIZE_T)-1;
    }
    struct block *found = find_block(heap, lpMem);
    SIZE_T size = found == NULL ? (SIZE_T)-1 : found->size;
    leave(heap);
    if (size == (SIZE_T)-1) {
        waypost_fail(ERROR_INVALID_PARAMETER);
    }
    return size;
}
