"""Hooks of schemathesis: requests are signed, or get an operator key; a RetCode is compared with the document.

The document cannot say it in its schemas: every answer has the status 200, and a refusal has its RetCode.
"""

import hashlib
import json
import os
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

PUBLIC_KEY = os.environ["TOLLBOOK_PUBLIC_KEY"]
PRIVATE_KEY = os.environ["TOLLBOOK_PRIVATE_KEY"]
OPERATOR_KEY = os.environ["TOLLBOOK_OPERATOR_KEY"]
FORM = "application/x-www-form-urlencoded"

# A request that follows the document may be refused for what a schema cannot say: a rule between two parameters, or
# what is stored. It is not refused as incomplete, too large, unknown or unsigned.
REFUSED_BY_RULE = {0, 230, 292}


class Number(str):
    """A JSON number by its characters."""


def plain(number: str) -> str:
    """A number as it is signed: without an exponent and without zeros at the end."""
    if not any(character in number for character in ".eE"):
        return number
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed_text(value: Any) -> str:
    """What of a value is signed (docs/SIGNING.md)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return plain(value)
    if isinstance(value, list):
        return "".join(map(signed_text, value))
    if isinstance(value, dict):
        return "".join(name + signed_text(member) for name, member in sorted(value.items()))
    return str(value)


def signature(pairs: list[tuple[str, Any]]) -> str:
    """The signature of parameters in their order."""
    text = "".join(name + signed_text(value) for name, value in sorted(pairs, key=lambda pair: pair[0]))
    return hashlib.sha1((text + PRIVATE_KEY).encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324


def with_signature(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The parameters with the key of the customer and a valid signature."""
    own = [(name, value) for name, value in pairs if name not in ("PublicKey", "Signature")]
    own.append(("PublicKey", PUBLIC_KEY))
    return [*own, ("Signature", signature(own))]


class Signer(requests.auth.AuthBase):
    """Signs a request when everything of it is known."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Replaces key and signature in the query or in the body."""
        # Requests are signed as published. The headers of strict signatures go together, which a schema cannot say.
        for name in [name for name in request.headers if name.lower().startswith("x-tollbook-")]:
            del request.headers[name]
        if request.method == "GET":
            url = urlsplit(request.url)
            pairs = with_signature(parse_qsl(url.query, keep_blank_values=True))
            request.url = urlunsplit(url._replace(query=urlencode(pairs), fragment=""))
        elif request.headers.get("Content-Type", "").startswith(FORM):
            body = request.body or b""
            text = body.decode() if isinstance(body, bytes) else body
            request.prepare_body(with_signature(parse_qsl(text, keep_blank_values=True)), None)
        else:
            self.sign_json(request)
        return request

    def sign_json(self, request: requests.PreparedRequest) -> None:
        """Signs a body that is a JSON object; another one cannot be signed."""
        try:
            body = json.loads(request.body, parse_int=Number, parse_float=Number)
        except (TypeError, ValueError):
            return
        if isinstance(body, dict):
            pairs = dict(with_signature(list(body.items())))
            kept = json.loads(request.body)
            kept |= {name: str(pairs[name]) for name in ("PublicKey", "Signature")}
            request.prepare_body(json.dumps(kept), None)
            request.headers["Content-Type"] = "application/json"


class OperatorKey(requests.auth.AuthBase):
    """Sends the operator key in place of what was drawn for it."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Replaces the header."""
        request.headers["Authorization"] = f"Bearer {OPERATOR_KEY}"
        return request


def is_order_api(case: Case) -> bool:
    """Whether the operation is an action, which is signed and answered by RetCode."""
    return "orders" in case.operation.definition.raw["tags"]


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Has each request signed, or gives it the operator key."""
    kwargs["auth"] = Signer() if is_order_api(case) else OperatorKey()


@schemathesis.check
def ret_code(context: CheckContext, response: Response, case: Case) -> None:
    """A request that follows the document is not refused for what the document says, and no request fails."""
    if not is_order_api(case) or response.status_code in (414, 431):
        return
    try:
        code = response.json()["RetCode"]
    except ValueError:
        raise AssertionError(f"not an answer of the API: {response.status_code} {response.text!r}") from None
    if code in (150, 5000):
        raise AssertionError(f"the server failed: {response.text}")
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    if is_positive and code not in REFUSED_BY_RULE:
        raise AssertionError(f"a request that follows the document is refused: {response.text}")
