"""Download of one file of the archive, or of some of its chips, into a folder."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exposures.archive.chips import check_chips, chips_in, copy_chips, numbers_text
from exposures.archive.errors import (
    ArchiveError,
    ContentError,
    LoginError,
    NoCutError,
    StorageError,
    UnreachableError,
)
from exposures.archive.partial import check_space, md5_of, writing
from exposures.archive.queries import chip_body
from exposures.archive.retry import retry
from exposures.archive.triplets import KIND_NAMES, ArchiveFile

STARTS = (b"SIMPLE  =", b"\x1f\x8b")  # of FITS, and of what gzip made of it
LONGEST_START = max(map(len, STARTS))
ROOM_FOR_HEADERS = 2**20  # bytes
MOST_HDUS = 1000
CHIPS_OF_A_FILE = 60  # about: to tell how long a few will take
LOGIN_ADVICE = (
    "Set GALPROJECT_ARCHIVE_EMAIL and GALPROJECT_ARCHIVE_PASSWORD to an account that may read it"
)


@dataclass(frozen=True)
class FetchOptions:
    """Options of what to fetch of each exposure, and which checks to apply."""

    ccdnums: frozenset[int] | None = None  # None: whole files, whose md5 can be checked
    margin_bytes: int = 10**9  # of the disk, left free
    accept_wrong_md5: bool = False  # where a whole FITS file of the right exposure came twice
    largest_file_bytes: int = 20 * 10**9  # of which the archive doesn't say how large it is


class NoProgress:
    """A progress bar that shows nothing, with the methods of the command's bar."""

    def expect(self, n_bytes):
        """Raise the expected total by ``n_bytes``, or lower it if negative."""

    def update(self, n_bytes):
        """Count ``n_bytes`` as received; negative if they have to come again."""


@dataclass(frozen=True)
class FetchedFile:
    """A file that was fetched, or was there already."""

    path: Path
    n_bytes: int  # that came for it; 0 where it was there before
    notes: tuple[str, ...] = ()


def expected_bytes(file: ArchiveFile, folder: Path, options: FetchOptions) -> int:
    """The bytes still to come: files there are known by size, single chips are estimated."""
    final = folder / file.name
    if final.exists() and final.stat().st_size == file.size:
        return 0
    if options.ccdnums is None:
        return file.size
    if options.ccdnums <= chips_in(final):
        return 0
    return file.size * min(len(options.ccdnums), CHIPS_OF_A_FILE) // CHIPS_OF_A_FILE


def fetch_file(archive, exposure, file, folder, options, progress) -> FetchedFile:
    """Fetch one file of an exposure into ``folder`` unless it is there.

    Raises ArchiveError: LoginError, StorageError and UnreachableError where others may fare no
    better, else one that names the file.
    """
    try:
        with writing(folder / file.name) as partial:
            return Download(archive, exposure, file, options, progress, partial).fetch()
    except (LoginError, StorageError, UnreachableError):
        raise
    except ArchiveError as error:
        raise ArchiveError(f"{file.name}: {error}{_proprietary_advice(file, error)}") from error


def _proprietary_advice(file, error):
    if file.release_date is None or file.release_date <= datetime.now(UTC).date():
        return ""
    date = file.release_date.isoformat()
    until = "" if date in str(error) else f" (proprietary until {date})"
    return f"{until}. {LOGIN_ADVICE}"


