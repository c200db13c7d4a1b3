/*
 * The text that the router is told.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "json.h"

#include <stdarg.h>
#include <stdio.h>

static char Text[32768];
static size_t Length;

void BeginText(void) { Length = 0; }

void Append(const char *Format, ...)
{
    va_list Values;
    va_start(Values, Format);
    int Wanted = vsnprintf(Text + Length, sizeof(Text) - Length, Format, Values);
    va_end(Values);
    if (Wanted > 0 && (size_t)Wanted < sizeof(Text) - Length)
        Length += (size_t)Wanted;
}

void Quote(const char *String)
{
    Append("\"");
    for (; *String != '\0'; String++)
        if (*String == '"' || *String == '\\')
            Append("\\%c", *String);
        else if ((unsigned char)*String < ' ')
            Append("\\u%04x", (unsigned)(unsigned char)*String);
        else
            Append("%c", *String);
    Append("\"");
}

const char *MadeText(size_t *Size)
{
    *Size = Length;
    return Text;
}
