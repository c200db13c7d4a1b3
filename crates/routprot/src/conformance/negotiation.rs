//! Buffer-size negotiation (routing-protocol-interface 7).

use waypost_types::InterfaceIndex;

use super::case::{Case, Checked, accepted, failed, refused, same, skipped};
use super::rig::{FIRST, Rig, SECOND, UNKNOWN, bytes_of};
use crate::buffer::read_info_through;
use crate::{
    Functionality, InfoBlock, InfoBuffer, NeighborFlags, OutputBuffer, Refusal, Status, read_output,
};

const TOO_SMALL: Status = Status::ERROR_INSUFFICIENT_BUFFER;
/// What untouched octets, sizes and triples are recognised by.
const MARK: u8 = 0xa5;
const MARK_SIZE: usize = 0xa5a5;
const MARK_TRIPLE: (u32, u32, u32) = (0xa5, 0xa6, 0xa7);

pub(super) const CASES: &[Case] = &[
    Case {
        id: "7/none",
        title: "no buffer: 122, the size needed and the triple",
        run: none,
    },
    Case {
        id: "7/short",
        title: "capacity 0 and one octet short: 122, the size needed, buffer untouched",
        run: short,
    },
    Case {
        id: "7/exact",
        title: "the capacity asked for: the data, its size, and a triple that agrees",
        run: exact,
    },
    Case {
        id: "7/larger",
        title: "more capacity: the octets written are told, the rest is untouched",
        run: larger,
    },
    Case {
        id: "7/unknown",
        title: "unknown index: 87, buffer, size and triple untouched",
        run: unknown,
    },
    Case {
        id: "7/host",
        title: "the host's loop, size first and then the data, gets the block",
        run: host_loop,
    },
    Case {
        id: "7/stable",
        title: "reading changes nothing: the same answer every time",
        run: stable,
    },
    Case {
        id: "7/nothing",
        title: "no configuration: 0 with size 0 and count 0, even without a buffer",
        run: nothing,
    },
    Case {
        id: "7/mib",
        title: "MibGetEntry negotiates its size the same way",
        run: mib,
    },
    Case {
        id: "7/mib-first",
        title: "MibGetFirstEntry negotiates its size the same way",
        run: mib_first,
    },
    Case {
        id: "7/mib-next",
        title: "MibGetNextEntry negotiates its size the same way",
        run: mib_next,
    },
    Case {
        id: "7/neighbors",
        title: "GetNeighbors negotiates its size the same way; an empty list says that this router is the querier",
        run: neighbors,
    },
];

/// Which of the two blocks is read.
#[derive(Clone, Copy)]
enum Read {
    Global,
    Interface(InterfaceIndex),
}

impl Read {
    const fn name(self) -> &'static str {
        match self {
            Self::Global => "global_info",
            Self::Interface(_) => "interface_info",
        }
    }

    fn ask(self, rig: &mut Rig<'_>, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        match self {
            Self::Global => rig.protocol.global_info(buffer),
            Self::Interface(index) => rig.protocol.interface_info(index, buffer),
        }
    }

    fn block(self, rig: &mut Rig<'_>) -> Checked<InfoBlock> {
        match self {
            Self::Global => rig.read_global(),
            Self::Interface(index) => rig.read(index),
        }
    }
}

/// What came back from one call.
struct Answer {
    result: Result<(), Refusal>,
    octets: Vec<u8>,
    size: usize,
    triple: (u32, u32, u32),
}

/// Asks with a buffer of `capacity` octets, marked, or without one.
fn ask(rig: &mut Rig<'_>, read: Read, capacity: Option<usize>) -> Answer {
    let mut octets = vec![MARK; capacity.unwrap_or(0)];
    let mut buffer = InfoBuffer::new(capacity.map(|_| octets.as_mut_slice()));
    buffer.size = MARK_SIZE;
    buffer.structure = MARK_TRIPLE;
    let result = read.ask(rig, &mut buffer);
    let (size, triple) = (buffer.size, buffer.structure);
    if let (Ok(()), Read::Interface(_)) = (&result, read) {
        rig.blank_read_only(&mut octets);
    }
    Answer {
        result,
        octets,
        size,
        triple,
    }
}

fn triple_of(block: &InfoBlock) -> (u32, u32, u32) {
    (block.version, block.structure_size, block.structure_count)
}

/// Both reads on an interface that is up, each with the block it has to return.
fn each(rig: &mut Rig<'_>, check: impl Fn(&mut Rig<'_>, Read, &InfoBlock) -> Checked) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    for read in [Read::Global, Read::Interface(FIRST)] {
        let block = read.block(rig)?;
        check(rig, read, &block)?;
    }
    Ok(())
}

