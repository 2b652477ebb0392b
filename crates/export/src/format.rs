//! The formats of exports and their names.

use std::fmt;
use std::str::FromStr;

/// The format of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// An Excel workbook.
    #[default]
    Workbook,
    /// An Excel workbook that begins with a sheet of its totals.
    Bill,
    /// Comma-separated values (RFC 4180) with the columns of the workbook.
    Csv,
    /// The same, compressed with gzip (RFC 1952).
    CsvGzip,
    /// Typed columns for programs: Apache Parquet with the fields of the API.
    Parquet,
    /// The FinOps Open Cost and Usage Specification, as comma-separated values.
    FocusCsv(FocusVersion),
    /// The same, as Apache Parquet.
    FocusParquet(FocusVersion),
}

/// Versions of the FinOps Open Cost and Usage Specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FocusVersion {
    /// 1.0: 43 columns.
    V1_0,
    /// 1.2, with the columns of 1.1: 57 columns.
    V1_2,
    /// 1.3, which names service and host providers: 65 columns.
    V1_3,
    /// 1.4, without the provider columns that 1.3 replaced: 65 columns.
    V1_4,
}

impl FocusVersion {
    /// The version number in the specification.
    pub fn number(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
        }
    }
}

/// What separates the cells of comma-separated values, and the decimal sign of its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Separator {
    /// A comma. Decimals have a point.
    #[default]
    Comma,
    /// A semicolon, for spreadsheets in languages whose decimals have a comma, as the file's then do.
    Semicolon,
    /// The same after a first line `sep=;`, for spreadsheets that are set to split at another character.
    SemicolonNamed,
    /// A tab. Decimals have a point.
    Tab,
}

impl Separator {
    /// In documentation order.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::SemicolonNamed, Self::Tab];
    /// All names, for messages.
    pub const NAMES: &str = "comma, semicolon, semicolon-named, tab";

