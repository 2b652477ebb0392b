"""Calls a started server with the clients that openapi-python-client generated from its documents.

Prints what they got as JSON. A request is signed where it is whole: in the transport of httpx.
"""

import datetime
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Generator
from typing import Any

import httpx
from operator_client import AuthenticatedClient as OperatorClient
from operator_client.api.default import get_company
from tollbook_client import AuthenticatedClient
from tollbook_client.api.orders import get_filter_options, get_order_amount_post, list_paid_orders
from tollbook_client.api.usage import get_standing, report_usage
from tollbook_client.models import (
    GetOrderAmountPostBody,
    UsageData,
    UsageDataQuantities,
    UsageEvent,
)

SERVER = os.environ["TOLLBOOK_SERVER"]
PUBLIC_KEY = os.environ["TOLLBOOK_PUBLIC_KEY"]
PRIVATE_KEY = os.environ["TOLLBOOK_PRIVATE_KEY"]
OPERATOR_KEY = os.environ["TOLLBOOK_OPERATOR_KEY"]


class Published(httpx.Auth):
    """Signs a GET as published: all parameters by name, each followed by its value, and the private key."""

    def __init__(self, private_key: str) -> None:
        """Signs with this key."""
        self.private_key = private_key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Adds key and signature to the query."""
        pairs = [*request.url.params.multi_items(), ("PublicKey", PUBLIC_KEY)]
        text = "".join(name + value for name, value in sorted(pairs, key=lambda pair: pair[0]))
        signature = hashlib.sha1((text + self.private_key).encode()).hexdigest()  # noqa: S324
        request.url = request.url.copy_with(params=[*pairs, ("Signature", signature)])
        yield request


class Strict(httpx.Auth):
    """Signs a POST strictly."""

    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Adds the three headers."""
        media = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        digest = hashlib.sha256(request.content).hexdigest()
        lines = ["TOLLBOOK-HMAC-SHA256", request.method, request.url.path, "", media, digest, timestamp, nonce]
        signature = hmac.new(PRIVATE_KEY.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        request.headers["X-Tollbook-Timestamp"] = timestamp
        request.headers["X-Tollbook-Nonce"] = nonce
        request.headers["X-Tollbook-Signature"] = signature
        yield request


def signing(auth: httpx.Auth) -> AuthenticatedClient:
    """A generated client whose requests are signed, instead of having a token."""
    client = AuthenticatedClient(base_url=SERVER, token="")
    return client.set_httpx_client(httpx.Client(base_url=SERVER, auth=auth))


def main() -> dict[str, Any]:
    """What the clients got."""
    times = {"start_time": 1_760_000_000, "end_time": 1_770_000_000}
    orders = list_paid_orders.sync(
        client=signing(Published(PRIVATE_KEY)),
        action="ListPaidOrders",
        page=1,
        page_size=10,
        model_ids=["m", "none"],
        **times,
    )
    amount = get_order_amount_post.sync(
        client=signing(Strict()),
        body=GetOrderAmountPostBody(action="GetOrderAmount", public_key=PUBLIC_KEY, **times),
    )
    refused = get_filter_options.sync(client=signing(Published("another key")), action="GetFilterOptions")

    company = int(os.environ["TOLLBOOK_COMPANY"])
    event = UsageEvent(
        specversion="1.0",
        id=os.environ["TOLLBOOK_USAGE_ID"],
        source="generated-client",
        type_="com.example.usage",
        time=datetime.datetime.now(datetime.UTC),
        data=UsageData(
            company_id=company,
            organization_id=1,
            resource_id="key-1",
            model_id="example-chat",
            product_code="modelverse",
            quantities=UsageDataQuantities.from_dict({"input": 1200, "output": 300}),
        ),
    )
    gateway = AuthenticatedClient(base_url=SERVER, token=OPERATOR_KEY)
    reported = report_usage.sync(client=gateway, body=[event])
    repeated = report_usage.sync(client=gateway, body=[event])
    standing = get_standing.sync(company, client=gateway)
    unknown = AuthenticatedClient(base_url=SERVER, token="tbo_none")  # noqa: S106
    problem = report_usage.sync_detailed(client=unknown, body=[event])
    named = get_company.sync(company, client=OperatorClient(base_url=SERVER, token=OPERATOR_KEY))
    return {
        "Total": orders.total,
        "OrderNos": [order.order_no for order in orders.orders],
        "PaidAmount": amount.paid_amount,
        "Refused": refused.ret_code,
        "Reported": [[result.status, result.pricing] for result in reported.results],
        "Repeated": [result.status for result in repeated.results],
        "PendingAmount": standing.pending_amount,
        "Problem": [problem.status_code, problem.parsed.error],
        "Company": named.name,
    }


print(json.dumps(main()))
