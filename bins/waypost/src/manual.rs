//! `waypost man`: the manual pages, for packages.

use std::fs;
use std::path::Path;

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::fault::Fault;

/// Writes a page for the program and one for every command that is not hidden.
pub(crate) fn write(directory: &Path) -> Result<String, Fault> {
    let mut command = Arguments::command();
    command.build();
    fs::create_dir_all(directory).map_err(|error| Fault::file(directory, &error))?;
    let mut written = String::new();
    pages(&command, "waypost", &mut |name, page| {
        let path = directory.join(format!("{name}.1"));
        fs::write(&path, page).map_err(|error| Fault::file(&path, &error))?;
        written.push_str(&format!("{}\n", path.display()));
        Ok(())
    })?;
    Ok(written)
}

fn pages(
    command: &clap::Command,
    name: &str,
    write: &mut impl FnMut(&str, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut page = Vec::new();
    let titled = command.clone().display_name(name.to_owned());
    let man = clap_mangen::Man::new(titled)
        .title(name.to_uppercase())
        .manual("Waypost Manual");
    man.render(&mut page).map_err(Fault::Output)?;
    write(name, &page)?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        pages(inner, &format!("{name}-{}", inner.get_name()), write)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_every_command() {
        let directory = tempfile::tempdir().unwrap();
        let written = write(directory.path()).unwrap();
        assert!(written.contains("waypost-show-routes.1"), "{written}");
        assert!(
            !written.contains("waypost-man.1"),
            "the command that writes them is for packages only"
        );
        let page = fs::read_to_string(directory.path().join("waypost-set.1")).unwrap();
        assert!(
            page.contains("waypost\\-set") && page.contains("PATH=VALUE"),
            "{page}"
        );
    }
}
