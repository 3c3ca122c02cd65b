"""Draws the demo's airliners, whose classes differ only in the shape of the tail.

Coordinates are in lengths of the aircraft: x runs from the nose (0) to the tail (1), y upwards from
the centre line, and z towards the viewer.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from fgmix.data.sources.demo.paint import (
    HEIGHT,
    WIDTH,
    Colour,
    Pixel,
    colour,
    pale,
    pick,
    scaled,
    shade,
)

LIVERY_TAIL_RATE = 0.8  # the other tails have the colour of the body and stand out less
DARK = 80  # mean channel below which a surface gets a lighter edge instead of a darker one
PANE: Colour = (45, 52, 65)

Point = tuple[float, float, float]
Panel = tuple[Point, ...]


@dataclass(frozen=True)
class TailSize:
    """Measures of a tail, drawn from the same distribution for every class."""

    start: float  # x of the fin's leading edge
    root: float  # y of the fin's lower edge, inside the fuselage
    height: float
    chord: float
    taper: float
    sweep: float
    span: float  # of one half of the stabiliser


def _halves(x: float, y: float, chord: float, tip: Point, tip_chord: float) -> list[Panel]:
    """Returns the far and near half of a wing or stabiliser; `tip` is the near half's."""
    return [
        (
            (x, y, 0.0),
            (tip[0], tip[1], side * tip[2]),
            (tip[0] + tip_chord, tip[1], side * tip[2]),
            (x + chord, y, 0.0),
        )
        for side in (-1, 1)
    ]


def _fin(size: TailSize, *, z: float = 0.0, lower: float = 0.0, scale: float = 1.0) -> Panel:
    chord, sweep = size.chord * math.sqrt(scale), size.sweep * scale
    front, back = size.start + size.chord - chord, size.start + size.chord
    bottom = size.root - lower
    top = bottom + scale * size.height
    tip = front + sweep
    return (
        (front, bottom, z),
        (tip, top, z),
        (tip + size.taper * chord, top, z),
        (back, bottom, z),
    )


def _stabiliser(size: TailSize, level: float) -> list[Panel]:
    """Returns both halves of the stabiliser; `level` 0 is the fin's root and 1 its tip."""
    x = size.start + 0.3 * size.chord + 0.8 * level * size.sweep
    y = size.root + level * size.height
    return _halves(x, y, 0.6 * size.chord, (x + 0.5 * size.sweep, y, size.span), 0.36 * size.chord)


def _conventional(size: TailSize) -> list[Panel]:
    return [_fin(size), *_stabiliser(size, 0.0)]


def _cruciform(size: TailSize) -> list[Panel]:
    return [_fin(size), *_stabiliser(size, 0.5)]


def _t_tail(size: TailSize) -> list[Panel]:
    return [_fin(size), *_stabiliser(size, 1.0)]


def _dorsal_fin(size: TailSize) -> list[Panel]:
    x = size.start
    start, end = (x - 1.1 * size.chord, 1.8 * size.root, 0.0), (x + size.chord, size.root, 0.0)
    return [
        (start, (x + 0.5 * size.sweep, size.root + 0.5 * size.height, 0.0), end),
        *_conventional(size),
    ]


def _round_fin(size: TailSize) -> list[Panel]:
    middle, reach = size.start + 0.55 * size.chord, 0.6 * size.chord
    fin = tuple(
        (middle + reach * math.cos(angle), size.root + 0.95 * size.height * math.sin(angle), 0.0)
        for angle in np.linspace(0.0, math.pi, 13).tolist()
    )
    return [fin, *_stabiliser(size, 0.0)]


def _twin_tail(size: TailSize) -> list[Panel]:
    lower = 0.2 * size.height
    fins = [_fin(size, z=side * size.span, lower=lower, scale=0.75) for side in (-1, 1)]
    return [*_stabiliser(size, 0.0), *fins]


