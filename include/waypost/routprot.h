/*
 * The routing protocol interface (routprot.h): what a router manager and a routing protocol say to each other.
 *
 * Written from the public documentation; names, values and layouts are the published ones.
 *
 * Faults of the published header that are not repeated here:
 *   - it refuses to compile unless MPR50 is defined; only that version exists, so it is the default;
 *   - PROTOCOL_ID and IPX_PROTOCOL_* lack parentheses around their parameters and results;
 *   - PROTOCOL_ID shifts a signed number into its sign bit for types 2 and 3; here it is unsigned throughout;
 *   - its PROTO_IP_* macros break an enumeration of the same names in iprtrmib.h, unless that is included first;
 *   - MPR50_SERVICE_CHARACTERISTICS (stm.h) is empty for C compilers without Microsoft's extensions;
 *   - IPV6_ADAPTER_BINDING_INFO is documented but not in it.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WAYPOST_ROUTPROT_H
#define WAYPOST_ROUTPROT_H

#ifndef MPR50
#define MPR50 1
#elif !MPR50
#error "only version 0x500 of the interface (MPR50) is supported"
#endif

#include "mprerror.h"
#include "stm.h"
#include "windows.h"

WAYPOST_BEGIN

#define MS_ROUTER_VERSION 0x00000500u

/* fSupportedFunctionality. The router never offers power, nor services (stm.h). */
#define RF_ROUTING 0x00000001u
#define RF_DEMAND_UPDATE_ROUTES 0x00000004u
#define RF_ADD_ALL_INTERFACES 0x00000010u
#define RF_MULTICAST 0x00000020u
#define RF_POWER 0x00000040u

typedef enum _ROUTING_PROTOCOL_EVENTS {
    ROUTER_STOPPED,
    SAVE_GLOBAL_CONFIG_INFO,
    SAVE_INTERFACE_CONFIG_INFO,
    UPDATE_COMPLETE
} ROUTING_PROTOCOL_EVENTS;

typedef enum _NET_INTERFACE_TYPE {
    PERMANENT,
    DEMAND_DIAL,
    LOCAL_WORKSTATION_DIAL,
    REMOTE_WORKSTATION_DIAL
} NET_INTERFACE_TYPE;

/* ---- Functions of the router, callable from any thread from StartProtocol until the protocol has stopped ---------- */

/* SetInterfaceReceiveType */
#define IR_PROMISCUOUS 0u
#define IR_PROMISCUOUS_MULTICAST 1u

/* In the MIB functions the protocol that is asked comes first, then the size: the other way round than in a protocol's own. */
typedef struct _SUPPORT_FUNCTIONS {
    WAYPOST_EXTENSION union {
        ULONGLONG _Align8;
        WAYPOST_EXTENSION struct {
            DWORD dwVersion;
            DWORD dwReserved;
        };
    };
    DWORD(WINAPI *DemandDialRequest)(DWORD ProtocolId, DWORD InterfaceIndex);
    DWORD(WINAPI *SetInterfaceReceiveType)
    (DWORD ProtocolId, DWORD InterfaceIndex, DWORD InterfaceReceiveType, WINBOOL bActivate);
    DWORD(WINAPI *ValidateRoute)(DWORD ProtocolId, PVOID RouteInfo, PVOID DestAddress);
    DWORD(WINAPI *MIBEntryCreate)(DWORD dwRoutingPid, DWORD dwEntrySize, LPVOID lpEntry);
    DWORD(WINAPI *MIBEntryDelete)(DWORD dwRoutingPid, DWORD dwEntrySize, LPVOID lpEntry);
    DWORD(WINAPI *MIBEntrySet)(DWORD dwRoutingPid, DWORD dwEntrySize, LPVOID lpEntry);
    DWORD(WINAPI *MIBEntryGet)
    (DWORD dwRoutingPid, DWORD dwInEntrySize, LPVOID lpInEntry, LPDWORD lpOutEntrySize, LPVOID lpOutEntry);
    DWORD(WINAPI *MIBEntryGetFirst)
    (DWORD dwRoutingPid, DWORD dwInEntrySize, LPVOID lpInEntry, LPDWORD lpOutEntrySize, LPVOID lpOutEntry);
    DWORD(WINAPI *MIBEntryGetNext)
    (DWORD dwRoutingPid, DWORD dwInEntrySize, LPVOID lpInEntry, LPDWORD lpOutEntrySize, LPVOID lpOutEntry);
    /* The router identifier in network order, 0 while there is none: not an error code. */
    DWORD(WINAPI *GetRouterId)(VOID);
    WINBOOL(WINAPI *HasMulticastBoundary)(DWORD dwIfIndex, DWORD dwGroupAddress);
} SUPPORT_FUNCTIONS, *PSUPPORT_FUNCTIONS;

