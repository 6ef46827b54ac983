"""Any decoded picture, turned upright and brought to 8-bit sRGB on white.

In: a loaded Pillow image of any mode. Out: a new RGB image without metadata, and notes for people.
Reads no file and checks no limits.
"""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from core.errors import ImageRefused

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
        notes.append("Its 16 bits per channel were reduced to 8.")
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
