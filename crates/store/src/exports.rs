//! What the store takes and gives around exports: plain values, no statements. What an export contains and where its file
//! lies, it does not know: those are texts that it hands back.

/// Most bytes of [`ExportFile::file`].
pub const LONGEST_FILE: usize = 4 << 10;
/// Most bytes of [`NewExportJob::job_id`].
pub const LONGEST_JOB_ID: usize = 64;

/// An export that lies in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// When it came to lie there, Unix seconds.
    pub stored_s: i64,
    /// Which file it is, in the words of whoever made it; at most [`LONGEST_FILE`] bytes.
    pub file: String,
}

/// An export that is to be made in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExportJob {
    /// Whose orders.
    pub company_id: i64,
    /// Names it within its company; at most [`LONGEST_JOB_ID`] bytes.
    pub job_id: String,
    /// The API key that asked for it.
    pub public_key: String,
    /// When, Unix seconds.
    pub made_s: i64,
    /// What is to be made, in the words of whoever makes it.
    pub request: String,
}

/// How far an export in the background is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportState {
    /// Nobody works at it.
    Waiting,
    /// Its holder works at it, or has died over it.
    Running,
    /// It was made.
    Done,
    /// It was given up.
    Failed,
}

impl ExportState {
    /// Whether nothing more will come of it.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }

    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Failed => 3,
        }
    }

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Waiting, Self::Running, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.number() == number)
    }
}

/// An export in the background as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportJob {
    /// What was asked for.
    pub asked: NewExportJob,
    /// How far it is.
    pub state: ExportState,
    /// Who works at it; empty unless it is running.
    pub holder: String,
    /// Until when it is the holder's, Unix seconds; 0 unless it is running.
    pub held_until_s: i64,
    /// Orders that the present attempt has written.
    pub rows_done: i64,
    /// Orders that there are to write; 0 until that is known.
    pub rows_total: i64,
    /// What came of it, in the words of whoever made it; empty until it has ended.
    pub outcome: String,
    /// When it ended, Unix seconds.
    pub ended_s: Option<i64>,
    /// How many times it was taken.
    pub attempts: i64,
}
