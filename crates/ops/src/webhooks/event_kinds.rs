//! The kinds of events. One table states everything about them: the name of the type, who may be sent it, its meaning, and
//! the members of `data`. Documents, the `OpenAPI` document and the command line read it.

/// The type of a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An integer of at most 64 bits.
    Integer,
    /// An integer, or null.
    OptionalInteger,
    /// A text.
    Text,
    /// An amount of money: a decimal as a text.
    Amount,
    /// Texts.
    Texts,
    /// Integers.
    Integers,
    /// An object.
    Object(&'static [Member]),
    /// Objects.
    List(&'static [Member]),
}

/// A member of `data`, or of an object in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// The type of its value.
    pub shape: Shape,
    /// Its meaning.
    pub meaning: &'static str,
}

const fn member(name: &'static str, shape: Shape, meaning: &'static str) -> Member {
    Member { name, shape, meaning }
}

use Shape::{Amount, Integer, Integers, List, Object, OptionalInteger, Text, Texts};

const COMPANY: Member = member("CompanyID", Integer, "The company");

const ORDER: &[Member] = &[
    member("OrderNo", Text, "Number of the order, as the list of its status shows it"),
    member(
        "SourceOrderNo",
        Text,
        "Number of an order that is or was unpaid, before it fell into arrears; else empty",
    ),
    member("ReplacedByOrderNo", Text, "Number of the order that replaces it; empty if none does"),
    member("OrganizationID", Integer, "Organization within the company"),
    member("ResourceID", Text, "Inference API key or sandbox"),
    member("ModelID", Text, "Model; empty for a sandbox"),
    member("PricingSKU", Text, "What was counted"),
    member("StartTime", Integer, "Start of the billed time, Unix seconds"),
    member("EndTime", Integer, "End of the billed time, Unix seconds"),
    member("OrderTotalPrice", Amount, "Amount of the order"),
];

const QUERY: &[Member] = &[
    member("Action", Text, "Action of the API"),
    member("Statuses", Integers, "Its parameter of that name"),
    member("StartTime", Integer, "Its parameter of that name"),
    member("EndTime", Integer, "Its parameter of that name"),
];

const ORDERS: &[Member] = &[
    COMPANY,
    member("Currency", Text, "Currency of the amounts"),
    member("OrderCount", Integer, "Number of the orders"),
    member("OrderTotalPrice", Amount, "Sum of the orders"),
    member("Orders", List(ORDER), "The first 50 of the orders"),
    member("Query", Object(QUERY), "A request whose answer has all of the orders, and maybe others"),
];

const BALANCE: &[Member] = &[
    COMPANY,
    member("Currency", Text, "Currency of the amounts"),
    member("Balance", Amount, "What is left in all accounts, and of the credit limit"),
    member("LowBalance", Amount, "The amount below which it is low"),
];

const ARREARS: &[Member] = &[
    COMPANY,
    member("Currency", Text, "Currency of the amount"),
    member("UnpaidCount", Integer, "Number of unpaid orders"),
    member("UnpaidAmount", Amount, "Sum of the unpaid orders"),
];

const EXPORT: &[Member] = &[
    COMPANY,
    member("JobId", Text, "The job; `GetExportJob` has the link"),
    member("FileName", Text, "Name of the file"),
    member("Rows", Integer, "Rows of the file"),
    member("Bytes", Integer, "Size of the file"),
    member("SHA256", Text, "SHA-256 of the file"),
];

const IMPORT: &[Member] = &[
    member("Kind", Text, "`orders`: nothing was stored; `usage`: all records but the refused ones were"),
    member("Files", Texts, "Names of the files, the first 20"),
    member("Read", Integer, "Records of the files"),
    member("Refused", Integer, "Refused records"),
    member("Reasons", Texts, "The first 20 reasons"),
];

