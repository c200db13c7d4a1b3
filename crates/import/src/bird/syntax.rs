//! BIRD's text as statements: words, and perhaps a block of statements in braces.

/// A statement, up to its semicolon or the end of its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where it begins, from 1.
    pub(super) line: usize,
    pub(super) words: Vec<Word>,
    pub(super) block: Option<Vec<Self>>,
}

/// A word, a number, a sign, or text in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Plain(String),
    Quoted(String),
}

impl Word {
    /// What it says, quoted or not.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Quoted(text) => text,
        }
    }
}

impl Statement {
    /// Its words as text.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.words.iter().map(Word::text).collect()
    }

    /// Its words on one line, as they may have been written.
    pub(super) fn shown(&self) -> String {
        let words: Vec<String> = self
            .words
            .iter()
            .map(|word| match word {
                Word::Plain(text) => text.clone(),
                Word::Quoted(text) => format!("\"{text}\""),
            })
            .collect();
        words.join(" ")
    }

    /// The statements in its braces; none if it has none.
    pub(super) fn inside(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}

enum Token {
    Word(Word),
    Open,
    Close,
    End,
}

/// Braces are nested no deeper than this: what is deeper is part of the innermost.
const DEPTH: usize = 32;

/// Reads a text. What is not closed ends with the text; what is closed too often is nothing.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut open: Vec<(Vec<Statement>, Statement)> = Vec::new();
    let mut list = Vec::new();
    let mut current = nothing();
    let mut deeper = 0_usize;
    let end = |list: &mut Vec<Statement>, current: &mut Statement| {
        let done = std::mem::replace(current, nothing());
        if !done.words.is_empty() || done.block.is_some() {
            list.push(done);
        }
    };
    for (line, token) in tokens(text) {
        match token {
            Token::Word(word) => {
                if current.words.is_empty() {
                    current.line = line;
                }
                // Something follows a block without a semicolon between, as it may.
                if current.block.is_some() {
                    end(&mut list, &mut current);
                    current.line = line;
                }
                current.words.push(word);
            }
            Token::End => end(&mut list, &mut current),
            Token::Open if open.len() >= DEPTH => deeper += 1,
            Token::Open => {
                if current.words.is_empty() {
                    current.line = line;
                }
                open.push((
                    std::mem::take(&mut list),
                    std::mem::replace(&mut current, nothing()),
                ));
            }
            Token::Close if deeper > 0 => deeper -= 1,
            Token::Close => {
                end(&mut list, &mut current);
                if let Some((outer, mut owner)) = open.pop() {
                    owner.block = Some(std::mem::replace(&mut list, outer));
                    current = owner;
                }
            }
        }
    }
    end(&mut list, &mut current);
    while let Some((outer, mut owner)) = open.pop() {
        owner.block = Some(std::mem::replace(&mut list, outer));
        list.push(owner);
    }
    list
}

const fn nothing() -> Statement {
    Statement {
        line: 0,
        words: Vec::new(),
        block: None,
    }
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    let mut line = 1;
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '/' if rest.peek() == Some(&'*') => {
                let mut last = ' ';
                rest.next();
                for c in rest.by_ref() {
                    if c == '\n' {
                        line += 1;
                    }
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            '{' => tokens.push((line, Token::Open)),
            '}' => tokens.push((line, Token::Close)),
            ';' => tokens.push((line, Token::End)),
            '"' => {
                let mut quoted = String::new();
                while let Some(c) = rest.next_if(|c| *c != '"' && *c != '\n') {
                    quoted.push(c);
                }
                rest.next_if_eq(&'"');
                tokens.push((line, Token::Word(Word::Quoted(quoted))));
            }
            // Lists are written with commas that stand for themselves.
            ',' | '[' | ']' | '(' | ')' | '~' | '=' => {
                tokens.push((line, Token::Word(Word::Plain(c.to_string()))));
            }
            c => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| !c.is_whitespace() && !"{};\"#,[]()~=".contains(*c)) {
                    word.push(c);
                }
                tokens.push((line, Token::Word(Word::Plain(word))));
            }
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &[Statement]) -> String {
        let one = |statement: &Statement| {
            let block = statement.block.as_ref();
            let block = block.map_or_else(String::new, |block| format!(" {{ {}}}", shown(block)));
            format!("{}:{}{block}; ", statement.line, statement.shown())
        };
        list.iter().map(one).collect()
    }

    #[test]
    fn blocks_and_comments() {
        let text = "router id 1.2.3.4; # who\n/* a\n comment */ protocol ospf x {\n area 0 { interface \"eth0\" { cost 5; }; };\n}\nlog \"a;b\" all;";
        assert_eq!(
            shown(&statements(text)),
            "1:router id 1.2.3.4; 3:protocol ospf x { 4:area 0 { 4:interface \"eth0\" { 4:cost 5; }; }; }; 6:log \"a;b\" all; "
        );
        assert_eq!(
            shown(&statements("a { b; } c { d }")),
            "1:a { 1:b; }; 1:c { 1:d; }; "
        );
        assert_eq!(shown(&statements("x ~ [RTS_RIP,5];")), "1:x ~ [ RTS_RIP , 5 ]; ");
        // Too many braces, and too few.
        assert_eq!(shown(&statements("} a; b { c")), "1:a; 1:b { 1:c; }; ");
        assert_eq!(shown(&statements("\"open\nx;")), "1:\"open\" x; ");
        statements(&"{".repeat(100_000));
    }
}
