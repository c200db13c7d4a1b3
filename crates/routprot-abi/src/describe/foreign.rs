//! What a module describes, in the C ABI. Counts are checked before anything behind them is read; that pointers are good is the
//! module's word, as it is of every pointer it passes (an isolated one that lies ends its own process).

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::mem::offset_of;

use serde_json::Value;
use waypost_routprot::{Refusal, Status};
use waypost_types::ProtocolId;

use super::check::{HELP, ITEMS, NAME, OPTIONS, SCHEMA, VERSIONS};
use super::table::{Item, Kind, Table, Word};
use super::{Description, Form};
use crate::object::SharedObject;

/// OPTION_WORD_INFO.
#[repr(C)]
struct WordInfo {
    name: *const c_char,
    help: *const c_char,
    value: u32,
}

/// OPTION_INFO.
#[repr(C)]
struct OptionInfo {
    name: *const c_char,
    help: *const c_char,
    unit: *const c_char,
    kind: u32,
    flags: u32,
    offset: u32,
    size: u32,
    minimum: u64,
    maximum: u64,
    default: u64,
    words: *const WordInfo,
    word_count: u32,
    element: *const OptionTable,
}

/// OPTION_TABLE.
#[repr(C)]
pub(crate) struct OptionTable {
    version: u32,
    size: u32,
    option_count: u32,
    options: *const OptionInfo,
}

/// Translate of CONFIGURATION_INFO: protocol, scope, direction, what is given, version, and the answer.
pub(crate) type TranslateBlock =
    unsafe extern "C" fn(u32, u32, u32, *const c_void, u32, *mut u32, *mut c_void, *mut u32) -> u32;

/// CONFIGURATION_INFO.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ConfigurationInfo {
    pub(crate) size: u32,
    pub(crate) global_count: u32,
    pub(crate) interface_count: u32,
    pub(crate) global: *const OptionTable,
    pub(crate) interface: *const OptionTable,
    pub(crate) translate: Option<TranslateBlock>,
    pub(crate) global_schema: *const c_char,
    pub(crate) interface_schema: *const c_char,
}

// A module of the tests (`described.c`) holds the header to the same numbers.
const _: () = assert!(size_of::<WordInfo>() == 24);
const _: () = assert!(size_of::<OptionInfo>() == 88 && offset_of!(OptionInfo, minimum) == 40);
const _: () = assert!(offset_of!(OptionInfo, words) == 64 && offset_of!(OptionInfo, element) == 80);
const _: () = assert!(size_of::<OptionTable>() == 24);
const _: () = assert!(size_of::<ConfigurationInfo>() == 56);

/// DescribeConfiguration.
type Describe = unsafe extern "C" fn(u32, *mut *const ConfigurationInfo) -> u32;

/// The function, if the module exports it.
pub(crate) fn exported(object: &SharedObject) -> Option<Describe> {
    let symbol = object.symbol(c"DescribeConfiguration")?;
    // SAFETY: the header says that the symbol is a function of this type.
    Some(unsafe { std::mem::transmute::<*mut c_void, Describe>(symbol) })
}

/// What a module describes, and how it translates if it does.
///
/// # Safety
/// The function is that of a module which is loaded.
pub(crate) unsafe fn read(
    describe: Describe,
    protocol: ProtocolId,
) -> Result<Option<(Description, Option<TranslateBlock>)>, Refusal> {
    let mut info = std::ptr::null();
    // SAFETY: the module writes a pointer there.
    let code = unsafe { describe(protocol.0, &raw mut info) };
    match Status(code) {
        Status::NO_ERROR => {}
        Status::ERROR_NOT_SUPPORTED => return Ok(None),
        status => {
            return Err(Refusal::new(
                status,
                format!("DescribeConfiguration of the module answered {status}"),
            ));
        }
    }
    if info.is_null() {
        return Err(Refusal::invalid("a NULL pointer").at("Configuration"));
    }
    // SAFETY: the header says that the structure begins with its size.
    let size = unsafe { info.cast::<u32>().read() };
    let least = size_of::<ConfigurationInfo>();
    if (size as usize) < least {
        return Err(Refusal::out_of_range("Size", size, format!("{least} or more")));
    }
    // SAFETY: the module says that so much is there.
    let info = unsafe { info.read() };
    if info.translate.is_some() {
        if info.global_count != 0 || info.interface_count != 0 {
            return Err(Refusal::invalid("there are tables, and Translate"));
        }
        // SAFETY: as above.
        let global = unsafe { schema("global-schema", info.global_schema) }?;
        // SAFETY: as above.
        let interface = unsafe { schema("interface-schema", info.interface_schema) }?;
        let description = Description(Form::Schemas([global, interface]));
        return Ok(Some((description, info.translate)));
    }
    let left = &Cell::new(ITEMS);
    // SAFETY: as above.
    let global = unsafe { tables(info.global, info.global_count, left) };
    let global = global.map_err(|refusal| refusal.under("global"))?;
    // SAFETY: as above.
    let interface = unsafe { tables(info.interface, info.interface_count, left) };
    let interface = interface.map_err(|refusal| refusal.under("interface"))?;
    Ok(Some((Description(Form::Tables([global, interface])), None)))
}

/// # Safety
/// A pointer that is not NULL points to so many tables.
unsafe fn tables(first: *const OptionTable, count: u32, left: &Cell<usize>) -> Result<Vec<Table>, Refusal> {
    // SAFETY: as above.
    let tables = unsafe { array("count", first, count, VERSIONS, left) }?;
    let read = |(position, table): (usize, &OptionTable)| {
        // SAFETY: as above.
        unsafe { read_table(table, true, left) }.map_err(|refusal| refusal.under(&position.to_string()))
    };
    tables.iter().enumerate().map(read).collect()
}

