"""Who somebody is: the lengths, tones and seeds that distinguish one rendered face from another.

Lengths are in half picture widths; see `cdmer._faces.face` for the coordinates.
"""

from dataclasses import dataclass

import numpy as np

HAIR_STYLES = ("short", "long", "fringe", "swept", "bald", "cropped")


@dataclass(frozen=True)
class Identity:
    """What distinguishes one person's face; lengths in half picture widths."""

    head: float  # half width at the cheekbones
    jaw: float  # 0 square .. 1 pointed
    chin: float  # y of the chin
    skin: float  # albedo
    eye_x: float
    eye_y: float
    eye_width: float  # half width of the opening
    eye_height: float  # of the upper half of the opening
    eye_tilt: float
    crease: float  # distance of the lid crease above the upper lid
    iris: float  # albedo
    brow_y: float
    brow_arch: float
    brow_thickness: float
    brow_slope: float
    nose_y: float  # y of the tip
    nose_width: float
    nose_height: float
    mouth_y: float
    mouth_width: float  # half width
    upper_lip: float
    lower_lip: float
    lip: float  # albedo, as a fraction of the skin's
    bow: float  # how much the corners of the mouth hang (positive) or rise
    hair: float  # albedo
    hair_style: str
    hairline: float  # y of the hairline over the nose
    parting: float  # x of the parting
    beard: float  # 0 shaven .. 1 full
    glasses: float  # 0 none, else darkness of the rim
    age: float  # 0 smooth .. 1 lined
    asymmetry: float  # the left side moves by 1 + asymmetry, the right by 1 - asymmetry
    texture: int  # seed of pores, strands and freckles

    @classmethod
    def draw(cls, rng, hair_style, skin):
        """Draw a person; hair style and skin come from outside, so that a group can be mixed."""
        u = rng.uniform
        bearded = hair_style not in ("long", "fringe") and u() < 0.45
        dark_hair = u() < 0.45 + 0.55 * (skin < 0.4)
        eye_y, mouth_y = u(-0.24, -0.16), u(0.5, 0.57)
        return cls(
            head=u(0.74, 0.86),
            jaw=u(0.1, 0.75),
            chin=u(0.93, 1.04),
            skin=skin,
            eye_x=u(0.34, 0.39),
            eye_y=eye_y,
            eye_width=u(0.15, 0.18),
            eye_height=u(0.05, 0.08),
            eye_tilt=u(-0.03, 0.1),
            crease=u(0.02, 0.06),
            iris=u(0.03, 0.08) if skin < 0.45 or u() < 0.5 else u(0.12, 0.3),
            brow_y=eye_y - u(0.17, 0.25),
            brow_arch=u(0.02, 0.09),
            brow_thickness=u(0.022, 0.05),
            brow_slope=u(-0.06, 0.06),
            nose_y=u(0.15, 0.23),
            nose_width=u(0.1, 0.15),
            nose_height=u(0.2, 0.34),
            mouth_y=mouth_y,
            mouth_width=u(0.25, 0.33),
            upper_lip=u(0.035, 0.07),
            lower_lip=u(0.055, 0.095),
            lip=u(0.55, 0.8),
            bow=u(-0.02, 0.025),
            hair=u(0.02, 0.07) if dark_hair else u(0.1, 0.42),
            hair_style=hair_style,
            hairline=u(-0.86, -0.72),
            parting=u(-0.4, 0.4),
            beard=u(0.35, 1.0) if bearded else 0.0,
            glasses=u(0.6, 0.95) if u() < 0.25 else 0.0,
            age=u(0.0, 1.0) ** 1.5,
            asymmetry=u(-0.15, 0.15),
            texture=int(rng.integers(2**31)),
        )


def draw_identities(n, rng):
    """Draw `n` people with mixed hair styles and skin tones."""
    styles = np.concatenate([rng.permutation(HAIR_STYLES) for _ in range(-(-n // 6))])[:n]
    skins = 0.2 + 0.5 * (rng.permutation(n) + rng.uniform(size=n)) / n
    return [Identity.draw(rng, str(a), float(b)) for a, b in zip(styles, skins, strict=True)]
