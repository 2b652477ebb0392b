//! Host names and URLs: their rules and their normal form.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::Checked;

pub(super) fn checked_host(host: &str) -> Result<String, String> {
    let name_letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_address = bracketed.is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !host.trim_matches('.').is_empty() && host.len() <= 253 && host.bytes().all(name_letters);
    if is_address || is_name {
        Ok(normal_host(host))
    } else {
        Err(format!("\"{host}\" is not a host name; it has no scheme, port or wildcard"))
    }
}

pub(super) fn url(
    source: &Source<'_>,
    key: &str,
    value: Option<&Spanned<String>>,
) -> Checked<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    match checked_url(value.get_ref()) {
        Ok(url) => Ok(Some(url)),
        Err(reason) => {
            let span: Range<usize> = value.span();
            Err(source.error(Some(span), key, reason))
        }
    }
}

/// A URL that links can be appended to: scheme, host, and optionally port and path.
fn checked_url(url: &str) -> Result<String, &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else { return Err("must begin with http:// or https://") };
    if url.contains(['?', '#']) {
        return Err("must have no query and no fragment");
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['"', '<', '>', '\\', '@']) {
        return Err("must have no spaces, user name or characters that a URL cannot have");
    }
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            port.parse::<u16>().map_err(|_| "must have a port between 0 and 65535")?;
            host
        }
        _ => authority,
    };
    checked_host(host).map_err(|_| "must name a host")?;
    Ok(url.trim_end_matches('/').to_owned())
}

/// The normal form of a host: lower-case, without port and without the trailing dot of a fully qualified name.
pub(super) fn normal_host(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        // Colons inside brackets belong to an IPv6 address.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A host with its port as it may stand in a link, given as in a `Host` header; `None` if it is not a host.
pub fn link_host(host: &str) -> Option<String> {
    let (name, port) = match host.rsplit_once(':') {
        // Colons inside brackets belong to an IPv6 address.
        Some((name, port)) if !port.contains(']') => (name, Some(port.parse::<u16>().ok()?)),
        _ => (host, None),
    };
    let name = checked_host(name).ok()?;
    Some(port.map_or_else(|| name.clone(), |port| format!("{name}:{port}")))
}

/// The URL of a server for clients on the same machine. An unspecified address, which means all interfaces, is replaced
/// by the loopback address, because a browser cannot open it.
pub fn url_of_address(bound: SocketAddr) -> String {
    let host = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, bound.port()))
}
