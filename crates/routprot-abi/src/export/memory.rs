//! What the host passes by pointer.

use std::ffi::c_void;
use std::net::{IpAddr, Ipv4Addr};
use std::slice;

use waypost_routprot::{AdapterBinding, InfoBlock, InterfaceType, LocalBinding, Refusal, Status};
use waypost_types::Prefix4;

use crate::layout::BindingHead;

/// The most octets that a host may pass or lend: a size beyond it is taken for garbage.
const LARGEST: u32 = 16 << 20;
/// The most UTF-16 units of a name.
const LONGEST_NAME: usize = 4096;
/// The most addresses of an interface.
const MOST_ADDRESSES: u32 = 1 << 16;

/// The octets that the host passes.
///
/// # Safety
/// A pointer that is not NULL points to that many octets, which nobody writes to meanwhile.
pub(super) unsafe fn octets<'a>(pointer: *const c_void, size: u32) -> Result<&'a [u8], Refusal> {
    if size == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Refusal::invalid("a NULL pointer to octets"));
    }
    if size > LARGEST {
        return Err(Refusal::out_of_range("size", size, format!("0..={LARGEST}")));
    }
    // SAFETY: as above.
    Ok(unsafe { slice::from_raw_parts(pointer.cast(), size as usize) })
}

/// A configuration block: the pages say that there is always one structure, so that nothing is read when there are more.
///
/// # Safety
/// A pointer that is not NULL points to `size` octets if `count` is 1.
pub(super) unsafe fn block(
    pointer: *const c_void,
    version: u32,
    size: u32,
    count: u32,
) -> Result<InfoBlock, Refusal> {
    let is_absent = size == 0 || count == 0;
    if !is_absent && count != 1 {
        return Err(Refusal::out_of_range("StructureCount", count, "1"));
    }
    let size_there = if is_absent { 0 } else { size };
    // SAFETY: as above.
    let octets = unsafe { octets(pointer, size_there) }?;
    Ok(InfoBlock {
        version,
        structure_size: size,
        structure_count: count,
        bytes: octets.to_vec(),
    })
}

/// A buffer that the host lends; `None` when it only asks how much is needed.
///
/// # Safety
/// A pointer that is not NULL points to that many octets, which nobody else uses meanwhile.
pub(super) unsafe fn lent<'a>(pointer: *mut c_void, capacity: u32) -> Option<&'a mut [u8]> {
    // A larger buffer is as good as this: nothing longer is ever written.
    let capacity = capacity.min(LARGEST) as usize;
    // SAFETY: as above.
    (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts_mut(pointer.cast(), capacity) })
}

/// The word that a pointer points to; ERROR_INVALID_PARAMETER for NULL.
///
/// # Safety
/// A pointer that is not NULL points to a word.
pub(super) unsafe fn word(name: &str, pointer: *const u32) -> Result<u32, Refusal> {
    if pointer.is_null() {
        return Err(Refusal::invalid("a NULL pointer").at(name));
    }
    // SAFETY: as above.
    Ok(unsafe { pointer.read_unaligned() })
}

/// Writes an answer, if the host wants to have it.
///
/// # Safety
/// A pointer that is not NULL points to one of these.
pub(super) unsafe fn put<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: as above.
        unsafe { pointer.write_unaligned(value) };
    }
}

/// Writes an answer of octets into a buffer that the host lends, and how many there are; ERROR_INSUFFICIENT_BUFFER when it is
/// shorter than they are.
///
/// # Safety
/// Pointers that are not NULL point to `capacity` octets, which nobody else uses meanwhile, and to a word.
pub(super) unsafe fn say(
    words: &[u8],
    pointer: *mut c_void,
    capacity: u32,
    size: *mut u32,
) -> Result<(), Refusal> {
    // SAFETY: as above.
    unsafe { put(size, u32::try_from(words.len()).unwrap_or(u32::MAX)) };
    // SAFETY: as above.
    let lent = unsafe { lent(pointer, capacity) };
    let place = lent.and_then(|lent| lent.get_mut(..words.len()));
    let place =
        place.ok_or_else(|| Refusal::new(Status::ERROR_INSUFFICIENT_BUFFER, "the answer is longer"))?;
    place.copy_from_slice(words);
    Ok(())
}

/// The name of an interface.
///
/// # Safety
/// A pointer that is not NULL points to UTF-16 units with a zero at their end.
pub(super) unsafe fn name(pointer: *const u16) -> Result<String, Refusal> {
    if pointer.is_null() {
        return Err(Refusal::invalid("a NULL pointer").at("InterfaceName"));
    }
    let mut units = Vec::new();
    for at in 0..LONGEST_NAME {
        // SAFETY: no unit before this one was the zero.
        match unsafe { pointer.wrapping_add(at).read_unaligned() } {
            0 => {
                return String::from_utf16(&units)
                    .map_err(|error| Refusal::invalid(error.to_string()).at("InterfaceName"));
            }
            unit => units.push(unit),
        }
    }
    Err(Refusal::invalid("the name does not end").at("InterfaceName"))
}

