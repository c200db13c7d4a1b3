//! Configuration as text: the same configuration a block holds, for people and for the API.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{PoisonError, RwLock};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use waypost_policy::{Policies, PolicyReference};
use waypost_types::ProtocolId;

use crate::{InfoBlock, Layout, Refusal, mistakes, shown_value};

/// Which of a protocol's two kinds of configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The protocol as a whole: `protocols.NAME`.
    Global,
    /// The protocol on one interface: `interfaces.IFNAME.NAME`.
    Interface,
}

/// Schema and text form of one protocol's configuration. Pure: usable while the protocol is not running.
pub trait ConfigurationCodec: Send + Sync {
    /// The type of the protocol's blocks.
    fn protocol(&self) -> ProtocolId;
    /// The protocol's name in paths, such as `rip`.
    fn name(&self) -> &'static str;
    /// The protocol's name for people.
    fn title(&self) -> &'static str;
    /// JSON Schema (2020-12) of the text form.
    fn schema(&self, scope: Scope) -> Value;
    /// Text to block; 87 with the path of what is wrong, relative to the block.
    fn to_block(&self, scope: Scope, text: &Value) -> Result<InfoBlock, Refusal>;
    /// Block to text; 87 when the block is invalid.
    fn to_text(&self, scope: Scope, block: &InfoBlock) -> Result<Value, Refusal>;

    /// The same configuration in the layout that RRAS published, if that layout can say all of it. A block in that layout
    /// is given back in its canonical form.
    fn published(&self, scope: Scope, block: &InfoBlock) -> Option<InfoBlock>;

    /// Where a block refers to policies, with paths relative to it. None where it does not, or cannot be read.
    fn policies(&self, _scope: Scope, _block: &InfoBlock) -> Vec<PolicyReference> {
        Vec::new()
    }

    /// All that is wrong with a text that [`Self::to_block`] refused for `first`.
    fn mistakes(&self, scope: Scope, text: &Value, first: Refusal) -> Vec<Refusal> {
        all_mistakes(&self.schema(scope), text, first)
    }
}

/// A typed configuration with its two outer forms, bytes and text.
///
/// Laws, which the tests of every implementation state: `decode(encode(c, l)) == (c, l)` for every layout `l` that can
/// express `c`; text to block to text is the identity; `decode` never panics and never returns half of a configuration.
pub trait BlockConfig:
    Clone + PartialEq + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// The Waypost layout that [`Self::encode`] writes for configuration that came as text.
    const LAYOUT: u32;

    /// Reads a block, whichever layout it has, and validates what it says.
    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal>;

    /// Writes the canonical block of `layout`. RRAS's layout drops what it cannot express.
    fn encode(&self, layout: Layout) -> InfoBlock;

    /// Checks ranges and rules between options. Called for text; `decode` calls it for blocks.
    fn validate(&self) -> Result<(), Refusal>;

    /// The names of policies in it, with where they stand. Whether there are such policies is not the configuration's to know:
    /// whoever has them checks it.
    fn policies(&self) -> Vec<PolicyReference> {
        Vec::new()
    }

    /// Reads a text tree; ranges are [`Self::validate`]'s business.
    fn from_text(text: &Value) -> Result<Self, Refusal> {
        parse_text(text)
    }
}

/// The codec that follows from two typed configurations.
pub struct TypedCodec<G, I> {
    protocol: ProtocolId,
    name: &'static str,
    title: &'static str,
    typed: PhantomData<fn() -> (G, I)>,
}

impl<G, I> TypedCodec<G, I> {
    /// The codec of `protocol`, whose configuration lives at `protocols.NAME` and `interfaces.IFNAME.NAME`.
    #[must_use]
    pub const fn new(protocol: ProtocolId, name: &'static str, title: &'static str) -> Self {
        Self {
            protocol,
            name,
            title,
            typed: PhantomData,
        }
    }
}

