//! The private Python environments, each made once from pinned requirements. Nothing is installed outside of them.

use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::step::{self, Outcome};
use crate::workspace::Workspace;

/// What an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The published clients that the server is tested with, and linters that are published as wheels.
    Clients,
    /// Readers and validators of exported tables.
    Tables,
    /// Readers of workbooks.
    Readers,
    /// Gateways, and clients of the protocols that they report usage by.
    Gateways,
    /// What draws requests from the API's document, and what generates a client from it.
    OpenApi,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Tables => "tables",
            Self::Readers => "readers",
            Self::Gateways => "gateways",
            Self::OpenApi => "openapi",
        }
    }

    /// Files of `tests/python` that pin what is in it, in the order of installation: what a package is built with is
    /// installed before the package.
    fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Clients => &["requirements.txt"],
            Self::Tables => &["requirements-tables-build.txt", "requirements-tables.txt"],
            Self::Readers => &["requirements-readers.txt"],
            Self::Gateways => &["requirements-gateways.txt"],
            Self::OpenApi => &["requirements-openapi.txt"],
        }
    }
}

/// An environment in which everything that its requirements name is installed.
#[derive(Debug)]
pub(crate) struct Environment {
    directory: PathBuf,
}

impl Environment {
    /// Makes the environment, or takes the one that was made from the same requirements by the same interpreter.
    pub(crate) fn prepare(workspace: &Workspace, purpose: Purpose) -> Outcome<Self> {
        let interpreter = check_python(purpose)?;
        let folder = workspace.root().join("tests/python");
        let requirements: Vec<PathBuf> =
            purpose.requirements().iter().map(|name| folder.join(name)).collect();
        let mut wanted = format!("{interpreter}\n");
        for path in &requirements {
            wanted += &fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let (cache, is_shared) = workspace.python_cache();
        let environment = Self { directory: cache.join(directory_name(purpose, &wanted)) };
        let _lock = lock(&cache, purpose)?;
        if environment.is_made(&wanted) {
            return Ok(environment);
        }
        environment.make(purpose, &requirements, &wanted, &cache)?;
        if !is_shared {
            for former in made(&cache, purpose).into_iter().filter(|path| *path != environment.directory) {
                remove(&former)?;
            }
        }
        Ok(environment)
    }

    fn make(&self, purpose: Purpose, requirements: &[PathBuf], wanted: &str, cache: &Path) -> Outcome {
        let started = Instant::now();
        let name = purpose.name();
        let say =
            |line: &str| step::say(&format!("python {name}, {} s: {line}", started.elapsed().as_secs()));
        say(&format!("{} is made: {}", self.directory.display(), self.reason(purpose, cache)));
        remove(&self.directory)?;
        step::output(Command::new("python3").args(["-m", "venv"]).arg(&self.directory))?;
        for path in requirements {
            // Builds are not isolated: isolation installs what no file pins.
            let mut pip = self.command("python");
            pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
                .args(["--progress-bar", "off", "--only-binary", ":all:", "--no-build-isolation"])
                .arg("--requirement")
                .arg(path);
            follow(&mut pip, |line| {
                if let Some(progress) = progress(line) {
                    say(progress);
                }
            })?;
        }
        // Written last: an environment that was interrupted half-way is made again.
        let stamp = self.stamp();
        fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
        say("ready");
        Ok(())
    }

    /// Why the environment is made.
    fn reason(&self, purpose: Purpose, cache: &Path) -> &'static str {
        if self.stamp().exists() {
            "its interpreter no longer works"
        } else if self.directory.exists() {
            "an earlier attempt was interrupted"
        } else if made(cache, purpose).is_empty() {
            "there is none yet"
        } else {
            "its requirements or the version of Python changed"
        }
    }

    fn stamp(&self) -> PathBuf {
        self.directory.join("requirements.stamp")
    }

    fn is_made(&self, wanted: &str) -> bool {
        fs::read_to_string(self.stamp()).is_ok_and(|made| made == wanted)
            && step::output(self.command("python").args(["-c", ""])).is_ok()
    }

    /// A program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        // Variables of another environment would mislead it, and byte code has no place in the checkout.
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

fn directory_name(purpose: Purpose, wanted: &str) -> String {
    let mut hasher = DefaultHasher::new();
    wanted.hash(&mut hasher);
    format!("{}-{:016x}", purpose.name(), hasher.finish())
}

/// Environments of the purpose that are in the cache, whole or not.
fn made(cache: &Path, purpose: Purpose) -> Vec<PathBuf> {
    let is_of_purpose =
        |name: &str| name.strip_prefix(purpose.name()).is_some_and(|rest| rest.starts_with('-'));
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_of_purpose))
        .map(|entry| entry.path())
        .collect()
}

