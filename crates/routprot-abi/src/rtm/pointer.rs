//! What modules pass by pointer.
//!
//! These types are parameters of the functions that modules call, and only modules make them, in C or by `to` for the time of a
//! call: that is why reading and writing through them is sound as far as modules keep to rtmv2.h, where every pointer is NULL
//! or points to what its type says. Nothing is believed to be aligned.

use std::marker::PhantomData;

use waypost_routprot::Status;
use waypost_rtmv2::client::{self, Handle, Handles};
use waypost_types::MAX_NEXT_HOPS;

use super::layout::{DestinationHead, RouteHead, ViewInfo};

/// What a caller may pass of anything at once: beyond it, a number is taken for garbage.
const MOST: u32 = client::MAX_OBJECTS;

/// Structures to read.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct In<T>(*const T);

impl<T: Copy> In<T> {
    pub(crate) const NULL: Self = Self(std::ptr::null());

    /// For a call that is made with it before `structure` is anything else's.
    pub(crate) const fn to(structure: &T) -> Self {
        Self(structure)
    }

    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The structure; NULL is ERROR_INVALID_PARAMETER.
    pub(crate) fn get(self) -> Result<T, Status> {
        if self.is_null() {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        // SAFETY: the module says that there is one.
        Ok(unsafe { self.0.read_unaligned() })
    }

    /// Several.
    pub(crate) fn all(self, count: u32) -> Result<Vec<T>, Status> {
        if count == 0 {
            return Ok(Vec::new());
        }
        if self.is_null() || count > MOST {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let one = |at: usize| {
            // SAFETY: the module says that there are so many.
            let place = unsafe { self.0.add(at) };
            // SAFETY: the same.
            unsafe { place.read_unaligned() }
        };
        Ok((0..count as usize).map(one).collect())
    }

    /// Where what follows the structure begins.
    pub(crate) fn behind(self) -> In<u8> {
        In(self.0.wrapping_add(1).cast())
    }
}

impl In<u8> {
    /// The same place, where something else is.
    pub(crate) const fn of<T>(self) -> In<T> {
        In(self.0.cast())
    }
}

impl In<u64> {
    /// Several handles.
    pub(crate) fn handles(self, count: u32) -> Result<Vec<Handle>, Status> {
        Ok(self.all(count)?.into_iter().map(Handle).collect())
    }
}

/// Places to write to, and to read from where the interface says so.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Out<T>(*mut T);

impl<T: Copy> Out<T> {
    pub(crate) const NULL: Self = Self(std::ptr::null_mut());

    /// For a call that is made with it before `place` is anything else's.
    pub(crate) const fn to(place: &mut T) -> Self {
        Self(place)
    }

    /// One that was made for the client's own sake.
    ///
    /// # Safety
    /// It is valid for reads and writes.
    pub(crate) const unsafe fn new(place: *mut T) -> Self {
        Self(place)
    }

    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// NULL is ERROR_INVALID_PARAMETER.
    pub(crate) fn check(self) -> Result<(), Status> {
        if self.is_null() {
            Err(Status::ERROR_INVALID_PARAMETER)
        } else {
            Ok(())
        }
    }

    /// What is there; NULL is ERROR_INVALID_PARAMETER.
    pub(crate) fn get(self) -> Result<T, Status> {
        In(self.0.cast_const()).get()
    }

    /// Writes, unless it is NULL.
    pub(crate) fn put(self, value: T) {
        self.put_at(0, value);
    }

    /// Writes to one of several places, unless it is NULL.
    pub(crate) fn put_at(self, place: usize, value: T) {
        if !self.is_null() {
            // SAFETY: the module says that there are so many places.
            let place = unsafe { self.0.add(place) };
            // SAFETY: the same.
            unsafe { place.write_unaligned(value) };
        }
    }

    pub(crate) const fn pointer(self) -> *mut T {
        self.0
    }
}

/// An RTM_ROUTE_INFO, which ends in as many next hops as it says.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct RoutePointer(*mut RouteHead);

/// Room for an RTM_ROUTE_INFO with all next hops that a route may have.
pub(crate) type RouteSpace = [u64; size_of::<RouteHead>() / size_of::<u64>() + MAX_NEXT_HOPS];

impl RoutePointer {
    /// For a call that is made with it before `space` is anything else's.
    pub(crate) const fn to(space: &mut RouteSpace) -> Self {
        Self(space.as_mut_ptr().cast())
    }

    /// One that was made for the client's own sake.
    ///
    /// # Safety
    /// It is valid for reads and writes of a head and [`MAX_NEXT_HOPS`] handles.
    pub(crate) const unsafe fn new(place: *mut RouteHead) -> Self {
        Self(place)
    }

    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The route; NULL, or too many next hops, is ERROR_INVALID_PARAMETER.
    pub(crate) fn get(self) -> Result<client::RouteInfo, Status> {
        let head = In(self.0.cast_const());
        let given = head.get()?;
        if usize::from(given.next_hop_count) > MAX_NEXT_HOPS {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let handles: In<u64> = head.behind().of();
        let mut next_hops = Handles::new();
        for at in 0..usize::from(given.next_hop_count) {
            next_hops.push(Handle(In(handles.0.wrapping_add(at)).get()?));
        }
        Ok(client::RouteInfo {
            destination: Handle(given.destination),
            owner: Handle(given.owner),
            neighbour: Handle(given.neighbour),
            state: if given.state == 0 {
                client::LifeState::Created
            } else {
                client::LifeState::Deleted
            },
            flags1: given.flags1,
            flags: given.flags,
            metric: given.metric,
            preference: given.preference,
            views: given.views,
            specific: given.specific,
            next_hops,
        })
    }

    /// Writes a route, which never has more than [`MAX_NEXT_HOPS`] next hops (P-53); not if it is NULL.
    pub(crate) fn put(self, info: &client::RouteInfo) {
        let next_hops = &info.next_hops[..info.next_hops.len().min(MAX_NEXT_HOPS)];
        Out(self.0).put(RouteHead {
            destination: info.destination.0,
            owner: info.owner.0,
            neighbour: info.neighbour.0,
            state: match info.state {
                client::LifeState::Created => 0,
                client::LifeState::Deleted => 2,
            },
            flags1: info.flags1,
            flags: info.flags,
            metric: info.metric,
            preference: info.preference,
            views: info.views,
            specific: info.specific,
            // INVARIANT: there are at most 16.
            next_hop_count: next_hops.len() as u16,
            padding: [0; 3],
        });
        if !self.is_null() {
            let handles: Out<u64> = Out(self.0.wrapping_add(1).cast());
            for (at, next_hop) in next_hops.iter().enumerate() {
                handles.put_at(at, next_hop.0);
            }
        }
    }
}

/// RTM_DEST_INFOs one after the other, each with as many views as were asked for.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct DestinationPointer(*mut DestinationHead);

impl DestinationPointer {
    /// For a call that is made with it before `words` is anything else's. With one view each, [`Self::WORDS`] are needed for
    /// each destination.
    pub(crate) const fn to(words: &mut [u64]) -> Self {
        Self(words.as_mut_ptr().cast())
    }

    /// Words of a destination with one view.
    pub(crate) const WORDS: usize = (size_of::<DestinationHead>() + size_of::<ViewInfo>()) / size_of::<u64>();

    pub(crate) fn check(self) -> Result<(), Status> {
        Out(self.0).check()
    }

    const fn place(self, place: usize, views: usize) -> *mut DestinationHead {
        let stride = size_of::<DestinationHead>() + views * size_of::<ViewInfo>();
        self.0.wrapping_byte_add(place * stride)
    }

    /// Writes one of several.
    pub(crate) fn put(self, place: usize, head: DestinationHead, views: &[ViewInfo]) {
        let at = self.place(place, views.len());
        Out(at).put(head);
        let infos: Out<ViewInfo> = Out(at.wrapping_add(1).cast());
        for (place, view) in views.iter().enumerate() {
            infos.put_at(place, *view);
        }
    }

    /// Reads those that were written there: each says how many views it has.
    pub(crate) fn all(self, count: u32) -> Result<Vec<(DestinationHead, Vec<ViewInfo>)>, Status> {
        if count > MOST {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let mut at = In(self.0.cast_const());
        let mut found = Vec::new();
        for _ in 0..count {
            let head = at.get()?;
            if head.view_count as usize > waypost_rtmv2::VIEWS {
                return Err(Status::ERROR_INVALID_PARAMETER);
            }
            let infos: In<ViewInfo> = at.behind().of();
            found.push((head, infos.all(head.view_count)?));
            at = In(infos.0.wrapping_add(head.view_count as usize).cast());
        }
        Ok(found)
    }
}

/// Places for so many octets that a function of the module's reads and writes.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Octets(*mut u8, PhantomData<u8>);

impl Octets {
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The place of one of them.
    pub(crate) const fn at<T>(self, place: usize) -> Out<T> {
        Out(self.0.wrapping_add(place).cast())
    }
}
