//! The documented return codes, and what Waypost adds to them: the reason.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A documented return code. Codes a protocol invents are passed through unchanged (routing-protocol-interface P-2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The documented name of the code, if it has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// Done.
    NO_ERROR = 0;
    /// The caller may not do this.
    ERROR_ACCESS_DENIED = 5;
    /// A handle that is not, or no longer, valid.
    ERROR_INVALID_HANDLE = 6;
    /// Out of memory.
    ERROR_NOT_ENOUGH_MEMORY = 8;
    /// Stored data that cannot be understood.
    ERROR_INVALID_DATA = 13;
    /// The request is not supported; the documented refusal of a registration.
    ERROR_NOT_SUPPORTED = 50;
    /// An argument, or something inside a block, is invalid.
    ERROR_INVALID_PARAMETER = 87;
    /// The disk is full.
    ERROR_DISK_FULL = 112;
    /// The buffer is too small; the size needed is told.
    ERROR_INSUFFICIENT_BUFFER = 122;
    /// It is there already.
    ERROR_ALREADY_EXISTS = 183;
    /// More data follows.
    ERROR_MORE_DATA = 234;
    /// The queue, list or table is at its end.
    ERROR_NO_MORE_ITEMS = 259;
    /// The router is stopped.
    ERROR_ROUTER_STOPPED = 900;
    /// No protocol of that number is installed.
    ERROR_UNKNOWN_PROTOCOL_ID = 902;
    /// There is such an interface already.
    ERROR_INTERFACE_ALREADY_EXISTS = 904;
    /// There is no such interface.
    ERROR_NO_SUCH_INTERFACE = 905;
    /// The interface is not connected.
    ERROR_INTERFACE_NOT_CONNECTED = 906;
    /// The protocol is stopping and will say when it has stopped.
    ERROR_PROTOCOL_STOP_PENDING = 907;
    /// An update is running on this interface already, or a change on trial awaits its confirmation.
    ERROR_UPDATE_IN_PROGRESS = 911;
    /// The attempt failed although the request was valid.
    ERROR_CAN_NOT_COMPLETE = 1003;
    /// Nothing was found.
    ERROR_NOT_FOUND = 1168;
    /// The change was made from another revision than the one in force.
    ERROR_REVISION_MISMATCH = 1306;
    /// The host has no more of something it has a fixed number of.
    ERROR_NO_SYSTEM_RESOURCES = 1450;
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} {}", self.0),
            None => write!(f, "status {}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A request that was turned down: the documented code and, for people, where, what and what would have been allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// The documented code.
    pub status: Status,
    /// Where in the configuration, such as `interfaces.eth0.rip.metric`; empty when it is not about configuration.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The offending value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is allowed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// What is wrong, in words: lower case, no full stop.
    pub reason: String,
}

impl Refusal {
    /// A refusal with a code and a reason.
    #[must_use]
    pub fn new(status: Status, reason: impl Into<String>) -> Self {
        Self {
            status,
            path: String::new(),
            value: None,
            allowed: None,
            reason: reason.into(),
        }
    }

    /// ERROR_INVALID_PARAMETER with a reason.
    #[must_use]
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::new(Status::ERROR_INVALID_PARAMETER, reason)
    }

    /// ERROR_CAN_NOT_COMPLETE with a reason.
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::new(Status::ERROR_CAN_NOT_COMPLETE, reason)
    }

    /// ERROR_INVALID_PARAMETER for a value outside what its field allows.
    #[must_use]
    pub fn out_of_range(path: &str, value: impl fmt::Display, allowed: impl Into<String>) -> Self {
        Self::invalid("value is out of range")
            .at(path)
            .with_value(value)
            .with_allowed(allowed)
    }

    /// Names the field.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Names the offending value.
    #[must_use]
    pub fn with_value(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(value.to_string());
        self
    }

    /// Says what is allowed.
    #[must_use]
    pub fn with_allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Puts `parent` in front of the path: a protocol names its field, its caller knows where the block belongs.
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        self.path = if self.path.is_empty() {
            parent.to_owned()
        } else {
            format!("{parent}.{}", self.path)
        };
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)?;
        if let Some(value) = &self.value {
            write!(f, ": {value}")?;
        }
        if let Some(allowed) = &self.allowed {
            write!(f, " (allowed: {allowed})")?;
        }
        write!(f, " [{}]", self.status)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers() {
        let numbers = [0, 87, 122, 259, 907, 1003].map(|number| Status(number).name().unwrap());
        assert_eq!(
            numbers,
            [
                "NO_ERROR",
                "ERROR_INVALID_PARAMETER",
                "ERROR_INSUFFICIENT_BUFFER",
                "ERROR_NO_MORE_ITEMS",
                "ERROR_PROTOCOL_STOP_PENDING",
                "ERROR_CAN_NOT_COMPLETE"
            ]
        );
        assert_eq!(Status(4711).to_string(), "status 4711");
    }

    #[test]
    fn a_refusal_names_path_value_range_and_status() {
        let refusal = Refusal::out_of_range("metric", 99, "0..=16").under("interfaces.eth0.rip");
        assert_eq!(
            refusal.to_string(),
            "interfaces.eth0.rip.metric: value is out of range: 99 (allowed: 0..=16) [ERROR_INVALID_PARAMETER 87]"
        );
    }
}
