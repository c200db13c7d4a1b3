/* Events, semaphores and mutexes, each by itself. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const WCHAR name[] = {'n', 0};

static void events(void) {
    HANDLE manual = event(TRUE, FALSE);
    CHECK(WaitForSingleObject(manual, 0) == WAIT_TIMEOUT);
    CHECK(SetEvent(manual) && SetEvent(manual));
    CHECK(WaitForSingleObject(manual, 0) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(manual, INFINITE) == WAIT_OBJECT_0);
    CHECK(ResetEvent(manual));
    CHECK(WaitForSingleObject(manual, 0) == WAIT_TIMEOUT);
    CHECK(CloseHandle(manual));
    HANDLE automatic = event(FALSE, TRUE);
    CHECK(WaitForSingleObject(automatic, 0) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(automatic, 0) == WAIT_TIMEOUT);
    /* Twice set is set. */
    CHECK(SetEvent(automatic) && SetEvent(automatic));
    CHECK(WaitForSingleObject(automatic, 0) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(automatic, 1) == WAIT_TIMEOUT);
    CHECK(CloseHandle(automatic));
    CHECK_FAILS(CreateEventA(NULL, TRUE, FALSE, "name"), NULL, ERROR_NOT_SUPPORTED);
    CHECK_FAILS(CreateEventW(NULL, TRUE, FALSE, name), NULL, ERROR_NOT_SUPPORTED);
    SetLastError(ERROR_ALREADY_EXISTS);
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, NULL, FALSE};
    HANDLE wide = CreateEventW(&attributes, TRUE, TRUE, NULL);
    CHECK(wide != NULL && GetLastError() == NO_ERROR);
    CHECK(CloseHandle(wide));
}

static bool is_readable(int descriptor) {
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};
    return poll(&polled, 1, 0) == 1;
}

static DWORD WINAPI set(LPVOID handle) {
    CHECK(SetEvent(handle));
    return 0;
}

/* A descriptor is readable while its event is signalled, whoever sets, resets or takes it. */
static void descriptors(void) {
    CHECK_FAILS(WaypostEventDescriptor(NULL), -1, ERROR_INVALID_HANDLE);
    HANDLE automatic = event(FALSE, TRUE);
    int descriptor = WaypostEventDescriptor(automatic);
    CHECK(descriptor >= 0 && WaypostEventDescriptor(automatic) == descriptor);
    for (int turn = 0; turn < 3; turn++) {
        CHECK(is_readable(descriptor));
        CHECK(WaitForSingleObject(automatic, 0) == WAIT_OBJECT_0 && !is_readable(descriptor));
        CHECK(SetEvent(automatic) && SetEvent(automatic) && is_readable(descriptor));
    }
    CHECK(ResetEvent(automatic) && !is_readable(descriptor));
    HANDLE setter = thread(set, automatic);
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};
    CHECK(poll(&polled, 1, (int)LONG_MILLISECONDS) == 1);
    CHECK(WaitForSingleObject(automatic, 0) == WAIT_OBJECT_0 && !is_readable(descriptor));
    CHECK_WAIT(setter);
    HANDLE manual = event(TRUE, FALSE);
    int second = WaypostEventDescriptor(manual);
    CHECK(second >= 0 && second != descriptor && !is_readable(second));
    CHECK(SetEvent(manual) && WaitForSingleObject(manual, 0) == WAIT_OBJECT_0 && is_readable(second));
    CHECK(CloseHandle(automatic) && CloseHandle(manual) && CloseHandle(setter));
    CHECK(fcntl(descriptor, F_GETFD) == -1 && fcntl(second, F_GETFD) == -1);
}

