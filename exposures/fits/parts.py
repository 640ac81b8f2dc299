"""Parts of a FITS file, read as a file of these alone."""

import io

from astropy.io import fits

from exposures.fits.structure import HduSpan


class _Parts(io.RawIOBase):
    """Ranges of bytes of a stream, one after the other."""

    def __init__(self, stream, ranges):
        self._stream, self._ranges, self._position = stream, ranges, 0
        self._size = sum(end - start for start, end in ranges)

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._position

    def seek(self, offset, whence=io.SEEK_SET):
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer):
        """Fill as much of a buffer as there is, across ranges."""
        target, n_read = memoryview(buffer).cast("B"), 0
        before = 0  # bytes of the ranges before
        for start, end in self._ranges:
            offset = self._position - before
            n_bytes = min(end - start - offset, len(target) - n_read)
            if offset >= 0 and n_bytes > 0:
                self._stream.seek(start + offset)
                content = self._stream.read(n_bytes)
                target[n_read : n_read + len(content)] = content
                n_read += len(content)
                self._position += len(content)
                if len(content) < n_bytes:  # the file was cut short meanwhile
                    break
            before += end - start
        return n_read


def hdu_alone(stream, spans: tuple[HduSpan, ...], index: int, **how):
    """HDU ``index``, not the first, of a file's ``stream``, without reading those before it.

    A file of many HDUs is else read header by header to the one that is wanted. The first HDU
    comes before it, as the standard asks. ``how`` is what astropy opens it with.
    """
    ranges = [(spans[i].start, spans[i].end) for i in (0, index)]
    return fits.open(_Parts(stream, ranges), **how)[1]
