#!/usr/bin/env python3
"""How well photographs of skin are aligned: `dermalapse align` beside OpenCV, on pairs whose truth is known.

usage: alignment.py [--seeds N] [--first-seed N] [--binary PATH] [PHOTO ...]

Every photo is taken again by a virtual camera (turned, zoomed, shifted, the skin bent) after the skin and the light
have changed; a grid of points that both photos show says how far each program misses. Without photos it renders
phantoms. Prints one table; a pair that must be refused (mirror image, other skin, wall) has a row of its own.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import tempfile
import time

import cv2
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = 1200
WELL, SILENT = 0.0025, 0.006  # errors as shares of the width: good, and wrong without a word
MARGIN = 2  # pixels at the border that are not judged


@dataclasses.dataclass(frozen=True)
class Level:
    """How far two photos differ. Turns and scales are drawn up to the value, on either side."""

    rotation_deg: float
    scale: float
    deformation: float = 0.0  # most, share of the width
    exposure: float = 0.1
    white_balance: float = 0.0
    gradient: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.8  # deviation, 8-bit levels
    jpeg: int = 95
    skin_changes: bool = True


LEVELS = {
    "easy": Level(6, 0.05, skin_changes=False),
    "typical": Level(14, 0.14, 0.006, 0.25, 0.06, 0.20, 0.5, 1.2, 85),
    "hard": Level(35, 0.28, 0.014, 0.40, 0.12, 0.40, 1.1, 2.0, 70),
    "turned": Level(180, 0.20, 0.004, 0.25, 0.06, 0.20, 0.5, 1.2, 85),
}


def linear(image):
    value = np.clip(image, 0, 255) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def encoded(light):
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def bump(shape, centre, sigma):
    y, x = np.mgrid[:shape[0], :shape[1]]
    return np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))[..., None]


def changed_skin(image, random):
    """A spot of the middle fades, redness appears, and some new spots; channels are blue, green, red."""
    height, width = image.shape[:2]
    size = np.array([width, height])
    light = linear(image)
    surroundings = cv2.GaussianBlur(light, (0, 0), width / 12)
    faded = bump(light.shape, random.uniform(0.35, 0.65, 2) * size, random.uniform(0.05, 0.12) * width)
    light += (surroundings - light) * faded * random.uniform(0.2, 0.5)
    red = bump(light.shape, random.uniform(0.15, 0.85, 2) * size, random.uniform(0.05, 0.12) * width)
    light *= np.exp(-red * random.uniform(0.1, 0.3) * [0.7, 1.0, 0.25])
    for _ in range(random.integers(2, 6)):
        spot = bump(light.shape, random.uniform(0.1, 0.9, 2) * size, random.uniform(0.004, 0.012) * width)
        light *= np.exp(-spot * random.uniform(0.1, 0.3) * [1.1, 1.0, 0.4])
    return encoded(light)


def with_hair_and_glare(image, random):
    height, width = image.shape[:2]
    image, glare = image.copy(), np.zeros((height, width, 1), np.float32)
    count = int(random.integers(2, 8))
    for _ in range(count):
        along = np.linspace(0, random.uniform(0.05, 0.2) * width, 20)
        angle = random.uniform(0, 2 * np.pi) + random.uniform(-1, 1) * np.linspace(0, 1, 20)
        hair = random.uniform(0, 1, 2) * [width, height] + along[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
        cv2.polylines(image, [np.round(hair * 8).astype(np.int32)], False, (25, 30, 40), int(random.integers(1, 3)),
                      cv2.LINE_AA, 3)
    for _ in range(2 * count):
        x, y = (random.uniform(0, 1, 2) * [width, height]).astype(int)
        cv2.circle(glare, (int(x), int(y)), int(random.integers(1, 4)), 1, -1)
    glare = cv2.GaussianBlur(glare, (0, 0), 1.2)[..., None]
    return image * (1 - glare) + 250 * glare


class Camera:
    """Where a point of the reference appears in the moving photo, and the way back."""

    def __init__(self, level, width, height, random):
        angle = np.deg2rad(random.uniform(-level.rotation_deg, level.rotation_deg))
        scale = np.exp(random.uniform(-1, 1) * np.log1p(level.scale))
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        self.turn = np.array([[cos, -sin], [sin, cos]])
        self.centre = np.array([width - 1, height - 1]) / 2
        self.shift = random.uniform(-0.04, 0.04, 2) * width
        sigma = random.uniform(0.08, 0.16) * width
        fields = [self.smooth(height, width, sigma, random) for _ in range(2)]
        self.bend = level.deformation * width * np.stack(fields, -1)

    @staticmethod
    def smooth(height, width, sigma, random, step=8):
        """A smooth random field with its largest value 1."""
        pad = int(3 * sigma / step) + 1
        noise = random.standard_normal((height // step + 1 + 2 * pad, width // step + 1 + 2 * pad))
        noise = cv2.GaussianBlur(noise, (0, 0), sigma / step)[pad:-pad, pad:-pad]
        return cv2.resize(noise / np.abs(noise).max(), (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)

    def bending(self, points):
        x, y = (np.ascontiguousarray(points[..., k], np.float32) for k in (0, 1))
        return np.stack([cv2.remap(np.ascontiguousarray(self.bend[..., k]), x, y, cv2.INTER_CUBIC,
                                   borderMode=cv2.BORDER_REPLICATE) for k in (0, 1)], -1)

    def there(self, points):
        return (points - self.centre) @ self.turn.T + self.centre + self.shift + self.bending(points)

    def back(self, points):
        inverse = np.linalg.inv(self.turn).T
        straight = (points - self.centre - self.shift) @ inverse + self.centre
        found = straight
        for _ in range(30):
            found = straight - self.bending(found) @ inverse
        return found


def photographed(image, camera, level, random):
    """The photo that `camera` takes: black where it sees beyond the picture."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    at = camera.back(np.stack([x, y], -1))
    seen = ((at >= 0) & (at <= [width - 1, height - 1])).all(-1)
    photo = cv2.remap(image.astype(np.float32), at.astype(np.float32), None, cv2.INTER_LANCZOS4)
    light = linear(photo) * (1 + random.uniform(-1, 1) * level.exposure)
    light *= 1 + random.uniform(-1, 1, 3) * level.white_balance
    side = random.uniform(0, 2 * np.pi)
    light *= (1 + level.gradient * ((x / width - 0.5) * np.cos(side) + (y / height - 0.5) * np.sin(side)))[..., None]
    photo = encoded(light)
    if level.blur_px > 0:
        photo = cv2.GaussianBlur(photo, (0, 0), random.uniform(0.5, 1) * level.blur_px)
    photo += random.normal(0, level.noise, photo.shape)
    photo[~seen] = 0
    return photo


