/*
 * The part of <windows.h> that sources written for the routing protocol interface use: types, error codes, events, heap,
 * critical sections, interlocked operations, work items, timers and waits. The comments here and in rtutils.h are the contract
 * of libwaypost-routprot (lib/routprot in the source tree), which implements them.
 *
 * Written from the public documentation. Types are fixed-width, in the sizes of 64-bit Windows (LLP64): a DWORD or LONG has
 * 32 bits although a Linux `long` has 64, and a WCHAR is a 16-bit unit although a Linux `wchar_t` has 32 bits.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_WINDOWS_H
#define WAYPOST_WINDOWS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define WAYPOST_BEGIN extern "C" {
#define WAYPOST_END }
#define WAYPOST_STATIC_CAST(type, value) static_cast<type>(value)
#define WAYPOST_POINTER_CAST(type, value) reinterpret_cast<type>(value)
#else
#define WAYPOST_BEGIN
#define WAYPOST_END
#define WAYPOST_STATIC_CAST(type, value) ((type)(value))
#define WAYPOST_POINTER_CAST(type, value) ((type)(value))
#endif

/* What the compiler must let pass although the language standard has no such thing: nameless members, arrays of no length. */
#define WAYPOST_EXTENSION __extension__
/* What a module or the library shows to others. */
#define WAYPOST_EXPORT __attribute__((visibility("default")))

#ifdef _WIN32
/* The published headers are in use (mingw.h): all of this is declared there. */
#include <windows.h>
#else

/* Calling conventions: on Linux both sides use the C convention of the machine. */
#ifndef WINAPI
#define WINAPI
#endif
#ifndef APIENTRY
#define APIENTRY WINAPI
#endif
#ifndef CALLBACK
#define CALLBACK
#endif
#ifndef NTAPI
#define NTAPI
#endif
/* Not __cdecl, which libc headers define for themselves on some systems. */
#define WAYPOST_CDECL

/* Notes on parameters that published prototypes and older sources carry. */
#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#ifndef CONST
#define CONST const
#endif
#ifndef VOID
#define VOID void
#endif

WAYPOST_BEGIN

/* ---- Types ------------------------------------------------------------------------------------------------------- */

typedef uint8_t BYTE, *PBYTE, *LPBYTE;
typedef uint8_t UCHAR, *PUCHAR;
typedef char CHAR, *PCHAR;
typedef char *LPSTR, *PSTR;
typedef const char *LPCSTR, *PCSTR;
typedef uint16_t WORD, *PWORD, *LPWORD;
typedef uint16_t USHORT, *PUSHORT;
typedef int16_t SHORT, *PSHORT;
typedef int32_t INT, *PINT;
typedef uint32_t UINT, *PUINT;
typedef int32_t LONG, *PLONG, *LPLONG;
typedef uint32_t ULONG, *PULONG;
typedef uint32_t DWORD, *PDWORD, *LPDWORD;
typedef int64_t LONGLONG, *PLONGLONG;
typedef uint64_t ULONGLONG, *PULONGLONG;
typedef uint64_t DWORD64, *PDWORD64;
typedef int64_t LONG64, *PLONG64;
typedef int32_t BOOL, *PBOOL, *LPBOOL;
typedef int32_t WINBOOL, *PWINBOOL;
typedef uint8_t BOOLEAN, *PBOOLEAN;
typedef void *PVOID, *LPVOID;
typedef const void *LPCVOID;
typedef void *HANDLE;
typedef HANDLE *PHANDLE, *LPHANDLE;
typedef intptr_t LONG_PTR;
typedef uintptr_t ULONG_PTR, *PULONG_PTR, DWORD_PTR;
typedef size_t SIZE_T, *PSIZE_T;
#ifdef __cplusplus
/* A type of its own in C++, so that u"text" is a string of WCHAR there too. */
typedef char16_t WCHAR, *PWCHAR, *LPWSTR, *PWSTR;
typedef const char16_t *LPCWSTR, *PCWSTR;
#else
typedef uint16_t WCHAR, *PWCHAR, *LPWSTR, *PWSTR;
typedef const uint16_t *LPCWSTR, *PCWSTR;
#endif

