//! What operators do in the console: one table of acts. Each has a form, the route of the operator's API or the operation of
//! `ops` that it runs, and the command that does the same.

mod command;
mod own;
mod run;
mod table;
mod values;

pub use table::ACTS;

pub(super) use command::{command_text, quoted};
pub(super) use run::{ActError, Done, run};
pub(super) use values::{KEY, file_fields, file_of, new_key};

use super::text::Text;

/// An act.
pub struct Act {
    /// The last part of its path.
    pub name: &'static str,
    /// The values that its form has, in their order.
    pub fields: &'static [Field],
    pub(super) title: Text,
    /// What is to be known before it is done.
    pub(super) hint: Option<Text>,
    pub(super) run: Run,
    /// Values that the form does not ask for.
    pub(super) fixed: &'static [(&'static str, Fixed)],
    pub(super) preview: Preview,
    /// The command that does the same, without the values of the fields.
    pub(super) command: &'static str,
    /// The page that it belongs to.
    pub(super) page: &'static str,
    /// What the person sees afterwards.
    pub(super) after: After,
}

/// A value of a form.
pub struct Field {
    /// The parameter of the route.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The option of the command; empty: it stands behind the options.
    pub(super) option: &'static str,
    pub(super) is_required: bool,
}

/// What a field is.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A number that the link to the form states.
    SubjectNumber,
    /// A text that the link to the form states.
    SubjectText,
    /// A text of one line.
    Text,
    /// A whole number.
    Number,
    /// A decimal number.
    Amount,
    /// The start of a day of the brand's time zone.
    Day,
    /// One of these names.
    Choice(&'static [&'static str]),
    /// Any of these names.
    Many(&'static [&'static str]),
    /// Texts with white space or commas between them.
    Words,
    /// The same of numbers.
    Numbers,
    /// Yes, or nothing.
    Flag,
    /// A record to void; its source is the field `Source`.
    VoidedRecord,
    /// A record of usage as JSON, or an array of them.
    Records,
    /// A file.
    File,
}

/// A value that an act always has.
#[derive(Clone, Copy)]
pub(super) enum Fixed {
    Yes,
    No,
}

/// How a person sees what would be done before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preview {
    None,
    /// It is done unless `DryRun` is stated.
    UnlessDryRun,
    /// It is done if `Apply` is stated.
    IfApply,
}

/// What runs an act.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// A route of the operator's API, by its name.
    Route(&'static str),
    /// An operation on users.
    User(own::UserAct),
}

/// What a person sees after an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The page that it was done from, with a notice.
    Page,
    /// What was done.
    Answer,
}

/// The act of a name.
pub(super) fn find(name: &str) -> Option<&'static Act> {
    ACTS.iter().find(|act| act.name == name)
}