/// # Safety
/// Its pointers are NULL or good.
unsafe fn read_table(table: &OptionTable, with_lists: bool, left: &Cell<usize>) -> Result<Table, Refusal> {
    // SAFETY: as above.
    let options = unsafe { array("option-count", table.options, table.option_count, OPTIONS, left) }?;
    let read = |(position, option): (usize, &OptionInfo)| {
        // SAFETY: as above.
        unsafe { read_option(option, with_lists, left) }
            .map_err(|refusal| refusal.under(&position.to_string()))
    };
    Ok(Table {
        version: table.version,
        size: table.size,
        options: options.iter().enumerate().map(read).collect::<Result<_, _>>()?,
    })
}

/// # Safety
/// Its pointers are NULL or good.
unsafe fn read_option(option: &OptionInfo, with_lists: bool, left: &Cell<usize>) -> Result<Item, Refusal> {
    let is_free = option.minimum == 0 && option.maximum == 0;
    let holds = 1_u64
        .checked_shl(option.size.saturating_mul(8))
        .map_or(u64::MAX, |beyond| beyond.wrapping_sub(1));
    let high = if is_free { holds } else { option.maximum };
    let kind = match option.kind {
        1 => Kind::Number(option.minimum, high),
        2 => Kind::Bool,
        3 => {
            // SAFETY: as above.
            let words = unsafe { array("word-count", option.words, option.word_count, OPTIONS, left) }?;
            // SAFETY: as above.
            let read = |word: &WordInfo| unsafe { read_word(word) };
            Kind::Word(words.iter().map(read).collect::<Result<_, _>>()?)
        }
        4 => Kind::Address,
        5 => Kind::Prefix,
        6 => Kind::Text,
        7 => Kind::WideText,
        8 if !with_lists => {
            return Err(Refusal::invalid("an element has a list of its own").at("type"));
        }
        8 => {
            // SAFETY: as above.
            let element = unsafe { option.element.as_ref() };
            let element = element.ok_or_else(|| Refusal::invalid("a NULL pointer").at("element"))?;
            // SAFETY: as above.
            let element = unsafe { read_table(element, false, left) };
            let element = element.map_err(|refusal| refusal.under("element"))?;
            Kind::List(option.minimum, high, element)
        }
        other => return Err(Refusal::out_of_range("type", other, "1..=8")),
    };
    if option.flags > 1 {
        return Err(Refusal::out_of_range("flags", option.flags, "0..=1"));
    }
    Ok(Item {
        // SAFETY: as above.
        name: unsafe { text("name", option.name, NAME) }?,
        // SAFETY: as above.
        help: unsafe { text("help", option.help, HELP) }?,
        // SAFETY: as above.
        unit: unsafe { text("unit", option.unit, NAME) }?,
        offset: option.offset,
        size: option.size,
        kind,
        default: (option.flags == 1).then_some(option.default),
    })
}

/// # Safety
/// Its pointers are NULL or good.
unsafe fn read_word(word: &WordInfo) -> Result<Word, Refusal> {
    Ok(Word {
        // SAFETY: as above.
        name: unsafe { text("name", word.name, NAME) }?,
        // SAFETY: as above.
        help: unsafe { text("help", word.help, HELP) }?,
        value: word.value,
    })
}

/// # Safety
/// A pointer that is not NULL points to so many. `left` is how many more may be read at all.
unsafe fn array<'a, T>(
    path: &str,
    first: *const T,
    count: u32,
    most: usize,
    left: &Cell<usize>,
) -> Result<&'a [T], Refusal> {
    let count = count as usize;
    if count > most {
        return Err(Refusal::out_of_range(path, count, format!("0..={most}")));
    }
    let Some(rest) = left.get().checked_sub(count) else {
        return Err(Refusal::invalid("there is too much of it")
            .at(path)
            .with_allowed(format!("{ITEMS} tables, options and words")));
    };
    left.set(rest);
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Refusal::invalid("a NULL pointer").at(path).with_value(count));
    }
    if !first.is_aligned() {
        return Err(Refusal::invalid("a pointer that is not aligned").at(path));
    }
    // SAFETY: as above; it is aligned.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// Text; nothing where there is none.
///
/// # Safety
/// A pointer that is not NULL points to so many octets or a zero before that.
unsafe fn text(path: &str, first: *const c_char, most: usize) -> Result<String, Refusal> {
    // SAFETY: as above.
    let octets = unsafe { string(path, first, most) }?;
    String::from_utf8(octets).map_err(|_| Refusal::invalid("no UTF-8").at(path))
}

/// # Safety
/// As [`text`].
unsafe fn string(path: &str, first: *const c_char, most: usize) -> Result<Vec<u8>, Refusal> {
    if first.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: as above.
    let length = unsafe { libc::strnlen(first, most + 1) };
    if length > most {
        return Err(Refusal::invalid("no zero ends the text")
            .at(path)
            .with_allowed(format!("up to {most} octets")));
    }
    // SAFETY: a zero is there.
    Ok(unsafe { CStr::from_ptr(first) }.to_bytes().to_vec())
}

/// # Safety
/// As [`text`].
unsafe fn schema(path: &str, first: *const c_char) -> Result<Value, Refusal> {
    // SAFETY: as above.
    let octets = unsafe { string(path, first, SCHEMA) }?;
    serde_json::from_slice(&octets)
        .map_err(|error| Refusal::invalid(format!("no JSON Schema: {error}")).at(path))
}
