//! The values that result from an interface's options, the global defaults and the built-in ones.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Map, Value, json};
use waypost_policy::Policies;
use waypost_wire::Secret;

use super::{
    Accept, Announce, Authentication, FilterRule, GlobalConfig, InterfaceConfig, Key, NeighborMode, Options,
    TtlSecurity, UpdateMode,
};
use crate::policy::NamedPolicy;

/// Every interface option with its value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Cost added to routes heard, 1..=16.
    pub metric: u8,
    /// Cost added to routes announced, 0..=15.
    pub metric_out: u8,
    /// What is sent; `None` on a passive interface.
    pub announce: Announce,
    /// What is listened to.
    pub accept: Accept,
    /// When updates are sent.
    pub update_mode: UpdateMode,
    /// Time between full updates.
    pub update_interval: Duration,
    /// Time until an unrefreshed route is unusable.
    pub expiration_interval: Duration,
    /// Time an unusable route is still announced.
    pub removal_interval: Duration,
    /// Routes are not announced back.
    pub split_horizon: bool,
    /// They are announced back with metric 16.
    pub poison_reverse: bool,
    /// Changes are announced at once.
    pub triggered_updates: bool,
    /// Routes are announced with metric 16 at the end.
    pub graceful_shutdown: bool,
    /// Host routes are taken.
    pub accept_host_routes: bool,
    /// Host routes are announced.
    pub announce_host_routes: bool,
    /// A default route is taken.
    pub accept_default_route: bool,
    /// A default route is announced.
    pub announce_default_route: bool,
    /// A default route of our own is announced with this metric.
    pub originate_default: Option<u8>,
    /// Routes heard win over static ones.
    pub overwrite_static_routes: bool,
    /// Subnets are announced as their class network outside it.
    pub summarise: bool,
    /// Tag of routes that carry none.
    pub route_tag: u16,
    /// Whether neighbours are sent to by unicast.
    pub neighbor_mode: NeighborMode,
    /// Those neighbours.
    pub neighbors: Vec<Ipv4Addr>,
    /// Which routes are taken.
    pub accept_filter: Vec<FilterRule>,
    /// Which routes are announced.
    pub announce_filter: Vec<FilterRule>,
    /// What else decides about routes that are taken.
    pub accept_policy: Option<NamedPolicy>,
    /// What else decides about routes that are announced.
    pub announce_policy: Option<NamedPolicy>,
    /// How messages are authenticated.
    pub authentication: Authentication,
    /// The password of plain authentication; [`super::password_octets`] has its octets.
    pub password: Secret,
    /// The key chain of cryptographic authentication.
    pub keys: Vec<Key>,
    /// Must-be-zero fields of version 1 are checked.
    pub check_zero: bool,
    /// Packets that crossed a router are dropped.
    pub ttl_security: TtlSecurity,
    /// Routes kept from this interface at most.
    pub maximum_routes: u32,
    /// Codepoint of packets sent.
    pub dscp: u8,
    /// UDP port.
    pub port: u16,
    /// Largest UDP payload sent.
    pub packet_length: u16,
    /// Receive buffer of the socket.
    pub receive_buffer: u32,
    /// Weight of next hops here.
    pub ecmp_weight: u16,
    /// Without carrier the interface counts as down.
    pub check_link: bool,
}

