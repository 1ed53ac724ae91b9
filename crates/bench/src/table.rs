//! Figures, and how they are written: a table for people, a JSON object a line for programs.

use serde_json::Value;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The benchmark and its variant, such as `word-count/50000/engine`.
    pub(crate) name: String,
    /// What is measured, such as `mb_per_s`.
    pub(crate) metric: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: String,
    /// The value divided by that of another row, and the name of the other row.
    pub(crate) ratio: Option<(f64, String)>,
}

/// The unit of rows that answer a question: 1 is yes, 0 is no.
pub(crate) const YES_NO: &str = "yes/no";

impl Row {
    /// A figure that is compared to nothing.
    pub(crate) fn new(name: impl Into<String>, metric: &str, value: f64, unit: &str) -> Row {
        Row {
            name: name.into(),
            metric: metric.to_owned(),
            value,
            unit: unit.to_owned(),
            ratio: None,
        }
    }

    /// This figure, compared to that of another row.
    pub(crate) fn compared_to(mut self, other: &Row) -> Row {
        self.ratio = Some((self.value / other.value, other.name.clone()));
        self
    }

    /// As one line of JSON. A value that is no number, such as infinity, is `null`.
    pub(crate) fn json(&self) -> String {
        let (ratio, ratio_to) = match &self.ratio {
            Some((ratio, to)) => (Value::from(*ratio), Value::from(to.as_str())),
            None => (Value::Null, Value::Null),
        };
        let fields = [
            ("name", Value::from(self.name.as_str())),
            ("metric", Value::from(self.metric.as_str())),
            ("value", Value::from(self.value)),
            ("unit", Value::from(self.unit.as_str())),
            ("ratio", ratio),
            ("ratio_to", ratio_to),
        ];
        // An object of serde_json would have them in alphabetical order.
        let fields = fields.map(|(key, value)| format!("\"{key}\":{value}"));
        format!("{{{}}}", fields.join(","))
    }

    /// A row of a line that [`Row::json`], or another program in the same form, wrote.
    pub(crate) fn from_json(line: &str) -> Option<Row> {
        let object: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| Some(object.get(key)?.as_str()?.to_owned());
        let ratio = object
            .get("ratio")
            .and_then(Value::as_f64)
            .zip(text("ratio_to"));
        Some(Row {
            name: text("name")?,
            metric: text("metric")?,
            value: object.get("value")?.as_f64().unwrap_or(f64::INFINITY),
            unit: text("unit")?,
            ratio,
        })
    }

    fn cells(&self) -> [String; 6] {
        let (ratio, to) = match &self.ratio {
            Some((ratio, to)) => (format!("{ratio:.0$}", decimals(*ratio)), to.clone()),
            None => (String::new(), String::new()),
        };
        let value = match (self.unit.as_str(), self.value) {
            (YES_NO, value) if value > 0.0 => "yes".to_owned(),
            (YES_NO, _) => "no".to_owned(),
            (_, value) => number(value),
        };
        let unit = if self.unit == YES_NO {
            String::new()
        } else {
            self.unit.clone()
        };
        [
            self.name.clone(),
            self.metric.clone(),
            value,
            unit,
            ratio,
            to,
        ]
    }
}

/// Two decimals, or more for a ratio that would look like nothing.
fn decimals(ratio: f64) -> usize {
    if ratio.abs() < 0.0995 { 4 } else { 2 }
}

/// Three or more significant digits, and thousands told apart.
fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "none".to_owned(),
        size if size >= 99_999.5 => thousands(&format!("{value:.0}")),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

const HEAD: [&str; 6] = ["benchmark", "metric", "value", "unit", "ratio", "to"];

/// Numbers stand at the right of their columns.
const AT_RIGHT: [bool; 6] = [false, false, true, false, true, false];

/// The rows as a table with a line for each.
pub(crate) fn table(rows: &[Row]) -> String {
    let lines: Vec<[String; 6]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(rows.iter().map(Row::cells))
        .collect();
    let mut widths = [0; 6];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells = line
            .iter()
            .zip(widths)
            .zip(AT_RIGHT)
            .map(|((cell, width), at_right)| {
                if at_right {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Row> {
        let plain = Row::new("count/loop", "mb_per_s", 200.0, "MB/s");
        let engine = Row::new("count/engine", "mb_per_s", 150.0, "MB/s").compared_to(&plain);
        vec![plain, engine, Row::new("hold/5ms", "stable", 1.0, YES_NO)]
    }

    #[test]
    fn the_table_is_aligned() {
        let expected = "\
benchmark     metric    value  unit  ratio  to
count/loop    mb_per_s    200  MB/s
count/engine  mb_per_s    150  MB/s   0.75  count/loop
hold/5ms      stable      yes
";
        assert_eq!(table(&rows()), expected);
    }

    #[test]
    fn small_ratios_keep_their_digits() {
        let [slow, fast] = [17.0, 0.0215].map(|value| Row::new("job", "median_ms", value, "ms"));
        assert!(table(&[fast.compared_to(&slow)]).contains("  0.0013  job"));
    }

    #[test]
    fn json_has_every_field() {
        let rows = rows();
        assert_eq!(
            serde_json::from_str::<Value>(&rows[1].json()).unwrap(),
            json!({
                "name": "count/engine", "metric": "mb_per_s", "value": 150.0, "unit": "MB/s",
                "ratio": 0.75, "ratio_to": "count/loop",
            })
        );
        let plain: Value = serde_json::from_str(&rows[0].json()).unwrap();
        assert_eq!(
            (&plain["ratio"], &plain["ratio_to"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn json_is_read_back() {
        for row in rows() {
            assert_eq!(Row::from_json(&row.json()), Some(row));
        }
        let of_spark = r#"{"name":"socket","metric":"mb_per_s","value":1.500,"unit":"MB/s"}"#;
        assert_eq!(
            Row::from_json(of_spark),
            Some(Row::new("socket", "mb_per_s", 1.5, "MB/s"))
        );
        assert_eq!(Row::from_json("not a row"), None);
    }

    #[test]
    fn a_value_that_is_none_stays_none() {
        let row = Row::new("hold", "interval_ms", f64::INFINITY, "ms");
        assert!(row.json().contains(r#""value":null"#));
        assert_eq!(Row::from_json(&row.json()), Some(row.clone()));
        assert!(table(&[row]).contains("none"));
    }

    #[test]
    fn numbers_keep_three_digits() {
        let written = [
            0.01234,
            1.0,
            12.345,
            999.96,
            54_321.0,
            1_234_567.8,
            -200_000.0,
        ]
        .map(number);
        assert_eq!(
            written,
            [
                "0.012",
                "1.00",
                "12.3",
                "1000",
                "54321",
                "1 234 568",
                "-200 000"
            ]
        );
    }
}
