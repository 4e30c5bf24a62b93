"""What a file can give away, and which fields give it away.

References:
    Exif 3.0 (CIPA DC-008); ISO 16684-1 (XMP); IPTC-IIM 4.2; IPTC Photo Metadata 2023; Metadata Working Group 2.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final


class Leak(StrEnum):
    """What a file gives away.

    ``thumbnail_unedited``: an embedded picture shows the unedited one. ``thumbnail_differs``: it plainly is not the
    output, and what it shows is not known. ``embedded_picture``: a sound's file holds a picture. ``unreadable``: a part
    of the file is damaged or beyond the bounds.
    """

    GPS = "gps"
    SERIAL_NUMBER = "serial_number"
    PERSON_NAME = "person_name"
    UNIQUE_ID = "unique_id"
    THUMBNAIL_UNEDITED = "thumbnail_unedited"
    THUMBNAIL_DIFFERS = "thumbnail_differs"
    EMBEDDED_PICTURE = "embedded_picture"
    UNREADABLE = "unreadable"


EXIF_LEAKS: Final[Mapping[int, Leak]] = {
    0x013B: Leak.PERSON_NAME,  # Artist
    0x9C9D: Leak.PERSON_NAME,  # XPAuthor
    0xA430: Leak.PERSON_NAME,  # CameraOwnerName
    0xA437: Leak.PERSON_NAME,  # Photographer
    0xA438: Leak.PERSON_NAME,  # ImageEditor
    0xA431: Leak.SERIAL_NUMBER,  # BodySerialNumber
    0xA435: Leak.SERIAL_NUMBER,  # LensSerialNumber
    0xC62F: Leak.SERIAL_NUMBER,  # CameraSerialNumber
    0xA420: Leak.UNIQUE_ID,  # ImageUniqueID
    0xC65D: Leak.UNIQUE_ID,  # RawDataUniqueID
}
XMP_LEAKS: Final[Mapping[Leak, Mapping[str, Sequence[str]]]] = {
    Leak.GPS: {
        "http://ns.adobe.com/exif/1.0/": ("GPSLatitude", "GPSLongitude", "GPSDestLatitude", "GPSDestLongitude"),
    },
    Leak.SERIAL_NUMBER: {
        "http://ns.adobe.com/exif/1.0/aux/": ("SerialNumber", "LensSerialNumber"),
        "http://cipa.jp/exif/1.0/": ("BodySerialNumber", "LensSerialNumber"),
        "http://ns.microsoft.com/photo/1.0/": ("CameraSerialNumber",),
    },
    Leak.PERSON_NAME: {
        "http://purl.org/dc/elements/1.1/": ("creator",),
        "http://ns.adobe.com/tiff/1.0/": ("Artist",),
        "http://ns.adobe.com/exif/1.0/aux/": ("OwnerName",),
        "http://cipa.jp/exif/1.0/": ("CameraOwnerName", "Photographer", "ImageEditor"),
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": ("PersonInImage", "PersonInImageWDetails"),
        "http://www.metadataworkinggroup.com/schemas/regions/": ("Name",),
        "http://ns.microsoft.com/photo/1.2/t/Region#": ("PersonDisplayName",),
        "http://ns.useplus.org/ldf/xmp/1.0/": ("ImageCreatorName",),
    },
    Leak.UNIQUE_ID: {
        "http://ns.adobe.com/xap/1.0/mm/": ("DocumentID", "OriginalDocumentID", "InstanceID"),
        "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": ("documentID", "originalDocumentID", "instanceID"),
        "http://ns.adobe.com/exif/1.0/": ("ImageUniqueID",),
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": ("DigImageGUID",),
    },
}
IPTC_LEAKS: Final[Mapping[tuple[int, int], Leak]] = {
    (1, 100): Leak.UNIQUE_ID,  # unique name of object
    (2, 80): Leak.PERSON_NAME,  # by-line
    (2, 118): Leak.PERSON_NAME,  # contact
    (2, 122): Leak.PERSON_NAME,  # writer
}
