//! What the process of a module may do that others may not, and as whom it runs.

use std::ffi::OsStr;
use std::fmt::Write as _;

bitflags::bitflags! {
    /// Capabilities that a module may be granted (capabilities(7)), each by its number: those that do not let it take over the
    /// machine or the router.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Capabilities: u64 {
        /// CAP_NET_BIND_SERVICE: ports below 1024.
        const NET_BIND_SERVICE = 1 << 10;
        /// CAP_NET_RAW: raw and packet sockets. It sees every packet of the machine's links, and may send any.
        const NET_RAW = 1 << 13;
    }
}

/// A user to run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// The number of its group, which is the only one that the process is in.
    pub gid: u32,
}

/// How the process of a module differs from its host's; by default it has no capability, and the same user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// What it is granted of the host's.
    pub capabilities: Capabilities,
    /// Whom it becomes before the module is loaded. Needs a host that may change users, and end processes of others.
    pub user: Option<User>,
}

impl Privileges {
    /// As an argument of the program.
    pub(super) fn argument(self) -> String {
        let mut text = format!("keep={}", self.capabilities.bits());
        if let Some(User { uid, gid }) = self.user {
            // Writing to a string does not fail.
            let _ = write!(text, ",as={uid}:{gid}");
        }
        text
    }

    /// What an argument of the program says; `None` when it says something else.
    #[must_use]
    pub fn from_argument(argument: &OsStr) -> Option<Self> {
        let (keep, user) = match argument.to_str()?.split_once(',') {
            None => (argument.to_str()?, None),
            Some((keep, user)) => {
                let (uid, gid) = user.strip_prefix("as=")?.split_once(':')?;
                let user = User {
                    uid: uid.parse().ok()?,
                    gid: gid.parse().ok()?,
                };
                (keep, Some(user))
            }
        };
        let bits = keep.strip_prefix("keep=")?.parse().ok()?;
        Some(Self {
            capabilities: Capabilities::from_bits(bits)?,
            user,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let user = Some(User {
            uid: 65534,
            gid: 65533,
        });
        for capabilities in [Capabilities::empty(), Capabilities::NET_RAW, Capabilities::all()] {
            for user in [None, user] {
                let privileges = Privileges { capabilities, user };
                let argument = privileges.argument();
                assert_eq!(
                    Privileges::from_argument(argument.as_ref()),
                    Some(privileges),
                    "{argument}"
                );
            }
        }
        // CAP_SYS_ADMIN is nobody's to grant.
        for bad in [
            "",
            "table",
            "keep=2097152",
            "keep=x",
            "keep=0,",
            "keep=0,as=1",
            "keep=0,as=-1:1",
        ] {
            assert_eq!(Privileges::from_argument(bad.as_ref()), None, "{bad}");
        }
    }
}
