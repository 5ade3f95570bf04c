"""Plants deliberate bugs in a copy of the sources, one at a time, and says which test catches each.

All of them are built in at once, each behind a switch that an environment variable turns, so that one build does for
all: the sources of the project know nothing of it. `make mutants` runs it; a bug that no test catches makes it fail.

    python3 Tests/Mutants/mutants.py [--only NAME] [--list] [--keep]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time

from planted import PLANTED

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, ".build-mutants")
TREE = os.path.join(BUILD, "tree")
SWITCH = "CAIRN_MUTANT"
# A run that takes longer hangs: which is a way of being caught.
SECONDS = 240
# The run of all the tests without a bug.
WHOLE_SECONDS = 1800

SWITCH_SOURCE = """\
#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Which deliberate bug is turned on.
enum Mutants {
  static let current = getenv("CAIRN_MUTANT").map { String(cString: $0) } ?? ""
}
"""


def copy_tree():
    """The sources as git knows them and as they are now; build folders stay where they are."""
    os.makedirs(TREE, exist_ok=True)
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "Package.swift", "Sources", "Tests"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    kept = set()
    for name in names:
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        if not os.path.exists(source):
            continue
        kept.add(target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target) or open(source, "rb").read() != open(target, "rb").read():
            shutil.copy2(source, target)
    for folder in ("Sources", "Tests"):
        for path, _, files in os.walk(os.path.join(TREE, folder)):
            for name in files:
                if os.path.join(path, name) not in kept and name != "Mutants.swift":
                    os.remove(os.path.join(path, name))


def plant():
    """Puts every bug into the copy: `original` when its switch is off, `mutated` when it is on."""
    texts = {}
    for bug in PLANTED:
        path = os.path.join(TREE, bug.file)
        text = texts.get(path) or open(os.path.join(ROOT, bug.file), encoding="utf-8").read()
        if text.count(bug.original) != 1:
            sys.exit(f"{bug.name}: {text.count(bug.original)} places in {bug.file} read like that: mend planted.py")
        texts[path] = text.replace(bug.original, bug.switched(f'Mutants.current == "{bug.name}"'))
    for path, text in texts.items():
        if open(path, encoding="utf-8").read() != text:
            open(path, "w", encoding="utf-8").write(text)
    switch = os.path.join(TREE, "Sources/CairnEngine/Mutants.swift")
    if not os.path.exists(switch):
        open(switch, "w", encoding="utf-8").write(SWITCH_SOURCE)


def build():
    command = ["swift", "build", "--build-tests", "--package-path", TREE, "--scratch-path", os.path.join(BUILD, "build")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr[-4000:])


def test(filters, mutant, seconds=SECONDS):
    """How a run ended, and the tests that failed."""
    command = ["swift", "test", "--skip-build", "--package-path", TREE, "--scratch-path", os.path.join(BUILD, "build")]
    for one in filters:
        command += ["--filter", one]
    environment = dict(os.environ, **{SWITCH: mutant})
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment, timeout=seconds)
    except subprocess.TimeoutExpired:
        return "hangs", []
    failed = set(re.findall(r"✘ Test ([A-Za-z0-9_]+)\(", done.stdout))
    if done.returncode == 0:
        return "passes", []
    return ("fails" if failed else "dies"), sorted(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="this bug; may be given several times")
    parser.add_argument("--list", action="store_true", help="list the bugs, and end")
    arguments = parser.parse_args()
    chosen = [bug for bug in PLANTED if not arguments.only or bug.name in arguments.only]
    if arguments.list:
        for bug in chosen:
            print(f"{bug.name:28} {bug.what}")
        return
    copy_tree()
    plant()
    build()
    filters = sorted({one for bug in chosen for one in bug.tests})
    ending, failed = test(filters, "", WHOLE_SECONDS)
    if ending != "passes":
        sys.exit(f"without any bug the tests end like this: {ending} {failed}")
    survivors = []
    for bug in chosen:
        start = time.monotonic()
        ending, failed = test(bug.tests, bug.name)
        caught = ending != "passes"
        by = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "") or ending
        print(f"{'caught' if caught else 'MISSED':7} {bug.name:28} {bug.what}: {by if caught else 'no test fails'}"
              f" ({time.monotonic() - start:.0f} s)", flush=True)
        if not caught:
            survivors.append(bug.name)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} planted bugs are caught.")
    if survivors:
        sys.exit(1)


if __name__ == "__main__":
    main()
