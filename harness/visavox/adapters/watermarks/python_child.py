"""The process that runs a vendor's Python decoder: ``python -m visavox.adapters.watermarks.python_child``.

One line of JSON in, one out. What the decoder prints goes to standard error; only the first descriptor carries answers.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO


def main() -> None:
    """Entry of the process."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    decoder: Any = None
    for line in sys.stdin.buffer:
        order = json.loads(line)
        try:
            if decoder is None:
                decoder = _load(order)
                _answer(answers, {"ready": True})
            else:
                _answer(answers, _read(decoder, Path(order["path"])))
        except BaseException as error:  # noqa: BLE001 - foreign code: whatever it raises is its answer
            traceback.print_exc()
            _answer(answers, {"failed": f"raised {type(error).__qualname__}: {error}"[:500]})
            if decoder is None:
                return


def _answer(answers: BinaryIO, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()


def _load(order: dict[str, Any]) -> Any:
    place, _, name = order["entry"].rpartition(":")
    if place.endswith(".py"):
        sys.path.insert(0, str(Path(place).resolve().parent))
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        if spec is None or spec.loader is None or not Path(place).is_file():
            raise FileNotFoundError(f"there is no file {place}")
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(spec.name, module)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    artifact = order["artifact"]
    load: Any = getattr(module, name)
    decoder = load(
        device=order["device"], artifact=None if artifact is None else Path(artifact), params=dict(order["params"])
    )
    if not callable(getattr(decoder, "decode", None)):
        raise TypeError(f"a {type(decoder).__qualname__} was loaded, which has no method decode")
    return decoder


def _read(decoder: Any, path: Path) -> dict[str, Any]:
    from visavox.media.audio import decode_audio
    from visavox.media.image import decode_image

    data = path.read_bytes()
    (found,) = decoder.decode([decode_audio(data) if path.suffix == ".wav" else decode_image(data)])
    if isinstance(found, tuple) and len(found) == 2 and hasattr(found[0], "__len__"):
        return {"bits": [int(bit) for bit in found[0]], "score": float(found[1])}
    if hasattr(found, "__len__"):
        return {"bits": [int(bit) for bit in found]}
    return {"score": float(found)}


if __name__ == "__main__":
    main()
