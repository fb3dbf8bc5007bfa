"""Messages of every type as each side writes them, and what the other side must be given.

One row a type: what a service posts, what amojo must then hold, what amojo sends, what the service must then be
given. A row says by name what is lost on the way; nothing is lost that no row names.
"""
import copy

URL = "https://files.example/r/81.bin"
WORDS = "words of it"

MEDIA = {"picture": {"name": "81.jpg", "size": 48210, "mime": "image/jpeg"},
         "video": {"name": "v.mp4", "size": 900000, "mime": "video/mp4", "duration": 12},
         "voice": {"name": "v.ogg", "size": 20480, "mime": "audio/ogg", "duration": 9},
         "audio": {"name": "a.mp3", "size": 300000, "mime": "audio/mpeg", "duration": 200},
         "file": {"name": "Счёт.pdf", "size": 1024, "mime": "application/pdf"},
         "sticker": {"name": "s.webp"}}
TYPES = ("text", "picture", "video", "voice", "audio", "file", "sticker", "location", "contact")
PLACE = {"lat": 55.755864, "lon": 37.617698}
CARD = {"name": "Отдел сервиса", "phone": "+70007654321"}


def service_body(kind, text=WORDS):
    """The parts of a connector's message that depend on its type."""
    body = {"type": kind, "text": text}
    if kind in MEDIA:
        body["media"] = {"url": URL, **MEDIA[kind]}
    if kind == "sticker":
        body["sticker_id"] = "sticker-42"
    if kind == "location":
        body["location"] = dict(PLACE)
    if kind == "contact":
        body["contact"] = dict(CARD)
    return body


def amo_message(kind, text=WORDS):
    """What `payload.message` must then be at amojo. Lost on this way: mime (amojo has no place for it)."""
    message = {"type": kind, "text": text}
    if kind in MEDIA:
        m = MEDIA[kind]
        message["media"] = URL
        message["file_name"] = m["name"]
        if "size" in m:
            message["file_size"] = m["size"]
        if "duration" in m:
            message["media_duration"] = m["duration"]
    if kind == "sticker":
        message["sticker_id"] = "sticker-42"
        del message["file_name"]
    if kind == "location":
        message["location"] = dict(PLACE)
    if kind == "contact":
        message["contact"] = dict(CARD)
    return message


def hook_message(kind, text=WORDS):
    """`message.message` of amojo's webhook."""
    message = {"type": kind, "text": text, "media": "", "thumbnail": "", "file_name": "", "file_size": 0}
    if kind in MEDIA:
        m = MEDIA[kind]
        message.update(media=URL, file_name=m["name"], file_size=m.get("size", 0))
        if kind in ("picture", "video"):
            message["thumbnail"] = URL + "?small"
        if "duration" in m:
            message["media_duration"] = m["duration"]
    if kind == "location":
        message["location"] = dict(PLACE)
    if kind == "contact":
        message["contact"] = dict(CARD)
    return message


def service_data(kind, text=WORDS):
    """What `data` of message.created must then hold. Lost on this way: nothing that amojo names."""
    data = {"type": kind, "text": text, "media": None, "location": None, "contact": None}
    if kind in MEDIA:
        m = MEDIA[kind]
        data["media"] = {"url": URL, "name": m["name"], "size": m.get("size"), "mime": None,
                         "duration": m.get("duration"), "group": None,
                         "thumbnail": URL + "?small" if kind in ("picture", "video") else None}
    if kind == "location":
        data["location"] = dict(PLACE)
    if kind == "contact":
        data["contact"] = dict(CARD)
    return data


def subset(want, got):
    """Where @got misses something of @want; None when it has it all."""
    for key, value in want.items():
        if isinstance(value, dict) and isinstance(got.get(key), dict):
            inner = subset(value, got[key])
            if inner:
                return f"{key}.{inner}"
        elif key not in got or got[key] != value or isinstance(got[key], bool) != isinstance(value, bool):
            return f"{key}: {got.get(key)!r} is not {value!r}"
    return None


def with_parts(body, **parts):
    body = copy.deepcopy(body)
    body.update(parts)
    return body
