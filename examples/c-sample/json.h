/*
 * Text for the router, which takes JSON. In C's own types, as socket.h.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

/* There is one text at a time, with room for what is said of as many interfaces as there can be. */
void BeginText(void);
__attribute__((format(printf, 1, 2))) void Append(const char *Format, ...);
/* A string with what JSON wants around and within it. */
void Quote(const char *String);
/* What was made, without a zero at its end. */
const char *MadeText(size_t *Length);

#endif