def _v_tail(size: TailSize) -> list[Panel]:
    front, tip, _, back = _fin(size)
    tip = (tip[0], tip[1], 0.9 * size.span)
    return _halves(front[0], front[1], back[0] - front[0], tip, size.taper * size.chord)


def _ventral_fin(size: TailSize) -> list[Panel]:
    keel = tuple((x, 0.6 * size.root - 0.85 * (y - size.root), z) for x, y, z in _fin(size))
    return [keel, *_conventional(size)]


TAILS: dict[str, Callable[[TailSize], list[Panel]]] = {
    "conventional": _conventional,
    "cruciform": _cruciform,
    "dorsal-fin": _dorsal_fin,
    "round-fin": _round_fin,
    "t-tail": _t_tail,
    "twin-tail": _twin_tail,
    "v-tail": _v_tail,
    "ventral-fin": _ventral_fin,
}

CLASS_NAMES: tuple[str, ...] = tuple(sorted(TAILS))


@dataclass(frozen=True)
class Pose:
    """The position of an aircraft in the image, as an oblique parallel projection."""

    centre: Pixel
    length: float
    angle: float
    facing: int  # 1: the nose is on the left, -1: on the right
    yaw: float
    elevation: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Pose":
        """Draws a random pose that leaves the whole aircraft inside the image."""
        return cls(
            centre=(WIDTH * rng.uniform(0.48, 0.52), HEIGHT * rng.uniform(0.54, 0.60)),
            length=WIDTH * rng.uniform(0.82, 0.88),
            angle=rng.normal(0.0, 0.04),
            facing=pick((-1, 1), rng),
            yaw=rng.uniform(-0.05, 0.15),
            elevation=rng.uniform(0.3, 0.5),
        )

    def project(self, points: Iterable[Point]) -> list[Pixel]:
        """Returns the canvas coordinates of points of the aircraft."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        pixels = []
        for x, y, z in points:
            across = self.facing * (x - 0.5 + self.yaw * z) * self.length
            up = (y - self.elevation * z) * self.length
            column = self.centre[0] + cos * across - sin * up
            pixels.append((column, self.centre[1] - sin * across - cos * up))
        return scaled(pixels)


@dataclass(frozen=True)
class Aircraft:
    """Everything about an aircraft that does not depend on its class."""

    pose: Pose
    light: np.ndarray
    body: Colour
    trim: Colour
    tail: Colour
    radius: float
    wing: float
    engines: tuple[Point, ...]
    windows: int
    tail_size: TailSize

    @classmethod
    def sample(cls, pose: Pose, rng: np.random.Generator) -> "Aircraft":
        """Draws a random livery and proportions."""
        radius, wing = rng.uniform((0.045, 0.32), (0.065, 0.44)).tolist()
        light = rng.normal(size=3)
        body, trim = pale(rng), colour(rng.uniform(15, 130, size=3))
        inner = (wing + 0.03, -0.8 * radius, 0.15)
        outer = (wing + 0.09, -0.6 * radius, 0.20)
        rear = (0.66, 0.5 * radius, 0.06)
        return cls(
            pose=pose,
            light=light / np.linalg.norm(light),
            body=body,
            trim=trim,
            tail=trim if rng.random() < LIVERY_TAIL_RATE else body,
            radius=radius,
            wing=wing,
            engines=pick(((inner,), (inner, outer), (rear,), (inner, rear)), rng),
            windows=int(rng.integers(0, 26)),
            tail_size=TailSize(
                start=rng.uniform(0.77, 0.79),
                root=0.5 * radius,
                height=rng.uniform(0.22, 0.25),
                chord=rng.uniform(0.16, 0.18),
                taper=rng.uniform(0.4, 0.6),
                sweep=rng.uniform(0.10, 0.13),
                span=rng.uniform(0.20, 0.24),
            ),
        )


def draw_aircraft(pen: ImageDraw.ImageDraw, aircraft: Aircraft, class_name: str) -> None:
    """Paints the far surfaces, the fuselage and the near surfaces, in this order."""
    surfaces = [(panel, aircraft.tail) for panel in TAILS[class_name](aircraft.tail_size)]
    x, y = aircraft.wing, -0.4 * aircraft.radius
    wings = _halves(x, y, 0.18, (x + 0.18, y + 0.03, 0.44), 0.05)
    surfaces += [(wing, aircraft.body) for wing in wings]
    surfaces += [(_cowling(*engine, aircraft.radius), aircraft.trim) for engine in aircraft.engines]
    surfaces.sort(key=lambda surface: _depth(surface[0]))
    for panel, paint in surfaces:
        if _depth(panel) <= 0:
            _draw_panel(pen, aircraft, panel, paint)
    _draw_fuselage(pen, aircraft)
    for panel, paint in surfaces:
        if _depth(panel) > 0:
            _draw_panel(pen, aircraft, panel, paint)


def tail_corners(aircraft: Aircraft, class_name: str) -> list[Pixel]:
    """Returns the canvas coordinates of the corners of an aircraft's tail."""
    panels = TAILS[class_name](aircraft.tail_size)
    return aircraft.pose.project(corner for panel in panels for corner in panel)


