//! The columns that all orders of a line share. The values of a line are made once; a row is the number of its line, and
//! its dictionary index in a column is looked up by that number.

use tollbook_store::LineNo;

use super::columns::{Value, Values};
use super::dictionary::Dictionary;
use crate::error::ExportError;

/// Lines after which a row group begins with an empty table, some 500 bytes each, so that memory is bounded.
const MAX_LINES: usize = 32_768;

/// The number of a null, in place of that of a value.
const NULL: u32 = u32::MAX;

/// Makes the values of a line and passes that of each column on, in column order.
pub(super) type MakeLine<'a> =
    Box<dyn FnMut(LineNo, &mut dyn FnMut(Value<'_>)) -> Result<(), ExportError> + Send + 'a>;

/// Values of lines, and the lines of the rows of the open row group.
pub(super) struct LineTable<'a> {
    make: MakeLine<'a>,
    columns: Vec<LineColumn>,
    /// Known lines after which a row group begins with an empty table.
    max_lines: usize,
    /// By line number: one more than its place among the known lines, 0 if it is not known.
    places: Vec<u32>,
    /// For each known line, the number of its value in each column.
    numbers: Vec<u32>,
    group: Group,
}

/// One of the columns.
struct LineColumn {
    nullable: bool,
    values: Dictionary,
}

/// The lines of a row group, in the order of their first row.
#[derive(Default)]
struct Group {
    /// Places of the lines.
    lines: Vec<u32>,
    /// By place: one more than the index in `lines`, 0 if the line has no row.
    indices: Vec<u32>,
    /// For each row, the index of its line.
    rows: Vec<u32>,
}

/// The rows of a group in one column.
pub(super) struct DictionaryRows {
    /// The distinct values in the group.
    pub(super) values: Values,
    /// For each row that is not null, the number of its value.
    pub(super) numbers: Vec<u32>,
    /// In a nullable column, for each row, whether it has a value.
    pub(super) present: Option<Vec<bool>>,
}

impl<'a> LineTable<'a> {
    /// An empty table. `nullable` states for each column whether it may have nulls.
    pub(super) fn new(nullable: impl Iterator<Item = bool>, make: MakeLine<'a>) -> Self {
        Self {
            make,
            columns: nullable
                .map(|nullable| LineColumn { nullable, values: Dictionary::default() })
                .collect(),
            max_lines: MAX_LINES,
            places: Vec::new(),
            numbers: Vec::new(),
            group: Group::default(),
        }
    }

    /// Appends the rows of orders, given by their lines.
    pub(super) fn append(&mut self, lines: &[LineNo]) -> Result<(), ExportError> {
        for line_no in lines {
            let place = match self.places.get(*line_no as usize) {
                Some(known @ 1..) => *known - 1,
                _ => self.learn(*line_no)?,
            };
            self.group.push(place);
        }
        Ok(())
    }

    /// Adds a line to the known ones and returns its place.
    fn learn(&mut self, line_no: LineNo) -> Result<u32, ExportError> {
        let Self { make, columns, places, numbers, group, .. } = self;
        let mut of_line = columns.iter_mut();
        make(line_no, &mut |value| {
            if let Some(column) = of_line.next() {
                numbers.push(column.number(value));
            }
        })?;
        let place = group.indices.len();
        group.indices.push(0);
        let index = line_no as usize;
        if places.len() <= index {
            places.resize(index + 1, 0);
        }
        let place = u32::try_from(place).expect("there are fewer lines than 2³²");
        places[index] = place + 1;
        Ok(place)
    }

    /// The rows of the group in a column.
    pub(super) fn rows(&self, column: usize) -> DictionaryRows {
        let Self { columns, numbers, group, .. } = self;
        let all = columns[column].values.values();
        let mut values = Values::default();
        // Numbers of this group, by the numbers of all known lines.
        let mut renumbered = vec![NULL; all.len()];
        let of_line: Vec<u32> = group
            .lines
            .iter()
            .map(|place| match numbers[*place as usize * columns.len() + column] {
                NULL => NULL,
                number => {
                    let renumbered = &mut renumbered[number as usize];
                    if *renumbered == NULL {
                        *renumbered = u32::try_from(values.len()).expect("fewer values than rows");
                        values.push_encoded(all.get(number as usize));
                    }
                    *renumbered
                }
            })
            .collect();
        let mut numbers: Vec<u32> = group.rows.iter().map(|line| of_line[*line as usize]).collect();
        let nullable = columns[column].nullable;
        let present = nullable.then(|| numbers.iter().map(|number| *number != NULL).collect());
        if nullable {
            numbers.retain(|number| *number != NULL);
        }
        DictionaryRows { values, numbers, present }
    }

    /// Begins the next group.
    pub(super) fn end_group(&mut self) {
        let Self { columns, max_lines, places, numbers, group, .. } = self;
        group.rows.clear();
        for place in group.lines.drain(..) {
            group.indices[place as usize] = 0;
        }
        if group.indices.len() > *max_lines {
            group.indices.clear();
            numbers.clear();
            places.fill(0);
            columns.iter_mut().for_each(|column| column.values.clear());
        }
    }
}

impl LineColumn {
    /// The number of a value in this column.
    fn number(&mut self, value: Value<'_>) -> u32 {
        if value == Value::Null {
            return NULL;
        }
        let mut encoded = Values::default();
        encoded.push(value);
        self.values.number(encoded.bytes())
    }
}

impl Group {
    fn push(&mut self, place: u32) {
        let index = &mut self.indices[place as usize];
        if *index == 0 {
            self.lines.push(place);
            *index = u32::try_from(self.lines.len()).expect("fewer lines than rows");
        }
        self.rows.push(*index - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The texts of the rows of a group; an empty one is null.
    fn texts(table: &LineTable<'_>, column: usize) -> Vec<String> {
        let rows = table.rows(column);
        let mut numbers = rows.numbers.iter();
        let mut next = || {
            let value = rows.values.get(*numbers.next().unwrap() as usize);
            String::from_utf8(value[4..].to_vec()).unwrap()
        };
        let texts = match rows.present {
            Some(present) => {
                present.iter().map(|present| if *present { next() } else { String::new() }).collect()
            }
            None => (0..rows.numbers.len()).map(|_| next()).collect(),
        };
        assert_eq!(numbers.next(), None);
        texts
    }

    #[test]
    fn rows_have_the_values_of_their_lines_in_every_group() {
        let made = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&made);
        let make: MakeLine<'_> = Box::new(move |line_no, each| {
            log.lock().unwrap().push(line_no);
            each(Value::Text(&format!("line {line_no}")));
            each(if line_no % 3 == 0 { Value::Null } else { Value::Text("one") });
            Ok(())
        });
        let mut table = LineTable { max_lines: 4, ..LineTable::new([false, true].into_iter(), make) };
        let groups: [&[LineNo]; 6] =
            [&[7, 7, 2], &[3, 2, 9, 3], &[1_000_000, 2], &[2, 7, 3], &[], &[3, 3, 3]];
        for lines in groups {
            for lines in lines.chunks(2) {
                table.append(lines).unwrap();
            }
            let expected: Vec<String> = lines.iter().map(|line_no| format!("line {line_no}")).collect();
            assert_eq!(texts(&table, 0), expected);
            let nullable: Vec<&str> = lines.iter().map(|no| if no % 3 == 0 { "" } else { "one" }).collect();
            assert_eq!(texts(&table, 1), nullable);
            // Only values of the group are in its dictionary.
            let distinct: HashSet<_> = lines.iter().collect();
            assert_eq!(table.rows(0).values.len(), distinct.len());
            table.end_group();
        }
        // The third group exceeds the limit: the lines after it are made again.
        assert_eq!(*made.lock().unwrap(), [7, 2, 3, 9, 1_000_000, 2, 7, 3]);
    }

    #[test]
    fn an_unknown_line_is_an_error() {
        let make: MakeLine<'_> = Box::new(|_, _| Err(ExportError::Panicked));
        let mut table = LineTable::new([false].into_iter(), make);
        assert!(table.append(&[0]).is_err());
    }
}
