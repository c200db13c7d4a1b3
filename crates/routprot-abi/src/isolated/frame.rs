//! What the two processes say to each other: frames, in the machine's byte order.
//!
//! Calls and their answers go through memory that both see (`memory.rs`), as far as they fit. All the rest, and what does not
//! fit, goes with its length over a stream socket: a stream and not a sequence of packets, because a configuration block may be
//! longer than the kernel takes in one packet.

use std::io::{self, Read, Write};

/// Octets of a frame at most: the largest block, and what stands around it.
const LARGEST: usize = (16 << 20) + (64 << 10);

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Tag {
    /// To the module: a call of one of its functions, `code`.
    Call = 1,
    /// From the module: the answer, a status in `code`.
    Answer = 2,
    /// From the module: a question to the host, one of its functions in `code`; `id` tells questions apart.
    Ask = 3,
    /// To the module: the answer to the question `id`.
    Told = 4,
    /// From the module: an event was signalled, that of the queue (0) or of traps (1).
    Signal = 5,
}

/// A function of the interface, of the module or of the host.
macro_rules! functions {
    ($($name:ident)*) => {
        /// A function that is called across the boundary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub(super) enum Function {
            $($name,)*
        }

        impl Function {
            pub(super) fn of(code: u32) -> Option<Self> {
                [$(Self::$name),*].into_iter().find(|function| *function as u32 == code)
            }
        }
    };
}

functions! {
    Load Register Start StartComplete Stop GlobalInfo SetGlobalInfo AddInterface DeleteInterface InterfaceStatus
    InterfaceInfo SetInterfaceInfo NextEvent UpdateRoutes ConnectClient DisconnectClient Neighbors MfeStatus
    MibCreate MibDelete MibSet MibGet MibGetFirst MibGetNext MibSetTrapInfo MibGetTrapInfo PrepareInfo
    DescribeConfiguration Translate ShowState MakeReport RouterIdChanged PrepareRouterId
    DemandDialRequest SetInterfaceReceiveType ValidateRoute
    MibEntryCreate MibEntryDelete MibEntrySet MibEntryGet MibEntryGetFirst MibEntryGetNext
    GetRouterId HasMulticastBoundary
}

/// Numbers and octets; what they mean depends on the function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) words: Vec<u32>,
    /// Octets of the buffer that is lent; `None`: the call only asks for the size.
    pub(super) capacity: Option<u32>,
    pub(super) octets: Vec<u8>,
}

impl Body {
    pub(super) fn words(words: &[u32]) -> Self {
        Self {
            words: words.to_vec(),
            ..Self::default()
        }
    }

    pub(super) fn octets(octets: &[u8]) -> Self {
        Self {
            octets: octets.to_vec(),
            ..Self::default()
        }
    }

    /// The number at a place; 0 where the other side left it out.
    pub(super) fn word(&self, place: usize) -> u32 {
        self.words.get(place).copied().unwrap_or(0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) tag: Tag,
    pub(super) id: u32,
    pub(super) code: u32,
    pub(super) body: Body,
}

impl Frame {
    /// Its octets, without their number.
    pub(super) fn octets(&self) -> io::Result<Vec<u8>> {
        let head = [
            self.tag as u32,
            self.id,
            self.code,
            u32::from(self.body.capacity.is_some()),
            self.body.capacity.unwrap_or(0),
            length(self.body.words.len())?,
        ];
        let numbers = head.len() + self.body.words.len();
        let size = numbers * size_of::<u32>() + self.body.octets.len();
        if size > LARGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a frame is too long"));
        }
        let mut octets = Vec::with_capacity(size);
        for number in head.iter().chain(&self.body.words) {
            octets.extend(number.to_ne_bytes());
        }
        octets.extend(&self.body.octets);
        Ok(octets)
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let octets = self.octets()?;
        let size = length(octets.len())?.to_ne_bytes();
        to.write_all(&[&size[..], &octets].concat())
    }

    /// The next frame; `None` at the end of the stream.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut size = [0; 4];
        match from.read_exact(&mut size) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            result => result?,
        }
        let size = u32::from_ne_bytes(size) as usize;
        if size > LARGEST {
            return Err(garbage());
        }
        let mut octets = vec![0; size];
        from.read_exact(&mut octets)?;
        Self::decode(&octets).map(Some).ok_or_else(garbage)
    }

    /// The frame that these octets are.
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        let mut rest = octets;
        let mut next = || {
            let (number, after) = rest.split_first_chunk()?;
            rest = after;
            Some(u32::from_ne_bytes(*number))
        };
        let tags = [Tag::Call, Tag::Answer, Tag::Ask, Tag::Told, Tag::Signal];
        let (tag, id, code) = (next()?, next()?, next()?);
        // One form for each frame.
        let capacity = match (next()?, next()?) {
            (0, 0) => None,
            (1, capacity) => Some(capacity),
            _ => return None,
        };
        let count = next()? as usize;
        if count > octets.len() / size_of::<u32>() {
            return None;
        }
        let words = (0..count).map(|_| next()).collect::<Option<_>>()?;
        Some(Self {
            tag: tags.into_iter().find(|known| *known as u32 == tag)?,
            id,
            code,
            body: Body {
                words,
                capacity,
                octets: rest.to_vec(),
            },
        })
    }
}

fn length(count: usize) -> io::Result<u32> {
    u32::try_from(count).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame is too long"))
}

fn garbage() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no frame of ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let frame = Frame {
            tag: Tag::Ask,
            id: 7,
            code: Function::MibEntryGet as u32,
            body: Body {
                words: vec![1, u32::MAX],
                capacity: Some(12),
                octets: vec![1, 2, 3],
            },
        };
        let mut octets = Vec::new();
        frame.write(&mut octets).unwrap();
        assert_eq!(Frame::read(&mut octets.as_slice()).unwrap(), Some(frame));
        assert_eq!(Frame::read(&mut [].as_slice()).unwrap(), None);
        // Whatever is cut off or flipped is refused, or is another frame; nothing panics.
        for cut in 1..octets.len() {
            assert!(Frame::read(&mut &octets[..cut]).is_err() || cut < 4, "{cut}");
        }
        for place in 0..octets.len() {
            for bit in 0..8 {
                let mut flipped = octets.clone();
                flipped[place] ^= 1 << bit;
                drop(Frame::read(&mut flipped.as_slice()));
            }
        }
    }
}
