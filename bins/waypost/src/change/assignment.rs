//! What is typed behind `waypost set`.

use waypost_api::{SetRequest, parse_value};

use crate::fault::Fault;

/// `PATH=VALUE`; the path ends at the first equals sign outside quotes.
pub(crate) fn assignment(text: &str) -> Result<SetRequest, Fault> {
    let split = equals_sign(text).and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    match split {
        Some((path, value)) if !path.trim().is_empty() => {
            let (value, typed) = parse_value(value.trim());
            Ok(SetRequest {
                path: path.trim().to_owned(),
                value,
                typed: Some(typed),
            })
        }
        _ => Err(Fault::Usage(format!(
            "'{text}' is no assignment: write PATH=VALUE, such as interfaces.eth0.rip.metric=3"
        ))),
    }
}

/// Where the path of an assignment ends.
pub(crate) fn equals_sign(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '=' && !quoted).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments() {
        let set = |text| assignment(text).unwrap();
        assert_eq!(set("a.b=3").value, 3);
        assert_eq!(set("a.b=3").typed.as_deref(), Some("3"));
        assert_eq!(set("a.b=x=y").value, "x=y");
        assert_eq!(set("a.\"=\".b = true").path, "a.\"=\".b");
        assert_eq!(set("a.b=").value, "");
        for text in ["a.b", "=3", "", " =1", "a.\"b=3"] {
            assert_eq!(assignment(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
