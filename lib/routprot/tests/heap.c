/* Heaps: sizes, zeroes, limits, and pointers that are not theirs. */
#include "check.h"

#include <string.h>

#define BLOCKS 10000

static int said;

static void CALLBACK hear(PVOID context, DWORD module, LPCSTR name, LPCSTR line) {
    (void)context;
    CHECK(module == 0 && strcmp(name, "libwaypost-routprot") == 0);
    CHECK(strstr(line, "heap block") != NULL);
    said++;
}

static bool all(const uint8_t *octets, size_t count, uint8_t wanted) {
    for (size_t index = 0; index < count; index++) {
        if (octets[index] != wanted) {
            return false;
        }
    }
    return true;
}

static void blocks(HANDLE heap) {
    uint8_t *block = HeapAlloc(heap, HEAP_ZERO_MEMORY, 1000);
    CHECK(block != NULL && all(block, 1000, 0) && (uintptr_t)block % 16 == 0);
    CHECK(HeapSize(heap, 0, block) == 1000);
    memset(block, 7, 1000);
    block = HeapReAlloc(heap, HEAP_ZERO_MEMORY, block, 5000);
    CHECK(block != NULL && all(block, 1000, 7) && all(block + 1000, 4000, 0));
    CHECK(HeapSize(heap, 0, block) == 5000);
    uint8_t *same = HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 500);
    CHECK(same == block && all(block, 500, 7) && HeapSize(heap, 0, block) == 500);
    CHECK_FAILS(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 501), NULL, ERROR_NOT_ENOUGH_MEMORY);
    block = HeapReAlloc(heap, 0, block, 10);
    CHECK(block != NULL && all(block, 10, 7) && HeapSize(heap, 0, block) == 10);
    CHECK_FAILS(HeapReAlloc(heap, 0, block, SIZE_MAX), NULL, ERROR_NOT_ENOUGH_MEMORY);
    CHECK(HeapSize(heap, 0, block) == 10);
    CHECK(HeapFree(heap, 0, block));
    /* Zeroes also where memory was used before. */
    void *used = HeapAlloc(heap, 0, 900);
    CHECK(used != NULL);
    memset(used, 0xAA, 900);
    CHECK(HeapFree(heap, 0, used));
    block = HeapAlloc(heap, HEAP_ZERO_MEMORY, 900);
    CHECK(block != NULL && all(block, 900, 0));
    memset(block, 0xAA, 900);
    CHECK(HeapFree(heap, 0, block));
    block = HeapReAlloc(heap, HEAP_ZERO_MEMORY, HeapAlloc(heap, HEAP_ZERO_MEMORY, 100), 900);
    CHECK(block != NULL && all(block, 900, 0) && HeapFree(heap, 0, block));
    void *empty = HeapAlloc(heap, 0, 0);
    CHECK(empty != NULL && HeapSize(heap, 0, empty) == 0 && HeapFree(heap, 0, empty));
    CHECK_FAILS(HeapAlloc(heap, 0, SIZE_MAX), NULL, ERROR_NOT_ENOUGH_MEMORY);
    CHECK_FAILS(HeapAlloc(heap, HEAP_GENERATE_EXCEPTIONS, 1), NULL, ERROR_NOT_SUPPORTED);
    CHECK(HeapFree(heap, 0, NULL));
    CHECK_FAILS(HeapReAlloc(heap, 0, NULL, 1), NULL, ERROR_INVALID_PARAMETER);
}

