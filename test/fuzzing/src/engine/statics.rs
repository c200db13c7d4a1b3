//! Static routes.

use serde_json::Value;
use waypost_static::Static;

use super::{Scenario, live};

pub(crate) fn run(octets: &[u8]) {
    live::<Static, StaticScenario>(octets);
}

/// What a script can do with static routes.
#[derive(Clone, Copy, Debug)]
pub struct StaticScenario;

impl Scenario for StaticScenario {
    const GLOBAL: &'static [&'static str] = &[
        r#"{}"#,
        r#"{"routes":[{"prefix":"10.0.0.0/8","via":"10.1.0.2"}]}"#,
        r#"{"routes":[{"prefix":"10.0.0.0/8","via":["10.1.0.2 weight 3","10.2.0.2","dev eth3"]}]}"#,
        r#"{"routes":[{"prefix":"0.0.0.0/0","via":"192.0.2.1 dev eth1 onlink"},{"prefix":"0.0.0.0/0","via":"10.2.0.9","metric":9}]}"#,
        r#"{"routes":[{"prefix":"10.3.0.0/16","kind":"blackhole","preference":9,"tag":1}]}"#,
        r#"{"routes":[{"prefix":"10.3.0.0/16","kind":"prohibit"},{"prefix":"10.3.0.0/16","kind":"unreachable","metric":2}]}"#,
        r#"{"routes":[{"prefix":"2001:db8::/32","via":["fe80::1 dev eth1","fe80::2 dev eth2"]}]}"#,
        r#"{"routes":[{"prefix":"2001:db8::/32","via":"::5"}]}"#,
        r#"{"annotate":"fuzz"}"#,
    ];

    const INTERFACE: &'static [&'static str] = &[
        r#"{}"#,
        r#"{"routes":[{"prefix":"10.0.0.0/8","gateway":"10.1.0.2"}]}"#,
        r#"{"routes":[{"prefix":"10.0.0.0/8","gateway":"10.2.0.3","weight":7,"origin":"autostatic"}]}"#,
        r#"{"routes":[{"prefix":"10.9.0.0/16"},{"prefix":"10.9.0.0/16","gateway":"10.1.0.7"}]}"#,
        r#"{"routes":[{"prefix":"192.0.2.0/24","gateway":"203.0.113.1","onlink":true,"tag":4}]}"#,
        r#"{"routes":[{"prefix":"::/0","gateway":"fe80::1"},{"prefix":"2001:db8:1::/48"}]}"#,
        r#"{"routes":[{"prefix":"10.0.0.0/8","preference":255,"metric":0,"origin":"static-non-dod"}]}"#,
        r#"{"annotate":"fuzz"}"#,
    ];

    /// No more than are configured.
    fn route_limit(global: &Value, interfaces: &[Value]) -> usize {
        let routes = |text: &Value| text["routes"].as_array().map_or(0, Vec::len);
        routes(global) + interfaces.iter().map(routes).sum::<usize>()
    }
}