fn told(read: Read, how: &str, answer: &Answer, block: &InfoBlock) -> Checked {
    let name = read.name();
    same(
        &format!("the size {name} reports {how}"),
        &block.bytes.len(),
        &answer.size,
    )?;
    same(
        &format!("version, size and count {name} reports {how}"),
        &triple_of(block),
        &answer.triple,
    )
}

fn none(rig: &mut Rig<'_>) -> Checked {
    each(rig, |rig, read, block| {
        let answer = ask(rig, read, None);
        refused(
            &format!("{} without a buffer", read.name()),
            TOO_SMALL,
            answer.result.clone(),
        )?;
        told(read, "without a buffer", &answer, block)
    })
}

fn short(rig: &mut Rig<'_>) -> Checked {
    each(rig, |rig, read, block| {
        for capacity in [0, block.bytes.len().saturating_sub(1)] {
            let how = format!("with capacity {capacity}");
            let answer = ask(rig, read, Some(capacity));
            refused(
                &format!("{} {how}", read.name()),
                TOO_SMALL,
                answer.result.clone(),
            )?;
            told(read, &how, &answer, block)?;
            if answer.octets.iter().any(|octet| *octet != MARK) {
                return failed("a buffer that is too small to stay untouched", "octets written");
            }
        }
        Ok(())
    })
}

fn exact(rig: &mut Rig<'_>) -> Checked {
    each(rig, |rig, read, block| {
        let answer = ask(rig, read, Some(block.bytes.len()));
        accepted(
            &format!("{} with the size asked for", read.name()),
            answer.result.clone(),
        )?;
        told(read, "with the size asked for", &answer, block)?;
        same("the data", &block.bytes, &answer.octets)?;
        let (_, size, count) = answer.triple;
        same("StructureCount", &1, &count)?;
        same(
            "StructureSize x StructureCount",
            &(answer.size as u64),
            &(u64::from(size) * u64::from(count)),
        )
    })
}

fn larger(rig: &mut Rig<'_>) -> Checked {
    each(rig, |rig, read, block| {
        let answer = ask(rig, read, Some(block.bytes.len() + 100));
        accepted(
            &format!("{} with more capacity", read.name()),
            answer.result.clone(),
        )?;
        told(read, "with more capacity", &answer, block)?;
        let (data, rest) = answer.octets.split_at(block.bytes.len());
        same("the data", &block.bytes.as_slice(), &data)?;
        if rest.iter().any(|octet| *octet != MARK) {
            return failed("nothing written beyond the size reported", "octets written");
        }
        Ok(())
    })
}

fn unknown(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    for capacity in [None, Some(4096)] {
        let answer = ask(rig, Read::Interface(UNKNOWN), capacity);
        refused(
            "interface_info of an unknown index",
            Status::ERROR_INVALID_PARAMETER,
            answer.result,
        )?;
        same("the size after an unknown index", &MARK_SIZE, &answer.size)?;
        same("the triple after an unknown index", &MARK_TRIPLE, &answer.triple)?;
        if answer.octets.iter().any(|octet| *octet != MARK) {
            return failed("the buffer to stay untouched", "octets written");
        }
    }
    Ok(())
}

fn host_loop(rig: &mut Rig<'_>) -> Checked {
    each(rig, |rig, read, block| {
        let mut seen = accepted(
            read.name(),
            read_info_through(&mut [], |buffer| read.ask(rig, buffer)),
        )?;
        if let Read::Interface(_) = read {
            rig.blank_read_only(&mut seen.bytes);
        }
        same(
            &format!("the block {} returns", read.name()),
            &bytes_of(block.clone()),
            &bytes_of(seen),
        )
    })
}

fn stable(rig: &mut Rig<'_>) -> Checked {
    each(rig, |rig, read, block| {
        let again = read.block(rig)?;
        same(
            "the same answer to the same question",
            &bytes_of(block.clone()),
            &bytes_of(again),
        )?;
        rig.quiet(read.name())
    })
}

fn nothing(rig: &mut Rig<'_>) -> Checked {
    let answer = rig.running()?;
    if !answer
        .functionality
        .contains(Functionality::RF_ADD_ALL_INTERFACES)
    {
        return skipped("an interface without configuration needs RF_ADD_ALL_INTERFACES");
    }
    accepted("add_interface", rig.try_add(FIRST, &InfoBlock::absent()))?;
    for capacity in [None, Some(0), Some(64)] {
        let answer = ask(rig, Read::Interface(FIRST), capacity);
        accepted("interface_info without configuration", answer.result)?;
        same("the size of nothing", &0, &answer.size)?;
        let (_, size, count) = answer.triple;
        same(
            "StructureSize and StructureCount of nothing",
            &(0, 0),
            &(size, count),
        )?;
    }
    Ok(())
}

