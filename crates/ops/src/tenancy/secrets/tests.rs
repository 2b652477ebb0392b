//! Tests of the master key and of sealing.

use super::*;

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Computed with Python's `cryptography` under HMAC-SHA256(key, "seal private keys, version 1"), not by this program.
const SEALED_BY_VERSION_1: &str = "016465666768696a6b6c6d6e6f48a1b08099c83f0d5e9239cacfb27a72f1a3a8c08f0073";

fn secret(text: &str) -> PrivateKey {
    PrivateKey::new(text.to_owned())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_sealed_key_opens_only_with_its_master_key_and_public_key() {
    let key = MasterKey::from_hex(HEX).unwrap();
    let sealed = key.seal("public", &secret("private"));
    assert_eq!(sealed.len(), 1 + NONCE_BYTES + "private".len() + TAG_BYTES);
    assert_eq!(key.open("public", &sealed).unwrap().reveal(), "private");
    assert_ne!(key.seal("public", &secret("private")), sealed, "every nonce is new");

    assert!(key.open("publib", &sealed).is_err());
    assert!(MasterKey::generate().open("public", &sealed).is_err());
    for position in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[position] ^= 1;
        assert!(key.open("public", &damaged).is_err(), "byte {position}");
        assert!(key.open("public", &sealed[..position]).is_err(), "cut at {position}");
    }
}

#[test]
fn a_key_sealed_by_version_1_opens() {
    // A change that breaks this makes the keys of every deployment unreadable.
    let sealed = hex::decode(SEALED_BY_VERSION_1).unwrap();
    let key = MasterKey::from_hex(HEX).unwrap();
    assert_eq!(key.open("public", &sealed).unwrap().reveal(), "private");
    assert_eq!(key.fingerprint(), "af0b440ebbc02e89ff5f1b0a67bd0709");
    assert_eq!(
        hex::encode(key.derive("links")),
        "92809b97fd11c673a29c463bf76b14cd17f067985af0b07f5e8c2e1709157ab4"
    );
}

#[test]
fn debug_and_error_texts_contain_no_secret() {
    let key = MasterKey::from_hex(HEX).unwrap();
    let sealed = key.seal("public", &secret("private"));
    let shown = format!("{key:?} {:?} {}", secret("private"), key.open("other", &sealed).unwrap_err());
    assert!(!shown.contains("0001020304") && !shown.contains("private)"), "{shown}");
    assert!(shown.contains(&key.fingerprint()) && shown.contains("PrivateKey(..)"), "{shown}");
    assert!(!HEX.contains(&key.fingerprint()));
}

#[test]
fn a_key_file_is_created_once_and_then_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data").join("master.key");
    let made = MasterKey::open_or_create(&path).unwrap();
    let read = MasterKey::open_or_create(&path).unwrap();
    assert_eq!(made.fingerprint(), read.fingerprint());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.len(), 65);
    assert_eq!(MasterKey::from_hex(&text).unwrap().fingerprint(), made.fingerprint());
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_access_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    MasterKey::open_or_create(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    for (mode, accepted) in [(0o400, true), (0o600, true), (0o640, false), (0o604, false), (0o620, false)] {
        set_mode(&path, mode);
        let opened = MasterKey::open_or_create(&path);
        assert_eq!(opened.is_ok(), accepted, "{mode:o}");
        if let Err(error) = opened {
            assert!(error.to_string().contains(&format!("mode {mode:04o}")), "{error}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_without_a_key_is_refused_and_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    let contents: [&[u8]; 6] = [b"", b"00", &[b'0'; 63], &[b'0'; 66], &[b'g'; 64], &[0xff; 64]];
    for content in contents {
        std::fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        let error = MasterKey::open_or_create(&path).unwrap_err();
        assert!(matches!(error, SecretError::MalformedFile(_)), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    let error = MasterKey::open_or_create(directory.path()).unwrap_err();
    assert!(matches!(error, SecretError::Exposed { .. } | SecretError::File { .. }), "{error}");
}

#[test]
fn processes_that_start_at_the_same_time_use_one_key() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = directory.path().join(format!("{round}.key"));
        let barrier = std::sync::Barrier::new(8);
        let fingerprints: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        MasterKey::open_or_create(&path).unwrap().fingerprint()
                    })
                })
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(fingerprints.iter().all(|one| *one == fingerprints[0]), "{fingerprints:?}");
    }
}

#[test]
fn malformed_texts_are_refused() {
    assert!(MasterKey::from_hex(&format!(" {HEX}\n")).is_ok());
    assert!(MasterKey::from_hex(&HEX.to_uppercase()).is_ok());
    for text in ["", "00", &HEX[..63], &format!("{HEX}00"), &HEX.replace('0', "x")] {
        let error = MasterKey::from_hex(text).unwrap_err().to_string();
        assert_eq!(error, "the master key must be 64 hexadecimal digits");
    }
}
