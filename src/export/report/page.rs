//! A page of headings, paragraphs, lists and tables, and its two spellings: Markdown and HTML.
//!
//! Foreign text is escaped here and nowhere else. The HTML is one file without scripts; its policy
//! forbids everything but its own style.

use std::fmt::Write as _;

use crate::export::escaped;
use crate::export::rows::markdown_cell;

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::export) enum Block {
    /// A heading: 1 is the title.
    Heading(u8, String),
    /// A paragraph.
    Paragraph(String),
    /// A list.
    List(Vec<String>),
    /// A table: headings, then rows.
    Table(Vec<&'static str>, Vec<Vec<String>>),
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::export) struct Page {
    blocks: Vec<Block>,
}

impl Page {
    /// Adds a heading.
    pub(in crate::export) fn heading(&mut self, level: u8, text: impl Into<String>) {
        self.blocks.push(Block::Heading(level, text.into()));
    }

    /// Adds a paragraph.
    pub(in crate::export) fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// Adds a list; an empty one is left out.
    pub(in crate::export) fn list(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
    }

    /// Adds a table; one without rows is left out.
    pub(in crate::export) fn table(&mut self, headings: &[&'static str], rows: Vec<Vec<String>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table(headings.to_vec(), rows));
        }
    }

    /// Returns the page as Markdown (`CommonMark` with tables).
    pub(in crate::export) fn markdown(&self) -> String {
        let mut text = String::new();
        for (position, block) in self.blocks.iter().enumerate() {
            if position > 0 {
                text.push('\n');
            }
            match block {
                Block::Heading(level, heading) => {
                    let marks = "#".repeat(usize::from(*level));
                    push(
                        &mut text,
                        format_args!("{marks} {}\n", markdown_cell(heading)),
                    );
                }
                Block::Paragraph(words) => {
                    push(&mut text, format_args!("{}\n", markdown_cell(words)));
                }
                Block::List(items) => {
                    for item in items {
                        push(&mut text, format_args!("- {}\n", markdown_cell(item)));
                    }
                }
                Block::Table(headings, rows) => {
                    push(&mut text, format_args!("| {} |\n", headings.join(" | ")));
                    push(
                        &mut text,
                        format_args!("|{}\n", " --- |".repeat(headings.len())),
                    );
                    for row in rows {
                        let cells: Vec<String> =
                            row.iter().map(|cell| markdown_cell(cell)).collect();
                        push(&mut text, format_args!("| {} |\n", cells.join(" | ")));
                    }
                }
            }
        }
        text
    }

    /// Returns the page as one HTML file.
    pub(in crate::export) fn html(&self) -> String {
        let title = self.blocks.iter().find_map(|block| match block {
            Block::Heading(1, title) => Some(title.as_str()),
            _ => None,
        });
        let mut text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
            escaped(title.unwrap_or("Verdict report"))
        );
        for block in &self.blocks {
            match block {
                Block::Heading(level, heading) => push(
                    &mut text,
                    format_args!("<h{level}>{}</h{level}>\n", escaped(heading)),
                ),
                Block::Paragraph(words) => {
                    push(&mut text, format_args!("<p>{}</p>\n", escaped(words)));
                }
                Block::List(items) => {
                    text.push_str("<ul>\n");
                    for item in items {
                        push(&mut text, format_args!("<li>{}</li>\n", escaped(item)));
                    }
                    text.push_str("</ul>\n");
                }
                Block::Table(headings, rows) => {
                    text.push_str("<table>\n<tr>");
                    for heading in headings {
                        push(&mut text, format_args!("<th>{}</th>", escaped(heading)));
                    }
                    text.push_str("</tr>\n");
                    for row in rows {
                        text.push_str("<tr>");
                        for cell in row {
                            push(&mut text, format_args!("<td>{}</td>", escaped(cell)));
                        }
                        text.push_str("</tr>\n");
                    }
                    text.push_str("</table>\n");
                }
            }
        }
        text.push_str("</body>\n</html>\n");
        text
    }
}

fn push(text: &mut String, piece: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _infallible = text.write_fmt(piece);
}

/// Follows the reader's own colours, light or dark, and prints well.
const STYLE: &str = ":root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, h3 { line-height: 1.2 }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem }
th, td { border: 1px solid #8888; padding: 0.25rem 0.5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
";
