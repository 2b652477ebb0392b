//! PostgreSQL's programs: their location, and the user that runs them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Panic message if no supported version is found.
const NEEDED: &str = "PostgreSQL 15 or newer is needed; on Debian, install the package postgresql";

/// The oldest supported major version.
const OLDEST: u32 = 15;

/// Debian's folder of the major versions, each in a subfolder with its number.
const DEBIAN: &str = "/usr/lib/postgresql";

/// If the current user is root, which initdb and postgres refuse, the programs run as the first of these users that
/// exists.
const USERS: [&str; 2] = ["postgres", concat!("no", "body")];

/// The ids of a user and its group.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The programs of one version.
pub(crate) struct Programs {
    /// The folder of the programs, or `None` if they are on `PATH`.
    bin: Option<PathBuf>,
    /// The user that runs the programs, or `None` for the current user.
    user: Option<User>,
}

impl Programs {
    /// The newest version of Debian, or else the version on `PATH`.
    pub(crate) fn find(we_are_root: bool) -> Self {
        let bin = newest_of_debian();
        assert!(bin.is_some() || version_on_path().is_some_and(|version| version >= OLDEST), "{NEEDED}");
        Self { bin, user: we_are_root.then(unprivileged) }
    }

    pub(crate) fn user(&self) -> Option<User> {
        self.user
    }

    /// One of PostgreSQL's programs.
    pub(crate) fn command(&self, name: &str, folder: &Path) -> Command {
        let mut command = match &self.bin {
            Some(bin) => self.as_user(bin.join(name)),
            None => self.as_user(name),
        };
        // PostgreSQL's environment variables could direct a test to another database.
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PG") {
                command.env_remove(variable);
            }
        }
        // The other user may not have access to the current folder.
        command.env("LC_ALL", "C").env("PGCLIENTENCODING", "UTF8").current_dir(folder);
        command
    }

    /// Any program, run as the user of PostgreSQL's programs.
    pub(crate) fn as_user(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        use std::os::unix::process::CommandExt as _;

        let mut command = Command::new(program);
        if let Some(User { uid, gid }) = self.user {
            // For root, this also drops the supplementary groups.
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Runs a program to its end. Returns its standard output, or the reason for its failure.
pub(crate) fn output(command: &mut Command, input: &str) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("{name}: {error}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let stdin = child.stdin.take();
    let Output { status, stdout, stderr } = std::thread::scope(|scope| {
        // Input is written concurrently, because the program may write output before it has read all input. A write
        // error is ignored: if the program stops reading, its exit status and standard error are reported.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output().map_err(failed)
    })?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        return Ok(stdout);
    }
    Err(format!("{name}: {status}\n{stdout}{}", String::from_utf8_lossy(&stderr)))
}

fn newest_of_debian() -> Option<PathBuf> {
    let folders = fs::read_dir(DEBIAN).ok()?.flatten();
    let versions = folders.filter_map(|folder| folder.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions.filter(|version| *version >= OLDEST && bin(*version).join("initdb").exists()).max();
    newest.map(bin)
}

fn bin(version: u32) -> PathBuf {
    Path::new(DEBIAN).join(version.to_string()).join("bin")
}

fn version_on_path() -> Option<u32> {
    let printed = output(Command::new("initdb").arg("--version"), "").ok()?;
    major(&printed)
}

/// The major version in a text such as `initdb (PostgreSQL) 15.20`.
fn major(printed: &str) -> Option<u32> {
    let (_, version) = printed.split_once("(PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn unprivileged() -> User {
    let found = USERS.iter().find_map(|name| {
        let number = |kind: &str| output(Command::new("id").args([kind, name]), "").ok()?.trim().parse().ok();
        Some(User { uid: number("-u")?, gid: number("-g")? })
    });
    found.unwrap_or_else(|| {
        panic!("PostgreSQL does not run as root, and there is no user {}", USERS.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (printed, expected) in [
            ("initdb (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n", Some(15)),
            ("initdb (PostgreSQL) 18devel\n", Some(18)),
            ("initdb (PostgreSQL) 9.6.1\n", Some(9)),
            ("initdb 15\n", None),
        ] {
            assert_eq!(major(printed), expected, "{printed}");
        }
    }

    #[test]
    fn a_program_that_does_not_read_its_input_reports_its_own_error() {
        let failed =
            output(Command::new("/bin/sh").args(["-c", "echo why >&2; exit 3"]), &"x".repeat(1 << 20));
        assert_eq!(failed, Err("/bin/sh: exit status: 3\nwhy\n".to_owned()));
        let text = "x".repeat(1 << 20);
        assert_eq!(output(&mut Command::new("cat"), &text), Ok(text));
    }
}
