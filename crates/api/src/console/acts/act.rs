//! What an act is: its form, what runs it, and what a person sees.

use crate::console::text::Text;

/// An act.
pub struct Act {
    /// The last part of its path.
    pub name: &'static str,
    /// The values that its form has, in their order.
    pub fields: &'static [Field],
    pub(in crate::console) title: Text,
    /// What is to be known before it is done.
    pub(in crate::console) hint: Option<Text>,
    pub(in crate::console) run: Run,
    /// Values that the form does not ask for.
    pub(in crate::console) fixed: &'static [(&'static str, Fixed)],
    pub(in crate::console) preview: Preview,
    /// The command that does the same, without the values of the fields.
    pub(in crate::console) command: &'static str,
    /// The page that it belongs to.
    pub(in crate::console) page: &'static str,
    /// What the person sees afterwards.
    pub(in crate::console) after: After,
}

/// A value of a form.
pub struct Field {
    /// The parameter of the route.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The option of the command; empty: it stands behind the options.
    pub(in crate::console) option: &'static str,
    pub(in crate::console) is_required: bool,
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
pub(in crate::console) enum Fixed {
    Yes,
    No,
}

/// How a person sees what would be done before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Preview {
    None,
    /// It is done unless `DryRun` is stated.
    UnlessDryRun,
    /// It is done if `Apply` is stated.
    IfApply,
}

/// What runs an act.
#[derive(Clone, Copy)]
pub(in crate::console) enum Run {
    /// A route of the operator's API, by its name.
    Route(&'static str),
    /// An operation on users.
    User(UserAct),
}

/// What a person sees after an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum After {
    /// The page that it was done from, with a notice.
    Page,
    /// What was done.
    Answer,
}

/// An act on a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum UserAct {
    Invite,
    SetRole,
    Disable,
    Enable,
}
