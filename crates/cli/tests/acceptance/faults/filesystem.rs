//! Small file systems in memory that a test fills to the last byte. Mounting one needs the rights of root.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set to `required`, a machine that cannot mount fails the tests of full file systems instead of leaving them out.
const MOUNTS: &str = "TOLLBOOK_TEST_MOUNTS";
/// The file that fills a file system.
const FILLER: &str = "filler";

/// A mounted file system, which is unmounted when it is dropped.
pub(super) struct Filesystem {
    path: PathBuf,
}

impl Filesystem {
    /// Mounts a new file system of some bytes at a folder, which is made.
    pub(super) fn mount(path: PathBuf, bytes: u64) -> Result<Self, String> {
        fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        let options = format!("size={bytes},mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tollbook-test"]).arg(&path).stdin(Stdio::null());
        let output = mount.output().map_err(|error| format!("mount: {error}"))?;
        if output.status.success() {
            return Ok(Self { path });
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills it: afterwards nothing is free.
    pub(super) fn fill(&self) {
        let mut filler = File::options().append(true).create(true).open(self.path.join(FILLER)).unwrap();
        for bytes in [1 << 16, 1 << 12, 1] {
            loop {
                match filler.write(&vec![0; bytes]) {
                    Ok(written) if written > 0 => {}
                    Ok(_) => break,
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{}: {error}", self.path.display()),
                }
            }
        }
    }

    /// Makes room again.
    pub(super) fn free(&self) {
        fs::remove_file(self.path.join(FILLER)).unwrap();
    }
}

impl Drop for Filesystem {
    fn drop(&mut self) {
        // Lazily: a process that was killed may still be ending.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

/// Whether this machine can mount file systems. If not, a line says so, or the test fails if they are required.
pub(super) fn can_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    match Filesystem::mount(folder.path().join("probe"), 1 << 16) {
        Ok(mounted) => {
            mounted.fill();
            mounted.free();
            true
        }
        Err(why) => {
            #[expect(clippy::disallowed_methods, reason = "the runner passes the setting in the environment")]
            let is_required = std::env::var(MOUNTS).is_ok_and(|value| value == "required");
            assert!(!is_required, "{MOUNTS}=required, and no file system can be mounted: {why}");
            tollbook_testkit::note_skipped("file systems to mount");
            println!("SKIPPED: full file systems, because none can be mounted: {why}");
            false
        }
    }
}
