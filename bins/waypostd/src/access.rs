//! Who may change the configuration.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use waypost_api::AccessPolicy;
use waypost_sys::process::{self, Credentials};

use crate::options::Options;

/// The group whose members may change the configuration.
///
/// A group that is missing at start may be made later: it is looked up again until it is there.
#[derive(Clone)]
pub(crate) struct Group {
    name: Arc<str>,
    id: Arc<OnceLock<u32>>,
}

impl Group {
    /// Looks the group up.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let group = Self {
            name: name.into(),
            id: Arc::default(),
        };
        if let Some(id) = process::group_id(name).with_context(|| format!("--group {name}"))? {
            group.id.get_or_init(|| id);
        }
        Ok(group)
    }

    /// Its number, once it is there.
    fn id(&self) -> Option<u32> {
        let found = self.id.get().copied();
        found.or_else(|| {
            let id = process::group_id(&self.name).ok().flatten()?;
            Some(*self.id.get_or_init(|| id))
        })
    }

    /// Makes it the group of the socket. The error is for the operator: the daemon works without, for root alone.
    pub(crate) fn own(&self, socket: &Path) -> Result<(), String> {
        let name = &self.name;
        let Some(id) = self.id() else {
            return Err(format!(
                "there is no group '{name}': with --private only root can connect"
            ));
        };
        waypost_api::give_to_group(socket, id).map_err(|error| {
            format!(
                "the socket cannot be given to group '{name}' ({error}): with --private its members cannot connect"
            )
        })
    }
}

/// Root, the daemon's own user and members of the group.
pub(crate) fn policy(options: &Options, group: &Group) -> AccessPolicy {
    let group = group.clone();
    let is_writer = move |uid, gid| {
        group
            .id()
            .is_some_and(|group| process::is_member(Credentials { pid: 0, uid, gid }, group).unwrap_or(false))
    };
    AccessPolicy {
        group: options.group.clone(),
        ..AccessPolicy::new(
            process::effective_user(),
            is_writer,
            |uid| process::user_name(uid).ok().flatten(),
            !options.private,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use clap::Parser;

    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Options::parse_from([&["waypostd"], arguments].concat())
    }

    #[test]
    fn root_may_write_whoever_the_daemon_runs_as() {
        let options = options(&["--group", "operators", "--private"]);
        let policy = policy(&options, &Group::named("no-such-group").unwrap());
        assert_eq!(policy.write_uids, [0, process::effective_user()]);
        assert_eq!(
            (policy.group.as_str(), policy.others_may_read),
            ("operators", false)
        );
        assert!(!(policy.is_writer)(12345, 12345), "no group, no members");
    }

    /// Any process may give its socket to a group that it is in itself.
    #[test]
    fn the_socket_is_given_to_the_group() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("waypost.sock");
        let _listener = waypost_api::bind(&socket, 0o660).unwrap();
        let own = std::fs::metadata(&socket).unwrap().gid();
        let groups = std::fs::read_to_string("/etc/group").unwrap();
        let named = |group: u32| {
            let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
            lines.find_map(|line| (line.get(2)? == &group.to_string()).then(|| line[0].to_owned()))
        };
        let Some(name) = named(own) else {
            panic!("the group that this test runs in has no name");
        };
        // As root, one that is not the socket's already.
        let other = if process::effective_user() == 0 {
            named(1)
        } else {
            None
        };
        let name = other.unwrap_or(name);
        let group = Group::named(&name).unwrap();
        group.own(&socket).unwrap();
        assert_eq!(Some(std::fs::metadata(&socket).unwrap().gid()), group.id());
        assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o660);
        let missing = Group::named("no-such-group").unwrap().own(&socket).unwrap_err();
        assert!(missing.contains("there is no group 'no-such-group'"), "{missing}");
    }
}
