//! Plans in the languages of Waypost, FRR and BIRD.

use std::fmt::Write as _;

use crate::plan::{Algorithm, Authentication, Key, RipInterface, RipPlan, Sending};

/// `writeln!` to a string, which does not fail.
macro_rules! line {
    ($text:expr, $($word:tt)*) => { let _ = writeln!($text, $($word)*); };
}

impl RipPlan {
    pub(crate) fn for_waypost(&self) -> String {
        let mut text = String::new();
        line!(text, "[protocols.rip]");
        line!(text, "update-interval = {}", self.update);
        line!(text, "expiration-interval = {}", self.expire);
        line!(text, "removal-interval = {}", self.remove);
        let sources: Vec<_> = [("connected", self.connected), ("static", self.statics)]
            .into_iter()
            .filter_map(|(source, metric)| Some(format!("{{ source = \"{source}\", metric = {} }}", metric?)))
            .collect();
        if !sources.is_empty() {
            line!(text, "redistribute = [{}]", sources.join(", "));
        }
        if !self.routes.is_empty() {
            line!(text, "\n[protocols.static]");
            let routes: Vec<_> = self
                .routes
                .iter()
                .map(|route| format!("{{ prefix = \"{}\", via = \"{}\" }}", route.prefix, route.via))
                .collect();
            line!(text, "routes = [{}]", routes.join(", "));
        }
        for interface in &self.interfaces {
            line!(text, "\n[interfaces.{}.rip]", interface.name);
            line!(text, "metric = {}", interface.metric);
            if interface.passive {
                line!(text, "passive = true");
            }
            if self.originate_default {
                line!(text, "originate-default = 1");
            }
            match &interface.sending {
                Sending::Multicast => {}
                Sending::Broadcast => {
                    line!(text, "announce = \"v1-compatible\"");
                }
                Sending::Version1 => {
                    line!(text, "announce = \"v1\"\naccept = \"v1\"\ncheck-zero = false");
                }
                Sending::Unicast(neighbors) => {
                    let list: Vec<_> = neighbors.iter().map(|address| format!("\"{address}\"")).collect();
                    line!(
                        text,
                        "neighbor-mode = \"only\"\nneighbors = [{}]",
                        list.join(", ")
                    );
                }
            }
            match &interface.authentication {
                Authentication::None => {}
                Authentication::Plain(password) => {
                    line!(text, "authentication = \"plain\"\npassword = \"{password}\"");
                }
                Authentication::Keys(keys) => {
                    let keys: Vec<_> = keys.iter().map(waypost_key).collect();
                    line!(
                        text,
                        "authentication = \"cryptographic\"\nkeys = [{}]",
                        keys.join(", ")
                    );
                }
            }
            for (option, prefixes) in [
                ("accept-filter", &interface.deny_in),
                ("announce-filter", &interface.deny_out),
            ] {
                if !prefixes.is_empty() {
                    line!(text, "{option} = [{}]", waypost_filter(prefixes));
                }
            }
        }
        text
    }

    pub(crate) fn for_frr(&self) -> String {
        let mut text = String::new();
        for interface in &self.interfaces {
            frr_interface(&mut text, interface);
        }
        line!(text, "router rip");
        // By itself FRR hears both versions, but sends version 2.
        line!(
            text,
            " timers basic {} {} {}",
            self.update.max(5),
            self.expire,
            self.remove
        );
        line!(text, " allow-ecmp");
        for interface in &self.interfaces {
            let name = &interface.name;
            line!(text, " network {name}");
            if interface.passive || matches!(interface.sending, Sending::Unicast(_)) {
                line!(text, " passive-interface {name}");
            }
            if let Sending::Unicast(neighbors) = &interface.sending {
                for neighbor in neighbors {
                    line!(text, " neighbor {neighbor}");
                }
            }
            if interface.metric > 1 {
                // FRR adds one hop by itself, but not where an offset is configured.
                line!(text, " offset-list everything in {} {name}", interface.metric);
            }
            for (direction, prefixes) in [("in", &interface.deny_in), ("out", &interface.deny_out)] {
                if !prefixes.is_empty() {
                    line!(
                        text,
                        " distribute-list prefix {name}-{direction} {direction} {name}"
                    );
                }
            }
        }
        for (source, metric) in [("connected", self.connected), ("static", self.statics)] {
            if let Some(metric) = metric {
                line!(text, " redistribute {source} metric {metric}");
            }
        }
        if self.originate_default {
            line!(text, " default-information originate");
        }
        line!(text, "exit");
        line!(text, "access-list everything permit any");
        for interface in &self.interfaces {
            for (direction, prefixes) in [("in", &interface.deny_in), ("out", &interface.deny_out)] {
                for prefix in prefixes {
                    let upto = if prefix.ends_with("/32") { "" } else { " le 32" };
                    line!(
                        text,
                        "ip prefix-list {}-{direction} deny {prefix}{upto}",
                        interface.name
                    );
                }
                if !prefixes.is_empty() {
                    line!(text, "ip prefix-list {}-{direction} permit any", interface.name);
                }
            }
        }
        for route in &self.routes {
            line!(text, "ip route {} {}", route.prefix, route.via);
        }
        text
    }

