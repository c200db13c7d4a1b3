//! What went through each interface, as `/proc/net/dev` says it.

use std::collections::BTreeMap;
use std::io;

use waypost_api::LinkCounters;

/// Of the calling thread, which shows the network namespace that it is in.
const FILE: &str = "/proc/thread-self/net/dev";

/// The counters of every interface the kernel has.
pub(crate) fn counters() -> io::Result<BTreeMap<String, LinkCounters>> {
    Ok(parse(&std::fs::read_to_string(FILE)?))
}

/// Lines such as `eth0: 1 2 3 ...` after two of headings: eight columns received, eight sent. Others are passed over.
fn parse(text: &str) -> BTreeMap<String, LinkCounters> {
    text.lines().skip(2).filter_map(line).collect()
}

fn line(text: &str) -> Option<(String, LinkCounters)> {
    // No name has a colon in it.
    let (name, columns) = text.split_once(':')?;
    let mut columns = columns.split_ascii_whitespace().map(|column| column.parse().ok());
    let mut next = || columns.next().flatten();
    let counters = LinkCounters {
        rx_octets: next()?,
        rx_packets: next()?,
        rx_errors: next()?,
        rx_dropped: next()?,
        ..LinkCounters::default()
    };
    // fifo, frame, compressed, multicast
    for _ in 0..4 {
        next()?;
    }
    let counters = LinkCounters {
        tx_octets: next()?,
        tx_packets: next()?,
        tx_errors: next()?,
        tx_dropped: next()?,
        ..counters
    };
    Some((name.trim().to_owned(), counters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_name() {
        let text = "Inter-|   Receive | Transmit\n face |bytes packets\n  \
                    eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n<b>x: 9 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0\nbroken: 1 2\n";
        let found = parse(text);
        let eth0 = LinkCounters {
            rx_octets: 1,
            rx_packets: 2,
            rx_errors: 3,
            rx_dropped: 4,
            tx_octets: 9,
            tx_packets: 10,
            tx_errors: 11,
            tx_dropped: 12,
        };
        assert_eq!(found["eth0"], eth0);
        assert_eq!((found["<b>x"].rx_octets, found["<b>x"].tx_octets), (9, 8));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn the_kernel_has_a_loopback_device() {
        assert!(counters().unwrap().contains_key("lo"));
    }
}
