//! Parameters of routes: where they stand, and which values they have.

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    /// A member of the JSON object that is the body.
    Body,
}

/// The shape of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number within bounds, both inclusive.
    Integer(i64, i64),
    Text,
    /// A decimal number as text, without a sign.
    Amount,
    /// The same, with a minus sign or without.
    Change,
    Flag,
    Choice(&'static [&'static str]),
    Texts,
    Integers,
    /// Objects, whose members the operation reads.
    Objects,
}

/// A parameter of a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) shape: Shape,
    pub(super) is_required: bool,
    /// Whether null is a value of its own, which the meaning explains.
    pub(super) may_be_null: bool,
    pub(super) meaning: &'static str,
}

impl Parameter {
    const fn new(name: &'static str, place: Place, shape: Shape, meaning: &'static str) -> Self {
        Self { name, place, shape, is_required: false, may_be_null: false, meaning }
    }

    pub(super) const fn path(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { is_required: true, ..Self::new(name, Place::Path, shape, meaning) }
    }

    pub(super) const fn query(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self::new(name, Place::Query, shape, meaning)
    }

    pub(super) const fn member(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self::new(name, Place::Body, shape, meaning)
    }

    pub(super) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub(super) const fn or_null(self) -> Self {
        Self { may_be_null: true, ..self }
    }
}
