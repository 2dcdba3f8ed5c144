#!/usr/bin/env python3
"""Times `dermalapse compare` on a pair of photographs beside the same work in OpenCV.

usage: against_opencv.py [--runs N] [--binary PATH] [--px-per-mm X] [BEFORE AFTER]

Without photographs it renders a 12-megapixel phantom pair. The two programs take turns (A B A B ...), because
machines drift; what counts is the median of the ratios of neighbouring runs. Wall seconds of the whole process,
peak memory as the operating system counts it.
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


def timed(command):
    """Wall seconds and peak MiB of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:  # a photo left out would be a saving that is none
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}: {message.decode()}")
    return seconds, usage.ru_maxrss / 1024


def phantom_pair(binary, folder, px_per_mm):
    subprocess.run([binary, "phantom", "--out", folder, "--patients", "1", "--sessions", "2", "--views", "cheek_left",
                    "--size", "4000x3000", "--px-per-mm", px_per_mm, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return sorted(pathlib.Path(folder).rglob("cheek_left.jpg"))[:2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", metavar="BEFORE AFTER")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--px-per-mm", default="27")
    parser.add_argument("--binary", default=str(HERE.parent / "target" / "release" / "dermalapse"))
    arguments = parser.parse_args()
    if len(arguments.photos) not in (0, 2):
        parser.error("name two photographs, or none")
    with tempfile.TemporaryDirectory() as folder:
        pair = arguments.photos or phantom_pair(arguments.binary, folder, arguments.px_per_mm)
        ours = [arguments.binary, "compare", *map(str, pair), "--px-per-mm", arguments.px_per_mm, "--no-progress"]
        theirs = [sys.executable, str(HERE / "opencv_pair.py"), *map(str, pair)]
        timed(ours), timed(theirs)  # warm the file cache
        runs = [(timed(ours), timed(theirs)) for _ in range(arguments.runs)]
    for name, column in (("dermalapse", 0), ("OpenCV", 1)):
        seconds = [run[column][0] for run in runs]
        peak = max(run[column][1] for run in runs)
        print(f"{name:10}  {statistics.median(seconds):6.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})  {peak:6.0f} MiB")
    ratios = [ours[0] / theirs[0] for ours, theirs in runs]
    print(f"ratio       {statistics.median(ratios):6.2f}    ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
