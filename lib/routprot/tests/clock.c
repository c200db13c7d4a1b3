/* Clocks and sleeping. */
#include "check.h"

#include <time.h>

int main(void) {
    ULONGLONG before = GetTickCount64();
    DWORD low = GetTickCount();
    CHECK(low - (DWORD)before < LONG_MILLISECONDS);
    Sleep(0);
    Sleep(30);
    CHECK(GetTickCount64() - before >= 29 && GetTickCount64() - before < LONG_MILLISECONDS);
    /* From 1601 to 1970 are 134774 days. */
    time_t seconds = time(NULL);
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    ULONGLONG tenths = (ULONGLONG)now.dwHighDateTime << 32 | now.dwLowDateTime;
    ULONGLONG difference = tenths / 10000000 - UINT64_C(134774) * 86400 - (ULONGLONG)seconds;
    CHECK(difference <= 60);
    return 0;
}
