//! Rust source as a flat list of words and signs, with comments and literals taken out.
//!
//! Just enough of the language to find paths and macros; what they mean is decided in `tree`.

/// One word or sign of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The word, or the one sign; `::` is one token, every literal is `"`.
    pub(crate) text: String,
    /// Line, counted from one.
    pub(crate) line: usize,
}

impl Token {
    /// Returns whether this is a word (keyword, name) and not a sign, literal or lifetime.
    pub(crate) fn is_word(&self) -> bool {
        self.text
            .chars()
            .next()
            .is_some_and(|c| c == '_' || c.is_alphabetic())
    }
}

/// Returns the tokens of `source`. Unfinished comments and strings end with the file.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader {
        text: source.chars().collect(),
        at: 0,
        line: 1,
        found: Vec::new(),
    };
    while let Some(c) = reader.peek(0) {
        reader.step(c);
    }
    reader.found
}

struct Reader {
    text: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<Token>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn push(&mut self, text: impl Into<String>, line: usize) {
        self.found.push(Token {
            text: text.into(),
            line,
        });
    }

    fn step(&mut self, c: char) {
        let line = self.line;
        match c {
            '/' if self.peek(1) == Some('/') => {
                while self.peek(0).is_some_and(|c| c != '\n') && self.take().is_some() {}
            }
            '/' if self.peek(1) == Some('*') => self.block_comment(),
            '"' => self.string(line),
            '\'' => self.quote(line),
            ':' if self.peek(1) == Some(':') => {
                self.at += 2;
                self.push("::", line);
            }
            c if c == '_' || c.is_alphanumeric() => self.word(line),
            c => {
                self.take();
                if !c.is_whitespace() {
                    self.push(c, line);
                }
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.take() {
            match (c, self.peek(0)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => continue,
            }
            self.take();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self, line: usize) {
        self.take();
        while let Some(c) = self.take() {
            match c {
                '\\' => drop(self.take()),
                '"' => break,
                _ => {}
            }
        }
        self.push("\"", line);
    }

    /// Reads a character literal or a lifetime; both become one literal token.
    fn quote(&mut self, line: usize) {
        self.take();
        let literal = self.peek(0) == Some('\\') || self.peek(1) == Some('\'');
        if literal {
            if self.take() == Some('\\') {
                self.take();
            }
            while self.take().is_some_and(|c| c != '\'') {}
        } else {
            while self
                .peek(0)
                .is_some_and(|c| c == '_' || c.is_alphanumeric())
            {
                self.take();
            }
        }
        self.push("\"", line);
    }

    fn word(&mut self, line: usize) {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|c| *c == '_' || c.is_alphanumeric()) {
            word.push(c);
            self.take();
        }
        let prefix = matches!(word.as_str(), "r" | "b" | "br" | "c" | "cr");
        match self.peek(0) {
            Some('"') if prefix && word.contains('r') => self.raw_string(0, line),
            Some('"') if prefix => self.string(line),
            Some('\'') if word == "b" => self.quote(line),
            Some('#') if prefix && word.contains('r') => {
                let hashes = self
                    .text
                    .iter()
                    .skip(self.at)
                    .take_while(|c| **c == '#')
                    .count();
                if self.peek(hashes) == Some('"') {
                    self.raw_string(hashes, line);
                } else {
                    self.take();
                    self.word(line);
                }
            }
            _ => self.push(word, line),
        }
    }

    fn raw_string(&mut self, hashes: usize, line: usize) {
        self.at += hashes + 1;
        while let Some(c) = self.take() {
            if c == '"'
                && self
                    .text
                    .iter()
                    .skip(self.at)
                    .take(hashes)
                    .filter(|c| **c == '#')
                    .count()
                    == hashes
            {
                self.at += hashes;
                break;
            }
        }
        self.push("\"", line);
    }
}

#[test]
fn comments_and_literals_leave_no_words() {
    let source = r##"
        // crate::one
        /* crate::two /* nested */ crate::three */
        let a = "crate::four \" crate::five"; let b = r#"crate::six " "#; let c = 'x'; let d = b'\''; let e = '\u{41}';
        fn f<'a>(x: &'a str) {} r#type crate::seven
    "##;
    let words: Vec<_> = tokens(source)
        .into_iter()
        .filter(Token::is_word)
        .map(|t| (t.text, t.line))
        .collect();
    let names: Vec<_> = words.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(
        names,
        [
            "let", "a", "let", "b", "let", "c", "let", "d", "let", "e", "fn", "f", "x", "str",
            "type", "crate", "seven"
        ]
    );
    assert_eq!(words.last().map(|(_, line)| *line), Some(5));
}
