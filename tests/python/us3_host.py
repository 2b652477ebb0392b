"""Works with a US3 host through the published object-storage client `ufile`, unchanged.

    us3_host.py read|write BUCKET HOST:PORT LOCAL_FILE

TOLLBOOK_OBJECT_PUBLIC_KEY and TOLLBOOK_OBJECT_PRIVATE_KEY are the key pair of the bucket. `read` lists everything, a
few names at a time, reads what is listed, and tries to write; the first object must hold what LOCAL_FILE holds. `write`
puts LOCAL_FILE there in every way that the client has. The bucket's host name exists only inside this process.

One JSON object on standard output says what was found. What is not as it must be is named on standard error, with exit
code 1.
"""

import json
import logging
import os
import socket
import sys
import tempfile
from pathlib import Path

# A proxy of the machine must not stand between this client and the server under test.
os.environ["NO_PROXY"] = "*"

from ufile import filemanager, multipartuploadufile

# The client logs each URL, signature included.
logging.getLogger("UCLOUD").setLevel(logging.ERROR)

# A host name that does not exist; the client finds the server under test behind it.
DOMAIN = "us3.invalid"


def check(holds: bool, otherwise: str) -> None:
    """Ends the program when something is not as it must be."""
    if not holds:
        raise SystemExit(otherwise)


def lead_client_to(server: str) -> None:
    """Name resolution answers for `DOMAIN` with the server under test; the client itself is left as it is."""
    resolve = socket.getaddrinfo

    def resolve_here(host, *rest, **named):
        name = host.decode() if isinstance(host, bytes) else host
        return resolve(server if name and name.endswith(f".{DOMAIN}") else host, *rest, **named)

    socket.getaddrinfo = resolve_here


def refusal(info) -> dict:
    """What the client makes of a refusal."""
    return {"Status": info.status_code, "RetCode": info.ret_code, "ErrMsg": info.error}


def written(info) -> dict:
    """The answers to the client about a file that it wrote."""
    check(info.ok(), f"not written: {info}")
    return {"Status": info.status_code, "Etag": info.etag.strip('"')}


def prefix_file_list(manager, bucket: str) -> list[dict]:
    """All files, two at a time."""
    files, marker = [], ""
    while True:
        page, info = manager.getfilelist(bucket, prefix="exports/", marker=marker, limit=2)
        check(info.status_code == 200, f"list: {info}")
        check(len(page["DataSet"]) <= 2, f"list: more than was asked for: {page}")
        check(page["BucketName"] == bucket, f"list: {page}")
        files += page["DataSet"]
        marker = page["NextMarker"]
        if not marker:
            return files


def list_objects(manager, bucket: str, prefix: str, delimiter: str) -> tuple[list[dict], list[str]]:
    """All files, and what those behind the delimiter have in common, two at a time."""
    files, folders, marker = [], [], ""
    while True:
        page, info = manager.listobjects(bucket, prefix=prefix, marker=marker, maxkeys=2, delimiter=delimiter)
        check(info.status_code == 200, f"listobjects: {info}")
        check((page["Name"], page["MaxKeys"], page["Delimiter"]) == (bucket, "2", delimiter), f"listobjects: {page}")
        files += page["Contents"]
        folders += [folder["Prefix"] for folder in page["CommonPrefixes"]]
        check(bool(page["NextMarker"]) == page["IsTruncated"], f"listobjects: {page}")
        if not page["IsTruncated"]:
            return files, folders
        marker = page["NextMarker"]


def read(manager, parts, stranger, bucket: str, local: str) -> dict:
    """Lists, reads, and tries what is not allowed."""
    files = prefix_file_list(manager, bucket)
    objects, none = list_objects(manager, bucket, "exports/", "")
    check(none == [], f"folders without a delimiter: {none}")
    beside, folders = list_objects(manager, bucket, "exports/7/", "/")
    check(beside == [], f"files beside the folders: {beside}")
    first = files[0]["FileName"]
    _, head = manager.head_file(bucket, first)
    _, missing = manager.head_file(bucket, first + "x")
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        _, info = manager.download_file(bucket, first, str(copy))
        check(info.status_code == 200, f"download: {info}")
        check(copy.read_bytes() == Path(local).read_bytes(), "download: other bytes")
    key = "exports/python/a.xlsx"
    return {
        "PrefixFileList": [file["FileName"] for file in files],
        "ListObjects": [file["Key"] for file in objects],
        "Folders": folders,
        "Sizes": [file["Size"] for file in files],
        "Etags": [file["ETag"] for file in objects],
        "Head": {"Status": head.status_code, "Length": head.content_length, "Etag": head.etag.strip('"')},
        "Missing": {"Status": missing.status_code},
        "Put": refusal(manager.putfile(bucket, key, local)[1]),
        "Post": refusal(manager.postfile(bucket, key, local)[1]),
        "Parts": refusal(parts.uploadfile(bucket, key, local, retrycount=0, retryinterval=0)[1]),
        "Copy": refusal(manager.copy(bucket, key, bucket, first)[1]),
        "Delete": refusal(manager.deletefile(bucket, first)[1]),
        "StrangerPut": refusal(stranger.putfile(bucket, key, local)[1]),
        "StrangerPost": refusal(stranger.postfile(bucket, key, local)[1]),
        "StrangerList": refusal(stranger.getfilelist(bucket)[1]),
    }


def write(manager, parts, bucket: str, local: str) -> dict:
    """Writes the file in every way, and over what is there."""
    key = "exports/python/{}.xlsx".format
    found = {}
    for _ in range(2):
        found["Put"] = written(manager.putfile(bucket, key("Put"), local)[1])
        found["Post"] = written(manager.postfile(bucket, key("Post"), local)[1])
        found["Parts"] = written(parts.uploadfile(bucket, key("Parts"), local)[1])
        found["Copy"] = written(manager.copy(bucket, key("Copy"), bucket, key("Put"))[1])
    check(manager.putfile(bucket, key("Gone"), local)[1].ok(), "put")
    found["Delete"] = {"Status": manager.deletefile(bucket, key("Gone"))[1].status_code}
    found["BadKey"] = refusal(manager.putfile(bucket, "elsewhere/a.xlsx", local)[1])
    return found


def main() -> None:
    """Does one of both; prints one JSON object."""
    mode, bucket, server, local = sys.argv[1:]
    public_key = os.environ["TOLLBOOK_OBJECT_PUBLIC_KEY"]
    private_key = os.environ["TOLLBOOK_OBJECT_PRIVATE_KEY"]
    host, port = server.rsplit(":", 1)
    lead_client_to(host)
    suffix = f".{DOMAIN}:{port}"
    manager = filemanager.FileManager(public_key, private_key, upload_suffix=suffix, download_suffix=suffix)
    stranger = filemanager.FileManager(public_key, private_key + "x", upload_suffix=suffix, download_suffix=suffix)
    parts = multipartuploadufile.MultipartUploadUFile(public_key, private_key, upload_suffix=suffix)
    found = read(manager, parts, stranger, bucket, local) if mode == "read" else write(manager, parts, bucket, local)
    json.dump(found, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