/* ---- Protocol identifiers ---------------------------------------------------------------------------------------- */

#define PROTO_IP_OTHER 1u
#define PROTO_IP_LOCAL 2u
#define PROTO_IP_NETMGMT 3u
#define PROTO_IP_ICMP 4u
#define PROTO_IP_EGP 5u
#define PROTO_IP_GGP 6u
#define PROTO_IP_HELLO 7u
#define PROTO_IP_RIP 8u
#define PROTO_IP_IS_IS 9u
#define PROTO_IP_ES_IS 10u
#define PROTO_IP_CISCO 11u
#define PROTO_IP_BBN 12u
#define PROTO_IP_OSPF 13u
#define PROTO_IP_BGP 14u
/* Numbers used again: only type and vendor tell these from the three above. */
#define PROTO_IP_MSDP 9u
#define PROTO_IP_IGMP 10u
#define PROTO_IP_BGMP 11u
#define PROTO_IP_VRRP 112u
#define PROTO_IP_BOOTP 9999u
#define PROTO_IP_NT_AUTOSTATIC 10002u
#define PROTO_IP_DNS_PROXY 10003u
#define PROTO_IP_DHCP_ALLOCATOR 10004u
#define PROTO_IP_NAT 10005u
#define PROTO_IP_NT_STATIC 10006u
#define PROTO_IP_NT_STATIC_NON_DOD 10007u
#define PROTO_IP_DIFFSERV 10008u
#define PROTO_IP_MGM 10009u
#define PROTO_IP_ALG 10010u
#define PROTO_IP_H323 10011u
#define PROTO_IP_FTP 10012u
#define PROTO_IP_DTP 10013u

#define PROTO_TYPE_UCAST 0u
#define PROTO_TYPE_MCAST 1u
#define PROTO_TYPE_MS0 2u
#define PROTO_TYPE_MS1 3u

/* A vendor without a number of its own takes one that nobody in its network uses. */
#define PROTO_VENDOR_MS0 0x0000u
#define PROTO_VENDOR_MS1 0x0137u
#define PROTO_VENDOR_MS2 0x3FFFu

#define PROTOCOL_ID(Type, VendorId, ProtocolId)                                                                        \
    (((WAYPOST_STATIC_CAST(DWORD, (Type)) & 0x03u) << 30) | ((WAYPOST_STATIC_CAST(DWORD, (VendorId)) & 0x3FFFu) << 16) | \
     (WAYPOST_STATIC_CAST(DWORD, (ProtocolId)) & 0xFFFFu))
#define TYPE_FROM_PROTO_ID(X) ((WAYPOST_STATIC_CAST(DWORD, (X)) >> 30) & 0x03u)
#define VENDOR_FROM_PROTO_ID(X) ((WAYPOST_STATIC_CAST(DWORD, (X)) >> 16) & 0x3FFFu)
#define PROTO_FROM_PROTO_ID(X) (WAYPOST_STATIC_CAST(DWORD, (X)) & 0xFFFFu)

#define MS_IP_BOOTP PROTOCOL_ID(PROTO_TYPE_UCAST, PROTO_VENDOR_MS0, PROTO_IP_BOOTP)
#define MS_IP_RIP PROTOCOL_ID(PROTO_TYPE_UCAST, PROTO_VENDOR_MS0, PROTO_IP_RIP)
#define MS_IP_OSPF PROTOCOL_ID(PROTO_TYPE_UCAST, PROTO_VENDOR_MS0, PROTO_IP_OSPF)
#define MS_IP_BGP PROTOCOL_ID(PROTO_TYPE_UCAST, PROTO_VENDOR_MS1, PROTO_IP_BGP)
#define MS_IP_IGMP PROTOCOL_ID(PROTO_TYPE_MCAST, PROTO_VENDOR_MS1, PROTO_IP_IGMP)
#define MS_IP_BGMP PROTOCOL_ID(PROTO_TYPE_MCAST, PROTO_VENDOR_MS1, PROTO_IP_BGMP)
#define MS_IP_MSDP PROTOCOL_ID(PROTO_TYPE_MCAST, PROTO_VENDOR_MS1, PROTO_IP_MSDP)
#define MS_IP_DNS_PROXY PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_DNS_PROXY)
#define MS_IP_DHCP_ALLOCATOR PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_DHCP_ALLOCATOR)
#define MS_IP_NAT PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_NAT)
#define MS_IP_DIFFSERV PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_DIFFSERV)
#define MS_IP_MGM PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_MGM)
#define MS_IP_VRRP PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_VRRP)
#define MS_IP_DTP PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_DTP)
#define MS_IP_H323 PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_H323)
#define MS_IP_FTP PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_FTP)
#define MS_IP_ALG PROTOCOL_ID(PROTO_TYPE_MS0, PROTO_VENDOR_MS1, PROTO_IP_ALG)

