//! Sentences of our own with places for names, filled by dice: what sets of labelled text lack. Names that are places too,
//! forms, records and code, and plenty of capitals that name nobody.
//!
//! `{P}` a person in any style, `{F}` a first name, `{L}` a surname, `{A}` a person whose name is a place too, `{C}` a place,
//! `{K}` a place whose name is a person's too, `{O}` an organisation, `{H}` a hospital, `{D}` a condition, `{S}` a street address. Not names:
//! `{T}` a title, `{V}` what people do, `{B}` a business word, `{M}` a field of medicine, `{J}` a thing with a capital, `{Q}` a heading,
//! `{N}` a number, `{W}` a date, `{E}` an address of a machine.

use super::super::recognise::decode::Label;
use super::corpus::{Document, Mark};
use super::dice::Dice;
use super::lists::Lists;

/// Names people, places, organisations; several a line are chosen from alike.
const SENTENCES: &[&str] = &[
    "{A} {V}.",
    "{A} {V}.",
    "{A} {V}.",
    "{A} {V}.",
    "{A} {V} and {P} agreed.",
    "Yesterday {A} {V}.",
    "{T} {A} {V}.",
    "{T} {L} {V}.",
    "{T} {A} {L} {V}.",
    "{P} {V}.",
    "{P} {V}.",
    "{L} {V}.",
    "{F} {V}.",
    "Good morning, {A}. Please see the file.",
    "Hi {A}, can you call {P} back?",
    "Please forward this to {A} in the billing team.",
    "Please schedule {A} for a visit on {W}.",
    "Patient {A} arrived for the {N} appointment.",
    "Patient {P} was seen by {T} {L} on {W}.",
    "Could you ask {A} whether {F} has signed?",
    "{A} was born in {N}.",
    "{A} is {N} years old and lives in {C}.",
    "{A}'s appointment is at {N}.",
    "{A}'s husband {F} called.",
    "I spoke with {A} about the refund.",
    "The surgeon, {T} {A}, is on call.",
    "Ask {A} or {P} to approve it.",
    "signed: {A}",
    "From: {A} {L}\nTo: {P}\nSubject: {Q}",
    "Agent {A}: how can I help?\n{F}: my order is late",
    "{A}, {F} and {P} are on the list.",
    "{T} {P}, {M}",
    "Name: {A} {L}",
    "Name:      {P}",
    "Contact person: {P}, phone {N}",
    "{K} has a population of {N}.",
    "The clinic is in {K}.",
    "We fly from {K} to {C} on {W}.",
    "Travel to {K} needs approval.",
    "Our {K} office opens at {N}.",
    "The {K} branch handles {B} accounts.",
    "Ship it to our {K} warehouse.",
    "The weather in {K} is bad.",
    "near {K}, {C}",
    "{K}, {C}",
    "Records were sent from {K} to {C}.",
    "The patient was moved from {K}.",
    "The hearing is held every year in {K}.",
    "She grew up in {K} and studied in {C}.",
    "{K} County keeps the records.",
    "Flights to {K} resume next month.",
    "The road to {K} is closed.",
    "{K} regulations differ from federal ones.",
    "Driving from {K} takes {N} hours.",
    "The port of {K} is busy.",
    "the bridge in {K} was built in {N}",
    "The {K} river rose.",
    "Made in {C}.",
    "The embassy in {C} said nothing.",
    "i moved to {C} last year",
    "any good food in {C}?",
    "best hotels near {C} please",
    "greetings from {C}!!",
    "{O} announced a new {B} plan.",
    "{O} filed the report.",
    "I work at {O}.",
    "The payment came from {O}.",
    "{P}, who works for {O}, {V}.",
    "{O} v. {O}, decided on {W}",
    "shares of {O} fell {N}%",
    "My bank is {O}.",
    "I study at {O}.",
    "{O} supplied the machines.",
    "send the bill to {O}",
    "{O} hired {P} as head of {B}.",
    "according to {O} the price is {N}",
    "Watching {O} play {O} tonight",
    "{O} beat {O} {N}-{N}",
    "just left {O} in {C}",
    "{P} of {O} said {F} {V}.",
    "RT @user{N}: {P} is at {O}",
    "{P} - {B} lead - {O}",
    "lol {F} {V} again",
    "so happy that {P} won",
    "{P}!!! love you",
    "new song by {P} http://t.co/x{N}",
    "{P} ft. {P} - listen now",
    "{P} for president",
    "thx {F}",
    "happy birthday {F} :)",
    "{F} and {F} got married",
    "did {P} really say that?",
    "{L} scored twice for {O}",
    "{L} is the best player {O} ever had",
    "watch {P} live in {C} on {W}",
    "Patient: {P}\nMRN: {N}\nDate of Birth: {W}\nDiagnosis: {D}",
    "Ordering Physician: {P} (NPI: {N})",
    "Prescriber: {P}\nSpecialty: {M}\nNPI: {N}",
    "Referring Provider: {P}\nSpecialty: {M}\nPhone: {N}",
    "{P}             | {M}           | {N} | {N}\n{P}      | {M}      | {N} | {N}",
    "| {P} | {M} | {N} |",
    "{P}, {M}\n{S}\nPhone: {N}",
    "To: {P}, {M}\n{S}\nRe: {P}, {D}",
    "Dear {T} {L},\n\nThank you for seeing {P} with {D}.\n\nSincerely,\n{P}\n{M}",
    "Attending: {P}\nPrincipal Diagnosis: {D}\nThe patient was admitted with {D}.",
    "{P} came in for follow-up of {D}. First seen by {P} (NPI {N}).",
    "A consultation with {P} in {M} was requested, reachable at {N}.",
    "PATIENT INFORMATION\n   Name: {P}\n   Address: {S}\n   Date of Birth: {W}",
    "Emergency Contact:     {P}\nRelationship: {J}",
    "Primary Care:\n  Name: {P}\n  NPI: {N}\n  Phone: {N}",
    "{M}:\n  Name: {P}\n  NPI: {N}",
    "Electronically signed by {P} on {W}",
    "CC: {P}\nDictated by: {P}",
    "Lab: {N}\nOrdered by {P}\nReviewed by {P}",
    "Pharmacy: {O}\nRefills: {N}",
    "Insurance: {O}\nMember: {P}\nGroup: {N}",
    "The board-certified {M} specialist {P} works at {H}.",
    "He was taken to {H}.",
    "She is a nurse at {H}.",
    "{H} called about {P}.",
    "Seen at {H} by {P}.",
    "follow up with {T} {L} at {H}",
    "what should {F} take for {D}?",
    "my mother {F} has {D} and {D}",
    "{P} was diagnosed with {D} in {C}",
    "is {D} hereditary?",
    "notes on {D}: {J}",
    "{\"patient\": \"{P}\", \"city\": \"{C}\"}",
    "{\"from\": \"{P}\", \"to\": \"{P}\", \"company\": \"{O}\"}",
    "name={P};city={C}",
    "INSERT INTO people VALUES ({N}, '{P}', '{C}', '{E}');",
    "{N},{P},{E},{C}",
    "{P};{W};{N};{E}",
    "{P}\t{O}\t{C}",
    "author: {P} <{E}>",
    "Reviewed-by: {P} <{E}>",
    "* {P} ({O})\n* {P} ({C})",
    "[{W}] {P}: on my way",
    "user={P} ip={N} city={C}",
    "let owner = \"{P}\"; // {J}",
    "-- {P}, {W}: fix the {B} report",
    "{W} {N} INFO account of {P} closed",
    "<td>{P}</td><td>{O}</td>",
    "I'm {P} from {C}, {N}.",
    "This is {P} calling about {O}.",
    "my name's {F}",
    "i am {P} btw",
    "call me {F}",
    "it's {F} here",
    "Regards,\n{P}",
    "Thanks,\n{F} {L}\n{O}",
    "-- \n{P}\n{O}, {C}",
    "{P}\n{S}",
    "I live at {S}.",
    "Deliver to {S}, for {P}.",
    "Account holder: {P}",
    "Card holder {P}, exp {N}/{N}",
    "Tenant: {P}, landlord: {P}, flat: {S}",
    "Write to {P} at {E}.",
    "Tell {F} that {O} has moved to {C}.",
    "translate: {P} lives in {C}",
    "summarise the complaint of {P} against {O}",
    "Minutes: {F} opened, {F} took notes, {P} absent",
    "{P} ({C}, {N})",
    "Born in {C}, {P} studied at {O} and moved to {C}.",
    "{P} and {P} met in {C} in {N}.",
    "The book by {P} is about {C}.",
    "{P}'s theory of {B} is taught at {O}.",
    "In {C}, {P} told reporters that {O} had known.",
    "Officials in {C} said {L} had left.",
    "{L} said: \"{O} is ready.\"",
    "\"We are glad,\" said {P}, {B} director of {O}.",
    "According to {L} et al. ({N}), {J} matters.",
];

