//! Measured numbers for people: three significant digits, the unit behind a space. `NaN` prints as `–`.

/// Three significant digits, without trailing zeros behind the point being cut: `2.00`, `17.2`, `310`.
pub fn significant(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let magnitude = value.abs();
    let decimals = if magnitude >= 100.0 || magnitude == 0.0 {
        0
    } else if magnitude >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

/// `2.00 k`, `14.1 k`, `1.20 M`; whole numbers below a thousand stay whole.
pub fn count(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if magnitude < 1e3 {
        return if value.fract() == 0.0 { format!("{value:.0}") } else { significant(value) };
    }
    let (scale, suffix) = if magnitude < 1e6 {
        (1e3, "k")
    } else if magnitude < 1e9 {
        (1e6, "M")
    } else {
        (1e9, "G")
    };
    format!("{} {suffix}", significant(value / scale))
}

/// `2.00 k/s`.
pub fn rate(per_second: f64) -> String {
    let text = count(per_second);
    if text.contains(' ') { format!("{text}/s") } else { format!("{text} /s") }
}

/// `31.0 ms`, `17.2 s`, `3 min 20 s`, `2 h 5 min`.
pub fn seconds(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 {
        "0 s".to_owned()
    } else if magnitude < 1e-3 {
        format!("{} µs", significant(value * 1e6))
    } else if magnitude < 1.0 {
        format!("{} ms", significant(value * 1e3))
    } else if magnitude < 120.0 {
        format!("{} s", significant(value))
    } else if magnitude < 7200.0 {
        let total = value.round() as i64;
        format!("{} min {} s", total / 60, total.unsigned_abs() % 60)
    } else {
        let total = (value / 60.0).round() as i64;
        format!("{} h {} min", total / 60, total.unsigned_abs() % 60)
    }
}

/// `17.2 s ± 0.50 s`; the value alone where the error is not known.
pub fn seconds_with_error(value: f64, error: Option<f64>) -> String {
    match error {
        Some(error) if error > 0.0 => format!("{} ± {}", seconds(value), seconds(error)),
        _ => seconds(value),
    }
}

/// `512 B`, `1.50 MiB`.
pub fn bytes(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let mut scaled = value;
    for suffix in ["B", "KiB", "MiB", "GiB"] {
        if scaled.abs() < 1024.0 {
            return if suffix == "B" { format!("{scaled:.0} B") } else { format!("{} {suffix}", significant(scaled)) };
        }
        scaled /= 1024.0;
    }
    format!("{} TiB", significant(scaled))
}

/// `12.5 %`.
pub fn percent(ratio: f64) -> String {
    format!("{} %", significant(ratio * 100.0))
}

/// A moment of a run as its timeline writes it: `1:02`, with hours from the first one on: `1:00:05`.
pub fn clock(seconds_since_start: f64) -> String {
    let sign = if seconds_since_start < 0.0 { "-" } else { "" };
    let total = seconds_since_start.abs() as u64;
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    if hours > 0 { format!("{sign}{hours}:{minutes:02}:{seconds:02}") } else { format!("{sign}{minutes}:{seconds:02}") }
}

/// `238,910`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(14_100.0), "14.1 k");
        assert_eq!(count(310.0), "310");
        assert_eq!(rate(2000.0), "2.00 k/s");
        assert_eq!(rate(0.0), "0 /s");
        assert_eq!(seconds(0.031), "31.0 ms");
        assert_eq!(seconds_with_error(17.2, Some(0.5)), "17.2 s ± 500 ms");
        assert_eq!(seconds(200.0), "3 min 20 s");
        assert_eq!(bytes(1_572_864.0), "1.50 MiB");
        assert_eq!(clock(62.4), "1:02");
        assert_eq!(clock(3605.0), "1:00:05");
        assert_eq!(grouped(238_910), "238,910");
        assert_eq!(seconds(f64::NAN), "–");
    }
}
