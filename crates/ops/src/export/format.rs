//! The forms in which an export can be had, and what each is called.

use std::fmt;
use std::str::FromStr;

/// What a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// An Excel workbook.
    #[default]
    Workbook,
}

/// Not the name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {}", Format::NAMES)]
pub struct UnknownFormat;

impl Format {
    /// All names, for people.
    pub const NAMES: &str = "xlsx";

    /// The value of `Format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workbook => "xlsx",
        }
    }

    /// Whether order summaries can be had in it.
    pub fn has_summary(self) -> bool {
        match self {
            Self::Workbook => true,
        }
    }

    /// What follows the dot in the name of a file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Workbook => "xlsx",
        }
    }

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Workbook => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "xlsx" => Ok(Self::Workbook),
            _ => Err(UnknownFormat),
        }
    }
}
