"""Writes tags into sounds with mutagen: a program of its own, for the Python that Debian's python3-mutagen belongs to.

One request a line on standard input, a JSON object: ``kind``, ``data``, ``picture`` in base64, ``tags`` or ``chunk``.
One answer a line on standard output: the file in base64. Imports stand in functions, for tests never import mutagen.
"""

import base64
import io
import json
import sys


def by_id3(kind, stream, tags, picture):
    from mutagen import id3, mp3, wave

    file = mp3.MP3(stream) if kind == "mp3" else wave.WAVE(stream)
    if file.tags is None:
        file.add_tags()
    for name, text in tags.items():
        known = getattr(id3, name, None)
        file.tags.add(known(encoding=1, text=[text]) if known else id3.TXXX(encoding=1, desc=name, text=[text]))
    if picture:
        file.tags.add(id3.APIC(encoding=1, mime="image/png", type=3, desc="cover", data=picture))
    return file


def by_comments(kind, stream, tags, picture):
    from mutagen import flac, oggopus

    file = flac.FLAC(stream) if kind == "flac" else oggopus.OggOpus(stream)
    for name, text in tags.items():
        file[name] = text
    if picture:
        block = flac.Picture()
        block.data, block.mime, block.type = picture, "image/png", 3
        if kind == "flac":
            file.add_picture(block)
        else:
            file["metadata_block_picture"] = [base64.b64encode(block.write()).decode()]
    return file


def by_atoms(kind, stream, tags, picture):
    from mutagen import mp4

    file = mp4.MP4(stream)
    for name, text in tags.items():
        if name[0] == "\xa9":
            file[name] = text
        else:
            file["----:com.apple.iTunes:" + name] = [mp4.MP4FreeForm(text.encode())]
    if picture:
        file["covr"] = [mp4.MP4Cover(picture, mp4.MP4Cover.FORMAT_PNG)]
    return file


def answer(asked):
    """The file that is asked for."""
    target = io.BytesIO(base64.b64decode(asked["data"]))
    if "chunk" in asked:
        from mutagen._riff import RiffFile

        RiffFile(target).insert_chunk(asked["chunk"], base64.b64decode(asked["body"]))
    else:
        writers = {"mp3": by_id3, "wav": by_id3, "flac": by_comments, "ogg": by_comments}
        write = writers.get(asked["kind"], by_atoms)
        tagged = write(asked["kind"], target, asked["tags"], base64.b64decode(asked["picture"]))
        target.seek(0)
        tagged.save(target)
    return target.getvalue()


if __name__ == "__main__":
    for line in sys.stdin:
        print(base64.b64encode(answer(json.loads(line))).decode(), flush=True)
