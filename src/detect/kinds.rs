//! The table of built-in kinds: what can be found, and under which duty it falls. How it is found is in `rules/`.

use std::borrow::Cow;

use super::{Category, Kind};

/// What is known about a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// Name in upper snake case, as policies and tokens write it.
    pub name: Cow<'static, str>,
    /// The duty it falls under.
    pub category: Category,
    /// One line for people.
    pub description: Cow<'static, str>,
}

macro_rules! kinds {
    ($($name:ident $category:ident $description:literal)*) => {
        kinds!(@consts 0u16; $($name)*);
        /// Every built-in kind; a [`Kind`] is an index into it.
        pub(super) const BUILTIN: &[KindInfo] = &[$(KindInfo {
            name: Cow::Borrowed(stringify!($name)),
            category: Category::$category,
            description: Cow::Borrowed($description),
        }),*];
    };
    (@consts $index:expr; $name:ident $($rest:ident)*) => {
        pub(super) const $name: Kind = Kind($index);
        kinds!(@consts $index + 1; $($rest)*);
    };
    (@consts $index:expr;) => {};
}

kinds! {
    EMAIL Pii "e-mail address"
    PHONE Pii "telephone number"
    CREDIT_CARD Pci "payment card number"
    IBAN Pci "international bank account number"
    US_SSN Pii "US social security number"
    IP_ADDRESS Pii "IPv4 or IPv6 address"
    URL_CREDENTIALS Secret "URL that carries a user name and a password"
    MAC_ADDRESS Pii "hardware address of a network interface"
    JWT Secret "signed JSON web token"
    PRIVATE_KEY Secret "private key in PEM"
    API_KEY Secret "key or token of a service"
    PASSWORD Secret "password, by context"
    DATE_OF_BIRTH Pii "date of birth, by context"
    PASSPORT Pii "passport number"
    ADDRESS Pii "postal address or a part of it"
    PERSON Pii "name of a person"
    MEDICAL_RECORD Phi "medical record number"
}
