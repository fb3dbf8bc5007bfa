"""The command behind each recorded call to amojo: what core says so that the worker sends tests/fixtures/requests."""
from egress_harness import (ACCOUNT, AMO_CONNECT, AMO_CREATE_CHAT, AMO_DISCONNECT, AMO_EDIT, AMO_HISTORY, AMO_MESSAGE,
                            AMO_OUTGOING, AMO_REACTION, AMO_STATUS, AMO_TYPING)

MINUTE = 60_000
BEGIN = 1767225600250
AMO_ID = "df78f72d-1dd6-41aa-ae4d-7c602d4cacfc"
CHAT = "1597678a-12fc-4ee9-a318-564882fc1bfd"
MANAGER = "5fc8f953-dc8c-47ab-956f-ee93b90e74c2"
FILES = "https://files.example.com/m/abc/"

CLIENT = {"sender_id": "mb-user-1001", "sender_name": "Клиент Тестовый",
          "sender_avatar": "https://example.com/avatar/1001.png", "sender_phone": "+70001234567",
          "sender_email": "client@example.com", "sender_link": "https://example.com/u/1001"}
RECEIVER = {"receiver_id": "mb-user-1001", "receiver_name": "Клиент Тестовый", "receiver_phone": "+70001234567"}


def from_client(number, **more):
    """The client's message mb-msg-<number>, which was sent that many minutes after the beginning."""
    return {"kind": AMO_MESSAGE, "key": f"mb-msg-{number}", "sent_ms": BEGIN + number * MINUTE,
            "source": "mobilon-line-1", "conversation_id": "mb-chat-1001", "type": "text"} | CLIENT | more


def from_our_side(number, **more):
    return {"kind": AMO_OUTGOING, "key": f"mb-msg-{number}", "sent_ms": BEGIN + number * MINUTE, "silent": True,
            "source": "mobilon-line-1", "conversation_id": "mb-chat-1001", "type": "text"} | RECEIVER | more


def edit(number, **more):
    return {"kind": AMO_EDIT, "key": f"mb-edit-{number}", "sent_ms": BEGIN + number * MINUTE,
            "conversation_id": "mb-chat-1001", "type": "text"} | more


def status(code, **more):
    return {"kind": AMO_STATUS, "key": f"status-{code}", "message_id": AMO_ID, "status_code": code} | more


def failed(code, words):
    return status(-1, error_code=code, error_text=words)


def reaction(**more):
    return {"kind": AMO_REACTION, "key": "reaction-1", "sender_id": "mb-user-1001"} | more


def create_chat(conversation, **more):
    return {"kind": AMO_CREATE_CHAT, "conversation_id": conversation} | more


