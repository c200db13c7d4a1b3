//! The C headers in `include/waypost` declare what was published, and what this crate says in Rust.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test of headers runs compilers, and an unwrap that fails fails the test"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use waypost_routprot::{
    Event, Functionality, InterfaceStatus, InterfaceType, MS_ROUTER_VERSION, MfeStatus, NeighborFlags,
    ReceiveType, Status,
};
use waypost_types::ProtocolId;

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/headers")
        .join(file)
}

fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include")
}

/// Runs a compiler over a file of this folder; what it says is the failure.
fn compile(compiler: &str, arguments: &[&str], file: &str) {
    let output = Command::new(compiler)
        .args(arguments)
        .arg("-I")
        .arg(include())
        .arg(here(file))
        .output()
        .unwrap_or_else(|error| {
            panic!("{compiler}: {error}; `cargo xtask test` installs what the tests need")
        });
    assert!(
        output.status.success(),
        "{compiler} {arguments:?} {file}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What an author may ask of their compiler.
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"];

#[test]
fn layout_in_c99() {
    compile("gcc", &[&WARNINGS[..], &["-std=c99"]].concat(), "layout.c");
}

#[test]
fn layout_in_c11() {
    let arguments = [&WARNINGS[..], &["-std=c11", "-Wpedantic"]].concat();
    compile("gcc", &arguments, "layout.c");
}

#[test]
fn layout_in_cpp17() {
    let arguments = [&WARNINGS[..], &["-std=c++17", "-Wpedantic", "-xc++"]].concat();
    compile("g++", &arguments, "layout.c");
}

/// The same assertions against the public-domain headers, compiled for 64-bit Windows.
#[test]
fn layout_as_published() {
    let arguments = [
        "-DPUBLISHED_HEADERS",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsyntax-only",
    ];
    compile("x86_64-w64-mingw32-gcc", &arguments, "layout.c");
}

#[test]
fn a_wrong_number_does_not_compile() {
    let folder = std::env::temp_dir().join(format!("waypost-headers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let layout = std::fs::read_to_string(here("layout.def")).unwrap();
    let wrong = layout.replace("SIZE(MESSAGE, 12)", "SIZE(MESSAGE, 16)");
    assert_ne!(layout, wrong);
    std::fs::write(folder.join("layout.def"), wrong).unwrap();
    for file in ["layout.c", "values.def"] {
        std::fs::copy(here(file), folder.join(file)).unwrap();
    }
    let compiled = Command::new("gcc")
        .args(["-fsyntax-only", "-I"])
        .arg(include())
        .arg(folder.join("layout.c"))
        .output();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(!compiled.unwrap().status.success());
}

#[test]
fn ipv4_addresses() {
    let program = std::env::temp_dir().join(format!("waypost-ipv4-{}", std::process::id()));
    let arguments = [
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Wconversion",
        "-Werror",
        "-fsanitize=undefined",
        "-fno-sanitize-recover",
        "-o",
        program.to_str().unwrap(),
    ];
    compile("gcc", &arguments, "ipv4.c");
    let run = Command::new(&program).status();
    std::fs::remove_file(&program).unwrap();
    assert_eq!(run.unwrap().code(), Some(0), "the number of the check in ipv4.c");
}

/// The constants of `values.def`, which the tests above hold to be those of the headers.
fn values() -> BTreeMap<String, u32> {
    std::fs::read_to_string(here("values.def"))
        .unwrap()
        .lines()
        .filter_map(|line| {
            let (name, value) = line
                .strip_prefix("VALUE(")?
                .strip_suffix("u)")?
                .split_once(", 0x")?;
            Some((name.to_owned(), u32::from_str_radix(value, 16).unwrap()))
        })
        .collect()
}

#[test]
fn rust_says_the_same() {
    let values = values();
    assert!(values.len() > 250, "{} constants were read", values.len());
    let mut named = 0;
    for (name, value) in &values {
        // ERROR_SUCCESS is another name of NO_ERROR.
        if let Some(status) = Status(*value).name().filter(|_| name.starts_with("ERROR_")) {
            if status == name {
                named += 1;
            } else {
                assert_eq!(
                    (name.as_str(), status),
                    ("ERROR_SUCCESS", "NO_ERROR"),
                    "{value} has two names"
                );
            }
        }
    }
    assert!(named >= 19, "{named} status codes were compared");
    for flag in Functionality::all().iter() {
        let (name, _) = flag.iter_names().next().unwrap();
        assert_eq!(values[name], flag.bits(), "{name}");
    }
    for flag in NeighborFlags::all().iter() {
        let (name, _) = flag.iter_names().next().unwrap();
        assert_eq!(values[&format!("MRINFO_{name}_FLAG")], u32::from(flag.bits()));
    }
    let pairs = [
        ("MS_ROUTER_VERSION", MS_ROUTER_VERSION),
        ("IR_PROMISCUOUS", ReceiveType::Promiscuous as u32),
        (
            "IR_PROMISCUOUS_MULTICAST",
            ReceiveType::PromiscuousMulticast as u32,
        ),
        ("MFE_REACHED_CORE", MfeStatus::ReachedCore as u32),
        ("MFE_PRUNED_UPSTREAM", MfeStatus::PrunedUpstream as u32),
        ("MFE_OIF_PRUNED", MfeStatus::OifPruned as u32),
        ("MFE_OLD_ROUTER", MfeStatus::OldRouter as u32),
        (
            "RIS_INTERFACE_ADDRESS_CHANGE",
            InterfaceStatus::AddressChange(waypost_routprot::AdapterBinding::default()).number(),
        ),
        ("RIS_INTERFACE_ENABLED", InterfaceStatus::Enabled.number()),
        ("RIS_INTERFACE_DISABLED", InterfaceStatus::Disabled.number()),
        (
            "RIS_INTERFACE_MEDIA_PRESENT",
            InterfaceStatus::MediaPresent.number(),
        ),
        (
            "RIS_INTERFACE_MEDIA_ABSENT",
            InterfaceStatus::MediaAbsent.number(),
        ),
        ("MS_IP_RIP", ProtocolId::RIP.0),
        ("MS_IP_OSPF", ProtocolId::OSPF.0),
        ("MS_IP_BGP", ProtocolId::BGP.0),
        ("MS_IP_BOOTP", ProtocolId::BOOTP.0),
        ("MS_IP_MSDP", ProtocolId::MSDP.0),
        ("MS_IP_IGMP", ProtocolId::IGMP.0),
        ("MS_IP_BGMP", ProtocolId::BGMP.0),
        ("MS_IP_VRRP", ProtocolId::VRRP.0),
        ("MS_IP_DNS_PROXY", ProtocolId::DNS_PROXY.0),
        ("MS_IP_DHCP_ALLOCATOR", ProtocolId::DHCP_ALLOCATOR.0),
        ("MS_IP_NAT", ProtocolId::NAT.0),
        ("MS_IP_DIFFSERV", ProtocolId::DIFFSERV.0),
        ("MS_IP_MGM", ProtocolId::MGM.0),
        ("MS_IP_ALG", ProtocolId::ALG.0),
        ("MS_IP_H323", ProtocolId::H323.0),
        ("MS_IP_FTP", ProtocolId::FTP.0),
        ("MS_IP_DTP", ProtocolId::DTP.0),
        ("IPRTRMGR_PID", ProtocolId::ROUTER_MANAGER.0),
        ("PROTO_IP_NT_AUTOSTATIC", ProtocolId::AUTOSTATIC.0),
        ("PROTO_IP_NT_STATIC", ProtocolId::STATIC.0),
        ("PROTO_IP_NT_STATIC_NON_DOD", ProtocolId::STATIC_NON_DOD.0),
    ];
    for (name, value) in pairs {
        assert_eq!(values[name], value, "{name}");
    }
    // Enumerations: their numbers in C are asserted by layout.c.
    assert_eq!(Event::RouterStopped.number(), 0);
    assert_eq!(Event::SaveGlobalConfigInfo.number(), 1);
    assert_eq!(InterfaceType::Permanent as u32, 0);
    assert_eq!(InterfaceType::RemoteWorkstationDial as u32, 3);
}
