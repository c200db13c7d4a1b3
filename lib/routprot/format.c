/*
 * Formats as Windows reads them (Microsoft Learn, "Format specification syntax: printf and wprintf functions"; wsprintf), into
 * UTF-8: `l` is 32 bits wide, `I64`, `ll` and `j` are 64, `I`, `z`, `t` and `p` are as wide as a pointer; `S`, `ls` and `ws`
 * are strings of WCHAR, `hs` and `s` of CHAR.
 *
 * After a conversion that is not known nothing can be said of the arguments behind it. So the rest of the format is written as
 * it stands, and no argument is read any more. `n`, which writes, and `Z`, which is for kernels, are not known.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE
#include "private.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The longest a double gets: 309 digits, a point and the digits behind it. */
#define MOST_PRECISION 100
#define NUMBER_SIZE 512
/* Of a format of WCHAR, in UTF-8: as long as a text may become. */
#define MOST_FORMAT 4096

/* va_list is an array on some machines, which cannot be passed on by address but in a structure. */
struct arguments {
    va_list list;
};

struct output {
    char *text;
    size_t size, length;
    bool full;
};

/* What stands between % and the letter of the conversion. */
struct conversion {
    bool left, plus, space, alternative, zero;
    size_t width;
    int precision; /* -1: none */
    enum { PLAIN, BYTE_WIDE, SHORT_WIDE, LONG_WIDE, QUAD_WIDE, POINTER_WIDE, LONG_DOUBLE } size;
};

/* ---- Output ------------------------------------------------------------------------------------------------------ */

/* A whole character or nothing: when one does not fit, what follows is left out as well. */
static void put(struct output *output, const char *text, size_t length) {
    if (output->full || length > output->size - 1 - output->length) {
        output->full = true;
        return;
    }
    memcpy(output->text + output->length, text, length);
    output->length += length;
}

static void put_octets(struct output *output, const char *text, size_t length) {
    for (size_t index = 0; index < length && !output->full; index++) {
        put(output, text + index, 1);
    }
}

static void put_many(struct output *output, char octet, size_t count) {
    while (count-- > 0 && !output->full) {
        put(output, &octet, 1);
    }
}

static void put_code_point(struct output *output, uint32_t code) {
    char octets[4];
    if (code < 0x80) {
        octets[0] = (char)code;
        put(output, octets, 1);
    } else if (code < 0x800) {
        octets[0] = (char)(0xC0 | code >> 6);
        octets[1] = (char)(0x80 | (code & 0x3F));
        put(output, octets, 2);
    } else if (code < 0x10000) {
        octets[0] = (char)(0xE0 | code >> 12);
        octets[1] = (char)(0x80 | (code >> 6 & 0x3F));
        octets[2] = (char)(0x80 | (code & 0x3F));
        put(output, octets, 3);
    } else {
        octets[0] = (char)(0xF0 | code >> 18);
        octets[1] = (char)(0x80 | (code >> 12 & 0x3F));
        octets[2] = (char)(0x80 | (code >> 6 & 0x3F));
        octets[3] = (char)(0x80 | (code & 0x3F));
        put(output, octets, 4);
    }
}

/* Writes so many units; half a surrogate pair becomes U+FFFD. */
static void put_wide(struct output *output, const WCHAR *wide, size_t units) {
    for (size_t index = 0; index < units && !output->full; index++) {
        uint32_t code = wide[index];
        bool high = code >= 0xD800 && code < 0xDC00;
        if (high && index + 1 < units && wide[index + 1] >= 0xDC00 && wide[index + 1] < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (wide[++index] - 0xDC00u);
        } else if (code >= 0xD800 && code < 0xE000) {
            code = 0xFFFD;
        }
        put_code_point(output, code);
    }
}

static void pad(struct output *output, const struct conversion *conversion, size_t length, bool before) {
    if (before != conversion->left && length < conversion->width) {
        put_many(output, ' ', conversion->width - length);
    }
}

/* ---- Conversions ------------------------------------------------------------------------------------------------- */

static uint64_t next_unsigned(struct arguments *arguments, const struct conversion *conversion) {
    switch (conversion->size) {
    case BYTE_WIDE:
        return (uint8_t)va_arg(arguments->list, uint32_t);
    case SHORT_WIDE:
        return (uint16_t)va_arg(arguments->list, uint32_t);
    case QUAD_WIDE:
        return va_arg(arguments->list, uint64_t);
    case POINTER_WIDE:
        return va_arg(arguments->list, uintptr_t);
    default:
        return va_arg(arguments->list, uint32_t);
    }
}

static int64_t next_signed(struct arguments *arguments, const struct conversion *conversion) {
    uint64_t value = next_unsigned(arguments, conversion);
    switch (conversion->size) {
    case BYTE_WIDE:
        return (int8_t)value;
    case SHORT_WIDE:
        return (int16_t)value;
    case QUAD_WIDE:
        return (int64_t)value;
    case POINTER_WIDE:
        return (intptr_t)value;
    default:
        return (int32_t)value;
    }
}

