"""Metrics: arrays in, frozen records out; no files, no configuration, no learning framework.

``error_rates`` and ``operating_points`` count, ``curves`` and ``linkability`` summarise, ``all_pairs`` does so for
galleries whose scores are too many to keep, ``intervals`` says how sure a figure is, ``permutation`` and
``multiplicity`` serve the instruments and the gate, ``planning`` says how many people a verdict needs. ``disclosure``
weighs scores as evidence, ``detection`` and ``tandem`` count what errors cost, ``score_tables`` gives such figures
their jackknife. ``presentation_attack``, ``detector_points``, ``calibration_error``, ``watermark`` and ``survival`` say
whether synthetic media can be told from bona fide ones, and still after they were shared. A figure that does not exist
for its input raises ``UndefinedMetricError``; it is never 0, 1 or NaN.

Scores are similarities: a comparison is accepted iff ``score >= threshold``. Rates are shares in [0, 1].
"""
