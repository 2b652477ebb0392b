//! Errors of the output are returned to the caller unchanged, at every position in the file.

use std::io::{self, ErrorKind, Write};

use tollbook_workbook::{Column, ColumnKind, Error, Properties, Workbook};

/// An output that accepts `left` more bytes.
#[derive(Debug)]
struct Disk {
    left: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        // Short writes, as pipes may return.
        let taken = bytes.len().min(self.left).min(700);
        self.left -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.left == 0 { Err(ErrorKind::QuotaExceeded.into()) } else { Ok(()) }
    }
}

fn export(disk: Disk) -> Result<u64, Error> {
    let mut workbook = Workbook::new(disk, &Properties::default())?;
    let numbers: Vec<u64> = (0..5_000).collect();
    let mut sheet = workbook.sheet("Sheet", &[Column::new("A", 9, ColumnKind::Integer)])?;
    let filled =
        sheet.rows(&numbers, |&number, row| row.integer(number.wrapping_mul(0x9E37_79B9_7F4A) >> 20));
    if let Err(error) = filled {
        assert!(matches!(workbook.finish(), Err(Error::Incomplete)), "an incomplete file is never finished");
        return Err(error);
    }
    Ok(workbook.finish()?.1.bytes)
}

#[test]
fn a_full_disk_is_reported_at_every_byte() {
    let size = usize::try_from(export(Disk { left: usize::MAX }).unwrap()).unwrap();
    for left in (0..size).step_by(97).chain([size - 1]) {
        match export(Disk { left }) {
            Err(Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::StorageFull, "{left} of {size}"),
            other => panic!("{left} of {size}: {other:?}"),
        }
    }
    assert!(
        matches!(export(Disk { left: size }), Err(Error::Io(error)) if error.kind() == ErrorKind::QuotaExceeded)
    );
    assert!(export(Disk { left: size + 1 }).is_ok());
}
