//! Where events may be sent: which URLs, ports and addresses. Addresses are checked when a connection is made, so that a
//! name which is resolved differently later does not lead into a private network.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{IpNet, Ipv6Net};
use url::{Host, Url};

use crate::config::WebhooksConfig;
use crate::networks;

/// Longest URL, in bytes.
const LONGEST_URL: usize = 2_000;

/// Ranges of IPv4 that are not of the public internet, by the registry of special addresses, and services of clouds that
/// have a public address.
const CLOSED_IPV4: [&str; 18] = [
    "0.0.0.0/8",       // this network
    "10.0.0.0/8",      // private
    "100.64.0.0/10",   // shared by carriers; metadata of Alibaba Cloud
    "127.0.0.0/8",     // loopback
    "168.63.129.16",   // host of Azure
    "169.254.0.0/16",  // link-local; metadata of most clouds
    "172.16.0.0/12",   // private
    "192.0.0.0/24",    // protocol assignments; metadata of Oracle Cloud
    "192.0.2.0/24",    // documentation
    "192.31.196.0/24", // AS112
    "192.52.193.0/24", // AMT
    "192.88.99.0/24",  // relays of 6to4
    "192.168.0.0/16",  // private
    "192.175.48.0/24", // AS112
    "198.18.0.0/15",   // benchmarks
    "198.51.100.0/24", // documentation
    "203.0.113.0/24",  // documentation
    "224.0.0.0/3",     // multicast, reserved, broadcast
];

/// The public internet of IPv6, and what of it is not.
const OPEN_IPV6: &str = "2000::/3";
const CLOSED_IPV6: [&str; 4] = [
    "2001::/23",     // protocol assignments, with the tunnels of Teredo
    "2001:db8::/32", // documentation
    "2002::/16",     // tunnels of 6to4, which hold an IPv4 address
    "3fff::/20",     // documentation
];

static CLOSED: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let closed = CLOSED_IPV4.iter().chain(&CLOSED_IPV6);
    closed.filter_map(|text| networks::parse(text).ok()).collect()
});
static OPEN: LazyLock<Option<Ipv6Net>> = LazyLock::new(|| OPEN_IPV6.parse().ok());

/// Decides about URLs and addresses by the configuration.
#[derive(Clone, Debug)]
pub struct AddressGuard {
    allows_http: bool,
    ports: Vec<u16>,
    networks: Vec<IpNet>,
}

impl AddressGuard {
    /// A guard by the configuration.
    pub fn new(config: &WebhooksConfig) -> Self {
        Self {
            allows_http: config.allow_http,
            ports: config.allowed_ports.clone(),
            networks: config.allowed_networks.clone(),
        }
    }

    /// The URL in its normal form.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn checked_url(&self, text: &str) -> Result<String, String> {
        if text.len() > LONGEST_URL {
            return Err(format!("must have at most {LONGEST_URL} bytes"));
        }
        let url = Url::parse(text).map_err(|error| format!("cannot be read: {error}"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.allows_http => {}
            "http" => return Err("must begin with https: webhooks.allow_http is false".to_owned()),
            _ => return Err("must begin with https://".to_owned()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must have no user and password: what is sent is signed".to_owned());
        }
        if url.fragment().is_some() {
            return Err("must have no fragment".to_owned());
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            Some(Host::Domain(_)) => None,
            None => return Err("names no host".to_owned()),
        };
        if let Some(address) = address {
            self.check_address(address)?;
        }
        let port = url.port_or_known_default().unwrap_or(0);
        // Whatever is in an allowed network was chosen by the operator.
        if !self.ports.contains(&port) && !address.is_some_and(|address| self.is_chosen(address)) {
            return Err(format!("has the port {port}, which is not in webhooks.allowed_ports"));
        }
        Ok(url.into())
    }

    /// Whether a connection to an address may be made.
    ///
    /// # Errors
    /// Why not.
    pub fn check_address(&self, address: IpAddr) -> Result<(), String> {
        let address = address.to_canonical();
        if self.is_chosen(address) || is_public(address) {
            return Ok(());
        }
        Err(format!(
            "leads to {address}, which is not of the public internet nor in webhooks.allowed_networks"
        ))
    }

    fn is_chosen(&self, address: IpAddr) -> bool {
        networks::any_contains(&self.networks, address)
    }
}

fn is_public(address: IpAddr) -> bool {
    let is_closed = networks::any_contains(&CLOSED, address);
    match address {
        IpAddr::V4(_) => !is_closed,
        IpAddr::V6(address) => !is_closed && is_open(address),
    }
}

fn is_open(address: Ipv6Addr) -> bool {
    OPEN.as_ref().is_some_and(|open| open.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(config: WebhooksConfig) -> AddressGuard {
        AddressGuard::new(&config)
    }

    #[test]
    fn every_range_of_the_tables_is_read() {
        assert_eq!(CLOSED.len(), CLOSED_IPV4.len() + CLOSED_IPV6.len());
        assert!(OPEN.is_some());
    }

    #[test]
    fn addresses_of_the_public_internet_are_allowed() {
        let guard = guard(WebhooksConfig::default());
        for address in
            ["1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "::ffff:9.9.9.9"]
        {
            assert_eq!(guard.check_address(address.parse().unwrap()), Ok(()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "64:ff9b::7f00:1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "ff02::1",
        ] {
            assert!(guard.check_address(address.parse().unwrap()).is_err(), "{address}");
        }
    }

    #[test]
    fn urls_are_in_normal_form_or_refused() {
        let guard = guard(WebhooksConfig::default());
        let table = "
            https://Example.com/hook?a=1      | https://example.com/hook?a=1
            https://example.com               | https://example.com/
            https://example.com:443/x         | https://example.com/x
            https://example.com:8443/x        | https://example.com:8443/x
            https://[2606:4700::1111]/        | https://[2606:4700::1111]/
            http://example.com/               | must begin with https: webhooks.allow_http is false
            ftp://example.com/                | must begin with https://
            file:///etc/passwd                | must begin with https://
            https://user:pass@example.com/    | must have no user and password
            https://example.com/#a            | must have no fragment
            https://example.com:22/           | has the port 22
            https://127.0.0.1/                | leads to 127.0.0.1
            https://2130706433/               | leads to 127.0.0.1
            https://0x7f.1/                   | leads to 127.0.0.1
            https://[::ffff:10.0.0.1]/        | leads to 10.0.0.1
            https://169.254.169.254/latest    | leads to 169.254.169.254
            hook                              | cannot be read
            https://                          | cannot be read";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (text, expected) = row.split_once('|').unwrap();
            let got = guard.checked_url(text.trim()).unwrap_or_else(|reason| reason);
            assert!(got.starts_with(expected.trim()), "{row}: {got}");
        }
        assert!(guard.checked_url(&format!("https://example.com/{}", "x".repeat(LONGEST_URL))).is_err());
    }

    #[test]
    fn networks_that_the_operator_allows_are_open_at_every_port() {
        let guard = guard(WebhooksConfig {
            allow_http: true,
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..WebhooksConfig::default()
        });
        assert_eq!(guard.checked_url("http://127.0.0.1:9/x").as_deref(), Ok("http://127.0.0.1:9/x"));
        assert!(guard.checked_url("http://10.0.0.1/x").is_err());
        assert!(guard.checked_url("http://example.com:9/x").is_err(), "a name may be resolved to anything");
    }
}
