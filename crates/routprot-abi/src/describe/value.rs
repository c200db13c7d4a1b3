//! Values of options: fields there and back.

use std::net::Ipv4Addr;

use serde_json::Value;
use waypost_routprot::{Refusal, shown_value};
use waypost_types::Prefix4;

use super::table::{Item, Kind};

/// The number in a field of 1, 2, 4 or 8 octets; `None` for every other size.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    Some(match *field {
        [octet] => octet.into(),
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
        _ => u64::from_ne_bytes(field.try_into().ok()?),
    })
}

/// Writes a number that the field holds.
pub(super) fn put_number(field: &mut [u8], number: u64) -> Result<(), Refusal> {
    let beyond = || Refusal::invalid("the field does not hold the number").with_value(number);
    let octets = match field.len() {
        1 => u8::try_from(number).map(|n| n.to_ne_bytes().to_vec()),
        2 => u16::try_from(number).map(|n| n.to_ne_bytes().to_vec()),
        4 => u32::try_from(number).map(|n| n.to_ne_bytes().to_vec()),
        _ => Ok(number.to_ne_bytes().to_vec()),
    };
    let octets = octets.map_err(|_| beyond())?;
    put(field, &octets).ok_or_else(beyond)
}

/// Writes octets to the beginning of a field that is zero.
fn put(field: &mut [u8], octets: &[u8]) -> Option<()> {
    field.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(())
}

/// What a field of no list says; 87 when that is not allowed.
pub(super) fn get(option: &Item, field: &[u8]) -> Result<Value, Refusal> {
    let odd = |reason: &str| Refusal::invalid(reason).at(&option.name);
    let count = number(field);
    match &option.kind {
        Kind::Number(low, high) => {
            let value = count.ok_or_else(|| odd("no number"))?;
            if (*low..=*high).contains(&value) {
                return Ok(value.into());
            }
            Err(Refusal::out_of_range(
                &option.name,
                value,
                format!("{low}..={high}"),
            ))
        }
        Kind::Bool => match count {
            Some(value @ (0 | 1)) => Ok((value == 1).into()),
            other => Err(odd("no truth value")
                .with_value(other.unwrap_or_default())
                .with_allowed("0, 1")),
        },
        Kind::Word(words) => {
            let word = words.iter().find(|word| Some(u64::from(word.value)) == count);
            word.map(|word| word.name.as_str().into())
                .ok_or_else(|| odd("no such value").with_value(count.unwrap_or_default()))
        }
        Kind::Address => match field {
            [a, b, c, d] => Ok(Ipv4Addr::new(*a, *b, *c, *d).to_string().into()),
            _ => Err(odd("no address")),
        },
        Kind::Prefix => match field {
            [a, b, c, d, mask @ ..] => {
                let address = Ipv4Addr::new(*a, *b, *c, *d);
                let mask = <[u8; 4]>::try_from(mask).map_err(|_| odd("no prefix"))?;
                let prefix = Prefix4::from_netmask(address, mask.into())
                    .ok()
                    .filter(|prefix| prefix.network() == address)
                    .ok_or_else(|| {
                        odd("no prefix").with_value(format!("{address}/{}", Ipv4Addr::from(mask)))
                    })?;
                Ok(prefix.to_string().into())
            }
            _ => Err(odd("no prefix")),
        },
        Kind::Text => {
            let text = terminated(field, |octet| *octet == 0).ok_or_else(|| odd("no zero ends the text"))?;
            let text = std::str::from_utf8(text).map_err(|_| odd("no UTF-8"))?;
            Ok(text.into())
        }
        Kind::WideText => {
            let (units, _) = field.as_chunks::<2>();
            let units: Vec<u16> = units.iter().copied().map(u16::from_ne_bytes).collect();
            let text = terminated(&units, |unit| *unit == 0).ok_or_else(|| odd("no zero ends the text"))?;
            let text = String::from_utf16(text).map_err(|_| odd("no UTF-16"))?;
            Ok(text.into())
        }
        Kind::List(..) => Err(odd("a list has no field of its own")),
    }
}

