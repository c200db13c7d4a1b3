//! Keys of the infobase's rows. Rows themselves are read inside `waypost-infobase` only, whose own tests cover them.

use waypost_infobase::{BlockKey, BlockScope};

use crate::Script;

pub(crate) fn run(octets: &[u8]) {
    if let Ok(key) = BlockKey::from_octets(octets) {
        assert_eq!(key.to_octets(), octets, "a key has two forms");
    }
    let mut script = Script::new(octets);
    let mut any = || {
        let kind = waypost_types::ProtocolId(script.octet().into());
        let name = String::from_utf8_lossy(script.octets(20)).into_owned();
        let scope = [
            BlockScope::Router,
            BlockScope::Protocol,
            BlockScope::Interface(name),
        ];
        let [router, protocol, interface] = scope;
        let scope = match script.octet() % 4 {
            0 => router,
            1 => protocol,
            _ => interface,
        };
        BlockKey { scope, kind }
    };
    let (one, other) = (any(), any());
    for key in [&one, &other] {
        assert_eq!(BlockKey::from_octets(&key.to_octets()).as_ref(), Ok(key));
    }
    assert_eq!(
        one.cmp(&other),
        one.to_octets().cmp(&other.to_octets()),
        "rows are not in the order of their keys"
    );
}
