use std::net::Ipv4Addr;

use proptest::prelude::*;
use waypost_wire::Writer;

use super::body::{LinkType, RouterFlags, RouterLink};
use super::grace::{Grace, Reason};
use super::opaque::Opaque;
use super::router_information::{Capabilities, RouterInformation};
use super::*;

fn key(kind: LsaType) -> LsaKey {
    LsaKey {
        kind,
        id: [10, 0, 0, 0].into(),
        router: [1, 1, 1, 1].into(),
    }
}

fn header(sequence: i32, checksum: u16, age: u16) -> LsaHeader {
    LsaHeader {
        age,
        options: Options::default(),
        key: key(LsaType::Router),
        sequence: SequenceNumber(sequence),
        checksum,
        length: 20,
    }
}

fn octets_of(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.finish()
}

#[test]
fn which_instance_is_newer() {
    use Freshness::{Newer, Older, Same};
    let base = header(5, 100, 10);
    // RFC 2328 §13.1, rule by rule; each case also the other way round.
    for (other, expected) in [
        (header(5, 100, 10), Same),
        (header(6, 1, 10), Newer),
        (header(SequenceNumber::INITIAL.0, 60_000, 0), Older),
        (header(5, 101, 10), Newer),
        (header(5, 99, 10), Older),
        (header(5, 100, MAX_AGE), Newer),
        (header(5, 100, 910), Same),
        (header(5, 100, 911), Older),
        (header(5, 100, 0), Same),
        // MaxAge does not beat a higher sequence number.
        (header(4, 100, MAX_AGE), Older),
    ] {
        assert_eq!(other.freshness(&base), expected, "{other:?}");
        let reverse = match expected {
            Older => Newer,
            Same => Same,
            Newer => Older,
        };
        assert_eq!(base.freshness(&other), reverse, "{other:?}");
    }
    let (old, new) = (header(5, 100, MAX_AGE), header(5, 100, 2701));
    assert_eq!(
        old.freshness(&new),
        Newer,
        "one alone at MaxAge is newer, however close the ages"
    );
    assert_eq!(header(5, 100, MAX_AGE).freshness(&header(5, 100, MAX_AGE)), Same);
}

#[test]
fn sequence_numbers_end() {
    assert_eq!(SequenceNumber::INITIAL.next(), Some(SequenceNumber(-0x7FFF_FFFE)));
    assert!(SequenceNumber::RESERVED < SequenceNumber::INITIAL);
    assert_eq!(SequenceNumber::MAX.next(), None);
}

#[test]
fn ages_beyond_the_maximum_are_the_maximum() {
    for age in [3600_u16, 3601, 0x8000, 0xFFFF] {
        let lsa = build(
            key(LsaType::Router),
            age,
            Options::default(),
            SequenceNumber(1),
            |writer| {
                RouterBody::encode(writer, RouterFlags::default(), &[]);
            },
        );
        let (raw, _) = RawLsa::split(&lsa).unwrap();
        assert_eq!(raw.header().unwrap().age, MAX_AGE);
        assert!(raw.header().unwrap().is_max_age());
    }
}

#[test]
fn metrics_of_other_types_of_service_are_skipped() {
    let link = |id: u8| RouterLink {
        kind: LinkType::Stub,
        id: [10, id, 0, 0].into(),
        data: [255, 255, 0, 0].into(),
        metric: u16::from(id),
    };
    let mut octets = octets_of(|writer| RouterBody::encode(writer, RouterFlags::BORDER, &[link(1), link(2)]));
    // Two metrics of other types behind the first link.
    octets[13] = 2;
    octets.splice(16..16, [1, 0, 0, 9, 2, 0, 0, 9]);
    let Ok(Body::Router(router)) = Body::decode(key(LsaType::Router), &octets) else {
        panic!("no router-LSA");
    };
    assert_eq!(router.links().collect::<Vec<_>>(), [link(1), link(2)]);
    octets[13] = 3;
    assert!(Body::decode(key(LsaType::Router), &octets).is_err());

    let summary = Summary {
        mask: [255, 0, 0, 0].into(),
        metric: 7,
    };
    let mut octets = octets_of(|writer| summary.encode(writer));
    octets.extend([1, 0, 0, 9]);
    let Ok(Body::Summary(read)) = Body::decode(key(LsaType::Summary), &octets) else {
        panic!("no summary-LSA");
    };
    assert_eq!(read, summary);
    octets.pop();
    assert!(Body::decode(key(LsaType::Summary), &octets).is_err());
}

