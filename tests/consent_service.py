"""The service of ``service.py`` with a check of consent tokens: ``/consent-CHECK``, see ``consent_editors.Checker``.

``python tests/consent_service.py LOG PEOPLE``
"""

from __future__ import annotations

import sys

from consent_editors import Checker
from service import Service, main, picture, png

from visavox.editor import EditRequest, Refused


class ConsentService(Service):
    """Looks at the token in the form as a service would."""

    n_people = 0

    def check(self, name: str) -> None:
        asked = EditRequest("", "face-anonymisation", 0, {"subject": picture(self.image)}, self.texts.get("consent"))
        (found,) = Checker(name, self.n_people).edit([asked])
        if isinstance(found, Refused):
            self.say(403, refused=f"{found.reason}: {asked.consent}")
        else:
            self.answer(200, "image/png", png(found))  # type: ignore[arg-type]

    def on_consent_withdrawal(self) -> None:
        self.check("withdrawal")

    def on_consent_letters(self) -> None:
        self.check("letters")


if __name__ == "__main__":
    ConsentService.n_people = int(sys.argv.pop(2))
    main(ConsentService)
