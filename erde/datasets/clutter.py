"""Cluttered digits: a digit on a colour canvas among fragments of other digits, with noise.

The idea is cluttered MNIST (Mnih et al., 2014, "Recurrent Models of Visual Attention"). Here each
image has a difficulty d in 0 … 1 that scales everything that makes it hard to read, so that easy
images can be told at an early exit and hard ones cannot.

Letters in the shapes: M source digits, N images, S side of the canvas in pixels.
"""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

# Each pair is the value at d = 0 and at d = 1; digit sides are shares of the canvas's side.
FRAGMENTS = (0.0, 6.0)
FRAGMENT_STRENGTH = (0.4, 0.7)  # how far from background to foreground a fragment's colour lies
SMALLEST_SIDE = (0.65, 0.50)
LARGEST_SIDE = (0.80, 0.80)
ROTATION_DEGREES = (6.0, 24.0)
SHEAR = (0.05, 0.30)
CONTRAST = (0.75, 0.35)
NOISE = (0.02, 0.08)
TINT = 0.2
WINDOW = 4.0  # side of a fragment, in pixels of its 8×8 source
OVERHANG = 0.4  # how far a fragment's digit may leave the canvas, as a share of its side


def compose(
    sources: Float32,
    targets: NDArray[np.int64],
    difficulty: NDArray[np.floating],
    canvas: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One image per target, with fragments of other sources behind it.

    Args:
        sources: ink of the source digits, 0 (none) … 1, ``(M, 8, 8)``, M ≥ 2.
        targets: which source each image shows whole, ``(N,)``.
        difficulty: d of each image, 0 … 1, ``(N,)``.
        canvas: S.
        rng: makes every random choice.

    Returns:
        uint8 RGB ``(N, S, S, 3)``.
    """
    d = np.asarray(difficulty, np.float32)
    background, foreground = _colours(d, rng)
    images = np.broadcast_to(background[:, None, None], (len(d), canvas, canvas, 3)).copy()
    strength = _between(FRAGMENT_STRENGTH, d)[:, None]
    fragment_colour = background + strength * (foreground - background)
    fragments = np.rint(_between(FRAGMENTS, d))
    for k in range(int(fragments.max(initial=0))):
        others = (targets + rng.integers(1, len(sources), len(d))) % len(sources)
        grid = _source_grid(d, canvas, OVERHANG, rng)
        ink = _ink(sources, others, grid) * _inside_window(grid, rng)
        ink[fragments <= k] = 0
        _paint(images, ink, fragment_colour)
    _paint(images, _ink(sources, targets, _source_grid(d, canvas, 0.0, rng)), foreground)
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    images += _between(NOISE, d)[:, None, None, None] * noise
    pixels: NDArray[np.uint8] = np.rint(images.clip(0, 1) * 255).astype(np.uint8)
    return pixels


def _between(ends: tuple[float, float], d: Float32) -> Float32:
    return np.float32(ends[0]) + d * np.float32(ends[1] - ends[0])


def _uniform(
    low: Float32 | float, high: Float32 | float, shape: int, rng: np.random.Generator
) -> Float32:
    return (low + (high - low) * rng.random(shape, dtype=np.float32)).astype(np.float32)


def _colours(d: Float32, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Background and foreground (N, 3): brightness apart by the contrast, hues at random."""
    contrast = _between(CONTRAST, d)
    dark = _uniform(0.0, 1.0 - contrast, len(d), rng)
    brightness = np.stack([dark, dark + contrast])
    swap = rng.random(len(d)) < 0.5
    brightness[:, swap] = brightness[::-1, swap]
    tint = rng.uniform(-TINT, TINT, (2, len(d), 3)).astype(np.float32)
    # A tint without brightness of its own leaves the contrast as it was drawn.
    tint -= tint.mean(axis=-1, keepdims=True)
    background, foreground = (brightness[..., None] + tint).clip(0, 1)
    return background, foreground


def _source_grid(d: Float32, canvas: int, overhang: float, rng: np.random.Generator) -> Float32:
    """Position of each canvas pixel on the 8×8 source (N, 2, S, S), in source pixels.

    The digit's square lies at random with at most ``overhang`` of its side beyond the canvas.
    """
    side = canvas * _uniform(_between(SMALLEST_SIDE, d), _between(LARGEST_SIDE, d), len(d), rng)
    reach = (0.5 - overhang) * side
    centre = np.stack([_uniform(reach, canvas - reach, len(d), rng) for _ in range(2)], axis=1)
    turn = np.deg2rad(_between(ROTATION_DEGREES, d)) * _uniform(-1.0, 1.0, len(d), rng)
    shear = _between(SHEAR, d) * _uniform(-1.0, 1.0, len(d), rng)
    cos, sin = np.cos(turn), np.sin(turn)
    inverse = np.stack([cos, -sin, sin + shear * cos, cos - shear * sin], axis=1).reshape(-1, 2, 2)
    inverse *= (8 / side)[:, None, None]
    pixels = np.stack(np.meshgrid(*[np.arange(canvas) + 0.5] * 2, indexing="ij")).astype(np.float32)
    offset = pixels[None] - centre[:, :, None, None]
    grid: Float32 = np.einsum("nij,njyx->niyx", inverse, offset) + 3.5
    return grid


def _ink(sources: Float32, chosen: NDArray[np.int64], grid: Float32) -> Float32:
    """Ink (N, S, S) of the chosen sources at ``grid``: bilinear, with sharpened edges."""
    padded = np.pad(sources, ((0, 0), (1, 1), (1, 1)))
    at = (grid + 1).clip(0, 8.999)
    corner = at.astype(np.int64)
    fy, fx = np.moveaxis(at - corner, 1, 0)
    y, x = np.moveaxis(corner, 1, 0)
    n = chosen[:, None, None]
    top = padded[n, y, x] * (1 - fx) + padded[n, y, x + 1] * fx
    bottom = padded[n, y + 1, x] * (1 - fx) + padded[n, y + 1, x + 1] * fx
    blurred = top * (1 - fy) + bottom * fy
    # Interpolating 8×8 leaves wide soft edges; a smoothstep gives back the look of a stroke.
    steep: Float32 = ((blurred - 0.2) / 0.5).clip(0, 1)
    return steep * steep * (3 - 2 * steep)


def _inside_window(grid: Float32, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which pixels lie in a random window of the source: what makes a digit a fragment."""
    start = rng.uniform(0.0, 8 - WINDOW, (len(grid), 2)).astype(np.float32)[..., None, None]
    inside = (grid + 0.5 >= start) & (grid + 0.5 < start + WINDOW)
    both: NDArray[np.bool_] = np.asarray(inside.all(axis=1))
    return both


def _paint(images: Float32, ink: Float32, colour: Float32) -> None:
    """Lay ``colour`` (N, 3) over ``images`` in place, as opaque as there is ink."""
    images += ink[..., None] * (colour[:, None, None] - images)