#define IPX_PROTOCOL_BASE 0x0001ffffu
#define IPX_PROTOCOL_RIP (IPX_PROTOCOL_BASE + 1u)
#define IPX_PROTOCOL_SAP (IPX_PROTOCOL_BASE + 2u)
#define IPX_PROTOCOL_NLSP (IPX_PROTOCOL_BASE + 3u)

/* ---- Events ------------------------------------------------------------------------------------------------------ */

typedef struct _UPDATE_COMPLETE_MESSAGE {
    ULONG InterfaceIndex;
    /* RF_DEMAND_UPDATE_ROUTES or DEMAND_UPDATE_SERVICES. */
    ULONG UpdateType;
    ULONG UpdateStatus;
} UPDATE_COMPLETE_MESSAGE, *PUPDATE_COMPLETE_MESSAGE;

typedef union _MESSAGE {
    UPDATE_COMPLETE_MESSAGE UpdateCompleteMessage;
    DWORD InterfaceIndex;
} MESSAGE, *PMESSAGE;

/* ---- Interface status -------------------------------------------------------------------------------------------- */

#define RIS_INTERFACE_ADDRESS_CHANGE 0u
#define RIS_INTERFACE_ENABLED 1u
#define RIS_INTERFACE_DISABLED 2u
#define RIS_INTERFACE_MEDIA_PRESENT 3u
#define RIS_INTERFACE_MEDIA_ABSENT 4u

typedef struct IPX_ADAPTER_BINDING_INFO {
    ULONG AdapterIndex;
    UCHAR Network[4];
    UCHAR LocalNode[6];
    UCHAR RemoteNode[6];
    ULONG MaxPacketSize;
    ULONG LinkSpeed;
} IPX_ADAPTER_BINDING_INFO, *PIPX_ADAPTER_BINDING_INFO;

/* Network order. */
typedef struct IP_LOCAL_BINDING {
    DWORD Address;
    DWORD Mask;
} IP_LOCAL_BINDING, *PIP_LOCAL_BINDING;

typedef struct IP_ADAPTER_BINDING_INFO {
    ULONG AddressCount;
    DWORD RemoteAddress;
    ULONG Mtu;
    ULONGLONG Speed;
    WAYPOST_EXTENSION IP_LOCAL_BINDING Address[0];
} IP_ADAPTER_BINDING_INFO, *PIP_ADAPTER_BINDING_INFO;

#define SIZEOF_IP_BINDING(X)                                                                                           \
    (offsetof(IP_ADAPTER_BINDING_INFO, Address) + (WAYPOST_STATIC_CAST(size_t, (X)) * sizeof(IP_LOCAL_BINDING)))

typedef struct IPV6_LOCAL_BINDING {
    UCHAR Address[16];
    ULONG PrefixLength;
} IPV6_LOCAL_BINDING, *PIPV6_LOCAL_BINDING;

typedef struct IPV6_ADAPTER_BINDING_INFO {
    ULONG AddressCount;
    UCHAR RemoteAddress[16];
    ULONG Mtu;
    ULONGLONG Speed;
    WAYPOST_EXTENSION IPV6_LOCAL_BINDING Address[0];
} IPV6_ADAPTER_BINDING_INFO, *PIPV6_ADAPTER_BINDING_INFO;

#define SIZEOF_IPV6_BINDING(X)                                                                                         \
    (offsetof(IPV6_ADAPTER_BINDING_INFO, Address) + (WAYPOST_STATIC_CAST(size_t, (X)) * sizeof(IPV6_LOCAL_BINDING)))

