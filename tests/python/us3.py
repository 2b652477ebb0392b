"""Checks a download link with the published object-storage client `ufile`, unchanged, and downloads the file.

    us3.py BUCKET DOWNLOAD_URL SAVE_TO

TOLLBOOK_OBJECT_PUBLIC_KEY and TOLLBOOK_OBJECT_PRIVATE_KEY are the deployment's object key pair. The signature in the
link must be the one that the client computes for the same bucket, key and expiry. The file is then read in several
ways: as the link stands, with a link that the client signed, and by the client's own `download_file`. It is left in
SAVE_TO. Altered links must be refused in the way that the client understands.

One JSON object on standard output:

    "Key", "Expires", "AttachmentName"  of the link
    "Headers"                           of the whole download: {"content-length": …, "etag": …}, lower case
    "Bytes", "Sha256"                   of the file
    "Refusals"                          {case: {"Status", "RetCode", "ErrMsg"}}

What is not as it must be is named on standard error, with exit code 1.
"""

import hashlib
import json
import logging
import os
import socket
import sys
import tempfile
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

# A proxy of the machine must not stand between this client and the server under test.
os.environ["NO_PROXY"] = "*"

from ufile import filemanager
from ufile.util import file_etag

# The client logs each URL, signature included.
logging.getLogger("UCLOUD").setLevel(logging.ERROR)

OPENER = build_opener(ProxyHandler({}))

# A host name that does not exist; the client finds the server under test behind it.
DOMAIN = "us3.invalid"


class Link:
    """A presigned URL, taken apart."""

    def __init__(self, url: str) -> None:
        """Each of the three signed parameters must be there once."""
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
        query = dict(pairs)
        check(len(query) == len(pairs), "a parameter of the link is repeated")
        check(
            {"UCloudPublicKey", "Expires", "Signature"} <= query.keys(), f"the link lacks a parameter: {query.keys()}"
        )
        check(parts.path.startswith("/exports/"), f"the path is not an export's: {parts.path}")
        self.url = url
        self.base = f"{parts.scheme}://{parts.netloc}"
        self.host, self.port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self.path = parts.path
        self.key = unquote(parts.path[1:])
        self.query = query

    def changed(self, path: str | None = None, **query: str) -> str:
        """The same link with another path or other parameters."""
        return f"{self.base}{path or self.path}?{urlencode(self.query | query)}"


def check(holds: bool, otherwise: str) -> None:
    """Ends the program when something is not as it must be."""
    if not holds:
        raise SystemExit(otherwise)


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their lower-case names, body; of an error answer too."""
    request = Request(url, method=method, headers=headers)
    try:
        with OPENER.open(request, timeout=60) as response:
            return response.status, lower(response.headers), response.read()
    except HTTPError as error:
        with error:
            return error.code, lower(error.headers), error.read()


def lower(headers) -> dict[str, str]:
    """Header names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def refusal(url: str, status: int) -> dict:
    """An answer that refuses, in the form that the client needs: exactly this type, both fields, a session id."""
    got, headers, body = fetch(url)
    check(got == status, f"{url}: expected status {status}, got {got}: {body[:200]!r}")
    check(headers.get("content-type") == "application/json", f"{url}: type {headers.get('content-type')}")
    check(bool(headers.get("x-sessionid")), f"{url}: no X-SessionId")
    said = json.loads(body)
    check(type(said.get("RetCode")) is int and said["RetCode"] < 0, f"{url}: RetCode in {said}")
    check(bool(said.get("ErrMsg")) and isinstance(said["ErrMsg"], str), f"{url}: ErrMsg in {said}")
    return {"Status": got, "RetCode": said["RetCode"], "ErrMsg": said["ErrMsg"]}


def check_ranges(link: Link, whole: bytes) -> None:
    """A part from the front, from the middle, from the end, to the end, and one past the end."""
    size = len(whole)
    middle = size // 2
    for asked, first, last in [
        ("0-0", 0, 0),
        (f"{middle}-{middle + 9}", middle, middle + 9),
        (f"{middle}-", middle, size - 1),
        ("-10", size - 10, size - 1),
        (f"0-{size + 5}", 0, size - 1),
    ]:
        status, headers, body = fetch(link.url, Range=f"bytes={asked}")
        check(status == 206, f"range {asked}: status {status}")
        check(headers.get("content-range") == f"bytes {first}-{last}/{size}", f"range {asked}: {headers}")
        check(headers.get("content-length") == str(last - first + 1), f"range {asked}: {headers}")
        check(body == whole[first : last + 1], f"range {asked}: other bytes")
    status, headers, _ = fetch(link.url, Range=f"bytes={size}-")
    check(status == 416 and headers.get("content-range") == f"bytes */{size}", f"range past the end: {status}")


def raw_signature(manager: filemanager.FileManager, bucket: str, link: Link) -> tuple[int, str]:
    """A later expiry whose signature holds both characters that need escaping in a URL."""
    expires = int(link.query["Expires"])
    while True:
        expires += 1
        signature = manager.signature(bucket, link.key, "get", {"Expires": str(expires)})
        if "+" in signature and "/" in signature:
            return expires, signature


