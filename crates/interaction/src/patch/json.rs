//! JSON Patch: <https://www.rfc-editor.org/rfc/rfc6902>.

use super::value::Value;
use crate::refusal::{Class, Refusal};

/// Applies a patch to a text; all of it or nothing.
///
/// # Errors
/// [`Class::Malformed`] where the patch is none, [`Class::Unprocessable`] where it does not fit what is there.
pub fn apply(text: &str, patch: &[u8]) -> Result<String, Refusal> {
    let malformed = |text: String| Refusal::new(Class::Malformed, text);
    let patch = std::str::from_utf8(patch).ok().and_then(Value::read);
    let Some(Value::Array(operations)) = patch else {
        return Err(malformed("A JSON Patch is an array of operations.".to_owned()));
    };
    let mut document = Value::read(text).ok_or_else(|| Refusal::fault("stored text does not parse"))?;
    for (number, operation) in operations.iter().enumerate() {
        let operation = Operation::of(operation).map_err(|text| malformed(format!("Operation {number}: {text}.")))?;
        let applied = operation.apply(&mut document);
        applied.map_err(|text| Refusal::new(Class::Unprocessable, format!("Operation {number}: {text}.")))?;
    }
    let mut out = String::new();
    document.write(&mut out);
    Ok(out)
}

enum Operation {
    Add(Vec<String>, Value),
    Remove(Vec<String>),
    Replace(Vec<String>, Value),
    Move(Vec<String>, Vec<String>),
    Copy(Vec<String>, Vec<String>),
    Test(Vec<String>, Value),
}

impl Operation {
    fn of(operation: &Value) -> Result<Operation, String> {
        let pointer = |name: &str| {
            let text = operation.get(name).and_then(Value::text).ok_or_else(|| format!("it has no {name}"))?;
            tokens(text).ok_or_else(|| format!("{name} is no JSON Pointer"))
        };
        let value = || operation.get("value").cloned().ok_or_else(|| "it has no value".to_owned());
        Ok(match operation.get("op").and_then(Value::text) {
            Some("add") => Operation::Add(pointer("path")?, value()?),
            Some("remove") => Operation::Remove(pointer("path")?),
            Some("replace") => Operation::Replace(pointer("path")?, value()?),
            Some("move") => Operation::Move(pointer("from")?, pointer("path")?),
            Some("copy") => Operation::Copy(pointer("from")?, pointer("path")?),
            Some("test") => Operation::Test(pointer("path")?, value()?),
            Some(other) => return Err(format!("there is no operation {other}")),
            None => return Err("it has no op".to_owned()),
        })
    }

    fn apply(self, document: &mut Value) -> Result<(), String> {
        match self {
            Operation::Add(path, value) => add(document, &path, value),
            Operation::Remove(path) => remove(document, &path).map(|_| ()),
            Operation::Replace(path, value) => {
                *find(document, &path)? = value;
                Ok(())
            }
            Operation::Move(from, path) => {
                if path.len() > from.len() && path.starts_with(&from) {
                    return Err("nothing is moved into itself".to_owned());
                }
                let value = remove(document, &from)?;
                add(document, &path, value)
            }
            Operation::Copy(from, path) => {
                let value = find(document, &from)?.clone();
                add(document, &path, value)
            }
            Operation::Test(path, value) => match *find(document, &path)? == value {
                true => Ok(()),
                false => Err(format!("the value at {} is another", shown(&path))),
            },
        }
    }
}

/// The tokens of a JSON Pointer (RFC 6901).
fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}

fn shown(path: &[String]) -> String {
    format!("/{}", path.join("/"))
}

fn find<'v>(document: &'v mut Value, path: &[String]) -> Result<&'v mut Value, String> {
    path.iter().try_fold(document, |value, token| {
        let found = match value {
            Value::Object(members) => members.iter_mut().find(|(name, _)| name == token).map(|(_, value)| value),
            Value::Array(items) => index(token).and_then(|place| items.get_mut(place)),
            Value::Word(_) | Value::Text(_) => None,
        };
        found.ok_or_else(|| format!("there is nothing at {}", shown(path)))
    })
}