static void put_number(struct output *output, const struct conversion *conversion, const char *prefix, uint64_t value,
                       unsigned base, bool capital) {
    char digits[24];
    size_t count = 0;
    for (uint64_t rest = value; rest != 0; rest /= base) {
        digits[sizeof digits - ++count] = (capital ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base];
    }
    size_t least = conversion->precision < 0 ? 1 : (size_t)conversion->precision;
    if (base == 8 && conversion->alternative && least <= count) {
        least = count + 1;
    }
    size_t zeroes = count < least ? least - count : 0;
    size_t length = strlen(prefix) + zeroes + count;
    if (conversion->zero && !conversion->left && conversion->precision < 0 && length < conversion->width) {
        zeroes += conversion->width - length;
        length = conversion->width;
    }
    pad(output, conversion, length, true);
    put_octets(output, prefix, strlen(prefix));
    put_many(output, '0', zeroes);
    put_octets(output, digits + sizeof digits - count, count);
    pad(output, conversion, length, false);
}

static void put_signed(struct output *output, const struct conversion *conversion, int64_t value) {
    const char *sign = value < 0 ? "-" : conversion->plus ? "+" : conversion->space ? " " : "";
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    put_number(output, conversion, sign, magnitude, 10, false);
}

/* As many digits as an address has, capital, without a mark that it is one. */
static void put_pointer(struct output *output, const struct conversion *conversion, const void *pointer) {
    struct conversion digits = *conversion;
    digits.precision = 2 * (int)sizeof pointer;
    put_number(output, &digits, "", (uintptr_t)pointer, 16, true);
}

static void put_string(struct output *output, const struct conversion *conversion, const char *string) {
    string = string == NULL ? "(null)" : string;
    size_t length = conversion->precision < 0 ? strlen(string) : strnlen(string, (size_t)conversion->precision);
    pad(output, conversion, length, true);
    put_octets(output, string, length);
    pad(output, conversion, length, false);
}

static void put_wide_string(struct output *output, const struct conversion *conversion, const WCHAR *string) {
    if (string == NULL) {
        put_string(output, conversion, NULL);
        return;
    }
    size_t units = 0;
    while ((conversion->precision < 0 || units < (size_t)conversion->precision) && string[units] != 0) {
        units++;
    }
    pad(output, conversion, units, true);
    put_wide(output, string, units);
    pad(output, conversion, units, false);
}

static void put_double(struct output *output, const struct conversion *conversion, struct arguments *arguments, char letter) {
    int precision = conversion->precision > MOST_PRECISION ? MOST_PRECISION : conversion->precision;
    char format[sizeof "%+ #.*Lf"] = "%";
    size_t length = 1;
    const struct {
        bool given;
        char flag;
    } flags[] = {{conversion->plus, '+'}, {conversion->space, ' '}, {conversion->alternative, '#'}};
    for (size_t index = 0; index < sizeof flags / sizeof *flags; index++) {
        if (flags[index].given) {
            format[length++] = flags[index].flag;
        }
    }
    memcpy(format + length, ".*", 2);
    length += 2;
    bool is_long = conversion->size == LONG_DOUBLE;
    if (is_long) {
        format[length++] = 'L';
    }
    format[length++] = letter;
    format[length] = '\0';
    char number[NUMBER_SIZE];
    /* A long double may need thousands of digits; what does not fit is cut off. */
    int written = is_long ? snprintf(number, sizeof number, format, precision, va_arg(arguments->list, long double))
                          : snprintf(number, sizeof number, format, precision, va_arg(arguments->list, double));
    size_t digits = written < 0 ? 0 : (size_t)written < sizeof number ? (size_t)written : sizeof number - 1;
    bool is_number = digits > 0 && memchr(number, 'n', digits) == NULL && memchr(number, 'N', digits) == NULL;
    size_t sign = digits > 0 && strchr("+- ", number[0]) != NULL ? 1 : 0;
    if (conversion->zero && !conversion->left && is_number && digits < conversion->width && letter != 'a' && letter != 'A') {
        put_octets(output, number, sign);
        put_many(output, '0', conversion->width - digits);
        put_octets(output, number + sign, digits - sign);
        return;
    }
    pad(output, conversion, digits, true);
    put_octets(output, number, digits);
    pad(output, conversion, digits, false);
}

static void put_character(struct output *output, const struct conversion *conversion, uint32_t character, bool wide) {
    pad(output, conversion, 1, true);
    if (wide) {
        WCHAR unit = (WCHAR)character;
        put_wide(output, &unit, 1);
    } else {
        char octet = (char)character;
        put(output, &octet, 1);
    }
    pad(output, conversion, 1, false);
}

/* ---- Reading a format -------------------------------------------------------------------------------------------- */

static LPCSTR read_flags(LPCSTR at, struct conversion *conversion) {
    for (;; at++) {
        switch (*at) {
        case '-':
            conversion->left = true;
            break;
        case '+':
            conversion->plus = true;
            break;
        case ' ':
            conversion->space = true;
            break;
        case '#':
            conversion->alternative = true;
            break;
        case '0':
            conversion->zero = true;
            break;
        default:
            return at;
        }
    }
}

