/*
 * The names of the options, for whoever configures the router: an addition of Waypost's (describe.h). Without it the blocks are
 * hexadecimal digits to everybody else.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "beacon.h"

#include <waypost/describe.h>

static const OPTION_INFO Prefix[] = {
    /* Without a name: a prefix is written as it is, and not as a table with one option. */
    {.Type = OPTION_PREFIX, .Offset = 0, .Size = sizeof(BEACON_PREFIX)},
};

static const OPTION_TABLE PrefixTable = {.Size = sizeof(BEACON_PREFIX), .OptionCount = 1, .Options = Prefix};

static const OPTION_INFO InterfaceOptions[] = {
    {.Name = "metric",
     .Help = "Metric of routes that are heard there.",
     .Type = OPTION_NUMBER,
     OPTION_FIELD(BEACON_INTERFACE, Metric),
     .Minimum = 1,
     .Maximum = 255,
     .Flags = OPTION_HAS_DEFAULT,
     .Default = 1},
    {.Name = "announce",
     .Help = "Time between two beacons.",
     .Unit = "seconds",
     .Type = OPTION_NUMBER,
     OPTION_FIELD(BEACON_INTERFACE, Announce),
     .Minimum = 1,
     .Maximum = 3600,
     .Flags = OPTION_HAS_DEFAULT,
     .Default = 5},
    {.Name = "hold",
     .Help = "Time for which others keep what they heard; longer than 'announce'.",
     .Unit = "seconds",
     .Type = OPTION_NUMBER,
     OPTION_FIELD(BEACON_INTERFACE, Hold),
     .Minimum = 2,
     .Maximum = 65535,
     .Flags = OPTION_HAS_DEFAULT,
     .Default = 15},
    {.Name = "prefixes",
     .Help = "What is announced there.",
     .Type = OPTION_LIST,
     OPTION_FIELD(BEACON_INTERFACE, Count),
     .Maximum = MOST_PREFIXES,
     .Flags = OPTION_HAS_DEFAULT,
     .Element = &PrefixTable},
};

static const OPTION_INFO GlobalOptions[] = {
    {.Name = "preference",
     .Help = "Preference of its routes; 0: what the router says.",
     .Type = OPTION_NUMBER,
     OPTION_FIELD(BEACON_GLOBAL, Preference),
     .Maximum = 255,
     .Flags = OPTION_HAS_DEFAULT},
};

static const OPTION_TABLE Interface = {
    .Version = BLOCK_VERSION,
    .Size = FIXED_PART,
    .OptionCount = OPTION_COUNT(InterfaceOptions),
    .Options = InterfaceOptions,
};

static const OPTION_TABLE Global = {
    .Version = BLOCK_VERSION,
    .Size = sizeof(BEACON_GLOBAL),
    .OptionCount = OPTION_COUNT(GlobalOptions),
    .Options = GlobalOptions,
};

static const CONFIGURATION_INFO Description = {
    .Size = sizeof(CONFIGURATION_INFO),
    .GlobalCount = 1,
    .Global = &Global,
    .InterfaceCount = 1,
    .Interface = &Interface,
};

DWORD WINAPI DescribeConfiguration(DWORD ProtocolId, const CONFIGURATION_INFO **Configuration)
{
    if (ProtocolId != BEACON)
        return ERROR_NOT_SUPPORTED;
    *Configuration = &Description;
    return NO_ERROR;
}
