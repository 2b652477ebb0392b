//! The private Python environments below the target directory. Nothing is installed outside of them.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

use crate::step::{self, Outcome};
use crate::workspace::Workspace;

/// What an environment is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The published clients that the server is tested with, and linters that are published as wheels.
    Clients,
    /// Readers and validators of exported tables.
    Tables,
}

impl Purpose {
    /// Files of `tests/python` that pin what is in it, in the order in which they are installed: what a package is built
    /// with is there before it.
    fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Clients => &["requirements.txt"],
            Self::Tables => &["requirements-tables-build.txt", "requirements-tables.txt"],
        }
    }

    fn directory(self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Clients => workspace.python(),
            Self::Tables => workspace.python_for_tables(),
        }
    }
}

/// An environment in which everything that its requirements name is installed.
pub(crate) struct Environment {
    directory: PathBuf,
}

impl Environment {
    /// Makes the environment, or takes the one that was made from the same requirements.
    pub(crate) fn prepare(workspace: &Workspace, purpose: Purpose) -> Outcome<Self> {
        let folder = workspace.root().join("tests/python");
        let requirements: Vec<PathBuf> =
            purpose.requirements().iter().map(|name| folder.join(name)).collect();
        let mut wanted = String::new();
        for path in &requirements {
            wanted += &fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let environment = Self { directory: purpose.directory(workspace) };
        let stamp = environment.directory.join("requirements.stamp");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && environment.works() {
            return Ok(environment);
        }
        check_python(purpose)?;
        remove(&environment.directory)?;
        step::run(Command::new("python3").args(["-m", "venv"]).arg(&environment.directory))?;
        for path in &requirements {
            // Builds are not isolated, since they would bring along what nobody pinned.
            step::run(
                environment
                    .command("python")
                    .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
                    .args(["--only-binary", ":all:", "--no-build-isolation", "--requirement"])
                    .arg(path),
            )?;
        }
        // Written last: an environment that was cut short is made again.
        fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
        Ok(environment)
    }

    /// A program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        // Variables of another environment would lead astray, and byte code has no place in the checkout.
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Whether the interpreter that the environment was made from is still there.
    fn works(&self) -> bool {
        step::output(self.command("python").args(["-c", ""])).is_ok()
    }
}

/// Says which Debian package is missing, or what else is wrong.
fn check_python(purpose: Purpose) -> Outcome {
    let python = |code| step::output(Command::new("python3").args(["-c", code]));
    python("import sys; sys.exit(sys.version_info < (3, 11))").map_err(|why| {
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
    Ok(())
}

fn remove(directory: &PathBuf) -> Outcome {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}
