//! Values of a published list with the paths to them, for errors.

use serde_json::{Map, Value};

use crate::text::check_text;

/// An error in the list.
pub(super) struct NodeError {
    /// Path to the value.
    pub(super) key: String,
    /// Lowercase, no full stop.
    pub(super) reason: String,
}

/// Result of reading a value.
pub(super) type NodeResult<T> = Result<T, NodeError>;

/// A value with the path to it, which has the ids of the entries of lists.
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) path: String,
}

impl<'a> Node<'a> {
    pub(super) fn wrong<T>(&self, reason: impl Into<String>) -> NodeResult<T> {
        Err(NodeError { key: self.path.clone(), reason: reason.into() })
    }

    pub(super) fn object(&self) -> NodeResult<&'a Map<String, Value>> {
        self.value.as_object().map_or_else(|| self.wrong("must be an object"), Ok)
    }

    pub(super) fn array(&self) -> NodeResult<&'a [Value]> {
        self.value.as_array().map_or_else(|| self.wrong("must be an array"), |array| Ok(array.as_slice()))
    }

    pub(super) fn text(&self) -> NodeResult<&'a str> {
        let Some(text) = self.value.as_str() else { return self.wrong("must be a text") };
        check_text(text).or_else(|reason| self.wrong(reason)).map(|()| text)
    }

    pub(super) fn child(&self, key: &str, value: &'a Value) -> Self {
        let path = match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        };
        Node { value, path }
    }

    pub(super) fn get(&self, key: &str) -> NodeResult<Option<Self>> {
        let value = self.object()?.get(key).filter(|value| !value.is_null());
        Ok(value.map(|value| self.child(key, value)))
    }

    pub(super) fn need(&self, key: &str) -> NodeResult<Self> {
        self.get(key)?.map_or_else(|| self.wrong(format!("must have {key:?}")), Ok)
    }

    /// Refuses an object with other members: they could change what the known ones mean.
    pub(super) fn known(&self, known: &[&str]) -> NodeResult<()> {
        match self.object()?.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, value)) => {
                self.child(key, value).wrong(format!("is not known; known are {}", known.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// The entries of a list with their ids, which must not be empty.
    pub(super) fn entries(&self) -> NodeResult<Vec<(&'a str, Self)>> {
        let entry = |(index, value): (usize, &'a Value)| {
            let entry = self.child(&index.to_string(), value);
            let id = entry.need("id")?;
            match id.text()? {
                "" => id.wrong("must not be empty"),
                id => Ok((id, self.child(id, value))),
            }
        };
        self.array()?.iter().enumerate().map(entry).collect()
    }
}
