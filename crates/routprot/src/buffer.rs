//! Buffer-size negotiation (routing-protocol-interface 7): the caller owns the buffer, the callee says what it needs.

use crate::{InfoBlock, Refusal, Status};

/// How often a host asks again when what it asks for grows between two calls (P-24).
const ROUNDS: usize = 3;

/// The buffer a host lends for a configuration block, and what the protocol reports beside it.
#[derive(Debug)]
pub struct InfoBuffer<'a> {
    buffer: Option<&'a mut [u8]>,
    /// Octets written on success, octets needed with ERROR_INSUFFICIENT_BUFFER.
    pub size: usize,
    /// StructureVersion, StructureSize and StructureCount of the data.
    pub structure: (u32, u32, u32),
}

impl<'a> InfoBuffer<'a> {
    /// Lends `buffer`; `None` only asks how much is needed.
    #[must_use]
    pub const fn new(buffer: Option<&'a mut [u8]>) -> Self {
        Self {
            buffer,
            size: 0,
            structure: (0, 0, 0),
        }
    }

    /// What is lent, for a protocol that fills it by other means than [`Self::put`] and says the size and structure itself.
    pub fn lent(&mut self) -> Option<&mut [u8]> {
        self.buffer.as_deref_mut()
    }

    /// Answers with `block`, by the rules of the table in section 7.
    pub fn put(&mut self, block: &InfoBlock) -> Result<(), Refusal> {
        self.structure = (block.version, block.structure_size, block.structure_count);
        put(self.buffer.as_deref_mut(), &mut self.size, &block.bytes)
    }
}

/// The buffer a host lends for a MIB answer or a neighbour list.
#[derive(Debug)]
pub struct OutputBuffer<'a> {
    buffer: Option<&'a mut [u8]>,
    /// Octets written on success, octets needed with ERROR_INSUFFICIENT_BUFFER.
    pub size: usize,
}

impl<'a> OutputBuffer<'a> {
    /// Lends `buffer`; `None` only asks how much is needed.
    #[must_use]
    pub const fn new(buffer: Option<&'a mut [u8]>) -> Self {
        Self { buffer, size: 0 }
    }

    /// What is lent, for a protocol that fills it by other means than [`Self::put`] and says the size itself.
    pub fn lent(&mut self) -> Option<&mut [u8]> {
        self.buffer.as_deref_mut()
    }

    /// Answers with `octets`.
    pub fn put(&mut self, octets: &[u8]) -> Result<(), Refusal> {
        put(self.buffer.as_deref_mut(), &mut self.size, octets)
    }
}

fn put(buffer: Option<&mut [u8]>, size: &mut usize, octets: &[u8]) -> Result<(), Refusal> {
    *size = octets.len();
    if octets.is_empty() {
        return Ok(());
    }
    match buffer.and_then(|buffer| buffer.get_mut(..octets.len())) {
        Some(target) => {
            target.copy_from_slice(octets);
            Ok(())
        }
        None => Err(Refusal::new(
            Status::ERROR_INSUFFICIENT_BUFFER,
            format!("{} octets are needed", octets.len()),
        )),
    }
}

/// Octets that the host lends before it knows how many are needed: enough for nearly every configuration block, so that most
/// are had in one call.
const FIRST: usize = 1024;

/// The host's side for configuration blocks: lends a small buffer, and one of the right size if that is too small.
///
/// A result whose size is not StructureSize x StructureCount, or that keeps growing, is ERROR_CAN_NOT_COMPLETE.
pub fn read_info(ask: impl FnMut(&mut InfoBuffer<'_>) -> Result<(), Refusal>) -> Result<InfoBlock, Refusal> {
    read_info_through(&mut [0; FIRST], ask)
}

/// [`read_info`] with `first` lent at first; empty, it asks for the size alone.
pub(crate) fn read_info_through(
    first: &mut [u8],
    mut ask: impl FnMut(&mut InfoBuffer<'_>) -> Result<(), Refusal>,
) -> Result<InfoBlock, Refusal> {
    let mut structure = (0, 0, 0);
    let bytes = negotiate(first, |bytes| {
        let mut buffer = InfoBuffer::new(bytes);
        let result = ask(&mut buffer);
        structure = buffer.structure;
        (result, buffer.size)
    })?;
    let (version, structure_size, structure_count) = structure;
    if u64::from(structure_size) * u64::from(structure_count) != bytes.len() as u64 {
        return Err(Refusal::failed(format!(
            "the protocol returned {} octets but describes {structure_count} structures of {structure_size}",
            bytes.len()
        )));
    }
    Ok(InfoBlock {
        version,
        structure_size,
        structure_count,
        bytes,
    })
}

/// The host's side for MIB answers and neighbour lists.
pub fn read_output(
    mut ask: impl FnMut(&mut OutputBuffer<'_>) -> Result<(), Refusal>,
) -> Result<Vec<u8>, Refusal> {
    negotiate(&mut [], |bytes| {
        let mut buffer = OutputBuffer::new(bytes);
        let result = ask(&mut buffer);
        (result, buffer.size)
    })
}

fn negotiate(
    first: &mut [u8],
    mut ask: impl FnMut(Option<&mut [u8]>) -> (Result<(), Refusal>, usize),
) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    for round in 0..=ROUNDS {
        let lent: &mut [u8] = if round == 0 { first } else { &mut bytes };
        let length = lent.len();
        let (result, size) = ask((length > 0).then_some(&mut *lent));
        match result {
            Ok(()) if size <= length => {
                if round == 0 {
                    return Ok(lent[..size].to_vec());
                }
                bytes.truncate(size);
                return Ok(bytes);
            }
            Ok(()) => {
                return Err(Refusal::failed(format!(
                    "the protocol claims to have written {size} octets"
                )));
            }
            Err(refusal) if refusal.status == Status::ERROR_INSUFFICIENT_BUFFER => {
                bytes.clear();
                bytes.resize(size, 0);
            }
            Err(refusal) => return Err(refusal),
        }
    }
    Err(Refusal::failed("the size needed grew at every call"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_again_only_when_the_first_buffer_is_too_small() {
        for (length, expected) in [(3, &[true][..]), (FIRST, &[true]), (FIRST + 1, &[false, true])] {
            let block = InfoBlock::new(1, vec![7; length]);
            let mut taken = Vec::new();
            let read = read_info(|buffer| {
                let result = buffer.put(&block);
                taken.push(result.is_ok());
                result
            });
            assert_eq!(read, Ok(block));
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn gives_up_on_an_answer_that_grows() {
        let mut calls = 0;
        let refusal = read_output(|buffer| {
            calls += 1;
            buffer.put(&vec![0; calls * 10])
        });
        assert_eq!(refusal.unwrap_err().status, Status::ERROR_CAN_NOT_COMPLETE);
        assert_eq!(calls, 1 + ROUNDS);
    }

    #[test]
    fn nothing_to_say_needs_no_buffer() {
        assert_eq!(
            read_info(|buffer| buffer.put(&InfoBlock::absent())),
            Ok(InfoBlock::absent())
        );
    }

    #[test]
    fn a_lie_about_the_structure_is_refused() {
        let mut block = InfoBlock::new(1, vec![1, 2, 3]);
        block.structure_size = 4;
        assert_eq!(
            read_info(|b| b.put(&block)).unwrap_err().status,
            Status::ERROR_CAN_NOT_COMPLETE
        );
    }
}