/* ---- Functions of a protocol. The router never has two of one protocol running at a time. -------------------------- */

typedef DWORD(WINAPI *PSTART_PROTOCOL)(HANDLE NotificationEvent, PSUPPORT_FUNCTIONS SupportFunctions, LPVOID GlobalInfo,
                                       ULONG StructureVersion, ULONG StructureSize, ULONG StructureCount);
typedef DWORD(WINAPI *PSTART_COMPLETE)(VOID);
typedef DWORD(WINAPI *PSTOP_PROTOCOL)(VOID);
typedef DWORD(WINAPI *PADD_INTERFACE)(LPWSTR InterfaceName, ULONG InterfaceIndex, NET_INTERFACE_TYPE InterfaceType,
                                      DWORD MediaType, WORD AccessType, WORD ConnectionType, PVOID InterfaceInfo,
                                      ULONG StructureVersion, ULONG StructureSize, ULONG StructureCount);
typedef DWORD(WINAPI *PDELETE_INTERFACE)(ULONG InterfaceIndex);
typedef DWORD(WINAPI *PGET_EVENT_MESSAGE)(ROUTING_PROTOCOL_EVENTS *Event, MESSAGE *Result);
typedef DWORD(WINAPI *PGET_INTERFACE_INFO)(ULONG InterfaceIndex, PVOID InterfaceInfo, PULONG BufferSize,
                                           PULONG StructureVersion, PULONG StructureSize, PULONG StructureCount);
typedef DWORD(WINAPI *PSET_INTERFACE_INFO)(ULONG InterfaceIndex, PVOID InterfaceInfo, ULONG StructureVersion,
                                           ULONG StructureSize, ULONG StructureCount);
typedef DWORD(WINAPI *PINTERFACE_STATUS)(ULONG InterfaceIndex, WINBOOL InterfaceActive, DWORD StatusType,
                                         PVOID StatusInfo);
typedef DWORD(WINAPI *PQUERY_POWER)(DWORD PowerType);
typedef DWORD(WINAPI *PSET_POWER)(DWORD PowerType);
typedef DWORD(WINAPI *PGET_GLOBAL_INFO)(PVOID GlobalInfo, PULONG BufferSize, PULONG StructureVersion,
                                        PULONG StructureSize, PULONG StructureCount);
typedef DWORD(WINAPI *PSET_GLOBAL_INFO)(PVOID GlobalInfo, ULONG StructureVersion, ULONG StructureSize,
                                        ULONG StructureCount);
typedef DWORD(WINAPI *PDO_UPDATE_ROUTES)(ULONG InterfaceIndex);
typedef DWORD(WINAPI *PMIB_CREATE)(ULONG InputDataSize, PVOID InputData);
typedef DWORD(WINAPI *PMIB_DELETE)(ULONG InputDataSize, PVOID InputData);
typedef DWORD(WINAPI *PMIB_GET)(ULONG InputDataSize, PVOID InputData, PULONG OutputDataSize, PVOID OutputData);
typedef DWORD(WINAPI *PMIB_SET)(ULONG InputDataSize, PVOID InputData);
typedef DWORD(WINAPI *PMIB_GET_FIRST)(ULONG InputDataSize, PVOID InputData, PULONG OutputDataSize, PVOID OutputData);
typedef DWORD(WINAPI *PMIB_GET_NEXT)(ULONG InputDataSize, PVOID InputData, PULONG OutputDataSize, PVOID OutputData);
typedef DWORD(WINAPI *PMIB_SET_TRAP_INFO)(HANDLE Event, ULONG InputDataSize, PVOID InputData, PULONG OutputDataSize,
                                          PVOID OutputData);
typedef DWORD(WINAPI *PMIB_GET_TRAP_INFO)(ULONG InputDataSize, PVOID InputData, PULONG OutputDataSize,
                                          PVOID OutputData);
typedef DWORD(WINAPI *PCONNECT_CLIENT)(ULONG InterfaceIndex, PVOID ClientAddress);
typedef DWORD(WINAPI *PDISCONNECT_CLIENT)(ULONG InterfaceIndex, PVOID ClientAddress);

/* GetNeighbors */
#define MRINFO_TUNNEL_FLAG 0x01u
#define MRINFO_PIM_FLAG 0x04u
#define MRINFO_DOWN_FLAG 0x10u
#define MRINFO_DISABLED_FLAG 0x20u
#define MRINFO_QUERIER_FLAG 0x40u
#define MRINFO_LEAF_FLAG 0x80u

