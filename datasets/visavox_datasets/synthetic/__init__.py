"""Synthetic people: faces that are pure functions of whole numbers and depict nobody.

``parameters`` draws the numbers, ``shapes`` and ``features`` model the head as a signed distance field, ``colours``
paints it, ``tracing`` and ``shading`` make a picture of it, ``faces`` takes the photograph. Head space is
right-handed, in centimetres: x to the viewer's right, y up, z towards the camera; the origin lies between the eyes,
above the ear canals.
"""
