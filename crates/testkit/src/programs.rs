//! PostgreSQL's programs: where they are, and the user that they run as.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What to say when there is none.
const NEEDED: &str = "PostgreSQL 15 or newer is needed; on Debian, install the package postgresql";

/// The oldest major version that the product works with.
const OLDEST: u32 = 15;

/// Where Debian keeps each major version, in a folder of its number.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who the programs run as when we are root, which initdb and postgres refuse: the first that exists.
const USERS: [&str; 2] = ["postgres", concat!("no", "body")];

/// A user and a group, by number.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// One version's programs.
pub(crate) struct Programs {
    /// `None`: they are on `PATH`.
    bin: Option<PathBuf>,
    /// `None`: they run as the current user.
    user: Option<User>,
}

impl Programs {
    /// The newest of Debian's, or else what is on `PATH`.
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
        // What a person has set up for their own databases must not lead a test there.
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PG") {
                command.env_remove(variable);
            }
        }
        // As another user we may not be able to read the folder that we are in.
        command.env("LC_ALL", "C").env("PGCLIENTENCODING", "UTF8").current_dir(folder);
        command
    }

    /// Any program, with the rights that PostgreSQL's have.
    pub(crate) fn as_user(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        use std::os::unix::process::CommandExt as _;

        let mut command = Command::new(program);
        if let Some(User { uid, gid }) = self.user {
            // As root, this gives up the supplementary groups as well.
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Runs a program to its end and returns what it wrote to standard output, or else why it failed.
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
        // Beside the reading: it may answer before it has read everything. One that stops reading says why itself.
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
    fn a_program_that_does_not_read_still_says_why() {
        let failed =
            output(Command::new("/bin/sh").args(["-c", "echo why >&2; exit 3"]), &"x".repeat(1 << 20));
        assert_eq!(failed, Err("/bin/sh: exit status: 3\nwhy\n".to_owned()));
        let text = "x".repeat(1 << 20);
        assert_eq!(output(&mut Command::new("cat"), &text), Ok(text));
    }
}
