//! The private Python environment below the target directory: the published clients that the server is tested with,
//! and linters that are published as wheels. Nothing is installed outside of it.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

use crate::step::{self, Outcome};
use crate::workspace::Workspace;

/// An environment in which everything that `tests/python/requirements.txt` names is installed.
pub(crate) struct Environment {
    directory: PathBuf,
}

impl Environment {
    /// Makes the environment, or takes the one that was made from the same requirements.
    pub(crate) fn prepare(workspace: &Workspace) -> Outcome<Self> {
        let requirements = workspace.root().join("tests/python/requirements.txt");
        let wanted = fs::read_to_string(&requirements)
            .map_err(|error| format!("{}: {error}", requirements.display()))?;
        let environment = Self { directory: workspace.python() };
        let stamp = environment.directory.join("requirements.stamp");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && environment.works() {
            return Ok(environment);
        }
        check_python()?;
        remove(&environment.directory)?;
        step::run(Command::new("python3").args(["-m", "venv"]).arg(&environment.directory))?;
        step::run(
            environment
                .command("python")
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
                .args(["--only-binary", ":all:", "--requirement"])
                .arg(&requirements),
        )?;
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

/// Says which Debian package is missing.
fn check_python() -> Outcome {
    let python = |code| step::output(Command::new("python3").args(["-c", code]));
    python("import sys; sys.exit(sys.version_info < (3, 11))").map_err(|why| {
        format!("Python 3.11 or newer is needed; on Debian 12, install the package python3 ({why})")
    })?;
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