/// Name nobody.
const NEGATIVES: &[&str] = &[
    "{Q}",
    "{Q}: {J} and {J}",
    "## {Q}\n- {J}\n- {J}",
    "What is {J}?",
    "How do I use {J} with {J}?",
    "Explain {J} to a child.",
    "Write a {B} plan for a {J} shop.",
    "I want to learn {J}.",
    "Specialty: {M}",
    "{M} - {Q}",
    "Department of {M}",
    "Provider Directory\nProvider | Specialty | NPI | Phone",
    "{Q}\n==========\nTest | Result | Reference Range | Flag",
    "CLINICAL NOTE\n\nDate: {W}",
    "NPI: {N}. Specialty: {M}.",
    "Diagnosis: {D}",
    "Dial {N} to reach the billing department.",
    "The SSN was redacted: {N}.",
    "Please call {N} before {W}.",
    "IBAN: {N}",
    "Dear Sir or Madam,",
    "Can {J} run on {J}?",
    "Is {J} better than {J}?",
    "Act as a {J} teacher.",
    "You are a {B} expert. {Q}.",
    "The {J} team meets on {W}.",
    "Happy {J}!",
    "Good Morning!!",
    "{J} > {J}",
    "I hate {J}.",
    "Error: {J} not found",
    "Thank You So Much",
    "STOP DOING THAT",
    "Monday, {W}: {J}",
    "Chapter {N}: {Q}",
    "1. {Q}\n2. {Q}\n3. {Q}",
    "Translate this into {J}: hello",
    "He speaks {J} and {J}.",
    "The {J} food was great.",
    "I am {J}, she is {J}.",
    "Step {N}: open {J}, click Save.",
    "import {J} from '{J}'",
    "TODO: {J}",
    "class {J} extends {J}",
    "My {J} broke on {W}.",
    "{J} costs {N}.",
    "Write a poem about {J}.",
    "Create a {Q} for my {B} course.",
    "I can't believe {J} is over!",
    "{J}?? {J}!!",
    "God bless you.",
    "Merry Christmas and a Happy New Year!",
    "Mom and Dad are here.",
    "Ask Grandma about it.",
    "Mr. President, thank you.",
    "The Doctor will see you.",
    "Ms. or Mr.?",
    "Yours, Customer Support",
];

