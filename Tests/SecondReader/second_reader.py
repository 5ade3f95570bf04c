#!/usr/bin/env python3
"""Reads Cairn stores knowing nothing but format-spec.md, and says in JSON lines what is in them.

    second_reader.py [--state] [--sequences] DIRECTORY ...
    second_reader.py --flips COUNT [--seed SEED] [--forged] DIRECTORY ...
    second_reader.py --forge COUNT --into FOLDER [--seed SEED] DIRECTORY
    second_reader.py --examples format-spec.md
    second_reader.py --ready

For each directory a line {"store": …}; a line for each key that has a value, in the order of keys;
{"entries": …}; a line for each file. With --state the lines on files are left out, with --sequences each
key's line has its sequence number. A store that is refused gives one line {"error": …} instead, and the exit
status 1; one that cannot be read for want of zstd {"skipped": …}, and 3.

--flips changes that many bytes, one at a time and in memory only, and says what became of it; the status is 1
if a change went unnoticed that the format promises to detect. With --forged all checksums count as right, and
the status is 0 unless the reader itself fails. --forge writes copies with one byte changed and the checksums
put right, for the engine to read as well, and prints their paths. --examples decodes the worked examples of the
specification. --ready tells whether zstd is here.
"""

import argparse
import json
import sys

sys.dont_write_bytecode = True

import examples  # noqa: E402
import flips  # noqa: E402
import forgery  # noqa: E402
import zstd  # noqa: E402
from checksum import key_hash  # noqa: E402
from damage import StoreError, Undecodable  # noqa: E402
from store import Store  # noqa: E402


def line(**what):
    return json.dumps(what, separators=(",", ":"))


def dump(path, arguments):
    """The lines of a whole store: none is printed of one that turns out to be damaged."""
    store = Store(path)
    lines = []
    for key, value, sequence in store.state():
        extra = {"sequence": sequence} if arguments.sequences else {}
        lines.append(line(key=key.hex(), length=len(value), hash=f"{key_hash(value):016x}", **extra))
    lines.append(line(entries=len(lines), last_sequence=store.last_sequence))
    if not arguments.state:
        lines += [line(**file) for file in store.summary]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("directories", nargs="*", metavar="DIRECTORY")
    parser.add_argument("--state", action="store_true", help="nothing about files")
    parser.add_argument("--sequences", action="store_true", help="each value's sequence number")
    parser.add_argument("--examples", metavar="SPECIFICATION", help="decode the worked examples of this page")
    parser.add_argument("--flips", type=int, default=0, metavar="COUNT", help="change so many bytes")
    parser.add_argument("--seed", type=int, default=1, help="which bytes")
    parser.add_argument("--forged", action="store_true", help="as if the checksums had been put right")
    parser.add_argument("--forge", type=int, default=0, metavar="COUNT", help="write so many forged copies")
    parser.add_argument("--into", metavar="FOLDER", help="where to write them")
    parser.add_argument("--ready", action="store_true", help="is zstd here?")
    arguments = parser.parse_args()
    if arguments.examples:
        return examples.check(arguments.examples)
    if arguments.ready:
        print(zstd.decoder() or "no zstd")
        return 0 if zstd.decoder() else 3
    if arguments.forge:
        for path in arguments.directories:
            for copy in forgery.forge(path, arguments.forge, arguments.seed, arguments.into):
                print(line(forged=copy))
        return 0
    status = 0
    for path in arguments.directories:
        print(line(store=path))
        try:
            if arguments.flips:
                for result in flips.sweep(path, arguments.flips, arguments.seed, arguments.forged):
                    print(line(**result))
                    if result["outcome"] == "other" and not arguments.forged:
                        status = 1
                continue
            lines = dump(path, arguments)
        except Undecodable as error:
            lines, status = [line(skipped=str(error))], status or 3
        except StoreError as error:
            told = {"kind": error.kind, "file": error.file, "offset": error.offset, "what": error.what}
            lines, status = [line(error=told)], 1
        print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
