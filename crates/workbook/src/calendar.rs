//! Dates in integer arithmetic: the serial numbers in sheets, and the civil dates in texts and in the container. Local
//! time is Unix seconds plus an offset that the caller provides. Workbook depends on no crate of this workspace, so it has
//! its own civil-date conversion; `domain::time` has the same algorithm.

const DAY_S: i64 = 86_400;

/// Serial number of 1970-01-01 in the 1900 date system (ECMA-376 part 1, 18.17.4.1).
const UNIX_EPOCH_SERIAL: i64 = 25_569;

/// 1900-03-01. Earlier serial numbers differ between programs: Excel counts a 29 February 1900, which did not exist.
const FIRST_SERIAL: i64 = 61;

/// 9999-12-31, the last day that Excel shows.
const LAST_SERIAL: i64 = 2_958_465;

/// Decimals of a day. Half of 1e-11 days is 0.43 µs, about the precision of a double at current serial numbers, so
/// readers that round to milliseconds or seconds get the exact second.
const FRACTION_DIGITS: usize = 11;
const FRACTION_UNIT: i64 = 100_000_000_000;

/// A time as sheets store it: whole days and a fraction in units of 1e-11 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serial {
    pub(crate) days: i64,
    fraction: i64,
}

impl Serial {
    /// The serial number of a local time; `None` outside Excel's calendar.
    pub(crate) fn of(local_s: i64) -> Option<Self> {
        let days = local_s.div_euclid(DAY_S) + UNIX_EPOCH_SERIAL;
        if !(FIRST_SERIAL..=LAST_SERIAL).contains(&days) {
            return None;
        }
        // At most 86,399 / 86,400 of the unit, so rounding half up never carries into the days.
        let fraction = (local_s.rem_euclid(DAY_S) * FRACTION_UNIT + DAY_S / 2) / DAY_S;
        Some(Self { days, fraction })
    }

    /// Appends the point and the decimals without trailing zeros; nothing at midnight.
    pub(crate) fn push_fraction(self, out: &mut Vec<u8>) {
        if self.fraction == 0 {
            return;
        }
        let mut digits = itoa::Buffer::new();
        // Adding the unit keeps leading zeros: 1_00000001157 without its first digit.
        let digits = digits.format(FRACTION_UNIT + self.fraction).as_bytes();
        let digits = digits.get(1..=FRACTION_DIGITS).unwrap_or_default();
        out.push(b'.');
        out.extend_from_slice(digits.trim_suffix_zeros());
    }
}

/// Removes the trailing zeros of decimals.
pub(crate) trait TrimZeros {
    fn trim_suffix_zeros(&self) -> &Self;
}

impl TrimZeros for [u8] {
    fn trim_suffix_zeros(&self) -> &Self {
        let kept = self.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
        self.split_at(kept).0
    }
}

/// A date and time of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
}

impl Civil {
    /// The civil time of seconds since 1970, by the era method (H. Hinnant, "chrono-compatible low-level date
    /// algorithms"): years begin on 1 March, so that the leap day is the last day of its year.
    pub(crate) fn of(local_s: i64) -> Self {
        let days = local_s.div_euclid(DAY_S) + 719_468;
        let second_of_day = local_s.rem_euclid(DAY_S);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: days.div_euclid(146_097) * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: second_of_day / 3_600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        }
    }

    /// `yyyy-mm-dd hh:mm:ss`, as in date cells.
    pub(crate) fn plain(self) -> String {
        let Self { year, month, day, hour, minute, second } = self;
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }

    /// W3CDTF in UTC, as in document properties (ECMA-376 part 2, 11.1).
    pub(crate) fn w3cdtf(self) -> String {
        let Self { year, month, day, hour, minute, second } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(local_s: i64) -> Option<String> {
        Serial::of(local_s).map(|serial| {
            let mut out = serial.days.to_string().into_bytes();
            serial.push_fraction(&mut out);
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn serial_numbers() {
        let cases: [(i64, Option<&str>); 9] = [
            (0, Some("25569")),
            (1, Some("25569.00001157407")),
            (86_399, Some("25569.99998842593")),
            (-1, Some("25568.99998842593")),
            (1_678_939_200 + 3_600, Some("45001.20833333333")),
            (1_700_000_000, Some("45244.92592592593")),
            (253_402_300_799, Some("2958465.99998842593")),
            (253_402_300_800, None),
            (-2_203_891_201, None),
        ];
        for (local_s, expected) in cases {
            assert_eq!(serial(local_s).as_deref(), expected, "{local_s}");
        }
        assert_eq!(serial(-2_203_891_200).as_deref(), Some("61"), "1900-03-01");
        assert_eq!((serial(i64::MIN), serial(i64::MAX)), (None, None));
    }

    #[test]
    fn a_double_preserves_every_second_of_a_day() {
        for second in 0..DAY_S {
            let text = serial(20_000 * DAY_S + second).unwrap();
            let days: f64 = text.parse().unwrap();
            let back = (days - f64::from(45_569_i32)) * 86_400.0;
            let whole = f64::from(i32::try_from(second).unwrap());
            assert!((back - whole).abs() < 0.000_002, "{second}: {back}");
        }
    }

    #[test]
    fn civil_dates() {
        for (local_s, expected) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (4_107_542_399, "2100-02-28 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (253_402_300_800, "10000-01-01 00:00:00"),
        ] {
            assert_eq!(Civil::of(local_s).plain(), expected);
        }
        assert_eq!(Civil::of(1_700_000_000).w3cdtf(), "2023-11-14T22:13:20Z");
        let _never_panics = (Civil::of(i64::MIN), Civil::of(i64::MAX));
    }
}