const TITLES: &[&str] = &[
    "Dr.",
    "Dr",
    "Mr.",
    "Mrs.",
    "Ms.",
    "Mr",
    "Ms",
    "Prof.",
    "Judge",
    "Captain",
    "Nurse",
    "Sgt.",
    "Officer",
    "Senator",
    "Coach",
    "Rev.",
    "Sir",
    "Detective",
];

const DEEDS: &[&str] = &[
    "called to confirm the time",
    "signed the form",
    "reviewed the notes",
    "approved the order",
    "submitted the report two days late",
    "asked about the invoice",
    "is the physician on duty",
    "told the nurse about the pain",
    "will call you back",
    "presented the results to the board",
    "manages the support team",
    "processed the claim",
    "filed a complaint",
    "works in accounting",
    "is my neighbour",
    "reported the incident",
    "prescribed antibiotics",
    "ordered the scan",
    "performed the procedure",
    "finished the training",
    "graduated in 2015",
    "negotiated the contract",
    "wrote the summary",
    "testified at the hearing",
    "joined the meeting late",
    "resigned last week",
    "has been promoted",
    "scheduled an interview",
    "led the project",
    "agreed to the terms",
    "was discharged on Monday",
    "complained about the noise",
    "sent me the files",
    "left a voicemail",
    "picked up the kids",
    "lost the keys again",
    "wants a refund",
    "needs a second opinion",
    "completed the intake form",
    "said the budget is fine",
    "is on leave until May",
    "coordinates the volunteers",
    "returned the laptop",
    "tested positive",
    "paid the bill",
    "got a new job",
    "is allergic to nuts",
    "will see you at 2pm",
    "specializes in surgery",
    "examined the patient",
    "booked the room",
    "forwarded the email",
    "denied everything",
    "can't make it today",
    "recommended more tests",
    "and I went home",
    "was late again",
    "knows the password",
    "met with the auditors",
    "rejected the offer",
    "explained the policy",
    "thanked everyone",
    "moved out in June",
    "visited the clinic",
    "laughed at it",
    "disagreed",
    "is 34 and married",
];

