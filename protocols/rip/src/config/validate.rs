//! What a configuration may say, in whichever form it came.
//!
//! An update interval longer than the expiration interval works, badly: it is taken, with a caution (rras-blocks P-128).

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;

use waypost_policy::MAX_NAME;
use waypost_routprot::Refusal;
use waypost_types::{Prefix4, ProtocolId, WallTime};
use waypost_wire::DigestAlgorithm;

use super::secrets::password_error;
use super::{
    Action, Adjustment, Authentication, Effective, FilterRule, GlobalConfig, InterfaceConfig, Key,
    MetricChange, Options, PrefixMatch, Redistribution,
};
use crate::authentication::Seal;
use crate::packet::{ENTRY_LENGTH, HEADER_LENGTH};

/// Elements of a list in a block (rras-blocks 1.3).
pub(super) const MAX_COUNT: usize = 65_536;
/// Rules of a filter: RRAS's longest list, switched off, needs one more to say so.
pub(super) const MAX_RULES: usize = MAX_COUNT + 1;
/// Octets of a note.
pub(super) const MAX_NOTE: usize = 65_536;

/// Octets of a secret that keyed MD5 uses (RFC 2082 §3.2.2). Longer ones are refused: FRR and BIRD cut them unnoticed.
const MD5_SECRET: usize = 16;

/// Refuses a value outside `low..=high`.
pub(super) fn in_range<T: PartialOrd + fmt::Display + Copy>(
    field: &str,
    value: T,
    low: T,
    high: T,
) -> Result<(), Refusal> {
    if value >= low && value <= high {
        Ok(())
    } else {
        Err(Refusal::out_of_range(field, value, format!("{low}..={high}")))
    }
}

/// Refuses an address that cannot be one router's.
pub(super) fn unicast(field: impl FnOnce() -> String, address: Ipv4Addr) -> Result<(), Refusal> {
    if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
        return Err(Refusal::invalid("not the address of a router")
            .at(&field())
            .with_value(address)
            .with_allowed("a unicast address"));
    }
    Ok(())
}

/// Checks the configuration of an interface.
///
/// Whether authentication has a password or key is known only together with the global defaults: [`check_effective`].
pub(super) fn interface(config: &InterfaceConfig) -> Result<(), Refusal> {
    options(&config.options)?;
    note(config.annotate.as_deref())
}

/// Checks the configuration of the protocol as a whole.
pub(super) fn global(config: &GlobalConfig) -> Result<(), Refusal> {
    options(&config.defaults)?;
    if let Some(mode) = config.defaults.authentication {
        authenticates(
            mode,
            config.defaults.password.is_some(),
            config.defaults.keys.as_ref().is_some_and(|keys| !keys.is_empty()),
        )?;
        leaves_room(
            mode,
            config.defaults.packet_length.unwrap_or(u16::MAX),
            config.defaults.keys.as_deref().unwrap_or_default(),
        )?;
    }
    given("preference", config.preference, 1, 255)?;
    given("ecmp", config.ecmp, 1, 16)?;
    given("triggered-delay", config.triggered_delay, 0, 86_400_000)?;
    routers("peers", config.peers.as_deref())?;
    for (position, entry) in config.redistribute.iter().flatten().enumerate() {
        redistribution(entry).map_err(|refusal| refusal.under(&format!("redistribute.{position}")))?;
    }
    note(config.annotate.as_deref())
}

/// Checks the values that result on an interface: what neither configuration can be refused for on its own.
///
/// The engine calls this for an interface's new configuration with the global one in force, and for new global
/// configuration with every interface.
pub fn check_effective(values: &Effective) -> Result<(), Refusal> {
    authenticates(
        values.authentication,
        !values.password.expose().is_empty(),
        !values.keys.is_empty(),
    )?;
    leaves_room(values.authentication, values.packet_length, &values.keys)
}

/// Refuses a length of messages that a digest leaves no room in for a single route.
fn leaves_room(mode: Authentication, packet_length: u16, keys: &[Key]) -> Result<(), Refusal> {
    if mode != Authentication::Cryptographic {
        return Ok(());
    }
    let shortest = |key: &Key| Seal::Digest(key).overhead() + HEADER_LENGTH + ENTRY_LENGTH;
    let Some(key) = keys.iter().max_by_key(|key| shortest(key)) else {
        return Ok(());
    };
    let least = shortest(key);
    if usize::from(packet_length) >= least {
        return Ok(());
    }
    let reason = format!(
        "messages are too short for a route and the digest under key {}",
        key.id
    );
    Err(Refusal::invalid(reason)
        .at("packet-length")
        .with_value(packet_length)
        .with_allowed(format!("at least {least}")))
}

