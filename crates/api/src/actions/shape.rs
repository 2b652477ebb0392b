//! The types in which actions describe their parameters and answers. Dispatch, the reference page and the `OpenAPI`
//! document read them.

use std::borrow::Cow;

use tollbook_export::fields::{Field, FieldKind};

/// A parameter of an action.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Name, without the `.N` of a list.
    pub name: &'static str,
    /// Type.
    pub shape: ParameterShape,
    /// Whether requests must have it.
    pub required: bool,
    /// Whether it is an extension of Tollbook, not in the published pages.
    pub extension: bool,
    /// Meaning.
    pub meaning: Meaning,
}

/// The meaning of a parameter, as descriptions print it.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// A fixed text.
    Text(&'static str),
    /// A text that is made of another table.
    Computed(fn() -> String),
}

impl Meaning {
    /// The text.
    pub fn text(self) -> Cow<'static, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Computed(text) => Cow::Owned(text()),
        }
    }
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterShape {
    /// An integer between two bounds, both allowed.
    Integer(i64, i64),
    /// A string.
    Text,
    /// A list of integers.
    Integers,
    /// A list of strings.
    Texts,
    /// A list of at most so many strings.
    FewTexts(usize),
    /// `true` or `false`.
    Flag,
}

impl ParameterShape {
    /// Whether a parameter has a list of values, whose names may have an index.
    pub const fn is_list(self) -> bool {
        match self {
            Self::Integers | Self::Texts | Self::FewTexts(_) => true,
            Self::Integer(..) | Self::Text | Self::Flag => false,
        }
    }
}

/// A member of an answer.
#[derive(Clone, Copy)]
pub struct Member {
    /// Exact spelling.
    pub name: &'static str,
    /// Type.
    pub shape: MemberShape,
    /// Meaning.
    pub meaning: &'static str,
    /// Whether every successful answer has it.
    pub always: bool,
}

/// The type of a member.
#[derive(Clone, Copy)]
pub enum MemberShape {
    /// An integer.
    Integer,
    /// A string.
    Text,
    /// An object of the named type.
    Object(&'static str, fn() -> Vec<Described>),
    /// A list of objects of the named type.
    List(&'static str, fn() -> Vec<Described>),
}

/// A member of an object in an answer.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Exact spelling.
    pub name: &'static str,
    /// `string`, `integer` or `boolean`.
    pub json_type: &'static str,
    /// Meaning.
    pub meaning: &'static str,
}

impl Described {
    /// A member of an object.
    pub(crate) const fn new(name: &'static str, json_type: &'static str, meaning: &'static str) -> Self {
        Self { name, json_type, meaning }
    }
}

/// The members of an object that is written from a field table.
pub(super) fn describe<F>(fields: &[Field<F>]) -> Vec<Described> {
    fields
        .iter()
        .map(|field| Described {
            name: field.name,
            json_type: match field.kind {
                FieldKind::Text | FieldKind::Decimal { .. } | FieldKind::TextTime => "string",
                FieldKind::Integer | FieldKind::WideInteger | FieldKind::Time => "integer",
            },
            meaning: field.meaning,
        })
        .collect()
}

/// An integer that every successful answer has.
pub(super) const fn integer(name: &'static str, meaning: &'static str) -> Member {
    Member { name, shape: MemberShape::Integer, meaning, always: true }
}

/// A string that every successful answer has.
pub(super) const fn text(name: &'static str, meaning: &'static str) -> Member {
    Member { name, shape: MemberShape::Text, meaning, always: true }
}

/// A list of objects that every successful answer has.
pub(super) const fn list(
    name: &'static str,
    object: &'static str,
    members: fn() -> Vec<Described>,
    meaning: &'static str,
) -> Member {
    Member { name, shape: MemberShape::List(object, members), meaning, always: true }
}
