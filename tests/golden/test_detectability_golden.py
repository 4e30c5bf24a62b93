"""Numbers that must never move: METRICS 28 (bits needed), exact tails, ISO points worked by hand."""

import pytest

from visavox.core.errors import UndefinedMetricError
from visavox.metrics import presentation_attack, watermark


@pytest.mark.parametrize(
    ("n_bits", "needed"),
    [(16, (14, 15, None)), (32, (24, 26, 30)), (48, (33, 36, 41)), (96, (60, 64, 72))],
)
def test_bits_needed(n_bits: int, needed: tuple[int | None, ...]) -> None:
    for target, matches in zip((1e-2, 1e-3, 1e-6), needed, strict=True):
        if matches is None:
            with pytest.raises(UndefinedMetricError, match=r"reaches FPR 1\.53e-05"):
                watermark.bits_needed(n_bits, target)
        else:
            assert watermark.bits_needed(n_bits, target) == matches


def test_a_mark_is_refused_up_to_the_fpr_it_reaches_and_no_further() -> None:
    assert watermark.bits_needed(16, 2**-16) == 16
    with pytest.raises(UndefinedMetricError, match="20 bits at least"):
        watermark.bits_needed(16, 1e-6)
    assert watermark.bits_needed(20, 1e-6) == 20


@pytest.mark.parametrize(
    ("matched", "n_bits", "p_value"), [(16, 16, 2**-16), (14, 16, 137 / 65536), (0, 8, 1.0), (96, 96, 2**-96)]
)
def test_exact_tails(matched: int, n_bits: int, p_value: float) -> None:
    assert watermark.bit_test_p_value(matched, n_bits) == p_value


def test_points_of_iso_30107_by_hand() -> None:
    """Thirty attacks of each species: of 'soft' three lie at .2, below all others; of 'hard' four lie at .1."""
    attacks = {"soft": [0.2] * 3 + [0.6] * 27, "hard": [0.1] * 4 + [0.9] * 26}
    bona_fide = [0.05, 0.15, 0.3, 0.7]
    found = presentation_attack.presentation_errors(bona_fide, attacks, 0.5)
    assert (found.apcer, found.worst_species, found.bpcer) == (4 / 30, "hard", 1 / 4)
    assert [row.n_passed for row in found.species] == [4, 3]
    ten = presentation_attack.bpcer_at_apcer(bona_fide, attacks, 0.1)
    assert (ten.threshold, ten.bpcer, ten.apcer) == (0.1, 3 / 4, 0.0)
    alone = presentation_attack.bpcer_at_apcer(bona_fide, {"soft": attacks["soft"]}, 0.1)
    assert (alone.threshold, alone.bpcer, alone.apcer) == (0.6, 1 / 4, 0.1)
    with pytest.raises(UndefinedMetricError, match="rule of 3"):
        presentation_attack.bpcer_at_apcer(bona_fide, attacks, 0.05)
    assert presentation_attack.BPCER_POINTS == {"bpcer10": 0.1, "bpcer20": 0.05, "bpcer100": 0.01}
