"""Safe decoding: any file a person offers becomes an upright RGB picture, or one plain refusal.

In: a path or the bytes of a file. Out: `OpenedImage` (8-bit RGB, sRGB, upright, on white, no
metadata) or `ImageRefused` with the reason and the remedy. Knows no page, model or tensor.

`open_image` is the door for everybody: it has the file decoded in a child process. `decode_image`
is what runs there. Limits are ours (`ImageLimits`), checked against the header and the container
before anything is decoded. Pillow's own limit stays as it is. Two warning filters are set once,
below, for the whole process, because a filter per call is not safe with several threads: its word
about large pictures becomes an error, and its complaints about malformed EXIF, which never cost a
picture, are not printed.
"""

from __future__ import annotations

import functools
import hashlib
import operator
import os
import re
import stat
import struct
import unicodedata
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageCms, UnidentifiedImageError

from core.collection.images.container_limits import LIMITS, ImageLimits, check_container, still_of
from core.collection.images.decoding_process import (
    DECODING,
    POOL,
    Decoded,
    DecodingLimits,
    never,
    out_of_memory,
)
from core.collection.images.file_types import FORMATS, sniff, webp_size
from core.collection.images.tiff import PROFILE, TiffForm, plane, tiff_form, with_black_zero
from core.errors import ImageRefused

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")

_MIB = 1024 * 1024
_REDUCED = "Its 16 bits per channel were reduced to 8."
_DAMAGED = "The file is damaged or incomplete. Copy, download or export the picture again."


@dataclass(frozen=True)
class OpenedImage:
    """A decoded picture; `sha256` is that of the file's bytes, `notes` are sentences to show.

    Of a motion photo whose film is too large to be read, it is that of the still.
    """

    image: Image.Image
    sha256: str
    width: int
    height: int
    notes: tuple[str, ...] = ()


def open_image(
    source: Path | bytes,
    name: str = "",
    limits: ImageLimits = LIMITS,
    *,
    decoding: DecodingLimits = DECODING,
    cancelled: Callable[[], bool] = never,
) -> OpenedImage:
    """Decode the first picture in `source`; `name` only serves the note on a misleading ending.

    The one door for files of strangers: decoding happens in a child process under the limits of
    `decoding`, so that no file can stall this one. Raises `ImageRefused`; `DecodingCancelled`
    soon after `cancelled` says so.
    """
    data = _read(source, limits)
    shown_name = name or (source.name if isinstance(source, Path) else "")
    kind = sniff(data)
    decoded = POOL.decode(data, limits, decoding, cancelled)
    picture, notes = decoded.image, (*_name_notes(shown_name, kind), *decoded.notes)
    if min(picture.size) < limits.small_side:
        notes += (f"The picture is very small ({picture.width} x {picture.height} pixels).",)
    digest = hashlib.sha256(data).hexdigest()
    return OpenedImage(picture, digest, picture.width, picture.height, notes)


def decode_image(data: bytes, limits: ImageLimits = LIMITS) -> Decoded:
    """Decode right here, without limits of time and memory: what the child process runs."""
    kind = sniff(data)
    if kind == "WEBP" and (claimed := webp_size(data)) is not None:
        _check_size(*claimed, limits)
    try:
        check_container(data, kind, limits)
        return _decode(data, kind, limits)
    except ImageRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(limits) from error
    except MemoryError as error:
        raise out_of_memory() from error
    except Exception as error:
        # hostile bytes make decoders raise anything at all (struct.error, KeyError, SyntaxError…)
        raise ImageRefused(_DAMAGED) from error


