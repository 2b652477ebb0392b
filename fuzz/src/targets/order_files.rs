//! Order files in every format: an order that is accepted is the same when it is written and read again in either format,
//! compression changes nothing, and an error names a line of the file.

use std::ops::ControlFlow;

use tollbook_domain::{AmountRule, Catalogue, NewOrder};
use tollbook_formats::orders::{OrderFile, ReadError};
use tollbook_testkit::order_file::{push_csv_header, push_csv_record, push_json_line};

use crate::files::{check_reason, folder, gzip, is_compressed, stream, uncounted};

type Read = Vec<Result<(u64, NewOrder), ReadError>>;

fn read(bytes: Vec<u8>, catalogue: &Catalogue) -> Option<Read> {
    let file = stream(bytes).open(folder(), &mut |_| ControlFlow::Continue(())).ok()?;
    let file = OrderFile::from(file);
    let orders = file.orders(catalogue, uncounted()).ok()?;
    Some(orders.collect())
}

pub(super) fn check(input: &[u8]) {
    let catalogue = Catalogue::built_in();
    let Some(orders) = read(input.to_vec(), &catalogue) else { return };
    let lines = if is_compressed(input) { u64::MAX } else { 2 + lines(input) };
    for refused in orders.iter().filter_map(|order| order.as_ref().err()) {
        match refused {
            ReadError::Line(error) => {
                check_reason(&error.reason);
                assert!((1..=lines).contains(&error.line), "{error}");
            }
            ReadError::File(error) => check_reason(&error.reason),
        }
    }
    if !is_compressed(input) && input.len() >= 4 {
        let cuts = [1, 2, usize::from(input[0]), 3];
        assert_eq!(read(gzip(input, &cuts), &catalogue).as_ref(), Some(&orders));
        let zstd = zstd::encode_all(input, 1).expect("in memory");
        assert_eq!(read(zstd, &catalogue).as_ref(), Some(&orders));
    }
    let accepted: Vec<&NewOrder> = orders.iter().flatten().map(|(_, order)| order).collect();
    if accepted.is_empty() {
        return;
    }
    let (mut json, mut csv) = (Vec::new(), Vec::new());
    push_csv_header(&mut csv);
    for order in &accepted {
        if order.line.amount_rule != AmountRule::AsBilled {
            order.check(&catalogue).expect("a reader checks orders");
        }
        push_json_line(order, &mut json);
        push_csv_record(order, &mut csv);
    }
    for written in [json, csv] {
        let again = read(written, &catalogue).expect("what was written is a file");
        let again: Vec<NewOrder> = again
            .into_iter()
            .map(|order| order.unwrap_or_else(|error| panic!("what was written is refused: {error}")).1)
            .collect();
        assert!(again.iter().eq(accepted.iter().copied()));
    }
}

fn lines(input: &[u8]) -> u64 {
    input.iter().fold(0, |count, byte| count + u64::from(matches!(byte, b'\n' | b'\r')))
}
