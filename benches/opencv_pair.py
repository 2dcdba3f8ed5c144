#!/usr/bin/env python3
"""One before/after pair measured the way a researcher would with OpenCV.

usage: opencv_pair.py BEFORE AFTER [--threads N]

The yardstick for `dermalapse compare`: decode, align (ORB, MAGSAC, ECC), warp, skin mask, colour maps,
spots and red areas, band energies and co-occurrence texture, pores (Laplacian of Gaussian) and wrinkles
(Hessian ridges), each on all pixels. Prints one JSON object with the seconds of every stage.
"""

import argparse
import json
import time

import cv2
import numpy as np

WORKING_SIDE = 1600
SRGB = np.arange(256, dtype=np.float64) / 255
LINEAR = np.where(SRGB <= 0.04045, SRGB / 12.92, ((SRGB + 0.055) / 1.055) ** 2.4)
DENSITY = (-np.log10(np.maximum(LINEAR, 1 / 2048))).astype(np.float32)


class Clock:
    """Adds up the seconds of named stages."""

    def __init__(self):
        self.seconds, self.last = {}, time.perf_counter()

    def lap(self, stage):
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.last
        self.last = now


def align(before, after):
    """Homography from `before` to `after` in full-size pixels."""
    scale = min(1.0, WORKING_SIDE / max(before.shape[:2]))
    small = [cv2.cvtColor(cv2.resize(i, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
             for i in (before, after)]
    orb = cv2.ORB_create(nfeatures=5000)
    (points_a, codes_a), (points_b, codes_b) = (orb.detectAndCompute(image, None) for image in small)
    pairs = [m for m, n in cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(codes_a, codes_b, k=2) if m.distance < 0.8 * n.distance]
    source = np.float32([points_a[m.queryIdx].pt for m in pairs])
    target = np.float32([points_b[m.trainIdx].pt for m in pairs])
    matrix, _ = cv2.findHomography(source, target, cv2.USAC_MAGSAC, 2.0)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-5)
    try:
        _, matrix = cv2.findTransformECC(small[0], small[1], matrix.astype(np.float32), cv2.MOTION_HOMOGRAPHY, stop, None, 5)
    except cv2.error:
        pass  # ECC did not converge: the feature fit stands
    to_small = np.diag([scale, scale, 1.0])
    return np.linalg.inv(to_small) @ matrix @ to_small


def skin_mask(image):
    mask = cv2.inRange(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb), (0, 133, 77), (255, 173, 127))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disk), cv2.MORPH_OPEN, disk)
    return mask if cv2.countNonZero(mask) > mask.size // 20 else np.full_like(mask, 255)


def without_background(plane):
    small = cv2.resize(plane, None, fx=1 / 16, fy=1 / 16, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(plane, (0, 0), 2) - cv2.resize(cv2.GaussianBlur(small, (0, 0), 6), plane.shape[::-1])


def objects(binary, least, size):
    _, _, stats, _ = cv2.connectedComponentsWithStats(binary.astype(np.uint8))
    return int((size(stats[1:]) > least).sum())


def measure(image, clock):
    out = {}
    mask = skin_mask(image)
    skin = mask > 0
    clock.lap("mask")
    blue, green, red = cv2.split(cv2.LUT(image, DENSITY))
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    erythema = green - red
    out["colour"] = [cv2.mean(p, mask)[0] for p in (lab[..., 0], lab[..., 1], lab[..., 2], erythema, red)]
    clock.lap("colour")
    opening = np.ones((3, 3), np.uint8)
    for name, plane in (("spots", red), ("red_areas", erythema)):
        binary = ((without_background(plane) > 0.05) & skin).astype(np.uint8)
        out[name] = objects(cv2.morphologyEx(binary, cv2.MORPH_OPEN, opening), 40, lambda s: s[:, cv2.CC_STAT_AREA])
    clock.lap("lesions")
    lightness = np.ascontiguousarray(lab[..., 0])
    smooth = [lightness] + [cv2.GaussianBlur(lightness, (0, 0), sigma) for sigma in (1, 2, 4, 8)]
    out["bands"] = [cv2.mean((a - b) ** 2, mask)[0] for a, b in zip(smooth, smooth[1:])]
    grey = np.clip(lightness * 0.32, 0, 31).astype(np.int32)
    i, j = np.indices((32, 32))
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        first = grey[: grey.shape[0] - dy, max(0, -dx): grey.shape[1] - max(0, dx)]
        second = grey[dy:, max(0, dx): grey.shape[1] + min(0, dx)]
        counts = np.bincount((first * 32 + second).ravel(), minlength=1024).reshape(32, 32).astype(float)
        out[f"contrast_{dy}_{dx}"] = float((counts * (i - j) ** 2).sum() / counts.sum())
    clock.lap("texture")
    out["pores"] = 0
    for sigma in (2.0, 3.0, 4.5):
        blob = cv2.Laplacian(cv2.GaussianBlur(lightness, (0, 0), sigma), cv2.CV_32F) * sigma**2
        out["pores"] += int(((blob == cv2.dilate(blob, np.ones((5, 5), np.uint8))) & (blob > 3) & skin).sum())
    clock.lap("pores")
    ridge = np.zeros_like(lightness)
    for sigma in (2.0, 4.0):
        s = cv2.GaussianBlur(lightness, (0, 0), sigma)
        xx, yy, xy = (cv2.Sobel(s, cv2.CV_32F, *order) for order in ((2, 0), (0, 2), (1, 1)))
        ridge = np.maximum(ridge, sigma**2 * ((xx + yy) / 2 + np.sqrt(((xx - yy) / 2) ** 2 + xy**2)))
    out["wrinkles"] = objects((ridge > 8) & skin, 40, lambda s: np.maximum(s[:, cv2.CC_STAT_WIDTH], s[:, cv2.CC_STAT_HEIGHT]))
    clock.lap("wrinkles")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        cv2.setNumThreads(arguments.threads)
    clock = Clock()
    start = time.perf_counter()
    before, after = cv2.imread(arguments.before), cv2.imread(arguments.after)
    clock.lap("decode")
    matrix = align(before, after)
    clock.lap("align")
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(after, matrix, before.shape[1::-1], flags=flags)
    clock.lap("warp")
    result = {"before": measure(before, clock), "after": measure(warped, clock)}
    clock.seconds["total"] = time.perf_counter() - start
    result["seconds"] = {stage: round(seconds, 3) for stage, seconds in clock.seconds.items()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
