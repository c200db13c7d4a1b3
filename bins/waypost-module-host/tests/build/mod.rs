//! Compiles the modules of the tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use waypost_clibrary::{Library, WARNINGS};
use waypost_routprot::Refusal;
use waypost_routprot_abi::{IsolatedOptions, IsolatedProtocol, Privileges};
use waypost_rtmv2::RouteTable;

/// The library that modules are linked to, built once for a test program.
fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(module_path!().replace("::", "-"));
        Library::build(&folder, &["-g", "-O1"]).unwrap()
    })
}

/// Compiles `modules/NAME.c` with more options for the compiler, once for each choice of them.
pub(crate) fn module(name: &str, options: &[&str]) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let called = [&[name], options].concat().join("");
    let mut built = BUILT.lock().unwrap();
    let compile = || {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/modules")
            .join(format!("{name}.c"));
        let options = [&["-std=c11", "-fvisibility=hidden"], WARNINGS, options].concat();
        library().module_named(&called, &source, &options).unwrap()
    };
    built.entry(called.clone()).or_insert_with(compile).clone()
}

/// A module in a process of its own, with a routing table and privileges or without.
pub(crate) fn isolated(
    file: &Path,
    deadline: Duration,
    table: Option<Arc<dyn RouteTable>>,
    privileges: Privileges,
    died: impl FnOnce(String) + Send + 'static,
) -> Result<IsolatedProtocol, Refusal> {
    IsolatedProtocol::load(
        file,
        IsolatedOptions {
            program: env!("CARGO_BIN_EXE_waypost-module-host").into(),
            deadline,
            table,
            privileges,
            died: Box::new(died),
        },
    )
}