COMMANDS = {
    "connect": {"kind": AMO_CONNECT, "account": ACCOUNT, "title": "Мессенджер"},
    "connect-time-window-disabled": {"kind": AMO_CONNECT, "account": ACCOUNT, "title": "Мессенджер",
                                     "time_window_off": True},
    "disconnect": {"kind": AMO_DISCONNECT, "account": ACCOUNT},
    "create-chat": create_chat("mb-chat-1001", source="mobilon-line-1", **CLIENT),
    "create-chat-minimal": create_chat("mb-chat-1002", sender_id="mb-user-1002", sender_name="Без профиля"),
    "create-chat-by-ref-id": create_chat("mb-chat-1003", sender_ref_id=MANAGER),
    "history": {"kind": AMO_HISTORY, "key": "mb-msg-1", "chat_id": CHAT},

    "message-from-contact-text": from_client(1, text="Здравствуйте! 👋"),
    "message-repeat-same-msgid": from_client(1, text="Повтор", sent_ms=1767226980250),
    "message-from-contact-linked-write-first": {
        "kind": AMO_MESSAGE, "key": "mb-msg-2", "sent_ms": BEGIN + 2 * MINUTE, "source": "mobilon-line-1",
        "conversation_id": "mb-chat-2001", "conversation_ref_id": "790828af-8198-47dc-bb6d-7b77bc553278",
        "sender_id": "mb-user-2001", "sender_ref_id": "33ab2254-1636-4340-a3dd-be2ce8a083d3",
        "sender_name": "70001112233", "sender_phone": "+70001112233", "type": "text", "text": "Да, слушаю"},
    "message-from-contact-picture": from_client(3, type="picture", text="Фото", media=FILES + "photo.jpg",
                                                media_name="photo.jpg", media_size=204800),
    "message-from-contact-video": from_client(4, type="video", media=FILES + "clip.mp4", media_name="clip.mp4",
                                              media_size=5242880, media_duration=34),
    "message-from-contact-voice": from_client(5, type="voice", media=FILES + "v.ogg", media_name="v.ogg",
                                              media_size=20480, media_duration=9),
    "message-from-contact-audio": from_client(6, type="audio", media=FILES + "a.mp3", media_name="a.mp3",
                                              media_size=1048576, media_duration=180),
    "message-from-contact-file": from_client(7, type="file", media=FILES + "%D0%B0%D0%BA%D1%82.pdf",
                                             media_name="акт.pdf", media_size=65536),
    "message-from-contact-sticker": from_client(8, type="sticker", media=FILES + "s.webp", sticker_id="sticker-42"),
    "message-from-contact-location": from_client(9, type="location", lat="55.755864", lon="37.617698"),
    "message-from-contact-contact": from_client(10, type="contact", contact_name="Отдел сервиса",
                                                contact_phone="+70007654321"),
    "message-from-contact-callback-data": from_client(11, text="Номер", callback_data="row-a1"),
    "message-from-contact-shared-post": from_client(
        12, shared_post='{"url":"https://example.com/p/1","preview_permalink":"https://example.com/p/1.png",'
                        '"site_name":"example"}'),
    "message-from-contact-comment": from_client(
        13, text="Отлично", post='{"id":"post-2001","url":"https://example.com/p/2001",'
                                 '"preview_permalink":"https://example.com/p/2001.png","username":"company",'
                                 '"caption":"Новинка"}'),
    "message-from-contact-reply-by-msgid": from_client(14, text="Да, это оно", reply_client_id="mb-msg-1"),
    "message-from-contact-reply-by-id": from_client(15, text="Согласен",
                                                    reply_id="e8dddc74-3fc4-4694-a2ba-aaa23709df45"),
    "message-from-contact-reply-descriptive": from_client(16, text="Про это", reply_type="text",
                                                          reply_text="Старое сообщение", reply_author="Менеджер",
                                                          reply_sent_ms=1767139200000),
    "message-from-contact-forward": from_client(17, forward_client_id="mb-msg-1",
                                                forward_conversation_id="mb-chat-1002"),

    "message-from-user-text": from_our_side(18, sender_id="mb-user", sender_name="Менеджер Тестовый",
                                            sender_ref_id=MANAGER, text="Отправлено с телефона менеджера"),
    "message-from-bot-text": from_our_side(19, sender_id="mb-bot", sender_name="Мессенджер", text="Автоответ",
                                           sender_ref_id="5a9f8954-be03-45dd-ac27-0f31b12fa4b8"),
    "import-history-1": from_client(20, text="История 1", silent=True),
    "import-history-2": from_client(21, text="История 2", silent=True),
    "import-history-3": from_client(22, text="История 3"),

    "edit-text": edit(24, message_client_id="mb-msg-24", text="Исправленный текст"),
    "edit-bind-client-id": edit(25, message_client_id="mb-bound-1", message_id=AMO_ID, text="Текст из CRM"),
    "edit-with-delivery-status": edit(26, message_client_id="mb-msg-26", message_id=AMO_ID, text="Текст из CRM",
                                      status_code=-1, error_code=905, error_text="Не доставлено"),

    "delivery-delivered": status(1),
    "delivery-read": status(2),
    "delivery-read-new-spelling-only": status(2),
    "delivery-error-old-spelling-only": failed(905, "Ошибка"),
    "delivery-error-901": failed(901, "Клиент удалил переписку"),
    "delivery-error-902": failed(902, "Канал отключён"),
    "delivery-error-903": failed(903, "Внутренняя ошибка"),
    "delivery-error-904": failed(904, "Номер не зарегистрирован в мессенджере"),
    "delivery-error-905": failed(905, "Неподдерживаемый тип сообщения"),

    "react": reaction(conversation_id="mb-chat-1001", message_client_id="mb-msg-1", emoji="😍"),
    "react-as-manager": reaction(conversation_id="mb-chat-1001", message_id=AMO_ID, emoji="👍", sender_id="mb-user",
                                 sender_ref_id=MANAGER),
    "unreact-by-ref-ids": reaction(conversation_ref_id=CHAT, message_id=AMO_ID, unset=True),
    "typing": {"kind": AMO_TYPING, "conversation_id": "mb-chat-1001", "sender_id": "mb-user-1001"},
}
