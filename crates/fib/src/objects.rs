//! All objects: who uses them, and what is to be done about them.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;
use waypost_netlink::constants::{AF_INET, AF_INET6, NEXTHOP_GRP_TYPE_MPATH};
use waypost_netlink::{GroupMember, Nexthop, NexthopId, NexthopKind, RouteNextHop, RouteNextHopFlags};
use waypost_rtm::{Family, NextHopSetId};
use waypost_types::{InterfaceIndex, NextHop};

use crate::object::{Index, Members, Object, Presence, Shape, Single};
use crate::ownership::{FIRST_ID, RTPROT_WAYPOST, index as index_of};

/// All objects, and what is to be done about them.
pub(crate) struct Objects {
    inline: bool,
    objects: BTreeMap<Index, Object>,
    singles: BTreeMap<Single, Index>,
    groups: BTreeMap<(NextHopSetId, Family), Index>,
    stray_groups: BTreeMap<Members, Index>,
    /// Indexes of ids in our range that someone else uses.
    taken: BTreeSet<Index>,
    /// No index below this one is free.
    lowest_free: Index,
    /// To delete before anything is made.
    pub(crate) doubtful: BTreeSet<Index>,
    /// To make or change: singles (0) before groups (1).
    pub(crate) due_to_make: BTreeSet<(u8, Index)>,
    /// To delete when nobody uses them: groups (0) before singles (1).
    pub(crate) to_unmake: BTreeSet<(u8, Index)>,
}

impl Objects {
    pub(crate) const fn new(inline: bool) -> Self {
        Self {
            inline,
            objects: BTreeMap::new(),
            singles: BTreeMap::new(),
            groups: BTreeMap::new(),
            stray_groups: BTreeMap::new(),
            taken: BTreeSet::new(),
            lowest_free: 0,
            doubtful: BTreeSet::new(),
            due_to_make: BTreeSet::new(),
            to_unmake: BTreeSet::new(),
        }
    }

