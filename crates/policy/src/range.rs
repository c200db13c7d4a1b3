//! Ranges of numbers, as text.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Numbers from one to another. Text: a number, or `LOW-HIGH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange<N> {
    /// The lowest.
    pub low: N,
    /// The highest; not below `low`.
    pub high: N,
}

impl<N: Copy> NumberRange<N> {
    /// The same for comparing.
    #[must_use]
    pub const fn range(self) -> RangeInclusive<N> {
        self.low..=self.high
    }
}

impl<N: fmt::Display + PartialEq> fmt::Display for NumberRange<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.low)?;
        if self.low != self.high {
            write!(f, "-{}", self.high)?;
        }
        Ok(())
    }
}

impl<N: FromStr + PartialOrd + Copy> FromStr for NumberRange<N> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(64).collect();
        let number = |text: &str| {
            let number = text.trim().parse::<N>();
            number.map_err(|_| format!("'{shown}' is neither a number in range nor LOW-HIGH"))
        };
        let (low, high) = match text.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(text)?, number(text)?),
        };
        if low > high {
            return Err(format!("the range {shown} is the wrong way round"));
        }
        Ok(Self { low, high })
    }
}

impl<N: Serialize + fmt::Display + PartialEq> Serialize for NumberRange<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.low == self.high {
            self.low.serialize(serializer)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de, N: FromStr + PartialOrd + Copy> Deserialize<'de> for NumberRange<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Number(u64),
            Range(String),
        }
        let text = match Text::deserialize(deserializer) {
            Ok(Text::Number(number)) => number.to_string().parse(),
            Ok(Text::Range(text)) => text.parse(),
            Err(_) => return Err(de::Error::custom("expected a number or \"LOW-HIGH\"")),
        };
        text.map_err(de::Error::custom)
    }
}

/// The range that a number of this type has.
pub trait Bounded {
    /// The highest there is; the lowest is 0.
    const MOST: u64;
}

impl Bounded for u8 {
    const MOST: u64 = 128;
}

impl Bounded for u32 {
    const MOST: u64 = 0xFFFF_FFFF;
}

impl<N: Bounded> JsonSchema for NumberRange<N> {
    fn schema_name() -> Cow<'static, str> {
        format!("Numbers0To{}", N::MOST).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": N::MOST },
                { "type": "string", "pattern": "^[0-9]+-[0-9]+$" },
            ],
            "description": "A number, or LOW-HIGH.",
        })
    }
}
