//! Address ranges: parsing them, and testing whether an address is in one.

use std::net::IpAddr;

use ipnet::IpNet;

/// Parses `10.0.0.0/8`, `2001:db8::/32`, or a single address, which is a range of one.
///
/// # Errors
/// The reason, without the text itself. A range with bits beyond its prefix is refused, because it is ambiguous.
pub fn parse(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let network: IpNet =
        text.parse().map_err(|_| "is not an address range such as 10.0.0.0/8 or 2001:db8::/32".to_owned())?;
    if network.addr() != network.network() {
        return Err(format!("has bits beyond its prefix: write {}", network.trunc()));
    }
    Ok(network)
}

/// Whether an address is in any of the ranges. An IPv4 address that is mapped into IPv6, as on a dual-stack socket, is
/// compared as IPv4.
pub fn any_contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed_or_refused() {
        // text | range or reason
        let table = "
            10.0.0.0/8      | 10.0.0.0/8
            192.0.2.7       | 192.0.2.7/32
            ::1             | ::1/128
            2001:db8::/32   | 2001:db8::/32
            0.0.0.0/0       | 0.0.0.0/0
            10.0.0.5/8      | has bits beyond its prefix: write 10.0.0.0/8
            10.0.0.0/33     | is not an address range such as 10.0.0.0/8 or 2001:db8::/32
            example.com     | is not an address range such as 10.0.0.0/8 or 2001:db8::/32
            10.0.0/8        | is not an address range such as 10.0.0.0/8 or 2001:db8::/32";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (text, expected) = row.split_once('|').unwrap();
            let got = parse(text).map_or_else(|reason| reason, |network| network.to_string());
            assert_eq!(got, expected.trim(), "{row}");
        }
        assert!(parse("").is_err());
    }

    #[test]
    fn addresses_are_found_in_ranges() {
        let networks = [parse("10.0.0.0/8").unwrap(), parse("::1").unwrap()];
        for (address, inside) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.0", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(any_contains(&networks, address.parse().unwrap()), inside, "{address}");
        }
        assert!(!any_contains(&[], "10.0.0.1".parse().unwrap()));
    }
}