/// What is allowed and hardly meant (rras-blocks P-128): options and words.
#[must_use]
pub fn cautions(values: &Effective) -> Vec<(&'static str, String)> {
    let (update, expiration) = (values.update_interval, values.expiration_interval);
    if expiration > update {
        return Vec::new();
    }
    let words = format!(
        "routes expire after {} s but are refreshed every {} s only: they will come and go",
        expiration.as_secs(),
        update.as_secs()
    );
    vec![("expiration-interval", words.clone()), ("update-interval", words)]
}

fn authenticates(mode: Authentication, has_password: bool, has_key: bool) -> Result<(), Refusal> {
    match mode {
        Authentication::Plain if !has_password => {
            Err(Refusal::invalid("plain authentication needs a password").at("password"))
        }
        Authentication::Cryptographic if !has_key => {
            Err(Refusal::invalid("cryptographic authentication needs at least one key").at("keys"))
        }
        _ => Ok(()),
    }
}

fn given<T: PartialOrd + fmt::Display + Copy>(
    option: &str,
    value: Option<T>,
    low: T,
    high: T,
) -> Result<(), Refusal> {
    value.map_or(Ok(()), |value| in_range(option, value, low, high))
}

fn options(options: &Options) -> Result<(), Refusal> {
    given("metric", options.metric, 0, 16)?;
    given("metric-out", options.metric_out, 0, 15)?;
    given("update-interval", options.update_interval, 1, 86_400)?;
    given("expiration-interval", options.expiration_interval, 3, 259_200)?;
    given("removal-interval", options.removal_interval, 1, 259_200)?;
    given("originate-default", options.originate_default, 1, 15)?;
    given("maximum-routes", options.maximum_routes, 1, 1_000_000)?;
    given("dscp", options.dscp, 0, 63)?;
    given("port", options.port, 1, u16::MAX)?;
    given("packet-length", options.packet_length, 64, 65_000)?;
    given("receive-buffer", options.receive_buffer, 4096, 67_108_864)?;
    given("ecmp-weight", options.ecmp_weight, 1, 256)?;
    routers("neighbors", options.neighbors.as_deref())?;
    filter("accept-filter", options.accept_filter.as_deref())?;
    policy("accept-policy", options.accept_policy.as_deref())?;
    policy("announce-policy", options.announce_policy.as_deref())?;
    filter("announce-filter", options.announce_filter.as_deref())?;
    if let Some(error) = options.password.as_ref().and_then(password_error) {
        return Err(Refusal::invalid(error).at("password"));
    }
    keys(options.keys.as_deref().unwrap_or_default())
}

fn length(option: &str, length: usize, most: usize) -> Result<(), Refusal> {
    if length > most {
        return Err(Refusal::invalid("the list is too long")
            .at(option)
            .with_value(length)
            .with_allowed(format!("at most {most} elements")));
    }
    Ok(())
}

fn routers(option: &str, list: Option<&[Ipv4Addr]>) -> Result<(), Refusal> {
    let list = list.unwrap_or_default();
    length(option, list.len(), MAX_COUNT)?;
    list.iter()
        .enumerate()
        .try_for_each(|(position, router)| unicast(|| format!("{option}.{position}"), *router))
}

fn filter(option: &str, rules: Option<&[FilterRule]>) -> Result<(), Refusal> {
    let rules = rules.unwrap_or_default();
    length(option, rules.len(), MAX_RULES)?;
    for (position, rule) in rules.iter().enumerate() {
        let fine = match rule.matches {
            PrefixMatch::Within { prefix, ge, le } => {
                prefix.length() <= ge && ge <= le && le <= Prefix4::MAX_LENGTH
            }
            PrefixMatch::Addresses { low, high } => low <= high,
        };
        if !fine {
            return Err(Refusal::invalid("the rule matches nothing")
                .at(&format!("{option}.{position}"))
                .with_value(rule.matches)
                .with_allowed("LENGTH <= ge <= le <= 32, LOW <= HIGH"));
        }
        let at = |field: &str| format!("{option}.{position}.{field}");
        match rule.adjustment.metric {
            Some(MetricChange::Set(metric)) => in_range(&at("metric"), metric, 1, 15)?,
            Some(MetricChange::Add(more)) => in_range(&at("add-metric"), more, 1, 15)?,
            None => {}
        }
        if rule.action == Action::Deny && rule.adjustment != Adjustment::default() {
            return Err(Refusal::invalid("what is filtered out has neither metric nor tag").at(&at("deny")));
        }
    }
    Ok(())
}

