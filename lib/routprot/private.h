/*
 * What the files of libwaypost-routprot share: the lock, objects and their handles, modules and threads.
 *
 * One lock (waypost_lock) guards the handle table, all objects that can be waited for, the work queue and the timers. Wait-all
 * must take several objects in one step, which needs a common lock anyway, and one lock has no order to get wrong. A heap's
 * blocks and the trace table have locks of their own, under which nothing else is locked.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_PRIVATE_H
#define WAYPOST_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <waypost/waypost.h>

/* ---- Modules (module.c) ------------------------------------------------------------------------------------------ */

enum count {
    COUNT_HANDLES,
    COUNT_HEAPS,
    COUNT_BLOCKS,
    COUNT_BYTES,
    COUNT_DAMAGED,
    COUNT_THREADS,
    COUNT_WORK,
    COUNT_TIMER_QUEUES,
    COUNT_TIMERS,
    COUNT_TRACES,
    COUNTS
};

/* A module and what it holds. Never freed, so that it may be pointed to without a count; there are as many as numbers used. */
struct module {
    DWORD number;
    bool ending; /* under waypost_lock: nothing new may start */
    struct module *next;
    _Atomic ULONGLONG counts[COUNTS];
};

/* Module 0, which is there from the start. */
struct module *waypost_host(void);
void waypost_count(struct module *module, enum count what, long long change);

/* ---- The calling thread (threads.c) ------------------------------------------------------------------------------ */

struct waitable;
struct timer;

struct thread {
    DWORD id;                 /* 0: not asked for yet */
    struct module *module;    /* NULL: not asked for yet */
    struct waitable *mutexes; /* that it holds, under waypost_lock */
    struct timer *timer;      /* whose callback it runs */
};

struct thread *waypost_thread(void);
/* What a thread that is born for a module starts with. */
void waypost_thread_works_for(struct module *module);
/* Has waypost_abandon run when the calling thread ends. */
void waypost_thread_holds_a_mutex(void);
/* Starts a thread of the library's own, which takes no signals: those are the program's. */
bool waypost_start(void *(*run)(void *), void *argument, size_t stack_size);

/* ---- Objects and handles (handles.c) ----------------------------------------------------------------------------- */

/* Bits, so that several kinds can be asked for at once. */
enum kind {
    KIND_EVENT = 1,
    KIND_MUTEX = 2,
    KIND_SEMAPHORE = 4,
    KIND_THREAD = 8,
    KIND_WAITABLE = KIND_EVENT | KIND_MUTEX | KIND_SEMAPHORE | KIND_THREAD,
    KIND_HEAP = 16,
    KIND_TIMER_QUEUE = 32,
    KIND_TIMER = 64,
};

/* What handles name. It lives until its handle is closed and nobody is in the middle of using it. */
struct object {
    enum kind kind;
    unsigned references; /* under waypost_lock */
    struct module *module;
    void (*destroy)(struct object *); /* with waypost_lock held */
};

extern pthread_mutex_t waypost_lock;
void waypost_acquire(void);
void waypost_release(void);

/* All of these with waypost_lock held. */
void waypost_object_init(struct object *object, enum kind kind, void (*destroy)(struct object *));
void waypost_reference(struct object *object);
void waypost_dereference(struct object *object);
/* A handle that owns the caller's reference; NULL when there is no room for one. */
HANDLE waypost_open(struct object *object);
/* The object of a valid handle of one of the kinds, or NULL; no reference is taken. */
struct object *waypost_find(HANDLE handle, unsigned kinds);
/* Takes a handle out of the table; its reference is the caller's then. */
struct object *waypost_close(HANDLE handle, unsigned kinds);
/* The next handle of the module of one of the kinds, or NULL; a search begins with *slot 0. */
HANDLE waypost_next_handle(const struct module *module, unsigned kinds, uint32_t *slot);

