/* The last error belongs to its thread. */
#include "check.h"

static DWORD WINAPI other(LPVOID parameter) {
    CHECK(GetLastError() == NO_ERROR);
    SetLastError(ERROR_BUSY);
    return *(DWORD *)parameter = GetLastError();
}

int main(void) {
    CHECK(GetLastError() == NO_ERROR);
    SetLastError(ERROR_NOT_FOUND);
    DWORD seen = 0;
    HANDLE handle = thread(other, &seen);
    SetLastError(ERROR_NOT_FOUND);
    CHECK_WAIT(handle);
    CHECK(seen == ERROR_BUSY);
    CHECK(GetLastError() == ERROR_NOT_FOUND);
    CHECK(CloseHandle(handle));
    return 0;
}
