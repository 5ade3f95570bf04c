"""Plants deliberate bugs in a copy of the sources, one at a time, and says which test catches each.

All of them are built in at once, each behind a switch that an environment variable turns, so that one build does for
all: the sources of the project know nothing of it. The copy's sources are optimized, since the explorations of crashes
look at thousands of disks; its tests are not, since that takes minutes and gains little. `make mutants` runs it; a bug
that no test catches makes it fail.

    python3 Tests/Mutants/mutants.py [--only NAME] [--list] [--jobs COUNT]
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

from planted import EXPLORATIONS, PLANTED

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, ".build-mutants")
TREE = os.path.join(BUILD, "tree")
SWITCH = "CAIRN_MUTANT"
# A run that takes longer hangs: which is a way of being caught. Without a bug the longest takes a quarter of it.
SECONDS = 240
# The run of all these tests without a bug.
WHOLE_SECONDS = 1200
# What is explored of each workload. A violation is not made simpler.
EFFORT = {
    "CAIRN_CRASH_STATES": "400", "CAIRN_CRASH_RECOVERIES": "60", "CAIRN_CRASH_FAULTS": "60", "CAIRN_CRASH_SHRINK": "0",
}

SWITCH_SOURCE = f"""\
#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Which deliberate bug is turned on.
enum Mutants {{
  static let current = getenv("{SWITCH}").map {{ String(cString: $0) }} ?? ""
}}
"""

# Only what the tests of the engine and of its layer stand on, which depends on nothing.
PACKAGE_ADDITION = """
package.products = []
package.dependencies = []
package.targets.removeAll { ["CairnCommand", "CairnLogging", "CairnMetrics"].contains($0.name) }
package.targets.removeAll { $0.type == .test && !["CairnEngineTests", "CairnTests"].contains($0.name) }
for target in package.targets where target.type == .test {
  target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-Onone"])]
}
"""

# How a test says that something is wrong, and how a process that traps does.
ISSUE = re.compile(
    r"✘ Test ([A-Za-z0-9_]+)\(.*?\) recorded an issue(?: with \d+ arguments? (.*?))? at (\w+)\.swift:\d+:\d+: (.*)")
TRAP = re.compile(r"Fatal error.*")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def planted_sources():
    """The sources as git knows them and as they are now, by their paths, with every bug in them: `original` when its
    switch is off, `mutated` when it is on."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "Package.swift", "Sources", "Tests"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    sources = {}
    for name in names:
        path = os.path.join(ROOT, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                sources[name] = file.read()
    sources["Package.swift"] += PACKAGE_ADDITION.encode()
    wrong = []
    for bug in PLANTED:
        text = sources[bug.file].decode()
        if text.count(bug.original) != 1:
            wrong.append(f"{bug.name}: {text.count(bug.original)} places in {bug.file} read like that: mend planted.py")
            continue
        sources[bug.file] = text.replace(bug.original, bug.switched(f'Mutants.current == "{bug.name}"')).encode()
        module = "/".join(bug.file.split("/")[:2])
        sources[f"{module}/Mutants.swift"] = SWITCH_SOURCE.encode()
    if wrong:
        sys.exit("\n".join(wrong))
    return sources


def write(sources):
    """Only what differs is written, so that only that is built again."""
    for name, content in sources.items():
        path = os.path.join(TREE, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            with open(path, "rb") as file:
                if file.read() == content:
                    continue
        with open(path, "wb") as file:
            file.write(content)
    for folder in ("Sources", "Tests"):
        for path, _, files in os.walk(os.path.join(TREE, folder)):
            for name in files:
                if os.path.relpath(os.path.join(path, name), TREE) not in sources:
                    os.remove(os.path.join(path, name))


def build():
    """The path of the tests' binary."""
    command = ["swift", "build", "-c", "release", "--build-tests", "-Xswiftc", "-enable-testing",
               "--package-path", TREE, "--scratch-path", os.path.join(BUILD, "build")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr[-4000:])
    folder = subprocess.run(command + ["--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
    binary = os.path.join(folder, "cairnPackageTests.xctest")
    return os.path.join(binary, "Contents/MacOS/cairnPackageTests") if os.path.isdir(binary) else binary


def pattern(name):
    """The tests of a suite, or one test of it, written `Suite/test`."""
    suite, _, test = name.partition("/")
    return rf"[.]{suite}/" + (rf"{test}[(]" if test else "")


def command(binary, names):
    arguments = [binary, "--testing-library", "swift-testing"]
    for name in names:
        arguments += ["--filter", pattern(name)]
    return arguments


def missing(binary, names):
    """Those that no test is called."""
    done = subprocess.run(
        [binary, "--testing-library", "swift-testing", "--list-tests"], capture_output=True, text=True)
    tests = done.stdout.splitlines()
    return [name for name in names if not any(re.search(pattern(name), test) for test in tests)]


def run(binary, names, bug, seconds):
    """What is wrong first, in the words of the test that says so; `None` when all is well. The run ends with it."""
    environment = {**os.environ, **EFFORT, SWITCH: bug, "SWIFT_BACKTRACE": "enable=no"}
    process = subprocess.Popen(
        command(binary, names), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=environment)
    late = threading.Event()

    def end():
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    trap = ""
    try:
        for line in process.stdout:
            issue = ISSUE.search(COLOUR.sub("", line))
            if issue:
                test, arguments, file, complaint = issue.groups()
                values = re.sub(r"\w+ → ", "", arguments or "")
                # What a crash loses in a case that is not made simple is long.
                complaint = re.split("; (?:lost:|nothing is lost)", complaint.removeprefix("Caught error: "))[0]
                return f"{file}/{test}" + (f" of {values}" if values else "") + f": {complaint}"
            trap = trap or "".join(TRAP.findall(line))
        if process.wait() == 0:
            return None
        if late.is_set():
            return f"{' or '.join(names)} hangs"
        return f"{' or '.join(names)} ends the process: {trap or process.returncode}"
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def hunt(binary, bug):
    """What catches a bug: its own tests, one after the other, then every exploration."""
    start = time.monotonic()
    caught = None
    for name in bug.tests + tuple(name for name in EXPLORATIONS if name not in bug.tests):
        caught = run(binary, [name], bug.name, SECONDS)
        if caught:
            break
    return caught, time.monotonic() - start


def shortened(text, length=240):
    return text if len(text) <= length else text[:length] + "…"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="this bug; may be given several times")
    parser.add_argument("--list", action="store_true", help="list the bugs, and end")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="bugs that are tried at once")
    arguments = parser.parse_args()
    chosen = [bug for bug in PLANTED if not arguments.only or bug.name in arguments.only]
    if arguments.list:
        for bug in chosen:
            print(f"{bug.name:28} {bug.what}")
        return
    start = time.monotonic()
    write(planted_sources())
    binary = build()
    print(f"built after {time.monotonic() - start:.0f} s", flush=True)
    names = sorted({name for bug in chosen for name in bug.tests}.union(EXPLORATIONS))
    absent = missing(binary, names)
    if absent:
        sys.exit(f"no test is called like that: {', '.join(absent)}: mend planted.py")
    wrong = run(binary, names, "", WHOLE_SECONDS)
    if wrong:
        sys.exit(f"without any bug: {wrong}")
    print(f"without any bug nothing is wrong, after {time.monotonic() - start:.0f} s", flush=True)
    survivors = []
    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        hunts = {pool.submit(hunt, binary, bug): bug for bug in chosen}
        for done in concurrent.futures.as_completed(hunts):
            bug = hunts[done]
            caught, seconds = done.result()
            by = shortened(caught) if caught else "no test fails"
            print(f"{'caught' if caught else 'MISSED':7} {bug.name:26} {bug.what}\n        by {by} ({seconds:.0f} s)",
                  flush=True)
            if not caught:
                survivors.append(bug.name)
    count = len(chosen) - len(survivors)
    print(f"{count} of {len(chosen)} planted bugs are caught, after {time.monotonic() - start:.0f} s.")
    if not arguments.only:
        print(f"figure planted bugs caught | {len(chosen)} | {count} | make mutants")
    if survivors:
        sys.exit(f"not caught: {', '.join(survivors)}")


if __name__ == "__main__":
    main()