const BUSINESS: &[&str] = &[
    "sales",
    "marketing",
    "billing",
    "travel",
    "finance",
    "security",
    "data",
    "product",
    "research",
    "training",
    "pricing",
    "insurance",
    "logistics",
    "health",
    "energy",
    "legal",
];

const MEDICINE: &[&str] = &[
    "Cardiology",
    "Oncology",
    "Rheumatology",
    "Dermatology",
    "Neurology",
    "Pediatrics",
    "Psychiatry",
    "Radiology",
    "Nephrology",
    "Pulmonology",
    "Gastroenterology",
    "Endocrinology",
    "Ophthalmology",
    "Urology",
    "Anesthesiology",
    "Family Medicine",
    "Internal Medicine",
    "Emergency Medicine",
    "Orthopedic Surgery",
    "General Surgery",
    "Infectious Disease",
    "Hematology",
    "Pathology",
    "Obstetrics",
    "Geriatrics",
    "Allergy and Immunology",
    "Physical Therapy",
    "Nephrologist",
    "Cardiologist",
    "Surgeon",
];

const THINGS: &[&str] = &[
    "Python",
    "JavaScript",
    "Excel",
    "Linux",
    "Windows",
    "Docker",
    "Kubernetes",
    "Android",
    "HTML",
    "CSS",
    "SQL",
    "JSON",
    "API",
    "PDF",
    "CEO",
    "HR",
    "FAQ",
    "GDPR",
    "Bitcoin",
    "Java",
    "Rust",
    "React",
    "Django",
    "Bluetooth",
    "Wi-Fi",
    "English",
    "French",
    "German",
    "Spanish",
    "Chinese",
    "Italian",
    "Indian",
    "American",
    "European",
    "British",
    "Japanese",
    "Christian",
    "Muslim",
    "Jewish",
    "Buddhist",
    "Republican",
    "Democrat",
    "Monday",
    "Friday",
    "Sunday",
    "January",
    "March",
    "May",
    "August",
    "October",
    "Christmas",
    "Easter",
    "Halloween",
    "Thanksgiving",
    "Ramadan",
    "World War II",
    "Renaissance",
    "Bible",
    "Quran",
    "Shakespearean",
    "Newtonian",
    "Math",
    "Physics",
    "Biology",
    "Chemistry",
    "Algebra",
    "History",
    "Photoshop",
    "PowerPoint",
    "Word",
    "Internet",
    "Earth",
    "Moon",
    "Sun",
    "Mars",
    "Jupiter",
    "Spouse",
    "Mother",
    "Father",
    "Sibling",
    "Self",
    "Hypertension",
    "Diabetes",
    "Asthma",
    "Sepsis",
    "Pneumonia",
    "Osteoarthritis",
    "Anemia",
    "Cellulitis",
    "Migraine",
    "Lisinopril",
    "Metformin",
    "Ibuprofen",
    "Aspirin",
    "Hemoglobin",
    "Glucose",
    "Troponin",
    "Creatinine",
    "Platelets",
    "Blood Pressure",
    "Heart Rate",
    "Insurance",
    "Allergies",
    "Chronic Kidney Disease",
    "Type 2 Diabetes",
    "Acute Bronchitis",
    "Congestive Heart Failure",
    "Urinary Tract Infection",
    "Chapter",
    "Figure",
    "Table",
    "Section",
    "Appendix",
    "Markdown",
    "Unicode",
    "Base64",
    "UTC",
    "OK",
    "LOL",
    "OMG",
    "WTF",
    "TV",
    "DVD",
    "USB",
    "GPS",
    "ID",
    "VIP",
    "PhD",
    "MBA",
    "Black Friday",
    "Valentine's Day",
    "New Year",
    "Machine Learning",
    "Deep Learning",
    "Artificial Intelligence",
    "Project Management",
    "Customer Service",
    "Product Manager",
    "Software Engineer",
    "Data Scientist",
    "Vegan",
    "Keto",
    "Yoga",
    "Karaoke",
    "Sudoku",
    "Chess",
    "Poker",
    "Jazz",
    "Hip Hop",
    "SUBJECT",
    "ERROR",
    "WARNING",
    "NOTE",
    "PASSWORD",
    "Login",
    "Settings",
    "Inbox",
    "Username",
    "Submit",
    "Hello",
    "Hey",
    "Yes",
    "No",
    "Thanks",
    "Please",
    "Sorry",
    "Wow",
    "Dude",
    "Bro",
    "Mom",
    "Dad",
];

