#!/usr/bin/env python3
"""Prints how fast the program is, beside the same work in OpenCV and beside itself.

usage: speed.py [--runs N] [--binary PATH] [--px-per-mm X] [--quick] [BEFORE AFTER]

Without photographs it renders phantom pairs: 12 megapixels for OpenCV (their scale given, and not), 6 and 48 for the time
per megapixel, and four patients of 6 for the throughput. Programs take turns (A B A B ...), because machines drift; what
counts is the median of the ratios of neighbouring runs. Wall seconds of whole processes, peak memory as the operating system counts it.
`--quick` leaves out everything but OpenCV.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

# Seconds that one core takes to decode photographs with OpenCV (libjpeg-turbo), least of three.
DECODE = """
import sys, time, cv2
cv2.setNumThreads(1)
def once():
    start = time.perf_counter()
    for name in sys.argv[1:]:
        cv2.imread(name)
    return time.perf_counter() - start
print(min(once() for _ in range(3)))
"""


def timed(command):
    """Wall seconds and peak MiB of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:  # a photo left out would be a saving that is none
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}: {message.decode()}")
    return seconds, usage.ru_maxrss / 1024


def phantom(binary, folder, size, px_per_mm, patients=1):
    subprocess.run([binary, "phantom", "--out", folder, "--patients", str(patients), "--sessions", "2", "--views",
                    "cheek_left", "--size", size, "--px-per-mm", str(px_per_mm), "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    return sorted(pathlib.Path(folder).rglob("cheek_left.jpg"))


def told(name, values, unit, digits=2):
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:46} {middle:8.{digits}f} {unit:4} ({low:.{digits}f} to {high:.{digits}f})", flush=True)


def decoded(photos):
    """Seconds that one core takes to decode photographs, and no memory to speak of."""
    return float(subprocess.run([sys.executable, "-c", DECODE, *map(str, photos)], check=True,
                                capture_output=True).stdout), 0


def in_turns(runs, *works):
    """Runs of all, one after the other, after one of each that warms the file cache."""
    turns = [[work() for work in works] for _ in range(1 + runs)]
    return turns[1:]


def ratios(runs, ours=0, theirs=1):
    return [run[ours][0] / run[theirs][0] for run in runs]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", metavar="BEFORE AFTER")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--px-per-mm", type=float, default=27)
    parser.add_argument("--binary", default=str(HERE.parent / "target" / "release" / "dermalapse"))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if len(arguments.photos) not in (0, 2):
        parser.error("name two photographs, or none")
    binary = arguments.binary

    def compare(pair, px_per_mm=None):
        scale = ["--px-per-mm", px_per_mm] if px_per_mm else []
        return lambda: timed([binary, "compare", *pair, *scale, "--no-progress", "--quiet"])

    with tempfile.TemporaryDirectory() as folder:
        pair = arguments.photos or phantom(binary, f"{folder}/pair", "4000x3000", arguments.px_per_mm)
        scaled = f"compare at {arguments.px_per_mm:g} px/mm"
        runs = in_turns(arguments.runs, compare(pair, arguments.px_per_mm), compare(pair),
                        lambda: timed([sys.executable, HERE / "opencv_pair.py", *pair]), lambda: decoded(pair))
        for name, column in ((scaled, 0), ("compare without a scale", 1), ("OpenCV", 2)):
            told(name, [run[column][0] for run in runs], "s")
            told(f"{name}: peak memory", [run[column][1] for run in runs], "MiB", 0)
        for name, column in ((scaled, 0), ("compare without a scale", 1)):
            told(f"{name} / OpenCV", ratios(runs, column, 2), "")
            told(f"{name} / decoding on one core", ratios(runs, column, 3), "")
        if arguments.quick or arguments.photos:
            return
        # The scale grows with the photo: the same skin in more pixels.
        small, large = ((phantom(binary, f"{folder}/{size}", size, scale), scale)
                        for size, scale in (("2828x2121", 19.1), ("8000x6000", 54)))
        runs = in_turns(arguments.runs, compare(*large), compare(*small))
        told("time per megapixel, 48 MP / 6 MP", [ratio * 6 / 48 for ratio in ratios(runs)], "")
        told("compare of 48 MP: peak memory", [run[0][1] for run in runs], "MiB", 0)
        phantom(binary, f"{folder}/many", "2828x2121", 19.1, patients=4)

        def analyze(jobs):
            return lambda: timed([binary, "analyze", f"{folder}/many", "--out", f"{folder}/out{jobs}", "--jobs", jobs,
                                  "--force", "--no-progress", "--quiet"])

        runs = in_turns(arguments.runs, analyze(1), analyze(2))
        told("throughput of analyze, 2 jobs / 1", ratios(runs), "")


if __name__ == "__main__":
    main()
