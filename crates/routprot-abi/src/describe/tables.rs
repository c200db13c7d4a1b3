//! The codec that follows from tables.

use serde_json::{Map, Value};
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, Scope, Status, mistakes, shown_value};
use waypost_types::ProtocolId;

use super::table::{Item, Kind, Table};
use super::value::{default_text, get, number, put_number, set};
use super::{Named, octets, schema};

/// Text and blocks by tables that were checked.
pub(super) struct TableCodec {
    named: Named,
    tables: [Vec<Table>; 2],
    schemas: [Value; 2],
}

impl TableCodec {
    pub(super) fn new(named: Named, tables: [Vec<Table>; 2]) -> Self {
        let schema = |tables: &Vec<Table>| {
            tables
                .first()
                .map_or(Value::Null, |table| schema::schema(table, named.title))
        };
        Self {
            schemas: tables.each_ref().map(schema),
            tables,
            named,
        }
    }

    fn of<T>(both: &[T; 2], scope: Scope) -> &T {
        let [global, interface] = both;
        match scope {
            Scope::Global => global,
            Scope::Interface => interface,
        }
    }
}

impl ConfigurationCodec for TableCodec {
    fn protocol(&self) -> ProtocolId {
        self.named.protocol
    }

    fn name(&self) -> &'static str {
        self.named.name
    }

    fn title(&self) -> &'static str {
        self.named.title
    }

    fn schema(&self, scope: Scope) -> Value {
        Self::of(&self.schemas, scope).clone()
    }

    fn to_block(&self, scope: Scope, text: &Value) -> Result<InfoBlock, Refusal> {
        if let Some(mistake) = mistakes(Self::of(&self.schemas, scope), text).into_iter().next() {
            return Err(mistake);
        }
        let table = Self::of(&self.tables, scope).first();
        let table = table.ok_or_else(|| Refusal::failed("there is no table"))?;
        Ok(InfoBlock::new(table.version, encode(table, text)?))
    }

    fn to_text(&self, scope: Scope, block: &InfoBlock) -> Result<Value, Refusal> {
        let (version, octets) = octets(block)?;
        let tables = Self::of(&self.tables, scope);
        let table = tables.iter().find(|table| table.version == version);
        let table = table.ok_or_else(|| {
            let known: Vec<String> = tables.iter().map(|table| table.version.to_string()).collect();
            unwritable("no table reads this version")
                .at("StructureVersion")
                .with_value(version)
                .with_allowed(known.join(", "))
        })?;
        decode(table, octets)
    }

    /// A layout of its own is all that such a protocol has.
    fn published(&self, _scope: Scope, block: &InfoBlock) -> Option<InfoBlock> {
        Some(block.clone())
    }
}

/// There is no text for a block that the module may well take.
fn unwritable(reason: &str) -> Refusal {
    Refusal::new(Status::ERROR_NOT_SUPPORTED, reason)
}

/// A structure of this table, without what lists have behind it.
fn encode_fixed(table: &Table, members: &Map<String, Value>) -> Result<Vec<u8>, Refusal> {
    let mut fixed = vec![0; table.size as usize];
    for option in &table.options {
        let value = given(option, members)?;
        let field = fixed.get_mut(option.field()).unwrap_or_default();
        match (&option.kind, &value) {
            (Kind::List(least, most, _), Value::Array(elements)) => {
                let count = elements.len() as u64;
                if !(*least..=*most).contains(&count) {
                    return Err(Refusal::invalid("not so many elements are allowed")
                        .at(&option.name)
                        .with_value(count)
                        .with_allowed(format!("{least}..={most}")));
                }
                put_number(field, count).map_err(|refusal| refusal.at(&option.name))?;
            }
            _ => set(option, &value, field)?,
        }
    }
    Ok(fixed)
}

