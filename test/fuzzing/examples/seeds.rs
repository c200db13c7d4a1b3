//! Writes the valid inputs of every target into its corpus: `cargo run -p waypost-fuzzing --example seeds -- fuzz/corpus`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let corpora = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus"),
        PathBuf::from,
    );
    for target in waypost_fuzzing::TARGETS {
        let corpus = corpora.join(target.name);
        std::fs::create_dir_all(&corpus)?;
        for (name, octets) in (target.seeds)() {
            std::fs::write(corpus.join(format!("seed-{name}")), octets)?;
        }
    }
    Ok(())
}
