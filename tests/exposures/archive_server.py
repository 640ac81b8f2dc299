"""An archive on this machine that speaks NOIRLab's protocol, with its faults on demand."""

import hashlib
import json
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

from astropy.io import fits
from astropy.time import Time

PROD_TYPES = {"i": "image", "w": "wtmap", "d": "dqmask"}
AUX_FIELDS = {"EXPNUM", "OBJECT", "AIRMASS", "MJD-OBS", "DATE-OBS"}
HDU_FIELDS = {"hdu:hdu_idx", "hdu:CCDNUM", "hdu:EXTNAME"}
MODIFIERS = {
    "exact": lambda value, text: value == text,
    "iexact": lambda value, text: value.lower() == text.lower(),
    "startswith": lambda value, text: value.startswith(text),
    "istartswith": lambda value, text: value.lower().startswith(text.lower()),
    "contains": lambda value, text: text in value,
}
RANGES = {"caldat", "ra_center", "dec_center", "exposure", "EXPNUM", "filesize", "release_date"}
DEFAULT_LIMIT = 10
CHUNK = 4096
NO_ACCOUNT = (
    "Could not get token from SSO server: No active account found with the given credentials"
)


@dataclass
class Faults:
    """What is wrong with one file; counts are of how many more times."""

    cannot_cut: bool = False  # 500 on hdus=
    wrong_cut: bool = False  # other chips than were asked for
    content: bytes | None = None  # in place of the right one
    drops: int = 0  # the connection is lost
    drop_at: float = 0.5  # of the content
    hang_ups: int = 0  # lost before the answer
    stalls: int = 0  # nothing more comes, for a second
    busy: list = field(default_factory=list)  # (status, headers) of the next answers
    seconds_a_chunk: float = 0.0
    midway: object = None  # called when half has been sent


@dataclass
class Stored:
    """A file in the archive."""

    content: bytes
    row: dict  # its core and aux fields
    spans: list  # (start, stop) of each HDU, bytes
    chips: list  # (EXTNAME, CCDNUM) of each HDU after the first


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class ArchiveServer:
    """The archive and what it was asked."""

    def __init__(self):
        self.files = {}  # by the archive's md5
        self.faults = {}  # by file name
        self.accounts = {"astronomer@example.org": "right"}
        self.tokens = set()  # that are good
        self.largest_page = 4  # rows, whatever is asked for
        self.prefixed_keys = False
        self.honours_range = False
        self.busy_searches = []  # (status, headers) of the next answers to searches
        self.dropped_searches = 0
        self.n_raw_bytes = 0
        self.raw_answers = {}  # by the beginning of a path: bytes, or what yields them, sent as is
        self.requests = []  # (method, path, query, headers)
        self._server = QuietServer(("127.0.0.1", 0), type("H", (Handler,), {"box": self}))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, stored):
        """Take in a file."""
        self.files[stored.row["md5sum"]] = replace(stored, row=dict(stored.row))

    def faulty(self, name, **faults):
        """Let something be wrong with a file."""
        self.faults[name] = Faults(**faults)
        return self.faults[name]

    def retrieved(self):
        """(name, query) of every file that was asked for."""
        return [
            (self.files[path.split("/")[3]].row["archive_filename"].split("/")[-1], query)
            for method, path, query, _ in self.requests
            if path.startswith("/api/retrieve/")
        ]

    def n_requests(self, start):
        return sum(path.startswith(start) for _, path, _, _ in self.requests)


def raw_answer(content=b"", status="200 OK", **headers):
    """The bytes of an answer, with nothing but these headers (``_`` stands for ``-``)."""
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def stored_file(path, content=None):
    """A file, or other content for it, as the archive has it: with its fields, from its headers."""
    content = path.read_bytes() if content is None else content
    with fits.open(BytesIO(content)) as hdus:
        primary = hdus[0].header
        places = [hdu.fileinfo() for hdu in hdus]
        spans = [(p["hdrLoc"], p["datLoc"] + p["datSpan"]) for p in places]
        chips = [(hdu.header["EXTNAME"], hdu.header["CCDNUM"]) for hdu in hdus[1:]]
        first = hdus[1].header
    start = Time(primary["MJD-OBS"], format="mjd")
    kind = path.name.split("_oo")[1][0] if "_oo" in path.name else "i"
    row = {
        "md5sum": hashlib.md5(content).hexdigest(),
        "archive_filename": f"/net/archive/pipe/20170119/ct4m/2017A-0000/{path.name}",
        "original_filename": path.name,
        "filesize": len(content),
        "instrument": "decam",
        "telescope": "ct4m",
        "proposal": primary["PROPID"],
        "proc_type": "instcal",
        "prod_type": PROD_TYPES[kind],
        "obs_type": "object",
        "caldat": Time(start.mjd - 0.7, format="mjd").strftime("%Y-%m-%d"),
        "dateobs_min": f"{start.strftime('%Y-%m-%dT%H:%M:%S')}.25+00:00",
        "ra_center": first["CRVAL1"],
        "dec_center": first["CRVAL2"],
        "exposure": primary["EXPTIME"],
        "ifilter": primary["FILTER"],
        "seeing": 1.1,
        "release_date": "2017-07-01",
        "updated": "2018-01-01T00:00:00",
        "EXPNUM": primary["EXPNUM"],
        "OBJECT": primary["OBJECT"],
    }
    return Stored(content, row, spans, chips)