static void semaphores(void) {
    CHECK_FAILS(CreateSemaphore(NULL, 0, 0, NULL), NULL, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateSemaphore(NULL, -1, 1, NULL), NULL, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateSemaphoreA(NULL, 2, 1, NULL), NULL, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateSemaphoreW(NULL, 0, 1, name), NULL, ERROR_NOT_SUPPORTED);
    HANDLE semaphore = CreateSemaphore(NULL, 1, 3, NULL);
    CHECK(semaphore != NULL);
    CHECK(WaitForSingleObject(semaphore, 0) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(semaphore, 0) == WAIT_TIMEOUT);
    LONG before = 7;
    CHECK(ReleaseSemaphore(semaphore, 2, &before) && before == 0);
    CHECK_FAILS(ReleaseSemaphore(semaphore, 2, &before), FALSE, ERROR_TOO_MANY_POSTS);
    CHECK_FAILS(ReleaseSemaphore(semaphore, 0x7FFFFFFF, &before), FALSE, ERROR_TOO_MANY_POSTS);
    CHECK_FAILS(ReleaseSemaphore(semaphore, 0, NULL), FALSE, ERROR_INVALID_PARAMETER);
    CHECK(before == 0);
    CHECK(ReleaseSemaphore(semaphore, 1, &before) && before == 2);
    for (int unit = 0; unit < 3; unit++) {
        CHECK(WaitForSingleObject(semaphore, 0) == WAIT_OBJECT_0);
    }
    CHECK(WaitForSingleObject(semaphore, 0) == WAIT_TIMEOUT);
    CHECK(CloseHandle(semaphore));
}

static DWORD WINAPI take_and_end(LPVOID mutex) {
    CHECK(WaitForSingleObject(mutex, INFINITE) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(mutex, INFINITE) == WAIT_OBJECT_0);
    return 0;
}

static DWORD WINAPI cannot_take(LPVOID mutex) {
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_TIMEOUT);
    CHECK_FAILS(ReleaseMutex(mutex), FALSE, ERROR_NOT_OWNER);
    return 0;
}

static void run(LPTHREAD_START_ROUTINE function, HANDLE mutex) {
    HANDLE handle = thread(function, mutex);
    CHECK_WAIT(handle);
    CHECK(CloseHandle(handle));
}

static void mutexes(void) {
    CHECK_FAILS(CreateMutexW(NULL, FALSE, name), NULL, ERROR_NOT_SUPPORTED);
    HANDLE mutex = CreateMutex(NULL, TRUE, NULL);
    CHECK(mutex != NULL);
    /* Recursive, and of its thread. */
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_OBJECT_0);
    run(cannot_take, mutex);
    CHECK(ReleaseMutex(mutex));
    run(cannot_take, mutex);
    CHECK(ReleaseMutex(mutex));
    CHECK_FAILS(ReleaseMutex(mutex), FALSE, ERROR_NOT_OWNER);
    /* Its thread ends with it: the next one is told, once. */
    run(take_and_end, mutex);
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_ABANDONED_0);
    CHECK(ReleaseMutex(mutex));
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_OBJECT_0);
    CHECK(ReleaseMutex(mutex));
    run(take_and_end, mutex);
    HANDLE other = event(TRUE, FALSE);
    HANDLE both[] = {other, mutex};
    CHECK(WaitForMultipleObjects(2, both, FALSE, 0) == WAIT_ABANDONED_0 + 1);
    /* Closed while it is held, and while another is held that is closed before it. */
    HANDLE second = CreateMutex(NULL, TRUE, NULL);
    CHECK(CloseHandle(mutex) && CloseHandle(second) && CloseHandle(other));
    CHECK_FAILS(ReleaseMutex(mutex), FALSE, ERROR_INVALID_HANDLE);
}

/* A host's own descriptor behind a handle: signals add up until the host takes them. */
static void host_events(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK);
    CHECK(descriptor >= 0);
    HANDLE handle = WAYPOST_HOST_EVENT(descriptor);
    uint64_t count = 0;
    CHECK(ResetEvent(handle));
    CHECK(SetEvent(handle) && SetEvent(handle));
    CHECK(read(descriptor, &count, sizeof(count)) == (ssize_t)sizeof(count) && count == 2);
    CHECK(SetEvent(handle) && ResetEvent(handle));
    CHECK(read(descriptor, &count, sizeof(count)) < 0 && errno == EAGAIN);
    /* Full, it is signalled all the same. */
    count = UINT64_MAX - 1;
    CHECK(write(descriptor, &count, sizeof(count)) == (ssize_t)sizeof(count));
    CHECK(SetEvent(handle));
    CHECK_FAILS(CloseHandle(handle), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(WaitForSingleObject(handle, 0), WAIT_FAILED, ERROR_INVALID_HANDLE);
    CHECK(close(descriptor) == 0);
    CHECK_FAILS(SetEvent(handle), FALSE, ERROR_INVALID_HANDLE);
    CHECK_FAILS(ResetEvent(handle), FALSE, ERROR_INVALID_HANDLE);
}

int main(void) {
    events();
    host_events();
    descriptors();
    semaphores();
    mutexes();
    CHECK(usage(0).Handles == 0);
    return 0;
}
