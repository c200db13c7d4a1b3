#include <unistd.h>
#include <waypost/windows.h>
BOOL WINAPI SetEvent(HANDLE hEvent)
{
    uintptr_t value = (uintptr_t)hEvent;
    uint64_t one = 1;
    return value >> 32 == 0x57504556u && write((int)(uint32_t)value, &one, sizeof(one)) == sizeof(one);
}