def to_square(image: Image.Image, size: int) -> Image.Image:
    """The rule for every model input: keep the central square, scale it to size x size, Lanczos.

    Nothing is stretched: of a 3:2 picture the outer sixth on either side is lost.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    centre = image.crop((left, top, left + side, top + side)).convert("RGB")
    return centre.resize((size, size), Image.Resampling.LANCZOS)


_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}


def safe_filename(name: str, longest: int = 100) -> str:
    """A name that is one plain file on any system: no folders, controls or markup; never empty.

    Letters of every script stay. At most `longest` characters and 200 bytes, the ending kept.
    """
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    last = re.split(r"[/\\]|%2f|%5c", text, flags=re.IGNORECASE)[-1]
    kept = "".join(" " if letter.isspace() else letter for letter in last)
    kept = "".join(letter for letter in kept if unicodedata.category(letter)[0] != "C")
    kept = re.sub(r'[<>:"|?*&%#;`$\'=]+', "_", kept)
    kept = re.sub(r" +", " ", kept).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    if not dot or not stem or len(ending) > 8:
        stem, dot, ending = kept, "", ""
    if stem.lower().split(".")[0] in _RESERVED:
        stem = f"_{stem}"
    stem = stem[: max(1, longest - len(dot + ending))]
    while len((stem + dot + ending).encode("utf-8")) > 200:
        stem = stem[:-1]
    return (stem.rstrip(" .") or "picture") + dot + ending


def read_regular(path: Path, most: int) -> bytes | None:
    """At most `most` bytes of a regular file; None for anything else, which is never waited for.

    The name is looked at before it is opened, because opening a device can do something, and what
    was opened is looked at again, because a name can change between the two. Raises `OSError`;
    `ValueError` for a name that cannot be one.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    flags = (getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_CLOEXEC"))
    handle = os.open(path, functools.reduce(operator.or_, flags, os.O_RDONLY))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return stream.read(most) or b""


def _read(source: Path | bytes, limits: ImageLimits) -> bytes:
    data: bytes | None
    if isinstance(source, bytes):
        data = source
    else:
        try:
            data = read_regular(source, limits.max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError):
            data = None
        except (OSError, ValueError) as error:
            raise ImageRefused(
                "The file could not be read. Check that you may open it, then choose it again."
            ) from error
    if data is None:
        raise ImageRefused("There is no such file. Check its name and choose it again.")
    if len(data) > limits.max_bytes:
        still = still_of(data, limits)
        if still is not None and len(still) <= limits.max_bytes:
            return still
        raise ImageRefused(
            f"The file is larger than {limits.max_bytes / _MIB:.3g} MiB. "
            "Reduce the picture or save it as JPEG, then choose it again."
        )
    return data


def _decode(data: bytes, kind: str, limits: ImageLimits) -> Decoded:
    form = tiff_form(data) if kind == "TIFF" else None
    if form is not None and form.is_planar_colour:
        return _decode_planes(data, form, limits)
    if form is not None and form.is_white_zero:
        data = with_black_zero(data, form)
    try:
        image = Image.open(BytesIO(data), formats=[kind])
    except UnidentifiedImageError as error:
        if form is None:
            raise
        raise ImageRefused(
            f"The TIFF is damaged, or stores its colours in a way that is not supported "
            f"({form.colours}). Export it with 8 or 16 bits per channel, or as PNG."
        ) from error
    with image as opened:
        _check_size(*opened.size, limits)
        animated = bool(getattr(opened, "is_animated", False))
        if animated:
            opened.seek(0)
        opened.load()
        notes: tuple[str, ...] = ()
        if animated:
            whole = "page" if kind == "TIFF" else "frame"
            notes += (f"The file holds several {whole}s; the first one is used.",)
        turned, turn_notes = upright(opened)
        if form is not None:
            turned = _levelled(turned, form)
        picture, colour_notes = to_rgb(turned)
    return Decoded(picture, (*notes, *turn_notes, *colour_notes))


def _decode_planes(data: bytes, form: TiffForm, limits: ImageLimits) -> Decoded:
    """Colours of which one plane follows another."""
    planes: list[Image.Image] = []
    notes: tuple[str, ...] = ()
    modes = {2: {0: "RGB", 1: "RGBa", 2: "RGBA"}.get(form.alpha, "RGB"), 5: "CMYK"}
    mode = modes.get(form.photometric)
    if mode is None or form.samples < len(mode):
        raise ImageRefused(
            f"The TIFF stores its colours in a way that is not supported ({form.colours}, in "
            "planes). Export it with 8 bits per channel, or as PNG."
        )
    for number in range(len(mode)):
        with Image.open(BytesIO(plane(data, form, number)), formats=["TIFF"]) as opened:
            _check_size(*opened.size, limits)
            opened.load()
            turned, notes = upright(opened)
            planes.append(turned if turned.mode == "L" else _to_eight_bits(turned))
    whole = Image.merge(mode, planes)
    if PROFILE in form.tags:
        whole.info["icc_profile"] = bytes(form.tags[PROFILE])
    picture, colour_notes = to_rgb(whole)
    reduced = (_REDUCED,) if form.bits > 8 else ()
    return Decoded(picture, (*notes, *reduced, *colour_notes))


def _levelled(image: Image.Image, form: TiffForm) -> Image.Image:
    """Grey of more than 8 bits on the scale that its TIFF means, where Pillow's mode hides it."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if form.bits == 12:
        values = (values.astype(np.uint32) * 65535 // 4095).astype(np.uint16)
    elif form.bits == 32 and form.sample_format == 1:
        unsigned = values.astype(np.int32).view(np.uint32)
        is_wide = int(unsigned.max(initial=0)) > 65535
        values = (unsigned >> 16 if is_wide else unsigned).astype(np.uint16)
    elif form.bits == 16 and form.sample_format == 2:  # its white is 32767
        values = (np.clip(values, 0, 32767).astype(np.uint32) * 65535 // 32767).astype(np.uint16)
    elif not form.is_white_zero:
        return image
    grey = Image.fromarray(values)
    grey.info = dict(image.info)
    if not form.is_white_zero:
        return grey
    dark = ImageChops.invert(_to_eight_bits(grey))
    return Image.fromarray(np.asarray(dark).astype(np.uint16) * 257)


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if width * height > limits.max_pixels:
        raise _too_many_pixels(limits, f" ({width} x {height})")
    if width <= 0 or height <= 0:
        raise ImageRefused(_DAMAGED)
    if min(width, height) < limits.min_side:
        raise ImageRefused(
            f"The picture is too small or too narrow ({width} x {height} pixels); each side needs "
            f"at least {limits.min_side}. Choose a larger one."
        )
    if max(width, height) > limits.max_aspect * min(width, height):
        raise ImageRefused(
            f"The picture is too narrow ({width} x {height} pixels): one side may be at most "
            f"{limits.max_aspect:g} times the other. Crop it and try again."
        )


def _too_many_pixels(limits: ImageLimits, size: str = "") -> ImageRefused:
    return ImageRefused(
        f"The picture has too many pixels{size}; at most {limits.max_pixels / 1e6:g} million are "
        "taken. Reduce it and choose it again."
    )


_ENDINGS = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "jpe": "JPEG",
    "jfif": "JPEG",
    "tif": "TIFF",
} | {name.lower(): name for name in FORMATS}


def _name_notes(name: str, kind: str) -> tuple[str, ...]:
    claimed = _ENDINGS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if claimed is None or claimed == kind:
        return ()
    return (f"The name says {claimed}, the content is {kind}; the content counts.",)


# --- colour and orientation ----------------------------------------------------------------------

ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "CMYK": "CMYK", "L": "GRAY"}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_EXIF_FAULTS = (  # all that a malformed block was seen to raise; it never costs the picture
    *(OSError, ValueError, TypeError, LookupError, SyntaxError, ArithmeticError, AttributeError),
    *(EOFError, MemoryError, RuntimeError, UserWarning, struct.error),
)
_WHITE = (255, 255, 255)


def upright(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Apply the orientation the camera wrote; malformed EXIF counts as none."""
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
        turn = _TURNS.get(orientation)
    except _EXIF_FAULTS:
        turn = None
    if turn is None:
        return image, ()
    turned = image.transpose(turn)
    turned.info = dict(image.info)
    return turned, ("The picture was turned upright, as its camera asked.",)


def to_rgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """8-bit sRGB on white, without metadata."""
    notes: list[str] = []
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        image, profile = _to_eight_bits(image), None
        notes.append(_REDUCED)
    image, alpha = _split_alpha(image)
    colour, profiled = _through_profile(image, profile)
    if profiled:
        notes.append("Its colour profile was converted to sRGB.")
    elif image.mode == "CMYK":
        notes.append("Its printing colours (CMYK) were converted to screen colours.")
    flat = Image.new("RGB", image.size, _WHITE)
    flat.paste(colour, (0, 0), alpha)
    if alpha is not None:
        darkest, _ = alpha.getextrema()
        if alpha.getbbox() is None:
            notes.append("The picture is wholly transparent: it shows plain white.")
        elif isinstance(darkest, int | float) and darkest < 255:
            notes.append("Its transparent parts were laid on white.")
    return flat, tuple(notes)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, or floating point, to 8 bits by one fixed scale per mode."""
    values = np.asarray(image)
    if image.mode == "F":
        finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        top = float(finite.max(initial=0.0))
        full = 1.0 if top <= 1.0 else 255.0 if top <= 255.0 else max(65535.0, top)
        grey = np.clip(finite / full * 255.0, 0, 255)
    elif image.mode == "I" and int(values.max(initial=0)) > 65535:
        grey = np.clip(values, 0, None) >> 23
    else:
        grey = np.clip(values, 0, 65535) >> 8
    return Image.fromarray(grey.astype(np.uint8))


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour and coverage apart; coverage is None where the file has none."""
    premultiplied = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    if premultiplied is not None:
        image = image.convert(premultiplied)
    if image.mode == "LA":
        return image.getchannel("L"), image.getchannel("A")
    if image.mode != "RGBA" and (image.mode == "PA" or "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        return image.convert("RGB"), image.getchannel("A")
    if image.mode == "1":
        return image.convert("L"), None
    if image.mode in ("RGB", "L", "CMYK"):
        return image, None
    try:
        return image.convert("RGB"), None
    except ValueError as error:
        raise ImageRefused(
            f"The picture's colours are of a kind ({image.mode}) that is not supported. "
            "Export it as PNG or JPEG and choose it again."
        ) from error


def _through_profile(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """RGB, and whether an embedded profile changed it; a broken or foreign profile is ignored."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            fits = source.profile.xcolor_space == _SPACES.get(image.mode)
            if fits and "srgb" not in (source.profile.profile_description or "").lower():
                converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
                if converted is not None:
                    return converted, True
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image if image.mode == "RGB" else image.convert("RGB"), False
