//! The end of a server, whether its test ends in order or is killed. A shell outlives the test process: it waits until
//! the pipe to it closes, which the system does for any process that ends.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::programs::{self, Programs};

/// Kills every process that works in one of the folders named, then takes away the shared memory that only a postmaster
/// in order takes away. A zombie process does nothing, so it is not waited for; but the files
/// with its number must go, since the next postmaster would take it for alive.
const CUT_POWER: &str = r#"
cut_power() {
  while
    found=
    for process in /proc/[0-9]*; do
      for folder in "$@"; do
        if [ "$process/cwd" -ef "$folder" ]; then found="$found ${process#/proc/}"; fi
      done
    done
    [ -n "$found" ]
  do
    kill -KILL $found 2>/dev/null
    sleep 0.01
  done
  if [ -e "$1/postmaster.pid" ]; then
    memory=$(sed -n 7p "$1/postmaster.pid")
    ipcrm -m "${memory##* }" 2>/dev/null
    rm -f "$1/postmaster.pid" "$1"/../.s.PGSQL.*
  fi
}
"#;

/// Waits for the pipe to close. Programs that a killed test was running work in the folder itself.
const WATCH: &str = r#"
trap '' HUP INT
while read -r _; do :; done
cut_power "$1" "$2"
rm -rf "$2"
"#;

/// Held by the test process; dropped, the server is gone.
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Watches over a folder, and over the server whose data is in `data`.
    pub(crate) fn start(programs: &Programs, data: &Path, folder: &Path) -> Self {
        let mut command = script(programs, &format!("{CUT_POWER}{WATCH}"));
        // A group of its own: Ctrl-C ends the test and not this. No output: who reads the test's waits for its end.
        command.arg(data).arg(folder).process_group(0).stdin(Stdio::piped());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell starts"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Closes the pipe first. A watchdog that was killed cannot be waited for.
        let _ = self.0.wait();
    }
}

/// Kills every process of the server at once.
pub(crate) fn cut_power(programs: &Programs, data: &Path) -> Result<String, String> {
    programs::output(script(programs, &format!("{CUT_POWER}cut_power \"$1\"")).arg(data), "")
}

/// A shell that works in none of the folders that it kills in.
fn script(programs: &Programs, text: &str) -> Command {
    let mut command = programs.as_user("/bin/sh");
    command.args(["-c", text, "watchdog"]).current_dir("/");
    command
}
