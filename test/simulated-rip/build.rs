//! An instance of a module is a copy of its file in memory, and tests make hundreds: without symbols it is a tenth as long.

#![allow(clippy::print_stdout, reason = "that is how a build script speaks with cargo")]

fn main() {
    println!("cargo::rustc-link-arg-cdylib=-s");
    println!("cargo::rerun-if-changed=build.rs");
}
