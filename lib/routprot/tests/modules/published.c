/* A module that is compiled against the headers of mingw-w64, in the words that sources for Windows use. */
#include <windows.h>
#include <rtutils.h>

_Static_assert(sizeof(DWORD) == 4 && sizeof(LONG) == 4 && sizeof(WCHAR) == 2, "LLP64");
_Static_assert(sizeof(CRITICAL_SECTION) == 40 && sizeof(FILETIME) == 8 && sizeof(HANDLE) == 8, "LLP64");

static CRITICAL_SECTION section;
static LONG volatile counter;
static LONG guarded;

static DWORD WINAPI Work(LPVOID done)
{
    int i;
    for (i = 0; i < 1000; i++) {
        EnterCriticalSection(&section);
        guarded++;
        LeaveCriticalSection(&section);
        InterlockedIncrement(&counter);
    }
    SetEvent(done);
    return NO_ERROR;
}

static VOID CALLBACK Fire(PVOID done, BOOLEAN fired)
{
    if (fired)
        ReleaseSemaphore(done, 1, NULL);
}

static LONG volatile signalled;

static VOID CALLBACK Signalled(PVOID done, BOOLEAN fired)
{
    InterlockedExchange(&signalled, !fired);
    ReleaseSemaphore(done, 1, NULL);
}

__attribute__((visibility("default"))) int run(void)
{
    HANDLE events[4], semaphore, queue, timer, heap, mutex;
    PUCHAR block;
    DWORD trace, i;
    PVOID pointer = NULL;
    FILETIME now;

    InitializeCriticalSection(&section);
    counter = guarded = signalled = 0;
    trace = TraceRegister("PUBLISHED");
    if (trace == INVALID_TRACEID)
        return 0;
    for (i = 0; i < 4; i++) {
        events[i] = CreateEvent(NULL, TRUE, FALSE, NULL);
        if (events[i] == NULL || !QueueUserWorkItem(Work, events[i], WT_EXECUTEDEFAULT))
            return 0;
    }
    if (WaitForMultipleObjects(4, events, TRUE, 60000) != WAIT_OBJECT_0 || counter != 4000 || guarded != 4000)
        return 0;
    for (i = 0; i < 4; i++)
        CloseHandle(events[i]);
    if (SetEvent(events[0]) || GetLastError() != ERROR_INVALID_HANDLE)
        return 0;
    DeleteCriticalSection(&section);

    semaphore = CreateSemaphoreW(NULL, 0, 10, NULL);
    queue = CreateTimerQueue();
    if (!CreateTimerQueueTimer(&timer, queue, Fire, semaphore, 1, 1, 0))
        return 0;
    if (WaitForSingleObject(semaphore, 60000) != WAIT_OBJECT_0)
        return 0;
    if (!DeleteTimerQueueTimer(queue, timer, INVALID_HANDLE_VALUE) || !DeleteTimerQueueEx(queue, INVALID_HANDLE_VALUE))
        return 0;
    timer = CreateEvent(NULL, FALSE, TRUE, NULL);
    if (!RegisterWaitForSingleObject(&queue, timer, Signalled, semaphore, INFINITE, WT_EXECUTEONLYONCE))
        return 0;
    while (WaitForSingleObject(semaphore, 60000) == WAIT_OBJECT_0 && !signalled)
        ;
    if (!signalled || !UnregisterWaitEx(queue, INVALID_HANDLE_VALUE) || !CloseHandle(timer))
        return 0;
    CloseHandle(semaphore);

    mutex = CreateMutex(NULL, TRUE, NULL);
    if (!ReleaseMutex(mutex) || !CloseHandle(mutex))
        return 0;
    heap = HeapCreate(0, 0, 0);
    block = HeapAlloc(heap, HEAP_ZERO_MEMORY, 100);
    if (block == NULL || block[99] != 0 || HeapSize(heap, 0, block) != 100 || !HeapFree(heap, 0, block))
        return 0;
    if (HeapFree(heap, 0, block) || GetLastError() != ERROR_INVALID_PARAMETER || !HeapDestroy(heap))
        return 0;

    InterlockedExchangePointer(&pointer, &now);
    if (InterlockedCompareExchangePointer(&pointer, NULL, &now) != &now)
        return 0;
    if (InterlockedCompareExchange(&counter, 1, 4000) != 4000)
        return 0;
    GetSystemTimeAsFileTime(&now);
    if (now.dwHighDateTime == 0 || GetTickCount64() == 0)
        return 0;
    if (TracePrintf(trace, "%lu %ld %ls %I64u", (DWORD)0xFFFFFFFF, (LONG)-1, L"wide", (ULONGLONG)5) != 20)
        return 0;
    return TraceDeregister(trace) == NO_ERROR;
}
