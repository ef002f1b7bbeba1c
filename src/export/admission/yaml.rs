//! JSON values written as YAML, block by block.
//!
//! Every text is quoted as JSON quotes it, which YAML reads as it stands, so that none can be
//! taken for a number, a date or a comment; a text of several lines is written as a block.

use serde_json::Value;

/// Returns the documents as one stream.
#[must_use]
pub fn documents(list: &[&Value]) -> String {
    let mut text = String::new();
    for (position, document) in list.iter().enumerate() {
        if position > 0 {
            text.push_str("---\n");
        }
        block(document, 0, &mut text);
    }
    text
}

/// Writes a value in lines of its own.
fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                text.push_str(&margin);
                text.push_str(&name(key));
                text.push(':');
                after(value, indent + 2, text);
            }
        }
        Value::Array(list) => {
            for value in list {
                text.push_str(&margin);
                text.push('-');
                match value {
                    // The first field stands beside the dash, the others below it.
                    Value::Object(fields) if !fields.is_empty() => {
                        let mut inner = String::new();
                        block(value, indent + 2, &mut inner);
                        text.push(' ');
                        text.push_str(inner.trim_start());
                    }
                    _ => after(value, indent + 2, text),
                }
            }
        }
        _ => {
            text.push_str(&margin);
            text.push_str(&value.to_string());
            text.push('\n');
        }
    }
}

/// Writes a value behind a key or a dash.
fn after(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        Value::Array(list) if !list.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        Value::String(lines) if is_block(lines) => {
            text.push_str(" |\n");
            for line in lines.lines() {
                text.push_str(&" ".repeat(indent));
                text.push_str(line);
                text.push('\n');
            }
        }
        _ => {
            text.push(' ');
            text.push_str(&value.to_string());
            text.push('\n');
        }
    }
}

/// Returns whether a text can be written as a block and be read back as it was: whole lines of
/// printable ASCII, the first not indented, the last ended once.
fn is_block(text: &str) -> bool {
    text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && text
            .bytes()
            .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
}

/// Words that some reader of YAML takes for something else than text.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

fn name(key: &str) -> String {
    let is_word = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_word && !RESERVED.contains(&key.to_ascii_lowercase().as_str()) {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}
