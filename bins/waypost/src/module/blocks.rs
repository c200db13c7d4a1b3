//! The file of `waypost module check`: what to try on a module.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use waypost_api::{hex, parse_toml};
use waypost_routprot::conformance::{Subject, settle};
use waypost_routprot::{ConfigurationCodec, InfoBlock, Refusal, RoutingProtocol, Scope, parse_text};
use waypost_types::{InterfaceIndex, ProtocolId};

use crate::fault::Fault;

/// How long a module is left alone before it is looked at again.
const GLANCE: Duration = Duration::from_millis(2);
/// By default, how long something that a module has announced may take, in seconds: an update of routes takes twelve.
const PATIENCE: u64 = 15;
/// How long it is left alone at first when something is awaited; longer each time after that, because most is there at once.
const AT_FIRST: Duration = Duration::from_millis(1);

/// What to try on a module: blocks and inputs as octets, which are hexadecimal digits, or blocks as options with their names.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Blocks {
    /// The number that the module registers, such as "0x000000c8".
    protocol: String,
    /// A valid global block.
    global: Block,
    /// Another one.
    other_global: Option<Block>,
    /// A global block of a size that is accepted, with contents that are not.
    invalid_global: Option<Block>,
    /// A valid global block that cannot be carried out.
    failing_global: Option<Block>,
    /// Two valid blocks of an interface, with different contents.
    interface: [Block; 2],
    /// A block of an interface of a size that is accepted, with contents that are not.
    invalid_interface: Block,
    /// A valid block of an interface that is longer than the fixed part.
    longer_interface: Option<Block>,
    /// A valid block of an interface that cannot be carried out.
    failing_interface: Option<Block>,
    /// Octets of an interface's block without its variable tail. By default the blocks above have none.
    fixed_part: Option<usize>,
    /// Input for MibSetEntry that changes the configuration of the interface whose number stands for INDEX.
    mib_set: Option<String>,
    /// Input for MibSetEntry that is valid and cannot be carried out.
    failing_mib_set: Option<String>,
    /// Input for MibGetEntry that is answered for the interface whose number stands for INDEX.
    mib_get: Option<String>,
    /// Whether what `mib-get` names is a row of a table of interfaces.
    #[serde(default)]
    mib_table: bool,
    /// Names in what the module shows whose values change by themselves: counters, ages.
    #[serde(default)]
    ignore_in_show: Vec<String>,
    /// Seconds that something which the module has announced, its stop or an update of routes, may take. By default 15.
    patience: Option<u64>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum Block {
    /// Hexadecimal digits.
    Octets(String),
    /// Options, of a module that describes its configuration.
    Options(serde_json::Map<String, Value>),
}

/// The octets that digits stand for; blanks between them do not count, and INDEX is an interface's number.
fn octets(option: &str, text: &str, index: InterfaceIndex) -> Result<Vec<u8>, Refusal> {
    let number = hex::write(&index.0.to_ne_bytes());
    let digits: String = text
        .replace("INDEX", &number)
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    hex::read(&digits).ok_or_else(|| {
        Refusal::invalid("not octets")
            .at(option)
            .with_value(text)
            .with_allowed("an even number of hexadecimal digits")
    })
}

impl Block {
    fn read(
        &self,
        option: &str,
        scope: Scope,
        codec: Option<&dyn ConfigurationCodec>,
    ) -> Result<InfoBlock, Refusal> {
        let options = match self {
            Self::Octets(digits) => {
                return octets(option, digits, InterfaceIndex(0)).map(|octets| InfoBlock::new(1, octets));
            }
            Self::Options(options) => options,
        };
        let Some(codec) = codec else {
            return Err(Refusal::invalid("the module does not describe its configuration")
                .at(option)
                .with_allowed("octets, as hexadecimal digits"));
        };
        codec
            .to_block(scope, &Value::Object(options.clone()))
            .map_err(|refusal| refusal.under(option))
    }
}

impl Blocks {
    pub(super) fn read(path: &Path) -> Result<Self, Fault> {
        let text = fs::read_to_string(path).map_err(|error| Fault::file(path, &error))?;
        let described = parse_toml(&text).and_then(|text| parse_text(&text));
        described.map_err(|refusal| Fault::Usage(format!("{}: {refusal}", path.display())))
    }

    pub(super) fn protocol(&self) -> Result<ProtocolId, Refusal> {
        self.protocol
            .parse()
            .map_err(|error| Refusal::invalid(format!("{error}")).at("protocol"))
    }

