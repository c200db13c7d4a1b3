//! Who may change the configuration.

use std::sync::Arc;

use anyhow::{Context, Result};
use waypost_api::AccessPolicy;
use waypost_sys::process::{self, Credentials};

use crate::options::Options;

/// Root, the daemon's own user and members of the group.
pub(crate) fn policy(options: &Options) -> Result<AccessPolicy> {
    let group = process::group_id(&options.group).with_context(|| format!("--group {}", options.group))?;
    Ok(AccessPolicy {
        write_uids: vec![process::effective_user()],
        is_writer: Arc::new(move |uid, gid| {
            group.is_some_and(|group| {
                process::is_member(Credentials { pid: 0, uid, gid }, group).unwrap_or(false)
            })
        }),
        user_name: Arc::new(|uid| process::user_name(uid).ok().flatten()),
        others_may_read: !options.private,
    })
}