def eight_bit(image):
    return np.clip(image, 0, 255).round().astype(np.uint8)


@dataclasses.dataclass
class Case:
    """Two files, the points of the reference to be found (`N × 2`), and where they are."""

    reference: str
    moving: str
    points: np.ndarray
    truth: np.ndarray


def case(photo, level, seed, stem):
    """The photo and its virtual retake, written beside `stem`."""
    random = np.random.default_rng(seed)
    reference = opened(photo)
    height, width = reference.shape[:2]
    skin = with_hair_and_glare(changed_skin(reference, random), random) if level.skin_changes else reference
    camera = Camera(level, width, height, random)
    moving = photographed(skin, camera, level, random)
    noisy = reference + random.normal(0, min(level.noise, 0.8), reference.shape)
    paths = f"{stem}_reference.png", f"{stem}_moving.jpg"
    cv2.imwrite(paths[0], eight_bit(noisy))
    cv2.imwrite(paths[1], eight_bit(moving), [cv2.IMWRITE_JPEG_QUALITY, level.jpeg])
    last = np.array([width - 1, height - 1]) - MARGIN
    grid = np.stack(np.meshgrid(*(np.linspace(MARGIN, end, 40) for end in last)), -1)
    truth = camera.there(grid)
    shown = ((truth >= MARGIN) & (truth <= last)).all(-1)
    return Case(*paths, grid[shown], truth[shown])


