//! Roles of text and lines, and how a terminal shows them.
//!
//! Only the terminal's own sixteen colours, so that light and dark backgrounds both work; letters
//! and marks always say the same as the colour.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::environment::Environment;
use crate::model::Severity;

/// What a piece of the screen is. Screens name roles, never colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Plain text.
    #[default]
    Text,
    /// Text of lesser weight.
    Dim,
    /// A title or a column's heading.
    Title,
    /// A frame.
    Frame,
    /// The frame of the pane in front.
    Focus,
    /// The tab in front.
    Tab,
    /// The selected row; laid over the roles of its text.
    Selected,
    /// A key in the footer.
    Key,
    /// Something that is as it should be.
    Good,
    /// Something to look at.
    Warning,
    /// Something that is wrong or refused.
    Error,
    /// A text field.
    Field,
    /// Severity critical.
    Critical,
    /// Severity high.
    High,
    /// Severity medium.
    Medium,
    /// Severity low.
    Low,
    /// Severity negligible.
    Negligible,
    /// Severity unknown.
    Unknown,
}

impl Role {
    /// Every role, with the letter that stands for it in snapshots of styles.
    pub const ALL: [(Self, char); 18] = [
        (Self::Text, '.'),
        (Self::Dim, 'd'),
        (Self::Title, 't'),
        (Self::Frame, '-'),
        (Self::Focus, '='),
        (Self::Tab, 'T'),
        (Self::Selected, 's'),
        (Self::Key, 'k'),
        (Self::Good, 'g'),
        (Self::Warning, 'w'),
        (Self::Error, 'e'),
        (Self::Field, 'f'),
        (Self::Critical, 'C'),
        (Self::High, 'H'),
        (Self::Medium, 'M'),
        (Self::Low, 'L'),
        (Self::Negligible, 'N'),
        (Self::Unknown, '?'),
    ];

    /// Returns the role of a severity.
    #[must_use]
    pub fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            Severity::Medium => Self::Medium,
            Severity::Low => Self::Low,
            Severity::Negligible => Self::Negligible,
            Severity::Unknown => Self::Unknown,
        }
    }
}

/// Returns the letters of a severity: they carry the meaning where colours do not.
#[must_use]
pub fn letters(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "C!!",
        Severity::High => "H!",
        Severity::Medium => "M",
        Severity::Low => "L",
        Severity::Negligible => "N",
        Severity::Unknown => "?",
    }
}

/// Which colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// The terminal's sixteen colours.
    #[default]
    Sixteen,
    /// None: bold, dim, underline and reverse video only.
    Mono,
    /// One colour number a role, so that a test can read the role back from a cell.
    Roles,
}

/// How roles and frames are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// The colours.
    pub palette: Palette,
    /// Whether everything but ASCII is replaced, frames included.
    pub ascii: bool,
}

impl Theme {
    /// Chooses the theme the environment asks for: `NO_COLOR` (any value but the empty one) means
    /// no colours, a locale that is not UTF-8 means ASCII. No terminal is asked anything.
    #[must_use]
    pub fn detect(environment: &Environment) -> Self {
        let set = |name: &str| environment.variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Self {
            palette: if set("NO_COLOR").is_some() {
                Palette::Mono
            } else {
                Palette::Sixteen
            },
            ascii: !utf8,
        }
    }

    /// Returns the style of a role.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        match self.palette {
            Palette::Sixteen => coloured(role),
            Palette::Mono => mono(role),
            Palette::Roles if role == Role::Selected => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
            Palette::Roles => Style::new().fg(Color::Indexed(role as u8)),
        }
    }

    /// Returns the characters of frames.
    #[must_use]
    pub fn frame(self) -> border::Set<'static> {
        if self.ascii {
            border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            }
        } else {
            border::PLAIN
        }
    }

    /// Returns what stands where text was cut off.
    #[must_use]
    pub fn ellipsis(self) -> &'static str {
        if self.ascii { "~" } else { "…" }
    }
}

fn coloured(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text => style,
        Role::Dim | Role::Frame | Role::Negligible | Role::Unknown => {
            style.add_modifier(Modifier::DIM)
        }
        Role::Title | Role::Focus => style.add_modifier(Modifier::BOLD),
        Role::Tab | Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Key => style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Role::Good => style.fg(Color::Green),
        Role::Warning | Role::Medium => style.fg(Color::Magenta),
        Role::Error | Role::Critical => style.fg(Color::Red).add_modifier(Modifier::BOLD),
        Role::High => style.fg(Color::Red),
        Role::Field => style.add_modifier(Modifier::UNDERLINED),
        Role::Low => style.fg(Color::Blue),
    }
}

fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Medium | Role::Low | Role::Good => style,
        Role::Dim | Role::Frame | Role::Negligible | Role::Unknown => {
            style.add_modifier(Modifier::DIM)
        }
        Role::Title | Role::Focus | Role::Key | Role::Warning | Role::High => {
            style.add_modifier(Modifier::BOLD)
        }
        Role::Tab | Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Field => style.add_modifier(Modifier::UNDERLINED),
        Role::Error | Role::Critical => {
            style.add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED))
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn the_environment_chooses() {
        let plain = Environment::fixed(DateTime::UNIX_EPOCH, "/h".into());
        let detect =
            |name: &str, value: &str| Theme::detect(&plain.clone().with_variable(name, value));
        assert!(!detect("LANG", "en_US.UTF-8").ascii);
        assert!(detect("LANG", "C").ascii);
        assert!(Theme::detect(&plain).ascii);
        assert_eq!(detect("NO_COLOR", "1").palette, Palette::Mono);
        assert_eq!(detect("NO_COLOR", "").palette, Palette::Sixteen);
    }

    #[test]
    fn without_colours_no_colour_is_used_and_the_selection_is_seen() {
        for (role, _) in Role::ALL {
            let style = mono(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert!(
            mono(Role::Selected)
                .add_modifier
                .contains(Modifier::REVERSED)
        );
    }
}
