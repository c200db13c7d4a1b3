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
    COUNT_WAITS,
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
struct object;

struct thread {
    DWORD id;                 /* 0: not asked for yet */
    struct module *module;    /* NULL: not asked for yet */
    struct waitable *mutexes; /* that it holds, under waypost_lock */
    struct object *callback;  /* the timer or registered wait whose callback it runs */
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
    KIND_WAIT = 128,
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

/* One wait: of a thread that sleeps until it is satisfied, or with a callback for that. */
struct waiter {
    pthread_cond_t satisfied;
    void (*callback)(struct waiter *); /* with waypost_lock held; NULL: the condition is signalled */
    struct thread *thread;             /* that mutexes are taken for */
    bool all, done;
    DWORD result, count;
    struct place *places;
};

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
/* Satisfies the wait if it can be: it is done then. */
bool waypost_satisfy(struct waiter *waiter);
/* Has a wait that was not satisfied watch its objects until it is done, or until it stops. */
void waypost_watch(struct waiter *waiter);
void waypost_stop_watching(struct waiter *waiter);

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
    /* With waypost_lock held, which `run` lets go while the module's code runs. One of both ends the item. */
    void (*run)(struct work *);
    void (*drop)(struct work *);
};

/* Told when a thread, a work item or a callback of any module has ended. */
extern pthread_cond_t waypost_something_ended;

/* With waypost_lock held. */
bool waypost_queue(struct work *work);
void waypost_drop_work(const struct module *module);

/* ---- Alarms (alarms.c), timers (timers.c), registered waits (registered.c), with waypost_lock held ---------------- */

/* Something that happens at a time, on the thread that keeps the timers. */
struct alarm {
    nanoseconds due;
    size_t position; /* among those that are set, or ALARM_OFF */
    void (*ring)(struct alarm *, nanoseconds now);
};

#define ALARM_OFF SIZE_MAX

/* Makes room for an alarm, and a thread to ring it; after that setting it cannot fail. */
bool waypost_alarm_reserve(void);
void waypost_alarm_free(void);
/* FOREVER is never. */
void waypost_alarm_set(struct alarm *alarm, nanoseconds due);
void waypost_alarm_stop(struct alarm *alarm);

/*
 * What timers and registered waits have in common: a callback that never runs twice at a time, and does not begin once its
 * object is deleted; and who waits for the end of the one that runs.
 */
struct callback {
    struct object *object; /* the timer or registered wait */
    WAITORTIMERCALLBACK function;
    PVOID parameter;
    bool in_flight; /* waits or runs */
    bool running, deleted, timed_out;
    struct waitable *completion;
    struct work work;
    /* Told before and after the function runs, and when all is over; each may be NULL. */
    void (*begins)(struct callback *);
    void (*ended)(struct callback *);
    void (*over)(struct callback *);
};

void waypost_callback_init(struct callback *callback, struct object *object, WAITORTIMERCALLBACK function, PVOID parameter);
/* Hands the callback to the pool, or runs it in place; not if it is in flight. */
void waypost_callback_queue(struct callback *callback);
void waypost_callback_run_here(struct callback *callback);
/* The event of a CompletionEvent with a reference, or NULL; false if it is no event. */
bool waypost_find_completion(HANDLE handle, struct waitable **completion);
/* Sets the event and gives its reference back. */
void waypost_complete(struct waitable **completion);
/* What deleting answers: NO_ERROR, or ERROR_IO_PENDING. Waits when it is asked to. */
DWORD waypost_callback_delete(struct callback *callback, HANDLE completion_handle, struct waitable *completion);

void waypost_drop_timers(const struct module *module);
void waypost_drop_waits(const struct module *module);

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
