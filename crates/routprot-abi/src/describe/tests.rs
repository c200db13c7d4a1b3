//! Tables there and back, and what is refused without a module.

use serde_json::json;
use waypost_routprot::{ConfigurationCodec, InfoBlock, Scope};
use waypost_types::ProtocolId;

use super::table::{Item, Kind, Table, Word};
use super::tables::TableCodec;
use super::{Description, Form, Named, check};

fn item(name: &str, offset: u32, size: u32, kind: Kind) -> Item {
    Item {
        name: name.to_owned(),
        help: String::new(),
        unit: String::new(),
        offset,
        size,
        kind,
        default: None,
    }
}

/// One option of each kind, and two lists.
fn everything() -> Table {
    let word = |name: &str, value| Word {
        name: name.to_owned(),
        help: String::new(),
        value,
    };
    let element = Table {
        version: 0,
        size: 8,
        options: vec![
            item("to", 0, 4, Kind::Address),
            item("cost", 4, 2, Kind::Number(0, 9)),
        ],
    };
    let value = Table {
        version: 0,
        size: 2,
        options: vec![item("", 0, 2, Kind::Number(0, u16::MAX.into()))],
    };
    Table {
        version: 3,
        size: 64,
        options: vec![
            item("large", 0, 8, Kind::Number(1, u64::MAX)),
            item("small", 8, 1, Kind::Number(0, 255)),
            item("on", 9, 1, Kind::Bool),
            item("mode", 10, 2, Kind::Word(vec![word("slow", 0), word("fast", 7)])),
            item("address", 12, 4, Kind::Address),
            item("prefix", 16, 8, Kind::Prefix),
            item("text", 24, 8, Kind::Text),
            item("wide", 32, 8, Kind::WideText),
            item("hops", 40, 4, Kind::List(0, 3, element)),
            item("ports", 44, 1, Kind::List(1, 2, value)),
        ],
    }
}

fn codec(table: Table) -> TableCodec {
    let named = Named {
        protocol: ProtocolId(200),
        name: "sample",
        title: "Sample",
    };
    TableCodec::new(named, [vec![table.clone()], vec![table]])
}

fn checked(table: Table) -> Result<(), String> {
    let tables = [vec![everything()], vec![table]];
    check(&Description(Form::Tables(tables))).map_err(|refusal| refusal.to_string())
}

fn text() -> serde_json::Value {
    json!({
        "large": u64::MAX, "small": 7, "on": true, "mode": "fast", "address": "192.0.2.1",
        "prefix": "198.51.100.0/24", "text": "\u{e9}tage", "wide": "\u{e9}a",
        "hops": [{ "to": "192.0.2.2", "cost": 9 }, { "to": "192.0.2.3", "cost": 0 }], "ports": [520, 521],
    })
}

#[test]
fn there_and_back() {
    assert_eq!(checked(everything()), Ok(()));
    let codec = codec(everything());
    let block = codec.to_block(Scope::Interface, &text()).unwrap();
    assert_eq!((block.version, block.bytes.len()), (3, 64 + 2 * 8 + 2 * 2));
    assert_eq!(block.bytes[9..12], [1, 7, 0]);
    assert_eq!(
        block.bytes[12..24],
        [192, 0, 2, 1, 198, 51, 100, 0, 255, 255, 255, 0]
    );
    assert_eq!(codec.to_text(Scope::Interface, &block).unwrap(), text());
    // A description crosses the boundary as it is.
    let description = Description(Form::Tables([vec![everything()], vec![]]));
    let crossed = serde_json::to_vec(&description).unwrap();
    assert_eq!(
        serde_json::from_slice::<Description>(&crossed).unwrap(),
        description
    );
}

