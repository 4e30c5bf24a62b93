"""What happens to media on their way to a viewer, as pure operations: one medium in, one of the same kind out.

``pixels`` and ``image_codecs`` take images, ``waveforms`` and ``sound_codecs`` sounds. Every operation has the form
``(medium, strength, random, **params)``; what the strength counts, and at which one nothing happens, is declared at the
door (``visavox.ports.perturbation``). All runs in memory and nothing is written: the harness measures what such
operations do to labels and marks, it offers no tool that removes them.
"""
