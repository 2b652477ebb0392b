//! A writer for the log that never blocks, never fails and never panics: lines are queued for a thread, and lost if the
//! queue is full or the write fails. Lost lines are counted, and reported when the log can be written again.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tollbook_ops::tasks::LostLines;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Most queued lines.
const QUEUED_LINES: usize = 16_384;
/// Most bytes of queued lines.
const QUEUED_BYTES: usize = 8 << 20;
/// How long the end of the process waits for queued lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Queues lines for the thread that writes them.
#[derive(Clone)]
pub(super) struct LossyLog {
    queue: SyncSender<Message>,
    queued_bytes: Arc<AtomicUsize>,
    lost: Arc<LostLines>,
    /// Whether each line begins with the priority of its event, as the systemd journal reads it.
    has_priorities: bool,
    /// The priority of the event that is being written; empty if there is none.
    priority: &'static str,
}

enum Message {
    Line(Vec<u8>),
    /// Everything before it has been written or lost when the sender is dropped.
    Flush(SyncSender<()>),
}

/// Waits on drop until the queued lines are written, but not for long: a reader that does not read must not keep the
/// process from ending.
pub(crate) struct FlushOnDrop(SyncSender<Message>);

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        let (written, wait) = sync_channel(1);
        // With a full queue, no program reads the log.
        if self.0.try_send(Message::Flush(written)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

impl LossyLog {
    /// Starts the thread that writes to `file`. `report` logs how many lines were lost; it is called on that thread, and
    /// what it logs is written at once.
    pub(super) fn start(
        file: impl Write + Send + 'static,
        has_priorities: bool,
        report: impl Fn(u64) + Send + 'static,
    ) -> (Self, FlushOnDrop) {
        let (queue, lines) = sync_channel(QUEUED_LINES);
        let log = Self {
            queue: queue.clone(),
            queued_bytes: Arc::default(),
            lost: Arc::new(LostLines::default()),
            has_priorities,
            priority: "",
        };
        let writer = Writer {
            file,
            is_torn: false,
            queued_bytes: Arc::clone(&log.queued_bytes),
            lost: Arc::clone(&log.lost),
            reported: 0,
        };
        // Without the thread, all lines are lost, which is better than no server.
        let _ = std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&lines, &report));
        (log, FlushOnDrop(queue))
    }

    /// The lines that were lost.
    pub(super) fn lost(&self) -> &Arc<LostLines> {
        &self.lost
    }

    fn queue(&self, line: &[u8]) {
        let queued = self.queued_bytes.fetch_add(line.len(), Ordering::Relaxed);
        if queued > QUEUED_BYTES {
            self.queued_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.lost.add_one();
            return;
        }
        match self.queue.try_send(Message::Line(line.to_vec())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.queued_bytes.fetch_sub(line.len(), Ordering::Relaxed);
                self.lost.add_one();
            }
        }
    }
}

thread_local! {
    /// What the writing thread itself logs, instead of queueing it.
    static REPORT: Cell<Option<Vec<u8>>> = const { Cell::new(None) };
}

/// Each call of `write` is one line.
impl Write for LossyLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len();
        let line = &*prioritized(self.priority, line);
        let is_report = REPORT.with(|report| {
            let taken = report.take();
            let is_report = taken.is_some();
            report.set(taken.map(|mut text| {
                text.extend_from_slice(line);
                text
            }));
            is_report
        });
        if !is_report {
            self.queue(line);
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LossyLog {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }

    fn make_writer_for(&self, event: &Metadata<'_>) -> Self {
        let priority = if self.has_priorities { priority(*event.level()) } else { "" };
        Self { priority, ..self.clone() }
    }
}

/// The priority of a level, in the form of sd-daemon(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// A text with a priority before each of its lines, because the journal makes an entry of each.
fn prioritized<'a>(priority: &str, text: &'a [u8]) -> Cow<'a, [u8]> {
    if priority.is_empty() {
        return text.into();
    }
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| [priority.as_bytes(), line].concat()).collect::<Vec<u8>>().into()
}

/// The thread that writes.
struct Writer<W> {
    file: W,
    /// The last line was written in part.
    is_torn: bool,
    queued_bytes: Arc<AtomicUsize>,
    lost: Arc<LostLines>,
    /// The lost lines that were reported.
    reported: u64,
}

