//! Who may do what, by the credentials the kernel gives of the peer (SO_PEERCRED).

use std::sync::Arc;

use tokio::net::UnixStream;
use tokio::sync::OnceCell;

/// Whether a user, given by uid and primary gid, is in the group that may write. May block on the name service.
pub type MembershipCheck = Arc<dyn Fn(u32, u32) -> bool + Send + Sync>;
/// The name of a user. May block on the name service.
pub type UserName = Arc<dyn Fn(u32) -> Option<String> + Send + Sync>;

/// Who may do what.
#[derive(Clone)]
pub struct AccessPolicy {
    /// Users that may write: root and the daemon's own.
    pub write_uids: Vec<u32>,
    /// Whether a user is a member of the group that may write; asked once a connection.
    pub is_writer: MembershipCheck,
    /// The name of a user, for the history; asked once a connection, at its first change.
    pub user_name: UserName,
    /// Whether everybody else may read, with secrets hidden.
    pub others_may_read: bool,
    /// The name of that group, for people.
    pub group: String,
}

impl AccessPolicy {
    /// Root, the daemon's own user and members of the group may write; whether others may read is theirs to say.
    #[must_use]
    pub fn new(
        own_uid: u32,
        is_writer: impl Fn(u32, u32) -> bool + Send + Sync + 'static,
        user_name: impl Fn(u32) -> Option<String> + Send + Sync + 'static,
        others_may_read: bool,
    ) -> Self {
        Self {
            write_uids: vec![0, own_uid],
            is_writer: Arc::new(is_writer),
            user_name: Arc::new(user_name),
            others_may_read,
            group: "waypost".to_owned(),
        }
    }
}

impl std::fmt::Debug for AccessPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessPolicy")
            .field("write_uids", &self.write_uids)
            .field("others_may_read", &self.others_may_read)
            .finish_non_exhaustive()
    }
}

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    pub(crate) may_write: bool,
    pub(crate) may_read: bool,
    name: OnceCell<String>,
}

impl Peer {
    /// Who is at the other end. A peer whose credentials the kernel does not give may do nothing.
    pub(crate) async fn of(stream: &UnixStream, policy: &AccessPolicy) -> Self {
        let credentials = stream.peer_cred().ok().map(|peer| (peer.uid(), peer.gid()));
        let may_write = match credentials {
            Some((uid, _)) if policy.write_uids.contains(&uid) => true,
            Some((uid, gid)) => {
                let check = policy.is_writer.clone();
                tokio::task::spawn_blocking(move || check(uid, gid))
                    .await
                    .unwrap_or(false)
            }
            None => false,
        };
        Self {
            uid: credentials.map_or(u32::MAX, |(uid, _)| uid),
            may_write,
            may_read: may_write || (policy.others_may_read && credentials.is_some()),
            name: OnceCell::new(),
        }
    }

    /// Somebody whom another door than the socket let in, with all rights, under this name.
    pub(crate) fn let_in(name: &str) -> Self {
        Self {
            uid: u32::MAX,
            may_write: true,
            may_read: true,
            name: OnceCell::new_with(Some(name.to_owned())),
        }
    }

    /// The user's name, or `uid:N`.
    pub(crate) async fn name(&self, policy: &AccessPolicy) -> String {
        let uid = self.uid;
        let ask = || async {
            let name = policy.user_name.clone();
            let name = tokio::task::spawn_blocking(move || name(uid)).await;
            name.ok().flatten().unwrap_or_else(|| format!("uid:{uid}"))
        };
        self.name.get_or_init(ask).await.clone()
    }
}