/// NET_INTERFACE_TYPE.
pub(super) fn interface_type(number: u32) -> Result<InterfaceType, Refusal> {
    Ok(match number {
        0 => InterfaceType::Permanent,
        1 => InterfaceType::DemandDial,
        2 => InterfaceType::LocalWorkstationDial,
        3 => InterfaceType::RemoteWorkstationDial,
        other => return Err(Refusal::out_of_range("InterfaceType", other, "0..=3")),
    })
}

/// An address that is in network order in memory.
pub(super) const fn address(word: u32) -> Ipv4Addr {
    let [a, b, c, d] = word.to_ne_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// IP_ADAPTER_BINDING_INFO with the addresses behind it.
///
/// # Safety
/// A pointer that is not NULL points to the structure, and to as many addresses behind it as it says.
pub(super) unsafe fn binding(pointer: *const c_void) -> Result<AdapterBinding, Refusal> {
    if pointer.is_null() {
        return Err(Refusal::invalid("a NULL pointer").at("StatusInfo"));
    }
    // SAFETY: as above.
    let head = unsafe { pointer.cast::<BindingHead>().read_unaligned() };
    if head.address_count > MOST_ADDRESSES {
        return Err(Refusal::out_of_range(
            "AddressCount",
            head.address_count,
            format!("0..={MOST_ADDRESSES}"),
        ));
    }
    let pairs = pointer.wrapping_byte_add(size_of::<BindingHead>());
    // SAFETY: as above; IP_LOCAL_BINDING is two words.
    let pairs = unsafe { octets(pairs, head.address_count * 8) }?;
    let addresses = pairs.as_chunks::<8>().0.iter().map(|[a, b, c, d, mask @ ..]| {
        let address = Ipv4Addr::new(*a, *b, *c, *d);
        let prefix = Prefix4::from_netmask(address, (*mask).into()).ok()?;
        Some(LocalBinding { address, prefix })
    });
    let addresses: Option<Vec<_>> = addresses.collect();
    Ok(AdapterBinding {
        addresses: addresses
            .ok_or_else(|| Refusal::invalid("a mask that is not a row of ones").at("Address"))?,
        addresses6: Vec::new(),
        remote: (head.remote_address != 0).then(|| IpAddr::V4(address(head.remote_address))),
        mtu: head.mtu,
        speed: head.speed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_status(words: &[u32]) -> Result<AdapterBinding, u32> {
        // SAFETY: the words live through the call, and the tests pass as many addresses as they say.
        unsafe { binding(words.as_ptr().cast()) }.map_err(|refusal| refusal.status.0)
    }

    #[test]
    fn bindings_are_read_and_their_masks_checked() {
        let word = |octets: [u8; 4]| u32::from_ne_bytes(octets);
        let (one, mask) = (word([10, 1, 2, 3]), word([255, 255, 128, 0]));
        let read = of_status(&[1, 0, 1500, 0, 7, 0, one, mask]).unwrap();
        assert_eq!((read.mtu, read.speed, read.remote), (1500, 7, None));
        assert_eq!(read.addresses[0].address.to_string(), "10.1.2.3");
        assert_eq!(read.addresses[0].prefix.to_string(), "10.1.0.0/17");
        assert_eq!(of_status(&[1, 0, 0, 0, 0, 0, one, word([0, 255, 0, 0])]), Err(87));
        assert_eq!(of_status(&[u32::MAX, 0, 0, 0, 0, 0]), Err(87));
        // SAFETY: NULL is what it is about.
        assert!(unsafe { binding(std::ptr::null()) }.is_err());
    }

    #[test]
    fn names_end_and_are_text() {
        // SAFETY: each ends in a zero, or is as long as is read at most.
        let read = |units: &[u16]| unsafe { name(units.as_ptr()) }.map_err(|refusal| refusal.status.0);
        assert_eq!(read(&[0x65, 0x74, 0x68, 0x30, 0]), Ok("eth0".to_owned()));
        assert_eq!(read(&[0xD800, 0]), Err(87));
        assert_eq!(read(&[0x61; LONGEST_NAME]), Err(87));
        // SAFETY: NULL is what it is about.
        assert!(unsafe { name(std::ptr::null()) }.is_err());
    }

    #[test]
    fn hostile_sizes_are_not_read() {
        let few = [1u8, 2, 3];
        let pointer = few.as_ptr().cast();
        // SAFETY: nothing is read, or what there is.
        let read =
            |size, count| unsafe { block(pointer, 1, size, count) }.map_err(|refusal| refusal.status.0);
        assert_eq!(read(3, 1), Ok(InfoBlock::new(1, vec![1, 2, 3])));
        assert_eq!(read(u32::MAX, 1), Err(87));
        assert_eq!(read(1, u32::MAX), Err(87));
        assert!(read(u32::MAX, 0).unwrap().is_absent());
        // SAFETY: NULL is what it is about.
        assert!(unsafe { block(std::ptr::null(), 1, 3, 1) }.is_err());
        // SAFETY: the same.
        let absent = unsafe { block(std::ptr::null(), 1, 0, 0) };
        assert!(absent.unwrap().bytes.is_empty());
    }
}