fn keys(keys: &[Key]) -> Result<(), Refusal> {
    length("keys", keys.len(), MAX_COUNT)?;
    let mut ids = BTreeSet::new();
    for (position, key) in keys.iter().enumerate() {
        let at = |field: &str| format!("keys.{position}.{field}");
        if !ids.insert(key.id) {
            return Err(Refusal::invalid("the key identifier is used twice")
                .at(&at("id"))
                .with_value(key.id));
        }
        // The secret itself is never shown.
        in_range(&at("secret"), key.secret.expose().len(), 1, 255).map_err(|refusal| Refusal {
            reason: "the secret has the wrong number of octets".to_owned(),
            ..refusal
        })?;
        if key.algorithm == DigestAlgorithm::KeyedMd5 && key.secret.expose().len() > MD5_SECRET {
            return Err(
                Refusal::invalid("keyed MD5 uses no more than the first 16 octets of a secret")
                    .at(&at("secret"))
                    .with_allowed(format!("1..={MD5_SECRET} octets, or an HMAC")),
            );
        }
        for (field, from, until) in [
            ("accept-until", key.accept_from, key.accept_until),
            ("send-until", key.send_from, key.send_until),
        ] {
            lifetime(&at(field), from, until)?;
        }
    }
    Ok(())
}

fn lifetime(field: &str, from: Option<WallTime>, until: Option<WallTime>) -> Result<(), Refusal> {
    match (from, until) {
        (Some(WallTime(from)), Some(WallTime(until))) if until <= from => {
            Err(Refusal::invalid("the lifetime ends before it starts")
                .at(field)
                .with_value(until)
                .with_allowed(format!("more than {from}")))
        }
        _ => Ok(()),
    }
}

fn redistribution(entry: &Redistribution) -> Result<(), Refusal> {
    // Its own routes are announced anyway; 0 is nobody, 10000 the router manager, which has none.
    let nobody = [ProtocolId(0), ProtocolId::RIP, ProtocolId::ROUTER_MANAGER];
    if nobody.contains(&entry.source) {
        return Err(Refusal::out_of_range(
            "source",
            entry.source,
            "another source than RIP itself: connected, static, autostatic, static-non-dod, netmgmt, ospf, bgp, ...",
        ));
    }
    given("metric", entry.metric, 1, 15)?;
    policy("policy", entry.policy.as_deref())?;
    filter("filter", entry.filter.as_deref())
}

/// Refuses a name that no policy can have.
fn policy(option: &str, name: Option<&str>) -> Result<(), Refusal> {
    let octets = name.map_or(1, str::len);
    if (1..=MAX_NAME).contains(&octets) {
        return Ok(());
    }
    Err(Refusal::invalid("no policy can have this name")
        .at(option)
        .with_value(format_args!("{octets} octets"))
        .with_allowed(format!("1..={MAX_NAME} letters, digits, '-' and '_'")))
}

