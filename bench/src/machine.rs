//! What machine the figures are from.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Processor, memory, kernel, disk and the peers' versions.
pub(crate) fn describe(scratch: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("cpu", cpu()),
        ("memory", memory()),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("disk", disk(scratch)),
        ("peers", format!("{}, {}", frr(), bird())),
        (
            "waypost",
            format!("{} ({})", env!("CARGO_PKG_VERSION"), profile()),
        ),
    ]
}

const fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "debug: figures mean nothing"
    } else {
        "release"
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The value of a line `NAME : VALUE`.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn cpu() -> String {
    let text = read("/proc/cpuinfo");
    let count = text.lines().filter(|line| line.starts_with("processor")).count();
    let name = field(&text, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{count} x {name}")
}

fn memory() -> String {
    let text = read("/proc/meminfo");
    let kilobytes = field(&text, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    format!("{} MiB", kilobytes.unwrap_or(0) / 1024)
}

fn disk(scratch: &Path) -> String {
    let output = Command::new("findmnt")
        .args(["--noheadings", "--output", "SOURCE,FSTYPE,OPTIONS", "--target"])
        .arg(scratch)
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_line(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let Ok(output) = output else {
        return format!("no {program}");
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn frr() -> String {
    first_line("/usr/lib/frr/ripd", "--version").replace("ripd version", "FRR")
}

fn bird() -> String {
    first_line("/usr/sbin/bird", "--version")
}
