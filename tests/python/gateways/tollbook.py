"""The server under test, as the scripts of this folder use it."""

import json
import os
import urllib.request
from collections.abc import Callable
from decimal import Decimal

SERVER = os.environ["TOLLBOOK_SERVER"]
KEY = os.environ["TOLLBOOK_OPERATOR_KEY"]
COMPANY = os.environ["TOLLBOOK_COMPANY"]


def pending() -> Decimal:
    """What the company's usage costs that is not in an order yet."""
    url = f"{SERVER}/v1/companies/{COMPANY}/standing"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request) as response:
        return Decimal(json.load(response)["PendingAmount"])


def wait_until_pending(amount: Decimal, is_sent: Callable[[], bool]) -> None:
    """Asks until usage of this amount has arrived, or more, or until nothing more can arrive."""
    while pending() < amount and is_sent():
        pass
