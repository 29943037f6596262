//! Splits lines into fields, and fields into tokens.

/// A token. A quoted token is never a keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub text: String,
    pub quoted: bool,
}

impl Token {
    pub(super) fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.text == keyword
    }
}

/// Splits a line into fields; a field with commas holds several tokens. A comment ends the line.
pub(super) fn split_fields(line: &str) -> Vec<Vec<Token>> {
    let mut out: Vec<Vec<Token>> = Vec::new();
    let mut chars = line.chars().peekable();
    let mut after_comma = false;
    loop {
        while chars.next_if(|c| is_blank(*c) || *c == ',').is_some() {}
        if matches!(chars.peek(), None | Some('#')) {
            return out;
        }
        let mut token = Token { text: String::new(), quoted: chars.peek() == Some(&'"') };
        let mut in_quote = false;
        let mut comma = false;
        while let Some(&c) = chars.peek() {
            if !in_quote && (is_blank(c) || c == '#') {
                break;
            }
            chars.next();
            match c {
                ',' if !in_quote => {
                    comma = true;
                    break;
                }
                '"' => {
                    // Inside quotes, a doubled quote stands for one.
                    if in_quote && chars.peek() == Some(&'"') {
                        chars.next();
                        token.text.push('"');
                    } else {
                        in_quote = !in_quote;
                    }
                }
                c => token.text.push(c),
            }
        }
        match out.last_mut() {
            Some(field) if after_comma => field.push(token),
            _ => out.push(vec![token]),
        }
        after_comma = comma;
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
