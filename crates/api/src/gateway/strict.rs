//! Strict signatures of requests: their headers, whether one is demanded, the window of their time, and the names of
//! parameters, which must all be known there (docs/SIGNING.md, "Strict signatures").

use axum::http::HeaderMap;
use tollbook_domain::tenant::{ApiKey, StrictSigning};
use tollbook_ops::{Brand, Config};

use crate::actions::Action;
use crate::parameters::split_index;
use crate::ret_code::Refusal;
use crate::strict_signature::{
    NONCE_CHARACTERS, NONCE_HEADER, SIGNATURE_HEADER, StrictRequest, TIMESTAMP_HEADER, verify,
};
use crate::wire::Request;

/// The parameters that every request may have.
const ENVELOPE: [&str; 7] =
    ["Action", "PublicKey", "Signature", "Region", "Zone", "ProjectId", "SecurityToken"];

/// The strict signature of a request, as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct StrictSignature<'h> {
    timestamp: &'h str,
    pub(super) signed_s: i64,
    pub(super) nonce: &'h str,
    signature: &'h str,
}

impl<'h> StrictSignature<'h> {
    /// Reads the headers; `None` if the request has none of them.
    ///
    /// # Errors
    /// 220 naming those that are missing, 230 naming one that is given twice or has another form.
    pub(super) fn of(headers: &'h HeaderMap) -> Result<Option<Self>, Refusal> {
        let names = [TIMESTAMP_HEADER, NONCE_HEADER, SIGNATURE_HEADER];
        let given = [header(headers, names[0])?, header(headers, names[1])?, header(headers, names[2])?];
        let [timestamp, nonce, signature] = match given {
            [None, None, None] => return Ok(None),
            [Some(timestamp), Some(nonce), Some(signature)] => [timestamp, nonce, signature],
            _ => {
                let missing = names.into_iter().zip(given).filter(|(_, value)| value.is_none());
                return Err(Refusal::MissingParams(missing.map(|(name, _)| name).collect()));
            }
        };
        let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let signed_s = timestamp.parse().ok().filter(|_| is_number);
        let signed_s = signed_s.ok_or_else(|| Refusal::not_available(names[0], "must be Unix seconds"))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !NONCE_CHARACTERS.contains(&nonce.len()) || !nonce.bytes().all(is_plain) {
            return Err(Refusal::not_available(names[1], "must be 16 to 64 of A-Z, a-z, 0-9, - and _"));
        }
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if signature.len() != 64 || !signature.bytes().all(is_digit) {
            return Err(Refusal::not_available(names[2], "must be 64 lower-case hexadecimal digits"));
        }
        Ok(Some(Self { timestamp, signed_s, nonce, signature }))
    }

    /// Whether it is the signature of the request.
    pub(super) fn is_of(&self, request: &StrictParts<'_>, private_key: &str) -> bool {
        let request = StrictRequest {
            method: request.method,
            path: request.path,
            query: request.query,
            content_type: request.content_type,
            body: request.body,
            timestamp: self.timestamp,
            nonce: self.nonce,
        };
        verify(&request, private_key, self.signature)
    }

    /// Refuses a time that is further from the server's than the window, and says which the server's is.
    pub(super) fn check_time(&self, now_s: i64, window_s: i64) -> Result<(), Refusal> {
        if self.signed_s.abs_diff(now_s) <= window_s.unsigned_abs() {
            return Ok(());
        }
        let reason = format!("the server's time is {now_s}, and at most {window_s} s may be between them");
        Err(Refusal::TimestampOutOfWindow { sent: self.timestamp.to_owned(), reason })
    }
}

/// The parts of a request that a strict signature covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct StrictParts<'r> {
    pub(super) method: &'r str,
    pub(super) path: &'r str,
    pub(super) query: &'r str,
    pub(super) content_type: &'r str,
    pub(super) body: &'r [u8],
}

/// The value of a header, which must not be given twice: a proxy could read the other one.
fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::not_available(name, "given more than once"));
    }
    value.to_str().map(Some).map_err(|_| Refusal::not_available(name, "must be printable ASCII"))
}