/* Digits or *; beyond what can be written a number stays where it is. */
static LPCSTR read_number(LPCSTR at, struct arguments *arguments, int *number) {
    *number = 0;
    if (*at == '*') {
        *number = va_arg(arguments->list, int);
        return at + 1;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        *number = *number > INT_MAX / 10 - 10 ? *number : *number * 10 + (*at - '0');
    }
    return at;
}

static LPCSTR read_size(LPCSTR at, struct conversion *conversion) {
    static const struct {
        char text[4];
        int size;
    } sizes[] = {
        {"I64", QUAD_WIDE}, {"I32", LONG_WIDE}, {"I", POINTER_WIDE}, {"hh", BYTE_WIDE},
        {"h", SHORT_WIDE},  {"ll", QUAD_WIDE},  {"l", LONG_WIDE},    {"w", LONG_WIDE},
        {"j", QUAD_WIDE},   {"z", POINTER_WIDE}, {"t", POINTER_WIDE}, {"L", LONG_DOUBLE},
    };
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        size_t length = strlen(sizes[index].text);
        if (strncmp(at, sizes[index].text, length) == 0) {
            conversion->size = sizes[index].size;
            return at + length;
        }
    }
    return at;
}

/* Writes one conversion; false if its letter is not known, or not with that size. */
static bool convert(struct output *output, const struct conversion *conversion, struct arguments *arguments, char letter,
                    bool wide_format) {
    bool is_text = letter == 's' || letter == 'S' || letter == 'c' || letter == 'C';
    if (is_text && conversion->size != PLAIN && conversion->size != SHORT_WIDE && conversion->size != LONG_WIDE) {
        return false;
    }
    /* The small letter is as wide as the format and the capital one is not, unless the size says it. */
    bool capital = letter == 'S' || letter == 'C';
    bool wide = conversion->size == LONG_WIDE || (conversion->size == PLAIN && capital != wide_format);
    switch (letter) {
    case 'd':
    case 'i':
        put_signed(output, conversion, next_signed(arguments, conversion));
        return true;
    case 'u':
        put_number(output, conversion, "", next_unsigned(arguments, conversion), 10, false);
        return true;
    case 'o':
        put_number(output, conversion, "", next_unsigned(arguments, conversion), 8, false);
        return true;
    case 'x':
    case 'X': {
        uint64_t value = next_unsigned(arguments, conversion);
        const char *prefix = !conversion->alternative || value == 0 ? "" : letter == 'x' ? "0x" : "0X";
        put_number(output, conversion, prefix, value, 16, letter == 'X');
        return true;
    }
    case 'p':
        put_pointer(output, conversion, va_arg(arguments->list, void *));
        return true;
    case 'c':
    case 'C':
        put_character(output, conversion, va_arg(arguments->list, uint32_t), wide);
        return true;
    case 's':
    case 'S':
        if (wide) {
            put_wide_string(output, conversion, va_arg(arguments->list, const WCHAR *));
        } else {
            put_string(output, conversion, va_arg(arguments->list, const char *));
        }
        return true;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A':
        put_double(output, conversion, arguments, letter);
        return true;
    default:
        return false;
    }
}

static size_t format_into(char *text, size_t size, LPCSTR format, bool wide_format, va_list list) {
    struct output output = {.text = text, .size = size};
    struct arguments arguments;
    va_copy(arguments.list, list);
    LPCSTR at = format;
    while (*at != '\0' && !output.full) {
        if (*at != '%') {
            put(&output, at++, 1);
            continue;
        }
        if (at[1] == '%') {
            put(&output, at, 1);
            at += 2;
            continue;
        }
        struct conversion conversion = {.precision = -1};
        int number;
        LPCSTR letter = read_number(read_flags(at + 1, &conversion), &arguments, &number);
        /* A negative width is a flag and a width. */
        conversion.left |= number < 0;
        conversion.width = number < 0 ? 0 - (size_t)number : (size_t)number;
        if (*letter == '.') {
            letter = read_number(letter + 1, &arguments, &number);
            conversion.precision = number < 0 ? -1 : number;
        }
        letter = read_size(letter, &conversion);
        if (!convert(&output, &conversion, &arguments, *letter, wide_format)) {
            put_octets(&output, at, strlen(at));
            break;
        }
        at = letter + 1;
    }
    va_end(arguments.list);
    text[output.length] = '\0';
    return output.length;
}

size_t waypost_format(char *text, size_t size, LPCSTR format, va_list arguments) {
    return format_into(text, size, format, false, arguments);
}

size_t waypost_format_wide(char *text, size_t size, const WCHAR *format, va_list arguments) {
    char narrow[MOST_FORMAT];
    waypost_narrow(narrow, sizeof narrow, format);
    return format_into(text, size, narrow, true, arguments);
}

size_t waypost_narrow(char *text, size_t size, const WCHAR *wide) {
    struct output output = {.text = text, .size = size};
    size_t units = 0;
    while (wide[units] != 0) {
        units++;
    }
    put_wide(&output, wide, units);
    text[output.length] = '\0';
    return output.length;
}
