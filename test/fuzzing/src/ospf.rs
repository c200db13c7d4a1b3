//! OSPF packets and LSAs.

use std::net::Ipv4Addr;

use waypost_ospf::AreaId;
use waypost_ospf::authentication::{Key, Method, Policy, Seal, verify};
use waypost_ospf::checksum::{internet_sum, lsa_checksum, lsa_checksum_is_right};
use waypost_ospf::lsa::grace::Grace;
use waypost_ospf::lsa::router_information::RouterInformation;
use waypost_ospf::lsa::{Body as LsaBody, LSA_HEADER_LENGTH, MAX_AGE, NetworkBody, RawLsa, RouterBody};
use waypost_ospf::packet::{
    Body, DatabaseDescription, HEADER_LENGTH, HelloFields, Packet, PacketError, PacketType, begin, lls,
};
use waypost_types::WallTime;
use waypost_wire::{DigestAlgorithm, Secret, Writer};

/// A decoder of packets.
pub type Decode = for<'a> fn(&'a [u8]) -> Result<Packet<'a>, PacketError>;

pub(crate) fn run(octets: &[u8]) {
    laws(|octets| Packet::decode(octets), octets);
}

/// What must hold for any octets that may be a packet.
pub fn laws(decode: Decode, octets: &[u8]) {
    let claimed = octets.get(2..4).map_or(0, |length| {
        usize::from(u16::from_be_bytes([length[0], length[1]]))
    });
    let sound = octets.len() >= HEADER_LENGTH
        && octets[0] == 2
        && (1..=5).contains(&octets[1])
        && (HEADER_LENGTH..=octets.len()).contains(&claimed);
    let packet = match decode(octets) {
        Ok(packet) => packet,
        Err(error) => {
            assert!(!sound, "a sound packet is refused: {error}");
            return;
        }
    };
    assert!(sound, "an unsound packet is taken");
    assert_eq!(packet.octets(), &octets[..claimed]);
    assert_eq!(packet.trailer(), &octets[claimed..]);
    let mut covered = octets[..16].to_vec();
    covered.extend(&octets[HEADER_LENGTH..claimed]);
    assert_eq!(packet.checksum_is_right(), internet_sum(&[&covered]) == 0xFFFF);
    if let Ok(body) = packet.body() {
        written_as_read(&packet, body);
    }
    for authenticated in [false, true] {
        if let Some(block) = lls::Block::decode(packet.trailer(), authenticated) {
            let length: usize = block.tlvs().map(|(_, value)| 4 + value.len()).sum();
            assert!(length <= packet.trailer().len());
        }
    }
    authentication(&packet);
}

/// What a body says, written again, is the body.
fn written_as_read(packet: &Packet<'_>, body: Body<'_>) {
    let octets = &packet.octets()[HEADER_LENGTH..];
    let mut writer = Writer::new();
    match body {
        Body::Hello(hello) => {
            let fields: HelloFields = hello.fields;
            fields.encode(hello.neighbors(), &mut writer);
        }
        Body::DatabaseDescription(description) => {
            DatabaseDescription::encode_fixed(
                &mut writer,
                description.mtu,
                description.options,
                description.flags,
                description.sequence,
            );
            for header in description.headers.iter() {
                let Ok(header) = header else { return };
                header.encode(&mut writer);
            }
            ages_are_cut(&mut writer, octets, DatabaseDescription::FIXED);
        }
        Body::LinkStateRequest(requests) => requests.iter().for_each(|request| request.encode(&mut writer)),
        Body::LinkStateAcknowledgment(headers) => {
            for header in headers.iter() {
                let Ok(header) = header else { return };
                header.encode(&mut writer);
            }
            ages_are_cut(&mut writer, octets, 0);
        }
        Body::LinkStateUpdate(update) => {
            writer.u32(update.len());
            for lsa in update.iter() {
                lsa_laws(lsa);
                writer.slice(lsa.octets());
            }
        }
    }
    assert_eq!(writer.as_slice(), octets, "a body is not written as it was read");
}

/// Ages above MaxAge are read as MaxAge: puts what was received in their place.
fn ages_are_cut(writer: &mut Writer, received: &[u8], start: usize) {
    for at in (start..received.len()).step_by(LSA_HEADER_LENGTH) {
        let age = u16::from_be_bytes([received[at], received[at + 1]]);
        if age > MAX_AGE {
            assert_eq!(writer.as_slice()[at..at + 2], MAX_AGE.to_be_bytes());
            writer.patch(at, &received[at..at + 2]);
        }
    }
}