/* ---- What can be waited for (events.c, waits.c) ------------------------------------------------------------------ */

struct waiter;

/* A waiter's place in the queue of an object. */
struct place {
    struct waiter *waiter;
    struct waitable *object;
    struct place *previous, *next;
};

struct waitable {
    struct object object;
    struct place *first, *last; /* who waits, in order of arrival */
    /* event: signalled, until reset; thread: it has ended */
    bool signalled, manual;
    /* event: a descriptor that is readable while it is signalled, if one was asked for */
    bool has_descriptor, readable;
    int descriptor;
    /* semaphore */
    LONG count, maximum;
    /* mutex */
    struct thread *holder;
    LONG depth;
    bool abandoned;
    struct waitable *next_held, *previous_held;
};

/* All with waypost_lock held. */
struct waitable *waypost_waitable_new(enum kind kind);
/* Serves whoever waits for an object that has become signalled. */
void waypost_wake(struct waitable *object);
void waypost_event_set(struct waitable *event);
/* Tells the descriptor of an event, if there is one, what the event is now. */
void waypost_event_changed(struct waitable *event);
void waypost_mutex_take(struct waitable *mutex, struct thread *thread);
void waypost_abandon(struct thread *thread);

/* ---- Time (clock.c) ---------------------------------------------------------------------------------------------- */

typedef uint64_t nanoseconds;
#define FOREVER UINT64_MAX

nanoseconds waypost_now(void);
/* When so many milliseconds from now have passed; INFINITE is FOREVER. */
nanoseconds waypost_deadline(DWORD milliseconds);
void waypost_condition_init(pthread_cond_t *condition);
/* Waits with waypost_lock held; false when the deadline has passed. */
bool waypost_wait_until(pthread_cond_t *condition, nanoseconds deadline);

/* ---- Work (work.c) ----------------------------------------------------------------------------------------------- */

struct work {
    struct work *next;
    struct module *module;
    LPTHREAD_START_ROUTINE function;
    PVOID context;
    struct timer *timer; /* the timer whose callback it is, or NULL */
};

/* Told when a thread, a work item or a callback of any module has ended. */
extern pthread_cond_t waypost_something_ended;

/* With waypost_lock held. */
bool waypost_queue(struct work *work);
void waypost_drop_work(const struct module *module);

/* ---- Timers (timers.c), with waypost_lock held ------------------------------------------------------------------- */

/* Runs the callback of a timer that has become due, unless it was deleted since. Lets the lock go meanwhile. */
void waypost_timer_fire(struct timer *timer);
/* A callback that will never run. */
void waypost_timer_dropped(struct timer *timer);
void waypost_drop_timers(const struct module *module);

/* ---- Heaps and traces -------------------------------------------------------------------------------------------- */

/* Frees the blocks of a module in the heap of the process. */
void waypost_heap_forget(const struct module *module);
void waypost_trace_forget(const struct module *module);
/* A line about a module under some name, to where trace lines go. */
void waypost_say(const struct module *module, LPCSTR name, LPCSTR format, ...);

/* ---- Text (format.c) --------------------------------------------------------------------------------------------- */

/*
 * Formats as Windows does, into UTF-8 of at most `size` octets, its end included; `size` is not 0. Returns the length. What
 * does not fit is left out; strings of CHAR are copied as they are, whatever they hold.
 */
size_t waypost_format(char *text, size_t size, LPCSTR format, va_list arguments);
/* The same with a format of WCHAR, of which at most 4095 octets of UTF-8 are read. */
size_t waypost_format_wide(char *text, size_t size, const WCHAR *format, va_list arguments);
/* A string of 16-bit units in UTF-8. */
size_t waypost_narrow(char *text, size_t size, const WCHAR *wide);

/* ---- Errors (error.c) -------------------------------------------------------------------------------------------- */

/* FALSE, with a last error. */
BOOL waypost_fail(DWORD error);

#endif
