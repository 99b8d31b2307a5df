"""Drawn scenes of printed marks: the training data of the bundled model.

``scenes`` composes a scene: ``backgrounds``, with ``clutter``, ``solids`` and ``hard_negatives`` on them, or ``photographs``; then
``placement`` puts marks on it, with ``print_effects``, and ``degradation`` adds light, blur, noise and compression.
"""