fn note(text: Option<&str>) -> Result<(), Refusal> {
    let octets = text.map_or(0, str::len);
    if octets > MAX_NOTE {
        return Err(Refusal::invalid("the note is too long")
            .at("annotate")
            .with_value(format_args!("{octets} octets"))
            .with_allowed(format!("at most {MAX_NOTE} octets")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use waypost_routprot::{BlockConfig, Scope};

    use super::*;

    fn checked<C: BlockConfig>(text: &Value) -> Result<(), Refusal> {
        C::from_text(text)?.validate()
    }

    #[test]
    fn ranges_end_where_the_documentation_says() {
        for (option, low, high) in [
            ("metric", 0_i64, 16_i64),
            ("metric-out", 0, 15),
            ("update-interval", 1, 86_400),
            ("expiration-interval", 3, 259_200),
            ("removal-interval", 1, 259_200),
            ("originate-default", 1, 15),
            ("route-tag", 0, 65_535),
            ("maximum-routes", 1, 1_000_000),
            ("dscp", 0, 63),
            ("port", 1, 65_535),
            ("packet-length", 64, 65_000),
            ("receive-buffer", 4096, 67_108_864),
            ("ecmp-weight", 1, 256),
            ("preference", 1, 255),
            ("ecmp", 1, 16),
            ("triggered-delay", 0, 86_400_000),
            ("max-receive-queue", 0, 4_294_967_295),
        ] {
            let refusal = |value: i64| checked::<GlobalConfig>(&json!({ option: value })).err();
            assert_eq!((refusal(low), refusal(high)), (None, None), "{option}");
            for outside in [low - 1, high + 1] {
                assert_eq!(refusal(outside).unwrap().path, option);
            }
        }
    }

    #[test]
    fn rules_between_options() {
        let key = |id: u32| json!({ "id": id, "secret": "s", "algorithm": "hmac-sha256" });
        let dated = |from: u64, until: u64| json!({ "id": 1, "secret": "s", "algorithm": "md5", "send-from": from, "send-until": until });
        for (text, path) in [
            (json!({ "authentication": "plain" }), Some("password")),
            (json!({ "authentication": "plain", "password": "p" }), None),
            (
                json!({ "authentication": "cryptographic", "keys": [] }),
                Some("keys"),
            ),
            (
                json!({ "authentication": "cryptographic", "keys": [key(1), key(2)] }),
                None,
            ),
            (json!({ "keys": [key(1), key(2), key(1)] }), Some("keys.2.id")),
            (
                json!({ "keys": [{ "id": 1, "secret": "", "algorithm": "md5" }] }),
                Some("keys.0.secret"),
            ),
            (
                json!({ "keys": [{ "id": 1, "secret": "x".repeat(256), "algorithm": "md5" }] }),
                Some("keys.0.secret"),
            ),
            (json!({ "keys": [dated(5, 6)] }), None),
            (json!({ "keys": [dated(5, 5)] }), Some("keys.0.send-until")),
            (json!({ "neighbor-mode": "only" }), None),
            (json!({ "neighbors": ["0.0.0.0"] }), Some("neighbors.0")),
            (
                json!({ "peers": ["192.0.2.1", "255.255.255.255"] }),
                Some("peers.1"),
            ),
            (
                json!({ "redistribute": [{ "source": "static", "metric": 16 }] }),
                Some("redistribute.0.metric"),
            ),
            (
                json!({ "redistribute": [{ "source": "rip" }] }),
                Some("redistribute.0.source"),
            ),
            (
                json!({ "redistribute": [{ "source": "ripe" }] }),
                Some("redistribute.0.source"),
            ),
            (
                json!({ "redistribute": [{ "source": "0x00000008" }] }),
                Some("redistribute.0.source"),
            ),
            (
                json!({ "redistribute": [
                    { "source": "static", "metric": 2, "filter": [{ "permit": "10.0.0.0/8 le 32" }] },
                    { "source": "netmgmt" },
                    { "source": "static", "metric": 5 },
                    { "source": "0x813713aa" },
                ] }),
                None,
            ),
            (
                json!({ "accept-filter": [{ "permit": "10.0.0.0/8", "metric": 16 }] }),
                Some("accept-filter.0.metric"),
            ),
            (
                json!({ "announce-filter": [{ "permit": "10.0.0.0/8", "add-metric": 0 }] }),
                Some("announce-filter.0.add-metric"),
            ),
            (
                json!({ "accept-filter": [{ "deny": "10.0.0.0/8", "tag": 1 }] }),
                Some("accept-filter.0.deny"),
            ),
            // Only warned about elsewhere: timers that do not fit each other.
            (json!({ "update-interval": 100, "expiration-interval": 3 }), None),
            (json!({ "annotate": "x".repeat(65_537) }), Some("annotate")),
        ] {
            let refusal = checked::<GlobalConfig>(&text).err();
            assert_eq!(refusal.as_ref().map(|refusal| &*refusal.path), path, "{text}");
        }
    }

    #[test]
    fn an_interface_may_take_its_password_from_the_defaults() {
        let interface = InterfaceConfig::from_text(&json!({ "authentication": "plain" })).unwrap();
        assert_eq!(interface.validate(), Ok(()));
        let mut global = GlobalConfig::default();
        let refusal = check_effective(&Effective::resolve(
            &interface,
            &global,
            &waypost_policy::Policies::default(),
        ))
        .unwrap_err();
        assert_eq!(refusal.path, "password");
        global.defaults.password = Some(waypost_wire::Secret::new("p"));
        assert_eq!(
            check_effective(&Effective::resolve(
                &interface,
                &global,
                &waypost_policy::Policies::default()
            )),
            Ok(())
        );
        let signed = InterfaceConfig::from_text(&json!({ "authentication": "cryptographic" })).unwrap();
        assert_eq!(
            check_effective(&Effective::resolve(
                &signed,
                &global,
                &waypost_policy::Policies::default()
            ))
            .unwrap_err()
            .path,
            "keys"
        );
    }

    #[test]
    fn a_secret_that_md5_would_cut_is_refused() {
        let config = |algorithm, secret: &str| json!({ "keys": [{ "id": 1, "secret": secret, "algorithm": algorithm }] });
        let sixteen = "sixteen octets!!";
        assert_eq!(checked::<InterfaceConfig>(&config("md5", sixteen)), Ok(()));
        let longer = format!("{sixteen}!");
        assert_eq!(checked::<InterfaceConfig>(&config("hmac-sha1", &longer)), Ok(()));
        let refusal = checked::<InterfaceConfig>(&config("md5", &longer)).unwrap_err();
        assert_eq!(refusal.path, "keys.0.secret");
        assert!(!refusal.to_string().contains(sixteen));
    }

    #[test]
    fn a_digest_leaves_room_for_a_route() {
        for (algorithm, least) in [
            ("md5", 64),
            ("hmac-sha1", 68),
            ("hmac-sha256", 80),
            ("hmac-sha512", 112),
        ] {
            let text = |length: usize| {
                json!({ "authentication": "cryptographic", "packet-length": length,
                        "keys": [{ "id": 1, "secret": "s", "algorithm": algorithm }] })
            };
            assert_eq!(checked::<GlobalConfig>(&text(least)), Ok(()), "{algorithm}");
            if least > 64 {
                let refusal = checked::<GlobalConfig>(&text(least - 1)).unwrap_err();
                assert_eq!(refusal.path, "packet-length");
            }
            // The length may be the interface's and the keys those of all interfaces.
            let interface = InterfaceConfig::from_text(&json!({ "packet-length": least - 1 })).unwrap();
            let global = GlobalConfig::from_text(&text(512)).unwrap();
            let refusal = check_effective(&Effective::resolve(
                &interface,
                &global,
                &waypost_policy::Policies::default(),
            ))
            .unwrap_err();
            assert_eq!(refusal.path, "packet-length");
        }
        assert_eq!(checked::<GlobalConfig>(&json!({ "packet-length": 64 })), Ok(()));
    }

    #[test]
    fn lists_are_bounded() {
        let config = InterfaceConfig {
            options: Options {
                neighbors: Some(vec![Ipv4Addr::LOCALHOST; MAX_COUNT + 1]),
                ..Options::default()
            },
            annotate: None,
        };
        assert_eq!(config.validate().unwrap_err().path, "neighbors");
    }

    /// The ranges that the schema states are those that are checked, at both ends.
    #[test]
    fn the_schema_states_true_ranges() {
        let codec = waypost_engine::codec_of::<crate::Rip>();
        let mut checked = 0;
        for scope in [Scope::Global, Scope::Interface] {
            let schema = codec.schema(scope);
            for (name, member) in schema["properties"].as_object().unwrap() {
                let (Some(low), Some(high)) = (member["minimum"].as_i64(), member["maximum"].as_i64()) else {
                    continue;
                };
                for (value, fits) in [(low - 1, false), (low, true), (high, true), (high + 1, false)] {
                    let text = json!({ name: value });
                    let block = codec.to_block(scope, &text);
                    assert_eq!(block.is_ok(), fits, "{text}: {block:?}");
                    if let Err(first) = block {
                        let mistakes = codec.mistakes(scope, &text, first);
                        let [mistake] = mistakes.as_slice() else {
                            panic!("{mistakes:?}")
                        };
                        assert_eq!(mistake.path, *name);
                        assert_eq!(mistake.allowed, Some(format!("{low}..={high}")));
                    }
                }
                checked += 1;
            }
        }
        assert!(checked > 20, "{checked}");
    }
}
