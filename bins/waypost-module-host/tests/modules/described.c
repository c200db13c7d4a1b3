/*
 * The correct protocol with a description of its configuration: a good one, or with FAULT one that makes no sense in one way.
 */
#include "correct.c"

#include <waypost/describe.h>

_Static_assert(sizeof(OPTION_WORD_INFO) == 24 && sizeof(OPTION_TABLE) == 24, "");
_Static_assert(sizeof(OPTION_INFO) == 88 && offsetof(OPTION_INFO, Minimum) == 40, "");
_Static_assert(offsetof(OPTION_INFO, Words) == 64 && offsetof(OPTION_INFO, Element) == 80, "");
_Static_assert(sizeof(CONFIGURATION_INFO) == 56 && offsetof(CONFIGURATION_INFO, Translate) == 32, "");

#define NONE 0
#define GOOD NONE
#define FIELD_BEYOND_THE_BLOCK 1
#define FIELDS_OVERLAP 2
#define MINIMUM_BEYOND_MAXIMUM 3
#define DEFAULT_BEYOND_MAXIMUM 4
#define COUNT_IS_GARBAGE 5
#define NULL_OPTIONS 6
#define ENDLESS_NAME 7
#define NAME_WITH_BLANKS 8
#define TWO_OF_ONE_NAME 9
#define UNKNOWN_TYPE 10
#define ODD_SIZE 11
#define LIST_IN_A_LIST 12
#define ELEMENT_IS_ITS_OWN 13
#define TOO_MANY_ELEMENTS 14
#define VERSION_ZERO 15
#define TWO_OF_ONE_VERSION 16
#define SMALL_STRUCTURE 17
#define NO_WORDS 18
#define SCHEMA_IS_NO_JSON 19
#define SCHEMA_IN_A_CIRCLE 20
#define NULL_DESCRIPTION 21
#define EVERYTHING_IS_HUGE 22
#ifndef FAULT
#define FAULT GOOD
#endif
#define IF(Fault, Bad, Well) (FAULT == (Fault) ? (Bad) : (Well))

static char Endless[4096];

static const OPTION_TABLE NeighbourTable;

static const OPTION_INFO Neighbour[] = {
    {.Type = IF(LIST_IN_A_LIST, OPTION_LIST, IF(ELEMENT_IS_ITS_OWN, OPTION_LIST, OPTION_ADDRESS)),
     .Size = 4,
     .Maximum = IF(LIST_IN_A_LIST, 4, 0),
     .Element = &NeighbourTable},
};

static const OPTION_TABLE NeighbourTable = {.Size = 4, .OptionCount = 1, .Options = Neighbour};

static const OPTION_WORD_INFO Passive[] = {
    {.Name = "no", .Help = "It speaks.", .Value = 0},
    {.Name = "yes", .Help = "It only listens.", .Value = 1},
};

static const OPTION_INFO Options[] = {
    {.Name = IF(ENDLESS_NAME, Endless, IF(NAME_WITH_BLANKS, "two words", "metric")),
     .Help = "What a route costs.",
     .Type = IF(UNKNOWN_TYPE, 99, OPTION_NUMBER),
     .Offset = IF(FIELD_BEYOND_THE_BLOCK, 4000000000u, IF(FIELDS_OVERLAP, 2, 0)),
     .Size = IF(ODD_SIZE, 3, 4),
     .Minimum = IF(MINIMUM_BEYOND_MAXIMUM, 17, 1),
     .Maximum = 16,
     .Flags = OPTION_HAS_DEFAULT,
     .Default = IF(DEFAULT_BEYOND_MAXIMUM, 99, 1)},
    {.Name = IF(TWO_OF_ONE_NAME, "metric", "passive"),
     .Type = OPTION_WORD,
     OPTION_FIELD(BLOCK, Passive),
     .Words = Passive,
     .WordCount = IF(NO_WORDS, 0, OPTION_COUNT(Passive)),
     .Flags = OPTION_HAS_DEFAULT},
    {.Name = "neighbours",
     .Type = OPTION_LIST,
     OPTION_FIELD(BLOCK, Count),
     .Maximum = IF(TOO_MANY_ELEMENTS, 0xFFFFFFFFu, NEIGHBOURS),
     .Flags = OPTION_HAS_DEFAULT,
     .Element = &NeighbourTable},
};

static const OPTION_INFO GlobalOptions[] = {
    {.Name = "interval", .Unit = "seconds", .Type = OPTION_NUMBER, OPTION_FIELD(GLOBAL, Interval)},
};

/* As many words as may be, again and again. */
static OPTION_WORD_INFO Words[256];
static OPTION_INFO Huge[256];
static OPTION_TABLE Tables[16];

static const OPTION_TABLE Interface[] = {
    {.Version = IF(VERSION_ZERO, 0, 1),
     .Size = FIXED_PART,
     .OptionCount = IF(COUNT_IS_GARBAGE, 0xFFFFFFF0u, OPTION_COUNT(Options)),
     .Options = IF(NULL_OPTIONS, NULL, Options)},
    {.Version = 1, .Size = FIXED_PART},
};

static const OPTION_TABLE Global = {
    .Version = 1,
    .Size = sizeof(GLOBAL),
    .OptionCount = OPTION_COUNT(GlobalOptions),
    .Options = GlobalOptions,
};

static DWORD WINAPI Translate(DWORD ProtocolId, DWORD Scope, DWORD Direction, const void *Given, ULONG GivenSize,
                              PULONG StructureVersion, PVOID Answer, PULONG AnswerSize)
{
    (void)ProtocolId, (void)Scope, (void)Direction, (void)Given, (void)GivenSize, (void)StructureVersion, (void)Answer;
    *AnswerSize = 0;
    return ERROR_INVALID_PARAMETER;
}

static CONFIGURATION_INFO Description = {
    .Size = IF(SMALL_STRUCTURE, 8, sizeof(CONFIGURATION_INFO)),
    .GlobalCount = 1,
    .Global = &Global,
    .InterfaceCount = IF(TWO_OF_ONE_VERSION, 2, 1),
    .Interface = Interface,
};

DWORD WINAPI DescribeConfiguration(DWORD ProtocolId, const CONFIGURATION_INFO **Configuration)
{
    if (ProtocolId != SAMPLE)
        return ERROR_NOT_SUPPORTED;
    memset(Endless, 'a', sizeof(Endless));
    if (FAULT == SCHEMA_IS_NO_JSON || FAULT == SCHEMA_IN_A_CIRCLE) {
        Description.GlobalCount = Description.InterfaceCount = 0;
        Description.Translate = Translate;
        Description.GlobalSchema = "{\"type\": \"object\"}";
        Description.InterfaceSchema =
            IF(SCHEMA_IS_NO_JSON, "{", "{\"$ref\": \"#/$defs/A\", \"$defs\": {\"A\": {\"anyOf\": [{\"$ref\": \"#/$defs/A\"}]}}}");
    }
    if (FAULT == EVERYTHING_IS_HUGE) {
        for (int Place = 0; Place < 256; Place++) {
            Words[Place].Name = "word";
            Huge[Place] = (OPTION_INFO){.Name = "option", .Type = OPTION_WORD, .Size = 4, .Words = Words, .WordCount = 256};
        }
        for (int Place = 0; Place < 16; Place++)
            Tables[Place] = (OPTION_TABLE){.Version = 1, .Size = 4, .OptionCount = 256, .Options = Huge};
        Description.InterfaceCount = 16;
        Description.Interface = Tables;
    }
    *Configuration = IF(NULL_DESCRIPTION, NULL, &Description);
    return NO_ERROR;
}