def reversed_chips(path):
    """Content of a file with its chips in the opposite order."""
    stored = stored_file(path)
    spans = [stored.spans[0], *stored.spans[:0:-1]]
    return b"".join(stored.content[start:stop] for start, stop in spans)


class RefusedError(Exception):
    """A search that the archive does not take."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer takes 40 ms
    box: ArchiveServer

    def log_message(self, *_):
        """Keep the tests' output clean."""

    def do_GET(self):
        path, query = self._note()
        if self._sent_raw(path):
            return None
        if path == "/api/version/":
            return self._json(200, 7.1)
        if path.startswith("/api/retrieve/"):
            return self._retrieve(path.split("/")[3], query)
        return self._json(404, {"message": "Not Found"})

    def do_POST(self):
        path, query = self._note()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "null")
        if self._sent_raw(path):
            return None
        if path == "/api/get_token/":
            return self._token(body)
        if path == "/api/adv_search/find/":
            return self._find(body, query)
        return self._json(404, {"message": "Not Found"})

    def _note(self):
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.box.requests.append((self.command, parts.path, query, dict(self.headers)))
        return parts.path, query

    def _sent_raw(self, path):
        """Whether the answer was one that is sent as it is."""
        found = [raw for start, raw in self.box.raw_answers.items() if path.startswith(start)]
        for raw in found[:1]:
            self.close_connection = True
            try:
                for piece in [raw] if isinstance(raw, bytes) else raw():
                    self.wfile.write(piece)
                    self.box.n_raw_bytes += len(piece)
            except OSError:  # who asked has gone
                pass
        return bool(found)

    def _json(self, status, answer, headers=None, drop=False):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if drop else body)
        self.close_connection = self.close_connection or drop

    def _token(self, body):
        if self.box.accounts.get(body["email"]) != body["password"]:
            return self._json(401, {"detail": NO_ACCOUNT})
        token = f"eyJ.{len(self.box.requests)}.sig"
        self.box.tokens.add(token)
        return self._json(200, token)

    def _find(self, body, query):
        if self.box.busy_searches:
            status, headers = self.box.busy_searches.pop(0)
            return self._json(status, {"message": "come again"}, headers)
        try:
            answer = found(self.box, body, query)
        except RefusedError as error:
            code, message = error.args
            return self._json(400, {"errorMessage": message, "errorCode": code})
        drop = self.box.dropped_searches > 0
        self.box.dropped_searches -= drop
        return self._json(200, answer, drop=drop)

    def _retrieve(self, md5, query):
        stored = self.box.files[md5]
        faults = self.box.faults.get(stored.row["original_filename"], Faults())
        if faults.hang_ups:
            faults.hang_ups -= 1
            self.close_connection = True
            return None
        token = self.headers.get("Authorization")
        if token and token not in self.box.tokens:
            return self._json(401, {"message": "Token is invalid or expired"})
        release = stored.row["release_date"]
        if release > datetime.now(UTC).date().isoformat() and not token:
            message = f"This file is not available to the public until {release}"
            return self._json(403, {"message": message})
        if faults.busy:
            status, headers = faults.busy.pop(0)
            return self._json(status, {"message": "too much to do"}, headers)
        if "hdus" in query and faults.cannot_cut:
            return self._json(500, {"message": "Server Error"})
        content = stored.content if faults.content is None else faults.content
        if "hdus" in query and faults.content is None:
            content = cut_out(stored, query["hdus"], faults.wrong_cut)
        return self._send(content, faults, is_cut="hdus" in query)

    def _send(self, content, faults, is_cut):
        start = 0
        if self.box.honours_range and not is_cut:
            start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        rest = content[start:]
        self.send_response(206 if start else 200)
        if self.box.honours_range and not is_cut:
            self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Type", "application/fits")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        end = len(rest)
        if faults.drops or faults.stalls:
            end = int(len(rest) * faults.drop_at)
        self._send_slowly(rest[:end], faults, len(rest))
        if faults.stalls:
            faults.stalls -= 1
            time.sleep(1)
        elif faults.drops:
            faults.drops -= 1
        self.close_connection = self.close_connection or end < len(rest)

    def _send_slowly(self, content, faults, whole):
        try:
            for start in range(0, len(content), CHUNK):
                if faults.midway and start >= whole // 2:
                    midway, faults.midway = faults.midway, None
                    midway()
                self.wfile.write(content[start : start + CHUNK])
                if faults.seconds_a_chunk:
                    self.wfile.flush()
                    time.sleep(faults.seconds_a_chunk)
        except (BrokenPipeError, ConnectionResetError):  # who asked has gone
            self.close_connection = True


