//! `GetUserInfo`, `GetRegion` and `GetProjectList`: what the published command-line client asks for when it is set up. The
//! answers have the members of the published pages; those that a billing service cannot know are empty or 0.

use std::collections::BTreeSet;

use serde::Serialize;
use tollbook_domain::LineFilter;
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::tenant::Permission;

use super::call::Call;
use super::shape::{Described, Meaning, Member, Parameter, ParameterShape, integer, list};
use crate::answer::Answer;
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

pub(super) const USER_RESPONSE: &[Member] =
    &[list("DataSet", "UserInfo", user_members, "One object: the company of the key")];

pub(super) const REGION_RESPONSE: &[Member] = &[list(
    "Regions",
    "RegionInfo",
    region_members,
    "Regions of the company's orders and of the catalogue, by `Region`; the first is the default",
)];

pub(super) const PROJECT_PARAMETERS: &[Parameter] = &[Parameter {
    name: "IsFinance",
    shape: ParameterShape::Text,
    required: false,
    extension: false,
    meaning: Meaning::Text("`Yes` or `No`; the answer is the same"),
}];

pub(super) const PROJECT_RESPONSE: &[Member] = &[
    integer("ProjectCount", "Number of projects"),
    list(
        "ProjectSet",
        "ProjectListInfo",
        project_members,
        "The organizations that the key may see, by number",
    ),
];

fn user_members() -> Vec<Described> {
    vec![
        Described::new("UserId", "integer", "`CompanyID`"),
        Described::new("UserName", "string", "Name of the company"),
        Described::new("CompanyName", "string", "Name of the company"),
        Described::new("UserEmail", "string", "Empty: a company has no address"),
        Described::new(
            "AuthState",
            "string",
            "`CERTIFIED`: a company needs no certification of the vendor's",
        ),
        Described::new("Admin", "integer", "1 if the key may do everything for the whole company, else 0"),
        Described::new("Finance", "integer", "1 if the key may pay, else 0"),
    ]
}

fn region_members() -> Vec<Described> {
    vec![
        Described::new("Region", "string", "Code of the region"),
        Described::new("RegionName", "string", "Display name"),
        Described::new("RegionId", "integer", "0: regions have no numbers"),
        Described::new("Zone", "string", "Empty: orders have no zone"),
        Described::new("IsDefault", "boolean", "Whether it is the first"),
        Described::new("BitMaps", "string", "Empty: a region is open to everybody"),
    ]
}

fn project_members() -> Vec<Described> {
    vec![
        Described::new("ProjectId", "string", "`ProjectId` of the organization"),
        Described::new("ProjectName", "string", "Name of the organization"),
        Described::new("IsDefault", "boolean", "Whether it is the first that the key may see"),
        Described::new("ParentId", "string", "Empty: organizations have no parents"),
        Described::new("ParentName", "string", "Empty"),
        Described::new("CreateTime", "integer", "0: not known"),
        Described::new("MemberCount", "integer", "0: not known"),
        Described::new("ResourceCount", "integer", "0: not known"),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserInfo<'a> {
    user_id: i64,
    user_name: &'a str,
    company_name: &'a str,
    user_email: &'a str,
    auth_state: &'static str,
    admin: u8,
    finance: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RegionInfo {
    region: String,
    region_name: String,
    region_id: i64,
    zone: &'static str,
    is_default: bool,
    bit_maps: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProjectListInfo {
    project_id: String,
    project_name: String,
    is_default: bool,
    parent_id: &'static str,
    parent_name: &'static str,
    create_time: i64,
    member_count: i64,
    resource_count: i64,
}

pub(super) fn user_info(call: Call<'_>) -> Result<Answer, Refusal> {
    let key = call.key;
    let is_whole = key.organization_ids.is_empty();
    let user = UserInfo {
        user_id: call.company.company_id,
        user_name: &call.company.name,
        company_name: &call.company.name,
        user_email: "",
        // Any other text makes the client send its user to the vendor's certification.
        auth_state: "CERTIFIED",
        admin: u8::from(is_whole && Permission::ALL.into_iter().all(|permission| key.allows(permission))),
        finance: u8::from(key.allows(Permission::Pay)),
    };
    Answer::new().with("DataSet", &[user])
}

pub(super) fn regions(call: Call<'_>) -> Result<Answer, Refusal> {
    let language = call.brand.display().language;
    let catalogue = call.service.catalogue();
    let visible = call.key.visible_organizations();
    let filter = LineFilter::default().visible_organizations(visible);
    let company_id = call.company.company_id;
    let mut snapshot = call.snapshot.for_orders()?;
    let lines = snapshot.lines(company_id).map_err(log_and_refuse)?;
    let used = lines.iter().filter(|line| filter.matches(line)).map(|line| line.region.clone());
    let known = catalogue.keys(NameKind::Region).map(str::to_owned);
    let codes: BTreeSet<String> = used.chain(known).filter(|code| !code.is_empty()).collect();
    let regions: Vec<RegionInfo> = codes
        .into_iter()
        .enumerate()
        .map(|(place, region)| RegionInfo {
            region_name: catalogue.text(NameKind::Region, &region, language),
            region,
            region_id: 0,
            zone: "",
            is_default: place == 0,
            bit_maps: "",
        })
        .collect();
    Answer::new().with("Regions", &regions)
}

pub(super) fn projects(call: Call<'_>) -> Result<Answer, Refusal> {
    match call.parameters.text("IsFinance")?.as_deref() {
        None | Some("Yes" | "No") => {}
        Some(_) => return Err(Refusal::not_available("IsFinance", "must be Yes or No")),
    }
    let company_id = call.company.company_id;
    let mut snapshot = call.snapshot.snapshot;
    let organizations = snapshot.organizations(company_id).map_err(log_and_refuse)?;
    let key = call.key;
    let visible = organizations.into_iter().filter(|organization| key.may_use(organization.organization_id));
    let projects: Vec<ProjectListInfo> = visible
        .enumerate()
        .map(|(place, organization)| ProjectListInfo {
            project_id: organization.project_id,
            project_name: organization.name,
            is_default: place == 0,
            parent_id: "",
            parent_name: "",
            create_time: 0,
            member_count: 0,
            resource_count: 0,
        })
        .collect();
    Answer::new().with("ProjectCount", &projects.len())?.with("ProjectSet", &projects)
}