const HEADINGS: &[&str] = &[
    "Patient Intake Form",
    "Laboratory Report",
    "Discharge Summary",
    "Reference Range",
    "Terms and Conditions",
    "Getting Started",
    "Frequently Asked Questions",
    "Quarterly Report",
    "Marketing Strategy",
    "Executive Summary",
    "Next Steps",
    "Action Items",
    "Meeting Notes",
    "Job Description",
    "Cover Letter",
    "Course Outline",
    "Business Plan",
    "Risk Assessment",
    "Privacy Policy",
    "Release Notes",
    "Pros and Cons",
    "Key Takeaways",
    "Learning Objectives",
    "Shopping List",
    "Weekly Menu",
    "Travel Itinerary",
    "Health Insurance Claim Form",
    "Care Team Summary",
    "Medical History",
    "Current Medications",
    "Vital Signs",
    "Chief Complaint",
    "Review of Systems",
    "Assessment and Plan",
    "Hospital Course",
    "Follow Up Instructions",
    "Billing Department",
    "Emergency Contact",
    "Staff Directory",
    "Main Line",
    "Order Details",
    "Shipping Address",
    "User Guide",
    "Table of Contents",
    "Lesson Plan",
    "Introduction",
    "Conclusion",
    "Step by Step Guide",
    "How To Make Money Online",
    "Top Ten Tips",
    "Best Practices",
    "System Prompt",
    "Search Engine Optimization",
    "Social Media Posts",
    "Email Newsletter",
    "Product Launch",
    "Budget Overview",
    "Unit Tests",
];

const ORGANISED: &[&str] = &[
    "Industries",
    "Group",
    "Holdings",
    "Bank",
    "Insurance",
    "Partners",
    "& Sons",
    "Consulting",
    "Pharma",
    "Foods",
    "Labs",
    "Logistics",
    "Inc.",
    "Ltd",
    "LLC",
    "Corp.",
    "GmbH",
    "Capital",
    "University",
    "College",
    "High School",
    "Foundation",
    "Airlines",
    "Motors",
    "Media",
    "Software",
    "Systems",
    "Energy",
    "Trust",
    "Credit Union",
    "Legal",
    "Analytics",
    "Supply Company",
    "Associates",
    "Church",
    "Police Department",
    "City Council",
    "United",
    "FC",
];

const HOSPITALS: &[&str] = &[
    "Hospital",
    "Medical Center",
    "Clinic",
    "Memorial Hospital",
    "General Hospital",
    "Children's Hospital",
    "Health",
    "Family Practice",
    "Regional Medical Center",
    "Surgical Center",
];

const STREETS: &[&str] = &[
    "Street", "St", "Ave", "Avenue", "Road", "Rd", "Lane", "Drive", "Dr", "Blvd", "Way", "Parkway", "Court", "Place",
    "Terrace", "Hill", "Close",
];

/// What the places are filled from.
pub(super) struct Fillings<'l> {
    first: Vec<&'l str>,
    last: Vec<&'l str>,
    place: Vec<&'l str>,
    /// Places that are names too.
    both: Vec<&'l str>,
    organisations: Vec<String>,
    conditions: Vec<String>,
}

