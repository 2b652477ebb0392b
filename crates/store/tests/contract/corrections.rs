//! The audit log of corrections as it is kept.

use tollbook_store::{Correction, CorrectionKind, StoreOptions};

use crate::Backend;
use crate::tenants::company;

fn correction(key: &str, kind: CorrectionKind, time_s: i64) -> Correction {
    Correction {
        key: key.into(),
        kind,
        digest: Correction::digest_of(kind, [key, "content"]),
        time_s,
        reason: "typed wrongly".into(),
        reference: format!("of {key}"),
        result: "1 2 3".into(),
    }
}

pub(crate) fn a_correction_is_found_by_its_key_and_listed_by_time(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    company(&*store, "two");
    let kept = [
        correction("b", CorrectionKind::Void, -5),
        correction("z", CorrectionKind::Replace, 7),
        correction("a", CorrectionKind::Reverse, 8),
        correction("c", CorrectionKind::Adjust, 8),
        correction("C", CorrectionKind::Rerate, 9),
    ];
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    for index in [3, 0, 4, 2, 1] {
        transaction.add_correction(1, &kept[index]).unwrap();
    }
    transaction.lock_company(2).unwrap();
    transaction.add_correction(2, &correction("b", CorrectionKind::Adjust, 1)).unwrap();
    transaction.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    for of in &kept {
        assert_eq!(snapshot.correction(1, &of.key).unwrap().as_ref(), Some(of));
    }
    assert_eq!(snapshot.correction(1, "B").unwrap(), None);
    assert_eq!(snapshot.correction(2, "z").unwrap(), None);
    assert_eq!(snapshot.corrections(1, None, 9).unwrap(), kept);
    assert_eq!(snapshot.corrections(1, Some((8, "a")), 1).unwrap(), kept[3..4]);
    assert_eq!(snapshot.corrections(1, Some((9, "C")), 9).unwrap(), []);
    assert_eq!(snapshot.corrections(2, None, 9).unwrap().len(), 1);
    drop(snapshot);
    // A key is a correction's for ever, of whatever kind.
    let mut transaction = store.begin().unwrap();
    assert!(transaction.add_correction(1, &correction("a", CorrectionKind::Void, 70)).is_err());
}