    pub(crate) fn for_bird(&self) -> String {
        let mut text = String::new();
        line!(text, "log stderr all;");
        // BIRD takes its identifier from an address otherwise, and does not start without one.
        line!(text, "router id 192.0.2.2;");
        line!(text, "protocol device {{ scan time 1; }}");
        line!(text, "protocol direct {{ ipv4; }}");
        // Routes that the kernel dropped with a link that came back at once are put back by the next scan only.
        line!(
            text,
            "protocol kernel {{ scan time 1; ipv4 {{ import none; export where source != RTS_DEVICE; }}; merge paths on; }}"
        );
        if !self.routes.is_empty() {
            line!(text, "protocol static st {{ ipv4;");
            for route in &self.routes {
                line!(text, "  route {} via {};", route.prefix, route.via);
            }
            line!(text, "}}");
        }
        if self.originate_default {
            line!(
                text,
                "protocol static def {{ ipv4; route 0.0.0.0/0 unreachable; }}"
            );
        }
        self.bird_filters(&mut text);
        line!(text, "protocol rip rip1 {{");
        line!(text, "  debug {{ states, interfaces, events }};");
        line!(text, "  ecmp yes;");
        line!(
            text,
            "  ipv4 {{ import filter taken; export filter announced; }};"
        );
        for interface in &self.interfaces {
            bird_interface(&mut text, self, interface);
        }
        line!(text, "}}");
        text
    }

    /// BIRD filters for the whole protocol; which interface a route came from or goes to is part of the filter.
    fn bird_filters(&self, text: &mut String) {
        line!(text, "filter taken {{");
        for interface in &self.interfaces {
            if !interface.deny_in.is_empty() {
                line!(
                    text,
                    "  if ifname = \"{}\" && net ~ [ {} ] then reject;",
                    interface.name,
                    bird_set(&interface.deny_in)
                );
            }
        }
        line!(text, "  accept;\n}}");
        line!(text, "filter announced {{");
        for interface in &self.interfaces {
            if !interface.deny_out.is_empty() {
                // RIP's routes are in one table for all interfaces: the filter holds for all of them.
                line!(
                    text,
                    "  if net ~ [ {} ] then reject;",
                    bird_set(&interface.deny_out)
                );
            }
        }
        line!(text, "  if source = RTS_RIP then accept;");
        if let Some(metric) = self.connected {
            line!(
                text,
                "  if source = RTS_DEVICE then {{ rip_metric = {metric}; accept; }}"
            );
        }
        if self.originate_default {
            line!(text, "  if proto = \"def\" then {{ rip_metric = 1; accept; }}");
        }
        if let Some(metric) = self.statics {
            line!(
                text,
                "  if source = RTS_STATIC then {{ rip_metric = {metric}; accept; }}"
            );
        }
        line!(text, "  reject;\n}}");
    }
}

fn waypost_key(key: &Key) -> String {
    let mut text = format!(
        "{{ id = {}, secret = \"{}\", algorithm = \"{}\"",
        key.id,
        key.secret,
        match key.algorithm {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "hmac-sha1",
            Algorithm::Sha256 => "hmac-sha256",
            Algorithm::Sha384 => "hmac-sha384",
            Algorithm::Sha512 => "hmac-sha512",
        }
    );
    if key.as_bird {
        text += ", long-secrets = \"block\"";
    }
    for (option, time) in [("send-from", key.send_from), ("send-until", key.send_until)] {
        if let Some(time) = time {
            let _ = write!(text, ", {option} = {time}");
        }
    }
    text + " }"
}