def cut_out(stored, hdus, is_wrong):
    """Some HDUs of a file, as ``hdus=`` asks for them."""
    indices = [int(index) for index in hdus.split(",")]
    if is_wrong:
        indices = [0, *(index % len(stored.chips) + 1 for index in indices[1:])]
    return b"".join(stored.content[slice(*stored.spans[index])] for index in indices)


def found(box, body, query):
    """The answer to a search: the head, then a page of rows."""
    rectype = query.get("rectype", "file")
    check(body, rectype)
    rows = [
        row for row in all_rows(box, rectype) if all(fits_clause(row, c) for c in body["search"])
    ]
    if "sort" in query:
        key = query["sort"]
        rows.sort(key=lambda row: str(row.get(key, row.get(f"hdu:{key}", ""))).rjust(40))
    offset = int(query.get("offset", 0))
    limit = min(int(query.get("limit", DEFAULT_LIMIT)), box.largest_page)
    page = rows[offset : offset + limit]
    head = {
        "META": {"endpoint": "adv_search/find"},
        "PARAMETERS": {**query, "last": offset + len(page)},
        "HEADER": dict.fromkeys(body["outfields"], "str"),
    }
    if query.get("count") == "Y":
        return [head, {"count": len(rows)}]
    return [head, *({key_of(box, f): row[f] for f in body["outfields"]} for row in page)]


def key_of(box, name):
    """A field's name in the answer: with where it is from, or bare."""
    bare = name.removeprefix("hdu:")
    if not box.prefixed_keys:
        return bare
    return f"hdu:{bare}" if name.startswith("hdu:") else f"file:{bare}"


def all_rows(box, rectype):
    for stored in box.files.values():
        if rectype == "file":
            yield stored.row
            continue
        for index, (name, number) in enumerate(stored.chips, start=1):
            chip = {"hdu:hdu_idx": index, "hdu:CCDNUM": number, "hdu:EXTNAME": name}
            yield {**stored.row, **chip}


def check(body, rectype):
    """Raises RefusedError as the archive does."""
    named = set(body["outfields"]) | {clause[0] for clause in body["search"]}
    searched = {clause[0] for clause in body["search"]}
    core = {
        "md5sum", "archive_filename", "original_filename", "url", "filesize", "instrument",
        "telescope", "site", "survey", "proposal", "proc_type", "prod_type", "obs_type",
        "obs_mode", "caldat", "dateobs_min", "dateobs_center", "dateobs_max", "ra_min",
        "ra_center", "ra_max", "dec_min", "dec_center", "dec_max", "exposure", "ifilter",
        "seeing", "depth", "release_date", "updated",
    }  # fmt: skip
    known = core | AUX_FIELDS | (HDU_FIELDS if rectype == "hdu" else set())
    if named - known:
        raise RefusedError("BADFIELD", f"Bad fields {sorted(named - known)}. Valid: {sorted(core)}")
    aux = (AUX_FIELDS | {"hdu:CCDNUM", "hdu:EXTNAME"}) & named
    if aux and not {"instrument", "proc_type"} <= searched:
        raise RefusedError(
            "MISINSTR", "AUX fields need both instrument and proc_type in the search"
        )


def fits_clause(row, clause):
    """Whether a row is what one clause of a search asks for."""
    name, *values = clause
    value = row[name]
    if name in RANGES:
        low, high = values if len(values) == 2 else values * 2
        return value is not None and low <= value <= high
    modifier = values.pop() if values[-1] in MODIFIERS else "exact"
    return any(MODIFIERS[modifier](str(value), text) for text in values)
