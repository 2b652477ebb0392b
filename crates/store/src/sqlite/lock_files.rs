//! The two lock files of the writers of all processes, and the note in them that names the process that has the lock.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Suffix of the lock file of the next writer.
pub(super) const QUEUE: &str = "-queue.lock";
/// Suffix of the lock file of the current writer.
pub(super) const WRITER: &str = "-writer.lock";
/// Suffix of the lock file of servers.
pub(super) const SERVER: &str = "-server.lock";

/// Bytes of the note in a lock file. It always has this length, so that one write replaces the note before it.
const NOTE_BYTES: usize = 128;

/// The lock files of a database file.
#[derive(Debug)]
pub(super) struct LockPaths {
    queue: PathBuf,
    writer: PathBuf,
    /// What this process writes into a file that it has locked.
    note: [u8; NOTE_BYTES],
}

/// Both files, with the writer's locked. A writer first locks the queue, then waits for the writer's lock, so it is the
/// next to get it. The operating system releases file locks when a process ends.
#[derive(Debug)]
pub(super) struct LockFiles {
    queue: File,
    _writer: File,
}

/// Files that could not be locked at once.
#[derive(Debug)]
pub(super) struct Contended {
    queue: File,
    has_queue: bool,
    writer: File,
}

impl LockPaths {
    /// The lock files of a database, for a process that is called `program`.
    pub(super) fn new(database: &Path, program: &str) -> Self {
        let path = |suffix: &str| beside(database, suffix);
        let mut note = [b' '; NOTE_BYTES];
        let text = format!("{} {}", std::process::id(), program.replace('\n', " "));
        let fits = |(start, character): (usize, char)| start + character.len_utf8();
        let length = text.char_indices().map(fits).take_while(|end| *end < NOTE_BYTES).last().unwrap_or(0);
        note[..length].copy_from_slice(&text.as_bytes()[..length]);
        note[NOTE_BYTES - 1] = b'\n';
        Self { queue: path(QUEUE), writer: path(WRITER), note }
    }

    /// Locks both files if no other writer has them.
    pub(super) fn try_lock(&self) -> io::Result<Result<LockFiles, Contended>> {
        let (queue, writer) = (open(&self.queue)?, open(&self.writer)?);
        let has_queue = is_locked_now(&queue)?;
        if !has_queue || !is_locked_now(&writer)? {
            return Ok(Err(Contended { queue, has_queue, writer }));
        }
        self.locked(queue, writer).map(Ok)
    }

    /// Waits until both files are locked.
    pub(super) fn wait(&self, contended: Contended) -> io::Result<LockFiles> {
        let Contended { queue, has_queue, writer } = contended;
        if !has_queue {
            queue.lock()?;
        }
        self.write_note(&queue);
        writer.lock()?;
        self.locked(queue, writer)
    }

    fn locked(&self, queue: File, writer: File) -> io::Result<LockFiles> {
        self.write_note(&writer);
        queue.unlock()?;
        Ok(LockFiles { queue, _writer: writer })
    }

    fn write_note(&self, file: &File) {
        // The note is for messages only: a disk without space must not keep the lock from working.
        let _ = file.write_all_at(&self.note, 0);
    }

    /// The process that keeps other writers waiting, for messages.
    pub(super) fn holder(&self) -> String {
        // If the writer's lock is free, the next writer has stopped between the two locks.
        let is_free = |path: &Path| open(path).is_ok_and(|file| matches!(file.try_lock(), Ok(())));
        let path = if is_free(&self.writer) { &self.queue } else { &self.writer };
        let note = std::fs::read(path).unwrap_or_default();
        describe(&String::from_utf8_lossy(&note))
    }
}

impl LockFiles {
    /// Whether a writer of another process waits for this lock.
    pub(super) fn is_awaited(&self) -> bool {
        match self.queue.try_lock() {
            Ok(()) => self.queue.unlock().is_err(),
            Err(_) => true,
        }
    }
}

/// Opens a lock file beside a database file, and creates it if it is absent.
pub(super) fn open_beside(database: &Path, suffix: &str) -> io::Result<File> {
    open(&beside(database, suffix))
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a lock file, which only its owner may open: a process that can open it can lock it and stop every writer.
fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)
}

fn is_locked_now(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What is known about the process of a note.
fn describe(note: &str) -> String {
    let (process_id, program) = note.trim().split_once(' ').unwrap_or_default();
    match process_id.parse::<u32>() {
        Err(_) => "another process".to_owned(),
        Ok(own) if own == std::process::id() => format!("this process ({program})"),
        Ok(other) if is_stopped(other) => format!(
            "process {other} ({program}), which is stopped: `kill -CONT {other}` continues it, `kill -KILL {other}` \
             ends it"
        ),
        Ok(other) => format!("process {other} ({program})"),
    }
}

/// Whether a process was stopped by a signal, as far as this machine tells.
fn is_stopped(process_id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    // The state follows the name of the program, which is in parentheses and may contain any character.
    let state = status.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('T' | 't'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_the_process() {
        assert_eq!(describe(""), "another process");
        assert_eq!(describe("no number\n"), "another process");
        let own = std::process::id();
        assert_eq!(
            describe(&format!("{own} tollbook serve  \n")),
            format!("this process ({})", "tollbook serve")
        );
        // No process has this number: it is above the limit of the kernel.
        assert_eq!(describe("4194305 tollbook orders import\n"), "process 4194305 (tollbook orders import)");
    }

    #[test]
    fn a_long_name_is_cut_at_a_character() {
        let paths = LockPaths::new(Path::new("/nowhere/x"), &"é".repeat(200));
        assert_eq!(paths.note.last(), Some(&b'\n'));
        assert!(std::str::from_utf8(&paths.note).is_ok());
    }
}
