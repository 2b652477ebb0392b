//! Comparison of answers: all methods must find the same.

use crate::result::Result;

/// Fails unless an answer equals the expected one.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result {
    if found == expected { Ok(()) } else { Err(format!("found {found:?} instead of {expected:?}").into()) }
}