def _depth(panel: Panel) -> float:
    return sum(z for _, _, z in panel) / len(panel)


def _cowling(x: float, y: float, z: float, radius: float) -> Panel:
    front, back = 0.45 * radius, 0.27 * radius
    end = x + 0.09
    return ((x, y + front, z), (end, y + back, z), (end, y - back, z), (x, y - front, z))


def _draw_panel(pen: ImageDraw.ImageDraw, aircraft: Aircraft, panel: Panel, paint: Colour) -> None:
    """Fills a flat surface, shaded by its angle to the light, and outlines it."""
    corners = np.asarray(panel)
    normal = np.cross(corners[1] - corners[0], corners[-1] - corners[0])
    facing = abs(float(normal @ aircraft.light)) / float(np.linalg.norm(normal))
    fill = shade(paint, 0.6 + 0.5 * facing)
    edge = shade(fill, 1.7 if sum(fill) < 3 * DARK else 0.65)
    pen.polygon(aircraft.pose.project(panel), fill=fill, outline=edge, width=2)


def _draw_fuselage(pen: ImageDraw.ImageDraw, aircraft: Aircraft) -> None:
    project, radius = aircraft.pose.project, aircraft.radius
    x = np.linspace(0.0, 1.0, 41)
    nose = np.sqrt(1 - np.clip(1 - x / 0.15, 0, 1) ** 2)
    cone = np.clip((x - 0.66) / 0.34, 0, 1) ** 1.4
    crown = radius * (1.15 * nose - 0.15 - 0.3 * cone)
    keel = radius * (-0.85 * nose - 0.15 + 1.5 * cone)
    belly = 0.3 * crown + 0.7 * keel
    lower = [(a, b, 0.0) for a, b in zip(x, keel, strict=True)][::-1]
    for upper, light in ((crown, 1.0), (belly, 0.75)):
        outline = [(a, b, 0.0) for a, b in zip(x, upper, strict=True)] + lower
        pen.polygon(project(outline), fill=shade(aircraft.body, light))
    stripe = [(0.03, -0.1 * radius, 0.0), (0.93, 0.25 * radius, 0.0)]
    pen.line(project(stripe), fill=aircraft.trim, width=4)
    cockpit = [(0.03, 0.35 * radius, 0.0), (0.06, 0.7 * radius, 0.0), (0.08, 0.3 * radius, 0.0)]
    pen.polygon(project(cockpit), fill=PANE)
    for left in np.linspace(0.12, 0.78, aircraft.windows).tolist():
        pane = [(left, 0.3 * radius, 0.0), (left + 0.009, 0.55 * radius, 0.0)]
        pen.line(project(pane), fill=PANE, width=4)