def opened(photo):
    image = cv2.imread(str(photo), cv2.IMREAD_COLOR).astype(np.float32)
    height, width = image.shape[:2]
    size = WIDTH, round(height * WIDTH / width)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if width > WIDTH else cv2.INTER_CUBIC)


@dataclasses.dataclass
class Found:
    """Where a program puts the points (`None` if it refuses), the error it expects, and its wall seconds."""

    points: np.ndarray | None
    residual: float | None
    seconds: float


def dermalapse(binary, one):
    """The whole process: start, decode, find the skin, align."""
    points = pathlib.Path(one.moving).with_suffix(".csv")
    np.savetxt(points, one.points, fmt="%.6f", delimiter=",", header="x,y", comments="")
    start = time.perf_counter()
    run = subprocess.run([binary, "align", one.reference, one.moving, "--points", points, "--no-progress"],
                         capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if run.returncode not in (0, 3):
        raise SystemExit(run.stderr)
    answer = json.loads(run.stdout)
    aligned = answer["status"] == "aligned"
    return Found(np.array(answer["points"]) if aligned else None, answer["residual_px"] if aligned else None, seconds)


def contrast_normalised(plane, sigma=12):
    plane = plane.astype(np.float32)
    detail = plane - cv2.GaussianBlur(plane, (0, 0), sigma)
    spread = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), sigma))
    return eight_bit(128 + 40 * detail / (spread + 2))


def opencv(one):
    """SIFT and MAGSAC, then dense DIS flow, all on contrast-normalised pictures, the flow smoothed."""
    start = time.perf_counter()
    reference, moving = (cv2.imread(path)[..., 1] for path in (one.reference, one.moving))
    found = opencv_map(reference, moving)
    seconds = time.perf_counter() - start
    if found is None:
        return Found(None, None, seconds)
    matrix, flow = found
    at = one.points.astype(np.float32)[None]
    points = at + cv2.remap(flow, at, None, cv2.INTER_LINEAR)
    return Found(cv2.perspectiveTransform(points, matrix)[0], None, seconds)


