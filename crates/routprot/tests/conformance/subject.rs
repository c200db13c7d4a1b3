//! The sample as the suite's subject, and its blocks.

use waypost_routprot::conformance::Subject;
use waypost_routprot::{InfoBlock, Refusal};
use waypost_types::InterfaceIndex;

use crate::fault::Fault;
use crate::sample::{FIXED_PART, SAMPLE, Sample, UNLUCKY};

/// A block of an interface.
pub(crate) fn block(metric: u32, passive: u32, neighbours: &[u32]) -> InfoBlock {
    let words = [metric, passive, u32::try_from(neighbours.len()).unwrap()];
    InfoBlock::new(
        1,
        words
            .iter()
            .chain(neighbours)
            .flat_map(|word| word.to_le_bytes())
            .collect(),
    )
}

/// A global block: an interval in 1..=3600 s and a reserved word that has to be 0.
pub(crate) fn global(interval: u32, reserved: u32) -> InfoBlock {
    InfoBlock::new(1, [interval.to_le_bytes(), reserved.to_le_bytes()].concat())
}

pub(crate) fn words(octets: &[u8]) -> Result<Vec<u32>, Refusal> {
    let (words, rest) = octets.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Refusal::invalid("not a whole number of words"));
    }
    Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

/// The correct sample, as a multicast protocol.
pub(crate) fn multicast_subject() -> Subject<'static> {
    described(|| {
        let mut sample = Sample::new(None, false);
        sample.multicast = true;
        sample
    })
    .named("multicast sample")
}

/// The sample with a fault, or without.
pub(crate) fn subject(fault: Option<Fault>, stops_at_once: bool) -> Subject<'static> {
    let name = fault.map_or_else(|| "sample".to_owned(), |fault| format!("sample, {fault:?}"));
    described(move || Sample::new(fault, stops_at_once)).named(&name)
}

fn described(sample: impl Fn() -> Sample + 'static) -> Subject<'static> {
    Subject::new(
        move || Box::new(sample()),
        SAMPLE,
        global(30, 0),
        [block(3, 1, &[]), block(5, 0, &[0x0a00_0002])],
        block(7, 2, &[]),
    )
    .other_global(global(60, 0))
    .invalid_global(global(90, 1))
    .longer_interface(block(2, 0, &[1, 2, 3]))
    .failing_interface(block(UNLUCKY, 0, &[]))
    .failing_global(global(UNLUCKY, 0))
    .fixed_part(FIXED_PART)
    .mib_set(|index| mib_input(index, 9))
    .failing_mib_set(|index| mib_input(index, UNLUCKY))
    .mib_get(|index| index.0.to_le_bytes().to_vec())
    .mib_table()
}

fn mib_input(index: InterfaceIndex, metric: u32) -> Vec<u8> {
    let mut input = index.0.to_le_bytes().to_vec();
    input.extend(block(metric, 0, &[]).bytes);
    input
}
