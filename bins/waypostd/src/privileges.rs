//! What a module's record grants to its process, and as whom it runs.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use waypost_routprot_abi::{Capabilities, Privileges, User};
use waypost_sys::process;

/// Whom modules of a daemon that is root run as: the first of these that exists.
const UNPRIVILEGED: [&str; 2] = ["waypost-module", "nobody"];

/// A capability that a record may grant.
#[derive(Clone, Copy, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Capability {
    /// Ports below 1024.
    NetBindService,
    /// Raw and packet sockets.
    NetRaw,
}

impl From<Capability> for Capabilities {
    fn from(capability: Capability) -> Self {
        match capability {
            Capability::NetBindService => Self::NET_BIND_SERVICE,
            Capability::NetRaw => Self::NET_RAW,
        }
    }
}

/// What a record grants, on this machine.
pub(crate) fn of_record(capabilities: &[Capability], user: Option<&str>) -> Result<Privileges> {
    let machine = Machine {
        own: process::effective_user(),
        look_up: &|name| Ok(process::user_ids(name)?),
        may_become: &process::may_become,
    };
    Ok(Privileges {
        capabilities: capabilities.iter().copied().map(Capabilities::from).collect(),
        user: machine.user(user)?,
    })
}

/// The numbers of a user and its group, if there is one.
type Ids = Option<(u32, u32)>;

/// Who is there, and who this process may become.
struct Machine<'a> {
    own: u32,
    look_up: &'a dyn Fn(&str) -> Result<Ids>,
    may_become: &'a dyn Fn(u32, u32) -> bool,
}

impl Machine<'_> {
    /// Whom a module runs as; `None` is the daemon's own user.
    fn user(&self, named: Option<&str>) -> Result<Option<User>> {
        let Some(name) = named else {
            return Ok(self.default_user());
        };
        let found = (self.look_up)(name)?;
        let (uid, gid) = found.with_context(|| format!("user: there is no user '{name}'"))?;
        if uid == self.own {
            return Ok(None);
        }
        ensure!(
            (self.may_become)(uid, gid),
            "user: the daemon may not become '{name}' (it takes CAP_SETUID, CAP_SETGID and CAP_KILL)"
        );
        Ok(Some(User { uid, gid }))
    }

    /// Nobody who could do anything, if the daemon is root and may become somebody else at all.
    fn default_user(&self) -> Option<User> {
        if self.own != 0 {
            return None;
        }
        let mut users = UNPRIVILEGED.iter().filter_map(|name| (self.look_up)(name).ok()?);
        let (uid, gid) = users.find(|(uid, gid)| *uid != 0 && (self.may_become)(*uid, *gid))?;
        Some(User { uid, gid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom a record with this user gets on a machine with these users, of which only the number 300 cannot be become.
    fn user(named: Option<&str>, own: u32, users: &[(&str, u32)]) -> Result<Option<User>, String> {
        let look_up = |name: &str| {
            let found = users.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, uid)| (*uid, uid + 1)))
        };
        let machine = Machine {
            own,
            look_up: &look_up,
            may_become: &|uid, _| own == 0 && uid != 300,
        };
        machine.user(named).map_err(|error| error.to_string())
    }

    fn uid(uid: u32) -> Result<Option<User>, String> {
        Ok(Some(User { uid, gid: uid + 1 }))
    }

    #[test]
    fn root_gives_its_modules_to_nobody() {
        let both = [("nobody", 100), ("waypost-module", 200), ("root", 0)];
        assert_eq!(user(None, 0, &both), uid(200));
        assert_eq!(user(None, 0, &both[..1]), uid(100));
        assert_eq!(user(None, 0, &[]), Ok(None));
        assert_eq!(user(None, 0, &[("nobody", 300)]), Ok(None));
        assert_eq!(
            user(None, 0, &[("nobody", 100), ("waypost-module", 300)]),
            uid(100)
        );
        assert_eq!(user(None, 7, &both), Ok(None));
    }

    #[test]
    fn a_named_user_is_that_user_or_a_fault() {
        let users = [("frank", 300), ("anna", 100), ("root", 0), ("self", 7)];
        assert_eq!(user(Some("anna"), 0, &users), uid(100));
        assert_eq!(user(Some("root"), 0, &users), Ok(None));
        assert_eq!(user(Some("self"), 7, &users), Ok(None));
        for (name, own, word) in [
            ("frank", 0, "may not become"),
            ("anna", 7, "may not become"),
            ("hanna", 0, "no user 'hanna'"),
        ] {
            let said = user(Some(name), own, &users).unwrap_err();
            assert!(said.contains(word), "{said}");
        }
    }
}
