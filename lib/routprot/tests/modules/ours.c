/* A module that leaves a thread of the pool and one of the timers behind. */
#include <waypost/windows.h>

static volatile LONG ran;

static DWORD WINAPI work(LPVOID done) {
    InterlockedIncrement(&ran);
    SetEvent(done);
    return 0;
}

static void CALLBACK fire(PVOID done, BOOLEAN fired) {
    if (fired) {
        SetEvent(done);
    }
}

WAYPOST_EXPORT int run(void);

int run(void) {
    HANDLE done[] = {CreateEvent(NULL, TRUE, FALSE, NULL), CreateEvent(NULL, TRUE, FALSE, NULL)};
    HANDLE timer = NULL;
    return QueueUserWorkItem(work, done[0], 0) && CreateTimerQueueTimer(&timer, NULL, fire, done[1], 1, 0, 0) &&
           WaitForMultipleObjects(2, done, TRUE, 60000) == WAIT_OBJECT_0 &&
           DeleteTimerQueueTimer(NULL, timer, INVALID_HANDLE_VALUE) && CloseHandle(done[0]) && CloseHandle(done[1]);
}
