//! Temporary files for exports before they become objects: the files, their directory, which several servers share,
//! and the limits on the disk that they take.

mod budget;
mod directory;
mod file;
mod folder;

pub use budget::{SpoolLimits, free_bytes};
pub(crate) use directory::SpoolDirectory;
pub(crate) use file::FinishedSpool;
pub use file::{SpoolFile, Stored};
pub(crate) use folder::JOURNAL_EXTENSION;