    /// The module as the suite's subject.
    pub(super) fn subject<'a>(
        &'a self,
        name: &str,
        load: impl Fn() -> Box<dyn RoutingProtocol> + 'a,
        codec: Option<&dyn ConfigurationCodec>,
    ) -> Result<Subject<'a>, Refusal> {
        let global = |option: &str, block: &Block| block.read(option, Scope::Global, codec);
        let interface = |option: &str, block: &Block| block.read(option, Scope::Interface, codec);
        let patience = Duration::from_secs(self.patience.unwrap_or(PATIENCE));
        let pause = Pause::new(patience);
        let [first, second] = &self.interface;
        let ignored: Vec<&str> = self.ignore_in_show.iter().map(String::as_str).collect();
        let mut subject = Subject::new(
            load,
            self.protocol()?,
            global("global", &self.global)?,
            [
                interface("interface.0", first)?,
                interface("interface.1", second)?,
            ],
            interface("invalid-interface", &self.invalid_interface)?,
        )
        .named(name)
        .ignore_in_show(&ignored)
        // A module may have threads, which say later that it has stopped.
        .pass_time(move |_| pause.make())
        .settle(|protocol| settle(protocol, || leave_alone(GLANCE)));
        type Take<'a> = fn(Subject<'a>, InfoBlock) -> Subject<'a>;
        let globals: [(&str, &Option<Block>, Take<'a>); 3] = [
            ("other-global", &self.other_global, Subject::other_global),
            ("invalid-global", &self.invalid_global, Subject::invalid_global),
            ("failing-global", &self.failing_global, Subject::failing_global),
        ];
        for (option, block, take) in globals {
            if let Some(block) = block {
                subject = take(subject, global(option, block)?);
            }
        }
        let interfaces: [(&str, &Option<Block>, Take<'a>); 2] = [
            (
                "longer-interface",
                &self.longer_interface,
                Subject::longer_interface,
            ),
            (
                "failing-interface",
                &self.failing_interface,
                Subject::failing_interface,
            ),
        ];
        for (option, block, take) in interfaces {
            if let Some(block) = block {
                subject = take(subject, interface(option, block)?);
            }
        }
        if let Some(fixed_part) = self.fixed_part {
            subject = subject.fixed_part(fixed_part);
        }
        self.mib(subject)
    }

    fn mib<'a>(&'a self, mut subject: Subject<'a>) -> Result<Subject<'a>, Refusal> {
        // What is asked for later was read once, so that it cannot fail then.
        let input = |option: &str, text: &'a Option<String>| {
            let text = text.as_deref();
            text.map(|text| octets(option, text, InterfaceIndex(0)).map(|_| text))
                .transpose()
        };
        fn of(text: &str, index: InterfaceIndex) -> Vec<u8> {
            octets("", text, index).unwrap_or_default()
        }
        if let Some(text) = input("mib-set", &self.mib_set)? {
            subject = subject.mib_set(move |index| of(text, index));
        }
        if let Some(text) = input("failing-mib-set", &self.failing_mib_set)? {
            subject = subject.failing_mib_set(move |index| of(text, index));
        }
        if let Some(text) = input("mib-get", &self.mib_get)? {
            subject = subject.mib_get(move |index| of(text, index));
        }
        Ok(if self.mib_table {
            subject.mib_table()
        } else {
            subject
        })
    }
}

/// A pause that becomes longer while one thing is awaited.
struct Pause {
    longest: Duration,
    last: Cell<(Option<Instant>, Duration)>,
}

impl Pause {
    /// As many pauses as are made in one wait last at least `patience`.
    fn new(patience: Duration) -> Self {
        Self {
            // The first ones are shorter.
            longest: patience * 11 / 10 / u32::try_from(Subject::PATIENCE).unwrap_or(u32::MAX),
            last: Cell::new((None, AT_FIRST)),
        }
    }

    fn make(&self) {
        let (last, pause) = self.last.get();
        let is_same_wait = last.is_some_and(|last| last.elapsed() < GLANCE * 10);
        let pause = if is_same_wait {
            (pause * 5 / 4).min(self.longest.max(AT_FIRST))
        } else {
            AT_FIRST
        };
        leave_alone(pause);
        self.last.set((Some(Instant::now()), pause));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the suite asks for time to pass; what it waits for it looks for itself, as often as it has patience"
)]
fn leave_alone(time: Duration) {
    std::thread::sleep(time);
}
