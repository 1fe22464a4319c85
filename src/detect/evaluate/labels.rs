//! Our kinds in the words of labelled sets. One kind has one label; where several kinds share one, the sets don't tell them apart.

/// Labels of names: they are reported, and counted apart, since rules alone find them least.
pub const NAMES: &[&str] = &["PERSON", "LOCATION", "ORG"];

/// Kinds whose label is not their own name.
const OTHERS: &[(&str, &[&str])] = &[
    ("ORG", &["ORGANIZATION"]),
    ("IP", &["IP_ADDRESS"]),
    ("MAC", &["MAC_ADDRESS"]),
    ("CRYPTO", &["CRYPTO_WALLET"]),
    ("PASSPORT", &["MRZ"]),
    ("CREDIT_CARD", &["CARD_TRACK"]),
    ("API_KEY", &["JWT", "PRIVATE_KEY"]),
    ("PASSWORD", &["URL_CREDENTIALS", "CONNECTION_STRING", "BASIC_AUTH"]),
    (
        "NATIONAL_ID",
        &[
            "US_ITIN",
            "US_EIN",
            "US_NPI",
            "UK_NINO",
            "UK_NHS",
            "DE_TAX_ID",
            "FR_NIR",
            "ES_DNI",
            "ES_NIE",
            "IT_FISCAL_CODE",
            "NL_BSN",
            "PL_PESEL",
            "SE_PERSONAL_NUMBER",
            "NO_BIRTH_NUMBER",
            "FI_PERSONAL_CODE",
            "DK_CPR",
            "PT_NIF",
            "BE_NATIONAL_NUMBER",
            "CH_AHV",
            "AT_SVNR",
            "IE_PPS",
            "CZ_BIRTH_NUMBER",
            "RO_CNP",
            "BG_EGN",
            "GR_AMKA",
            "HR_OIB",
            "TR_IDENTITY",
            "IL_IDENTITY",
            "EE_PERSONAL_CODE",
            "IS_KENNITALA",
            "IN_AADHAAR",
            "IN_PAN",
            "BR_CPF",
            "BR_CNPJ",
            "CA_SIN",
            "AU_TFN",
            "AU_MEDICARE",
            "NZ_IRD",
            "SG_NRIC",
            "JP_MY_NUMBER",
            "KR_RRN",
            "CN_RESIDENT_ID",
            "TW_IDENTITY",
            "HK_IDENTITY",
            "TH_IDENTITY",
            "MY_IDENTITY",
            "ZA_IDENTITY",
            "MX_CURP",
            "MX_RFC",
            "CL_RUT",
            "AR_CUIT",
        ],
    ),
];

/// The label of a kind. Kinds that no set knows, and a user's own, are called by their name.
pub fn label(kind: &str) -> &str {
    OTHERS.iter().find(|(_, kinds)| kinds.contains(&kind)).map_or(kind, |(label, _)| label)
}