impl<'l> Fillings<'l> {
    /// From lists, and from what documents name.
    pub fn new(lists: &'l Lists, documents: &[&Document]) -> Self {
        let take = |list: &'l str, count: usize| list.lines().take(count).collect::<Vec<_>>();
        let (first, last) = (take(&lists.first, 6000), take(&lists.last, 20_000));
        let known: std::collections::HashSet<&str> =
            first.iter().take(3000).chain(last.iter().take(4000)).copied().collect();
        let place = take(&lists.place, 8000);
        let both = place.iter().copied().filter(|place| known.contains(place)).collect();
        let named = |label: Label| {
            let mut texts: Vec<String> = documents
                .iter()
                .flat_map(|document| {
                    let marks = document.marks.iter().filter(move |mark| mark.label == Some(label));
                    marks.filter_map(|mark| document.text.get(mark.start..mark.end)).map(str::to_owned)
                })
                .filter(|text| text.len() < 50 && !text.contains('\n'))
                .collect();
            texts.sort();
            texts.dedup();
            texts
        };
        Self {
            first,
            last,
            place,
            both,
            organisations: named(Label::Organization),
            conditions: named(Label::Condition),
        }
    }

    fn is_empty(&self) -> bool {
        self.first.is_empty() || self.last.is_empty() || self.place.is_empty()
    }
}

/// The usual ones more often: names on lists are ordered by how usual they are.
fn usual<'l>(list: &[&'l str], dice: &mut Dice) -> &'l str {
    let reach = match dice.below(4) {
        0 => list.len() / 20,
        1 => list.len() / 4,
        _ => list.len(),
    };
    list.get(dice.below(reach.max(1))).copied().unwrap_or("")
}

fn word(list: &[&'static str], dice: &mut Dice) -> &'static str {
    dice.pick(list).copied().unwrap_or("")
}

fn digits(dice: &mut Dice, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + dice.below(10) as u8)).collect()
}

fn person(from: &Fillings<'_>, dice: &mut Dice) -> String {
    let (first, last) = (usual(&from.first, dice), usual(&from.last, dice));
    let initial = first.chars().next().unwrap_or('J');
    match dice.below(16) {
        0 => first.to_owned(),
        1 => format!("{last}, {first}"),
        2 => format!("{initial}. {last}"),
        3 => format!("{first} {initial}. {last}"),
        4 => format!("{first} {last}-{}", usual(&from.last, dice)),
        5 => format!("{first} {} {last}", usual(&from.first, dice)),
        6 => format!(
            "{first} {} {last}",
            word(&["de", "van", "von", "da", "del", "bin", "al", "van der", "de la", "O'", "di"], dice)
        ),
        7 => format!("{first} {}", usual(&from.both, dice)),
        8 => format!("{} {last}", usual(&from.both, dice)),
        _ => format!("{first} {last}"),
    }
}

fn organisation(from: &Fillings<'_>, dice: &mut Dice) -> String {
    let kind = word(ORGANISED, dice);
    match dice.below(10) {
        0 => format!("{} {kind}", usual(&from.place, dice)),
        1 => format!("{} & {}", usual(&from.last, dice), usual(&from.last, dice)),
        2 => format!(
            "{} of {}",
            word(&["University", "Bank", "City", "Church", "College"], dice),
            usual(&from.place, dice)
        ),
        3 | 4 => format!("{} {kind}", usual(&from.last, dice)),
        _ => dice.pick(&from.organisations).cloned().unwrap_or_else(|| format!("{} {kind}", usual(&from.last, dice))),
    }
}

