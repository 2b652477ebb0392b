//! The URL of a remote store: `us3://bucket?endpoint=…` or `s3://bucket?region=…`. It never contains keys; unknown
//! parameters are refused by name.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The default part size, which US3's S3 interface requires.
const PART_BYTES: u64 = 8 * 1024 * 1024;

/// S3's limits on the size of a part, in bytes.
const PART_RANGE: std::ops::RangeInclusive<u64> = 5 * 1024 * 1024..=5 * 1024 * 1024 * 1024;

/// The region in signatures if the URL has an endpoint and no region.
const DEFAULT_REGION: &str = "us-east-1";

/// The parsed URL of a store.
///
/// - `us3://bucket?endpoint=https://cn-wlcb.ufileos.com`: US3's native protocol. The bucket is prepended to the
///   endpoint's host; with `style=custom-domain` the endpoint is the bucket's own host.
/// - `s3://bucket?region=…`: AWS. `s3://bucket?endpoint=https://…`: any S3. `style` is `path` or `virtual-host`, by
///   default the latter at AWS and the former elsewhere. Outside AWS `region` defaults to `us-east-1`. `part_bytes` is
///   the size of parts, by default 8 MiB.
///
/// Both allow `public_endpoint=https://…`, which replaces the endpoint in links.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    pub(super) bucket: String,
    pub(super) endpoint: Url,
    /// The endpoint in links; the endpoint itself by default.
    pub(super) public_endpoint: Url,
    pub(super) target: Target,
    text: String,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Target {
    Us3 { is_custom_domain: bool },
    S3 { region: String, style: Style, part_bytes: u64 },
}

/// Position of the bucket in S3 URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Path,
    VirtualHost,
}

/// The reason why a text is not a [`StoreUrl`]. The text is not repeated, because it may contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// The text does not begin with `us3://` or `s3://`.
    #[error("must begin with us3:// or s3:// and a bucket")]
    Scheme,
    /// The URL has a user name or a password.
    #[error("must not hold a user name or a key; keys are given in the environment")]
    Credentials,
    /// The bucket is missing or invalid.
    #[error("must name a bucket of 3 to 63 lower-case letters, digits, hyphens and dots")]
    Bucket,
    /// The URL has a port, a path or a fragment.
    #[error("must have nothing but a bucket and parameters; the host of the store is the parameter endpoint")]
    Excess,
    /// A parameter is unknown.
    #[error("has the unknown parameter {0:?}")]
    Unknown(String),
    /// A parameter is repeated.
    #[error("has the parameter {0:?} twice")]
    Repeated(String),
    /// A parameter is missing.
    #[error("lacks the parameter {0:?}")]
    Missing(&'static str),
    /// A parameter has an invalid value.
    #[error("has a wrong {parameter}: it must be {expected}")]
    Value {
        /// The name of the parameter.
        parameter: &'static str,
        /// The valid values.
        expected: &'static str,
    },
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(StoreUrlError::Scheme)?;
        let is_us3 = match scheme {
            "us3" => true,
            "s3" => false,
            _ => return Err(StoreUrlError::Scheme),
        };
        let (bucket, query) = rest.split_once('?').unwrap_or((rest, ""));
        if bucket.contains('@') {
            return Err(StoreUrlError::Credentials);
        }
        if text.contains('#') || bucket.trim_end_matches('/').contains(['/', ':']) {
            return Err(StoreUrlError::Excess);
        }
        let bucket = bucket.trim_end_matches('/');
        if !is_bucket(bucket) {
            return Err(StoreUrlError::Bucket);
        }
        let known: &[&'static str] = if is_us3 {
            &["endpoint", "public_endpoint", "style"]
        } else {
            &["endpoint", "public_endpoint", "style", "region", "part_bytes"]
        };
        let mut parameters = Parameters::parse(query, known)?;
        let given = parameters.endpoint("endpoint")?;
        let public = parameters.endpoint("public_endpoint")?;
        let (endpoint, target) = if is_us3 {
            (given.ok_or(StoreUrlError::Missing("endpoint"))?, us3_target(&mut parameters)?)
        } else {
            s3_target(given, &mut parameters)?
        };
        let public_endpoint = public.unwrap_or_else(|| endpoint.clone());
        Ok(Self { bucket: bucket.to_owned(), endpoint, public_endpoint, target, text: text.to_owned() })
    }
}