fn mib(rig: &mut Rig<'_>) -> Checked {
    let Some(input) = &rig.subject.mib_get else {
        return skipped("no input for MibGetEntry was given");
    };
    let input = input(FIRST);
    let block = rig.first_block();
    rig.running_with(&block)?;
    let octets = steadily(rig, "mib_get", |rig, out| rig.protocol.mib_get(&input, out))?;
    if octets.is_empty() {
        return failed("an answer to the input given for MibGetEntry", "none");
    }
    Ok(())
}

fn mib_first(rig: &mut Rig<'_>) -> Checked {
    let [first, _] = table(rig)?;
    steadily(rig, "mib_get_first", |rig, out| {
        rig.protocol.mib_get_first(&first, out)
    })
    .map(drop)
}

fn mib_next(rig: &mut Rig<'_>) -> Checked {
    let [first, _] = table(rig)?;
    steadily(rig, "mib_get_next", |rig, out| {
        rig.protocol.mib_get_next(&first, out)
    })
    .map(drop)
}

fn neighbors(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    let answer = rig.running_with(&block)?;
    if !answer.functionality.contains(Functionality::RF_MULTICAST) {
        return skipped("GetNeighbors needs RF_MULTICAST");
    }
    let mut flags = NeighborFlags::empty();
    let octets = negotiated(rig, "neighbors", |rig, out| {
        flags = rig.protocol.neighbors(FIRST, out)?;
        Ok(())
    })?;
    same(
        "QUERIER with an empty list, and only then",
        &octets.is_empty(),
        &flags.contains(NeighborFlags::QUERIER),
    )?;
    let mut out = OutputBuffer::new(None);
    refused(
        "neighbors of an unknown index",
        Status::ERROR_INVALID_PARAMETER,
        rig.protocol.neighbors(UNKNOWN, &mut out),
    )
}

/// Two interfaces that are up, and the MIB input for the row of each.
pub(super) fn table(rig: &mut Rig<'_>) -> Checked<[Vec<u8>; 2]> {
    let inputs = match &rig.subject.mib_get {
        Some(input) if rig.subject.mib_table => [FIRST, SECOND].map(input),
        _ => return skipped("MibGetEntry is not said to answer with rows of a table"),
    };
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    rig.add_up(SECOND, &other)?;
    Ok(inputs)
}

/// How often a row is asked for that keeps being another one.
const LOOKS: usize = 5;

/// The answer to a call that may have counters in it. What a running protocol counts between two calls is no fault of its
/// answers; those of one that is at fault are wrong every time.
fn steadily<'s>(
    rig: &mut Rig<'s>,
    name: &str,
    mut ask: impl FnMut(&mut Rig<'s>, &mut OutputBuffer<'_>) -> Result<(), Refusal>,
) -> Checked<Vec<u8>> {
    let mut answer = negotiated(rig, name, &mut ask);
    for _ in 1..LOOKS {
        if answer.is_ok() {
            break;
        }
        answer = negotiated(rig, name, &mut ask);
    }
    answer
}

/// The answer to a call, after it was asked for with every kind of buffer.
fn negotiated<'s>(
    rig: &mut Rig<'s>,
    name: &str,
    mut ask: impl FnMut(&mut Rig<'s>, &mut OutputBuffer<'_>) -> Result<(), Refusal>,
) -> Checked<Vec<u8>> {
    let octets = accepted(name, read_output(|out| ask(rig, out)))?;
    if !octets.is_empty() {
        let mut short = vec![MARK; octets.len() - 1];
        let mut out = OutputBuffer::new(Some(&mut short));
        let result = ask(rig, &mut out);
        let size = out.size;
        refused(
            &format!("{name} with a buffer one octet short"),
            TOO_SMALL,
            result,
        )?;
        same(&format!("the size {name} needs"), &octets.len(), &size)?;
        if short.iter().any(|octet| *octet != MARK) {
            return failed("a buffer that is too small to stay untouched", "octets written");
        }
    }
    let mut large = vec![MARK; octets.len() + 100];
    let mut out = OutputBuffer::new(Some(&mut large));
    let result = ask(rig, &mut out);
    let size = out.size;
    accepted(&format!("{name} with more capacity"), result)?;
    same(&format!("the size {name} reports"), &octets.len(), &size)?;
    let (data, rest) = large.split_at(octets.len());
    same(&format!("the data of {name}"), &octets.as_slice(), &data)?;
    if rest.iter().any(|octet| *octet != MARK) {
        return failed("nothing written beyond the size reported", "octets written");
    }
    Ok(octets)
}