def opencv_map(reference, moving):
    """A homography and the flow that comes before it; `None` where too few matches agree."""
    sift = cv2.SIFT_create(4000, contrastThreshold=0.01)
    (points_a, codes_a), (points_b, codes_b) = (sift.detectAndCompute(contrast_normalised(image), None)
                                                for image in (reference, moving))
    if codes_a is None or codes_b is None or len(codes_b) < 2:
        return None
    root = [np.sqrt(codes / (codes.sum(1, keepdims=True) + 1e-9)) for codes in (codes_a, codes_b)]
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(*root, k=2)
    good = [first for first, second in matches if first.distance < 0.85 * second.distance]
    if len(good) < 12:
        return None
    source = np.float32([points_a[match.queryIdx].pt for match in good])
    target = np.float32([points_b[match.trainIdx].pt for match in good])
    matrix, agree = cv2.findHomography(source, target, cv2.USAC_MAGSAC, 3.0, maxIters=20000, confidence=0.9999)
    if matrix is None or agree.sum() < 30 or agree.mean() < 0.15:
        return None
    warped = cv2.warpPerspective(moving, matrix, reference.shape[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    flow = dis.calc(contrast_normalised(reference), contrast_normalised(warped), None)
    return matrix, cv2.GaussianBlur(flow, (0, 0), 20)


PROGRAMS = "dermalapse", "OpenCV"
HEADINGS = ["pairs", "program", "n", "median error, px", "good", "refused", "silent", "expected / true", "seconds"]


def accuracy(name, program, cases, answers):
    """One row: the median of the pairs' median errors, the shares over all pairs."""
    errors = [np.linalg.norm(found.points - one.truth, axis=1) if found.points is not None else None
              for one, found in zip(cases, answers)]
    far = [np.quantile(error, 0.95) / WIDTH for error in errors if error is not None]
    medians = [np.median(error) for error in errors if error is not None]
    honest = [found.residual / np.median(error) for found, error in zip(answers, errors) if found.residual is not None]
    count = len(cases)
    return [name, program, count, f"{np.median(medians):.3f}" if medians else "–",
            f"{sum(share < WELL for share in far) / count:.2f}", count - len(far), sum(share > SILENT for share in far),
            f"{min(honest):.2f} – {np.median(honest):.2f} – {max(honest):.2f}" if honest else "–",
            f"{np.median([found.seconds for found in answers]):.2f}"]


def must_be_refused(photos, folder):
    """Each photo with its mirror image, with the next photo, and with a wall."""
    images = [opened(photo) for photo in photos]
    random = np.random.default_rng(0)
    wall = 180 + random.normal(0, 3, images[0].shape) + np.linspace(0, 30, WIDTH)[None, :, None]
    nowhere = np.zeros((1, 2))
    for number, image in enumerate(images):
        others = {"mirror": image[:, ::-1], "wall": wall}
        if len(images) > 1:
            others["other"] = images[(number + 1) % len(images)]
        for what, other in others.items():
            paths = f"{folder}/refuse_{number}.png", f"{folder}/refuse_{number}_{what}.png"
            for path, picture in zip(paths, (image, other)):
                cv2.imwrite(path, eight_bit(picture))
            yield Case(*paths, nowhere, nowhere)


def refusals(program, answers):
    refused = sum(found.points is None for found in answers)
    return ["no shared skin", program, len(answers), "–", "–", refused, len(answers) - refused, "–",
            f"{np.median([found.seconds for found in answers]):.2f}"]


def phantoms(binary, folder, count):
    subprocess.run([binary, "phantom", "--out", folder, "--patients", str(count), "--sessions", "1", "--views",
                    "cheek_left", "--size", f"{WIDTH}x{WIDTH * 3 // 4}", "--px-per-mm", "30", "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    return sorted(pathlib.Path(folder).rglob("cheek_left.jpg"))


def answered(binary, cases):
    """What both programs say of each case, in turns."""
    pairs = [(dermalapse(binary, one), opencv(one)) for one in cases]
    return list(zip(*pairs))


def show(row):
    print("| " + " | ".join(map(str, row)) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", metavar="PHOTO")
    parser.add_argument("--seeds", type=int, default=1, help="retakes of each photo and level")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--phantoms", type=int, default=6, help="phantoms rendered when no photo is named")
    parser.add_argument("--levels", default=",".join(LEVELS), help="of the table, separated by commas")
    parser.add_argument("--threads", type=int, help="of OpenCV")
    parser.add_argument("--binary", default=str(HERE.parent / "target" / "release" / "dermalapse"))
    arguments = parser.parse_args()
    if arguments.threads:
        cv2.setNumThreads(arguments.threads)
    show(HEADINGS)
    show(["---", "---"] + ["--:"] * (len(HEADINGS) - 2))
    with tempfile.TemporaryDirectory() as folder:
        photos = arguments.photos or phantoms(arguments.binary, folder, arguments.phantoms)
        for name in arguments.levels.split(","):
            seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
            cases = [case(photo, LEVELS[name], (seed, number), f"{folder}/{name}_{number}_{seed}")
                     for number, photo in enumerate(photos) for seed in seeds]
            for program, answers in zip(PROGRAMS, answered(arguments.binary, cases)):
                show(accuracy(name, program, cases, answers))
        for program, answers in zip(PROGRAMS, answered(arguments.binary, must_be_refused(photos, folder))):
            show(refusals(program, answers))


if __name__ == "__main__":
    main()
