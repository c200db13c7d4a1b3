/* What interlocked operations answer, and that nothing is lost between threads. */
#include "check.h"

#define THREADS 8
#define TURNS 50000

static volatile LONG sum;

static DWORD WINAPI count(LPVOID nothing) {
    (void)nothing;
    for (int turn = 0; turn < TURNS; turn++) {
        InterlockedIncrement(&sum);
        InterlockedExchangeAdd(&sum, 2);
        InterlockedDecrement(&sum);
        for (LONG seen = load(&sum); InterlockedCompareExchange(&sum, seen + 1, seen) != seen;) {
            seen = load(&sum);
        }
    }
    return 0;
}

int main(void) {
    volatile LONG value = 5;
    CHECK(InterlockedIncrement(&value) == 6 && InterlockedDecrement(&value) == 5);
    CHECK(InterlockedExchange(&value, 7) == 5 && InterlockedExchangeAdd(&value, -10) == 7 && value == -3);
    CHECK(InterlockedCompareExchange(&value, 1, 2) == -3 && value == -3);
    CHECK(InterlockedCompareExchange(&value, 1, -3) == -3 && value == 1);
    int first, second;
    PVOID volatile pointer = &first;
    CHECK(InterlockedExchangePointer(&pointer, &second) == &first);
    CHECK(InterlockedCompareExchangePointer(&pointer, NULL, &first) == &second && pointer == &second);
    CHECK(InterlockedCompareExchangePointer(&pointer, NULL, &second) == &second && pointer == NULL);
    HANDLE threads[THREADS];
    for (int index = 0; index < THREADS; index++) {
        threads[index] = thread(count, NULL);
    }
    CHECK(WaitForMultipleObjects(THREADS, threads, TRUE, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK(sum == 3 * THREADS * TURNS);
    return 0;
}
