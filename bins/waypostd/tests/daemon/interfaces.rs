//! Interfaces of the real kernel that go, are renamed and come back with another number: configuration belongs to the name.

use serde_json::{Value, json};
use waypost_api::client::Client;
use waypost_testkit::wait_for;

use crate::rig::{Daemon, Home, PATIENCE, apply, ip, isolated, look, setting};

fn row(client: &mut Client, name: &str) -> Option<Value> {
    let rows: Vec<Value> = client.get("/v1/interfaces").unwrap();
    rows.into_iter().find(|row| row["name"] == name)
}

/// Waits until an interface is as described, field by field; returns its number.
fn becomes(client: &mut Client, name: &str, description: &Value) -> u64 {
    let what = format!("{name} to be {description}");
    let row = wait_for(PATIENCE, &what, || match row(client, name) {
        Some(row) => {
            let mut fields = description.as_object().unwrap().iter();
            if fields.all(|(field, value)| row[field] == *value) {
                Ok(row)
            } else {
                Err(row.to_string())
            }
        }
        None => Err("no such row".to_owned()),
    });
    row.unwrap()["index"].as_u64().unwrap_or_default()
}

fn active() -> Value {
    json!({ "state": "up", "up": true, "carrier": true, "protocols": ["rip"] })
}

#[test]
fn configuration_waits_for_its_name() {
    isolated(|| {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let mut daemon = Daemon::start(&home);
        let mut client = daemon.client();
        apply(
            &mut client,
            &setting(&[
                ("protocols.rip", json!({})),
                ("interfaces.eth0.rip.metric", json!(5)),
                ("interfaces.later0.rip.metric", json!(6)),
            ]),
        )
        .unwrap();
        let before = look(&mut client);
        let first = becomes(&mut client, "eth0", &active());

        // What the kernel says of it, as it changes.
        ip("link set eth0 mtu 1400");
        ip("address add 10.9.9.1/30 dev eth0");
        ip("address add fd00::1/64 dev eth0 nodad");
        let described = json!({ "kind": "veth", "type": "permanent", "mtu": 1400 });
        becomes(&mut client, "eth0", &described);
        wait_for(PATIENCE, "the addresses", || {
            let row = row(&mut client, "eth0").unwrap();
            let has = |address: &str| row["addresses"].as_array().unwrap().contains(&json!(address));
            let all = ["10.0.0.1/24", "10.9.9.1/30", "fd00::1/64"].into_iter().all(has);
            if all { Ok(()) } else { Err(row.to_string()) }
        })
        .unwrap();
        ip("link set far0 down");
        becomes(
            &mut client,
            "eth0",
            &json!({ "state": "no carrier", "carrier": false }),
        );
        ip("link set far0 up");
        becomes(&mut client, "eth0", &active());
        ip("link set eth0 down");
        becomes(&mut client, "eth0", &json!({ "state": "down", "up": false }));

        // Under another name it is another interface; renamed back, it is what it was. (A link is renamed while it is down.)
        ip("link set eth0 name other0");
        becomes(
            &mut client,
            "other0",
            &json!({ "protocols": [], "state": "down" }),
        );
        becomes(&mut client, "eth0", &json!({ "state": "absent" }));
        ip("link set other0 up");
        becomes(&mut client, "other0", &json!({ "protocols": [], "state": "up" }));
        ip("link set other0 down");
        ip("link set other0 name eth0");
        ip("link set eth0 up");
        assert_eq!(becomes(&mut client, "eth0", &active()), first);
        assert!(row(&mut client, "other0").is_none());
        assert_eq!(look(&mut client), before);

        // Another device of the same name, with another number.
        ip("link delete eth0");
        becomes(
            &mut client,
            "eth0",
            &json!({ "state": "absent", "protocols": [] }),
        );
        assert_eq!(look(&mut client), before);
        ip("link add eth0 type veth peer name far0");
        ip("link set far0 up");
        ip("link set eth0 up");
        ip("address add 10.0.0.1/24 dev eth0");
        assert_ne!(becomes(&mut client, "eth0", &active()), first);
        assert_eq!(look(&mut client), before);

        // One that the configuration was waiting for.
        ip("link add later0 type veth peer name far9");
        ip("link set far9 up");
        ip("link set later0 up");
        ip("address add 10.0.9.1/24 dev later0");
        becomes(&mut client, "later0", &active());
        assert_eq!(look(&mut client), before);
        daemon.assert_alive();
    });
}

/// `router.id` reaches `show status` at once, and the plan says what it does.
#[test]
fn a_router_identifier_is_live() {
    isolated(|| {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(&Home::new(folder.path()));
        let mut client = daemon.client();
        let id = |client: &mut Client| client.get::<Value>("/v1/status").unwrap()["router-id"].clone();
        assert_eq!(id(&mut client), "10.0.2.1", "the highest address");
        let request = setting(&[("protocols.rip", json!({})), ("router.id", json!("198.51.100.7"))]);
        let plan: Value = client.post("/v1/plan", &request).unwrap();
        let change = plan["changes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|change| change["path"] == "router.id");
        let change = change.unwrap();
        assert_eq!(change["impact"], "live");
        assert_eq!(change["reason"], "no running protocol uses it");
        assert_eq!(id(&mut client), "10.0.2.1");
        apply(&mut client, &request).unwrap();
        assert_eq!(id(&mut client), "198.51.100.7");
        let edits = json!({ "edits": [{ "unset": "router.id" }] });
        apply(&mut client, &edits).unwrap();
        assert_eq!(id(&mut client), "10.0.2.1");
    });
}
