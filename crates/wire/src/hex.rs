//! Octets as hexadecimal digits, which is how they stand in text.

/// Two lower-case digits an octet.
#[must_use]
pub fn write(octets: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    octets
        .iter()
        .flat_map(|octet| [digit(octet >> 4), digit(octet & 15)])
        .collect()
}

/// The octets that digits of either case stand for; `None` unless there are two for each.
#[must_use]
pub fn read(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then(|| {
        pairs
            .iter()
            .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
            .collect()
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = write(&all);
        assert!(text.starts_with("000102") && text.ends_with("fdfeff"));
        assert_eq!(read(&text), Some(all.clone()));
        assert_eq!(read(&text.to_uppercase()), Some(all));
        assert_eq!(read(""), Some(Vec::new()));
        for text in ["0", "0g", "+1", " 1", "1 ", "\u{e9}"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
