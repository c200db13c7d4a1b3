//! The addresses of a router's interfaces, which its configuration may not have.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Deserialize;
use waypost_types::Prefix4;

/// The networks on each interface, by its name.
pub type Links = BTreeMap<String, Vec<Prefix4>>;

/// A row of `ip -j address`; the rest of it does not matter here.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    family: String,
    #[serde(default)]
    local: String,
    #[serde(default)]
    prefixlen: u8,
}

/// Reads what `ip -j address` prints.
///
/// # Errors
/// What is wrong with it, if it is something else.
pub fn links(json: &str) -> Result<Links, String> {
    let rows: Vec<Row> =
        serde_json::from_str(json).map_err(|error| format!("not what 'ip -j address' prints: {error}"))?;
    let mut links = Links::new();
    for row in rows {
        let of_ipv4 = row.addr_info.iter().filter(|address| address.family == "inet");
        let networks = of_ipv4.filter_map(|address| {
            let local: Ipv4Addr = address.local.parse().ok()?;
            Prefix4::containing(local, address.prefixlen).ok()
        });
        links.insert(row.ifname, networks.collect());
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ip_prints() {
        let json = r#"[{"ifindex":1,"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},{},
            {"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24,"scope":"global"},
            {"family":"inet6","local":"fe80::1","prefixlen":64},{"family":"inet","local":"x","prefixlen":99}]}]"#;
        let found = links(json).unwrap();
        assert_eq!(found["eth0"], ["10.0.0.0/24".parse().unwrap()]);
        assert_eq!(found["lo"].len(), 1);
        assert!(links("2: eth0").unwrap_err().contains("ip -j address"));
    }
}
