/* The event log, and the functions of WCHAR that traces have. */
#include "check.h"

#include <string.h>

#include <waypost/rtutils.h>

static char heard[16384];

static void CALLBACK hear(PVOID context, DWORD module, LPCSTR name, LPCSTR line) {
    CHECK(context == NULL && module == 0 && strlen(heard) + strlen(name) + strlen(line) + 3 < sizeof heard);
    strcat(strcat(strcat(strcat(heard, name), "|"), line), "|");
}

static void check_heard(const char *wanted) {
    if (strcmp(heard, wanted) != 0) {
        fprintf(stderr, "wanted: %s\n heard: %s\n", wanted, heard);
    }
    CHECK(strcmp(heard, wanted) == 0);
    heard[0] = '\0';
}

static WCHAR wide_name[] = {'W', 'I', 'D', 'E', 0};
static WCHAR wide_string[] = {0xE4, 0};

static void events(void) {
    char one[] = "one", two[] = "two";
    LPSTR strings[] = {one, two, NULL};
    LPWSTR wide_strings[] = {wide_string, NULL};
    HANDLE log = RouterLogRegisterA("LOG"), wide_log = RouterLogRegisterW(wide_name);
    CHECK(log != NULL && wide_log != NULL && log != wide_log && usage(0).TraceIds == 2);
    RouterLogError(log, 20001, 2, strings, ERROR_NOT_FOUND);
    RouterLogWarning(log, 20002, 0, NULL, NO_ERROR);
    RouterLogInformation(log, 20003, 3, strings, NO_ERROR);
    RouterLogErrorW(wide_log, 20004, 2, wide_strings, NO_ERROR);
    check_heard("LOG|error 20001: one, two (code 1168)|LOG|warning 20002|LOG|information 20003: one, two, (null)|"
                "WIDE|error 20004: \xC3\xA4, (null)|");
    BYTE data[] = {1, 2};
    RouterLogEventString(log, EVENTLOG_ERROR_TYPE, 1, 1, strings, 5, 0);
    RouterLogEventStringW(log, EVENTLOG_ERROR_TYPE, 2, 1, wide_strings, 5, 0);
    RouterLogEventData(log, EVENTLOG_ERROR_TYPE, 3, 1, strings, sizeof data, data);
    RouterLogEventDataW(log, EVENTLOG_ERROR_TYPE, 4, 1, wide_strings, 0, NULL);
    check_heard("LOG|error 1: one (code 5)|LOG|error 2: \xC3\xA4 (code 5)|"
                "LOG|error 3: one|LOG|data: 01 02|LOG|error 4: \xC3\xA4|");
    static const WCHAR format[] = {'%', 's', ' ', '%', 'S', 0};
    RouterLogEventEx(log, EVENTLOG_WARNING_TYPE, 7, 5, "%lu %s", (DWORD)9, "nine");
    RouterLogEventExW(log, EVENTLOG_WARNING_TYPE, 0, 6, format, wide_string, "narrow");
    RouterLogEventEx(log, EVENTLOG_SUCCESS, 0, 7, NULL);
    check_heard("LOG|warning 5: 9 nine (code 7)|LOG|warning 6: \xC3\xA4 narrow|LOG|information 7|");
    LogErrorA(8, 1, strings, 2);
    LogErrorW(9, 1, wide_strings, 2);
    LogEventA(EVENTLOG_INFORMATION_TYPE, 10, 1, strings);
    LogEventW(EVENTLOG_INFORMATION_TYPE, 11, 1, wide_strings);
    check_heard("log|error 8: one (code 2)|log|error 9: \xC3\xA4 (code 2)|"
                "log|information 10: one|log|information 11: \xC3\xA4|");
    RouterLogDeregisterA(log);
    RouterLogDeregisterW(wide_log);
    /* Stale and foreign handles write nothing. */
    SetLastError(NO_ERROR);
    RouterLogDeregister(log);
    CHECK(GetLastError() == ERROR_INVALID_HANDLE);
    RouterLogError(log, 1, 2, strings, 0);
    RouterLogError(&log, 1, 2, strings, 0);
    RouterLogError(INVALID_HANDLE_VALUE, 1, 2, strings, 0);
    RouterLogError(NULL, 1, 2, strings, 0);
    RouterLogDeregister(&log);
    check_heard("");
    CHECK_FAILS(RouterLogRegisterA(NULL), NULL, ERROR_INVALID_PARAMETER);
    CHECK(usage(0).TraceIds == 0);
}

/* Strings without end become a line with one. */
static void bounds(void) {
    static char endless[5000];
    memset(endless, 'a', sizeof endless - 1);
    LPSTR strings[1000];
    for (int index = 0; index < 1000; index++) {
        strings[index] = endless;
    }
    LogErrorA(1, 1000, strings, 0);
    CHECK(strlen(heard) == strlen("log|error 1: |") + 2047);
    heard[0] = '\0';
}

static void wide_traces(void) {
    DWORD id = TraceRegisterA("T");
    static const WCHAR format[] = {'%', 's', '%', 'S', '%', 'h', 's', '%', 'l', 's', '%', 'c', '%', 'd', 0xE4, 0};
    CHECK(TracePrintfW(id, format, wide_string, "n", "h", wide_string, 0xE4, 5) == 11);
    CHECK(TracePrintfExW(id, TRACE_NO_STDINFO, format, wide_string, "n", "h", wide_string, 0xE4, 5) == 11);
    BYTE octet = 7;
    CHECK(TraceDumpW(id, &octet, 1, 1, FALSE, wide_string) == 4);
    check_heard("T|\xC3\xA4nh\xC3\xA4\xC3\xA4" "5\xC3\xA4|T|\xC3\xA4nh\xC3\xA4\xC3\xA4" "5\xC3\xA4|T|\xC3\xA4" "07|");
    CHECK_FAILS(TracePrintfW(id, NULL), 0, ERROR_INVALID_PARAMETER);
    CHECK(TraceDeregisterA(id) == NO_ERROR);
    CHECK_FAILS(TracePrintfW(id, format, wide_string, "n", "h", wide_string, 0xE4, 5), 0, ERROR_INVALID_HANDLE);
    CHECK_FAILS(TraceDumpW(id, &octet, 1, 1, FALSE, NULL), 0, ERROR_INVALID_HANDLE);
}

int main(void) {
    WaypostSetTraceSink(hear, NULL);
    events();
    bounds();
    wide_traces();
    return 0;
}
