//! What configurations are written with.

/// `writeln!` to a string, which does not fail.
macro_rules! line {
    ($text:expr, $($word:tt)*) => { let _ = writeln!($text, $($word)*); };
}
pub(crate) use line;

/// How every configuration for BIRD begins: who it is, and that its routes are the kernel's.
pub(crate) fn bird_head(id: &str) -> String {
    format!(
        "log stderr all;\nrouter id {id};\nprotocol device {{ scan time 1; }}\n\
         protocol kernel {{ scan time 1; ipv4 {{ import none; export where source != RTS_DEVICE; }}; merge paths on; }}\n"
    )
}
