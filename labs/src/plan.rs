//! What a router in a lab is to do, in no make's language.

use std::net::Ipv4Addr;

use waypost_testkit::{Make, Node, Router};

/// RIP on one router.
#[derive(Clone, Debug)]
pub struct RipPlan {
    /// Where RIP speaks.
    pub interfaces: Vec<RipInterface>,
    /// Seconds between updates. FRR takes no less than 5.
    pub update: u32,
    /// Seconds until a route that nobody refreshes is unusable.
    pub expire: u32,
    /// Seconds an unusable route is announced as such.
    pub remove: u32,
    /// Announce the networks of interfaces on which RIP does not speak, with this metric.
    pub connected: Option<u8>,
    /// Announce static routes, with this metric.
    pub statics: Option<u8>,
    /// The static routes.
    pub routes: Vec<StaticRoute>,
    /// Announce a default route of the router's own.
    pub originate_default: bool,
}

/// A static route.
#[derive(Clone, Debug)]
pub struct StaticRoute {
    /// Address/length.
    pub prefix: String,
    /// The gateway.
    pub via: String,
}

/// How updates are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sending {
    /// Version 2 by multicast.
    #[default]
    Multicast,
    /// Version 2 by broadcast, which version 1 routers hear ("RIP-1 compatible").
    Broadcast,
    /// Version 1 by broadcast, and only version 1 is listened to. Fields that must be zero may be what they like: FRR 8.4
    /// fills them.
    Version1,
    /// Version 2 by unicast to these, and to nobody else.
    Unicast(Vec<Ipv4Addr>),
}

/// How messages are authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authentication {
    /// They are not.
    #[default]
    None,
    /// By a password in clear.
    Plain(String),
    /// By digests.
    Keys(Vec<Key>),
}

/// A digest. FRR has only the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Keyed MD5.
    Md5,
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-384.
    Sha384,
    /// HMAC-SHA-512.
    Sha512,
}

/// A key. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Identifier.
    pub id: u8,
    /// Shared secret.
    pub secret: String,
    /// The digest.
    pub algorithm: Algorithm,
    /// A secret longer than the digest is prepared as BIRD does; BIRD itself always does so.
    pub as_bird: bool,
    /// Not sent before.
    pub send_from: Option<i64>,
    /// Not sent from then on.
    pub send_until: Option<i64>,
}

impl Key {
    /// A key without limits of time.
    #[must_use]
    pub fn md5(id: u8, secret: &str) -> Self {
        Self {
            id,
            secret: secret.to_owned(),
            algorithm: Algorithm::Md5,
            as_bird: false,
            send_from: None,
            send_until: None,
        }
    }

    /// The same with another digest.
    #[must_use]
    pub fn with(algorithm: Algorithm, id: u8, secret: &str) -> Self {
        Self {
            algorithm,
            ..Self::md5(id, secret)
        }
    }
}

/// RIP on one interface.
#[derive(Clone, Debug)]
pub struct RipInterface {
    /// Its name.
    pub name: String,
    /// Cost added to routes heard there, 1..=15.
    pub metric: u8,
    /// How updates are sent.
    pub sending: Sending,
    /// How they are authenticated.
    pub authentication: Authentication,
    /// Listen only.
    pub passive: bool,
    /// Prefixes (address/length) that are not taken, with everything in them.
    pub deny_in: Vec<String>,
    /// Prefixes that are not announced, with everything in them.
    pub deny_out: Vec<String>,
}

impl RipInterface {
    /// Version 2 by multicast, nothing else.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            metric: 1,
            sending: Sending::Multicast,
            authentication: Authentication::None,
            passive: false,
            deny_in: Vec::new(),
            deny_out: Vec::new(),
        }
    }

    /// With another cost.
    #[must_use]
    pub const fn metric(mut self, metric: u8) -> Self {
        self.metric = metric;
        self
    }

    /// Sending another way.
    #[must_use]
    pub fn sending(mut self, sending: Sending) -> Self {
        self.sending = sending;
        self
    }

    /// With authentication.
    #[must_use]
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }

    /// Not taking a prefix.
    #[must_use]
    pub fn deny_in(mut self, prefix: &str) -> Self {
        self.deny_in.push(prefix.to_owned());
        self
    }

    /// Not announcing a prefix.
    #[must_use]
    pub fn deny_out(mut self, prefix: &str) -> Self {
        self.deny_out.push(prefix.to_owned());
        self
    }
}

impl RipPlan {
    /// RIP on these interfaces, announcing connected networks, with timers as short as FRR allows.
    #[must_use]
    pub fn new(interfaces: impl IntoIterator<Item = RipInterface>) -> Self {
        Self {
            interfaces: interfaces.into_iter().collect(),
            update: 5,
            expire: 10,
            remove: 5,
            connected: Some(1),
            statics: None,
            routes: Vec::new(),
            originate_default: false,
        }
    }

    /// The configuration of a router of that make.
    #[must_use]
    pub fn configuration(&self, make: Make) -> String {
        match make {
            Make::Waypost => self.for_waypost(),
            Make::Frr => self.for_frr(),
            Make::Bird => self.for_bird(),
        }
    }

    /// Starts a router of that make.
    pub fn start(&self, node: &Node, make: Make) -> anyhow::Result<Router> {
        Router::start(node, make, &self.configuration(make))
    }
}