#[test]
fn the_count_of_links_is_believed_only_when_it_fits() {
    for count in [0_u16, 2, 0xFFFF] {
        let mut octets = octets_of(|writer| {
            let link = RouterLink {
                kind: LinkType::Other(9),
                id: [1; 4].into(),
                data: [2; 4].into(),
                metric: 3,
            };
            RouterBody::encode(writer, RouterFlags::default(), &[link]);
        });
        assert!(Body::decode(key(LsaType::Router), &octets).is_ok());
        octets[2..4].copy_from_slice(&count.to_be_bytes());
        assert!(Body::decode(key(LsaType::Router), &octets).is_err(), "{count}");
    }
}

#[test]
fn grace_is_read_whatever_else_is_there() {
    let grace = Grace {
        period: 120,
        reason: Reason::SoftwareUpgrade,
        address: Some([192, 0, 2, 1].into()),
    };
    let mut octets = octets_of(|writer| {
        opaque::encode_tlv(writer, 99, b"what is this");
        grace.encode(writer);
        opaque::encode_tlv(writer, 1, &7_u32.to_be_bytes());
    });
    let id = opaque::link_state_id(opaque::GRACE, 0);
    assert_eq!(Grace::decode(&Opaque::new(id, &octets)), Some(grace));
    // Without reason or period it is none.
    octets.truncate(16);
    assert_eq!(Grace::decode(&Opaque::new(id, &octets)), None);
    let reason = octets_of(|writer| opaque::encode_tlv(writer, 2, &[1]));
    assert_eq!(Grace::decode(&Opaque::new(id, &reason)), None);
    let short = octets_of(|writer| {
        opaque::encode_tlv(writer, 1, &[0, 1]);
        opaque::encode_tlv(writer, 2, &[1]);
    });
    assert_eq!(Grace::decode(&Opaque::new(id, &short)), None);
}

