/* Formats as Windows reads them, written through TracePrintf. */
#include "check.h"

#include <string.h>

#include <waypost/rtutils.h>

static DWORD id;
static char heard[8192];
static int lines;

static void CALLBACK hear(PVOID context, DWORD module, LPCSTR name, LPCSTR line) {
    CHECK(context == &id && module == 0 && strcmp(name, "FORMAT") == 0);
    CHECK(strlen(line) < sizeof heard);
    strcpy(heard, line);
    lines++;
}

/* The text that a format and its arguments become. */
#define CHECK_TEXT(wanted, ...)                                                                                        \
    do {                                                                                                               \
        lines = 0;                                                                                                     \
        DWORD written = TracePrintfA(id, __VA_ARGS__);                                                                 \
        if (strcmp(heard, wanted) != 0 || lines != 1) {                                                                \
            fprintf(stderr, "wanted: %s\n heard: %s (%d lines)\n", wanted, heard, lines);                              \
        }                                                                                                              \
        CHECK(strcmp(heard, wanted) == 0 && written == strlen(wanted) && lines == 1);                                  \
    } while (0)

static const WCHAR wide[] = {'w', 0xE4, 0x20AC, 0xD83D, 0xDE00, 0};
static const WCHAR broken[] = {0xD83D, 'x', 0xDE00, 0};

static void integers(void) {
    CHECK_TEXT("0 -1 2147483647 -2147483648", "%d %i %d %d", 0, -1, 0x7FFFFFFF, -0x7FFFFFFF - 1);
    CHECK_TEXT("4294967295 ffffffff FFFFFFFF 37777777777", "%u %x %X %o", 0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu);
    /* A DWORD or LONG is 32 bits wide, and so is `l`. */
    CHECK_TEXT("4294967295 -1 7", "%lu %ld %d", (DWORD)0xFFFFFFFFu, (LONG)-1, 7);
    CHECK_TEXT("5 6 -1", "%lu %x %d", UINT64_C(0x100000005), UINT64_C(0x100000006), UINT64_C(0x1FFFFFFFF));
    CHECK_TEXT("1 2 3 4 5 6 7 8 9 10", "%lu %lu %lu %lu %lu %lu %lu %lu %lu %lu", (DWORD)1, (DWORD)2, (DWORD)3, (DWORD)4,
               (DWORD)5, (DWORD)6, (DWORD)7, (DWORD)8, (DWORD)9, (DWORD)10);
    CHECK_TEXT("-9223372036854775808 18446744073709551615", "%I64d %I64u", INT64_MIN, UINT64_MAX);
    CHECK_TEXT("-1 1 -2 2", "%lld %llu %jd %ju", (int64_t)-1, (uint64_t)1, (int64_t)-2, (uint64_t)2);
    CHECK_TEXT("-1 ffffffff 18446744073709551615 -3 4", "%I32d %I32x %Iu %td %zu", -1, 0xFFFFFFFFu, SIZE_MAX, (ptrdiff_t)-3,
               (size_t)4);
    CHECK_TEXT("-1 65535 -1 255", "%hd %hu %hhd %hhu", 0x1FFFF, 0x1FFFF, 0x1FF, 0x1FF);
    CHECK_TEXT("[   42] [42   ] [00042]", "[%5d] [%-5d] [%05d]", 42, 42, 42);
    CHECK_TEXT("[+42] [ 42] [  042]", "[%+d] [% d] [%5.3d]", 42, 42, 42);
    CHECK_TEXT("[-0042] [42    ] [  -42]", "[%05d] [%-06d] [%05.2d]", -42, 42, -42);
    CHECK_TEXT("0x2a 0X2A 0 052 0", "%#x %#X %#x %#o %#o", 42, 42, 0, 42, 0);
    CHECK_TEXT("[  0x00002a] [] [   ]", "[%#010.6x] [%.0d] [%3.0d]", 42, 0, 0);
    CHECK_TEXT("[  7] [7  ] [007] [7]", "[%*d] [%*d] [%.*d] [%.*d]", 3, 7, -3, 7, 3, 7, -3, 7);
}

