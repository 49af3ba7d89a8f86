//! `AggregateInstanceExtraSpecsFilter`: what a flavor asks of the aggregates in which a host is.

use super::filter::Look;
use hatchery_model::compute::{Aggregate, Host, HostFacts};

/// Keys of this scope are the filter's, as those without any; others are not.
const SCOPE: &str = "aggregate_instance_extra_specs";

/// Whether the metadata of the host's aggregates have what the flavor's extra specs ask.
pub(super) fn matches(look: &Look<'_>) -> bool {
    look.request.extra_specs.iter().all(|(key, wanted)| {
        let key = match key.split_once(':') {
            None => key,
            Some((SCOPE, rest)) => rest,
            Some(_) => return true,
        };
        values(look.facts, look.host, key).any(|value| fits(value, wanted))
    })
}

/// Every value of a key, where each aggregate may have several with commas between them.
fn values<'a>(facts: &'a HostFacts, host: &'a Host, key: &'a str) -> impl Iterator<Item = &'a str> {
    let has_host = |aggregate: &&Aggregate| aggregate.has(&host.name);
    let of_host = facts.aggregates.iter().filter(has_host);
    of_host
        .filter_map(move |aggregate| aggregate.metadata.get(key))
        .flat_map(|values| values.split(','))
        .map(str::trim)
}

/// Nova's little language: `<operator> <operand>…`, or the value itself.
fn fits(value: &str, wanted: &str) -> bool {
    let mut words = wanted.split_whitespace();
    let operator = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let compared = |test: fn(&f64, &f64) -> bool| {
        let numbers = (value.parse().ok(), rest.first().and_then(|word| word.parse().ok()));
        matches!(numbers, (Some(a), Some(b)) if test(&a, &b))
    };
    let text = |test: fn(&str, &str) -> bool| rest.first().is_some_and(|word| test(value, word));
    match operator {
        "=" | ">=" => compared(f64::ge),
        "<=" => compared(f64::le),
        "==" => compared(f64::eq),
        "!=" => compared(f64::ne),
        "s==" => text(|a, b| a == b),
        "s!=" => text(|a, b| a != b),
        "s<" => text(|a, b| a < b),
        "s<=" => text(|a, b| a <= b),
        "s>" => text(|a, b| a > b),
        "s>=" => text(|a, b| a >= b),
        "<in>" => text(|a, b| a.contains(b)),
        "<all-in>" => !rest.is_empty() && rest.iter().all(|word| value.contains(word)),
        // `<or> a <or> b`: every second word is the sign again.
        "<or>" => rest.iter().step_by(2).any(|word| *word == value),
        _ => value == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn nova_s_operators() {
        for (value, wanted, fit) in [
            ("ssd", "ssd", true),
            ("ssd", "hdd", false),
            ("", "", true),
            ("4", "= 3", true),
            ("2", "= 3", false),
            ("3.0", "== 3", true),
            ("3", "!= 3", false),
            ("2", "<= 3", true),
            ("two", ">= 1", false),
            ("b", "s> a", true),
            ("a", "s!= a", false),
            ("a", "s== a", true),
            ("sse4", "<in> sse", true),
            ("sse4,avx", "<all-in> sse avx", true),
            ("sse4", "<all-in> sse avx", false),
            ("b", "<or> a <or> b", true),
            ("<or>", "<or> a <or> b", false),
            ("a", "<or>", false),
            ("a", "s==", false),
        ] {
            assert_eq!(fits(value, wanted), fit, "{value} against {wanted}");
        }
    }
}
