"""Calls the order API through the published Python SDK, unchanged, and prints what its typed client decoded.

    sdk.py REQUEST

TOLLBOOK_SERVER, TOLLBOOK_PUBLIC_KEY and TOLLBOOK_PRIVATE_KEY name the server and the key. REQUEST is one JSON object:

    {"StartTime": 1760000000, "EndTime": 1760086400}    required
    "Page": 1, "PageSize": 100                          of the two lists, defaults as shown
    "Region": "cn-wlcb", "ProjectId": "org-…"           sent with every call, if given
    "ProductCode": "modelverse"                         of GetFilterOptions, if given
    "Filters": {"ModelIds": ["m"], "OrderTypes": [102]} of every action that takes a range
    "PayOrderNos": ["U…"]                               calls StartPayUnpaidOrders first, if given

One JSON object on standard output:

    "Answers":    {action: what the typed client returned}
    "Extensions": {action: [paths of answered fields that the SDK does not know, such as "Orders[].CreditAccount"]}
    "Unsent":     {action: [filters that the SDK's request of that action has no place for and therefore drops]}
    "Errors":     {case: {"RetCode", "Message", "Action", "RequestUUID"}}, as the SDK's exception shows them

The SDK would turn "5" into 5 and back without a word. Therefore the answer on the wire is checked against the SDK's
schemas here: every field there, spelt as typed, an int an int and a string a string. Exit code 1 says what is not.
"""

import json
import os
import sys
from urllib.parse import urlsplit

# A proxy of the machine must not stand between this client and the server under test.
os.environ["NO_PROXY"] = "*"

from ucloud.client import Client
from ucloud.core import exc
from ucloud.core.typesystem import fields, schema
from ucloud.core.utils.middleware import Middleware
from ucloud.services.uai_modelverse.schemas import apis

# Action → method of the typed client.
LISTS = {
    "ListPaidOrders": "list_paid_orders",
    "ListUnpaidOrders": "list_unpaid_orders",
}
RANGES = LISTS | {
    "ListPaidOrderSummary": "list_paid_order_summary",
    "ListUnpaidOrderSummary": "list_unpaid_order_summary",
    "GetOrderAmount": "get_order_amount",
    "DownloadListPaidOrders": "download_list_paid_orders",
    "DownloadListUnpaidOrders": "download_list_unpaid_orders",
    "DownloadOrderSummary": "download_order_summary",
}
METHODS = RANGES | {
    "GetFilterOptions": "get_filter_options",
    "StartPayUnpaidOrders": "start_pay_unpaid_orders",
}

# Only the summaries of paid orders have these.
PAID_SUMS = {"SumStarCardAccount", "SumCoupon", "SumBonusAccount", "SumCashAccount"}

DAY_S = 86_400


class Session:
    """One key's typed client, which remembers the last answer as it was on the wire."""

    def __init__(self, request: dict, public_key: str, private_key: str) -> None:
        """Only `Region` and `ProjectId` of the request are the client's own."""
        self.wire: dict = {}
        self.request_uuid: str | None = None
        middleware = Middleware()
        middleware.response(self._remember)
        config = {
            "public_key": public_key,
            "private_key": private_key,
            "base_url": os.environ["TOLLBOOK_SERVER"],
            "region": request.get("Region"),
            "project_id": request.get("ProjectId"),
        }
        self.client = Client(config, middleware=middleware).uai_modelverse()

    def _remember(self, data: dict, response=None) -> dict:
        self.wire = data
        self.request_uuid = response and response.request_uuid
        return data

    def call(self, action: str, parameters: dict) -> dict:
        """Through the typed client: its request schema, its signature, its response schema."""
        return getattr(self.client, METHODS[action])(parameters)

    def invoke(self, action: str, parameters: dict) -> dict:
        """Past the typed client, which would not send what lacks a required parameter."""
        return self.client.invoke(action, dict(parameters))


