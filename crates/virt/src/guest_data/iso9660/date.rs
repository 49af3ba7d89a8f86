//! Dates as the format writes them, in UTC.

use hatchery_model::timestamp::Timestamp;

/// Year, month, day, hour, minute, second.
fn civil(at: Timestamp) -> [i64; 6] {
    let (days, seconds) = (at.seconds().div_euclid(86_400), at.seconds().rem_euclid(86_400));
    // Counted from the first of March of the year 0, in eras of 400 years: leap days then come last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    [year, month, day, seconds / 3_600, seconds / 60 % 60, seconds % 60]
}

/// A folder record's date.
pub(super) fn of_record(at: Timestamp) -> [u8; 7] {
    let [year, month, day, hour, minute, second] = civil(at);
    let year = (year - 1900).clamp(0, 255);
    [year, month, day, hour, minute, second, 0].map(|part| part as u8)
}

/// A volume descriptor's date.
pub(super) fn of_volume(at: Timestamp) -> [u8; 17] {
    let [year, month, day, hour, minute, second] = civil(at);
    let text =
        format!("{:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}00", year.clamp(1, 9999));
    let mut bytes = [0; 17];
    bytes[..16].copy_from_slice(&text.as_bytes()[..16]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{of_record, of_volume};
    use hatchery_model::timestamp::Timestamp;

    #[test]
    fn dates_are_right_across_leap_years() {
        for (seconds, text) in [
            (0, "1970010100000000"),
            (951_782_399, "2000022823595900"),
            (951_782_400, "2000022900000000"),
            (1_767_225_599, "2025123123595900"),
            (4_107_542_400, "2100030100000000"),
        ] {
            let volume = of_volume(Timestamp(seconds * 1_000_000));
            assert_eq!(std::str::from_utf8(&volume[..16]), Ok(text));
        }
        let record = of_record(Timestamp(1_767_225_599_000_000));
        assert_eq!(record, [125, 12, 31, 23, 59, 59, 0]);
    }
}
