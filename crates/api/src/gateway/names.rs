//! Names of parameters that an action does not have. A request as published may have any, as at the published API, and is
//! warned of those that look like a known one; in a strictly signed request they are refused (docs/WIRE.md, "Warnings").

use crate::actions::{Action, Described, Member, MemberShape};
use crate::answer::{WARNINGS_NAME, Warning};
use crate::parameters::split_index;
use crate::ret_code::{Echo, Refusal};
use crate::wire::Request;

/// The parameters that every request may have.
const ENVELOPE: [&str; 7] =
    ["Action", "PublicKey", "Signature", "Region", "Zone", "ProjectId", "SecurityToken"];

/// Most unknown names that are compared with the known ones: a comparison takes time, and a request has up to 2,000.
const MOST_COMPARED: usize = 16;

/// The member of an answer that has them.
pub(crate) const WARNINGS: Member = Member {
    name: WARNINGS_NAME,
    shape: MemberShape::List("Warning", members),
    meaning: "◆ Parameters that were ignored and look like one that the action has; only there if there are any",
    always: false,
};

fn members() -> Vec<Described> {
    vec![
        Described::new("Parameter", "string", "Name of the parameter, as it was sent"),
        Described::new("Nearest", "string", "The name that the action has"),
        Described::new("Message", "string", "What became of it"),
    ]
}

/// Warnings about the parameters that the action does not have but that look like one of its own: one for each name, lists
/// by the first of their elements.
pub(super) fn warnings(request: &Request, action: &Action) -> Vec<Warning> {
    let mut seen: Vec<&str> = Vec::new();
    let unknown =
        request.entries.iter().map(|entry| entry.key.as_str()).filter(|name| !is_known(name, action));
    let mut warnings = Vec::new();
    for name in unknown {
        let base = split_index(name).map_or(name, |(base, _)| base);
        if seen.contains(&base) {
            continue;
        }
        if seen.len() == MOST_COMPARED {
            break;
        }
        seen.push(base);
        warnings.extend(nearest(name, action).map(|nearest| Warning {
            parameter: Echo(name).to_string(),
            message: format!("ignored: {} has no such parameter; did you mean {nearest}?", action.name),
            nearest,
        }));
    }
    warnings
}

/// Refuses a parameter that the action does not have, and names the nearest one that it has.
pub(super) fn check_names(request: &Request, action: &Action) -> Result<(), Refusal> {
    let unknown = request.entries.iter().map(|entry| entry.key.as_str()).find(|name| !is_known(name, action));
    let Some(name) = unknown else { return Ok(()) };
    let nearest = nearest(name, action);
    let nearest = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
    Err(Refusal::not_available(name, format!("{} has no such parameter{nearest}", action.name)))
}

fn is_known(name: &str, action: &Action) -> bool {
    let base = split_index(name).map(|(base, _)| base);
    ENVELOPE.contains(&name)
        || action.parameters.iter().any(|parameter| {
            parameter.name == name || (parameter.shape.is_list() && base == Some(parameter.name))
        })
}

/// The parameter whose name is most like this one, with the index of this one if it is a list.
fn nearest(name: &str, action: &Action) -> Option<String> {
    let (base, index) = match name.rsplit_once('.') {
        Some((base, index)) if split_index(name).is_some() => (base, Some(index)),
        _ => (name, None),
    };
    // Of a long name nothing is near, and the distance takes time.
    if base.chars().count() > 64 {
        return None;
    }
    let distance = |known: &str| {
        // A difference in case alone is the most likely slip.
        strsim::osa_distance(&known.to_ascii_lowercase(), &base.to_ascii_lowercase())
    };
    let own = action.parameters.iter().map(|parameter| (parameter.name, parameter.shape.is_list()));
    let all = own.chain(ENVELOPE.map(|name| (name, false)));
    let (away, known, is_list) =
        all.map(|(known, is_list)| (distance(known), known, is_list)).min_by_key(|(away, ..)| *away)?;
    if away > base.chars().count() / 3 {
        return None;
    }
    match index {
        // Digits, or `N`. A longer index than any list has is not repeated.
        Some(index) if is_list && index.len() <= 6 => Some(format!("{known}.{index}")),
        None if is_list => Some(format!("{known}.0")),
        _ => Some(known.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ParameterValue, RawParameter};

    fn verdict(action: &str, name: &str) -> Result<(), String> {
        let value = ParameterValue::String(String::new());
        let request = Request { entries: vec![RawParameter { key: name.to_owned(), value }] };
        check_names(&request, Action::find(action).unwrap()).map_err(|refusal| refusal.message())
    }

    #[test]
    fn an_unknown_parameter_is_named_with_the_nearest_one() {
        let list = "ListPaidOrders";
        for known in
            ["ModelIds", "ModelIds.0", "ModelIds.N", "StartTime", "Region", "OrderTypes.17", "ProjectId"]
        {
            assert_eq!(verdict(list, known), Ok(()), "{known}");
        }
        for (action, name, expected) in [
            (list, "ModelIDs.0", "ListPaidOrders has no such parameter; did you mean ModelIds.0?"),
            (list, "ModelId", "ListPaidOrders has no such parameter; did you mean ModelIds.0?"),
            (list, "ModelIds.x", "ListPaidOrders has no such parameter; did you mean ModelIds.0?"),
            (list, "startTime", "ListPaidOrders has no such parameter; did you mean StartTime?"),
            (list, "StartTime.0", "ListPaidOrders has no such parameter; did you mean StartTime?"),
            (list, "Action.0", "ListPaidOrders has no such parameter; did you mean Action?"),
            (list, "Surprise", "ListPaidOrders has no such parameter"),
            (list, "", "ListPaidOrders has no such parameter"),
            (
                "StartPayUnpaidOrders",
                "OrderNo.0",
                "StartPayUnpaidOrders has no such parameter; did you mean OrderNos.0?",
            ),
            ("StartPayUnpaidOrders", "ModelIds.0", "StartPayUnpaidOrders has no such parameter"),
        ] {
            assert_eq!(verdict(action, name), Err(format!("Params [{name}] not available: {expected}")));
        }
    }
}
