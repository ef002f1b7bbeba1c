//! What an approval statement must say to count as a signature.
//!
//! Only what protects against misuse is read here: the rest of the predicate belongs to the review.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::Value;

/// How far a signer's clock may be ahead.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Returns why an approval's predicate does not approve now: its `decision` must be `approve`,
/// its `time` not in the future, its `until` (RFC 3339, or a date: the end of that day UTC) not
/// over. A signed rejection is thereby no signature, whoever attached it.
pub(super) fn refusal(predicate: &Value, now: DateTime<Utc>) -> Option<String> {
    if predicate.get("decision").and_then(Value::as_str) != Some("approve") {
        return Some("it is a review statement that does not approve".to_owned());
    }
    match moment(predicate, "time") {
        Err(reason) => return Some(reason),
        Ok(Some(time)) if time > now + CLOCK_SKEW => {
            return Some(format!("the approval is dated in the future: {time}"));
        }
        Ok(_) => {}
    }
    match moment(predicate, "until") {
        Err(reason) => Some(reason),
        Ok(Some(until)) if until < now => Some(format!("the approval lapsed at {until}")),
        Ok(_) => None,
    }
}

/// Returns a time of the predicate; none where it is absent or null.
fn moment(predicate: &Value, field: &str) -> Result<Option<DateTime<Utc>>, String> {
    let text = match predicate.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(format!("the approval's `{field}` is not a time")),
    };
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Some(time.to_utc()));
    }
    let last_second = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
    text.parse::<NaiveDate>()
        .map(|date| Some(date.and_time(last_second).and_utc()))
        .map_err(|_neither| format!("the approval's `{field}` is not a time"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_standing_approval_counts() {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        for (predicate, reason) in [
            (json!({"decision": "approve"}), None),
            (json!({"decision": "approve", "until": null}), None),
            (json!({"decision": "approve", "until": "2026-03-01"}), None),
            (
                json!({"decision": "approve", "time": "2026-03-01T12:04:00Z"}),
                None,
            ),
            (
                json!({"decision": "approve", "until": "2026-02-28"}),
                Some("lapsed at 2026-02-28 23:59:59"),
            ),
            (
                json!({"decision": "approve", "until": "2026-03-01T11:59:59Z"}),
                Some("lapsed"),
            ),
            (
                json!({"decision": "approve", "until": "fixed"}),
                Some("`until` is not a time"),
            ),
            (
                json!({"decision": "approve", "until": 7}),
                Some("`until` is not a time"),
            ),
            (
                json!({"decision": "approve", "time": "2026-03-01T12:06:00Z"}),
                Some("in the future"),
            ),
            (
                json!({"decision": "approve", "time": ""}),
                Some("`time` is not a time"),
            ),
            (json!({"decision": "reject"}), Some("does not approve")),
            (json!({"verdict": "approve"}), Some("does not approve")),
            (json!(["decision", "approve"]), Some("does not approve")),
            (Value::Null, Some("does not approve")),
        ] {
            let found = refusal(&predicate, now);
            assert_eq!(found.is_some(), reason.is_some(), "{predicate}: {found:?}");
            assert!(
                found
                    .unwrap_or_default()
                    .contains(reason.unwrap_or_default()),
                "{predicate}"
            );
        }
    }
}
