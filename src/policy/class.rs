//! How sensitive an event is: one level and the set of duties it falls under.

use std::fmt;

use crate::detect::Category;

/// How far data may spread, least sensitive first.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Anyone may see it.
    Public,
    /// For those inside.
    #[default]
    Internal,
    /// For those who need it: personal data.
    Confidential,
    /// For those named: health, payment, secrets, privileged text.
    Restricted,
}

impl Level {
    /// The name, as headers and audit facts carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }

    /// The level that a category brings along where a pipeline doesn't say otherwise.
    pub fn of(category: Category) -> Self {
        match category {
            Category::Pii => Self::Confidential,
            Category::Phi | Category::Pci | Category::Secret | Category::Privileged => Self::Restricted,
        }
    }
}

/// A set of categories, in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Categories(u8);

impl Categories {
    /// No category.
    pub const NONE: Self = Self(0);
    /// Every category.
    pub const ALL: Self = Self(0b1_1111);
    const ORDER: [Category; 5] = [Category::Pii, Category::Phi, Category::Pci, Category::Secret, Category::Privileged];

    /// Adds one.
    pub fn insert(&mut self, category: Category) {
        self.0 |= Self::bit(category);
    }

    /// Whether one is in the set.
    pub fn contains(self, category: Category) -> bool {
        self.0 & Self::bit(category) != 0
    }

    /// Whether all of `self` is in `other`.
    pub fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether the two share a category.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The categories in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        Self::ORDER.into_iter().filter(move |category| self.contains(*category))
    }

    /// A category's name, as headers and audit facts carry it.
    pub fn name(category: Category) -> &'static str {
        match category {
            Category::Pii => "pii",
            Category::Phi => "phi",
            Category::Pci => "pci",
            Category::Secret => "secret",
            Category::Privileged => "privileged",
        }
    }

    fn bit(category: Category) -> u8 {
        match category {
            Category::Pii => 1,
            Category::Phi => 2,
            Category::Pci => 4,
            Category::Secret => 8,
            Category::Privileged => 16,
        }
    }
}

impl FromIterator<Category> for Categories {
    fn from_iter<I: IntoIterator<Item = Category>>(categories: I) -> Self {
        let mut set = Self::NONE;
        for category in categories {
            set.insert(category);
        }
        set
    }
}

/// The class of an event. Its `Display` is the value of `ce_dataclass`: `confidential` or `restricted;pii,phi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The highest level of the source's floor and of everything found.
    pub level: Level,
    /// Every category found.
    pub categories: Categories,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.level.as_str())?;
        for (index, category) in self.categories.iter().enumerate() {
            f.write_str(if index == 0 { ";" } else { "," })?;
            f.write_str(Categories::name(category))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_header_names_level_and_duties() {
        let class =
            Class { level: Level::Restricted, categories: [Category::Phi, Category::Pii].into_iter().collect() };
        assert_eq!(class.to_string(), "restricted;pii,phi");
        assert_eq!(Class { level: Level::Internal, categories: Categories::NONE }.to_string(), "internal");
    }

    #[test]
    fn a_set_is_within_another_only_if_nothing_sticks_out() {
        let pii: Categories = [Category::Pii].into_iter().collect();
        let both: Categories = [Category::Pii, Category::Secret].into_iter().collect();
        assert!(pii.within(both) && !both.within(pii) && both.meets(pii));
        assert!(Categories::NONE.within(pii) && !Categories::NONE.meets(pii));
        assert_eq!(Categories::ALL.iter().count(), 5);
    }
}
