/*
 * What a module may export beside RegisterProtocol, so that its configuration is written by the names of options and not as
 * octets. An addition of Waypost's: without it the blocks are hexadecimal digits to whoever configures the router.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_DESCRIBE_H
#define WAYPOST_DESCRIBE_H

#include "windows.h"

WAYPOST_BEGIN

/* What an option is. Size is that of its field in octets; numbers are in the machine's order. */
#define OPTION_NUMBER 1u  /* of 1, 2, 4 or 8 octets */
#define OPTION_BOOL 2u    /* 0 or 1 of 1, 2 or 4 octets */
#define OPTION_WORD 3u    /* a number of 1, 2 or 4 octets with a word for each value */
#define OPTION_ADDRESS 4u /* an IPv4 address of 4 octets in network order */
#define OPTION_PREFIX 5u  /* an IPv4 address and a netmask of 8 octets, both in network order */
#define OPTION_TEXT 6u    /* UTF-8 that a zero ends; what is behind it is zero, too */
#define OPTION_WTEXT 7u   /* the same in UTF-16: WCHAR */
#define OPTION_LIST 8u    /* a number of elements behind the fixed part, of 1, 2 or 4 octets; see Element */

/* Flags of an option. */
#define OPTION_HAS_DEFAULT 1u /* may be left out, and is Default then */

typedef struct {
    LPCSTR Name;
    LPCSTR Help; /* or NULL */
    ULONG Value;
} OPTION_WORD_INFO;

struct _OPTION_TABLE;

typedef struct {
    LPCSTR Name; /* lower-case letters, digits and '-', the first a letter; not "hex" */
    LPCSTR Help; /* what it is for, or NULL */
    LPCSTR Unit; /* such as "seconds", or NULL */
    ULONG Type;
    ULONG Flags;
    ULONG Offset; /* of its field in the fixed part, or in an element */
    ULONG Size;
    /* Of numbers what is allowed, and of lists how many elements. Both 0: whatever the field holds. */
    ULONGLONG Minimum;
    ULONGLONG Maximum;
    /* As the field holds it as a number. Of what is no number, truth value or word it is 0, for octets of zero and no elements. */
    ULONGLONG Default;
    /* Of OPTION_WORD. */
    const OPTION_WORD_INFO *Words;
    ULONG WordCount;
    /* Of OPTION_LIST: what an element is, without lists. An element of one option without a name is written as its value. */
    const struct _OPTION_TABLE *Element;
} OPTION_INFO;

/*
 * The options of a block or an element. Octets of it that belong to no option are zero, and no two options share one. The
 * elements of a list follow the fixed part, those of the next list follow them, in the order of the options and without gaps.
 */
typedef struct _OPTION_TABLE {
    ULONG Version; /* StructureVersion of the block, not 0; of an element nothing */
    ULONG Size;    /* octets of the fixed part, or of an element */
    ULONG OptionCount;
    const OPTION_INFO *Options;
} OPTION_TABLE;

/*
 * Says what tables cannot: text to block and block to text, of a module whose blocks have a form of their own. Given and Answer
 * are octets of a block or UTF-8 of a JSON object; *StructureVersion is the version of the block, that was given or is the
 * answer. Answer takes at most *AnswerSize octets, and *AnswerSize becomes what was written; ERROR_INSUFFICIENT_BUFFER: what is
 * needed. With ERROR_INVALID_PARAMETER the answer is a refusal as that of PrepareInfo (prepare.h), its path relative to the block.
 * It is called at any time, in an instance that may be nobody's protocol, and always says the same of the same.
 */
#define TRANSLATE_TO_BLOCK 0u
#define TRANSLATE_TO_TEXT 1u
#define TRANSLATE_TO_PUBLISHED 2u /* a block to one as RRAS published it; ERROR_NOT_SUPPORTED when that cannot say it all */

#define DESCRIBE_GLOBAL 0u
#define DESCRIBE_INTERFACE 1u

typedef DWORD(WINAPI *PTRANSLATE_BLOCK)(DWORD ProtocolId, DWORD Scope, DWORD Direction, const void *Given, ULONG GivenSize,
                                        PULONG StructureVersion, PVOID Answer, PULONG AnswerSize);

/* Either tables, or Translate with two schemas. */
typedef struct {
    ULONG Size; /* sizeof(CONFIGURATION_INFO); later versions only add to its end */
    /* Of each version of a block that the module takes. Text becomes a block of the first one. */
    ULONG GlobalCount;
    ULONG InterfaceCount;
    const OPTION_TABLE *Global;
    const OPTION_TABLE *Interface;
    PTRANSLATE_BLOCK Translate;
    LPCSTR GlobalSchema; /* JSON Schema (2020-12) of the text; what it refers to is in its "$defs", without circles */
    LPCSTR InterfaceSchema;
} CONFIGURATION_INFO;

/*
 * What *Configuration points to stays as it is for as long as the module is loaded. The host asks once, before RegisterProtocol,
 * in an instance of its own, and keeps a copy. ERROR_NOT_SUPPORTED: the protocol describes nothing.
 */
typedef DWORD(WINAPI *PDESCRIBE_CONFIGURATION)(DWORD ProtocolId, const CONFIGURATION_INFO **Configuration);

#define DESCRIBE_CONFIGURATION_ENTRY_POINT_STRING "DescribeConfiguration"

WAYPOST_EXPORT DWORD WINAPI DescribeConfiguration(DWORD ProtocolId, const CONFIGURATION_INFO **Configuration);

/* Offset and Size of an option that is a field of a structure. */
#define OPTION_FIELD(Structure, Field)                                                                                 \
    .Offset = (ULONG)offsetof(Structure, Field), .Size = (ULONG)sizeof(((Structure *)0)->Field)

/* A static array and how many it has. */
#define OPTION_COUNT(Array) ((ULONG)(sizeof(Array) / sizeof(*(Array))))

WAYPOST_END

#endif