def differences(expected: schema.Schema, wire: object, path: str, action: str) -> list[str]:
    """What of a JSON object is not as the SDK's schema has it."""
    if not isinstance(wire, dict):
        return [f"{path}: expected an object, got {wire!r}"]
    found = []
    lower = [name.lower() for name in wire]
    found += [f"{path}.{name}: two spellings of one name" for name in wire if lower.count(name.lower()) > 1]
    for name, field in expected.fields.items():
        key = field.load_from or name
        if key in wire:
            found += value_differences(field, wire[key], f"{path}.{key}", action)
        elif not (action == "ListUnpaidOrderSummary" and key in PAID_SUMS):
            found.append(f"{path}.{key}: absent")
    return found


def value_differences(field: object, value: object, path: str, action: str) -> list[str]:
    """What of one value is not as the SDK's field has it."""
    if isinstance(field, schema.Schema):
        return differences(field, value, path, action)
    if isinstance(field, fields.List):
        if not isinstance(value, list):
            return [f"{path}: expected a list, got {value!r}"]
        return [
            problem
            for index, item in enumerate(value)
            for problem in value_differences(field.item, item, f"{path}[{index}]", action)
        ]
    kinds = {fields.Int: int, fields.Str: str, fields.Bool: bool}
    kind = kinds[type(field)]
    if type(value) is not kind:
        return [f"{path}: expected {kind.__name__}, got {value!r}"]
    return []


def known_part(field: object, value: object) -> object:
    """The value without the fields that the SDK does not know: what the typed client must have returned."""
    if isinstance(field, fields.List):
        return [known_part(field.item, item) for item in value]
    if isinstance(field, schema.Schema):
        known = {name: (inner.load_from or name, inner) for name, inner in field.fields.items()}
        return {name: known_part(inner, value[key]) for name, (key, inner) in known.items() if key in value}
    return value


def extensions(field: object, value: object, path: str) -> set[str]:
    """The paths of the fields that the SDK does not know; an element of a list is written `[]`."""
    if isinstance(field, fields.List):
        return {found for item in value for found in extensions(field.item, item, f"{path}[]")}
    if not isinstance(field, schema.Schema):
        return set()
    known = {inner.load_from or name: inner for name, inner in field.fields.items()}
    found = set()
    for key, inner in value.items():
        inner_path = f"{path}.{key}" if path else key
        if key in known:
            found |= extensions(known[key], inner, inner_path)
        else:
            found.add(inner_path)
    return found


def parameters_of(action: str, request: dict) -> tuple[dict, list[str]]:
    """What is sent for an action, and the names of the filters that its request schema does not have."""
    filters = dict(request.get("Filters", {}))
    known = getattr(apis, f"{action}RequestSchema").fields
    sent = {name: value for name, value in filters.items() if name in known}
    if action == "ListUnpaidOrderSummary" and "OrderTypes" in sent:
        # The SDK has one int there where it has a list everywhere else.
        values = sent.pop("OrderTypes")
        if len(values) == 1:
            sent["OrderTypes"] = values[0]
    unsent = sorted(filters.keys() - sent.keys())
    sent |= {"StartTime": request["StartTime"], "EndTime": request["EndTime"]}
    if action in LISTS:
        sent |= {"Page": request.get("Page", 1), "PageSize": request.get("PageSize", 100)}
    return sent, unsent


def error_of(call) -> dict:
    """The error that a call must end in, as the SDK's exception shows it."""
    try:
        answer = call()
    except exc.RetCodeException as error:
        shown = error.json() | {"RequestUUID": error.request_uuid}
        if not (type(shown["RetCode"]) is int and shown["Message"] and shown["Action"] and shown["RequestUUID"]):
            raise SystemExit(f"an error answer lacks a part: {shown}") from error
        return shown
    raise SystemExit(f"a call that must fail was answered: {answer}")