typedef struct _FILETIME {
    DWORD dwLowDateTime;
    DWORD dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;

typedef struct _SECURITY_ATTRIBUTES {
    DWORD nLength;
    LPVOID lpSecurityDescriptor;
    BOOL bInheritHandle;
} SECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

#define TRUE 1
#define FALSE 0
#ifndef NULL
#define NULL 0
#endif
#define INVALID_HANDLE_VALUE WAYPOST_POINTER_CAST(HANDLE, WAYPOST_STATIC_CAST(intptr_t, -1))
#define INFINITE 0xFFFFFFFFu
#define MAXDWORD 0xFFFFFFFFu
#define FIELD_OFFSET(type, field) WAYPOST_STATIC_CAST(LONG, offsetof(type, field))
#define CONTAINING_RECORD(address, type, field)                                                                        \
    WAYPOST_POINTER_CAST(type *, WAYPOST_POINTER_CAST(char *, address) - offsetof(type, field))
#define UNREFERENCED_PARAMETER(parameter) WAYPOST_STATIC_CAST(void, parameter)

/* ---- Error codes that the interface uses; those of the router itself are in mprerror.h --------------------------- */

#define NO_ERROR 0u
#define ERROR_SUCCESS 0u
#define ERROR_FILE_NOT_FOUND 2u
#define ERROR_ACCESS_DENIED 5u
#define ERROR_INVALID_HANDLE 6u
#define ERROR_NOT_ENOUGH_MEMORY 8u
#define ERROR_INVALID_DATA 13u
#define ERROR_OUTOFMEMORY 14u
#define ERROR_NOT_SUPPORTED 50u
#define ERROR_INVALID_PARAMETER 87u
#define ERROR_DISK_FULL 112u
#define ERROR_CALL_NOT_IMPLEMENTED 120u
#define ERROR_INSUFFICIENT_BUFFER 122u
#define ERROR_BUSY 170u
#define ERROR_ALREADY_EXISTS 183u
#define ERROR_MORE_DATA 234u
#define ERROR_NO_MORE_ITEMS 259u
#define ERROR_NOT_OWNER 288u
#define ERROR_TOO_MANY_POSTS 298u
#define ERROR_IO_PENDING 997u
#define ERROR_CAN_NOT_COMPLETE 1003u
#define ERROR_NOT_FOUND 1168u
#define ERROR_NO_SYSTEM_RESOURCES 1450u
#define ERROR_BAD_CONFIGURATION 1610u
/* raserror.h */
#define PENDING 600u

/* The last error of the calling thread. */
WAYPOST_EXPORT DWORD WINAPI GetLastError(void);
WAYPOST_EXPORT void WINAPI SetLastError(DWORD dwErrCode);

/* ---- Handles, events, waits -------------------------------------------------------------------------------------- */

#define WAIT_OBJECT_0 0u
#define WAIT_ABANDONED_0 0x80u
#define WAIT_TIMEOUT 258u
#define WAIT_FAILED 0xFFFFFFFFu
#define MAXIMUM_WAIT_OBJECTS 64

/*
 * Handles are checked by generation: one that is stale or was never given out makes a call fail with ERROR_INVALID_HANDLE.
 * Objects have no names: a name other than NULL fails with ERROR_NOT_SUPPORTED. Security attributes are ignored.
 */
WAYPOST_EXPORT BOOL WINAPI CloseHandle(HANDLE hObject);
WAYPOST_EXPORT HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bManualReset, BOOL bInitialState,
                                          LPCSTR lpName);
WAYPOST_EXPORT HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bManualReset, BOOL bInitialState,
                                          LPCWSTR lpName);
WAYPOST_EXPORT BOOL WINAPI SetEvent(HANDLE hEvent);
WAYPOST_EXPORT BOOL WINAPI ResetEvent(HANDLE hEvent);
WAYPOST_EXPORT HANDLE WINAPI CreateMutexA(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bInitialOwner, LPCSTR lpName);
WAYPOST_EXPORT HANDLE WINAPI CreateMutexW(LPSECURITY_ATTRIBUTES lpAttributes, BOOL bInitialOwner, LPCWSTR lpName);
WAYPOST_EXPORT BOOL WINAPI ReleaseMutex(HANDLE hMutex);
WAYPOST_EXPORT HANDLE WINAPI CreateSemaphoreA(LPSECURITY_ATTRIBUTES lpAttributes, LONG lInitialCount, LONG lMaximumCount,
                                              LPCSTR lpName);
