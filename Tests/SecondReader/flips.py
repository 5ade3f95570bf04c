"""What becomes of a store of which one byte is another: refused, or the same, or known not to be detected."""

import random
import resource
import signal

from checksum import Forging
from damage import StoreError
from store import Directory, Store

SECONDS = 20


def visible(path, instead=None):
    store = Store(path, instead)
    return [(key, bytes(value)) for key, value, _ in store.state()], store


def positions(path, count, generator):
    """(name, offset, content) for each byte to change: half of them anywhere, half in files chosen alike where
    bytes are not zero, since most of a small store is zeros that mean nothing."""
    directory = Directory(path, {})
    files = {name: directory.read(name) for name in directory.names}
    files = {name: data for name, data in files.items() if data}
    names = list(files)
    for index in range(count):
        if index % 2:
            name = generator.choices(names, [len(files[name]) for name in names])[0]
            offset = generator.randrange(len(files[name]))
        else:
            name = generator.choice(names)
            offset = generator.choice([at for at, byte in enumerate(files[name]) if byte])
        yield name, offset, files[name]


def outcome(path, whole, name, offset, data, value):
    changed = bytearray(data)
    changed[offset] = value
    try:
        found, store = visible(path, {name: bytes(changed)})
    except StoreError as error:
        return error.kind, str(error)
    if found == whole[0]:
        # Every byte of these is covered by a checksum.
        listed = name.endswith((".segment", ".values")) and not Forging.is_on
        return ("other", "a changed byte goes unnoticed") if listed else ("same", "")
    log, place = whole[1].unvouched
    if name == log and offset >= place and store.last_sequence < whole[1].last_sequence:
        return "unvouched", f"ends at sequence {store.last_sequence}"
    return "other", "the store is accepted with another content"


def sweep(path, count, seed, forged):
    """Yields the outcome of each change. When `forged`, checksums count as right, and any content may come of
    it: what is shown then is that nothing but a StoreError does, within seconds, and in little memory."""
    whole = visible(path)
    generator = random.Random(seed)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    Forging.is_on = forged
    for name, offset, data in positions(path, count, generator):
        value = (data[offset] + generator.choice((1, 0x80, 0xFF, generator.randrange(1, 256)))) & 0xFF
        # Ends the process, and with it the test, should reading take so long.
        signal.alarm(SECONDS)
        result, why = outcome(path, whole, name, offset, data, value)
        signal.alarm(0)
        yield {"flip": name, "offset": offset, "value": value, "outcome": result, "why": why}
    Forging.is_on = False
