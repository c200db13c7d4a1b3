/* Who traces, where lines go, and what they look like there. */
#define _GNU_SOURCE
#include "check.h"

#include <string.h>
#include <unistd.h>

#include <waypost/rtutils.h>

#define MOST_CLIENTS 256

static char heard[65536 * 8];
static DWORD id;
static volatile LONG lines;

/* Keeps all lines, each between bars. */
static void CALLBACK hear(PVOID context, DWORD module, LPCSTR name, LPCSTR line) {
    CHECK(context == heard && module == 3);
    CHECK(strlen(heard) + strlen(name) + strlen(line) + 4 < sizeof heard);
    strcat(strcat(strcat(strcat(heard, name), "|"), line), "|");
    InterlockedIncrement(&lines);
    /* From here on it would be heard again and again. */
    TracePuts(id, "from within");
}

static void check_heard(const char *wanted) {
    if (strcmp(heard, wanted) != 0) {
        fprintf(stderr, "wanted: %s\n heard: %s\n", wanted, heard);
    }
    CHECK(strcmp(heard, wanted) == 0);
    heard[0] = '\0';
    lines = 0;
}

static void clients(void) {
    DWORD ids[MOST_CLIENTS];
    CHECK_FAILS(TraceRegisterExA(NULL, 0), INVALID_TRACEID, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TraceRegisterExW(NULL, 0), INVALID_TRACEID, ERROR_INVALID_PARAMETER);
    for (int index = 0; index < MOST_CLIENTS; index++) {
        ids[index] = TraceRegisterEx("MANY", TRACE_USE_FILE | TRACE_USE_CONSOLE);
        CHECK(ids[index] != INVALID_TRACEID);
    }
    CHECK(usage(3).TraceIds == MOST_CLIENTS);
    CHECK_FAILS(TraceRegister("MANY"), INVALID_TRACEID, ERROR_NO_SYSTEM_RESOURCES);
    for (int index = 0; index < MOST_CLIENTS; index++) {
        DWORD ended = index % 2 == 0 ? TraceDeregisterA(ids[index]) : TraceDeregisterExW(ids[index], 0);
        CHECK(ended == NO_ERROR && TraceDeregisterExA(ids[index], 0) == ERROR_INVALID_HANDLE);
    }
    CHECK(usage(3).TraceIds == 0);
    DWORD next = TraceRegister("NEXT");
    CHECK(next != ids[0]);
    CHECK_FAILS(TracePrintf(ids[0], "stale"), 0, ERROR_INVALID_HANDLE);
    CHECK_FAILS(TracePuts(INVALID_TRACEID, "none"), 0, ERROR_INVALID_HANDLE);
    CHECK_FAILS(TracePuts(0, "none"), 0, ERROR_INVALID_HANDLE);
    CHECK_FAILS(TracePuts(next, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TracePrintf(next, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK(TraceDeregisterW(next) == NO_ERROR);
    check_heard("");
}

static void names(void) {
    static const WCHAR wide[] = {'W', 0xE4, 0};
    char long_name[200];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    DWORD wide_id = TraceRegisterW(wide), long_id = TraceRegister(long_name), odd_id = TraceRegister("odd\nname");
    CHECK(TracePuts(wide_id, "a") && TracePuts(long_id, "b") && TracePuts(odd_id, "c"));
    long_name[63] = '\0';
    char wanted[300];
    snprintf(wanted, sizeof wanted, "W\xC3\xA4|a|%s|b|odd|c|", long_name);
    check_heard(wanted);
    CHECK(TraceDeregister(wide_id) == 0 && TraceDeregister(long_id) == 0 && TraceDeregister(odd_id) == 0);
}

static DWORD with_list(LPCSTR format, ...) {
    va_list list;
    va_start(list, format);
    DWORD written = TraceVprintf(id, format, list);
    va_end(list);
    return written;
}

static void lines_and_characters(void) {
    static const WCHAR wide[] = {'w', 'i', 'd', 'e', '\n', 0};
    CHECK(TracePrintf(id, "one\n") == 4);
    CHECK(TracePrintfEx(id, TRACE_NO_STDINFO | TRACE_USE_MASK | 0x00010000, "two\r\nthree\n\nfour\r\n") > 0);
    CHECK(TracePutsW(id, wide) == 5);
    CHECK(TracePuts(id, "100%s") == 5);
    CHECK(with_list("%s %d", "list", 5) == 6);
    check_heard("T|one|T|two|T|three|T||T|four|T|wide|T|100%s|T|list 5|");
    /* Nothing that a terminal obeys, nothing that is not UTF-8: overlong, surrogates, too great, cut off. */
    TracePuts(id, "a\x1B[2Jb\tc\x7F\rd");
    TracePuts(id, "\xC0\xAF|\xED\xA0\x80|\xF4\x90\x80\x80|\xC2\x9B|\xE2\x82");
    TracePuts(id, "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
#define NOT "\xEF\xBF\xBD"
    check_heard("T|a" NOT "[2Jb\tc" NOT NOT "d|"
                "T|" NOT NOT "|" NOT NOT NOT "|" NOT NOT NOT NOT "|" NOT NOT "|" NOT NOT "|"
                "T|\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80|");
}

static void dumps(void) {
    BYTE octets[18];
    for (BYTE index = 0; index < sizeof octets; index++) {
        octets[index] = index;
    }
    CHECK(TraceDump(id, octets, 18, 1, FALSE, "d: ") > 0);
    check_heard("T|d: 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F|T|d: 10 11|");
    CHECK(TraceDump(id, octets, 9, 2, FALSE, NULL) == 24);
    check_heard("T|0100 0302 0504 0706 0008|");
    CHECK(TraceDumpEx(id, TRACE_NO_STDINFO, octets, 6, 4, FALSE, "") == 17);
    check_heard("T|03020100 00000504|");
    char wanted[100];
    snprintf(wanted, sizeof wanted, "T|%p: 00|", (void *)octets);
    CHECK(TraceDump(id, octets, 1, 1, TRUE, NULL) > 0);
    check_heard(wanted);
    CHECK(TraceDump(id, NULL, 0, 1, FALSE, "") == 0);
    CHECK_FAILS(TraceDump(id, octets, 18, 3, FALSE, ""), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TraceDump(id, octets, 18, 0, FALSE, ""), 0, ERROR_INVALID_PARAMETER);
    CHECK_FAILS(TraceDump(id, NULL, 1, 1, FALSE, ""), 0, ERROR_INVALID_PARAMETER);
    check_heard("");
    /* No more than 64 KiB of it. */
    BYTE *large = calloc(1, 100000);
    CHECK(large != NULL && TraceDump(id, large, 100000, 4, FALSE, "") > 0);
    CHECK(lines == 65536 / 16 + 1 && strstr(heard, "T|34464 octets more|") != NULL);
    free(large);
    heard[0] = '\0';
    lines = 0;
}

static DWORD WINAPI write_lines(LPVOID number) {
    WaypostSetModule(3);
    for (int line = 0; line < 200; line++) {
        CHECK(TracePrintf(id, "thread %d line %d", *(int *)number, line) > 0);
    }
    return 0;
}

static void threads(void) {
    int numbers[4] = {0, 1, 2, 3};
    HANDLE handles[4];
    for (int index = 0; index < 4; index++) {
        handles[index] = thread(write_lines, &numbers[index]);
    }
    CHECK(WaitForMultipleObjects(4, handles, TRUE, LONG_MILLISECONDS) == WAIT_OBJECT_0);
    CHECK(load(&lines) == 800);
    for (int index = 0; index < 4; index++) {
        CHECK(CloseHandle(handles[index]));
    }
    heard[0] = '\0';
}

/* Without a sink: standard error. */
static void standard_error(void) {
    FILE *stream = tmpfile();
    CHECK(stream != NULL);
    int file = fileno(stream), before = dup(STDERR_FILENO);
    CHECK(before >= 0 && dup2(file, STDERR_FILENO) >= 0);
    WaypostSetTraceSink(NULL, NULL);
    TracePrintfEx(id, TRACE_USE_DATE | TRACE_USE_MSEC, "with all");
    TracePrintf(id, "with time");
    TracePrintfEx(id, TRACE_NO_STDINFO, "alone");
    CHECK(dup2(before, STDERR_FILENO) >= 0);
    char text[300] = "";
    CHECK(pread(file, text, sizeof text - 1, 0) > 0);
    fclose(stream);
    close(before);
    unsigned thread_id, year, month, day, hour, minute, second, milliseconds;
    int used = 0;
    CHECK(sscanf(text, "[T:%u] %4u-%2u-%2u %2u:%2u:%2u.%3u: with all\n[T:%u] %2u:%2u:%2u: with time\nalone\n%n",
                 &thread_id, &year, &month, &day, &hour, &minute, &second, &milliseconds, &thread_id, &hour, &minute,
                 &second, &used) == 12);
    CHECK(used > 0 && text[used] == '\0' && thread_id == GetCurrentThreadId() && year >= 2024);
}

int main(void) {
    WaypostSetModule(3);
    WaypostSetTraceSink(hear, heard);
    clients();
    id = TraceRegister("T");
    names();
    lines_and_characters();
    dumps();
    threads();
    standard_error();
    CHECK(TraceDeregister(id) == NO_ERROR);
    CHECK(usage(3).TraceIds == 0 && usage(0).TraceIds == 0);
    return 0;
}