static void check_refused(HANDLE heap, void *pointer) {
    CHECK_FAILS(HeapFree(heap, 0, pointer), FALSE, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapReAlloc(heap, 0, pointer, 1), NULL, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(HeapSize(heap, 0, pointer), (SIZE_T)-1, ERROR_INVALID_PARAMETER);
}

static void foreign_pointers(HANDLE heap) {
    int local;
    uint8_t *mine = HeapAlloc(heap, 0, 100);
    void *others = HeapAlloc(GetProcessHeap(), 0, 100);
    void *of_libc = malloc(100);
    CHECK(mine != NULL && others != NULL && of_libc != NULL);
    check_refused(heap, &local);
    check_refused(heap, of_libc);
    check_refused(heap, others);
    check_refused(GetProcessHeap(), mine);
    check_refused(heap, mine + 16);
    check_refused(heap, (void *)(uintptr_t)0x1234);
    check_refused(heap, INVALID_HANDLE_VALUE);
    CHECK(HeapFree(heap, 0, mine) && HeapFree(GetProcessHeap(), 0, others));
    check_refused(heap, mine);
    free(of_libc);
}

static void damage(HANDLE heap) {
    WaypostSetTraceSink(hear, NULL);
    for (int end = 0; end < 2; end++) {
        uint8_t *block = HeapAlloc(heap, 0, 40);
        CHECK(block != NULL);
        block[end == 0 ? -1 : 40] ^= 1;
        CHECK_FAILS(HeapReAlloc(heap, 0, block, 80), NULL, ERROR_INVALID_DATA);
        CHECK_FAILS(HeapFree(heap, 0, block), FALSE, ERROR_INVALID_DATA);
        CHECK_FAILS(HeapFree(heap, 0, block), FALSE, ERROR_INVALID_PARAMETER);
        CHECK(said == 2 * (end + 1) && usage(0).DamagedBlocks == (ULONGLONG)end + 1);
        /* It is not given back to the C library; here it is, so that nothing is lost. */
        free(block - 16);
    }
    WaypostSetTraceSink(NULL, NULL);
}

static void limits(void) {
    CHECK_FAILS(HeapCreate(HEAP_GENERATE_EXCEPTIONS, 0, 0), NULL, ERROR_NOT_SUPPORTED);
    CHECK_FAILS(HeapCreate(0, 2, 1), NULL, ERROR_INVALID_PARAMETER);
    HANDLE heap = HeapCreate(HEAP_NO_SERIALIZE, 100, 1000);
    CHECK(heap != NULL);
    void *first = HeapAlloc(heap, 0, 600);
    CHECK(first != NULL);
    CHECK_FAILS(HeapAlloc(heap, 0, 401), NULL, ERROR_NOT_ENOUGH_MEMORY);
    void *second = HeapAlloc(heap, 0, 400);
    CHECK(second != NULL);
    CHECK_FAILS(HeapReAlloc(heap, 0, second, 401), NULL, ERROR_NOT_ENOUGH_MEMORY);
    CHECK(HeapFree(heap, 0, first));
    second = HeapReAlloc(heap, 0, second, 1000);
    CHECK(second != NULL);
    CHECK(HeapDestroy(heap));
    CHECK_FAILS(HeapDestroy(heap), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapAlloc(heap, 0, 1), NULL, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapFree(heap, 0, second), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(HeapDestroy(GetProcessHeap()), FALSE, ERROR_INVALID_HANDLE);
}

/* Random calls against a plain list of what must be there. */
static void against_a_model(HANDLE heap) {
    static struct {
        uint8_t *block;
        size_t size;
    } model[BLOCKS];
    uint64_t random = 1;
    size_t bytes = 0, count = 0;
    for (int turn = 0; turn < 20 * BLOCKS; turn++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t index = (size_t)(random >> 33) % BLOCKS;
        size_t size = (size_t)(random >> 20) % 200;
        uint8_t mark = (uint8_t)index;
        if (model[index].block == NULL) {
            model[index].block = HeapAlloc(heap, 0, size);
            count++;
        } else {
            CHECK(HeapSize(heap, 0, model[index].block) == model[index].size);
            CHECK(all(model[index].block, model[index].size, mark));
            bytes -= model[index].size;
            if (turn % 3 == 0) {
                model[index].block = HeapReAlloc(heap, 0, model[index].block, size);
            } else {
                CHECK(HeapFree(heap, 0, model[index].block));
                model[index].block = NULL;
                count--;
                continue;
            }
        }
        CHECK(model[index].block != NULL);
        memset(model[index].block, mark, size);
        model[index].size = size;
        bytes += size;
    }
    CHECK(usage(0).HeapBlocks == count && usage(0).HeapBytes == bytes);
}

int main(void) {
    HANDLE heap = HeapCreate(0, 0, 0);
    CHECK(heap != NULL && usage(0).Heaps == 1);
    blocks(heap);
    blocks(GetProcessHeap());
    foreign_pointers(heap);
    damage(heap);
    limits();
    CHECK(usage(0).HeapBlocks == 0 && usage(0).HeapBytes == 0);
    against_a_model(heap);
    CHECK(HeapDestroy(heap));
    WAYPOST_USAGE left = usage(0);
    CHECK(left.Heaps == 0 && left.HeapBlocks == 0 && left.HeapBytes == 0);
    return 0;
}
