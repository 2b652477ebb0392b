//! Stops a server when its test process ends, even if the process is killed. A shell waits until its standard input is
//! closed, which the operating system does when the test process ends.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::programs::{self, Programs};

/// Kills every process whose working directory is one of the folders, then removes the shared memory, which a killed
/// postmaster does not remove. Zombie processes are not waited for. The PID and socket files are removed, because the
/// next postmaster would treat a zombie as running.
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

/// Waits until the pipe is closed. The second folder is the working directory of other programs of the test.
const WATCH: &str = r#"
trap '' HUP INT
while read -r _; do :; done
cut_power "$1" "$2"
rm -rf "$2"
"#;

/// Held by the test process. On drop, the server is stopped and its folder is deleted.
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Starts a watchdog for a folder, and for the server whose data is in `data`.
    pub(crate) fn start(programs: &Programs, data: &Path, folder: &Path) -> Self {
        let mut command = script(programs, &format!("{CUT_POWER}{WATCH}"));
        // Its own process group, so that Ctrl-C does not end it. No output, because a reader of the test's output would
        // wait until the watchdog ends.
        command.arg(data).arg(folder).process_group(0).stdin(Stdio::piped());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell starts"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // `wait` closes the pipe first. It fails if the watchdog has been killed.
        let _ = self.0.wait();
    }
}

/// Kills every process of the server at once.
pub(crate) fn cut_power(programs: &Programs, data: &Path) -> Result<String, String> {
    programs::output(script(programs, &format!("{CUT_POWER}cut_power \"$1\"")).arg(data), "")
}

/// A shell with a working directory outside the folders, so that it does not kill itself.
fn script(programs: &Programs, text: &str) -> Command {
    let mut command = programs.as_user("/bin/sh");
    command.args(["-c", text, "watchdog"]).current_dir("/");
    command
}