#[test]
fn host_names_of_others_are_harmless() {
    let octets = octets_of(|writer| {
        opaque::encode_tlv(writer, 7, b"r1\x1B[2J\n");
        opaque::encode_tlv(writer, 7, b"second");
        opaque::encode_tlv(writer, 1, &[0x80, 0, 0, 0, 1, 2, 3, 4]);
    });
    let id = opaque::link_state_id(opaque::ROUTER_INFORMATION, 0);
    let read = RouterInformation::decode(&Opaque::new(id, &octets));
    assert_eq!(read.hostname.as_deref(), Some("r1?[2J?"));
    assert_eq!(read.capabilities, Some(Capabilities::GRACEFUL_RESTART));
    let long = octets_of(|writer| opaque::encode_tlv(writer, 7, &[b'a'; 256]));
    assert_eq!(RouterInformation::decode(&Opaque::new(id, &long)).hostname, None);
    let ours = RouterInformation {
        capabilities: Some(Capabilities::STUB_ROUTER),
        hostname: Some("a".repeat(300)),
    };
    let octets = octets_of(|writer| ours.encode(writer));
    let read = RouterInformation::decode(&Opaque::new(id, &octets));
    assert_eq!(read.hostname.map(|name| name.len()), Some(255));
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

prop_compose! {
    fn link()(kind in 0_u8..7, id in address(), data in address(), metric: u16) -> RouterLink {
        let kind = match kind {
            1 => LinkType::PointToPoint,
            2 => LinkType::Transit,
            3 => LinkType::Stub,
            4 => LinkType::Virtual,
            other => LinkType::Other(other),
        };
        RouterLink { kind, id, data, metric }
    }
}

prop_compose! {
    fn external()(
        mask in address(),
        type_2: bool,
        metric in 0..=LS_INFINITY,
        forwarding in address(),
        tag: u32,
    ) -> External {
        External { mask, type_2, metric, forwarding, tag }
    }
}

proptest! {
    #[test]
    fn bodies_are_read_as_written(
        flags: u8,
        links in prop::collection::vec(link(), 0..40),
        mask in address(),
        routers in prop::collection::vec(address(), 0..40),
        metric in 0..=LS_INFINITY,
        external in external(),
    ) {
        let flags = RouterFlags::from_bits_retain(flags);
        let octets = octets_of(|writer| RouterBody::encode(writer, flags, &links));
        let Ok(Body::Router(read)) = Body::decode(key(LsaType::Router), &octets) else { panic!("no router") };
        prop_assert_eq!(read.flags, flags);
        prop_assert_eq!(read.links().collect::<Vec<_>>(), links);

        let octets = octets_of(|writer| NetworkBody::encode(writer, mask, routers.iter().copied()));
        let Ok(Body::Network(read)) = Body::decode(key(LsaType::Network), &octets) else { panic!("no network") };
        prop_assert_eq!(read.mask, mask);
        prop_assert_eq!(read.routers().collect::<Vec<_>>(), routers);

        let octets = octets_of(|writer| Summary { mask, metric }.encode(writer));
        let Ok(Body::Summary(read)) = Body::decode(key(LsaType::Summary), &octets) else { panic!("no summary") };
        prop_assert_eq!(read, Summary { mask, metric });

        let octets = octets_of(|writer| AsbrSummary { metric }.encode(writer));
        let Ok(Body::AsbrSummary(read)) = Body::decode(key(LsaType::AsbrSummary), &octets) else { panic!("no ASBR") };
        prop_assert_eq!(read, AsbrSummary { metric });

        let octets = octets_of(|writer| external.encode(writer));
        let Ok(Body::AsExternal(read)) = Body::decode(key(LsaType::AsExternal), &octets) else { panic!("no external") };
        prop_assert_eq!(read, external);
        let Ok(Body::Nssa(read)) = Body::decode(key(LsaType::Nssa), &octets) else { panic!("no NSSA") };
        prop_assert_eq!(read, external);
    }

    #[test]
    fn whole_lsas_are_read_as_written(
        age in 0..MAX_AGE,
        options: u8,
        sequence: i32,
        kind in prop::sample::select(LsaType::ALL.as_slice()),
        body in prop::collection::vec(any::<u8>(), 0..200),
        rest in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let options = Options::read(options);
        let lsa = build(key(kind), age, options, SequenceNumber(sequence), |writer| {
            writer.slice(&body);
        });
        let octets = [lsa.as_slice(), &rest].concat();
        let (raw, left) = RawLsa::split(&octets).unwrap();
        prop_assert_eq!(left, rest.as_slice());
        prop_assert!(raw.checksum_is_right());
        prop_assert_eq!(raw.body_octets(), body.as_slice());
        let header = raw.header().unwrap();
        prop_assert_eq!((header.age, header.options, header.key), (age, options, key(kind)));
        prop_assert_eq!(header.sequence, SequenceNumber(sequence));
        prop_assert_eq!(usize::from(header.length), lsa.len());
        let again = octets_of(|writer| header.encode(writer));
        prop_assert_eq!(again.as_slice(), &lsa[..LSA_HEADER_LENGTH]);
    }

    #[test]
    fn freshness_is_antisymmetric(a in any::<(i32, u8)>(), b in any::<(i32, u8)>(), ages in (0..=MAX_AGE, 0..=MAX_AGE)) {
        let (a, b) = (header(a.0 % 3, a.1.into(), ages.0), header(b.0 % 3, b.1.into(), ages.1));
        let reverse = match a.freshness(&b) {
            Freshness::Older => Freshness::Newer,
            Freshness::Same => Freshness::Same,
            Freshness::Newer => Freshness::Older,
        };
        prop_assert_eq!(b.freshness(&a), reverse);
    }

    #[test]
    fn any_octets(body in prop::collection::vec(any::<u8>(), 0..300), id: u32) {
        for kind in LsaType::ALL {
            let key = LsaKey { kind, id: Ipv4Addr::from_bits(id), router: Ipv4Addr::UNSPECIFIED };
            match Body::decode(key, &body) {
                Ok(Body::Router(router)) => prop_assert!(router.links().count() <= body.len() / RouterLink::LENGTH),
                Ok(Body::Opaque(opaque)) => {
                    prop_assert!(opaque.tlvs().count() <= body.len() / 4);
                    let _ = (Grace::decode(&opaque), RouterInformation::decode(&opaque));
                }
                _ => {}
            }
        }
    }
}
