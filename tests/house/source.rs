//! Rust sources, read as tokens.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::repository::{none, rust_files, text};

/// A function with a body.
pub(crate) struct Function {
    /// Its name without its path.
    pub(crate) name: String,
    /// Lines from `fn` to its closing brace, both counted.
    pub(crate) lines: usize,
    /// Whether `#[test]` or an attribute that ends in `::test` stands before it.
    pub(crate) is_test: bool,
}

/// All functions of a source, those in other functions included.
pub(crate) fn functions(file: &str, text: &str) -> Vec<Function> {
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut found = Vec::new();
    collect(tokens, &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<Function>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut is_test = false;
    for (place, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Bracket {
                    let attribute = group.stream().to_string().replace(' ', "");
                    is_test |= attribute == "test" || attribute.split('(').next().unwrap_or("").ends_with("::test");
                }
                collect(group.stream(), found);
            }
            TokenTree::Ident(word) if word == "fn" => {
                let Some(TokenTree::Ident(name)) = tokens.get(place + 1) else { continue };
                if let Some(end) = body_end(&tokens[place..]) {
                    let lines = end - word.span().start().line + 1;
                    found.push(Function { name: name.to_string(), lines, is_test });
                }
                is_test = false;
            }
            _ => {}
        }
    }
}

/// The last line of the body that belongs to the `fn` at the front; `None` for a declaration without one.
fn body_end(tokens: &[TokenTree]) -> Option<usize> {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return Some(group.span_close().end().line);
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn every_file_begins_with_what_it_is() {
    let bare = |file: &String| {
        let text = text(file).unwrap();
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        !first.is_some_and(|line| line.starts_with("//! ") && line.len() > 12)
    };
    none("No module documentation ('//!') on top:", rust_files().into_iter().filter(bare).collect());
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let text = "fn a() {\n let f: fn(u8) = |_| ();\n}\n#[test]\nfn b<T>()\nwhere\n T: Copy,\n{\n fn c() {}\n}\ntrait D { fn e(); }";
    let found: Vec<_> = functions("-", text).into_iter().map(|f| (f.name, f.lines, f.is_test)).collect();
    assert_eq!(found, [("a".into(), 3, false), ("b".into(), 6, true), ("c".into(), 1, false)] as [(String, _, _); 3]);
}