static void text(void) {
    CHECK_TEXT("one (null) 100% x", "%s %s 100%% %c", "one", (char *)NULL, 'x');
    CHECK_TEXT("[  ab] [ab  ] [ab] [abc]", "[%4s] [%-4s] [%.2s] [%.9s]", "ab", "ab", "abc", "abc");
    /* Read no further than the precision says. */
    static const char endless[3] = {'e', 'n', 'd'};
    static const WCHAR endless_wide[3] = {'E', 'N', 'D'};
    CHECK_TEXT("end END", "%.3s %.3S", endless, endless_wide);
    CHECK_TEXT("w\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80 again", "%S %s", wide, "again");
    CHECK_TEXT("w\xC3\xA4|w\xC3\xA4|(null)", "%.2ls|%.2ws|%ls", wide, wide, (WCHAR *)NULL);
    CHECK_TEXT("narrow|narrow", "%hs|%hS", "narrow", "narrow");
    CHECK_TEXT("\xEF\xBF\xBDx\xEF\xBF\xBD", "%S", broken);
    CHECK_TEXT("\xE2\x82\xAC \xE2\x82\xAC \xE2\x82\xAC x x", "%C %lc %wc %hc %hC", 0x20AC, 0x20AC, 0x20AC, 'x', 'x');
    CHECK_TEXT("  x|x  ", "%3c|%-3C", 'x', 'x');
}

static void others(void) {
    CHECK_TEXT("0000000000001234 FFFFFFFFFFFFFFFF 0000000000000000", "%p %p %p", (void *)(uintptr_t)0x1234,
               INVALID_HANDLE_VALUE, (void *)NULL);
    CHECK_TEXT("1.500000 -2.50 1e+10 0x1.8p+0 0", "%f %.2lf %g %a %G", 1.5, -2.5, 1e10, 1.5, 0.0);
    CHECK_TEXT("[    1.50] [1.50    ] [-0001.50]", "[%8.2f] [%-8.2f] [%08.2f]", 1.5, 1.5, -1.5);
    CHECK_TEXT("[+1.50] [     inf]", "[%+.2f] [%08f]", 1.5, 1e308 * 10);
    CHECK_TEXT("2.5 3", "%.1Lf %d", (long double)2.5, 3);
    CHECK_TEXT("", "%s", "");
    CHECK_TEXT("plain", "plain");
}

/* What is not known ends the reading of arguments: the rest stands as it is. */
static void refused(void) {
    int untouched = 7;
    CHECK_TEXT("1 %n %s", "%d %n %s", 1, &untouched);
    CHECK(untouched == 7);
    CHECK_TEXT("%Z %d", "%Z %d", (void *)NULL, 1);
    CHECK_TEXT("%k", "%k");
    CHECK_TEXT("100%", "100%");
    CHECK_TEXT("%5", "%5");
    CHECK_TEXT("%I64s", "%I64s", "x");
    CHECK_TEXT("%-", "%-");
}

/* However much is asked for, there is an end. */
static void bounds(void) {
    static char endless[20000];
    memset(endless, 'a', sizeof endless - 1);
    CHECK(TracePrintfA(id, "%s%d", endless, 1) == 4095 && strlen(heard) == 4095);
    CHECK(TracePrintfA(id, "%2000000000d", 1) == 4095);
    CHECK(TracePrintfA(id, "%.999999999999d", 1) == 4095);
    CHECK(TracePrintfA(id, "%*d", INT32_MIN, 1) == 4095);
    CHECK(TracePrintfA(id, "%.2000000000f", 1e308) == 309 + 1 + 100);
    CHECK(TracePrintfA(id, "%.4000Lf", (long double)1.5) <= 511);
    CHECK(TracePrintfA(id, endless) == 4095);
    static WCHAR euros[5000];
    for (int index = 0; index < 4999; index++) {
        euros[index] = 0x20AC;
    }
    /* No part of a character at the end. */
    CHECK(TracePrintfA(id, "%S", euros) == 4095 / 3 * 3);
    CHECK(strlen(heard) == 4095);
    CHECK(TracePrintfA(id, "x%S!", euros) == 1 + 4094 / 3 * 3);
}

int main(void) {
    id = TraceRegister("FORMAT");
    CHECK(id != INVALID_TRACEID);
    WaypostSetTraceSink(hear, &id);
    integers();
    text();
    others();
    refused();
    bounds();
    WaypostSetTraceSink(NULL, NULL);
    CHECK(TraceDeregister(id) == NO_ERROR);
    return 0;
}
