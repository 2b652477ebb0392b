//! Dictionaries of a column: each distinct value once, and for each row the number of its value.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::columns::Values;

/// Distinct values in the order of their first appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Dictionary {
    values: Values,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Dictionary {
    /// The distinct values.
    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// The number of an encoded value, which is added if it is new.
    pub(super) fn number(&mut self, value: &[u8]) -> u32 {
        let Self { values, numbers, hasher } = self;
        let hash = hasher.hash_one(value);
        let entry = numbers.entry(
            hash,
            |known| values.get(*known as usize) == value,
            |known| hasher.hash_one(values.get(*known as usize)),
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(known) => *known.get(),
            hashbrown::hash_table::Entry::Vacant(vacant) => {
                let number = u32::try_from(values.len()).expect("a dictionary has fewer values than 2³²");
                vacant.insert(number);
                values.push_encoded(value);
                number
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.numbers.clear();
    }
}

/// The limits of a dictionary that is made from values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) values: usize,
    pub(super) bytes: usize,
}

/// Values read before it is decided that most are distinct.
const SAMPLE: usize = 2_048;

/// A dictionary of all values with the number of each. `None` if it exceeds the limits or if more than half of the values
/// are distinct: it would make the column larger.
pub(super) fn of(values: &Values, limits: Limits) -> Option<(Dictionary, Vec<u32>)> {
    let mut dictionary = Dictionary::default();
    let mut numbers = Vec::with_capacity(values.len());
    let mut last: Option<(&[u8], u32)> = None;
    for value in values.iter() {
        let number = match last {
            Some((same, number)) if same == value => number,
            _ => dictionary.number(value),
        };
        last = Some((value, number));
        numbers.push(number);
        let distinct = &dictionary.values;
        if distinct.len() > limits.values
            || distinct.bytes().len() > limits.bytes
            || (numbers.len() >= SAMPLE && distinct.len() > numbers.len() / 2)
        {
            return None;
        }
    }
    (dictionary.values.len() <= numbers.len().div_ceil(2)).then_some((dictionary, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::columns::Value;

    const LIMITS: Limits = Limits { values: 100, bytes: 1_000 };

    fn texts(texts: impl Iterator<Item = String>) -> Values {
        let mut values = Values::default();
        texts.for_each(|text| values.push(Value::Text(&text)));
        values
    }

    #[test]
    fn equal_values_share_a_number() {
        let values = texts(["a", "b", "b", "", "a", "", "b"].map(str::to_owned).into_iter());
        let (dictionary, numbers) = of(&values, LIMITS).unwrap();
        assert_eq!(numbers, [0, 1, 1, 2, 0, 2, 1]);
        let found: Vec<&[u8]> = dictionary.values().iter().collect();
        assert_eq!(found, [&b"\x01\0\0\0a"[..], b"\x01\0\0\0b", b"\0\0\0\0"]);
        let (dictionary, numbers) = of(&Values::default(), LIMITS).unwrap();
        assert_eq!((dictionary.values().len(), numbers.len()), (0, 0));
    }

    #[test]
    fn a_dictionary_that_does_not_pay_is_abandoned() {
        let cycle =
            |distinct: usize, count: usize| texts((0..count).map(move |n| (n % distinct).to_string()));
        for (values, fits) in [
            (cycle(100, 10_000), true),
            (cycle(101, 10_000), false),
            (cycle(50, 100), true),
            (cycle(51, 100), false),
            // 60 values of 20 bytes are more than 1,000 bytes.
            (texts((0..1_000).map(|n| format!("{:016}", n % 60))), false),
        ] {
            assert_eq!(of(&values, LIMITS).is_some(), fits, "{} values", values.len());
        }
    }
}
