//! Places: where a key has its meaning.
//!
//! A place inherits the keys of the wider places it lies in; which place is in front is decided by
//! the screen.

/// Where a key has its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Everywhere but in text fields and menus.
    Everywhere,
    /// Every list or text that can be moved in.
    Lists,
    /// The images.
    Images,
    /// The findings, and the findings of other kinds.
    Findings,
    /// The earlier verdicts offered on the findings.
    Offers,
    /// Scanner against scanner.
    Compare,
    /// The components.
    Components,
    /// The verdict's form, while no text is typed.
    Verdict,
    /// The promotion, while no text is typed.
    Promote,
    /// The ledger.
    History,
    /// What hangs on the image in the registry.
    Attached,
    /// The help.
    Help,
    /// The menu that asks which decision.
    DecisionMenu,
    /// The menu that asks what to sort by.
    SortMenu,
    /// The menu that asks what to copy.
    CopyMenu,
    /// The menu that asks what becomes of the draft of an earlier session.
    DraftMenu,
    /// A text field: every printable key is text.
    Field,
}

impl Place {
    /// Every place, in the order of the help.
    pub const ALL: [Self; 17] = [
        Self::Everywhere,
        Self::Lists,
        Self::Images,
        Self::Findings,
        Self::Offers,
        Self::Compare,
        Self::Components,
        Self::Verdict,
        Self::Promote,
        Self::History,
        Self::Attached,
        Self::Help,
        Self::DecisionMenu,
        Self::SortMenu,
        Self::CopyMenu,
        Self::DraftMenu,
        Self::Field,
    ];

    /// Returns the name shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Lists => "Lists",
            Self::Images => "Images",
            Self::Findings => "Findings and Hygiene",
            Self::Offers => "Offers",
            Self::Compare => "Compare",
            Self::Components => "Components",
            Self::Verdict => "Verdict",
            Self::Promote => "Promote",
            Self::History => "History",
            Self::Attached => "Attached",
            Self::Help => "Help",
            Self::DecisionMenu => "Menu: decide",
            Self::SortMenu => "Menu: sort by",
            Self::CopyMenu => "Menu: copy",
            Self::DraftMenu => "Menu: draft",
            Self::Field => "Text fields",
        }
    }

    /// Returns this place and the wider ones it lies in, narrowest first.
    #[must_use]
    pub fn chain(self) -> &'static [Self] {
        match self {
            Self::Everywhere => &[Self::Everywhere],
            Self::Lists => &[Self::Lists, Self::Everywhere],
            Self::Images => &[Self::Images, Self::Lists, Self::Everywhere],
            Self::Findings => &[Self::Findings, Self::Lists, Self::Everywhere],
            Self::Offers => &[Self::Offers, Self::Lists, Self::Everywhere],
            Self::Compare => &[Self::Compare, Self::Lists, Self::Everywhere],
            Self::Components => &[Self::Components, Self::Lists, Self::Everywhere],
            Self::Verdict => &[Self::Verdict, Self::Lists, Self::Everywhere],
            Self::Promote => &[Self::Promote, Self::Lists, Self::Everywhere],
            Self::History => &[Self::History, Self::Lists, Self::Everywhere],
            Self::Attached => &[Self::Attached, Self::Lists, Self::Everywhere],
            Self::Help => &[Self::Help, Self::Lists, Self::Everywhere],
            Self::DecisionMenu => &[Self::DecisionMenu],
            Self::SortMenu => &[Self::SortMenu],
            Self::CopyMenu => &[Self::CopyMenu],
            Self::DraftMenu => &[Self::DraftMenu],
            Self::Field => &[Self::Field],
        }
    }

    /// Returns whether this is a menu: one letter answers it, Esc leaves it.
    #[must_use]
    pub fn is_menu(self) -> bool {
        matches!(
            self,
            Self::DecisionMenu | Self::SortMenu | Self::CopyMenu | Self::DraftMenu
        )
    }
}
