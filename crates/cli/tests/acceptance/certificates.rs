//! TLS of the binary: the customer's commands trust an authority, and a renewed certificate is used after SIGHUP.

use std::path::Path;
use std::process::Stdio;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use crate::failures::RANGE;
use crate::program::Fixture;

/// The variable is relative to the folder of the fixture, where its commands run.
const TRUSTING: [(&str, &str); 1] = [("TOLLBOOK_CA_FILE", "authority.pem")];
pub(crate) const CONFIG: &str = "[tls]\ncertificate = \"certificate.pem\"\nprivate_key = \"key.pem\"\n";

/// An authority for the certificates of servers on this machine.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new authority, which the commands of a fixture from [`fixture`] trust.
    pub(crate) fn of(fixture: &Fixture) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fixture.write("authority.pem", authority.pem());
        Self(authority)
    }

    /// Writes a certificate and its key to the data directory. It ends with the year before.
    pub(crate) fn issue(&self, data: &Path, until_year: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.not_after = date_time_ymd(until_year, 1, 1);
        let issued = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(data.join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(data.join("certificate.pem"), issued.pem()).unwrap();
    }
}

/// A fixture whose customer's commands trust the authority in its folder.
pub(crate) fn fixture() -> Fixture {
    let fixture = Fixture::with_environment(&TRUSTING);
    std::fs::create_dir_all(fixture.data()).unwrap();
    fixture
}

#[test]
fn a_renewed_certificate_is_used_after_hangup_and_customers_trust_its_authority() {
    let fixture = fixture();
    let authority = Authority::of(&fixture);
    authority.issue(&fixture.data(), 3000);
    fixture.write("data/tollbook.toml", format!("{CONFIG}[metrics]\nlisten = \"127.0.0.1:0\"\n"));
    let mut server = fixture.start_with(&["serve"], "127.0.0.1:0", Stdio::piped());
    assert!(server.url().starts_with("https://127.0.0.1:"), "{}", server.url());
    let company = fixture.company("Acme");
    let list = || server.ask(&fixture, &company, &[&["orders", "paid"], &RANGE[..]].concat());
    assert_eq!(list()["RetCode"], 0);
    let keys = (company.public_key.as_str(), company.private_key.as_str());
    let download = ["orders", "download", "paid", "--format", "csv"];
    let saved = server.customer(&fixture, keys, &[&download, &RANGE[..]].concat());
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    // Another authority is not trusted.
    let other = crate::certificates::fixture();
    Authority::of(&other);
    let refused = server.customer(&other, keys, &[&["orders", "paid"], &RANGE[..]].concat());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("certificate"), "{said}");
    let metrics = server.said["MetricsURL"].as_str().unwrap().to_owned();
    let ends = || {
        let text = ureq::get(&metrics).call().unwrap().body_mut().read_to_string().unwrap();
        let series = "tollbook_tls_certificate_expiry_timestamp_seconds ";
        text.lines().find_map(|line| line.strip_prefix(series)).unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(ends(), 32_503_680_000);
    authority.issue(&fixture.data(), 3001);
    server.signal("HUP");
    while ends() == 32_503_680_000 {
        assert_eq!(list()["RetCode"], 0);
    }
    assert_eq!((ends(), list()["RetCode"].as_i64()), (32_535_216_000, Some(0)));
    let log = server.stop();
    assert!(log.contains("the certificate was renewed"), "{log}");
}

#[test]
fn a_server_without_its_certificate_does_not_start_and_says_why() {
    let fixture = fixture();
    fixture.write("data/tollbook.toml", CONFIG);
    let refused = |what: &str| {
        let (said, _) = fixture.refused(&["serve", "--listen", "127.0.0.1:0"]);
        let message = said["Error"].as_str().unwrap();
        assert!(message.starts_with("tls: ") && message.contains(what), "{message}");
    };
    refused("certificate.pem: No such file");
    let authority = Authority::of(&fixture);
    authority.issue(&fixture.data(), 3000);
    fixture.write("data/key.pem", "not a key");
    refused("key.pem: has no private key in PEM form");
}
