//! On whose behalf a connection was made, as far as the kernel of this machine knows.

use std::net::{IpAddr, SocketAddr};

/// The user who owns the other end of a connection of this machine with itself; `None` for one from elsewhere.
///
/// May take a while on a machine with many connections.
pub(crate) fn user_of(peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    // The other end has its ends the other way round.
    let ends = (written(peer), written(local));
    // Of the calling thread, which shows the network namespace that it is in.
    let file = match peer.ip().to_canonical() {
        IpAddr::V4(_) => "/proc/thread-self/net/tcp",
        IpAddr::V6(_) => "/proc/thread-self/net/tcp6",
    };
    owner(&std::fs::read_to_string(file).ok()?, &ends)
}

/// An address and a port as the kernel writes them: words of 32 bits in its own byte order, in hexadecimal.
fn written(end: SocketAddr) -> String {
    let word = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
    let address = match end.ip().to_canonical() {
        IpAddr::V4(address) => word(address.octets()),
        IpAddr::V6(address) => address
            .octets()
            .as_chunks()
            .0
            .iter()
            .map(|octets| word(*octets))
            .collect(),
    };
    format!("{address}:{:04X}", end.port())
}

/// The owner of the connection between these ends, in a table such as `/proc/net/tcp`: the column `uid`.
fn owner(table: &str, (near, far): &(String, String)) -> Option<u32> {
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let found = columns.next()? == near && columns.next()? == far;
        if found { columns.nth(4)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use waypost_sys::process;

    use super::*;

    #[test]
    fn the_kernel_knows_the_owner_of_a_connection() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine without IPv6 has no such address.
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let local = listener.local_addr().unwrap();
            let stream = TcpStream::connect(local).unwrap();
            let peer = stream.local_addr().unwrap();
            assert_eq!(user_of(peer, local), Some(process::effective_user()), "{address}");
            let nobody = SocketAddr::new(peer.ip(), 1);
            assert_eq!(user_of(nobody, local), None, "{address}");
        }
    }

    #[test]
    fn lines_that_make_no_sense_are_passed_over() {
        let ends = ("A:1".to_owned(), "B:2".to_owned());
        let table = "  sl  local rem st\n\n 0: A:1\n 1: A:1 B:2 01\n 2: A:1 B:2 01 0:0 0:0 0 1000 0 7\n";
        assert_eq!(owner(table, &ends), Some(1000));
        assert_eq!(owner("", &ends), None);
    }
}