WAYPOST_EXPORT HANDLE WINAPI CreateSemaphoreW(LPSECURITY_ATTRIBUTES lpAttributes, LONG lInitialCount, LONG lMaximumCount,
                                              LPCWSTR lpName);
WAYPOST_EXPORT BOOL WINAPI ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, PLONG lpPreviousCount);
WAYPOST_EXPORT DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds);
WAYPOST_EXPORT DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE *lpHandles, BOOL bWaitAll,
                                                   DWORD dwMilliseconds);

#ifdef UNICODE
#define CreateEvent CreateEventW
#define CreateMutex CreateMutexW
#define CreateSemaphore CreateSemaphoreW
#else
#define CreateEvent CreateEventA
#define CreateMutex CreateMutexA
#define CreateSemaphore CreateSemaphoreA
#endif

/* ---- Threads, work items, timers --------------------------------------------------------------------------------- */

typedef DWORD(WINAPI *LPTHREAD_START_ROUTINE)(LPVOID lpParameter);
typedef void(CALLBACK *WAITORTIMERCALLBACK)(PVOID lpParameter, BOOLEAN TimerOrWaitFired);

#define WT_EXECUTEDEFAULT 0x00000000u
#define WT_EXECUTEINIOTHREAD 0x00000001u
#define WT_EXECUTEONLYONCE 0x00000008u
#define WT_EXECUTELONGFUNCTION 0x00000010u
#define WT_EXECUTEINTIMERTHREAD 0x00000020u
#define WT_EXECUTEINPERSISTENTTHREAD 0x00000080u

/* dwCreationFlags must be 0; dwStackSize 0 means the system's default. */
WAYPOST_EXPORT HANDLE WINAPI CreateThread(LPSECURITY_ATTRIBUTES lpAttributes, SIZE_T dwStackSize,
                                          LPTHREAD_START_ROUTINE lpStartAddress, LPVOID lpParameter,
                                          DWORD dwCreationFlags, LPDWORD lpThreadId);
WAYPOST_EXPORT DWORD WINAPI GetCurrentThreadId(void);
WAYPOST_EXPORT void WINAPI Sleep(DWORD dwMilliseconds);
/* At most 64 items run at a time, and 65536 of a module may wait or run (ERROR_NO_SYSTEM_RESOURCES). Flags change nothing. */
WAYPOST_EXPORT BOOL WINAPI QueueUserWorkItem(LPTHREAD_START_ROUTINE Function, PVOID Context, ULONG Flags);

/*
 * Timers run their callback on a worker thread; with WT_EXECUTEINTIMERTHREAD on the thread that keeps the timers. It never
 * runs twice at a time: a turn that comes while the last still waits or runs is left out. Once a timer is deleted no callback
 * of it begins. A NULL queue is the default one. CompletionEvent: NULL returns at once, with ERROR_IO_PENDING if a callback is
 * still running; INVALID_HANDLE_VALUE waits for running callbacks; an event is set when none runs any more.
 */
WAYPOST_EXPORT HANDLE WINAPI CreateTimerQueue(void);
WAYPOST_EXPORT BOOL WINAPI CreateTimerQueueTimer(PHANDLE phNewTimer, HANDLE TimerQueue, WAITORTIMERCALLBACK Callback,
                                                 PVOID Parameter, DWORD DueTime, DWORD Period, ULONG Flags);
WAYPOST_EXPORT BOOL WINAPI ChangeTimerQueueTimer(HANDLE TimerQueue, HANDLE Timer, ULONG DueTime, ULONG Period);
WAYPOST_EXPORT BOOL WINAPI DeleteTimerQueueTimer(HANDLE TimerQueue, HANDLE Timer, HANDLE CompletionEvent);
WAYPOST_EXPORT BOOL WINAPI DeleteTimerQueueEx(HANDLE TimerQueue, HANDLE CompletionEvent);

/*
 * A callback each time that an object becomes signalled or that so many milliseconds have passed (TimerOrWaitFired is TRUE
 * then), once with WT_EXECUTEONLYONCE. It runs as that of a timer does; the next wait begins when it has ended. Mutexes, which
 * belong to a thread, are refused with ERROR_NOT_SUPPORTED. UnregisterWait is UnregisterWaitEx with NULL.
 */