typedef DWORD(WINAPI *PGET_NEIGHBORS)(DWORD InterfaceIndex, PDWORD NeighborList, PDWORD NeighborListSize,
                                      PBYTE InterfaceFlags);

/* GetMfeStatus: the highest that applies. The router itself finds out those it does not leave to protocols. */
#define MFE_NO_ERROR 0u
#define MFE_REACHED_CORE 1u
#define MFE_NOT_FORWARDING 2u
#define MFE_WRONG_IF 3u
#define MFE_PRUNED_UPSTREAM 4u
#define MFE_OIF_PRUNED 5u
#define MFE_BOUNDARY_REACHED 6u
#define MFE_NO_MULTICAST 7u
#define MFE_IIF 8u
#define MFE_NO_ROUTE 9u
#define MFE_NOT_LAST_HOP 10u
#define MFE_OLD_ROUTER 11u
#define MFE_PROHIBITED 12u
#define MFE_NO_SPACE 13u

typedef DWORD(WINAPI *PGET_MFE_STATUS)(DWORD InterfaceIndex, DWORD GroupAddress, DWORD SourceAddress, PBYTE StatusCode);

/* ---- Registration ------------------------------------------------------------------------------------------------ */

typedef struct _MPR50_ROUTING_CHARACTERISTICS {
    DWORD dwVersion;
    DWORD dwProtocolId;
    DWORD fSupportedFunctionality;
    PSTART_PROTOCOL pfnStartProtocol;
    PSTART_COMPLETE pfnStartComplete;
    PSTOP_PROTOCOL pfnStopProtocol;
    PGET_GLOBAL_INFO pfnGetGlobalInfo;
    PSET_GLOBAL_INFO pfnSetGlobalInfo;
    /* Reserved: both must stay NULL. */
    PQUERY_POWER pfnQueryPower;
    PSET_POWER pfnSetPower;
    PADD_INTERFACE pfnAddInterface;
    PDELETE_INTERFACE pfnDeleteInterface;
    PINTERFACE_STATUS pfnInterfaceStatus;
    PGET_INTERFACE_INFO pfnGetInterfaceInfo;
    PSET_INTERFACE_INFO pfnSetInterfaceInfo;
    PGET_EVENT_MESSAGE pfnGetEventMessage;
    /* With RF_DEMAND_UPDATE_ROUTES only. */
    PDO_UPDATE_ROUTES pfnUpdateRoutes;
    /* Both or neither. */
    PCONNECT_CLIENT pfnConnectClient;
    PDISCONNECT_CLIENT pfnDisconnectClient;
    /* With RF_MULTICAST only. */
    PGET_NEIGHBORS pfnGetNeighbors;
    PGET_MFE_STATUS pfnGetMfeStatus;
    PMIB_CREATE pfnMibCreateEntry;
    PMIB_DELETE pfnMibDeleteEntry;
    PMIB_GET pfnMibGetEntry;
    PMIB_SET pfnMibSetEntry;
    PMIB_GET_FIRST pfnMibGetFirstEntry;
    PMIB_GET_NEXT pfnMibGetNextEntry;
    PMIB_SET_TRAP_INFO pfnMibSetTrapInfo;
    PMIB_GET_TRAP_INFO pfnMibGetTrapInfo;
} MPR50_ROUTING_CHARACTERISTICS;

typedef MPR50_ROUTING_CHARACTERISTICS MPR_ROUTING_CHARACTERISTICS, *PMPR_ROUTING_CHARACTERISTICS;

#define REGISTER_PROTOCOL_ENTRY_POINT RegisterProtocol
#define REGISTER_PROTOCOL_ENTRY_POINT_STRING "RegisterProtocol"

typedef DWORD(WINAPI *PREGISTER_PROTOCOL)(PMPR_ROUTING_CHARACTERISTICS pRoutingChar,
                                          PMPR_SERVICE_CHARACTERISTICS pServiceChar);

/* What a module exports: the only symbol it must. Declared here so that it is visible however the module is compiled. */
WAYPOST_EXPORT DWORD WINAPI RegisterProtocol(PMPR_ROUTING_CHARACTERISTICS pRoutingChar,
                                             PMPR_SERVICE_CHARACTERISTICS pServiceChar);

WAYPOST_END

#endif
