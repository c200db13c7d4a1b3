/*
 * Services of routing protocols (stm.h). Only IPX had any: the router offers none and ignores what comes back. The
 * structures are here because RegisterProtocol takes a pointer to one.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_STM_H
#define WAYPOST_STM_H

#include "windows.h"

WAYPOST_BEGIN

#define SERVICES 0x00000002u
#define DEMAND_UPDATE_SERVICES 0x00000008u

#define STM_ONLY_THIS_INTERFACE 0x00000001u
#define STM_ONLY_THIS_PROTOCOL 0x00000002u
#define STM_ONLY_THIS_TYPE 0x00000004u
#define STM_ONLY_THIS_NAME 0x00000008u
#define STM_ORDER_BY_TYPE_AND_NAME 0u
#define STM_ORDER_BY_INTERFACE_TYPE_NAME 1u

typedef struct _IPX_SERVER_ENTRY {
    USHORT Type;
    UCHAR Name[48];
    UCHAR Network[4];
    UCHAR Node[6];
    UCHAR Socket[2];
    USHORT HopCount;
} IPX_SERVER_ENTRY, *PIPX_SERVER_ENTRY;

typedef struct _IPX_SERVICE {
    ULONG InterfaceIndex;
    ULONG Protocol;
    IPX_SERVER_ENTRY Server;
} IPX_SERVICE, *PIPX_SERVICE;

typedef BOOL(WINAPI *PIS_SERVICE)(USHORT Type, PUCHAR Name, PIPX_SERVICE Service);
typedef DWORD(WINAPI *PDO_UPDATE_SERVICES)(ULONG InterfaceIndex);
typedef HANDLE(WINAPI *PCREATE_SERVICE_ENUMERATION_HANDLE)(DWORD ExclusionFlags, PIPX_SERVICE CriteriaService);
typedef DWORD(WINAPI *PENUMERATE_GET_NEXT_SERVICE)(HANDLE EnumerationHandle, PIPX_SERVICE Service);
typedef DWORD(WINAPI *PCLOSE_SERVICE_ENUMERATION_HANDLE)(HANDLE EnumerationHandle);
typedef ULONG(WINAPI *PGET_SERVICE_COUNT)(void);
typedef DWORD(WINAPI *PCREATE_STATIC_SERVICE)(ULONG InterfaceIndex, PIPX_SERVER_ENTRY ServerEntry);
typedef DWORD(WINAPI *PDELETE_STATIC_SERVICE)(ULONG InterfaceIndex, PIPX_SERVER_ENTRY ServerEntry);
typedef DWORD(WINAPI *PBLOCK_CONVERT_SERVICES_TO_STATIC)(ULONG InterfaceIndex);
typedef DWORD(WINAPI *PBLOCK_DELETE_STATIC_SERVICES)(ULONG InterfaceIndex);
typedef DWORD(WINAPI *PGET_FIRST_ORDERED_SERVICE)(DWORD OrderingMethod, DWORD ExclusionFlags, PIPX_SERVICE Service);
typedef DWORD(WINAPI *PGET_NEXT_ORDERED_SERVICE)(DWORD OrderingMethod, DWORD ExclusionFlags, PIPX_SERVICE Service);

/* Published as a nameless member of the "50" structure, which C compilers take only with an extension of Microsoft's. The
 * fields are spelt out here: same names, same offsets, no extension. */
typedef struct _MPR50_SERVICE_CHARACTERISTICS {
    DWORD dwVersion;
    DWORD dwProtocolId;
    DWORD fSupportedFunctionality;
    PIS_SERVICE pfnIsService;
    PDO_UPDATE_SERVICES pfnUpdateServices;
    PCREATE_SERVICE_ENUMERATION_HANDLE pfnCreateServiceEnumerationHandle;
    PENUMERATE_GET_NEXT_SERVICE pfnEnumerateGetNextService;
    PCLOSE_SERVICE_ENUMERATION_HANDLE pfnCloseServiceEnumerationHandle;
    PGET_SERVICE_COUNT pfnGetServiceCount;
    PCREATE_STATIC_SERVICE pfnCreateStaticService;
    PDELETE_STATIC_SERVICE pfnDeleteStaticService;
    PBLOCK_CONVERT_SERVICES_TO_STATIC pfnBlockConvertServicesToStatic;
    PBLOCK_DELETE_STATIC_SERVICES pfnBlockDeleteStaticServices;
    PGET_FIRST_ORDERED_SERVICE pfnGetFirstOrderedService;
    PGET_NEXT_ORDERED_SERVICE pfnGetNextOrderedService;
} MPR50_SERVICE_CHARACTERISTICS;

typedef MPR50_SERVICE_CHARACTERISTICS MPR_SERVICE_CHARACTERISTICS, *PMPR_SERVICE_CHARACTERISTICS;

WAYPOST_END

#endif
