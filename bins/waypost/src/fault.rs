//! Why a command did not do what it was asked, and the exit code that says so.

use std::fmt;
use std::path::{Path, PathBuf};

use waypost_routprot::Refusal;

/// Done.
pub(crate) const DONE: u8 = 0;
/// The daemon refused, what was checked failed, or the answer could not be written.
pub(crate) const REFUSED: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// There is no daemon to ask.
pub(crate) const NO_DAEMON: u8 = 3;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The daemon refused, for these reasons.
    Refused(Vec<Refusal>),
    /// What a file says was refused, for these reasons.
    InFile {
        /// What the file is called.
        file: String,
        /// What it says.
        text: String,
        /// Why.
        refusals: Vec<Refusal>,
    },
    /// The command line, or a file it names, makes no sense.
    Usage(String),
    /// Nothing answers at this socket.
    NoDaemon { socket: PathBuf, error: std::io::Error },
    /// What answers does not speak as this program expects.
    Strange(String),
    /// What was checked is not as it should be; the text is the answer, and goes where answers go.
    Failed(String),
    /// What was begun was not done, by the operator's own decision or for want of one.
    NotDone(String),
    /// The answer could not be written.
    Output(std::io::Error),
}

impl Fault {
    /// A single refusal.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }

    /// A file that cannot be read.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::Usage(format!("{}: {}", path.display(), plain_error(error)))
    }

    /// The exit code of the process.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::InFile { .. } | Self::Failed(_) | Self::NotDone(_) | Self::Output(_) => {
                REFUSED
            }
            Self::Usage(_) => USAGE,
            Self::NoDaemon { .. } | Self::Strange(_) => NO_DAEMON,
        }
    }

    /// Whether the reader of our output has gone away, which is no failure of ours.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// What an operator can do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        let Self::NoDaemon { error, .. } = self else {
            return None;
        };
        Some(match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "this user may not use the socket: be root or a member of the socket's group"
            }
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
                "the daemon is there but does not answer: look at its log"
            }
            _ => "is waypostd running? another socket is named by --socket PATH or WAYPOST_SOCKET",
        })
    }
}

/// One line a cause; several refusals are several lines.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusals) | Self::InFile { refusals, .. } => {
                for (number, refusal) in refusals.iter().enumerate() {
                    if number > 0 {
                        f.write_str("\n")?;
                    }
                    brief(refusal).fmt(f)?;
                }
                Ok(())
            }
            Self::Usage(reason) | Self::Failed(reason) | Self::NotDone(reason) => f.write_str(reason),
            Self::NoDaemon { socket, error } => {
                write!(
                    f,
                    "no daemon answers at {}: {}",
                    socket.display(),
                    plain_error(error)
                )
            }
            Self::Strange(reason) => write!(f, "the daemon's answer makes no sense: {reason}"),
            Self::Output(error) => write!(f, "the output cannot be written: {}", plain_error(error)),
        }
    }
}

/// Longer lists of what is allowed are shortened.
const ALLOWED: usize = 120;
/// Names that are left of them.
const NAMES: usize = 6;

/// A refusal for a line of text: when it says what was meant, or would list dozens of names, the list is cut short. As JSON
/// it is whole.
pub(crate) fn brief(refusal: &Refusal) -> Refusal {
    let mut brief = refusal.clone();
    let Some(allowed) = brief.allowed.take().filter(|allowed| allowed.len() > ALLOWED) else {
        return refusal.clone();
    };
    if brief.reason.contains("did you mean") {
        return brief;
    }
    let names: Vec<&str> = allowed.split(", ").collect();
    match names.get(..NAMES) {
        Some(first) => {
            let more = names.len() - NAMES;
            brief.with_allowed(format!(
                "{} and {more} more; see waypost schema",
                first.join(", ")
            ))
        }
        None => brief.with_allowed(allowed),
    }
}

/// "No such file or directory (os error 2)" without the number, which says nothing new.
fn plain_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text.chars().take(end).collect::<String>().to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn each_kind_has_its_exit_code() {
        let refusal = Refusal::out_of_range("interfaces.eth0.rip.metric", 99, "0..=16");
        let fault = Fault::Refused(vec![refusal.clone(), refusal]);
        let line = "interfaces.eth0.rip.metric: value is out of range: 99 (allowed: 0..=16) [ERROR_INVALID_PARAMETER 87]";
        assert_eq!(fault.to_string(), format!("{line}\n{line}"));
        assert_eq!(fault.exit_code(), 1);
        assert_eq!(Fault::Usage(String::new()).exit_code(), 2);
        let error = Error::from_raw_os_error(2);
        let fault = Fault::NoDaemon {
            socket: "/run/x.sock".into(),
            error,
        };
        assert_eq!(fault.exit_code(), 3);
        assert_eq!(
            fault.to_string(),
            "no daemon answers at /run/x.sock: no such file or directory"
        );
        assert!(fault.hint().unwrap().contains("waypostd"));
    }

    #[test]
    fn a_line_does_not_list_dozens_of_names() {
        let names: Vec<String> = (0..40).map(|number| format!("option-{number}")).collect();
        let refusal = |reason: &str| {
            let refusal = Refusal::invalid(reason).at("a.b").with_allowed(names.join(", "));
            Fault::refused(refusal).to_string()
        };
        assert_eq!(
            refusal("unknown option; did you mean 'option-7'?"),
            "a.b: unknown option; did you mean 'option-7'? [ERROR_INVALID_PARAMETER 87]"
        );
        assert_eq!(
            refusal("unknown option"),
            "a.b: unknown option (allowed: option-0, option-1, option-2, option-3, option-4, option-5 and 34 more; \
             see waypost schema) [ERROR_INVALID_PARAMETER 87]"
        );
    }

    #[test]
    fn only_a_closed_pipe_is_one() {
        assert!(Fault::Output(Error::from(ErrorKind::BrokenPipe)).is_closed_pipe());
        assert!(!Fault::Output(Error::from(ErrorKind::StorageFull)).is_closed_pipe());
        assert!(!Fault::Usage("pipe".to_owned()).is_closed_pipe());
    }
}
