//! Values of arguments and keys: times, time zones, offsets and networks. What is accepted is the same when it is
//! written and read again.

use std::net::{IpAddr, Ipv4Addr};

use tollbook_domain::HourOffsets;
use tollbook_domain::time::{civil_of_day, day_of_civil};
use tollbook_ops::charging::parse_offset;
use tollbook_ops::networks;
use tollbook_ops::stated_time::{Time, ZoneName};

use crate::files::check_reason;

pub(super) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match text.parse::<Time>() {
        Ok(Time::Moment(time_s)) => assert_eq!(time_s.to_string().parse(), Ok(Time::Moment(time_s))),
        Ok(Time::Day(date)) => {
            assert_eq!(date.to_string(), text);
            let (year, month, day) = (date.year().into(), date.month().into(), date.day().into());
            assert_eq!(civil_of_day(day_of_civil(year, month, day)), (year, month, day));
        }
        Err(reason) => check_reason(&reason),
    }
    match text.parse::<ZoneName>() {
        Ok(zone) => {
            let again: ZoneName = zone.name.parse().expect("a name of a zone is one");
            assert_eq!(again.zone, zone.zone, "{text}");
        }
        Err(reason) => check_reason(&reason),
    }
    if let Some(offset_s) = parse_offset(text) {
        let (sign, magnitude) = if offset_s < 0 { ('-', -offset_s) } else { ('+', offset_s) };
        let written = format!("{sign}{:02}:{:02}", magnitude / 3_600, magnitude / 60 % 60);
        assert_eq!(parse_offset(&written), Some(offset_s), "{text}");
        if HourOffsets::is_offset(offset_s) {
            assert_eq!(HourOffsets::fixed(offset_s).at(0), offset_s);
        }
    }
    match networks::parse(text) {
        Ok(network) => {
            assert_eq!(networks::parse(&network.to_string()), Ok(network));
            assert!(network.contains(&network.addr()));
            let contains = |address| networks::any_contains(&[network], address);
            // An address that is mapped into IPv6 is compared as IPv4.
            if let IpAddr::V4(address) = network.addr() {
                assert!(contains(IpAddr::V6(Ipv4Addr::to_ipv6_mapped(&address))), "{network}");
            }
        }
        Err(reason) => check_reason(&reason),
    }
}
