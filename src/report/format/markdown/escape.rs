//! Markdown in which data cannot be taken for markup. A message may mark code with backticks, and nothing else.

use crate::report::text::{block, line};

/// One line of prose: every character that Markdown would act on is escaped, paired backticks mark code.
pub(crate) fn prose(s: &str) -> String {
    let text = line(s);
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    // Pairs only, with something in each and between them. A bar would end a table cell even inside code.
    let paired = parts.len() % 2 == 1
        && parts.iter().enumerate().all(|(i, p)| match i % 2 {
            1 => !p.trim().is_empty() && !p.contains('|'),
            _ => !p.is_empty() || i == 0 || i == last,
        });
    if !paired {
        return plain(&text);
    }
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        if i % 2 == 1 {
            out.push('`');
            out.push_str(part);
            out.push('`');
        } else {
            escape(part, i == 0, &mut out);
        }
    }
    out
}

/// One line of prose in which backticks too are only characters.
pub(crate) fn plain(s: &str) -> String {
    let mut out = String::new();
    escape(&line(s), true, &mut out);
    out
}

fn escape(s: &str, first: bool, out: &mut String) {
    let chars: Vec<char> = s.chars().collect();
    let is_word = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(|c| c.is_alphanumeric());
    // `1.` and `1)` begin a list.
    let digits = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    for (i, &c) in chars.iter().enumerate() {
        let active = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' | '$' | '^' => true,
            // Inside a word it is a character.
            '_' => !(is_word(i.checked_sub(1)) && is_word(Some(i + 1))),
            '&' => chars.get(i + 1).is_some_and(|c| c.is_alphanumeric() || *c == '#'),
            // Addresses from data are not made into links.
            ':' => (first && i == 0) || chars.get(i + 1..i + 3) == Some(&['/', '/']),
            '.' if i >= 3 && chars[i - 3..i].iter().all(|c| matches!(c, 'w' | 'W')) => true,
            '#' | '+' | '-' | '=' | '>' | '%' => first && i == 0,
            '.' | ')' => first && digits > 0 && i == digits && chars.get(i + 1).is_none_or(|c| *c == ' '),
            _ => false,
        };
        if active {
            out.push('\\');
        }
        out.push(c);
    }
}

/// A name, path or value as code.
pub(crate) fn code(s: &str) -> String {
    let text = line(s);
    if text.is_empty() {
        return String::new();
    }
    if text.contains('|') {
        return plain(&text);
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A fenced block whose fence is longer than any run of backticks in it.
pub(crate) fn fence(s: &str, language: &str) -> String {
    let text = block(s);
    let ticks = "`".repeat((longest_run(&text) + 1).max(3));
    let language: String = language.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    format!("{ticks}{language}\n{}\n{ticks}", text.trim_matches('\n'))
}

/// Instructions: lines as prose, and indented ones (commands, configuration) as code blocks.
pub(crate) fn steps(s: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let (mut text, mut verbatim): (Vec<&str>, Vec<&str>) = (vec![], vec![]);
    let all = block(s);
    // One more, empty, line ends what is open at the end.
    for l in all.lines().chain([""]) {
        if l.starts_with("  ") && !l.trim().is_empty() {
            if !text.is_empty() {
                out.push(prose(&std::mem::take(&mut text).join(" ")));
            }
            verbatim.push(l);
            continue;
        }
        if !verbatim.is_empty() {
            let lines = std::mem::take(&mut verbatim);
            let indent = lines.iter().map(|l| l.len() - l.trim_start_matches(' ').len()).min().unwrap_or(0);
            let lines: Vec<&str> = lines.iter().map(|l| l.get(indent..).unwrap_or_default()).collect();
            out.push(fence(&lines.join("\n"), ""));
        }
        if l.trim().is_empty() {
            if !text.is_empty() {
                out.push(prose(&std::mem::take(&mut text).join(" ")));
            }
        } else {
            text.push(l);
        }
    }
    out.join("\n\n")
}

/// A link to a web address; anything else becomes prose.
pub(crate) fn link(s: &str) -> String {
    let web = s.starts_with("https://") || s.starts_with("http://");
    let clean = s.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\\' | '|' | '`'));
    if web && clean { format!("<{s}>") } else { prose(s) }
}

fn longest_run(s: &str) -> usize {
    s.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn readable_text_stays_readable() {
        for s in
            ["prod/Deployment/backend", "DB_SSLMODE may be set (see v1.33.4-gke.1): 5 > 3", "rule `host all` admits"]
        {
            assert_eq!(prose(s), s);
        }
    }

    #[test]
    fn markup_from_data_is_text() {
        assert_eq!(prose("# a | b"), "\\# a \\| b");
        assert_eq!(prose("a\n\n- b\r\n===\n"), "a - b ===");
        assert_eq!(prose("- x"), "\\- x");
        assert_eq!(prose("12. x"), "12\\. x");
        assert_eq!(prose("1.33.4"), "1.33.4");
        assert_eq!(
            prose("<b>&lt; [a](b) *c* _d_ ~~e~~ \\ $x$"),
            "\\<b>\\&lt; \\[a\\](b) \\*c\\* \\_d\\_ \\~\\~e\\~\\~ \\\\ \\$x\\$"
        );
        assert_eq!(prose("https://e.vil www.e.vil"), "https\\://e.vil www\\.e.vil");
        assert_eq!(prose("one ` tick"), "one \\` tick");
        assert_eq!(prose("``` x ```"), "\\`\\`\\` x \\`\\`\\`");
        assert_eq!(prose("`a|b`"), "\\`a\\|b\\`");
    }

    #[test]
    fn code_and_fences_cannot_be_closed_from_inside() {
        assert_eq!(code("a `` b"), "```a `` b```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a|b"), "a\\|b");
        assert_eq!(fence("x\n`````\ny", "sh"), "``````sh\nx\n`````\ny\n``````");
        assert_eq!(fence("x", "sh\n# y"), "```shy\nx\n```");
    }

    #[test]
    fn steps_show_commands_as_code() {
        assert_eq!(steps("Run:\n  a\n    b\nor *ask*"), "Run:\n\n```\na\n  b\n```\n\nor \\*ask\\*");
        assert_eq!(steps("one\ntwo\n\n# x"), "one two\n\n\\# x");
        assert_eq!(steps(""), "");
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(link("https://a.example/x#y"), "<https://a.example/x#y>");
        assert_eq!(link("javascript:alert(1)"), "javascript:alert(1)");
        assert_eq!(link("https://a> <script>"), "https\\://a> \\<script>");
    }

    proptest! {
        #[test]
        fn one_line_without_open_markup(s in "[`|<\\\\a \n*_-]{0,40}") {
            for text in [prose(&s), plain(&s), code(&s)] {
                prop_assert!(!text.contains('\n'));
                // Every bar is escaped: a table row keeps its cells.
                let bars = text.match_indices('|').filter(|(i, _)| {
                    text[..*i].chars().rev().take_while(|c| *c == '\\').count() % 2 == 0
                });
                prop_assert_eq!(bars.count(), 0, "{:?} of {:?}", text, s);
            }
        }
    }
}
