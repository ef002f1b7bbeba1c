//! A terminal's picture as SVG: runs of text of one style, at fixed places.
//!
//! Only what terminals show: sixteen colours, bold, dim, underlined and reversed text.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// Width and height of a cell in pixels. `FONT` is the size at which common monospaced fonts are `WIDTH` wide.
const WIDTH: u16 = 8;
const HEIGHT: u16 = 16;
const FONT: &str = "13.3";
const MARGIN: u16 = 8;

const TEXT: &str = "#d8dbe2";
const GROUND: &str = "#14171d";

/// The sixteen colours in the terminal's order; readable on `GROUND`.
const PALETTE: [&str; 16] = [
    "#2a2f3a", "#e06c75", "#98c379", "#d9a860", "#6ca8f0", "#c98be0", "#56b6c2", "#c8ccd4",
    "#7f8896", "#ff7b85", "#b5e08f", "#f0c674", "#8fc1ff", "#dda6f5", "#7fd7e3", "#ffffff",
];

/// How a run of text looks.
#[derive(Clone, PartialEq, Eq)]
struct Style {
    text: String,
    ground: Option<String>,
    bold: bool,
    dim: bool,
    underline: bool,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let text = colour(cell.fgcolor());
        let ground = colour(cell.bgcolor());
        let (text, ground) = if cell.inverse() {
            let ground = ground.unwrap_or_else(|| GROUND.to_owned());
            (Some(ground), Some(text.unwrap_or_else(|| TEXT.to_owned())))
        } else {
            (text, ground)
        };
        Self {
            text: text.unwrap_or_else(|| TEXT.to_owned()),
            ground,
            bold: cell.bold(),
            dim: cell.dim(),
            underline: cell.underline(),
        }
    }
}

fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Idx(index) => Some(indexed(index)),
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

/// Returns a colour of the palette of 256: sixteen named ones, a cube of 6 × 6 × 6, and greys.
fn indexed(index: u8) -> String {
    if let Some(named) = PALETTE.get(usize::from(index)) {
        return (*named).to_owned();
    }
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let cube = index - 16;
    let (red, green, blue) = (level(cube / 36), level(cube / 6 % 6), level(cube % 6));
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text of one style, where it begins, and how many cells it takes.
struct Run {
    column: u16,
    cells: u16,
    text: String,
    style: Style,
}

/// Returns the runs of a row: neighbouring cells of one style.
fn runs(screen: &Screen, row: u16) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    for column in 0..screen.size().1.get() {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        if cell.is_wide_continuation() {
            if let Some(run) = found.last_mut() {
                run.cells += 1;
            }
            continue;
        }
        let contents = if cell.has_contents() {
            cell.contents()
        } else {
            " "
        };
        let style = Style::of(cell);
        match found.last_mut().filter(|run| run.style == style) {
            Some(run) => {
                run.cells += 1;
                run.text.push_str(contents);
            }
            None => found.push(Run {
                column,
                cells: 1,
                text: contents.to_owned(),
                style,
            }),
        }
    }
    found
}

/// Returns `screen` as an SVG document that says in words what it is: `title`.
pub(super) fn draw(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (
        columns.get() * WIDTH + 2 * MARGIN,
        rows.get() * HEIGHT + 2 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" xml:space=\"preserve\">\n\
         <title>{}</title>\n\
         <style>text{{font:{FONT}px \"DejaVu Sans Mono\",Menlo,Consolas,monospace;white-space:pre;fill:{TEXT}}}.b{{font-weight:bold}}.d{{opacity:.7}}.u{{text-decoration:underline}}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{GROUND}\"/>\n",
        escaped(title)
    );
    for row in 0..rows.get() {
        for run in runs(screen, row) {
            let line = element(row, &run);
            svg.push_str(&line);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn element(row: u16, run: &Run) -> String {
    let mut out = String::new();
    let (x, y) = (MARGIN + run.column * WIDTH, MARGIN + row * HEIGHT);
    if let Some(ground) = &run.style.ground {
        let width = run.cells * WIDTH;
        write!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{ground}\"/>"
        )
        .expect("text can be added to text");
    }
    let text = run.text.trim_end_matches(' ');
    let shown = text.trim_start_matches(' ');
    if !shown.is_empty() {
        // Blanks are ASCII: one cell each.
        let left = cells(text.len() - shown.len());
        let right = cells(run.text.len() - text.len());
        let (x, width) = (x + left * WIDTH, (run.cells - left - right) * WIDTH);
        let y = y + HEIGHT - 4;
        let flags = [
            (run.style.bold, "b"),
            (run.style.dim, "d"),
            (run.style.underline, "u"),
        ];
        let classes: Vec<&str> = flags
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, name)| *name)
            .collect();
        let class = if classes.is_empty() {
            String::new()
        } else {
            format!(" class=\"{}\"", classes.join(" "))
        };
        let fill = if run.style.text == TEXT {
            String::new()
        } else {
            // A rule of the style sheet would win over an attribute.
            format!(" style=\"fill:{}\"", run.style.text)
        };
        write!(
            out,
            "<text x=\"{x}\" y=\"{y}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"{class}{fill}>{}</text>",
            escaped(shown)
        )
        .expect("text can be added to text");
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn cells(count: usize) -> u16 {
    u16::try_from(count).expect("a row is shorter than 65,536 cells")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn drawn(output: &str) -> String {
    let size = |length: u16| length.try_into().expect("a length is positive");
    let mut parser = vt100::Parser::new(size(2), size(10), 0);
    parser.process(output.as_bytes());
    draw(parser.screen(), "a & b")
}

#[test]
fn text_of_one_style_is_one_run_at_its_place() {
    let svg = drawn("\x1b[1;3Hab <c>");
    assert!(svg.contains("<title>a &amp; b</title>"), "{svg}");
    let text = "<text x=\"24\" y=\"20\" textLength=\"48\" lengthAdjust=\"spacingAndGlyphs\">ab &lt;c&gt;</text>";
    assert!(svg.contains(text), "{svg}");
    assert_eq!(svg.matches("<text").count(), 1, "{svg}");
    assert!(svg.contains("viewBox=\"0 0 96 48\""), "{svg}");
}

#[test]
fn colours_and_weights_are_kept() {
    let svg = drawn("\x1b[1;31mx\x1b[0m\x1b[7my\x1b[0m\x1b[38;5;196mz");
    assert!(
        svg.contains("class=\"b\" style=\"fill:#e06c75\">x<"),
        "{svg}"
    );
    let reversed = format!("<rect x=\"16\" y=\"8\" width=\"8\" height=\"16\" fill=\"{TEXT}\"/>");
    assert!(svg.contains(&reversed), "{svg}");
    assert!(
        svg.contains(&format!("style=\"fill:{GROUND}\">y<")),
        "{svg}"
    );
    assert!(svg.contains("style=\"fill:#ff0000\">z<"), "{svg}");
}

#[test]
fn a_wide_character_takes_two_cells() {
    let svg = drawn("\u{4e2d}a");
    assert!(svg.contains("x=\"8\" y=\"20\" textLength=\"24\""), "{svg}");
}