    /// The value of the parameter `Separator`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
            Self::SemicolonNamed => "semicolon-named",
            Self::Tab => "tab",
        }
    }

    /// The character between two cells.
    pub(crate) fn character(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon | Self::SemicolonNamed => ';',
            Self::Tab => '\t',
        }
    }

    /// The decimal sign.
    pub(crate) fn decimal_sign(self) -> char {
        match self {
            Self::Comma | Self::Tab => '.',
            Self::Semicolon | Self::SemicolonNamed => ',',
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of a separator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", Separator::NAMES)]
pub struct UnknownSeparator;

impl FromStr for Separator {
    type Err = UnknownSeparator;

    fn from_str(name: &str) -> Result<Self, UnknownSeparator> {
        Self::ALL.into_iter().find(|separator| separator.name() == name).ok_or(UnknownSeparator)
    }
}

/// The text is not the name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", Format::NAMES)]
pub struct UnknownFormat;

/// The names of a format.
struct Naming {
    format: Format,
    /// The value of the parameter `Format`, then aliases.
    names: &'static [&'static str],
    /// File name extension, without the dot.
    extension: &'static str,
    content_type: &'static str,
}

const CSV: &str = "text/csv; charset=utf-8";
const PARQUET: &str = "application/vnd.apache.parquet";

/// In documentation order.
const NAMINGS: [Naming; 13] = [
    Naming {
        format: Format::Workbook,
        names: &["xlsx"],
        extension: "xlsx",
        content_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    },
    Naming {
        format: Format::Bill,
        names: &["bill"],
        extension: "bill.xlsx",
        content_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    },
    Naming { format: Format::Csv, names: &["csv"], extension: "csv", content_type: CSV },
    Naming {
        format: Format::CsvGzip,
        names: &["csv.gz"],
        extension: "csv.gz",
        content_type: "application/gzip",
    },
    Naming { format: Format::Parquet, names: &["parquet"], extension: "parquet", content_type: PARQUET },
    Naming {
        format: Format::FocusCsv(FocusVersion::V1_0),
        names: &["focus", "focus-1.0"],
        extension: "focus-1.0.csv",
        content_type: CSV,
    },
    Naming {
        format: Format::FocusParquet(FocusVersion::V1_0),
        names: &["focus.parquet", "focus-1.0.parquet"],
        extension: "focus-1.0.parquet",
        content_type: PARQUET,
    },
    Naming {
        format: Format::FocusCsv(FocusVersion::V1_2),
        names: &["focus-1.2"],
        extension: "focus-1.2.csv",
        content_type: CSV,
    },
    Naming {
        format: Format::FocusParquet(FocusVersion::V1_2),
        names: &["focus-1.2.parquet"],
        extension: "focus-1.2.parquet",
        content_type: PARQUET,
    },
    Naming {
        format: Format::FocusCsv(FocusVersion::V1_3),
        names: &["focus-1.3"],
        extension: "focus-1.3.csv",
        content_type: CSV,
    },
    Naming {
        format: Format::FocusParquet(FocusVersion::V1_3),
        names: &["focus-1.3.parquet"],
        extension: "focus-1.3.parquet",
        content_type: PARQUET,
    },
    Naming {
        format: Format::FocusCsv(FocusVersion::V1_4),
        names: &["focus-1.4"],
        extension: "focus-1.4.csv",
        content_type: CSV,
    },
    Naming {
        format: Format::FocusParquet(FocusVersion::V1_4),
        names: &["focus-1.4.parquet"],
        extension: "focus-1.4.parquet",
        content_type: PARQUET,
    },
];

impl Format {
    /// All names, for messages.
    pub const NAMES: &str = "xlsx, bill, csv, csv.gz, parquet, focus, focus.parquet, focus-1.2, focus-1.2.parquet, \
                             focus-1.3, focus-1.3.parquet, focus-1.4, focus-1.4.parquet";

    /// Every format, in the order of [`NAMES`](Self::NAMES).
    pub fn all() -> impl Iterator<Item = Self> {
        NAMINGS.iter().map(|naming| naming.format)
    }

    /// The value of the parameter `Format`.
    pub fn name(self) -> &'static str {
        self.naming().names.first().copied().unwrap_or_default()
    }

    /// Whether order summaries can be exported in this format.
    pub fn has_summary(self) -> bool {
        match self {
            Self::Workbook | Self::Bill | Self::Csv | Self::CsvGzip | Self::Parquet => true,
            Self::FocusCsv(_) | Self::FocusParquet(_) => false,
        }
    }

    /// Whether the cells can be separated by another character than a comma.
    pub fn has_separator(self) -> bool {
        matches!(self, Self::Csv | Self::CsvGzip)
    }

    /// File name extension, without the dot.
    pub fn extension(self) -> &'static str {
        self.naming().extension
    }

    /// The value of the HTTP header `Content-Type`.
    pub fn content_type(self) -> &'static str {
        self.naming().content_type
    }

    fn naming(self) -> &'static Naming {
        NAMINGS
            .iter()
            .find(|naming| naming.format == self)
            .expect("a test checks that every format has a name")
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
        let found = NAMINGS.iter().find(|naming| naming.names.contains(&name));
        found.map(|naming| naming.format).ok_or(UnknownFormat)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_belongs_to_one_format() {
        let names: Vec<&str> = Format::all().map(Format::name).collect();
        assert_eq!(names.join(", "), Format::NAMES);
        let taken: Vec<&str> = NAMINGS.iter().flat_map(|naming| naming.names).copied().collect();
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), taken.len());
        for naming in &NAMINGS {
            assert!(naming.names.iter().all(|name| name.parse() == Ok(naming.format)));
            assert_eq!(naming.format.to_string(), naming.names[0]);
        }
        for name in ["", "CSV", "xls", "csv.zst", " csv"] {
            assert_eq!(name.parse::<Format>(), Err(UnknownFormat), "{name}");
        }
        assert_eq!(UnknownFormat.to_string(), format!("must be one of {}", Format::NAMES));
    }

    #[test]
    fn every_separator_has_a_name() {
        assert_eq!(Separator::ALL.map(Separator::name).join(", "), Separator::NAMES);
        for separator in Separator::ALL {
            assert_eq!(separator.to_string().parse(), Ok(separator));
        }
        for name in ["", ";", "Comma", "sep=;"] {
            assert_eq!(name.parse::<Separator>(), Err(UnknownSeparator), "{name}");
        }
    }

    #[test]
    fn every_format_has_its_own_extension() {
        let formats: HashSet<Format> = Format::all().collect();
        assert_eq!(formats.len(), NAMINGS.len());
        let extensions: HashSet<&str> = Format::all().map(Format::extension).collect();
        assert_eq!(extensions.len(), NAMINGS.len());
        assert_eq!(Format::default().extension(), "xlsx");
    }
}