fn given(option: &Item, members: &Map<String, Value>) -> Result<Value, Refusal> {
    let given = members.get(&option.name).cloned();
    given
        .or_else(|| default_text(option))
        .ok_or_else(|| Refusal::invalid(format!("'{}' is missing", option.name)))
}

fn encode(table: &Table, text: &Value) -> Result<Vec<u8>, Refusal> {
    let members = table_of(text)?;
    let mut octets = encode_fixed(table, members)?;
    for option in &table.options {
        let Kind::List(_, _, element) = &option.kind else {
            continue;
        };
        let values = given(option, members)?;
        for (position, value) in values.as_array().into_iter().flatten().enumerate() {
            let encoded = match element.value() {
                Some(only) => {
                    let mut fixed = vec![0; element.size as usize];
                    set(only, value, fixed.get_mut(only.field()).unwrap_or_default()).map(|()| fixed)
                }
                None => table_of(value).and_then(|members| encode_fixed(element, members)),
            };
            let encoded = encoded.map_err(|refusal| refusal.under(&format!("{}.{position}", option.name)))?;
            octets.extend(encoded);
        }
    }
    Ok(octets)
}

fn table_of(text: &Value) -> Result<&Map<String, Value>, Refusal> {
    text.as_object()
        .ok_or_else(|| Refusal::invalid("a table is expected").with_value(shown_value(text)))
}

/// A list that a structure says it has behind it.
struct Tail<'t> {
    option: &'t Item,
    element: &'t Table,
    count: u64,
}

/// The members of a structure, and its lists.
fn decode_fixed<'t>(table: &'t Table, fixed: &[u8]) -> Result<(Map<String, Value>, Vec<Tail<'t>>), Refusal> {
    let mut members = Map::new();
    let mut lists = Vec::new();
    let mut rest = fixed.to_vec();
    for option in &table.options {
        let field = fixed
            .get(option.field())
            .ok_or_else(|| Refusal::invalid("the block is cut short").at(&option.name))?;
        if let Some(seen) = rest.get_mut(option.field()) {
            seen.fill(0);
        }
        if let Kind::List(least, most, element) = &option.kind {
            let count = number(field).unwrap_or(u64::MAX);
            if !(*least..=*most).contains(&count) {
                return Err(Refusal::out_of_range(
                    &option.name,
                    format!("{count} elements"),
                    format!("{least}..={most}"),
                ));
            }
            lists.push(Tail {
                option,
                element,
                count,
            });
        } else {
            members.insert(option.name.clone(), get(option, field)?);
        }
    }
    // Text that leaves it out would not be the same configuration.
    match rest.iter().position(|octet| *octet != 0) {
        Some(place) => {
            let refusal = unwritable("the octet belongs to no option and is not zero");
            Err(refusal.at(&format!("octet {place}")))
        }
        None => Ok((members, lists)),
    }
}

fn decode(table: &Table, octets: &[u8]) -> Result<Value, Refusal> {
    let short = || {
        Refusal::invalid("the size is not what the block says")
            .at("StructureSize")
            .with_value(octets.len())
    };
    let (fixed, mut rest) = octets.split_at_checked(table.size as usize).ok_or_else(short)?;
    let (mut members, lists) = decode_fixed(table, fixed)?;
    for Tail {
        option,
        element,
        count,
    } in lists
    {
        let size = element.size as usize;
        let length = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(size));
        let (own, behind) = length
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(short)?;
        rest = behind;
        let mut values = Vec::new();
        for (position, octets) in own.chunks(size).enumerate() {
            let value = decode_fixed(element, octets).map(|(mut members, _)| match element.value() {
                Some(only) => members.remove(&only.name).unwrap_or_default(),
                None => Value::Object(members),
            });
            values.push(value.map_err(|refusal| refusal.under(&format!("{}.{position}", option.name)))?);
        }
        members.insert(option.name.clone(), Value::Array(values));
    }
    if rest.is_empty() {
        Ok(Value::Object(members))
    } else {
        Err(short())
    }
}