WAYPOST_EXPORT BOOL WINAPI RegisterWaitForSingleObject(PHANDLE phNewWaitObject, HANDLE hObject, WAITORTIMERCALLBACK Callback,
                                                       PVOID Context, ULONG dwMilliseconds, ULONG dwFlags);
WAYPOST_EXPORT BOOL WINAPI UnregisterWait(HANDLE WaitHandle);
WAYPOST_EXPORT BOOL WINAPI UnregisterWaitEx(HANDLE WaitHandle, HANDLE CompletionEvent);

/* Milliseconds of a clock that never goes back. */
WAYPOST_EXPORT DWORD WINAPI GetTickCount(void);
WAYPOST_EXPORT ULONGLONG WINAPI GetTickCount64(void);
/* Tenths of microseconds since 1601, UTC. */
WAYPOST_EXPORT void WINAPI GetSystemTimeAsFileTime(LPFILETIME lpSystemTimeAsFileTime);

/* ---- Heap -------------------------------------------------------------------------------------------------------- */

#define HEAP_NO_SERIALIZE 0x00000001u
#define HEAP_GENERATE_EXCEPTIONS 0x00000004u
#define HEAP_ZERO_MEMORY 0x00000008u
#define HEAP_REALLOC_IN_PLACE_ONLY 0x00000010u

/*
 * Heaps are always serialised, and never raise: HEAP_GENERATE_EXCEPTIONS is refused with ERROR_NOT_SUPPORTED. HeapDestroy
 * frees what its heap still holds. What is freed to the wrong heap, or twice, or was never a block, is refused with
 * ERROR_INVALID_PARAMETER; a block that was written before its start or behind its end with ERROR_INVALID_DATA.
 */
WAYPOST_EXPORT HANDLE WINAPI GetProcessHeap(void);
WAYPOST_EXPORT HANDLE WINAPI HeapCreate(DWORD flOptions, SIZE_T dwInitialSize, SIZE_T dwMaximumSize);
WAYPOST_EXPORT BOOL WINAPI HeapDestroy(HANDLE hHeap);
WAYPOST_EXPORT LPVOID WINAPI HeapAlloc(HANDLE hHeap, DWORD dwFlags, SIZE_T dwBytes);
WAYPOST_EXPORT LPVOID WINAPI HeapReAlloc(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem, SIZE_T dwBytes);
WAYPOST_EXPORT BOOL WINAPI HeapFree(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem);
WAYPOST_EXPORT SIZE_T WINAPI HeapSize(HANDLE hHeap, DWORD dwFlags, LPCVOID lpMem);

/* ---- Critical sections: recursive, in the published size --------------------------------------------------------- */

typedef struct _RTL_CRITICAL_SECTION {
    PVOID DebugInfo;
    LONG LockCount;
    LONG RecursionCount;
    HANDLE OwningThread;
    HANDLE LockSemaphore;
    ULONG_PTR SpinCount;
} CRITICAL_SECTION, *PCRITICAL_SECTION, *LPCRITICAL_SECTION;

WAYPOST_EXPORT void WINAPI InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection);
WAYPOST_EXPORT BOOL WINAPI InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION lpCriticalSection, DWORD dwSpinCount);
WAYPOST_EXPORT void WINAPI EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection);
WAYPOST_EXPORT BOOL WINAPI TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection);
WAYPOST_EXPORT void WINAPI LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection);
WAYPOST_EXPORT void WINAPI DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection);

/* ---- Interlocked operations: full barriers ----------------------------------------------------------------------- */

static inline LONG InterlockedIncrement(volatile LONG *Addend) {
    return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedDecrement(volatile LONG *Addend) {
    return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedExchange(volatile LONG *Target, LONG Value) {
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedExchangeAdd(volatile LONG *Addend, LONG Value) {
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedCompareExchange(volatile LONG *Destination, LONG Exchange, LONG Comparand) {
    __atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

static inline PVOID InterlockedExchangePointer(PVOID volatile *Target, PVOID Value) {
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

static inline PVOID InterlockedCompareExchangePointer(PVOID volatile *Destination, PVOID Exchange, PVOID Comparand) {
    __atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

WAYPOST_END

#endif

#endif