#[test]
fn what_a_field_does_not_hold_is_refused_with_its_path() {
    let codec = codec(everything());
    for (option, value, path) in [
        ("large", json!(0), "large"),
        ("small", json!(256), "small"),
        ("on", json!("yes"), "on"),
        ("mode", json!("fasst"), "mode"),
        ("address", json!("192.0.2"), "address"),
        ("prefix", json!("192.0.2.1/33"), "prefix"),
        ("text", json!("\u{e9}\u{e9}\u{e9}\u{e9}"), "text"),
        ("text", json!("a\u{0}b"), "text"),
        ("wide", json!("\u{1f600}\u{1f600}"), "wide"),
        ("hops", json!([{ "to": "192.0.2.2", "cost": 10 }]), "hops.0.cost"),
        ("hops", json!([{ "to": "192.0.2.2" }]), "hops.0"),
        ("ports", json!([]), "ports"),
        ("ports", json!([1, 2, 3]), "ports"),
        ("ports", json!([1, 70000]), "ports.1"),
    ] {
        let mut text = text();
        text[option] = value;
        let refusal = codec.to_block(Scope::Interface, &text).unwrap_err();
        assert_eq!(refusal.path, path, "{option}: {refusal}");
    }
}

/// Whatever octets there are, they are the block of their text or are refused.
#[test]
fn every_octet_counts() {
    let codec = codec(everything());
    let block = codec.to_block(Scope::Interface, &text()).unwrap();
    let mut refused = 0;
    for place in 0..block.bytes.len() {
        for bit in 0..8 {
            let mut octets = block.bytes.clone();
            octets[place] ^= 1 << bit;
            let flipped = InfoBlock::new(3, octets);
            match codec.to_text(Scope::Interface, &flipped) {
                Ok(text) => assert_eq!(codec.to_block(Scope::Interface, &text).unwrap(), flipped),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 100, "{refused}");
    for length in 0..block.bytes.len() {
        let cut = InfoBlock::new(3, block.bytes[..length].to_vec());
        assert!(codec.to_text(Scope::Interface, &cut).is_err(), "{length}");
    }
    let longer = InfoBlock::new(3, [block.bytes, vec![0]].concat());
    assert!(codec.to_text(Scope::Interface, &longer).is_err());
    let other = InfoBlock::new(2, longer.bytes);
    assert_eq!(
        codec.to_text(Scope::Interface, &other).unwrap_err().path,
        "StructureVersion"
    );
}

#[test]
fn tables_are_checked() {
    type Spoil = fn(&mut Table);
    let spoiled: [(Spoil, &str); 8] = [
        (|table| table.size = 0, "interface.0.size"),
        (
            |table| table.options[1].name = "hex".to_owned(),
            "interface.0.hex.name",
        ),
        (|table| table.options[4].size = 5, "interface.0.address.size"),
        (|table| table.options[7].size = 7, "interface.0.wide.size"),
        (
            |table| table.options[2].default = Some(2),
            "interface.0.on.default",
        ),
        (
            |table| table.options[3].default = Some(1),
            "interface.0.mode.default",
        ),
        (
            |table| table.options[9].default = Some(0),
            "interface.0.ports.default",
        ),
        (
            |table| table.options[0].offset = u32::MAX,
            "interface.0.large.offset",
        ),
    ];
    for (spoil, path) in spoiled {
        let mut table = everything();
        spoil(&mut table);
        let refused = checked(table).unwrap_err();
        assert!(refused.starts_with(path), "{path}: {refused}");
    }
    let none = Description(Form::Tables([vec![], vec![everything()]]));
    assert_eq!(check(&none).unwrap_err().path, "global.count");
}

#[test]
fn schemas_have_an_end() {
    let schemas =
        |schema: serde_json::Value| check(&Description(Form::Schemas([json!({ "type": "object" }), schema])));
    let chain = json!({
        "properties": { "a": { "$ref": "#/$defs/A" } },
        "$defs": { "A": { "items": { "$ref": "#/$defs/B" } }, "B": { "type": "integer" } },
    });
    assert_eq!(schemas(chain), Ok(()));
    for bad in [
        json!([]),
        json!({ "$ref": "#" }),
        json!({ "$ref": "#/$defs/A" }),
        json!({ "$defs": { "A": { "$ref": "#/$defs/B" }, "B": { "items": { "$ref": "#/$defs/A" } } } }),
    ] {
        assert!(schemas(bad.clone()).is_err(), "{bad}");
    }
}
