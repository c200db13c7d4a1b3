/* The address functions of rtmv2.h, over every length. Exit status 0 when all is right, else the number of the check. */
#include <waypost/rtmv2.h>

static ULONG network_order(ULONG host) {
    const UCHAR octets[4] = {(UCHAR)(host >> 24), (UCHAR)(host >> 16), (UCHAR)(host >> 8), (UCHAR)host};
    ULONG value;
    memcpy(&value, octets, sizeof(value));
    return value;
}

int main(void) {
    for (ULONG length = 0; length <= 32; length++) {
        const ULONG mask = network_order(length == 0 ? 0 : 0xFFFFFFFFu << (32 - length));
        if (RTM_IPV4_MASK_FROM_LEN(length) != mask) return 1;
        if (RtmIpv4LenFromMask(mask) != length) return 2;
        RTM_NET_ADDRESS address;
        memset(&address, 0xA5, sizeof(address));
        RTM_IPV4_SET_ADDR_AND_MASK(&address, network_order(0xC0000201u), mask);
        if (address.AddressFamily != 2 || address.NumBits != length) return 3;
        if (address.AddrBits[0] != 0xC0 || address.AddrBits[3] != 0x01 || address.AddrBits[4] != 0) return 4;
        ULONG read = 0, read_mask = 0, read_length = 0;
        RTM_IPV4_GET_ADDR_AND_MASK(read, read_mask, &address);
        if (read != network_order(0xC0000201u) || read_mask != mask) return 5;
        RTM_IPV4_GET_ADDR_AND_LEN(read, read_length, &address);
        if (read_length != length) return 6;
    }
    if (RTM_IPV4_MASK_FROM_LEN(33) != 0xFFFFFFFFu) return 7;
    /* A mask with a hole is measured up to the hole, and terminates. */
    if (RtmIpv4LenFromMask(network_order(0xFF00FF00u)) != 8) return 8;
    return 0;
}