def error_cases(session: Session, request: dict, public_key: str, private_key: str) -> dict:
    """Calls that must fail, one for each kind of refusal that a client can meet."""
    start_s, end_s = request["StartTime"], request["EndTime"]
    span = {"StartTime": start_s, "EndTime": end_s}
    page = span | {"Page": 1, "PageSize": 100}
    wrong_secret = Session(request, public_key, private_key[::-1] + "x")
    unknown_key = Session(request, public_key + "x", private_key)
    cases = {
        "WrongPrivateKey": lambda: wrong_secret.call("ListPaidOrders", page),
        "UnknownPublicKey": lambda: unknown_key.call("ListPaidOrders", page),
        "UnknownAction": lambda: session.invoke("ListFreeOrders", {}),
        "MissingAll": lambda: session.invoke("ListPaidOrders", {}),
        "MissingEndTime": lambda: session.invoke("GetOrderAmount", {"StartTime": start_s}),
        "MissingPaging": lambda: session.invoke("ListUnpaidOrders", span),
        "PageZero": lambda: session.call("ListPaidOrders", page | {"Page": 0}),
        "PageSizeTooSmall": lambda: session.call("ListPaidOrders", page | {"PageSize": 9}),
        "PageSizeTooLarge": lambda: session.call("ListUnpaidOrders", page | {"PageSize": 101}),
        "EmptyRange": lambda: session.call("ListPaidOrderSummary", {"StartTime": end_s, "EndTime": end_s}),
        "SpanOf366DaysAndASecond": lambda: session.call(
            "GetOrderAmount", {"StartTime": start_s, "EndTime": start_s + 366 * DAY_S + 1}
        ),
        "UnknownProductCode": lambda: session.call("ListPaidOrders", page | {"ProductCodes": ["abacus"]}),
        "TextForAnInteger": lambda: session.invoke("ListPaidOrders", page | {"OrderTypes": ["one"]}),
        "TooManyValues": lambda: session.call(
            "ListPaidOrders", page | {"ModelIds": [f"model-{n}" for n in range(101)]}
        ),
    }
    return {case: error_of(call) for case, call in cases.items()}


def main() -> None:
    """Calls every action, then every case that must fail; prints one JSON object."""
    (text,) = sys.argv[1:]
    request = json.loads(text)
    public_key, private_key = os.environ["TOLLBOOK_PUBLIC_KEY"], os.environ["TOLLBOOK_PRIVATE_KEY"]
    if urlsplit(os.environ["TOLLBOOK_SERVER"]).scheme not in ("http", "https"):
        raise SystemExit("TOLLBOOK_SERVER is no URL")
    session = Session(request, public_key, private_key)
    printed: dict = {"Answers": {}, "Extensions": {}, "Unsent": {}, "Errors": {}}
    problems: list[str] = []

    def ask(action: str, parameters: dict) -> None:
        decoded = session.call(action, parameters)
        expected = getattr(apis, f"{action}ResponseSchema")()
        found = differences(expected, session.wire, action, action)
        envelope = {name: session.wire.get(name) for name in ("RetCode", "Action", "Message")}
        if envelope != {"RetCode": 0, "Action": f"{action}Response", "Message": "success"}:
            found.append(f"{action}: the envelope is {envelope}")
        if not session.request_uuid:
            found.append(f"{action}: no request uuid")
        if not found and decoded != known_part(expected, session.wire):
            found.append(f"{action}: the typed client decoded something else than was sent")
        problems.extend(found)
        if not found:
            unknown = extensions(expected, session.wire, "") - {"RetCode", "Action", "Message", "request_uuid"}
            printed["Extensions"][action] = sorted(unknown)
        printed["Answers"][action] = decoded

    if "PayOrderNos" in request:
        ask("StartPayUnpaidOrders", {"OrderNos": request["PayOrderNos"]})
    for action in RANGES:
        parameters, printed["Unsent"][action] = parameters_of(action, request)
        ask(action, parameters)
    ask("GetFilterOptions", {"ProductCode": request.get("ProductCode")})
    if problems:
        raise SystemExit("\n".join(problems))
    printed["Errors"] = error_cases(session, request, public_key, private_key)
    json.dump(printed, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