impl<G: BlockConfig, I: BlockConfig> ConfigurationCodec for TypedCodec<G, I> {
    fn protocol(&self) -> ProtocolId {
        self.protocol
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn schema(&self, scope: Scope) -> Value {
        match scope {
            Scope::Global => schemars::schema_for!(G).to_value(),
            Scope::Interface => schemars::schema_for!(I).to_value(),
        }
    }

    fn to_block(&self, scope: Scope, text: &Value) -> Result<InfoBlock, Refusal> {
        fn block<C: BlockConfig>(text: &Value) -> Result<InfoBlock, Refusal> {
            let config = C::from_text(text)?;
            config.validate()?;
            Ok(config.encode(Layout::Waypost(C::LAYOUT)))
        }
        match scope {
            Scope::Global => block::<G>(text),
            Scope::Interface => block::<I>(text),
        }
    }

    fn to_text(&self, scope: Scope, block: &InfoBlock) -> Result<Value, Refusal> {
        fn text<C: BlockConfig>(block: &InfoBlock) -> Result<Value, Refusal> {
            let (config, _) = C::decode(block)?;
            serde_json::to_value(config).map_err(|error| Refusal::failed(error.to_string()))
        }
        match scope {
            Scope::Global => text::<G>(block),
            Scope::Interface => text::<I>(block),
        }
    }

    fn policies(&self, scope: Scope, block: &InfoBlock) -> Vec<PolicyReference> {
        fn policies<C: BlockConfig>(block: &InfoBlock) -> Vec<PolicyReference> {
            C::decode(block).map_or_else(|_| Vec::new(), |(config, _)| config.policies())
        }
        match scope {
            Scope::Global => policies::<G>(block),
            Scope::Interface => policies::<I>(block),
        }
    }

    fn published(&self, scope: Scope, block: &InfoBlock) -> Option<InfoBlock> {
        fn published<C: BlockConfig>(block: &InfoBlock) -> Option<InfoBlock> {
            let (config, _) = C::decode(block).ok()?;
            let published = config.encode(Layout::Rras);
            // What the layout cannot express it drops, and a protocol without a published layout writes its own.
            let same = C::decode(&published).is_ok_and(|read| read == (config, Layout::Rras));
            same.then_some(published)
        }
        match scope {
            Scope::Global => published::<G>(block),
            Scope::Interface => published::<I>(block),
        }
    }
}

/// Refuses a name that no policy has; the refusal's path is the reference's.
#[must_use]
pub fn no_such_policy(policies: &Policies, reference: &PolicyReference) -> Refusal {
    let names: Vec<&str> = policies.names().collect();
    let meant = suggestion(&reference.name, names.iter().copied());
    let reason = match meant {
        Some(meant) => format!("there is no policy of this name; did you mean '{meant}'?"),
        None => "there is no policy of this name".to_owned(),
    };
    let allowed = match names.as_slice() {
        [] => "none yet: policy.prefix-lists and policy.route-maps have them".to_owned(),
        names => names.join(", "),
    };
    let refusal = Refusal::invalid(reason).at(&reference.path);
    refusal.with_value(&reference.name).with_allowed(allowed)
}

/// Reads typed configuration from a text tree; the refusal names the option and, for a misspelt one, its likely name.
pub fn parse_text<C: DeserializeOwned + JsonSchema + 'static>(text: &Value) -> Result<C, Refusal> {
    if let (Value::Object(table), Some(known)) = (text, option_names::<C>()) {
        let known = || known.iter().map(String::as_str);
        for name in table.keys() {
            if !known().any(|known| known == name) {
                let refusal = Refusal::invalid(match suggestion(name, known()) {
                    Some(meant) => format!("unknown option; did you mean '{meant}'?"),
                    None => "unknown option".to_owned(),
                });
                let allowed: Vec<&str> = known().collect();
                return Err(refusal.at(name).with_allowed(allowed.join(", ")));
            }
        }
    }
    serde_path_to_error::deserialize(text).map_err(|error| {
        let (path, value) = locate(error.path(), text);
        // The same mistake in better words; and one that has no place is in no words of ours at all.
        let schema = schemars::schema_for!(C).to_value();
        let mut known = mistakes(&schema, text).into_iter();
        let here = |mistake: &Refusal| match mistake.path.strip_prefix(path.as_str()) {
            Some(rest) => path.is_empty() || rest.is_empty() || rest.starts_with('.'),
            None => false,
        };
        if let Some(mistake) = known.find(here) {
            return mistake;
        }
        let refusal = Refusal::invalid(error.inner().to_string()).at(&path);
        match value {
            Some(value) if !path.is_empty() => refusal.with_value(shown_value(value)),
            _ => refusal,
        }
    })
}

/// The options that a configuration type takes, as its schema names them; `None` for one without a fixed set of options.
///
/// Making a schema takes many times as long as reading a configuration, and one transaction reads thousands: it is made
/// once for each type.
#[must_use]
pub fn option_names<C: JsonSchema + 'static>() -> Option<&'static [String]> {
    static KNOWN: RwLock<BTreeMap<TypeId, Option<&'static [String]>>> = RwLock::new(BTreeMap::new());
    let id = TypeId::of::<C>();
    let known = KNOWN
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&id)
        .copied();
    if let Some(names) = known {
        return names;
    }
    let schema = schemars::schema_for!(C);
    let options = schema.get("properties").and_then(Value::as_object);
    let names = options.map(|options| options.keys().cloned().collect::<Vec<_>>());
    // Kept for good: there are as many as there are types of configuration.
    let names = names.map(|names| &*names.leak());
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    *known.entry(id).or_insert(names)
}

