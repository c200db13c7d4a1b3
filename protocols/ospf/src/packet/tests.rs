use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::lsa::{self, External, LsaHeader, LsaKey, LsaType, SequenceNumber};
use crate::options::Options;

fn finished(kind: PacketType, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = begin(kind, Ipv4Addr::new(10, 0, 0, 1), AreaId(5), 3, 0);
    body(&mut writer);
    seal(&mut writer, 0, [0; 8], true);
    writer.finish()
}

fn external(number: u8) -> Vec<u8> {
    let key = LsaKey {
        kind: LsaType::AsExternal,
        id: [10, number, 0, 0].into(),
        router: [1, 1, 1, 1].into(),
    };
    let body = External {
        mask: [255, 255, 0, 0].into(),
        type_2: true,
        metric: 20,
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag: 7,
    };
    lsa::build(key, 1, Options::EXTERNAL, SequenceNumber::INITIAL, |writer| {
        body.encode(writer);
    })
}

#[test]
fn the_header_of_the_rfc() {
    let octets = finished(PacketType::LinkStateRequest, |_| {});
    assert_eq!(octets[..12], [2, 3, 0, 24, 10, 0, 0, 1, 0, 0, 0, 5]);
    assert_eq!(octets[14..], [3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let packet = Packet::decode(&octets).unwrap();
    assert!(packet.checksum_is_right());
    assert_eq!(packet.header.instance, 3);
    assert_eq!(packet.header.area, AreaId(5));
}

#[test]
fn refuses_what_is_no_packet() {
    let sound = finished(PacketType::Hello, |writer| {
        writer.zeros(20);
    });
    let with = |at: usize, value: u8| {
        let mut octets = sound.clone();
        octets[at] = value;
        Packet::decode(&octets).unwrap_err()
    };
    assert_eq!(Packet::decode(&sound[..23]).unwrap_err(), PacketError::Short(23));
    assert_eq!(with(0, 3), PacketError::Version(3));
    assert_eq!(with(1, 0), PacketError::Type(0));
    assert_eq!(with(1, 6), PacketError::Type(6));
    for claimed in [23, 45] {
        let actual = 44;
        assert_eq!(
            with(3, claimed),
            PacketError::Length {
                claimed: claimed.into(),
                actual
            }
        );
    }
}

#[test]
fn bodies_that_are_not_whole_are_refused() {
    use PacketType::{
        DatabaseDescription, Hello, LinkStateAcknowledgment, LinkStateRequest, LinkStateUpdate,
    };
    for (kind, right, wrong) in [
        (Hello, vec![20, 24, 60], vec![0, 19, 21, 23]),
        (DatabaseDescription, vec![8, 28, 48], vec![0, 7, 9, 27]),
        (LinkStateRequest, vec![0, 12, 24], vec![1, 11, 13]),
        (LinkStateUpdate, vec![4], vec![0, 3, 5]),
        (LinkStateAcknowledgment, vec![0, 20, 40], vec![1, 19, 21]),
    ] {
        let body = |length: usize| {
            let octets = finished(kind, |writer| {
                writer.zeros(length);
            });
            Packet::decode(&octets).unwrap().body().map(|_| ())
        };
        for length in right {
            assert_eq!(body(length), Ok(()), "{kind:?} {length}");
        }
        for length in wrong {
            assert!(body(length).is_err(), "{kind:?} {length}");
        }
    }
}

#[test]
fn an_update_is_filled_exactly_by_its_lsas() {
    let update = |count: u32, lsas: &[Vec<u8>]| {
        let octets = finished(PacketType::LinkStateUpdate, |writer| {
            writer.u32(count).slice(&lsas.concat());
        });
        match Packet::decode(&octets).unwrap().body() {
            Ok(Body::LinkStateUpdate(update)) => {
                Ok(update.iter().map(|lsa| lsa.octets().to_vec()).collect::<Vec<_>>())
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
    };
    let lsas = [external(1), external(2)];
    assert_eq!(update(2, &lsas).unwrap(), lsas);
    for count in [0, 1, 3, u32::MAX] {
        assert!(update(count, &lsas).is_err(), "{count}");
    }
    // An LSA whose length leaves the packet, or is shorter than its own header.
    for length in [37, 19, 0, 65_535] {
        let mut bad = external(3);
        bad[18..20].copy_from_slice(&u16::to_be_bytes(length));
        assert!(update(1, &[bad]).is_err(), "{length}");
    }
}

#[test]
fn an_lsa_that_is_wrong_does_not_hide_the_others() {
    let mut unknown = external(1);
    unknown[3] = 99;
    let mut damaged = external(2);
    damaged[30] ^= 1;
    let octets = finished(PacketType::LinkStateUpdate, |writer| {
        writer.u32(3).slice(&unknown).slice(&damaged).slice(&external(3));
    });
    let Ok(Body::LinkStateUpdate(update)) = Packet::decode(&octets).unwrap().body() else {
        panic!("no update");
    };
    let seen: Vec<_> = update
        .iter()
        .map(|lsa| {
            (
                lsa.checksum_is_right(),
                lsa.header().map(|header| header.key.kind),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (false, Err(99)),
            (false, Ok(LsaType::AsExternal)),
            (true, Ok(LsaType::AsExternal))
        ]
    );
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

prop_compose! {
    fn header()(
        age in 0..=lsa::MAX_AGE,
        (options, sequence, checksum, length) in any::<(u8, i32, u16, u16)>(),
        kind in prop::sample::select(LsaType::ALL.as_slice()),
        id in address(),
        router in address(),
    ) -> LsaHeader {
        LsaHeader {
            age,
            options: Options::read(options),
            key: LsaKey { kind, id, router },
            sequence: SequenceNumber(sequence),
            checksum,
            length,
        }
    }
}

proptest! {
    #[test]
    fn hellos_are_read_as_written(
        (mask, designated_router, backup) in (address(), address(), address()),
        (hello_interval, options, priority, dead_interval) in any::<(u16, u8, u8, u32)>(),
        neighbors in prop::collection::vec(address(), 0..50),
    ) {
        let fields = HelloFields {
            mask,
            hello_interval,
            options: Options::read(options),
            priority,
            dead_interval,
            designated_router,
            backup,
        };
        let octets = finished(PacketType::Hello, |writer| fields.encode(neighbors.iter().copied(), writer));
        let packet = Packet::decode(&octets).unwrap();
        let Ok(Body::Hello(hello)) = packet.body() else { panic!("no Hello") };
        prop_assert_eq!(hello.fields, fields);
        prop_assert_eq!(hello.neighbors().collect::<Vec<_>>(), neighbors);
    }

    #[test]
    fn descriptions_and_acknowledgments_are_read_as_written(
        (mtu, options, flags, sequence) in any::<(u16, u8, u8, u32)>(),
        headers in prop::collection::vec(header(), 0..50),
    ) {
        let (options, flags) = (Options::read(options), DescriptionFlags::from_bits_retain(flags));
        let octets = finished(PacketType::DatabaseDescription, |writer| {
            DatabaseDescription::encode_fixed(writer, mtu, options, flags, sequence);
            headers.iter().for_each(|header| header.encode(writer));
        });
        let Ok(Body::DatabaseDescription(read)) = Packet::decode(&octets).unwrap().body() else {
            panic!("no description");
        };
        prop_assert_eq!((read.mtu, read.options, read.flags, read.sequence), (mtu, options, flags, sequence));
        let read: Result<Vec<_>, _> = read.headers.iter().collect();
        prop_assert_eq!(read.as_ref(), Ok(&headers));
        let octets = finished(PacketType::LinkStateAcknowledgment, |writer| {
            headers.iter().for_each(|header| header.encode(writer));
        });
        let Ok(Body::LinkStateAcknowledgment(read)) = Packet::decode(&octets).unwrap().body() else {
            panic!("no acknowledgment");
        };
        prop_assert_eq!(read.len(), headers.len());
        prop_assert_eq!(read.iter().collect::<Result<Vec<_>, _>>(), Ok(headers));
    }

    #[test]
    fn requests_are_read_as_written(
        requests in prop::collection::vec(
            (any::<u32>(), address(), address()).prop_map(|(kind, id, router)| Request { kind, id, router }),
            0..50,
        ),
    ) {
        let octets = finished(PacketType::LinkStateRequest, |writer| {
            requests.iter().for_each(|request| request.encode(writer));
        });
        let Ok(Body::LinkStateRequest(read)) = Packet::decode(&octets).unwrap().body() else {
            panic!("no request");
        };
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), requests);
    }

    #[test]
    fn any_octets(mut octets in prop::collection::vec(any::<u8>(), 0..400), kind in 1_u8..6, length: bool) {
        if octets.len() >= HEADER_LENGTH {
            octets[..2].copy_from_slice(&[2, kind]);
            if length {
                let actual = octets.len() as u16;
                octets[2..4].copy_from_slice(&actual.to_be_bytes());
            }
        }
        if let Ok(packet) = Packet::decode(&octets) {
            prop_assert_eq!(packet.octets().len() + packet.trailer().len(), octets.len());
            if let Ok(Body::LinkStateUpdate(update)) = packet.body() {
                prop_assert!(update.iter().count() as u32 == update.len());
            }
        }
    }
}