/// A filling for one letter, and what it is.
fn fill(letter: char, from: &Fillings<'_>, dice: &mut Dice) -> (String, Option<Label>) {
    let plain = |text: &str| (text.to_owned(), None);
    match letter {
        'P' => (person(from, dice), Some(Label::Person)),
        'F' => (usual(&from.first, dice).to_owned(), Some(Label::Person)),
        'L' => (usual(&from.last, dice).to_owned(), Some(Label::Person)),
        'A' => (dice.pick(&from.both).copied().unwrap_or("Jordan").to_owned(), Some(Label::Person)),
        'C' => (usual(&from.place, dice).to_owned(), Some(Label::Location)),
        'K' => (dice.pick(&from.both).copied().unwrap_or("Jordan").to_owned(), Some(Label::Location)),
        'O' => (organisation(from, dice), Some(Label::Organization)),
        'H' => {
            let name = if dice.percent(50) { usual(&from.last, dice) } else { usual(&from.place, dice) };
            let saint = if dice.percent(20) { "St. " } else { "" };
            (format!("{saint}{name} {}", word(HOSPITALS, dice)), Some(Label::Organization))
        }
        'D' => (dice.pick(&from.conditions).cloned().unwrap_or_else(|| "asthma".into()), Some(Label::Condition)),
        'S' => {
            let length = dice.below(4);
            let (number, zip) = (digits(dice, length), digits(dice, 5));
            let street = format!("{} {}", usual(&from.last, dice), word(STREETS, dice));
            let state = word(&["CA", "TX", "NY", "FL", "OH", "WA", "VA", "NC", "IL", "GA"], dice);
            (
                format!("{}{number} {street}, {}, {state} {zip}", 1 + dice.below(9), usual(&from.place, dice)),
                Some(Label::Location),
            )
        }
        'T' => plain(word(TITLES, dice)),
        'V' => plain(word(DEEDS, dice)),
        'B' => plain(word(BUSINESS, dice)),
        'M' => plain(word(MEDICINE, dice)),
        'J' => plain(word(THINGS, dice)),
        'Q' => plain(word(HEADINGS, dice)),
        'N' => {
            let length = 1 + dice.below(9);
            (digits(dice, length), None)
        }
        'W' => match dice.below(4) {
            0 => (format!("{}/{}/20{}", 1 + dice.below(12), 1 + dice.below(28), digits(dice, 2)), None),
            1 => (format!("20{}-0{}-1{}", digits(dice, 2), 1 + dice.below(9), dice.below(9)), None),
            2 => (format!("{} {}", word(&["March", "June", "July", "Dec", "Sept"], dice), 1 + dice.below(28)), None),
            _ => plain(word(&["Monday", "Tuesday", "Friday", "tomorrow", "next week", "Sunday"], dice)),
        },
        _ => {
            let user = usual(&from.last, dice).to_lowercase();
            (format!("{user}{}@example.{}", dice.below(100), word(&["com", "org", "net"], dice)), None)
        }
    }
}

/// Documents made of the sentences above: each `rounds` times, every time filled anew.
pub(super) fn documents(from: &Fillings<'_>, rounds: usize, source: usize, dice: &mut Dice) -> Vec<Document> {
    let mut documents = Vec::new();
    if from.is_empty() {
        return documents;
    }
    let all: Vec<&str> = SENTENCES.iter().chain(NEGATIVES).copied().collect();
    for _ in 0..rounds {
        for sentence in &all {
            let mut document = Document { text: String::new(), marks: Vec::new(), source };
            append(sentence, from, dice, &mut document);
            // Some stand in longer texts.
            while dice.percent(35) {
                document.text.push_str(word(&[" ", "\n", "\n\n", " "], dice));
                let next = dice.pick(&all).copied().unwrap_or("");
                append(next, from, dice, &mut document);
            }
            documents.push(document);
        }
    }
    documents
}

fn append(sentence: &str, from: &Fillings<'_>, dice: &mut Dice, document: &mut Document) {
    let mut rest = sentence;
    while let Some(open) = rest.find('{') {
        let (before, tail) = rest.split_at(open);
        document.text.push_str(before);
        let mut chars = tail.chars();
        let slot = (chars.next(), chars.next(), chars.next());
        let (Some('{'), Some(letter), Some('}')) = slot else {
            document.text.push('{');
            rest = tail.get(1..).unwrap_or_default();
            continue;
        };
        let (text, label) = fill(letter, from, dice);
        let start = document.text.len();
        document.text.push_str(&text);
        if label.is_some() {
            document.marks.push(Mark { start, end: document.text.len(), label });
        }
        rest = chars.as_str();
    }
    document.text.push_str(rest);
}