    pub(crate) fn get(&self, index: Index) -> Option<&Object> {
        self.objects.get(&index)
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut Object> {
        self.objects.get_mut(&index)
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(crate) fn indexes(&self) -> Vec<Index> {
        self.objects.keys().copied().collect()
    }

    pub(crate) fn has_work(&self) -> bool {
        !(self.doubtful.is_empty() && self.due_to_make.is_empty() && self.to_unmake.is_empty())
    }

    // References

    pub(crate) fn retain(&mut self, index: Index) {
        if let Some(object) = self.objects.get_mut(&index) {
            object.users += 1;
        }
    }

    pub(crate) fn release(&mut self, index: Index) {
        let Some(object) = self.objects.get_mut(&index) else {
            return;
        };
        object.users = object.users.saturating_sub(1);
        if object.users == 0 {
            self.touch(index);
        }
    }

    /// Looks at the object again in the next batch.
    pub(crate) fn touch(&mut self, index: Index) {
        let Some(object) = self.objects.get(&index) else {
            return;
        };
        let (group, kept) = (object.is_group(), object.is_kept());
        if object.users > 0 && !self.inline {
            self.due_to_make.insert((u8::from(group), index));
        } else if !kept {
            self.to_unmake.insert((u8::from(!group), index));
        }
    }

    /// Marks what is Doubtful for deletion before anything else is made.
    pub(crate) fn doubt(&mut self, index: Index) {
        if let Some(object) = self.objects.get_mut(&index) {
            object.presence = Presence::Doubtful;
            self.doubtful.insert(index);
        }
    }

    /// Somebody changed it, or is said to have.
    pub(crate) fn set_altered(&mut self, index: Index) {
        if let Some(object) = self.objects.get_mut(&index) {
            object.presence = Presence::Altered;
            self.doubtful.remove(&index);
            self.touch(index);
        }
    }

    /// Whether somebody changed it, as far as is known.
    pub(crate) fn is_altered(&self, index: Index) -> bool {
        self.get(index)
            .is_some_and(|object| object.presence == Presence::Altered)
    }

    fn insert(&mut self, shape: Shape) -> Index {
        let reserved = match &shape {
            Shape::Single(single) => single.reserved(),
            Shape::Group(_) => None,
        };
        if let Some(index) = reserved.filter(|index| !self.is_in_use(*index)) {
            self.insert_at(index, shape);
            return index;
        }
        let mut index = self.lowest_free;
        // Were the range ever full, the ids after it would do as well until the next start, which would not know them.
        while self.is_in_use(index) {
            index += 1;
        }
        self.lowest_free = index + 1;
        self.insert_at(index, shape);
        index
    }

    fn is_in_use(&self, index: Index) -> bool {
        self.objects.contains_key(&index) || self.taken.contains(&index)
    }

    fn insert_at(&mut self, index: Index, shape: Shape) {
        match &shape {
            Shape::Single(single) => {
                self.singles.entry(*single).or_insert(index);
            }
            Shape::Group(Some(key)) => {
                self.groups.insert(*key, index);
            }
            Shape::Group(None) => {}
        }
        let mut object = Object::new(shape);
        if self.inline {
            object.presence = Presence::Present;
        }
        self.objects.insert(index, object);
    }

    /// Forgets an object that nobody uses and the kernel has not.
    pub(crate) fn remove(&mut self, index: Index) {
        self.set_members(index, &Members::new());
        self.set_held_members(index, &Members::new());
        let Some(object) = self.objects.remove(&index) else {
            return;
        };
        match object.shape {
            Shape::Single(single) => {
                if self.singles.get(&single) == Some(&index) {
                    self.singles.remove(&single);
                }
            }
            Shape::Group(Some(key)) => {
                self.groups.remove(&key);
            }
            Shape::Group(None) => self.forget_stray_group(index),
        }
        self.lowest_free = self.lowest_free.min(index);
        self.doubtful.remove(&index);
    }

    // What is wanted

    /// The object of a single next hop, or that drops packets, with one more reference.
    pub(crate) fn acquire(&mut self, single: Single) -> Index {
        let index = match self.singles.get(&single) {
            Some(&index) => index,
            None => self.insert(Shape::Single(single)),
        };
        self.use_(index);
        index
    }

    /// The object of a set of several, of which these are usable, with one more reference. The second answer is whether
    /// its members changed.
    pub(crate) fn acquire_group(
        &mut self,
        set: NextHopSetId,
        family: Family,
        hops: &[NextHop],
    ) -> (Index, bool) {
        if let Some(&index) = self.groups.get(&(set, family)) {
            let changed = self.set_hops(index, family, hops);
            self.use_(index);
            return (index, changed);
        }
        let members = self.acquire_members(family, hops);
        let index = match self.stray_groups.remove(&members) {
            Some(index) => {
                self.groups.insert((set, family), index);
                if let Some(object) = self.objects.get_mut(&index) {
                    object.shape = Shape::Group(Some((set, family)));
                }
                index
            }
            None => self.insert(Shape::Group(Some((set, family)))),
        };
        self.set_members(index, &members);
        members.iter().for_each(|&(member, _)| self.release(member));
        self.use_(index);
        (index, false)
    }

    /// The group of a set, if there is one.
    pub(crate) fn group(&self, set: NextHopSetId, family: Family) -> Option<Index> {
        self.groups.get(&(set, family)).copied()
    }

    /// Other next hops of a group's set are usable now. Whether that changed its members.
    pub(crate) fn set_hops(&mut self, index: Index, family: Family, hops: &[NextHop]) -> bool {
        let members = self.acquire_members(family, hops);
        let changed = self.get(index).is_some_and(|group| group.members != members);
        if changed {
            self.set_members(index, &members);
            self.touch(index);
        }
        members.iter().for_each(|&(member, _)| self.release(member));
        changed
    }

    fn use_(&mut self, index: Index) {
        let Some(object) = self.objects.get_mut(&index) else {
            return;
        };
        object.users += 1;
        object.stray = false;
        if object.users == 1 {
            self.touch(index);
        }
    }

    fn acquire_members(&mut self, family: Family, hops: &[NextHop]) -> Members {
        let mut members: Members = hops
            .iter()
            .map(|hop| (self.acquire(Single::hop(hop, family)), hop.weight))
            .collect();
        members.sort_unstable();
        members
    }

    fn set_members(&mut self, index: Index, members: &Members) {
        let Some(group) = self.objects.get_mut(&index) else {
            return;
        };
        let old = std::mem::replace(&mut group.members, members.clone());
        self.relink(index, &old, members);
    }

    pub(crate) fn set_held_members(&mut self, index: Index, members: &Members) {
        let Some(group) = self.objects.get_mut(&index) else {
            return;
        };
        let old = std::mem::replace(&mut group.held_members, members.clone());
        self.relink(index, &old, members);
    }

    fn relink(&mut self, group: Index, old: &Members, new: &Members) {
        for &(member, _) in new {
            self.retain(member);
            if let Some(object) = self.objects.get_mut(&member) {
                object.groups.insert(group);
            }
        }
        for &(member, _) in old {
            let still = self.get(group).is_some_and(|g| {
                let mut all = g.members.iter().chain(&g.held_members);
                all.any(|&(other, _)| other == member)
            });
            if !still && let Some(object) = self.objects.get_mut(&member) {
                object.groups.remove(&group);
            }
            self.release(member);
        }
    }

    /// The groups that should have this object as a member, or have it.
    pub(crate) fn groups_of(&self, index: Index) -> Vec<Index> {
        self.get(index)
            .map_or_else(Vec::new, |object| object.groups.iter().copied().collect())
    }

    /// Those members a group should have that are ready.
    pub(crate) fn ready_members(&self, group: &Object) -> Members {
        let ready = |index: &Index| self.get(*index).is_some_and(Object::is_ready);
        group
            .members
            .iter()
            .filter(|(member, _)| ready(member))
            .copied()
            .collect()
    }

    /// The single objects that go out of an interface.
    pub(crate) fn on_interface(&self, interface: InterfaceIndex) -> Vec<Index> {
        let objects = self.objects.iter();
        objects
            .filter(|(_, object)| object.interface() == Some(interface))
            .map(|(&index, _)| index)
            .collect()
    }

    // What the kernel says

    /// The kernel has an object in our range that is not ours.
    pub(crate) fn take_away(&mut self, index: Index) {
        self.taken.insert(index);
    }

    /// Whether the kernel is known to have somebody else's object there.
    pub(crate) fn is_taken(&self, index: Index) -> bool {
        self.taken.contains(&index)
    }

    /// What is taken is read anew.
    pub(crate) fn forget_taken(&mut self) {
        self.taken.clear();
        self.lowest_free = 0;
    }

    pub(crate) fn give_back(&mut self, index: Index) {
        if self.taken.remove(&index) {
            self.lowest_free = self.lowest_free.min(index);
        }
    }

    /// Takes the kernel's object in. Whether it is as it should be.
    pub(crate) fn read(&mut self, nexthop: &Nexthop) -> bool {
        let Some(index) = index_of(nexthop.id) else {
            return true;
        };
        let single = Single::of(nexthop);
        let mut members = Members::new();
        let mut foreign_member = false;
        if let NexthopKind::Group { members: theirs, .. } = &nexthop.kind {
            for member in theirs {
                match index_of(member.id).filter(|index| self.objects.contains_key(index)) {
                    Some(index) => members.push((index, member.weight)),
                    None => foreign_member = true,
                }
            }
            members.sort_unstable();
        }
        let Some(object) = self.objects.get_mut(&index) else {
            self.insert_at(index, single.map_or(Shape::Group(None), Shape::Single));
            if let Some(object) = self.objects.get_mut(&index) {
                (object.stray, object.presence, object.seen) = (true, Presence::Present, true);
            }
            self.set_held_members(index, &members);
            if single.is_none() && !foreign_member {
                self.set_members(index, &members);
                self.stray_groups.insert(members, index);
            }
            return true;
        };
        object.seen = true;
        let same = match (&object.shape, single) {
            (Shape::Single(ours), Some(theirs)) => *ours == theirs,
            (Shape::Group(_), None) => true,
            _ => false,
        };
        object.presence = if same && !foreign_member {
            Presence::Present
        } else {
            Presence::Altered
        };
        if same && single.is_none() {
            self.set_held_members(index, &members);
        }
        let right =
            same && !foreign_member && self.get(index).is_some_and(|object| object.members == members);
        self.doubtful.remove(&index);
        if !right {
            self.touch(index);
        }
        right
    }

    /// Strays are strays no longer: what nobody uses goes.
    pub(crate) fn release_strays(&mut self) {
        self.stray_groups.clear();
        for index in self.indexes() {
            if let Some(object) = self.objects.get_mut(&index) {
                object.stray = false;
                self.touch(index);
            }
        }
    }

    /// A stray that has changed or gone cannot be taken for what it was.
    pub(crate) fn forget_stray_group(&mut self, index: Index) {
        self.stray_groups.retain(|_, &mut stray| stray != index);
    }

    /// An object with these next hops, for a route found in the kernel that carries them itself.
    pub(crate) fn acquire_inline(&mut self, family: Family, hops: &[NextHop]) -> Index {
        if let [hop] = hops {
            return self.acquire(Single::hop(hop, family));
        }
        let members = self.acquire_members(family, hops);
        let index = match self.stray_groups.get(&members) {
            Some(&index) => index,
            None => {
                let same = |group: &Object| group.is_group() && group.members == members;
                let known = self
                    .objects
                    .iter()
                    .find(|(_, object)| same(object))
                    .map(|(&index, _)| index);
                known.unwrap_or_else(|| {
                    let index = self.insert(Shape::Group(None));
                    self.set_members(index, &members);
                    self.stray_groups.insert(members.clone(), index);
                    index
                })
            }
        };
        members.iter().for_each(|&(member, _)| self.release(member));
        self.retain(index);
        index
    }

    // What the kernel is told

    /// The object as a request; a group with these members.
    pub(crate) fn request(&self, index: Index, members: &Members) -> Option<Nexthop> {
        let id = NexthopId(FIRST_ID.saturating_add(index));
        let family_number = |family| match family {
            Family::V4 => AF_INET,
            Family::V6 => AF_INET6,
        };
        let mut flags = RouteNextHopFlags::empty();
        let kind = match &self.get(index)?.shape {
            Shape::Single(Single::Blackhole(family)) => NexthopKind::Blackhole {
                family: family_number(*family),
            },
            Shape::Single(Single::Reject {
                family, interface, ..
            }) => NexthopKind::Link {
                family: family_number(*family),
                interface: *interface,
            },
            Shape::Single(Single::Hop {
                family,
                interface,
                gateway,
                onlink,
            }) => {
                flags.set(RouteNextHopFlags::ONLINK, *onlink);
                match gateway {
                    Some(address) => NexthopKind::Gateway {
                        address: *address,
                        interface: *interface,
                    },
                    None => NexthopKind::Link {
                        family: family_number(*family),
                        interface: *interface,
                    },
                }
            }
            Shape::Group(_) => NexthopKind::Group {
                group_type: NEXTHOP_GRP_TYPE_MPATH,
                members: members
                    .iter()
                    .map(|&(member, weight)| GroupMember {
                        id: NexthopId(FIRST_ID.saturating_add(member)),
                        weight,
                    })
                    .collect(),
            },
        };
        let mut nexthop = Nexthop::new(id, RTPROT_WAYPOST, kind);
        nexthop.flags = flags;
        Some(nexthop)
    }

    /// The next hops an object stands for.
    pub(crate) fn next_hops(&self, index: Index) -> SmallVec<[RouteNextHop; 1]> {
        let single = |index: Index, weight: u16| match self.get(index)?.shape {
            Shape::Single(Single::Hop {
                interface,
                gateway,
                onlink,
                ..
            }) => Some(RouteNextHop::from(NextHop {
                interface,
                gateway,
                weight,
                onlink,
            })),
            _ => None,
        };
        match self.get(index).map(|object| (&object.shape, &object.members)) {
            Some((Shape::Group(_), members)) => members
                .iter()
                .filter_map(|&(member, weight)| single(member, weight))
                .collect(),
            _ => single(index, 1).into_iter().collect(),
        }
    }

    /// Whether an object stands for just these next hops. Flags that tell the kernel's state do not count.
    pub(crate) fn has_next_hops(&self, index: Index, theirs: &[RouteNextHop]) -> bool {
        let comparable = |hop: &RouteNextHop| {
            let onlink = hop.flags.contains(RouteNextHopFlags::ONLINK);
            (hop.interface, hop.gateway, hop.weight, onlink)
        };
        let mut ours: SmallVec<[_; 4]> = self.next_hops(index).iter().map(comparable).collect();
        let mut theirs: SmallVec<[_; 4]> = theirs.iter().map(comparable).collect();
        ours.sort_unstable();
        theirs.sort_unstable();
        ours == theirs
    }

    /// Whether packets go straight onto a link: the kernel then lets other gateways be found through the route.
    pub(crate) fn is_on_link(&self, index: Index) -> bool {
        let gateway_less = |index: Index| {
            matches!(
                self.get(index).map(|object| &object.shape),
                Some(Shape::Single(Single::Hop { gateway: None, .. }))
            )
        };
        match self.get(index) {
            Some(object) if object.is_group() => {
                !object.members.is_empty() && object.members.iter().all(|&(member, _)| gateway_less(member))
            }
            _ => gateway_less(index),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.objects.len() * (size_of::<Object>() + size_of::<(Single, Index)>() + size_of::<Index>())
    }
}
