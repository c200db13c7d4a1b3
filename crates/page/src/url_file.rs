//! The file with the address of the page and its token.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Readable by the user of the daemon alone; removed with this.
#[derive(Debug)]
pub(crate) struct UrlFile(PathBuf);

impl UrlFile {
    /// Writes the address, in the place of one that a dead daemon left.
    pub(crate) fn write(path: PathBuf, url: &str) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // New, so that nobody has it open and no link leads elsewhere.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let written = Self(path);
        writeln!(file, "{url}")?;
        Ok(written)
    }
}

impl Drop for UrlFile {
    fn drop(&mut self) {
        // What is left is a token that opens nothing any more.
        drop(fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nobody_else_reads_it_and_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waypost.page");
        let elsewhere = directory.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let file = UrlFile::write(path.clone(), "http://127.0.0.1:8480/#token=1").unwrap();
        assert!(!elsewhere.exists());
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "http://127.0.0.1:8480/#token=1\n"
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(file);
        assert!(!path.exists());
    }
}