/// The path grammar's form of where an error is, such as `routes.2.via.0`, and the value found there.
fn locate<'t>(path: &serde_path_to_error::Path, text: &'t Value) -> (String, Option<&'t Value>) {
    let mut steps = Vec::new();
    let mut value = Some(text);
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                steps.push(index.to_string());
                value = value.and_then(|value| value.get(*index));
            }
            Segment::Map { key } => {
                value = value.and_then(|value| value.get(key));
                steps.push(key.clone());
            }
            // A variant with contents is a table with its name as key; one without is the value itself.
            Segment::Enum { variant } => {
                if let Some(inner) = value.and_then(|value| value.get(variant)) {
                    value = Some(inner);
                    steps.push(variant.clone());
                }
            }
            Segment::Unknown => {}
        }
    }
    (steps.join("."), value)
}

/// Every mistake that a schema sees in a text that was refused for `first`, which is kept if it is about something else.
#[must_use]
pub fn all_mistakes(schema: &Value, text: &Value, first: Refusal) -> Vec<Refusal> {
    let mut found = mistakes(schema, text);
    // At one place the schema says it better: it knows the range.
    if !found.iter().any(|mistake| mistake.path == first.path) {
        found.insert(0, first);
    }
    found
}

/// Words from this length on may differ in two letters and still be meant.
const LONG_WORD: usize = 8;

/// Nobody misspells a longer one, and comparing takes time by its length.
const LONGEST_WORD: usize = 64;

/// The known word that someone who wrote `word` most likely meant.
///
/// Letters left out, doubled or swapped count, one in short words and two in long ones; words that begin alike do too, and a
/// beginning that only one known word has.
pub fn suggestion<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let known: Vec<&str> = known.into_iter().collect();
    let length = word.chars().count();
    if length > LONGEST_WORD {
        return None;
    }
    let slips = match length {
        0..=2 => 0,
        3..LONG_WORD => 1,
        _ => 2,
    };
    let nearest = known
        .iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance);
    let mut begun = known
        .iter()
        .filter(|candidate| length > 1 && candidate.starts_with(word));
    let begun = begun.next().filter(|_| begun.next().is_none());
    let alike = || {
        known
            .iter()
            .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
    };
    nearest
        .map(|(_, candidate)| candidate)
        .or_else(|| begun.copied())
        .or_else(|| alike().map(|(_, candidate)| candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant() {
        let known = ["metric", "passive", "announce"];
        assert_eq!(suggestion("metrc", known), Some("metric"));
        assert_eq!(suggestion("anounce", known), Some("announce"));
        assert_eq!(suggestion("zzz", known), None);
        for (word, meant) in [
            ("rpi", Some("rip")),
            ("ripp", Some("rip")),
            ("rp", None),
            ("sttaic", Some("static")),
            ("ospf", None),
        ] {
            assert_eq!(suggestion(word, ["rip", "static"]), meant, "{word}");
        }
        let announce = ["none", "v1", "v1-compatible", "v2-multicast"];
        assert_eq!(suggestion("v2", announce), Some("v2-multicast"));
        assert_eq!(suggestion("v3", announce), None);
    }

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    struct Lists {
        #[serde(rename = "lists")]
        _lists: Vec<Vec<u8>>,
    }

    #[test]
    fn option_names_are_those_of_the_schema_flattened_ones_too() {
        #[derive(Default, serde::Deserialize, JsonSchema)]
        #[serde(default)]
        struct Outer {
            #[serde(flatten)]
            _inner: Inner,
            #[serde(rename = "cost")]
            _metric: u8,
        }
        #[derive(Debug, Default, serde::Deserialize, JsonSchema)]
        struct Inner {
            #[serde(default, rename = "hello-interval")]
            _hello: u8,
        }
        for _ in 0..2 {
            let mut names = option_names::<Outer>().unwrap().to_vec();
            names.sort();
            assert_eq!(names, ["cost", "hello-interval"]);
            // Each type has its own.
            assert_eq!(option_names::<Inner>().unwrap(), ["hello-interval"]);
            assert_eq!(option_names::<BTreeMap<String, u8>>(), None);
        }
        let refusal = parse_text::<Inner>(&serde_json::json!({ "hello-intervall": 1 })).unwrap_err();
        assert_eq!(refusal.reason, "unknown option; did you mean 'hello-interval'?");
        assert_eq!(refusal.allowed.as_deref(), Some("hello-interval"));
    }

    #[test]
    fn refusals_inside_lists_have_dotted_paths() {
        let text = serde_json::json!({ "lists": [[1], [2, 300]] });
        let refusal = parse_text::<Lists>(&text).unwrap_err();
        assert_eq!(
            (refusal.path.as_str(), refusal.value.as_deref()),
            ("lists.1.1", Some("300"))
        );
        let refusal = parse_text::<Lists>(&serde_json::json!({})).unwrap_err();
        assert_eq!((refusal.path.as_str(), refusal.value), ("", None));
    }
}
