"""Messages with every part that is only shown, and odd values for it: shared by the tests of ingress and of the whole bridge."""
import copy

FAMILY = "👨‍👩‍👧‍👦"
ODD = [7, -1, 3.72, 1e300, True, [], [1], {}, {"a": None}, "", "x" * 3000, "Ж" * 40000, "\x00\n", "data:image/jpeg;base64,/9j/4AAQ",
       "tg://user?id=500", "http://", "79005550101,79005550102", "\ud800"]
BASE = {"source": "wa1", "conversation": {"id": "c"}, "sender": {"id": "c"}, "type": "text", "text": "сколько стоит?"}
FILE = dict(BASE, type="voice", text="послушай", media={"url": "https://files.example.com/a.ogg"})
OUT = dict(BASE, direction="out", receiver={"id": "c"}, sender={})
POST = dict(BASE, post={"id": "17890001", "url": "https://www.instagram.com/p/CoDe123/"})
SHARED = dict(BASE, shared_post={"url": "https://example.com/p"})
QUOTE = dict(BASE, reply_to={"id": "q"})
FORWARD = dict(BASE, forward={"id": "f", "media": {"url": "https://files.example.com/f.jpg"}})
# every part that is only shown, in a message that is good without it
SHOWN = ([(BASE, f"sender.{k}") for k in ("name", "phone", "email", "avatar", "profile_link")]
         + [(FILE, f"media.{k}") for k in ("name", "size", "mime", "duration", "thumbnail", "group")]
         + [(OUT, "sender"), (OUT, "sender.id"), (OUT, "sender.name"), (OUT, "sender.avatar")]
         + [(OUT, f"receiver.{k}") for k in ("name", "phone", "email")]
         + [(POST, f"post.{k}") for k in ("id", "url", "preview_url", "preview_permalink", "username", "caption")]
         + [(SHARED, f"shared_post.{k}") for k in ("url", "preview_link", "preview_permalink", "site_name")]
         + [(QUOTE, f"reply_to.{k}") for k in ("id", "type", "text", "author", "sent_at")]
         + [(FORWARD, f"forward.{k}") for k in ("id", "type", "text", "author", "sent_at", "media", "media.url", "media.name",
                                               "media.size")]
         + [(BASE, k) for k in ("sent_at", "silent", "callback_data", "sticker_id", "reply_to", "forward", "post", "shared_post")])


def with_part(body, path, value):
    body = copy.deepcopy(body)
    *way, last = path.split(".")
    at = body
    for key in way:
        at = at.setdefault(key, {})
    at[last] = value
    return body



# the same of a webhook
AMO_ODD = [None, 7, -1, 3.72, 1e300, 2**70, True, [], [1], {}, {"a": {"b": None}}, "", "x" * 30000, "\x00\ud800", [[{"text": {}}]],
       {"message": {"id": [], "text": {}}}, {"messages": [None, 7, {"text": []}]}, {"buttons": [{"text": "no row"}, [7]], "list_message": []}]
AMO_PARTS = (["time"] + [f"message.{p}" for p in ("source", "source.external_id", "sender", "sender.id", "sender.name", "sender.avatar", "sender.phone",
                                              "receiver", "receiver.id", "receiver.client_id", "receiver.name", "receiver.phone",
                                              "receiver.email", "receiver.avatar", "timestamp", "msec_timestamp", "conversation.client_id")]
         + [f"message.message.{p}" for p in ("media", "thumbnail", "file_name", "file_size", "media_group_id", "media_duration", "sticker_id",
                                             "location", "location.lat", "contact", "contact.name", "markup", "markup.buttons",
                                             "markup.list_message", "markup.mode", "template", "template.id", "template.params", "reply_to",
                                             "reply_to.message", "reply_to.message.sender", "reply_to.message.timestamp", "forwards",
                                             "forwards.messages", "forwards.conversation_id", "post", "post.id", "attachments", "type")])