/// What must hold for any LSA.
fn lsa_laws(lsa: RawLsa<'_>) {
    let octets = lsa.octets();
    let mut repaired = octets.to_vec();
    let checksum = lsa_checksum(octets);
    repaired[16..18].copy_from_slice(&checksum.to_be_bytes());
    assert!(lsa_checksum_is_right(&repaired), "a computed checksum is wrong");
    let Ok(header) = lsa.header() else { return };
    assert_eq!(usize::from(header.length), octets.len());
    let body = lsa.body_octets();
    let Ok(read) = LsaBody::decode(header.key, body) else {
        return;
    };
    let mut writer = Writer::new();
    match read {
        LsaBody::Router(router) => {
            let links: Vec<_> = router.links().collect();
            RouterBody::encode(&mut writer, router.flags, &links);
        }
        LsaBody::Network(network) => NetworkBody::encode(&mut writer, network.mask, network.routers()),
        LsaBody::Summary(summary) => summary.encode(&mut writer),
        LsaBody::AsbrSummary(summary) => summary.encode(&mut writer),
        LsaBody::AsExternal(external) | LsaBody::Nssa(external) => external.encode(&mut writer),
        LsaBody::Opaque(opaque) => {
            let length: usize = opaque.tlvs().map(|(_, value)| 4 + value.len()).sum();
            assert!(length <= body.len(), "TLVs leave their LSA");
            drop((Grace::decode(&opaque), RouterInformation::decode(&opaque)));
            return;
        }
    }
    // What is written leaves out metrics of other types of service; it says the same otherwise.
    let written = writer.finish();
    assert!(written.len() <= body.len());
    let again = LsaBody::decode(header.key, &written).expect("what was written is read");
    match (read, again) {
        (LsaBody::Router(a), LsaBody::Router(b)) => {
            assert_eq!(a.flags, b.flags);
            assert!(a.links().eq(b.links()));
        }
        (LsaBody::Network(a), LsaBody::Network(b)) => {
            assert_eq!(a.mask, b.mask);
            assert!(a.routers().eq(b.routers()));
        }
        (LsaBody::Summary(a), LsaBody::Summary(b)) => assert_eq!(a, b),
        (LsaBody::AsbrSummary(a), LsaBody::AsbrSummary(b)) => assert_eq!(a, b),
        (LsaBody::AsExternal(a), LsaBody::AsExternal(b)) | (LsaBody::Nssa(a), LsaBody::Nssa(b)) => {
            assert_eq!(a, b);
        }
        _ => panic!("an LSA changed its type"),
    }
}

/// The secret of these tests.
const SECRET: &str = "fuzz";
/// From where packets come.
const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

fn policy(method: Method) -> Policy {
    let algorithms = [
        DigestAlgorithm::HmacSha1,
        DigestAlgorithm::HmacSha256,
        DigestAlgorithm::HmacSha384,
        DigestAlgorithm::HmacSha512,
        DigestAlgorithm::KeyedMd5,
    ];
    let keys = algorithms.into_iter().zip(0..).map(|(algorithm, id)| Key {
        id,
        secret: Secret::new(SECRET),
        algorithm,
        long_secrets: None,
        accept_from: None,
        accept_until: None,
        send_from: Some(WallTime(u64::from(id) * 1000)),
        send_until: None,
    });
    Policy {
        method,
        password: *b"fuzzfuzz",
        keys: keys.collect(),
    }
}

/// Octets from outside are believed only in their own bounds; what was sealed is believed, and nothing near it.
fn authentication(packet: &Packet<'_>) {
    let octets = packet.octets();
    let sum = octets.iter().fold(0, |sum: u8, octet| sum ^ octet);
    // The date picks the key, and so the algorithm.
    let now = WallTime(u64::from(sum % 5) * 1000);
    for method in [
        Method::None,
        Method::Simple,
        Method::Cryptographic,
        Method::Extended,
    ] {
        let policy = policy(method);
        if let Ok(authentic) = verify(packet, &policy, SOURCE, now) {
            assert!(packet.trailer().ends_with(authentic.rest));
            let digest = matches!(method, Method::Cryptographic | Method::Extended);
            assert_eq!(authentic.sequence.is_some(), digest);
        }
        let seal = Seal::of(&policy, now).expect("a key is valid at any time");
        let mut writer = begin(PacketType::LinkStateUpdate, SOURCE, AreaId(0), 0, octets.len());
        writer.slice(&octets[HEADER_LENGTH..]);
        seal.finish(&mut writer, 7, SOURCE);
        let mut sealed = writer.finish();
        assert_eq!(sealed.len(), octets.len() + seal.trailer_length());
        let believed = |octets: &[u8]| {
            let packet = Packet::decode(octets).ok();
            packet.and_then(|packet| verify(&packet, &policy, SOURCE, now).ok().map(|_| ()))
        };
        assert!(believed(&sealed).is_some(), "what was sealed is not believed");
        let at = usize::from(sum) * 31 % sealed.len();
        sealed[at] ^= 1 << (sum % 8);
        let changed = believed(&sealed).is_some();
        // Nothing covers the authentication field without authentication.
        let covered = method != Method::None || !(16..HEADER_LENGTH).contains(&at);
        assert!(!changed || !covered, "a packet changed at octet {at} is believed");
    }
}
