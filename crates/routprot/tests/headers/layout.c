/*
 * Checks, while it compiles, that structures and constants are the published ones. Compiled against the headers of this
 * repository, and, with PUBLISHED_HEADERS, against the public-domain ones of mingw-w64 by its compiler.
 */
#ifdef PUBLISHED_HEADERS
#define MPR50 1
#include <winsock2.h>
#include <windows.h>
/* Before routprot.h, whose PROTO_IP_* macros break the enumeration of the same names. */
#include <iprtrmib.h>
#include <mprerror.h>
#include <routprot.h>
#include <rtmv2.h>
#include <mgm.h>
#include <rtutils.h>
#else
#include <waypost/mgm.h>
#include <waypost/mprerror.h>
#include <waypost/routprot.h>
#include <waypost/rtmv2.h>
#include <waypost/rtutils.h>
#include <waypost/windows.h>
#endif

/* Declarations may be repeated, and an array of -1 elements is an error in every dialect. */
#define CHECK(condition) extern int checked[(condition) ? 1 : -1];

#define SIZE(type, size) CHECK(sizeof(type) == (size))
#define OFFSET(type, field, offset) CHECK(offsetof(type, field) == (offset))
#include "layout.def"
#undef SIZE
#undef OFFSET

#ifdef PUBLISHED_HEADERS
/* These two do not compile as published. What they are meant to be is in the list. */
#undef RTM_ROUTE_FLAGS_SUBNET_BCAST
#define RTM_ROUTE_FLAGS_SUBNET_BCAST (RTM_ROUTE_FLAGS_ONES_SUBNETBC | RTM_ROUTE_FLAGS_ZEROS_SUBNETBC)
#undef RTM_ROUTE_FLAGS_ANY_BCAST
#define RTM_ROUTE_FLAGS_ANY_BCAST                                                                                      \
    (RTM_ROUTE_FLAGS_LIMITED_BC | RTM_ROUTE_FLAGS_NET_BCAST | RTM_ROUTE_FLAGS_SUBNET_BCAST)
/* This one is no constant for types 2 and 3: it shifts into the sign bit. */
#undef PROTOCOL_ID
#define PROTOCOL_ID(type, vendor, number) (((type)&0x03u) << 30 | ((vendor)&0x3FFFu) << 16 | ((number)&0xFFFFu))
#endif

#define VALUE(name, value) CHECK((unsigned int)(name) == (value))
#include "values.def"
#undef VALUE

/* Variable parts: an array of structures in the caller's buffer is strided by these. */
CHECK(SIZEOF_IP_BINDING(0) == 24)
CHECK(SIZEOF_IP_BINDING(3) == 48)
CHECK(RTM_SIZE_OF_DEST_INFO(0) == 48)
CHECK(RTM_SIZE_OF_DEST_INFO(2) == 128)
CHECK(sizeof(ROUTING_PROTOCOL_EVENTS) == 4)
CHECK(sizeof(NET_INTERFACE_TYPE) == 4)
CHECK(sizeof(HANDLE) == 8)
CHECK(sizeof(DWORD) == 4)
CHECK(sizeof(LONG) == 4)
CHECK(sizeof(WCHAR) == 2)
CHECK(ROUTER_STOPPED == 0)
CHECK(SAVE_GLOBAL_CONFIG_INFO == 1)
CHECK(SAVE_INTERFACE_CONFIG_INFO == 2)
CHECK(UPDATE_COMPLETE == 3)
CHECK(PERMANENT == 0)
CHECK(REMOTE_WORKSTATION_DIAL == 3)
CHECK(RTM_ENTITY_REGISTERED == 0)
CHECK(RTM_CHANGE_NOTIFICATION == 3)

#ifdef PUBLISHED_HEADERS
/* The fault is still there: were it mended, ours would have to be compared again. */
CHECK(RTM_SIZE_OF_ROUTE_INFO(2) == 48 + 16)
#else
CHECK(RTM_SIZE_OF_ROUTE_INFO(0) == 56)
CHECK(RTM_SIZE_OF_ROUTE_INFO(2) == 56 + 16)
CHECK(sizeof(IPV6_LOCAL_BINDING) == 20)
CHECK(sizeof(IPV6_ADAPTER_BINDING_INFO) == 32)
CHECK(offsetof(IPV6_ADAPTER_BINDING_INFO, RemoteAddress) == 4)
CHECK(offsetof(IPV6_ADAPTER_BINDING_INFO, Mtu) == 20)
CHECK(offsetof(IPV6_ADAPTER_BINDING_INFO, Speed) == 24)
CHECK(SIZEOF_IPV6_BINDING(2) == 72)
CHECK(SIZEOF_MIB_MFE(2) == 92)
CHECK(SIZEOF_MIB_MFE_STATS(1) == 92)
CHECK(SIZEOF_MIB_MFE_STATS_EX(1) == 112)
CHECK(PENDING == 600)
#endif