impl Effective {
    /// The values in force on an interface while these policies are.
    #[must_use]
    pub fn resolve(interface: &InterfaceConfig, global: &GlobalConfig, policies: &Policies) -> Self {
        let given = Given {
            interface: &interface.options,
            defaults: &global.defaults,
        };
        let announce = given.option(|o| o.announce, Announce::default());
        Self {
            metric: given.option(|o| o.metric, 1).max(1),
            metric_out: given.option(|o| o.metric_out, 0),
            announce: if given.option(|o| o.passive, false) {
                Announce::None
            } else {
                announce
            },
            accept: given.option(|o| o.accept, Accept::default()),
            update_mode: given.option(|o| o.update_mode, UpdateMode::default()),
            update_interval: given.seconds(|o| o.update_interval, 30),
            expiration_interval: given.seconds(|o| o.expiration_interval, 180),
            removal_interval: given.seconds(|o| o.removal_interval, 120),
            split_horizon: given.option(|o| o.split_horizon, true),
            poison_reverse: given.option(|o| o.poison_reverse, true),
            triggered_updates: given.option(|o| o.triggered_updates, true),
            graceful_shutdown: given.option(|o| o.graceful_shutdown, true),
            accept_host_routes: given.option(|o| o.accept_host_routes, true),
            announce_host_routes: given.option(|o| o.announce_host_routes, true),
            accept_default_route: given.option(|o| o.accept_default_route, true),
            announce_default_route: given.option(|o| o.announce_default_route, true),
            originate_default: given.optional(|o| o.originate_default),
            overwrite_static_routes: given.option(|o| o.overwrite_static_routes, false),
            summarise: given.option(|o| o.summarise, announce == Announce::V1Compatible),
            route_tag: given.option(|o| o.route_tag, 0),
            neighbor_mode: given.option(|o| o.neighbor_mode, NeighborMode::default()),
            neighbors: given.optional(|o| o.neighbors.clone()).unwrap_or_default(),
            accept_filter: given.optional(|o| o.accept_filter.clone()).unwrap_or_default(),
            announce_filter: given.optional(|o| o.announce_filter.clone()).unwrap_or_default(),
            accept_policy: NamedPolicy::find(policies, given.optional(|o| o.accept_policy.clone())),
            announce_policy: NamedPolicy::find(policies, given.optional(|o| o.announce_policy.clone())),
            authentication: given.option(|o| o.authentication, Authentication::default()),
            password: given.optional(|o| o.password.clone()).unwrap_or_default(),
            keys: given.optional(|o| o.keys.clone()).unwrap_or_default(),
            check_zero: given.option(|o| o.check_zero, true),
            ttl_security: given.option(|o| o.ttl_security, TtlSecurity::default()),
            maximum_routes: given.option(|o| o.maximum_routes, 1_000_000),
            dscp: given.option(|o| o.dscp, 48),
            port: given.option(|o| o.port, 520),
            packet_length: given.option(|o| o.packet_length, 512),
            receive_buffer: given.option(|o| o.receive_buffer, 4 << 20),
            ecmp_weight: given.option(|o| o.ecmp_weight, 1),
            check_link: given.option(|o| o.check_link, true),
        }
    }

    /// These values under the names of their options, next to what was given: `passive` and `announce` are one value here.
    fn named(&self, given: &Options) -> Options {
        let seconds = |duration: Duration| Some(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
        // Every field by name: a new option does not compile until it is here.
        Options {
            metric: Some(self.metric),
            metric_out: Some(self.metric_out),
            passive: given.passive.or(Some(false)),
            announce: given.announce.or_else(|| Some(Announce::default())),
            accept: Some(self.accept),
            update_mode: Some(self.update_mode),
            update_interval: seconds(self.update_interval),
            expiration_interval: seconds(self.expiration_interval),
            removal_interval: seconds(self.removal_interval),
            split_horizon: Some(self.split_horizon),
            poison_reverse: Some(self.poison_reverse),
            triggered_updates: Some(self.triggered_updates),
            graceful_shutdown: Some(self.graceful_shutdown),
            accept_host_routes: Some(self.accept_host_routes),
            announce_host_routes: Some(self.announce_host_routes),
            accept_default_route: Some(self.accept_default_route),
            announce_default_route: Some(self.announce_default_route),
            originate_default: self.originate_default,
            overwrite_static_routes: Some(self.overwrite_static_routes),
            summarise: Some(self.summarise),
            route_tag: Some(self.route_tag),
            neighbor_mode: Some(self.neighbor_mode),
            neighbors: Some(self.neighbors.clone()),
            accept_filter: Some(self.accept_filter.clone()),
            announce_filter: Some(self.announce_filter.clone()),
            accept_policy: given.accept_policy.clone(),
            announce_policy: given.announce_policy.clone(),
            authentication: Some(self.authentication),
            password: given.password.clone(),
            keys: given.keys.clone(),
            check_zero: Some(self.check_zero),
            ttl_security: Some(self.ttl_security),
            maximum_routes: Some(self.maximum_routes),
            dscp: Some(self.dscp),
            port: Some(self.port),
            packet_length: Some(self.packet_length),
            receive_buffer: Some(self.receive_buffer),
            ecmp_weight: Some(self.ecmp_weight),
            check_link: Some(self.check_link),
        }
    }
}

/// Every option in force on an interface, by where its value comes from: `interface`, `protocol` (the defaults of the global
/// configuration) or `built-in`. Secrets are not shown.
#[must_use]
pub fn origins(interface: &InterfaceConfig, global: &GlobalConfig) -> Value {
    let table = |options: &Options| match serde_json::to_value(options) {
        Ok(Value::Object(table)) => table,
        _ => Map::new(),
    };
    let given = interface.options.or(&global.defaults);
    let values = table(&Effective::resolve(interface, global, &Policies::default()).named(&given));
    let (own, defaults) = (table(&interface.options), table(&global.defaults));
    let [mut of_interface, mut of_protocol, mut built_in] = [Map::new(), Map::new(), Map::new()];
    for (name, mut value) in values {
        match name.as_str() {
            "password" => value = HIDDEN.into(),
            "keys" => {
                for key in value.as_array_mut().into_iter().flatten() {
                    if let Some(secret) = key.get_mut("secret") {
                        *secret = HIDDEN.into();
                    }
                }
            }
            _ => {}
        }
        let origin = if own.contains_key(&name) {
            &mut of_interface
        } else if defaults.contains_key(&name) {
            &mut of_protocol
        } else {
            &mut built_in
        };
        origin.insert(name, value);
    }
    json!({ "interface": of_interface, "protocol": of_protocol, "built-in": built_in })
}

/// What stands for a secret.
const HIDDEN: &str = "(hidden)";

impl Effective {
    /// Whether `new` differs in nothing that could make a difference to what is announced, so that the table need not be
    /// walked for it. Only what certainly makes none is listed here.
    #[must_use]
    pub fn says_the_same(&self, new: &Self) -> bool {
        let listening = Self {
            metric: new.metric,
            accept: new.accept,
            expiration_interval: new.expiration_interval,
            accept_host_routes: new.accept_host_routes,
            accept_default_route: new.accept_default_route,
            accept_filter: new.accept_filter.clone(),
            accept_policy: new.accept_policy.clone(),
            check_zero: new.check_zero,
            maximum_routes: new.maximum_routes,
            receive_buffer: new.receive_buffer,
            ecmp_weight: new.ecmp_weight,
            ..self.clone()
        };
        listening == *new
    }
}

/// An option's two sources, nearest first.
struct Given<'a> {
    interface: &'a Options,
    defaults: &'a Options,
}