/// Held while an environment is looked for and made: two work trees may share the cache.
fn lock(cache: &Path, purpose: Purpose) -> Outcome<File> {
    let path = cache.join(format!("{}.lock", purpose.name()));
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(cache).map_err(failed)?;
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            step::say(&format!("python {}: another process is making it", purpose.name()));
            file.lock().map_err(failed)?;
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(file)
}

/// Runs a program to its end with each line of its standard output; what it wrote is part of the failure.
fn follow(command: &mut Command, mut each: impl FnMut(&str)) -> Outcome {
    let name = step::line(command);
    let failed = |error: io::Error| format!("{name}: {error}");
    let (output, errors) = io::pipe().map_err(failed)?;
    command.stdin(Stdio::null()).stdout(errors.try_clone().map_err(failed)?).stderr(errors);
    let mut child = command.spawn().map_err(failed)?;
    // Closes the writing ends of this process: the output ends when the program's are closed.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut written = String::new();
    let mut lines = BufReader::new(output);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        each(text.trim_end());
        written += &text;
        line.clear();
    }
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}\n{written}")) }
}

/// What a line of pip says about its progress, without details.
fn progress(line: &str) -> Option<&str> {
    let line = line.trim();
    let begins = ["Collecting ", "Building wheel", "Installing collected packages"];
    let is_progress = begins.iter().any(|begin| line.starts_with(begin)) && !line.contains(": finished with");
    let short = line.split(" (").next().and_then(|line| line.split(": ").next());
    short.filter(|_| is_progress)
}

/// The version of the interpreter; or which Debian package is missing, or what else is wrong.
fn check_python(purpose: Purpose) -> Outcome<String> {
    let python = |code| step::output(Command::new("python3").args(["-c", code]));
    let version =
        python("import sys; print(sys.version); sys.exit(sys.version_info < (3, 11))").map_err(|why| {
            format!("Python 3.11 or newer is needed; on Debian 12, install the package python3 ({why})")
        })?;
    if purpose == Purpose::Tables {
        python("import sys; sys.exit(sys.version_info >= (3, 13))").map_err(|why| {
            format!("Python 3.11 or 3.12 is needed: the validator of FOCUS works with no newer one ({why})")
        })?;
    }
    python("import ensurepip, venv").map_err(|why| {
        format!("Python cannot make environments; on Debian, install the package python3-venv ({why})")
    })?;
    Ok(version)
}

fn remove(directory: &Path) -> Outcome {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_for_each_text_of_requirements() {
        let name = directory_name(Purpose::Tables, "3.11\na==1\n");
        assert!(name.starts_with("tables-") && name.len() == "tables-".len() + 16, "{name}");
        assert_eq!(name, directory_name(Purpose::Tables, "3.11\na==1\n"));
        assert_ne!(name, directory_name(Purpose::Tables, "3.12\na==1\n"));
        assert_ne!(name, directory_name(Purpose::Clients, "3.11\na==1\n"));
    }

    #[test]
    fn the_reason_is_named() {
        let cache = tempfile::tempdir().expect("a folder");
        let environment = |name: &str| Environment { directory: cache.path().join(name) };
        let reason = |name: &str| environment(name).reason(Purpose::Tables, cache.path());
        assert_eq!(reason("tables-1"), "there is none yet");
        fs::create_dir(cache.path().join("tables-1")).expect("created");
        assert_eq!(reason("tables-1"), "an earlier attempt was interrupted");
        assert_eq!(reason("tables-2"), "its requirements or the version of Python changed");
        fs::write(environment("tables-1").stamp(), "x").expect("written");
        assert_eq!(reason("tables-1"), "its interpreter no longer works");
        assert!(!environment("tables-1").is_made("x"), "there is no interpreter");
    }

    #[test]
    fn a_line_for_each_package() {
        assert_eq!(progress("Collecting a==1.0 (from -r x.txt (line 4))"), Some("Collecting a==1.0"));
        assert_eq!(
            progress("  Building wheel for a (pyproject.toml): started"),
            Some("Building wheel for a")
        );
        assert_eq!(progress("  Building wheel for a (pyproject.toml): finished with status 'done'"), None);
        assert_eq!(progress("Installing collected packages: a, b"), Some("Installing collected packages"));
        assert_eq!(progress("  Downloading a-1.0.whl (10 kB)"), None);
    }

    #[test]
    fn a_failure_says_what_was_written() {
        let mut lines = Vec::new();
        let failed = follow(Command::new("/bin/sh").args(["-c", "echo a; echo b >&2; exit 1"]), |line| {
            lines.push(line.to_owned());
        });
        assert_eq!(lines, ["a", "b"]);
        assert!(failed.is_err_and(|why| why.ends_with("exit status: 1\na\nb\n")));
    }
}