/// What requests with a key must sign strictly: the key decides before the brand, the brand before the deployment.
pub(super) fn demand(key: &ApiKey, brand: &Brand, config: &Config) -> StrictSigning {
    key.strict.or(brand.strict).unwrap_or(config.signing.strict)
}

/// Refuses a parameter that the action does not have, and names the nearest one that it has.
pub(super) fn check_names(request: &Request, action: &Action) -> Result<(), Refusal> {
    let unknown = request.entries.iter().map(|entry| entry.key.as_str()).find(|name| !is_known(name, action));
    let Some(name) = unknown else { return Ok(()) };
    let nearest = nearest(name, action);
    let nearest = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
    Err(Refusal::not_available(name, format!("{} has no such parameter{nearest}", action.name)))
}

fn is_known(name: &str, action: &Action) -> bool {
    let base = split_index(name).map(|(base, _)| base);
    ENVELOPE.contains(&name)
        || action.parameters.iter().any(|parameter| {
            parameter.name == name || (parameter.shape.is_list() && base == Some(parameter.name))
        })
}

/// The parameter whose name is most like this one, with the index of this one if it is a list.
fn nearest(name: &str, action: &Action) -> Option<String> {
    let (base, index) = match name.rsplit_once('.') {
        Some((base, index)) if split_index(name).is_some() => (base, Some(index)),
        _ => (name, None),
    };
    // Of a long name nothing is near, and the distance takes time.
    if base.chars().count() > 64 {
        return None;
    }
    let distance = |known: &str| {
        // A difference in case alone is the most likely slip.
        strsim::osa_distance(&known.to_ascii_lowercase(), &base.to_ascii_lowercase())
    };
    let own = action.parameters.iter().map(|parameter| (parameter.name, parameter.shape.is_list()));
    let all = own.chain(ENVELOPE.map(|name| (name, false)));
    let (away, known, is_list) =
        all.map(|(known, is_list)| (distance(known), known, is_list)).min_by_key(|(away, ..)| *away)?;
    if away > base.chars().count() / 3 {
        return None;
    }
    match index {
        // Digits, or `N`. A longer index than any list has is not repeated.
        Some(index) if is_list && index.len() <= 6 => Some(format!("{known}.{index}")),
        None if is_list => Some(format!("{known}.0")),
        _ => Some(known.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ParameterValue, RawParameter};

    fn verdict(action: &str, name: &str) -> Result<(), String> {
        let value = ParameterValue::String(String::new());
        let request = Request { entries: vec![RawParameter { key: name.to_owned(), value }] };
        check_names(&request, Action::find(action).unwrap()).map_err(|refusal| refusal.message())
    }

    #[test]
    fn an_unknown_parameter_is_named_with_the_nearest_one() {
        let list = "ListPaidOrders";
        for known in
            ["ModelIds", "ModelIds.0", "ModelIds.N", "StartTime", "Region", "OrderTypes.17", "ProjectId"]
        {
            assert_eq!(verdict(list, known), Ok(()), "{known}");
        }
        for (action, name, expected) in [
            (list, "ModelIDs.0", "ListPaidOrders has no such parameter; did you mean ModelIds.0?"),
            (list, "ModelId", "ListPaidOrders has no such parameter; did you mean ModelIds.0?"),
            (list, "ModelIds.x", "ListPaidOrders has no such parameter; did you mean ModelIds.0?"),
            (list, "startTime", "ListPaidOrders has no such parameter; did you mean StartTime?"),
            (list, "StartTime.0", "ListPaidOrders has no such parameter; did you mean StartTime?"),
            (list, "Action.0", "ListPaidOrders has no such parameter; did you mean Action?"),
            (list, "Surprise", "ListPaidOrders has no such parameter"),
            (list, "", "ListPaidOrders has no such parameter"),
            (
                "StartPayUnpaidOrders",
                "OrderNo.0",
                "StartPayUnpaidOrders has no such parameter; did you mean OrderNos.0?",
            ),
            ("StartPayUnpaidOrders", "ModelIds.0", "StartPayUnpaidOrders has no such parameter"),
        ] {
            assert_eq!(verdict(action, name), Err(format!("Params [{name}] not available: {expected}")));
        }
    }
}
