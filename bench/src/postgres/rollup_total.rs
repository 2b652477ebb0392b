//! Totals by a client that reads the store's rollups without the store: one statement adds up whole months, days and hours,
//! and counts the orders at the edges. With a filter it reads the tiles; finding the filter's lines is not counted.

use tokio_postgres::Client;
use tollbook_domain::time::Span;
use tollbook_domain::{Status, TimeRange};

use super::bare::{Bare, Query};
use super::company::Company;
use crate::result::Result;

/// `unit` of days in the rollups.
const DAY: i64 = 1;
/// `unit` of months.
const MONTH: i64 = 2;
/// `unit` of hours, for which there are no tiles.
const HOUR: i64 = 3;
/// Lines per tile.
const CHUNK: usize = 256;

/// The statements for a Total.
pub(super) struct RollupTotal {
    /// Sum of rollups and edges, computed by the server.
    sum: Option<Query>,
    /// Tiles, which the client adds up.
    tiles: Option<Query>,
    /// Whether a line passes the filter, by its number.
    lines: Vec<bool>,
}

impl RollupTotal {
    pub(super) fn prepare(bare: &Bare, company: &Company, range: TimeRange, filtered: bool) -> Result<Self> {
        let status = Status::Paid.number();
        let lines =
            if filtered { format!(" AND line_no IN ({})", company.filtered_lines()) } else { String::new() };
        let mut sum = Statement::of(company);
        let mut tiles = Statement::of(company);
        for span in if filtered { range.cut() } else { range.cut_to_hours() } {
            let (unit, periods) = match span {
                Span::Edge(edge) => {
                    let [start, end] = sum.bind([edge.start_s(), edge.end_s()]);
                    sum.parts.push(format!(
                        "(SELECT count(*) FROM orders WHERE company_id = $1 AND status = {status} \
                         AND start_time >= ${start} AND start_time < ${end}{lines})"
                    ));
                    continue;
                }
                Span::Hours(hours) => (HOUR, hours),
                Span::Days(days) => (DAY, days),
                Span::Months(months) => (MONTH, months),
            };
            let of = if filtered { &mut tiles } else { &mut sum };
            let [unit, start, end] = of.bind([unit, periods.start, periods.end]);
            let within = format!(
                "WHERE company_id = $1 AND status = {status} AND unit = ${unit} AND period >= ${start} AND period < ${end}"
            );
            of.parts.push(if filtered {
                format!("SELECT chunk, counts FROM tile_count {within}")
            } else {
                format!("(SELECT coalesce(sum(orders), 0)::bigint FROM rollup {within})")
            });
        }
        let mut passing = Vec::new();
        if filtered {
            for row in bare.rows(&bare.prepare(&company.filtered_lines(), &[])?)? {
                let line_no = usize::try_from(row.try_get::<_, i64>(0)?)?;
                passing.resize(passing.len().max(line_no + 1), false);
                passing[line_no] = true;
            }
        }
        Ok(Self {
            sum: sum.prepare(bare, |parts| format!("SELECT {}", parts.join(" + ")))?,
            tiles: tiles.prepare(bare, |parts| parts.join(" UNION ALL "))?,
            lines: passing,
        })
    }

    pub(super) async fn total(&self, client: &Client) -> Result<i64> {
        let mut total = 0;
        if let Some(sum) = &self.sum {
            total += sum.number(client).await?;
        }
        if let Some(tiles) = &self.tiles {
            for row in tiles.rows(client).await? {
                let chunk = usize::try_from(row.try_get::<_, i64>(0)?)?;
                let lines = self.lines.get(chunk * CHUNK..).unwrap_or_default();
                let counts = row.try_get::<_, &[u8]>(1)?;
                total += count_of(counts, lines).ok_or("a tile is malformed")?;
            }
        }
        Ok(total)
    }
}

/// A statement under construction; `$1` is the company.
struct Statement {
    parts: Vec<String>,
    values: Vec<i64>,
}

impl Statement {
    fn of(company: &Company) -> Self {
        Self { parts: Vec::new(), values: vec![company.orders.company_id] }
    }

    /// Binds values and returns the numbers of their parameters.
    fn bind<const N: usize>(&mut self, values: [i64; N]) -> [usize; N] {
        values.map(|value| {
            self.values.push(value);
            self.values.len()
        })
    }

    fn prepare(&self, bare: &Bare, join: impl Fn(&[String]) -> String) -> Result<Option<Query>> {
        if self.parts.is_empty() {
            return Ok(None);
        }
        Ok(Some(bare.prepare(&join(&self.parts), &self.values)?))
    }
}

/// Number of orders of a tile's lines that pass; `lines` begins with the first line of the tile. ARCHITECTURE.md describes
/// the format.
fn count_of(tile: &[u8], lines: &[bool]) -> Option<i64> {
    let (cells, rest) = tile.split_first_chunk()?;
    let cells = usize::from(u16::from_le_bytes(*cells));
    let (&form, rest) = rest.split_first()?;
    let passes = |place: usize| lines.get(place) == Some(&true);
    if form == 0 {
        return Some(0);
    }
    if form < 64 {
        let counts = rest.chunks_exact(usize::from(form)).take(cells);
        return Some(
            counts.enumerate().filter(|(place, _)| passes(*place)).map(|(_, bytes)| number(bytes)).sum(),
        );
    }
    let (&last, rest) = rest.split_first()?;
    let (places, rest) = rest.split_at_checked(usize::from(last) + 1)?;
    let counts = rest.chunks_exact(usize::from(form - 64));
    let cells = places.iter().zip(counts);
    Some(cells.filter(|(place, _)| passes(usize::from(**place))).map(|(_, bytes)| number(bytes)).sum())
}

/// A non-negative little-endian number.
fn number(bytes: &[u8]) -> i64 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_counted() {
        let lines = [true, false, true];
        assert_eq!(count_of(&[3, 0, 0], &lines), Some(0));
        assert_eq!(count_of(&[3, 0, 1, 5, 6, 7], &lines), Some(12));
        assert_eq!(count_of(&[3, 0, 2, 0, 1, 1, 0, 2, 0], &lines), Some(258));
        assert_eq!(count_of(&[3, 0, 65, 1, 1, 2, 9, 4], &lines), Some(4));
        assert_eq!(count_of(&[3, 0, 65, 4], &lines), None);
    }
}