fn add(document: &mut Value, path: &[String], value: Value) -> Result<(), String> {
    let Some((last, parent)) = path.split_last() else {
        *document = value;
        return Ok(());
    };
    match find(document, parent)? {
        Value::Object(members) => match members.iter_mut().find(|(name, _)| name == last) {
            Some((_, old)) => *old = value,
            None => members.push((last.clone(), value)),
        },
        Value::Array(items) => {
            let place = if last == "-" { Some(items.len()) } else { index(last) };
            let place = place.filter(|place| *place <= items.len());
            items.insert(place.ok_or_else(|| format!("the array has no place {last}"))?, value);
        }
        Value::Word(_) | Value::Text(_) => return Err(format!("nothing can be added at {}", shown(path))),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &[String]) -> Result<Value, String> {
    let nothing = || format!("there is nothing at {}", shown(path));
    let (last, parent) = path.split_last().ok_or("the whole cannot be removed")?;
    match find(document, parent)? {
        Value::Object(members) => {
            let place = members.iter().position(|(name, _)| name == last).ok_or_else(nothing)?;
            Ok(members.remove(place).1)
        }
        Value::Array(items) => {
            let place = index(last).filter(|place| *place < items.len()).ok_or_else(nothing)?;
            Ok(items.remove(place))
        }
        Value::Word(_) | Value::Text(_) => Err(nothing()),
    }
}

/// An index of RFC 6901: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    plain.then(|| token.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::apply;

    fn check(document: &str, patch: &str, expected: Option<&str>) {
        assert_eq!(apply(document, patch.as_bytes()).ok().as_deref(), expected, "{patch}");
    }

    #[test]
    fn each_operation_does_its_work() {
        let document = r#"{"a":[1,2],"b":{"c":"x"}}"#;
        check(document, r#"[{"op":"add","path":"/a/1","value":9}]"#, Some(r#"{"a":[1,9,2],"b":{"c":"x"}}"#));
        check(document, r#"[{"op":"add","path":"/a/-","value":1.50}]"#, Some(r#"{"a":[1,2,1.50],"b":{"c":"x"}}"#));
        check(document, r#"[{"op":"remove","path":"/b/c"}]"#, Some(r#"{"a":[1,2],"b":{}}"#));
        check(document, r#"[{"op":"replace","path":"/a","value":null}]"#, Some(r#"{"a":null,"b":{"c":"x"}}"#));
        check(document, r#"[{"op":"move","from":"/b/c","path":"/d~1e"}]"#, Some(r#"{"a":[1,2],"b":{},"d/e":"x"}"#));
        check(document, r#"[{"op":"copy","from":"/a/0","path":"/b/c"}]"#, Some(r#"{"a":[1,2],"b":{"c":1}}"#));
        check(document, r#"[{"op":"test","path":"/a","value":[1.0,2]}]"#, Some(document));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let document = r#"{"a":[1,2],"b":{"c":"x"}}"#;
        for patch in [
            r#"[{"op":"add","path":"/x/y","value":1}]"#,
            r#"[{"op":"add","path":"/a/3","value":1}]"#,
            r#"[{"op":"add","path":"/a/01","value":1}]"#,
            r#"[{"op":"remove","path":"/x"}]"#,
            r#"[{"op":"replace","path":"/x","value":1}]"#,
            r#"[{"op":"move","from":"/b","path":"/b/c/d"}]"#,
            r#"[{"op":"test","path":"/a/0","value":"1"}]"#,
            r#"[{"op":"nonsense","path":"/a"}]"#,
            r#"{"op":"remove","path":"/a"}"#,
        ] {
            check(document, patch, None);
        }
    }
}
