"""Reports events with OpenMeter's client, one and several.

    openmeter_client.py REQUEST

REQUEST is a JSON object: "Times", how often each request is sent. One JSON object on standard output: "Pending" after
each kind of request, and "Refused", what the client raises for a customer that is not known.
"""

import datetime
import json
import sys

from corehttp.exceptions import HttpResponseError
from openmeter import Client
from openmeter.models import Event
from tollbook import KEY, SERVER, pending


def event(number: int, subject: str, data: dict) -> Event:
    """An event of the current time."""
    return Event(
        id=f"event-{number}",
        source="tests",
        specversion="1.0",
        type="tokens",
        subject=subject,
        time=datetime.datetime.now(datetime.UTC),
        data={"model": "m-1", **data},
    )


def main() -> None:
    """Sends the events; prints one JSON object."""
    times = json.loads(sys.argv[1])["Times"]
    client = Client(endpoint=SERVER, token=KEY)
    found = []
    single = event(1, "customer-1", {"type": "input", "tokens": "1000"})
    batch = [
        event(2, "customer-1", {"type": "output", "tokens": 50}),
        event(3, "customer-1", {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}),
        event(4, "customer-1", {"route": "chat"}),
    ]
    for _ in range(times):
        client.events.ingest_event(single)
    found.append(str(pending()))
    for _ in range(times):
        client.events.ingest_events(batch)
    found.append(str(pending()))
    refused = ""
    try:
        client.events.ingest_event(event(5, "customer-2", {"type": "input", "tokens": 1}))
    except HttpResponseError as error:
        refused = f"{error.status_code} {error}"
    sys.stdout.write(json.dumps({"Pending": found, "Refused": refused}))


main()