/// What is before the zero that ends a text, behind which is nothing else.
fn terminated<T>(field: &[T], is_zero: impl Fn(&T) -> bool) -> Option<&[T]> {
    let end = field.iter().position(&is_zero)?;
    let (text, rest) = field.split_at_checked(end)?;
    rest.iter().all(is_zero).then_some(text)
}

/// Writes a value to the field of no list, which is zero.
pub(super) fn set(option: &Item, text: &Value, field: &mut [u8]) -> Result<(), Refusal> {
    let refuse = |expected: &str| {
        Refusal::invalid(format!("{expected} is expected"))
            .at(&option.name)
            .with_value(shown_value(text))
    };
    match &option.kind {
        Kind::Number(low, high) => {
            let allowed = format!("{low}..={high}");
            let value = text
                .as_u64()
                .ok_or_else(|| refuse("a whole number").with_allowed(&*allowed))?;
            if !(*low..=*high).contains(&value) {
                return Err(Refusal::out_of_range(&option.name, value, allowed));
            }
            put_number(field, value).map_err(|refusal| refusal.at(&option.name))
        }
        Kind::Bool => {
            let value = text.as_bool().ok_or_else(|| refuse("a truth value"))?;
            put_number(field, value.into())
        }
        Kind::Word(words) => {
            // A word that is a number may be given as one.
            let number = text.as_number().map(ToString::to_string);
            let given = text.as_str().or(number.as_deref());
            let word = words.iter().find(|word| given == Some(word.name.as_str()));
            let word = word.ok_or_else(|| {
                let names: Vec<&str> = words.iter().map(|word| word.name.as_str()).collect();
                refuse("one of the words").with_allowed(names.join(", "))
            })?;
            put_number(field, word.value.into())
        }
        Kind::Address => {
            let address: Ipv4Addr = parsed(text).ok_or_else(|| refuse("an IPv4 address"))?;
            put(field, &address.octets()).ok_or_else(|| refuse("an IPv4 address"))
        }
        Kind::Prefix => {
            let prefix: Prefix4 = parsed(text).ok_or_else(|| refuse("ADDRESS/LENGTH"))?;
            let octets = [prefix.network().octets(), prefix.netmask().octets()].concat();
            put(field, &octets).ok_or_else(|| refuse("ADDRESS/LENGTH"))
        }
        Kind::Text => {
            let octets = plain(text)
                .ok_or_else(|| refuse("text without zeros"))?
                .as_bytes();
            let room = field.len().saturating_sub(1);
            if octets.len() > room {
                return Err(too_long(option, octets.len(), room, "octets"));
            }
            put(field, octets).ok_or_else(|| refuse("text"))
        }
        Kind::WideText => {
            let text = plain(text).ok_or_else(|| refuse("text without zeros"))?;
            let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_ne_bytes).collect();
            let room = field.len().saturating_sub(2);
            if octets.len() > room {
                return Err(too_long(option, octets.len() / 2, room / 2, "units of UTF-16"));
            }
            put(field, &octets).ok_or_else(|| refuse("text"))
        }
        Kind::List(..) => Err(refuse("a list")),
    }
}

fn too_long(option: &Item, length: usize, room: usize, units: &str) -> Refusal {
    Refusal::invalid("the text is too long")
        .at(&option.name)
        .with_value(format!("{length} {units}"))
        .with_allowed(format!("up to {room}"))
}

fn parsed<T: std::str::FromStr>(text: &Value) -> Option<T> {
    text.as_str()?.parse().ok()
}

fn plain(text: &Value) -> Option<&str> {
    text.as_str().filter(|text| !text.contains('\0'))
}

/// What an option is that was left out, as text.
pub(super) fn default_text(option: &Item) -> Option<Value> {
    let default = option.default?;
    Some(match &option.kind {
        Kind::Number(..) => default.into(),
        Kind::Bool => (default == 1).into(),
        Kind::Word(words) => {
            let word = words.iter().find(|word| u64::from(word.value) == default)?;
            word.name.as_str().into()
        }
        Kind::Address => Ipv4Addr::UNSPECIFIED.to_string().into(),
        Kind::Prefix => Prefix4::DEFAULT.to_string().into(),
        Kind::Text | Kind::WideText => "".into(),
        Kind::List(..) => Value::Array(Vec::new()),
    })
}