class Download:
    """The steps of fetching one file."""

    def __init__(self, archive, exposure, file, options, progress, partial):
        self.archive, self.exposure, self.file = archive, exposure, file
        self.options, self.progress, self.partial = options, progress, partial
        self.final = partial.final
        self.notes, self._wrong_md5s = [], []
        self._n_expected = expected_bytes(file, self.final.parent, options)  # as progress was told
        self._n_counted = self._n_come = 0  # bytes, of the file and over the line

    def fetch(self):
        """Fetch the file; see ``fetch_file``."""
        if self._is_whole_there() or self._has_chips(self.options.ccdnums):
            self._expect(0)
        elif self.options.ccdnums is None:
            self._whole()
            self.partial.finish()
        else:
            self._chips()
        return FetchedFile(self.final, self._n_come, tuple(self.notes))

    def _is_whole_there(self):
        if not self.final.exists():
            return False
        if md5_of(self.final) == self.file.md5.lower():
            return True
        # A cut would pass for a whole file but for its size.
        alike = self.options.accept_wrong_md5 and self.final.stat().st_size == self.file.size
        return alike and self._is_good(None)

    def _has_chips(self, ccdnums):
        return bool(ccdnums) and self.final.exists() and self._is_good(ccdnums)

    def _is_good(self, ccdnums):
        try:
            check_chips(self.final, self.exposure.expnum, ccdnums)
        except ContentError:
            return False
        return True

    def _chips(self):
        """Fetch single chips, cut out by the archive if it can, else here from the full file."""
        # Chips that were fetched before stay.
        wanted = self.options.ccdnums | chips_in(self.final)
        try:
            hdus = self._hdus()
            wanted = self._those_in(wanted, hdus)
            if self._has_chips(wanted):
                self._expect(0)
                return
            hdus = [0, *sorted(hdus[number] for number in wanted)]
            self._retry(lambda: self._receive_chips(hdus, wanted))
            self.partial.finish()
        except (NoCutError, ContentError) as error:
            self.notes.append(f"{KIND_NAMES[self.file.kind]} fetched whole: {error}")
            self.partial.shorten(0)
            self._whole()
            self._keep_only(wanted)

    def _hdus(self):
        """The HDU of each chip by number: their order differs between siblings."""
        rows = list(self.archive.search(chip_body(self.file.md5), rectype="hdu"))
        try:
            hdus = {int(row["CCDNUM"]): int(row["hdu_idx"]) for row in rows if row.get("CCDNUM")}
        except (KeyError, TypeError, ValueError, OverflowError):
            hdus = {}
        if not hdus or not all(0 < index <= MOST_HDUS for index in hdus.values()):
            raise NoCutError("the archive does not say where its chips are")
        return hdus

    def _those_in(self, wanted, there):
        """The wanted chips that the file has; missing ones, dead or switched off, are noted."""
        absent = wanted - set(there)
        if self.options.ccdnums <= absent:
            raise ArchiveError(
                f"it has none of the chips {numbers_text(self.options.ccdnums)}. "
                f"Choose --ccds from those it has: {numbers_text(there)}"
            )
        if absent:
            self.notes.append(f"without chips {numbers_text(absent)}: it has none")
        return wanted - absent

    def _receive_chips(self, hdus, wanted):
        self._receive(hdus)
        check_chips(self.partial.path, self.exposure.expnum, wanted)

    def _keep_only(self, wanted):
        """Reduce the complete file to the wanted chips, as the archive would have cut them."""
        there = chips_in(self.partial.path)
        wanted = self._those_in(wanted, there)
        if wanted == there:
            self.partial.finish()
            return
        with writing(self.final, ".cut.part") as small:
            copy_chips(self.partial.path, wanted, small)
            check_chips(small.path, self.exposure.expnum, wanted)
            small.finish()
        self.partial.is_worth_keeping = False

    def _whole(self):
        self._retry(self._receive_whole)

    def _receive_whole(self):
        self._receive()
        md5 = self.partial.md5()
        if md5 == self.file.md5.lower():
            return
        came_before = md5 in self._wrong_md5s
        self._wrong_md5s.append(md5)
        problem = f"what came has md5 {md5}, in the archive's records it is {self.file.md5}"
        if not came_before:
            raise ContentError(problem)
        if not self.options.accept_wrong_md5:
            raise ContentError(
                f"{problem}. It came twice alike, so the record may be what is wrong: "
                "--accept-wrong-md5 takes it if its content is right"
            )
        check_chips(self.partial.path, self.exposure.expnum)
        self.notes.append(f"{self.file.name}: {problem}; taken for its content")

    def _retry(self, attempt):
        def attempt_afresh_after_wrong_content():
            try:
                return attempt()
            except ContentError:
                self.partial.shorten(0)
                self.partial.is_worth_keeping = False
                raise

        return retry(attempt_afresh_after_wrong_content, self.archive.policy)

    def _receive(self, hdus=()):
        """Receive the missing bytes of the file or cut into the temporary file."""
        offset = 0 if hdus else self.partial.size
        with self.archive.retrieve(self.file.md5, hdus, offset) as transfer:
            self.partial.shorten(transfer.offset)
            # Else what came of a file is of no use to the next who asks for it.
            self.partial.is_worth_keeping = transfer.is_resumable and not hdus
            self._count(transfer.offset)
            most_bytes = self._most_bytes(hdus) - transfer.offset
            rest = self._rest(transfer, most_bytes)
            self._expect(transfer.offset + rest)
            self._write(transfer, rest, most_bytes)

    def _write(self, transfer, rest, most_bytes):
        """Write what arrives, checking now and then that the disk has room for ``rest`` bytes."""
        folder, margin = self.final.parent, self.options.margin_bytes
        check_space(folder, rest, margin)
        policy = self.archive.policy
        n_come, next_look, start = 0, policy.space_step_bytes, b""
        for piece in transfer.pieces(most_bytes, policy.chunk_bytes):
            if n_come == 0 or len(start) < LONGEST_START:
                start = self._started(start + piece, transfer)
            n_come += len(piece)
            if n_come >= next_look:
                check_space(folder, max(rest - n_come, len(piece)), margin)
                next_look += policy.space_step_bytes
            self.partial.write(piece)
            self._n_come += len(piece)
            self._count(transfer.offset + n_come)

    def _started(self, start, transfer):
        """Check the first bytes, which must be FITS unless the transfer continues a file."""
        if not transfer.offset:
            _check_start(start)
        return start

    def _most_bytes(self, hdus):
        """The most bytes the file can have, by the archive's record.

        A cut may have a longer header; a record that is wrong is so in this too.
        """
        told = self.file.size or self.options.largest_file_bytes
        if hdus or self.options.accept_wrong_md5:
            return told + told // 10 + ROOM_FOR_HEADERS
        return told

    def _rest(self, transfer, most_bytes):
        """The number of bytes still to come. Raises ContentError if they are too many."""
        if transfer.announced_bytes is None:
            return max(min(most_bytes, self.file.size - transfer.offset), 0)
        if transfer.announced_bytes > most_bytes:
            raise ContentError(
                f"{transfer.announced_bytes:,} bytes are to come from {transfer.response.url}, "
                f"where the archive's record allows {most_bytes:,}. "
                "--accept-wrong-md5 takes a file whose record is a little wrong"
            )
        return transfer.announced_bytes

    def _count(self, n_bytes):
        """Report the bytes received so far, fewer than before if the transfer started over."""
        self.progress.update(n_bytes - self._n_counted)
        self._n_counted = n_bytes

    def _expect(self, n_bytes):
        """Report the file's expected size."""
        self.progress.expect(n_bytes - self._n_expected)
        self._n_expected = n_bytes


def _check_start(content):
    """Raise ContentError if the first bytes, however few, are not those of FITS."""
    if not any(content[: len(start)] == start[: len(content)] for start in STARTS):
        start = content[:40].decode("ascii", "replace")
        raise ContentError(f"what came is not FITS: it begins with {start!r}")