impl Given<'_> {
    fn optional<T>(&self, get: impl Fn(&Options) -> Option<T>) -> Option<T> {
        get(self.interface).or_else(|| get(self.defaults))
    }

    fn option<T>(&self, get: impl Fn(&Options) -> Option<T>, built_in: T) -> T {
        self.optional(get).unwrap_or(built_in)
    }

    fn seconds(&self, get: impl Fn(&Options) -> Option<u32>, built_in: u32) -> Duration {
        Duration::from_secs(self.option(get, built_in).into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use waypost_routprot::{BlockConfig, option_names};

    use super::*;

    /// Options that decide what is heard, and nothing else.
    fn listening() -> Vec<(&'static str, Value)> {
        vec![
            ("metric", json!(3)),
            ("accept", json!("v2")),
            ("expiration-interval", json!(99)),
            ("accept-host-routes", json!(false)),
            ("accept-default-route", json!(false)),
            ("accept-filter", json!([{ "deny": "10.0.0.0/8" }])),
            ("accept-policy", json!("upstream")),
            ("check-zero", json!(false)),
            ("maximum-routes", json!(9)),
            ("receive-buffer", json!(65_536)),
            ("ecmp-weight", json!(2)),
        ]
    }

    /// Options that may decide what is said, how, or to whom.
    fn speaking() -> Vec<(&'static str, Value)> {
        let key = json!({ "id": 1, "secret": "s", "algorithm": "md5" });
        vec![
            ("metric-out", json!(1)),
            ("passive", json!(true)),
            ("announce", json!("v1-compatible")),
            ("update-mode", json!("demand")),
            ("update-interval", json!(9)),
            ("removal-interval", json!(9)),
            ("split-horizon", json!(false)),
            ("poison-reverse", json!(false)),
            ("triggered-updates", json!(false)),
            ("graceful-shutdown", json!(false)),
            ("announce-host-routes", json!(false)),
            ("announce-default-route", json!(false)),
            ("originate-default", json!(1)),
            ("overwrite-static-routes", json!(true)),
            ("summarise", json!(true)),
            ("route-tag", json!(7)),
            ("neighbor-mode", json!("also")),
            ("neighbors", json!(["192.0.2.1"])),
            ("announce-filter", json!([{ "deny": "10.0.0.0/8" }])),
            ("announce-policy", json!("upstream")),
            ("authentication", json!("plain")),
            ("password", json!("x")),
            ("keys", json!([key])),
            ("ttl-security", json!("on")),
            ("dscp", json!(1)),
            ("port", json!(521)),
            ("packet-length", json!(1000)),
            ("check-link", json!(false)),
        ]
    }

    /// Every option is in one of the lists: whoever adds one has to say where it belongs.
    #[test]
    fn what_only_concerns_listening_says_the_same() {
        let global = GlobalConfig::default();
        let effective = |text: &Value| {
            let config = InterfaceConfig::from_text(text).unwrap();
            Effective::resolve(&config, &global, &Policies::default())
        };
        let before = effective(&json!({}));
        let cases = listening().into_iter().map(|case| (case, true));
        let cases = cases.chain(speaking().into_iter().map(|case| (case, false)));
        let mut listed = BTreeSet::new();
        for ((name, value), same) in cases {
            let after = effective(&json!({ name: value }));
            assert_ne!(before, after, "{name}");
            assert_eq!(before.says_the_same(&after), same, "{name}");
            listed.insert(name);
        }
        let names = option_names::<Options>().unwrap().iter().map(String::as_str);
        let unlisted: Vec<&str> = names.filter(|name| !listed.contains(name)).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");
    }
}