fn us3_target(parameters: &mut Parameters) -> Result<Target, StoreUrlError> {
    match parameters.take("style").as_deref() {
        None => Ok(Target::Us3 { is_custom_domain: false }),
        Some("custom-domain") => Ok(Target::Us3 { is_custom_domain: true }),
        Some(_) => Err(StoreUrlError::Value { parameter: "style", expected: "custom-domain or absent" }),
    }
}

fn s3_target(given: Option<Url>, parameters: &mut Parameters) -> Result<(Url, Target), StoreUrlError> {
    let is_region = |region: &String| {
        !region.is_empty()
            && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let wrong_region =
        StoreUrlError::Value { parameter: "region", expected: "lower-case letters, digits and hyphens" };
    let region = parameters.take("region");
    if region.as_ref().is_some_and(|region| !is_region(region)) {
        return Err(wrong_region);
    }
    let style = match parameters.take("style").as_deref() {
        None if given.is_some() => Style::Path,
        None | Some("virtual-host") => Style::VirtualHost,
        Some("path") => Style::Path,
        Some(_) => return Err(StoreUrlError::Value { parameter: "style", expected: "path or virtual-host" }),
    };
    let part_bytes = match parameters.take("part_bytes") {
        None => PART_BYTES,
        Some(text) => {
            text.parse().ok().filter(|bytes| PART_RANGE.contains(bytes)).ok_or(StoreUrlError::Value {
                parameter: "part_bytes",
                expected: "between 5242880 and 5368709120",
            })?
        }
    };
    let (endpoint, region) = match (given, region) {
        (Some(endpoint), region) => (endpoint, region.unwrap_or_else(|| DEFAULT_REGION.to_owned())),
        (None, None) => return Err(StoreUrlError::Missing("region")),
        (None, Some(region)) => {
            let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            let endpoint = Url::parse(&format!("https://s3.{region}.{domain}")).map_err(|_| wrong_region)?;
            (endpoint, region)
        }
    };
    Ok((endpoint, Target::S3 { region, style, part_bytes }))
}

/// Whether the name is valid for buckets at US3 and S3, and as part of a host name.
fn is_bucket(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let at_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(inside)
        && at_end(bytes.first())
        && at_end(bytes.last())
        && !name.contains("..")
}

/// The parameters of a query: known ones, each at most once.
struct Parameters {
    values: Vec<(&'static str, String)>,
}

impl Parameters {
    fn parse(query: &str, known: &[&'static str]) -> Result<Self, StoreUrlError> {
        let mut values: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let name = known
                .iter()
                .find(|known| **known == name)
                .ok_or_else(|| StoreUrlError::Unknown(name.chars().take(64).collect()))?;
            if values.iter().any(|(other, _)| other == name) {
                return Err(StoreUrlError::Repeated((*name).to_owned()));
            }
            values.push((name, value.into_owned()));
        }
        Ok(Self { values })
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.values.iter().position(|(known, _)| *known == name)?;
        Some(self.values.swap_remove(at).1)
    }

    /// A URL of scheme, host and optionally a port, without a slash at the end.
    fn endpoint(&mut self, name: &'static str) -> Result<Option<Url>, StoreUrlError> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let wrong = StoreUrlError::Value {
            parameter: name,
            expected: "http:// or https://, a host and perhaps a port",
        };
        let url = Url::parse(&text).map_err(|_| wrong.clone())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(StoreUrlError::Credentials);
        }
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if is_plain { Ok(Some(url)) } else { Err(wrong) }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<StoreUrl>().expect_err(text).to_string()
    }

    #[test]
    fn defaults_fill_in_absent_parameters() {
        let us3: StoreUrl = "us3://exports?endpoint=https://cn-wlcb.ufileos.com".parse().expect("us3");
        assert_eq!(us3.endpoint.as_str(), "https://cn-wlcb.ufileos.com/");
        assert_eq!(us3.public_endpoint, us3.endpoint);
        assert!(us3.target == Target::Us3 { is_custom_domain: false });

        let domain: StoreUrl =
            "us3://exports/?style=custom-domain&endpoint=http://a:8&public_endpoint=https://files.example.com"
                .parse()
                .expect("us3");
        assert!(domain.target == Target::Us3 { is_custom_domain: true });
        assert_eq!(domain.public_endpoint.as_str(), "https://files.example.com/");

        // text, endpoint, region, style, part size
        let table = [
            (
                "s3://abc?region=eu-west-1",
                "https://s3.eu-west-1.amazonaws.com/",
                "eu-west-1",
                Style::VirtualHost,
                8,
            ),
            (
                "s3://abc?region=cn-north-1",
                "https://s3.cn-north-1.amazonaws.com.cn/",
                "cn-north-1",
                Style::VirtualHost,
                8,
            ),
            (
                "s3://abc?endpoint=http://127.0.0.1:9000",
                "http://127.0.0.1:9000/",
                "us-east-1",
                Style::Path,
                8,
            ),
            (
                "s3://abc?endpoint=https%3A%2F%2Fs3.example&style=virtual-host&region=x&part_bytes=16777216",
                "https://s3.example/",
                "x",
                Style::VirtualHost,
                16,
            ),
        ];
        for (text, endpoint, region, style, mib) in table {
            let url: StoreUrl = text.parse().expect(text);
            assert_eq!(url.endpoint.as_str(), endpoint, "{text}");
            let expected = Target::S3 { region: region.to_owned(), style, part_bytes: mib << 20 };
            assert!(url.target == expected, "{text}");
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn invalid_urls_are_refused_with_the_reason() {
        let table = [
            ("", "must begin with us3:// or s3:// and a bucket"),
            ("https://bucket", "must begin with us3:// or s3:// and a bucket"),
            ("us3:bucket", "must begin with us3:// or s3:// and a bucket"),
            (
                "s3://key:secret@bucket?region=a",
                "must not hold a user name or a key; keys are given in the environment",
            ),
            (
                "s3://bucket?endpoint=https://key:secret@host",
                "must not hold a user name or a key; keys are given in the environment",
            ),
            ("s3://?region=a", "must name a bucket of 3 to 63 lower-case letters, digits, hyphens and dots"),
            (
                "s3://Bucket?region=a",
                "must name a bucket of 3 to 63 lower-case letters, digits, hyphens and dots",
            ),
            (
                "s3://-ab?region=a",
                "must name a bucket of 3 to 63 lower-case letters, digits, hyphens and dots",
            ),
            (
                "s3://bucket/prefix?region=a",
                "must have nothing but a bucket and parameters; the host of the store is the parameter endpoint",
            ),
            (
                "s3://bucket:9000?region=a",
                "must have nothing but a bucket and parameters; the host of the store is the parameter endpoint",
            ),
            (
                "s3://bucket?region=a#x",
                "must have nothing but a bucket and parameters; the host of the store is the parameter endpoint",
            ),
            ("s3://bucket", "lacks the parameter \"region\""),
            ("us3://bucket", "lacks the parameter \"endpoint\""),
            ("s3://bucket?region=a&region=a", "has the parameter \"region\" twice"),
            ("s3://bucket?region=a&access_key=b", "has the unknown parameter \"access_key\""),
            ("us3://bucket?endpoint=https://h&region=a", "has the unknown parameter \"region\""),
            ("us3://bucket?endpoint=https://h&Style=x", "has the unknown parameter \"Style\""),
            (
                "us3://bucket?endpoint=https://h&style=path",
                "has a wrong style: it must be custom-domain or absent",
            ),
            ("s3://bucket?region=a&style=domain", "has a wrong style: it must be path or virtual-host"),
            ("s3://bucket?region=A", "has a wrong region: it must be lower-case letters, digits and hyphens"),
            ("s3://bucket?region=", "has a wrong region: it must be lower-case letters, digits and hyphens"),
            (
                "s3://bucket?region=a&part_bytes=8MB",
                "has a wrong part_bytes: it must be between 5242880 and 5368709120",
            ),
            (
                "s3://bucket?region=a&part_bytes=1",
                "has a wrong part_bytes: it must be between 5242880 and 5368709120",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(error(text), expected, "{text}");
        }
        for endpoint in ["h", "ftp://h", "https://", "https://h/path", "https://h?x=1", "https://h%23x"] {
            let text = format!("us3://bucket?endpoint={endpoint}");
            assert_eq!(
                error(&text),
                "has a wrong endpoint: it must be http:// or https://, a host and perhaps a port",
                "{text}"
            );
        }
    }
}