impl<W: Write> Writer<W> {
    fn run(mut self, lines: &Receiver<Message>, report: &impl Fn(u64)) {
        while let Ok(message) = lines.recv() {
            let line = match message {
                Message::Line(line) => line,
                Message::Flush(written) => {
                    drop(written);
                    continue;
                }
            };
            self.queued_bytes.fetch_sub(line.len(), Ordering::Relaxed);
            // The loss is reported where it happened: before the first line after it.
            if self.lost.count() > self.reported {
                self.report(report);
            }
            if self.write(&line).is_err() {
                self.lost.add_one();
            } else if self.lost.count() > self.reported {
                // Lines were lost while this one was written, because no program read them.
                self.report(report);
            }
        }
    }

    /// Reports the lost lines, if that can be written. A report that cannot be is no further loss.
    fn report(&mut self, report: &impl Fn(u64)) {
        let lost = self.lost.count();
        REPORT.set(Some(Vec::new()));
        report(lost - self.reported);
        let text = REPORT.take().unwrap_or_default();
        if self.write(&text).is_ok() {
            self.reported = lost;
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.write_pieces(b"\n")?;
            self.is_torn = false;
        }
        self.write_pieces(line)
    }

    fn write_pieces(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            match self.file.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    left = &left[written..];
                    // Until its line end is written.
                    self.is_torn = !left.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::*;

    /// A file whose next writes have these results; then everything is written.
    struct Scripted {
        results: Vec<io::Result<usize>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let result = if self.results.is_empty() { Ok(bytes.len()) } else { self.results.remove(0) };
            if let Ok(count) = result {
                self.written.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
            result
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn full() -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    /// Writes lines one after the other to a scripted file. Returns what it has, and the number of lost lines.
    fn write(lines: &[&str], results: Vec<io::Result<usize>>) -> (String, u64) {
        let written = Arc::new(Mutex::new(Vec::new()));
        let file = Scripted { results, written: Arc::clone(&written) };
        let (reporter, reports) = channel::<LossyLog>();
        let of_thread = std::cell::OnceCell::new();
        let (mut log, flush) = LossyLog::start(file, false, move |lost| {
            let log: &LossyLog = of_thread.get_or_init(|| reports.recv().unwrap());
            log.clone().write_all(format!("{lost} lost\n").as_bytes()).unwrap();
        });
        reporter.send(log.clone()).unwrap();
        for line in lines {
            log.write_all(line.as_bytes()).unwrap();
        }
        drop(flush);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        (text, log.lost().count())
    }

    #[test]
    fn lines_are_written_in_order() {
        assert_eq!(write(&["a\n", "b\n"], vec![]), ("a\nb\n".to_owned(), 0));
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_reported_later() {
        // The first two lines fail, and so does the report before the second one.
        let results = vec![full(), full(), full()];
        assert_eq!(write(&["a\n", "b\n", "c\n", "d\n"], results), ("2 lost\nc\nd\n".to_owned(), 2));
    }

    #[test]
    fn a_line_that_was_written_in_part_ends_before_the_next_one() {
        let results = vec![Ok(1), full()];
        assert_eq!(write(&["abc\n", "d\n"], results), ("a\n1 lost\nd\n".to_owned(), 1));
    }

    #[test]
    fn a_log_that_no_program_reads_loses_lines_and_does_not_block() {
        struct Unread(Receiver<()>);
        impl Write for Unread {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                // Ends with the test.
                let _ = self.0.recv();
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (_never, unread) = channel();
        let (mut log, flush) = LossyLog::start(Unread(unread), false, |_| {});
        // One more line may be in the hands of the thread.
        for _ in 0..QUEUED_LINES + 2 {
            log.write_all(b"x\n").unwrap();
        }
        assert!(log.lost().count() >= 1);
        drop(flush);
    }

    #[test]
    fn every_line_for_the_journal_begins_with_a_priority() {
        assert_eq!(&*prioritized("<4>", b"one\ntwo\n"), b"<4>one\n<4>two\n");
        assert_eq!(&*prioritized("", b"one\n"), b"one\n");
        assert_eq!([Level::ERROR, Level::INFO, Level::TRACE].map(priority), ["<3>", "<6>", "<7>"]);
    }
}
