"""Synthetic speakers: voices that are pure functions of whole numbers and belong to nobody.

``parameters`` draws the numbers, ``sentences`` the words, ``espeak`` lets eSpeak NG speak them in a voice of these
numbers, ``acoustics`` scales the vocal tract, colours the timbre and puts the voice into a room, ``utterances`` makes
a sound of all that, and ``speakers`` a data set.
"""
