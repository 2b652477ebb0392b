//! The return codes of docs/WIRE.md, "Return codes", row by row, and how messages quote texts of the request.

use tollbook_api::ret_code::{MAX_ECHO_CHARS, Refusal};

#[test]
fn every_code_has_its_fixed_text() {
    let table = [
        (Refusal::ServiceUnavailable, 150, "Service unavailable"),
        (Refusal::RateLimited("wait 1 s".into()), 153, "Request rate limited"),
        (Refusal::MissingAction, 160, "Missing Action"),
        (Refusal::ActionNotFound("Test".into()), 161, "Action [Test] not found"),
        (Refusal::MissingSignature, 170, "Missing signature"),
        (Refusal::WrongSignature, 171, "Signature VerifyAC Error"),
        (Refusal::WrongSignatureOf("ActionX".into()), 171, "Signature VerifyAC Error"),
        (Refusal::UserNotExists, 172, "User Not Exists"),
        (Refusal::StrictSignatureRequired, 175, "Strict signature required"),
        (
            Refusal::TimestampOutOfWindow { sent: "17".into(), reason: "the server's time is 900".into() },
            176,
            "Timestamp [17] out of window: the server's time is 900",
        ),
        (Refusal::NonceUsed("abc".into()), 177, "Nonce [abc] used before"),
        (Refusal::MissingParams(vec!["Page"]), 220, "Missing params [Page]"),
        (Refusal::MissingParams(vec!["StartTime", "EndTime"]), 220, "Missing params [StartTime|EndTime]"),
        (
            Refusal::not_available("PageSize", "must be between 10 and 100"),
            230,
            "Params [PageSize] not available: must be between 10 and 100",
        ),
        (Refusal::too_large("ModelIds"), 240, "Params [ModelIds] too large"),
        (Refusal::ProjectNotExists("org-x".into()), 292, "Project [org-x] not exists"),
        (Refusal::AddressDenied, 294, "Access IP denied"),
        (Refusal::PermissionDenied, 299, "Permission denied"),
        (Refusal::Internal, 5000, "Internal error"),
    ];
    for (refusal, code, message) in table {
        assert_eq!((refusal.code(), refusal.message().as_str()), (code, message));
    }
}

#[test]
fn texts_of_the_request_are_made_printable() {
    let longest = "é".repeat(MAX_ECHO_CHARS);
    let table = [
        // sent, shown
        ("", String::new()),
        ("项目", "项目".to_owned()),
        ("a\r\nRetCode: 0\t\0\u{7f}\u{85}", "aRetCode: 0".to_owned()),
        ("a\u{1b}[31mb", "a[31mb".to_owned()),
        ("a\u{202e}b\u{2066}c\u{feff}d\u{2028}e\u{200f}", "abcde".to_owned()),
        (longest.as_str(), longest.clone()),
        (&format!("\n{longest}\n"), longest.clone()),
        (&format!("{longest}!"), format!("{longest}…")),
        (&"x".repeat(1_000_000), format!("{}…", "x".repeat(MAX_ECHO_CHARS))),
    ];
    for (sent, shown) in table {
        let sent = || sent.to_owned();
        assert_eq!(Refusal::ActionNotFound(sent()).message(), format!("Action [{shown}] not found"));
        assert_eq!(Refusal::ProjectNotExists(sent()).message(), format!("Project [{shown}] not exists"));
        assert_eq!(Refusal::too_large(sent()).message(), format!("Params [{shown}] too large"));
        let refusal = Refusal::not_available(sent(), "must be a string");
        assert_eq!(refusal.message(), format!("Params [{shown}] not available: must be a string"));
    }
}