/// What no rule of a list of denies speaks of passes.
fn waypost_filter(denied: &[String]) -> String {
    denied
        .iter()
        .map(|prefix| format!("{{ deny = \"{prefix} le 32\" }}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn bird_set(prefixes: &[String]) -> String {
    prefixes
        .iter()
        .map(|prefix| format!("{prefix}+"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn frr_interface(text: &mut String, interface: &RipInterface) {
    let name = &interface.name;
    if let Authentication::Keys(keys) = &interface.authentication {
        line!(text, "key chain {name}");
        for key in keys {
            line!(text, " key {}\n  key-string {}", key.id, key.secret);
            if key.send_from.is_some() || key.send_until.is_some() {
                line!(
                    text,
                    "  send-lifetime {} {}",
                    key.send_from
                        .map_or_else(|| "00:00:00 Jan 1 2000".to_owned(), frr_time),
                    key.send_until.map_or_else(|| "infinite".to_owned(), frr_time)
                );
            }
            line!(text, " exit");
        }
        line!(text, "exit");
    }
    line!(text, "interface {name}");
    match &interface.sending {
        Sending::Multicast | Sending::Unicast(_) => {}
        Sending::Broadcast => {
            line!(text, " ip rip v2-broadcast");
        }
        Sending::Version1 => {
            line!(text, " ip rip send version 1\n ip rip receive version 1");
        }
    }
    match &interface.authentication {
        Authentication::None => {}
        Authentication::Plain(password) => {
            line!(text, " ip rip authentication mode text");
            line!(text, " ip rip authentication string {password}");
        }
        Authentication::Keys(_) => {
            line!(text, " ip rip authentication mode md5");
            line!(text, " ip rip authentication key-chain {name}");
        }
    }
    line!(text, "exit");
}

fn bird_interface(text: &mut String, plan: &RipPlan, interface: &RipInterface) {
    line!(text, "  interface \"{}\" {{", interface.name);
    line!(text, "    metric {};", interface.metric);
    line!(
        text,
        "    update time {}; timeout time {}; garbage time {};",
        plan.update,
        plan.expire,
        plan.remove
    );
    match &interface.sending {
        Sending::Multicast => {
            line!(text, "    version 2; mode multicast;");
        }
        Sending::Broadcast => {
            line!(text, "    version 2; mode broadcast;");
        }
        Sending::Version1 => {
            line!(
                text,
                "    version 1; mode broadcast; version only yes; check zero no;"
            );
        }
        // The one address that BIRD sends to may be any.
        Sending::Unicast(neighbors) => {
            for neighbor in neighbors {
                line!(text, "    mode broadcast; address {neighbor};");
            }
        }
    }
    if interface.passive {
        line!(text, "    passive yes;");
    }
    match &interface.authentication {
        Authentication::None => {}
        Authentication::Plain(password) => {
            line!(text, "    authentication plaintext; password \"{password}\";");
        }
        Authentication::Keys(keys) => {
            line!(text, "    authentication cryptographic;");
            for key in keys {
                bird_key(text, key);
            }
        }
    }
    line!(text, "  }};");
}

fn bird_key(text: &mut String, key: &Key) {
    line!(text, "    password \"{}\" {{ id {};", key.secret, key.id);
    if let Some(time) = key.send_from {
        line!(text, "      generate from {};", bird_time(time));
    }
    if let Some(time) = key.send_until {
        line!(text, "      generate to {};", bird_time(time));
    }
    let algorithm = match key.algorithm {
        Algorithm::Md5 => "keyed md5",
        Algorithm::Sha1 => "hmac sha1",
        Algorithm::Sha256 => "hmac sha256",
        Algorithm::Sha384 => "hmac sha384",
        Algorithm::Sha512 => "hmac sha512",
    };
    line!(text, "      algorithm {algorithm}; }};");
}

/// Year, month, day, hour, minute and second of a time, in UTC: labs run with TZ unset or set to UTC.
fn civil(time: i64) -> (i64, usize, i64, i64, i64, i64) {
    let (days, second) = (time.div_euclid(86_400), time.rem_euclid(86_400));
    // Days since 0000-03-01, so that the leap day ends the year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (
        year,
        usize::try_from(month).unwrap_or(1),
        day,
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

fn bird_time(time: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(time);
    format!("\"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}\"")
}

fn frr_time(time: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day, hour, minute, second) = civil(time);
    let name = MONTHS.get(month - 1).copied().unwrap_or("January");
    format!("{hour:02}:{minute:02}:{second:02} {name} {day} {year}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!(bird_time(0), "\"1970-01-01 00:00:00\"");
        assert_eq!(bird_time(951_782_400 + 86_399), "\"2000-02-29 23:59:59\"");
        assert_eq!(frr_time(1_767_225_600), "00:00:00 January 1 2026");
        assert_eq!(frr_time(1_772_323_200), "00:00:00 March 1 2026");
    }
}
