//! Below `interface NAME`.

use super::{Done, Line, Reader, network, number};

impl<'t> Reader<'t> {
    pub(super) fn interface(&mut self, name: &str, line: &Line<'t>) -> Done {
        match line.words.as_slice() {
            ["description", ..] => {
                let note = line.text.strip_prefix("description").unwrap_or_default().trim();
                self.tree.set(&["interfaces", name, "annotate"], note);
                Ok(())
            }
            ["ip", "address", address, ..] => {
                // Known for what follows, and not ours to set.
                let address = network(address)?;
                let known = self.addresses.entry(name.to_owned()).or_default();
                if !known.contains(&address) {
                    known.push(address);
                }
                Ok(())
            }
            ["ipv6", "address", ..] => Ok(()),
            ["shutdown"] => {
                self.tree.set(&["interfaces", name, "enabled"], false);
                Ok(())
            }
            ["no", "shutdown"] | ["link-detect"] => Ok(()),
            ["bandwidth", _] => {
                Err("the bandwidth is the device's own; say the cost of OSPF instead".to_owned())
            }
            ["ip", "ospf", rest @ ..] => self.interface_ospf(name, line, rest),
            ["no", "ip", "ospf", rest @ ..] => self.no_interface_ospf(name, rest),
            ["ip", "rip", rest @ ..] => self.interface_rip(name, line, rest),
            ["no", "ip", "rip", "split-horizon", ..] => {
                self.tree
                    .set(&["interfaces", name, "rip", "split-horizon"], false);
                Ok(())
            }
            ["multicast"] | ["mpls", "enable"] => Err("not a matter of the protocols here".to_owned()),
            _ => Err("not translated".to_owned()),
        }
    }

    fn interface_ospf(&mut self, name: &str, line: &Line<'t>, rest: &[&'t str]) -> Done {
        let option = |option: &'static str| ["interfaces", name, "ospf", option];
        // `ip ospf cost 10 10.0.0.1` is about one address of several.
        if let [.., address] = rest
            && rest.len() > 2
            && address.parse::<std::net::Ipv4Addr>().is_ok()
            && !matches!(rest, ["area", ..])
        {
            return Err("an interface has one configuration here, whatever its addresses".to_owned());
        }
        match rest {
            ["area", area] => {
                let area = crate::words::area(area)?;
                self.ospf.on_interface(name);
                self.tree.set(&option("area"), area);
            }
            ["cost", value] => self.tree.set(&option("cost"), number(value)?),
            ["priority", value] => self.tree.set(&option("priority"), number(value)?),
            ["hello-interval", value] => self.tree.set(&option("hello-interval"), number(value)?),
            ["dead-interval", "minimal", "hello-multiplier", value] => {
                self.tree.set(&option("hello-multiplier"), number(value)?);
            }
            ["dead-interval", value] => self.tree.set(&option("dead-interval"), number(value)?),
            ["retransmit-interval", value] => self.tree.set(&option("retransmit-interval"), number(value)?),
            ["transmit-delay", value] => self.tree.set(&option("transmit-delay"), number(value)?),
            ["network", kind, ..] => {
                let kind = match *kind {
                    "broadcast" => "broadcast",
                    "non-broadcast" => "non-broadcast",
                    "point-to-point" => "point-to-point",
                    "point-to-multipoint" if rest.contains(&"non-broadcast") => {
                        "point-to-multipoint-non-broadcast"
                    }
                    "point-to-multipoint" => "point-to-multipoint",
                    other => return Err(format!("'{other}' is no kind of network")),
                };
                self.tree.set(&option("network-type"), kind);
            }
            ["mtu-ignore"] => self.tree.set(&option("mtu-ignore"), true),
            ["passive"] => self.tree.set(&option("passive"), true),
            ["prefix-suppression"] => self.tree.set(&option("prefix-suppression"), true),
            ["authentication", "null"] => self.tree.set(&option("authentication"), "none"),
            ["authentication", "message-digest"] => self.tree.set(&option("authentication"), "cryptographic"),
            ["authentication", "key-chain", chain] => {
                self.tree.set(&option("authentication"), "cryptographic");
                self.ospf.chain(name, chain, line);
            }
            ["authentication"] => self.tree.set(&option("authentication"), "simple"),
            ["authentication-key", key] => self.tree.set(&option("password"), *key),
            ["message-digest-key", id, "md5", key] => {
                let key = serde_json::json!({ "id": number(id)?, "secret": key, "algorithm": "md5" });
                self.tree.push(&option("keys"), key);
            }
            ["bfd", ..] => return Err("there is no BFD yet".to_owned()),
            _ => return Err("not translated".to_owned()),
        }
        Ok(())
    }

    fn no_interface_ospf(&mut self, name: &str, rest: &[&str]) -> Done {
        match rest {
            ["passive"] => {
                self.tree.set(&["interfaces", name, "ospf", "passive"], false);
                Ok(())
            }
            ["mtu-ignore" | "bfd" | "prefix-suppression", ..] => Ok(()),
            _ => Err("not translated".to_owned()),
        }
    }

    fn interface_rip(&mut self, name: &str, line: &Line<'t>, rest: &[&'t str]) -> Done {
        let option = |option: &'static str| ["interfaces", name, "rip", option];
        match rest {
            ["split-horizon"] => self.tree.set(&option("split-horizon"), true),
            ["split-horizon", "poisoned-reverse"] => {
                self.tree.set(&option("split-horizon"), true);
                self.tree.set(&option("poison-reverse"), true);
            }
            ["send", "version", versions @ ..] => {
                let announce = match versions {
                    ["1"] => "v1",
                    ["2"] => "v2-multicast",
                    ["1", "2"] | ["2", "1"] => "v1-compatible",
                    ["none"] => "none",
                    _ => return Err("no version of RIP".to_owned()),
                };
                self.tree.set(&option("announce"), announce);
            }
            ["receive", "version", versions @ ..] => {
                let accept = match versions {
                    ["1"] => "v1",
                    ["2"] => "v2",
                    ["1", "2"] | ["2", "1"] => "both",
                    ["none"] => "none",
                    _ => return Err("no version of RIP".to_owned()),
                };
                self.tree.set(&option("accept"), accept);
            }
            ["v2-broadcast"] => {
                self.tree.set(&option("announce"), "v1-compatible");
                self.tree.set(&option("summarise"), false);
            }
            ["authentication", "mode", "md5", ..] => {
                self.tree.set(&option("authentication"), "cryptographic");
            }
            ["authentication", "mode", "text"] => self.tree.set(&option("authentication"), "plain"),
            ["authentication", "string", password] => self.tree.set(&option("password"), *password),
            ["authentication", "key-chain", chain] => self.rip.chain(name, chain, line),
            _ => return Err("not translated".to_owned()),
        }
        Ok(())
    }
}