def check_client_links(manager: filemanager.FileManager, bucket: str, link: Link, whole: bytes) -> None:
    """Links that the client signed, with and without escapes, and its own download."""
    expires, signature = raw_signature(manager, bucket, link)
    public_key = link.query["UCloudPublicKey"]
    raw = f"UCloudPublicKey={public_key}&Expires={expires}&Signature={signature}"
    escaped = f"Signature={quote(signature, safe='')}&Expires={expires}&UCloudPublicKey={quote(public_key, safe='')}"
    for query in (raw, escaped):
        status, _, body = fetch(f"{link.base}{link.path}?{query}")
        check(status == 200 and body == whole, f"a link that the client signed: status {status}")

    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        _, info = manager.download_file(bucket, link.key, str(copy))
        check(info.status_code == 200, f"the client's download: {info}")
        check(copy.read_bytes() == whole, "the client's download holds other bytes")
        check(info.etag.strip('"') == file_etag(str(copy)), f"the client's download: etag {info.etag}")
        _, info = manager.download_file(bucket, link.key, str(copy), content_range=(2, 11))
        check(info.status_code == 206 and info.content_range == (2, 11), f"the client's range: {info}")
        check(copy.read_bytes() == whole[2:12], "the client's range holds other bytes")


def client_refusal(public_key: str, private_key: str, bucket: str, link: Link) -> dict:
    """What the client makes of the answer to a link that it signed with a wrong key."""
    stranger = filemanager.FileManager(public_key, private_key[::-1] + "x", download_suffix=f".{DOMAIN}:{link.port}")
    with tempfile.TemporaryDirectory() as directory:
        _, info = stranger.download_file(bucket, link.key, str(Path(directory) / "copy"))
    check(info.status_code == 403 and info.ret_code != -1, f"the client did not understand the refusal: {info}")
    return {"Status": info.status_code, "RetCode": info.ret_code, "ErrMsg": info.error}


def refusals(manager: filemanager.FileManager, bucket: str, link: Link) -> dict:
    """Links that are not as they were signed."""
    signature, expires = link.query["Signature"], int(link.query["Expires"])
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    folder, _, name = link.path.rpartition("/")
    past = "1"
    return {
        "OtherSignature": refusal(link.changed(Signature=other), 403),
        "LaterExpiry": refusal(link.changed(Expires=str(expires + 1)), 403),
        "OtherKey": refusal(link.changed(path=f"{folder}/x{name}"), 403),
        "OtherPublicKey": refusal(link.changed(UCloudPublicKey=link.query["UCloudPublicKey"] + "x"), 403),
        "OtherBucket": refusal(
            link.changed(Signature=manager.signature(bucket + "x", link.key, "get", {"Expires": str(expires)})), 403
        ),
        "PutSignature": refusal(
            link.changed(Signature=manager.signature(bucket, link.key, "put", {"Expires": str(expires)})), 403
        ),
        "Expired": refusal(
            link.changed(Expires=past, Signature=manager.signature(bucket, link.key, "get", {"Expires": past})), 403
        ),
        "NoSuchFile": refusal(
            link.changed(
                path=f"{folder}/x{name}",
                Signature=manager.signature(bucket, unquote(f"{folder}/x{name}"[1:]), "get", {"Expires": str(expires)}),
            ),
            404,
        ),
        "NoSignature": refusal(f"{link.base}{link.path}", 403),
    }


def lead_client_to(link: Link) -> None:
    """Name resolution answers for `DOMAIN` with the server under test; the client itself is left as it is."""
    resolve = socket.getaddrinfo

    def resolve_here(host, *rest, **named):
        name = host.decode() if isinstance(host, bytes) else host
        return resolve(link.host if name and name.endswith(f".{DOMAIN}") else host, *rest, **named)

    socket.getaddrinfo = resolve_here


def main() -> None:
    """Checks one link; prints one JSON object."""
    bucket, url, save_to = sys.argv[1:]
    public_key = os.environ["TOLLBOOK_OBJECT_PUBLIC_KEY"]
    private_key = os.environ["TOLLBOOK_OBJECT_PRIVATE_KEY"]
    link = Link(url)
    lead_client_to(link)
    manager = filemanager.FileManager(public_key, private_key, download_suffix=f".{DOMAIN}:{link.port}")

    check(link.query["UCloudPublicKey"] == public_key, "the link is signed with another key pair")
    computed = manager.signature(bucket, link.key, "get", {"Expires": link.query["Expires"]})
    check(link.query["Signature"] == computed, f"signature {link.query['Signature']}, the client computes {computed}")

    status, headers, whole = fetch(url)
    check(status == 200, f"status {status}: {whole[:200]!r}")
    Path(save_to).write_bytes(whole)
    check(headers.get("content-length") == str(len(whole)), f"{len(whole)} bytes came, announced: {headers}")
    etag = file_etag(save_to)
    check(headers.get("etag", "").strip('"') == etag, f"etag {headers.get('etag')}, the client computes {etag}")
    status, head, body = fetch(url, method="HEAD")
    check((status, body) == (200, b""), f"HEAD: status {status}")
    for name in ("content-length", "etag", "content-type"):
        check(head.get(name) == headers.get(name), f"HEAD: {name} {head.get(name)}")
    check_ranges(link, whole)
    check_client_links(manager, bucket, link, whole)
    refused = refusals(manager, bucket, link)
    refused["ClientWithWrongKey"] = client_refusal(public_key, private_key, bucket, link)

    printed = {
        "Key": link.key,
        "Expires": int(link.query["Expires"]),
        "AttachmentName": link.query.get("ufileattname"),
        "Headers": headers,
        "Bytes": len(whole),
        "Sha256": hashlib.sha256(whole).hexdigest(),
        "Refusals": refused,
    }
    json.dump(printed, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
