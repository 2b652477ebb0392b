//! The columns of FOCUS 1.0, 1.2, 1.3 and 1.4 with data type, nullability and allowed values, copied from the specification's
//! "Content Constraints" of each column.

/// Data types of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    Decimal,
    DateTime,
    /// A string that is a JSON object of plain values.
    KeyValue,
}

use Type::{DateTime, Decimal, KeyValue, String};

/// Column, data type, whether nulls are allowed, first version.
pub(crate) const COLUMNS: [(&str, Type, bool, &str); 67] = [
    ("AllocatedMethodDetails", KeyValue, true, "1.3"),
    ("AllocatedMethodId", String, true, "1.3"),
    ("AllocatedResourceId", String, true, "1.3"),
    ("AllocatedResourceName", String, true, "1.3"),
    ("AllocatedTags", KeyValue, true, "1.3"),
    ("AvailabilityZone", String, true, "1.0"),
    ("BilledCost", Decimal, false, "1.0"),
    ("BillingAccountId", String, false, "1.0"),
    ("BillingAccountName", String, true, "1.0"),
    ("BillingAccountType", String, true, "1.2"),
    ("BillingCurrency", String, false, "1.0"),
    ("BillingPeriodEnd", DateTime, false, "1.0"),
    ("BillingPeriodStart", DateTime, false, "1.0"),
    ("CapacityReservationId", String, true, "1.1"),
    ("CapacityReservationStatus", String, true, "1.1"),
    ("ChargeCategory", String, false, "1.0"),
    ("ChargeClass", String, true, "1.0"),
    ("ChargeDescription", String, true, "1.0"),
    ("ChargeFrequency", String, false, "1.0"),
    ("ChargePeriodEnd", DateTime, false, "1.0"),
    ("ChargePeriodStart", DateTime, false, "1.0"),
    ("CommitmentDiscountCategory", String, true, "1.0"),
    ("CommitmentDiscountId", String, true, "1.0"),
    ("CommitmentDiscountName", String, true, "1.0"),
    ("CommitmentDiscountQuantity", Decimal, true, "1.1"),
    ("CommitmentDiscountStatus", String, true, "1.0"),
    ("CommitmentDiscountType", String, true, "1.0"),
    ("CommitmentDiscountUnit", String, true, "1.1"),
    ("CommitmentProgramEligibilityDetails", KeyValue, true, "1.4"),
    ("ConsumedQuantity", Decimal, true, "1.0"),
    ("ConsumedUnit", String, true, "1.0"),
    ("ContractApplied", KeyValue, true, "1.3"),
    ("ContractedCost", Decimal, false, "1.0"),
    ("ContractedUnitPrice", Decimal, true, "1.0"),
    ("EffectiveCost", Decimal, false, "1.0"),
    ("HostProviderName", String, false, "1.3"),
    ("InvoiceDetailId", String, true, "1.4"),
    ("InvoiceId", String, true, "1.2"),
    ("InvoiceIssuerName", String, false, "1.0"),
    ("ListCost", Decimal, false, "1.0"),
    ("ListUnitPrice", Decimal, true, "1.0"),
    ("PricingCategory", String, true, "1.0"),
    ("PricingCurrency", String, true, "1.2"),
    ("PricingCurrencyContractedUnitPrice", Decimal, true, "1.2"),
    ("PricingCurrencyEffectiveCost", Decimal, true, "1.2"),
    ("PricingCurrencyListUnitPrice", Decimal, true, "1.2"),
    ("PricingQuantity", Decimal, true, "1.0"),
    ("PricingUnit", String, true, "1.0"),
    ("ProviderName", String, false, "1.0"),
    ("PublisherName", String, false, "1.0"),
    ("RegionId", String, true, "1.0"),
    ("RegionName", String, true, "1.0"),
    ("ResourceId", String, true, "1.0"),
    ("ResourceName", String, true, "1.0"),
    ("ResourceType", String, true, "1.0"),
    ("ServiceCategory", String, false, "1.0"),
    ("ServiceName", String, false, "1.0"),
    ("ServiceProviderName", String, false, "1.3"),
    ("ServiceSubcategory", String, false, "1.1"),
    ("SkuId", String, true, "1.0"),
    ("SkuMeter", String, true, "1.1"),
    ("SkuPriceDetails", KeyValue, true, "1.1"),
    ("SkuPriceId", String, true, "1.0"),
    ("SubAccountId", String, true, "1.0"),
    ("SubAccountName", String, true, "1.0"),
    ("SubAccountType", String, true, "1.2"),
    ("Tags", KeyValue, true, "1.0"),
];

/// The columns that 1.4 removed.
pub(crate) const UNTIL_1_3: [&str; 2] = ["ProviderName", "PublisherName"];

/// Allowed values of the columns that restrict them. Null is also allowed if the column is nullable.
pub(crate) const ALLOWED: [(&str, &[&str]); 8] = [
    ("CapacityReservationStatus", &["Used", "Unused"]),
    ("ChargeCategory", &["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
    ("ChargeClass", &["Correction"]),
    ("ChargeFrequency", &["One-Time", "Recurring", "Usage-Based"]),
    ("CommitmentDiscountCategory", &["Spend", "Usage"]),
    ("CommitmentDiscountStatus", &["Used", "Unused"]),
    ("PricingCategory", &["Standard", "Dynamic", "Committed", "Other"]),
    (
        "ServiceCategory",
        &[
            "AI and Machine Learning",
            "Analytics",
            "Business Applications",
            "Compute",
            "Databases",
            "Developer Tools",
            "Multicloud",
            "Identity",
            "Integration",
            "Internet of Things",
            "Management and Governance",
            "Media",
            "Migration",
            "Mobile",
            "Networking",
            "Security",
            "Storage",
            "Web",
            "Other",
        ],
    ),
];

/// Subcategories of the categories of our products; each subcategory has one parent.
pub(crate) const SUBCATEGORIES: [(&str, &[&str]); 3] = [
    (
        "AI and Machine Learning",
        &[
            "AI Platforms",
            "Bots",
            "Generative AI",
            "Machine Learning",
            "Natural Language Processing",
            "Other (AI and Machine Learning)",
        ],
    ),
    (
        "Compute",
        &[
            "Containers",
            "End User Computing",
            "Quantum Compute",
            "Serverless Compute",
            "Virtual Machines",
            "Other (Compute)",
        ],
    ),
    ("Other", &["Other (Other)"]),
];