const DIFFERENCE: &[Member] = &[
    member("Source", Text, "What found it: `verify` or `self-check`"),
    member(
        "CompanyID",
        OptionalInteger,
        "The company; null if it is of the deployment, or of several companies",
    ),
    member("DifferenceCount", Integer, "Number of differences"),
    member("Differences", Texts, "The first 20 of them"),
];

const UNCHARGED: &[Member] = &[
    member("CompanyID", OptionalInteger, "The company; null if the usage names none that exists"),
    member("Records", Integer, "Number of records since the last event about the company"),
    member("Models", List(MODEL), "The 50 most frequent models and reasons"),
];

const MODEL: &[Member] = &[
    member("ModelID", Text, "Model of the usage; empty if it has none"),
    member("Reason", Text, "Why it was not charged; numbers in it are N"),
    member("Records", Integer, "Number of records"),
];

const DISABLED: &[Member] = &[
    member("EndpointID", Text, "The endpoint"),
    member("CompanyID", OptionalInteger, "Its company; null if it is the operator's"),
    member("URL", Text, "Where its events were sent"),
    member("Reason", Text, "Why it was disabled"),
];

const TEST: &[Member] = &[member("EndpointID", Text, "The endpoint that is tested")];

/// Declares the kinds: name of the type, whether endpoints of companies may have it, members of `data`, meaning.
macro_rules! event_kinds {
    ($($kind:ident $name:literal $for_companies:literal $members:ident $meaning:literal;)*) => {
        /// A kind of event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind { $(#[doc = $meaning] $kind,)* }

        impl EventKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name of the type.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Whether endpoints of companies may be sent it. Those of the operator may be sent every event.
            pub const fn is_for_companies(self) -> bool {
                match self { $(Self::$kind => $for_companies,)* }
            }

            /// The members of `data`.
            pub const fn members(self) -> &'static [Member] {
                match self { $(Self::$kind => $members,)* }
            }

            /// Its meaning, for references.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$kind => $meaning,)* }
            }
        }
    };
}

event_kinds! {
    OrderUnpaid "order.unpaid" true ORDERS "Orders were made that the accounts do not cover";
    OrderPaid "order.paid" true ORDERS "Orders were paid: when their hour was closed, or later";
    OrderRevoked "order.revoked" true ORDERS "Orders were revoked or refunded, and nothing replaces them";
    OrderReplaced "order.replaced" true ORDERS "Orders were revoked or refunded by a correction, and other orders replace them";
    BalanceLow "balance.low" true BALANCE "The balance fell below the amount that was set for the company";
    ArrearsBegan "arrears.began" true ARREARS "The company has unpaid orders, and had none before";
    ArrearsEnded "arrears.ended" true ARREARS "The company has no unpaid orders, and had some before";
    ExportReady "export.ready" true EXPORT "The file of a background export can be downloaded";
    ImportRefused "import.refused" false IMPORT "Records of imported files were refused";
    DifferenceFound "difference.found" false DIFFERENCE "A recount differs from what is stored";
    UsageUnpriced "usage.unpriced" false UNCHARGED "Usage without a price was stored; it is charged when it has one";
    UsageRefused "usage.refused" false UNCHARGED "Reported usage was refused and is not stored";
    EndpointDisabled "webhook.endpoint_disabled" false DISABLED "An endpoint was disabled, because it failed for days or answered 410";
    Test "webhook.test" true TEST "A test, sent by command alone";
}

impl EventKind {
    /// The kinds about orders and about their being owed.
    pub(crate) const OF_ORDERS: [Self; 6] = [
        Self::OrderUnpaid,
        Self::OrderPaid,
        Self::OrderRevoked,
        Self::OrderReplaced,
        Self::ArrearsBegan,
        Self::ArrearsEnded,
    ];

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The kinds that an endpoint can choose; those of companies if `is_company`.
    pub fn choices(is_company: bool) -> impl Iterator<Item = Self> {
        let chosen = move |kind: &Self| *kind != Self::Test && (kind.is_for_companies() || !is_company);
        Self::ALL.iter().copied().filter(chosen)
    }
}
