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
    ADDRESS Pii "postal address or a part of it"
    PERSON Pii "name of a person"
    DATE_OF_BIRTH Pii "date of birth, by context"
    DATE Pii "calendar date"
    AGE Pii "age of a person, by context"
    USERNAME Pii "name of a user's account, by context"
    URL Pii "web address"
    IP_ADDRESS Pii "IPv4 or IPv6 address"
    MAC_ADDRESS Pii "hardware address of a network interface"
    IMEI Pii "number of a mobile device"
    UUID Pii "universally unique identifier; not reported unless its threshold is lowered"
    GEO_COORDINATES Pii "latitude and longitude"
    LICENSE_PLATE Pii "vehicle registration plate, by context"
    VEHICLE_ID Pii "vehicle identification number"
    PASSPORT Pii "passport number"
    MRZ Pii "machine-readable zone of a travel document"
    DRIVER_LICENSE Pii "driving licence number, by context"
    US_SSN Pii "US social security number"
    US_ITIN Pii "US individual taxpayer number"
    US_EIN Pii "US employer number"
    UK_NINO Pii "UK national insurance number"
    UK_NHS Phi "UK NHS number"
    DE_TAX_ID Pii "German tax id (Steuer-ID)"
    FR_NIR Pii "French social security number (NIR)"
    ES_DNI Pii "Spanish identity number (DNI)"
    ES_NIE Pii "Spanish number of a foreigner (NIE)"
    IT_FISCAL_CODE Pii "Italian fiscal code"
    NL_BSN Pii "Dutch citizen number (BSN)"
    PL_PESEL Pii "Polish PESEL"
    SE_PERSONAL_NUMBER Pii "Swedish personal number"
    NO_BIRTH_NUMBER Pii "Norwegian birth number"
    FI_PERSONAL_CODE Pii "Finnish personal identity code"
    DK_CPR Pii "Danish CPR number"
    PT_NIF Pii "Portuguese tax number"
    BE_NATIONAL_NUMBER Pii "Belgian national number"
    CH_AHV Pii "Swiss insurance number (AHV)"
    AT_SVNR Pii "Austrian insurance number"
    IE_PPS Pii "Irish PPS number"
    CZ_BIRTH_NUMBER Pii "Czech or Slovak birth number"
    RO_CNP Pii "Romanian personal code (CNP)"
    BG_EGN Pii "Bulgarian civil number (EGN)"
    GR_AMKA Pii "Greek insurance number (AMKA)"
    HR_OIB Pii "Croatian personal number (OIB)"
    TR_IDENTITY Pii "Turkish identity number"
    IL_IDENTITY Pii "Israeli identity number"
    EE_PERSONAL_CODE Pii "Estonian or Lithuanian personal code"
    IS_KENNITALA Pii "Icelandic kennitala"
    IN_AADHAAR Pii "Indian Aadhaar number"
    IN_PAN Pii "Indian tax number (PAN)"
    BR_CPF Pii "Brazilian CPF"
    BR_CNPJ Pii "Brazilian CNPJ"
    CA_SIN Pii "Canadian social insurance number"
    AU_TFN Pii "Australian tax file number"
    AU_MEDICARE Phi "Australian Medicare number"
    NZ_IRD Pii "New Zealand tax number"
    SG_NRIC Pii "Singapore NRIC or FIN"
    JP_MY_NUMBER Pii "Japanese My Number"
    KR_RRN Pii "Korean resident registration number"
    CN_RESIDENT_ID Pii "Chinese resident identity number"
    TW_IDENTITY Pii "Taiwanese identity number"
    HK_IDENTITY Pii "Hong Kong identity card number"
    TH_IDENTITY Pii "Thai identity number"
    MY_IDENTITY Pii "Malaysian identity card number"
    ZA_IDENTITY Pii "South African identity number"
    MX_CURP Pii "Mexican CURP"
    MX_RFC Pii "Mexican tax number (RFC)"
    CL_RUT Pii "Chilean RUT"
    AR_CUIT Pii "Argentine CUIT or CUIL"
    NATIONAL_ID Pii "identity number of a state, by context"
    MEDICAL_RECORD Phi "medical record number"
    US_NPI Phi "US national provider identifier"
    US_DEA Phi "US DEA registration number"
    US_MBI Phi "US Medicare beneficiary identifier"
    HEALTH_INSURANCE_ID Phi "health insurance member, policy or claim number"
    ICD_CODE Phi "diagnosis code of ICD-10, by context"
    MEDICAL_CONDITION Phi "disease or condition of a person"
    MEDICATION Phi "medicine of a person"
    LAB_VALUE Phi "laboratory or vital value, by context"
    BLOOD_TYPE Phi "blood type, by context"
    CREDIT_CARD Pci "payment card number"
    CARD_TRACK Pci "magnetic stripe track of a payment card"
    CARD_SECURITY_CODE Pci "security code of a payment card, by context"
    CARD_EXPIRY Pci "expiry of a payment card, by context"
    IBAN Pci "international bank account number"
    BIC Pci "bank identifier, by context"
    US_ROUTING Pci "US bank routing number"
    ACCOUNT_NUMBER Pci "bank or customer account number, by context"
    CRYPTO_WALLET Pci "address of a crypto wallet"
    API_KEY Secret "key or token of a service"
    JWT Secret "signed JSON web token"
    PRIVATE_KEY Secret "private key in PEM"
    PASSWORD Secret "password, by context"
    PIN Secret "personal identification number or one-time code, by context"
    URL_CREDENTIALS Secret "password or token within a URL"
    CONNECTION_STRING Secret "connection string that carries a password"
    BASIC_AUTH Secret "credentials of HTTP basic authentication"
    ATTORNEY_CLIENT Privileged "marking of attorney-client privilege or work product"
    CONFIDENTIAL_MARKING Privileged "marking as confidential or for internal use"
    LOCATION Pii "place: country, town, building; by the model of names"
    ORGANIZATION Pii "company, authority, club; by the model of names"
}
