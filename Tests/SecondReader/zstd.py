"""zstd frames (RFC 8878): their outer form is checked here, what they hold is unfolded by the system's libzstd
or, without one, by its program `zstd`. The library comes first because a call takes microseconds, and a process
milliseconds; neither yields more than the format allows for. SECOND_READER_ZSTD=program asks for it."""

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile

MAGIC = b"\x28\xb5\x2f\xfd"
DICTIONARY_MAGIC = b"\x37\xa4\x30\xec"


class NotAFrame(Exception):
    pass


class NoDecoder(Exception):
    pass


def content_size(data):
    """What the one frame that `data` is says of its content's length. Raises NotAFrame for anything else."""
    try:
        return _content_size(data)
    except IndexError:
        raise NotAFrame("a zstd frame ends early") from None


def _content_size(data):
    if data[:4] != MAGIC:
        raise NotAFrame("no zstd frame")
    descriptor = data[4]
    single, at = descriptor >> 5 & 1, 5
    if descriptor & 8:
        raise NotAFrame("a zstd frame with a reserved bit")
    at += 1 - single
    at += (0, 1, 2, 4)[descriptor & 3]
    width = (single, 2, 4, 8)[descriptor >> 6]
    if width == 0:
        raise NotAFrame("a zstd frame that does not state its content's length")
    size = int.from_bytes(data[at : at + width], "little") + (256 if width == 2 else 0)
    at += width
    while True:
        header = data[at] | data[at + 1] << 8 | data[at + 2] << 16
        kind, length = header >> 1 & 3, header >> 3
        if kind == 3:
            raise NotAFrame("a zstd block of a reserved kind")
        at += 3 + (1 if kind == 1 else length)
        if header & 1:
            break
    at += 4 if descriptor & 4 else 0
    if at != len(data):
        raise NotAFrame(f"a zstd frame of {at} bytes in the place of {len(data)}")
    return size


@functools.cache
def _library():
    for name in ("libzstd.so.1", "libzstd.1.dylib", "libzstd.dylib"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        size, pointer = ctypes.c_size_t, ctypes.c_void_p
        library.ZSTD_createDCtx.restype = pointer
        library.ZSTD_decompress_usingDict.restype = size
        library.ZSTD_decompress_usingDict.argtypes = [
            pointer, pointer, size, ctypes.c_char_p, size, ctypes.c_char_p, size,
        ]
        library.ZSTD_isError.argtypes = [size]
        context = library.ZSTD_createDCtx()
        return library, context
    return None


def decoder():
    """What decompresses here; None if nothing does."""
    if os.environ.get("SECOND_READER_ZSTD") != "program" and _library():
        return "libzstd"
    return "the program zstd" if shutil.which("zstd") else None


def decompress(data, size, dictionary=b""):
    """Exactly `size` bytes, or None if the frame does not hold them."""
    if decoder() == "libzstd":
        library, context = _library()
        target = ctypes.create_string_buffer(max(size, 1))
        count = library.ZSTD_decompress_usingDict(
            context, target, size, bytes(data), len(data), dictionary, len(dictionary)
        )
        return target.raw[:size] if not library.ZSTD_isError(count) and count == size else None
    if decoder() is None:
        raise NoDecoder
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("frame", "dictionary")]
        for path, content in zip(paths, (data, dictionary)):
            with open(path, "wb") as file:
                file.write(content)
        command = ["zstd", "-d", "-c", "-q", paths[0]] + (["-D", paths[1]] if dictionary else [])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            result = process.stdout.read(size + 1)
            process.stdout.close()
            status = process.wait()
    return result if status == 0 and len(result) == size else None
