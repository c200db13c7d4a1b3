//! Numbers with their units, and configuration values as TOML.

use serde_json::Value;

use crate::sheet::printable;

/// A length of time in its two largest units: `12s`, `3min 5s`, `2d 4h`.
pub(crate) fn span(seconds: u64) -> String {
    let (days, hours, minutes, rest) = (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    let two = |high: u64, unit: &str, low: u64, lower: &str| match low {
        0 => format!("{high}{unit}"),
        _ => format!("{high}{unit} {low}{lower}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => two(minutes, "min", rest, "s"),
        (0, _, _) => two(hours, "h", minutes, "min"),
        _ => two(days, "d", hours, "h"),
    }
}

/// What a protocol says of itself, for people: the unit that a JSON name ends in goes to the number.
pub(crate) fn measured(name: &str, value: &Value) -> (String, String) {
    let words = |name: &str| name.replace('-', " ");
    match (value.as_u64(), name.rsplit_once('-')) {
        (Some(seconds), Some((name, "seconds"))) => (words(name), span(seconds)),
        (Some(milliseconds), Some((name, "ms"))) if milliseconds % 1000 == 0 => {
            (words(name), span(milliseconds / 1000))
        }
        (Some(milliseconds), Some((name, "ms"))) => (words(name), format!("{milliseconds}ms")),
        _ => (words(name), plain_value(value)),
    }
}

/// A line rate: `100 Mbit/s`; nothing when unknown (0).
pub(crate) fn rate(bits: u64) -> String {
    let scaled = [
        (1_000_000_000_000, "Tbit/s"),
        (1_000_000_000, "Gbit/s"),
        (1_000_000, "Mbit/s"),
        (1000, "kbit/s"),
    ];
    for (unit, name) in scaled {
        if bits >= unit {
            let (whole, tenth) = (bits / unit, bits % unit / (unit / 10));
            return match tenth {
                0 => format!("{whole} {name}"),
                _ => format!("{whole}.{tenth} {name}"),
            };
        }
    }
    if bits == 0 {
        String::new()
    } else {
        format!("{bits} bit/s")
    }
}

/// A number with its noun: `1 route`, `3 routes`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A configuration value as it would stand in the file, on one line.
pub(crate) fn toml_value(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(toml_value).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let members: Vec<String> = table
                .iter()
                .map(|(name, value)| format!("{} = {}", key(name), toml_value(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        // JSON's escapes are TOML's.
        other => printable(&other.to_string()),
    }
}

/// A value for people: text without its quotes.
pub(crate) fn plain_value(value: &Value) -> String {
    value.as_str().map_or_else(|| toml_value(value), printable)
}

fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if bare {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spans() {
        let spans = [0, 59, 60, 185, 3600, 7260, 86_400, 187_300].map(span);
        assert_eq!(
            spans,
            ["0s", "59s", "1min", "3min 5s", "1h", "2h 1min", "1d", "2d 4h"]
        );
    }

    #[test]
    fn names_give_their_unit_away() {
        let said = |name: &str, value: Value| {
            let (name, value) = measured(name, &value);
            format!("{name} {value}")
        };
        assert_eq!(said("dead-in-seconds", json!(90)), "dead in 1min 30s");
        assert_eq!(said("triggered-delay-ms", json!(1000)), "triggered delay 1s");
        assert_eq!(said("triggered-delay-ms", json!(1500)), "triggered delay 1500ms");
        assert_eq!(said("router-id", json!("192.0.2.1")), "router id 192.0.2.1");
    }

    #[test]
    fn rates() {
        let rates = [0, 9600, 10_000_000, 2_500_000_000, 10_000_000_000].map(rate);
        assert_eq!(rates, ["", "9.6 kbit/s", "10 Mbit/s", "2.5 Gbit/s", "10 Gbit/s"]);
    }

    #[test]
    fn values() {
        let value = json!([{ "deny": "10.0.0.0/8 le 32" }, { "a.b": 1 }, {}, true]);
        assert_eq!(
            toml_value(&value),
            r#"[{ deny = "10.0.0.0/8 le 32" }, { "a.b" = 1 }, {}, true]"#
        );
        assert_eq!(plain_value(&json!("v2-multicast")), "v2-multicast");
    }
}
