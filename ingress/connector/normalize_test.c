#include "ingress/connector/normalize.h"

#include <string.h>

#include "base/json.h"
#include "base/testing.h"
#include "proto/limits.h"

/* 2030-01-01 */
#define NOW_MS INT64_C(1893456000000)
#define BASE                                                                                   \
    "\"id\":\"wa1-3EB0A9F1\",\"source\":\"wa1\",\"conversation\":{\"id\":\"7900\"},"           \
    "\"sender\":{\"id\":\"7900\"},\"type\":\"text\",\"text\":\"hello\""

static void a_full_message_is_read_whole(void **state)
{
    static const char body[] =
        "{\"id\":\"wa1-3EB0A9F1\",\"source\":\"wa1\",\"sent_at\":\"2026-01-01T00:01:01.250Z\","
        "\"direction\":\"in\",\"conversation\":{\"id\":\"79005550101\"},\"sender\":{\"id\":"
        "\"79005550101\",\"name\":\"N\",\"phone\":\"P\",\"email\":\"E\",\"avatar\":\"https://"
        "a\","
        "\"profile_link\":\"https://l\"},\"type\":\"text\",\"text\":\"T\",\"media\":null,"
        "\"reply_to\":{\"id\":\"wa1-0\"},\"location\":null,\"contact\":null,\"silent\":true,"
        "\"unknown\":[1]}";
    struct service_fault fault = {0};
    struct service_normal n;
    struct event e;

    (void)state;
    assert_int_equal(service_message(VIEW_LIT(body), NOW_MS, &n, &fault), 0);
    e = n.event;
    assert_int_equal(e.kind, EVENT_SERVICE_MESSAGE);
    assert_true(view_is(e.message_id, "wa1-3EB0A9F1"));
    assert_true(view_is(e.source, "wa1"));
    assert_int_equal(e.sent_ms, 1767225661250);
    assert_true(view_is(e.conversation, "79005550101"));
    assert_true(view_is(e.sender_id, "79005550101"));
    assert_true(view_is(e.sender_name, "N"));
    assert_true(view_is(e.sender_phone, "P"));
    assert_true(view_is(e.sender_email, "E"));
    assert_true(view_is(e.sender_avatar, "https://a"));
    assert_true(view_is(e.sender_link, "https://l"));
    assert_true(view_is(e.content.type, "text"));
    assert_true(view_is(e.content.text, "T"));
    assert_true(view_is(e.content.reply_id, "wa1-0"));
    assert_true(e.silent);
    service_normal_fini(&n);
}

static void expect_fault(service_read_fn *read, const char *body, int status, const char *code,
                         const char *field)
{
    struct service_fault fault = {0};
    struct service_normal n;

    if (read(view_of(body), NOW_MS, &n, &fault) != SERVICE_E_FAULT)
        fail_msg("%s: taken", body);
    if (fault.status != status || strcmp(fault.code, code) != 0 || !fault.field != !field ||
        (fault.field && strcmp(fault.field, field) != 0))
        fail_msg("%s: %d %s %s", body, fault.status, fault.code,
                 fault.field ? fault.field : "-");
    assert_null(n.doc);
}

static struct service_normal expect_taken(service_read_fn *read, const char *body)
{
    struct service_fault fault = {0};
    struct service_normal n;

    if (read(view_of(body), NOW_MS, &n, &fault))
        fail_msg("%s: %d %s %s", body, fault.status, fault.code,
                 fault.field ? fault.field : "-");
    return n;
}

/* It is taken, and @field is all that is told to be cut or left out. */
static struct service_normal expect_warning(service_read_fn *read, const char *body,
                                            const char *code, const char *field)
{
    struct service_normal n = expect_taken(read, body);

    if (n.warnings.n != 1 || strcmp(n.warnings.all[0].field, field) != 0 ||
        strcmp(n.warnings.all[0].code, code) != 0)
        fail_msg("%s: %zu warnings, %s", body, n.warnings.n,
                 n.warnings.n ? n.warnings.all[0].field : "-");
    return n;
}

static void what_is_only_shown_is_cut_or_left_out_by_name(void **state)
{
    static const struct {
        const char *body;
        const char *code;
        const char *field;
    } cases[] = {
  /* clang-format off */
        {"{" BASE ",\"sender\":{\"id\":\"1\",\"name\":1}}", "invalid", "sender.name"},
        {"{" BASE ",\"sent_at\":\"now\"}", "invalid", "sent_at"},
        {"{" BASE ",\"sent_at\":1767225661}", "invalid", "sent_at"},
        {"{" BASE ",\"sent_at\":\"2030-01-02T00:00:01Z\"}", "invalid", "sent_at"},
        {"{" BASE ",\"silent\":\"yes\"}", "invalid", "silent"},
        {"{" BASE ",\"silent\":1}", "invalid", "silent"},
        {"{" BASE ",\"silent\":\"true\"}", "invalid", "silent"},
        {"{" BASE ",\"sticker_id\":\"s\"}", "invalid", "sticker_id"},
        {"{" BASE ",\"reply_to\":{}}", "required", "reply_to.id"},
        {"{" BASE ",\"reply_to\":{\"id\":[1],\"text\":\"t\"}}", "invalid", "reply_to.id"},
        {"{" BASE ",\"reply_to\":\"q\"}", "invalid", "reply_to"},
        {"{" BASE ",\"reply_to\":{\"id\":\"q\",\"type\":\"x\"}}", "invalid", "reply_to.type"},
        {"{" BASE ",\"forward\":{}}", "required", "forward.id"},
        {"{" BASE ",\"forward\":[1]}", "invalid", "forward"},
        {"{" BASE ",\"forward\":{\"id\":\"f\",\"media\":{\"size\":1}}}", "required",
        "forward.media.url"},
        {"{" BASE ",\"shared_post\":{}}", "required", "shared_post.url"},
        {"{" BASE ",\"post\":{\"id\":\"1\"}}", "required", "post.url"},
        {"{" BASE ",\"post\":{\"url\":\"https://p\"}}", "required", "post.id"},
  /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct service_normal n =
            expect_warning(service_message, cases[i].body, cases[i].code, cases[i].field);

        assert_true(view_is(n.event.content.text, "hello"));
        assert_null(n.event.content.post.ptr);
        assert_null(n.event.content.shared_post.ptr);
        service_normal_fini(&n);
    }
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *code;
        const char *field; /* NULL none */
    } cases[] = {
        {"",                                     400, "not_json", NULL             },
        {"{",                                    400, "not_json", NULL             },
        {"[]",                                   400, "not_json", NULL             },
        {"5",                                    400, "not_json", NULL             },
        {"null",                                 400, "not_json", NULL             },
        {"{\"id\":\"\xff\"}",                    400, "not_json", NULL             },
        {"{}",                                   422, "required", "id"             },
        {"{" BASE ",\"id\":5}",                  422, "invalid",  "id"             },
        {"{" BASE ",\"id\":\"a b\"}",            422, "invalid",  "id"             },
        {"{" BASE ",\"id\":\"a/b\"}",            422, "invalid",  "id"             },
        {"{" BASE ",\"id\":null}",               422, "required", "id"             },
        {"{" BASE ",\"source\":\"\"}",           422, "required", "source"         },
        {"{" BASE ",\"conversation\":\"7900\"}", 422, "invalid",  "conversation"   },
        {"{" BASE ",\"conversation\":{}}",       422, "required", "conversation.id"},
        {"{" BASE ",\"sender\":null}",           422, "required", "sender.id"      },
        {"{" BASE ",\"type\":\"poll\"}",         422, "invalid",  "type"           },
        {"{" BASE ",\"type\":null}",             422, "required", "type"           },
        {"{" BASE ",\"text\":null}",             422, "required", "text"           },
        {"{" BASE ",\"text\":7}",                422, "invalid",  "text"           },
        {"{" BASE ",\"direction\":\"out\"}",     422, "required", "receiver.id"    },
        {"{" BASE ",\"media\":{\"x\":1}}",       422, "invalid",  "media"          },
        {"{" BASE ",\"location\":{\"x\":1}}",    422, "invalid",  "location"       },
        {"{" BASE ",\"contact\":{\"x\":1}}",     422, "invalid",  "contact"        },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        expect_fault(service_message, cases[i].body, cases[i].status, cases[i].code,
                     cases[i].field);
}

/* --- content ------------------------------------------------------------------------------ */

#define HEAD                                                                                   \
    "{\"id\":\"1\",\"source\":\"s\",\"conversation\":{\"id\":\"c\"},\"sender\":{\"id\":\"u\"}" \
    ","
#define MEDIA(type, media) HEAD "\"type\":\"" type "\",\"media\":{" media "}}"
#define URL                "\"url\":\"https://f/a/b.jpg?x=/y\""

static void a_file_is_a_link_with_what_is_known_about_it(void **state)
{
    struct service_normal n = expect_taken(
        service_message, MEDIA("video", URL ",\"size\":7,\"mime\":\"video/mp4\",\"duration\":9,"
                                            "\"thumbnail\":\"http://t/1\",\"group\":\"g\""));
    const struct content *c = &n.event.content;

    (void)state;
    assert_true(view_is(c->media, "https://f/a/b.jpg?x=/y"));
    assert_true(view_is(c->media_name, "b.jpg"));
    assert_int_equal(c->media_size, 7);
    assert_true(view_is(c->media_mime, "video/mp4"));
    assert_int_equal(c->media_duration, 9);
    assert_true(view_is(c->thumbnail, "http://t/1"));
    assert_true(view_is(c->media_group, "g"));
    service_normal_fini(&n);
    n = expect_taken(service_message, MEDIA("voice", "\"url\":\"https://f\",\"size\":null"));
    assert_true(view_is(n.event.content.media_name, "file"));
    assert_int_equal(n.event.content.media_size, 0);
    service_normal_fini(&n);
    n = expect_taken(service_message,
                     MEDIA("audio", "\"url\":\"HTTPS://f/d/\",\"name\":\"N\""));
    assert_true(view_is(n.event.content.media_name, "N"));
    service_normal_fini(&n);
    n = expect_taken(service_message,
                     HEAD "\"type\":\"sticker\",\"sticker_id\":\"s1\",\"media\":{" URL "}}");
    assert_true(view_is(n.event.content.sticker_id, "s1"));
    service_normal_fini(&n);
}

static void what_is_only_shown_of_a_file_does_not_cost_it(void **state)
{
    static const struct {
        const char *body;
        const char *field;
        uint64_t duration;
    } cases[] = {
  /* clang-format off */
        {MEDIA("voice", URL ",\"duration\":-1"), "media.duration", 0},
        {MEDIA("voice", URL ",\"duration\":true"), "media.duration", 0},
        {MEDIA("voice", URL ",\"duration\":3.72"), "media.duration", 4},
        {MEDIA("voice", URL ",\"duration\":2592001"), "media.duration", 0},
        {MEDIA("voice", URL ",\"duration\":\"9\""), "media.duration", 9},
        {MEDIA("voice", URL ",\"thumbnail\":\"x\""), "media.thumbnail", 0},
        {MEDIA("voice", URL ",\"size\":1e300"), "media.size", 0},
        {MEDIA("voice", URL ",\"group\":7"), "media.group", 0},
        {MEDIA("voice", URL ",\"name\":[7]"), "media.name", 0},
  /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct service_normal n =
            expect_warning(service_message, cases[i].body, "invalid", cases[i].field);

        assert_int_equal(n.event.content.media_duration, cases[i].duration);
        assert_true(view_is(n.event.content.media_name, "b.jpg"));
        service_normal_fini(&n);
    }
}

static void what_is_wrong_with_a_file_is_named(void **state)
{
    static const struct {
        const char *body;
        const char *code;
        const char *field;
    } cases[] = {
  /* clang-format off */
        {HEAD "\"type\":\"picture\"}", "required", "media"},
        {HEAD "\"type\":\"sticker\",\"media\":null}", "required", "media"},
        {HEAD "\"type\":\"voice\",\"media\":\"https://x\"}", "invalid", "media"},
        {MEDIA("picture", "\"size\":1"), "required", "media.url"},
        {MEDIA("picture", URL), "required", "media.size"},
        {MEDIA("file", URL ",\"size\":0"), "invalid", "media.size"},
        {MEDIA("video", URL ",\"size\":-1"), "invalid", "media.size"},
        {MEDIA("file",URL ",\"size\":\"5\""), "invalid", "media.size"},
        {MEDIA("file", URL ",\"size\":1.5"), "invalid", "media.size"},
        {MEDIA("voice", "\"url\":\"ftp://x/y\""), "invalid", "media.url"},
        {MEDIA("voice", "\"url\":\"https:///y\""), "invalid", "media.url"},
        {MEDIA("voice", "\"url\":\"https://\""), "invalid", "media.url"},
        {MEDIA("voice", "\"url\":\"https://x/ y\""), "invalid", "media.url"},
        {MEDIA("voice", "\"url\":\"https://x/\\n\""), "invalid", "media.url"},
        {MEDIA("voice", "\"url\":\"https://x/\xd0\x96\""), "invalid", "media.url"},
        {MEDIA("location", URL), "invalid", "media"},
  /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        expect_fault(service_message, cases[i].body, 422, cases[i].code, cases[i].field);
}

#define LOCATION(lat, lon)                                                                     \
    HEAD "\"type\":\"location\",\"location\":{\"lat\":" lat ",\"lon\":" lon "}}"

static void places_and_cards_are_whole_or_refused(void **state)
{
    struct service_normal n = expect_taken(service_message, LOCATION("-90", "37.6170"));

    (void)state;
    assert_true(view_is(n.event.content.lat, "-90"));
    assert_true(view_is(n.event.content.lon, "37.6170"));
    service_normal_fini(&n);
    expect_fault(service_message, LOCATION("90.001", "0"), 422, "invalid", "location.lat");
    expect_fault(service_message, LOCATION("0", "-180.1"), 422, "invalid", "location.lon");
    expect_fault(service_message, LOCATION("\"5\"", "0"), 422, "invalid", "location.lat");
    expect_fault(service_message, LOCATION("0", "null"), 422, "required", "location.lon");
    expect_fault(service_message, LOCATION("NaN", "0"), 422, "invalid", "location.lat");
    expect_fault(service_message, HEAD "\"type\":\"location\"}", 422, "required", "location");
    n = expect_taken(service_message, HEAD "\"type\":\"contact\",\"contact\":{\"name\":\"n\","
                                           "\"phone\":\"p\"}}");
    assert_true(view_is(n.event.content.contact_name, "n"));
    assert_true(view_is(n.event.content.contact_phone, "p"));
    service_normal_fini(&n);
    expect_fault(service_message, HEAD "\"type\":\"contact\",\"contact\":{\"name\":\"n\"}}",
                 422, "required", "contact.phone");
    expect_fault(service_message,
                 HEAD "\"type\":\"text\",\"text\":\"t\",\"contact\":{\"x\":1}}", 422, "invalid",
                 "contact");
}

static void quotes_forwards_and_posts_are_read(void **state)
{
    struct service_normal n = expect_taken(
        service_message, HEAD
        "\"type\":\"text\",\"callback_data\":\"row\",\"reply_to\":{\"id\":\"q\",\"type\":"
        "\"voice\",\"text\":\"qt\",\"author\":\"qa\",\"sent_at\":\"1970-01-01T00:00:01Z\"},"
        "\"forward\":{\"id\":\"f\",\"text\":\"ft\",\"author\":\"fa\",\"media\":{\"url\":"
        "\"https://m/n\",\"size\":3},\"sent_at\":\"1970-01-01T00:00:02Z\"},\"shared_post\":{"
        "\"url\":\"https://p\",\"site_name\":\"S\"},\"post\":{\"id\":\"7\",\"url\":"
        "\"https://q\",\"caption\":\"C\"}}");
    const struct content *c = &n.event.content;

    (void)state;
    assert_true(view_is(c->callback_data, "row"));
    assert_true(view_is(c->reply_id, "q") && view_is(c->reply_type, "voice"));
    assert_true(view_is(c->reply_text, "qt") && view_is(c->reply_author, "qa"));
    assert_int_equal(c->reply_sent_ms, 1000);
    assert_true(view_is(c->forward_id, "f") && view_is(c->forward_text, "ft"));
    assert_true(view_is(c->forward_author, "fa") && view_is(c->forward_type, "file"));
    assert_true(view_is(c->forward_media, "https://m/n") && c->forward_media_size == 3);
    assert_true(view_is(c->forward_media_name, "n"));
    assert_int_equal(c->forward_sent_ms, 2000);
    assert_true(view_is(c->shared_post, "{\"url\":\"https://p\",\"site_name\":\"S\"}"));
    assert_true(view_is(c->post, "{\"id\":\"7\",\"url\":\"https://q\",\"caption\":\"C\"}"));
    service_normal_fini(&n);
#define TEXT HEAD "\"type\":\"text\",\"text\":\"t\","
    expect_fault(service_message,
                 HEAD "\"type\":\"text\",\"post\":{\"id\":\"1\",\"url\":"
                      "\"https://p\"}}",
                 422, "required", "text");
}

static void who_wrote_on_the_services_side_is_told_apart(void **state)
{
    struct service_normal n = expect_taken(
        service_message,
        "{\"id\":\"1\",\"source\":\"s\",\"conversation\":{\"id\":\"c\"},\"direction\":\"out\","
        "\"type\":\"text\",\"text\":\"t\",\"author\":{\"amo_user\":\"a\"},\"receiver\":{\"id\":"
        "\"r\","
        "\"name\":\"n\",\"phone\":\"p\",\"email\":\"e\"}}");

    (void)state;
    assert_true(n.event.outgoing);
    assert_true(view_is(n.event.author, "a") && view_is(n.event.receiver_id, "r"));
    assert_true(view_is(n.event.receiver_name, "n") && view_is(n.event.receiver_phone, "p"));
    assert_true(view_is(n.event.receiver_email, "e"));
    assert_null(n.event.sender_id.ptr);
    service_normal_fini(&n);
    expect_fault(service_message, TEXT "\"direction\":\"up\"}", 422, "invalid", "direction");
    expect_fault(service_message, TEXT "\"direction\":\"out\"}", 422, "required",
                 "receiver.id");
    expect_fault(service_message, TEXT "\"receiver\":{\"id\":\"r\"}}", 422, "invalid",
                 "receiver");
    expect_fault(service_message, TEXT "\"author\":{}}", 422, "invalid", "author");
}

static void a_change_says_what_changes(void **state)
{
    struct service_normal n =
        expect_taken(service_edit, "{\"text\":\"new\",\"sent_at\":\"1970-01-01T00:00:01Z\","
                                   "\"conversation\":{\"id\":\"c\"},\"x\":1}");

    (void)state;
    assert_int_equal(n.event.kind, EVENT_SERVICE_EDIT);
    assert_true(view_is(n.event.content.text, "new"));
    assert_true(view_is(n.event.conversation, "c"));
    assert_null(n.event.content.type.ptr);
    assert_int_equal(n.event.sent_ms, 1000);
    assert_false(n.event.deleted);
    service_normal_fini(&n);
    n = expect_taken(service_edit, "{\"deleted\":true}");
    assert_true(n.event.deleted);
    service_normal_fini(&n);
    n = expect_taken(service_edit, "{\"media\":{" URL ",\"size\":5}}");
    assert_int_equal(n.event.content.media_size, 5);
    service_normal_fini(&n);
    n = expect_taken(service_edit, "{\"type\":\"voice\",\"media\":{" URL "}}");
    assert_true(view_is(n.event.content.type, "voice"));
    service_normal_fini(&n);
    expect_fault(service_edit, "{}", 422, "required", "text");
    expect_fault(service_edit, "{\"text\":\"\",\"deleted\":false}", 422, "required", "text");
    expect_fault(service_edit, "{\"type\":\"text\"}", 422, "required", "text");
    expect_fault(service_edit, "{\"deleted\":1}", 422, "invalid", "deleted");
    expect_fault(service_edit, "{\"media\":{" URL "}}", 422, "required", "media.size");
    expect_fault(service_edit, "{\"type\":\"text\",\"media\":{" URL "}}", 422, "invalid",
                 "media");
    expect_fault(service_edit,
                 "{\"media\":{" URL ",\"size\":5},\"location\":{\"lat\":1,\"lon\":2}}", 422,
                 "invalid", "location");
    expect_fault(service_edit, "[]", 400, "not_json", NULL);
}

static void a_reaction_is_an_emoji_or_none(void **state)
{
    struct service_normal n = expect_taken(
        service_reaction,
        "{\"message_id\":\"m\",\"emoji\":\"\xf0\x9f\x91\x8d\",\"sender\":{\"id\":\"u\"},"
        "\"author\":{\"amo_user\":\"a\"},\"conversation\":{\"id\":\"c\"}}");

    (void)state;
    assert_int_equal(n.event.kind, EVENT_SERVICE_REACTION);
    assert_true(view_is(n.event.message_id, "m") && view_is(n.event.sender_id, "u"));
    assert_true(view_is(n.event.author, "a") && view_is(n.event.conversation, "c"));
    assert_true(view_is(n.event.emoji, "\xf0\x9f\x91\x8d"));
    assert_false(n.event.unset);
    service_normal_fini(&n);
    n = expect_taken(service_reaction, "{\"message_id\":\"m\",\"set\":false}");
    assert_true(n.event.unset);
    service_normal_fini(&n);
    n = expect_taken(service_reaction,
                     "{\"message_id\":\"m\",\"emoji\":\"1\xef\xb8\x8f\xe2\x83\xa3\"}");
    service_normal_fini(&n);
    expect_fault(service_reaction, "{}", 422, "required", "message_id");
    expect_fault(service_reaction, "{\"message_id\":\"a b\"}", 422, "invalid", "message_id");
    expect_fault(service_reaction, "{\"message_id\":\"m\"}", 422, "required", "emoji");
    expect_fault(service_reaction, "{\"message_id\":\"m\",\"emoji\":\"like\"}", 422, "invalid",
                 "emoji");
    expect_fault(service_reaction, "{\"message_id\":\"m\",\"emoji\":\"1\"}", 422, "invalid",
                 "emoji");
    expect_fault(service_reaction, "{\"message_id\":\"m\",\"set\":\"no\"}", 422, "invalid",
                 "set");
    expect_fault(service_reaction, "{\"message_id\":\"m\",\"set\":false,\"sender\":\"u\"}", 422,
                 "invalid", "sender");
}

#define TYPING(more) "{\"source\":\"s\",\"conversation\":{\"id\":\"c\"}" more "}"

static void typing_lasts_a_while(void **state)
{
    struct service_normal n =
        expect_taken(service_typing, TYPING(",\"sender\":{\"id\":\"u\"}"));

    (void)state;
    assert_int_equal(n.event.kind, EVENT_SERVICE_TYPING);
    assert_true(view_is(n.event.source, "s") && view_is(n.event.conversation, "c"));
    assert_true(view_is(n.event.sender_id, "u"));
    assert_int_equal(n.event.expires_ms, 5000);
    service_normal_fini(&n);
    n = expect_taken(service_typing, TYPING(",\"duration_ms\":30000"));
    assert_int_equal(n.event.expires_ms, 30000);
    service_normal_fini(&n);
    expect_fault(service_typing, "{\"source\":\"s\"}", 422, "required", "conversation.id");
    expect_fault(service_typing, "{\"conversation\":{\"id\":\"c\"}}", 422, "required",
                 "source");
    n = expect_warning(service_typing, TYPING(",\"duration_ms\":999"), "invalid",
                       "duration_ms");
    assert_int_equal(n.event.expires_ms, 1000);
    service_normal_fini(&n);
    n = expect_warning(service_typing, TYPING(",\"duration_ms\":30001"), "invalid",
                       "duration_ms");
    assert_int_equal(n.event.expires_ms, 30000);
    service_normal_fini(&n);
    n = expect_warning(service_typing, TYPING(",\"duration_ms\":\"5000\""), "invalid",
                       "duration_ms");
    assert_int_equal(n.event.expires_ms, 5000);
    service_normal_fini(&n);
}

static void ids_have_their_letters_and_length(void **state)
{
    static char long_id[LIMIT_SERVICE_ID + 1];

    (void)state;
    memset(long_id, 'a', sizeof(long_id));
    assert_true(service_id_valid(VIEW_LIT("AZaz09._:-")));
    assert_true(service_id_valid(view_make(long_id, LIMIT_SERVICE_ID)));
    assert_false(service_id_valid(view_make(long_id, LIMIT_SERVICE_ID + 1)));
    assert_false(service_id_valid(VIEW_LIT("")));
    assert_false(service_id_valid(VIEW_LIT("\xd0\x96")));
    assert_false(service_id_valid(VIEW_LIT("a\0b")));
}

static void statuses_are_read_one_by_one(void **state)
{
    static const char body[] =
        "{\"statuses\":[{\"id\":\"a\",\"status\":\"read\",\"at\":\"2026-01-01T00:00:00Z\","
        "\"conversation\":{\"id\":\"c\"}},{\"id\":\"b\",\"status\":\"failed\",\"error\":{"
        "\"code\":"
        "\"not_on_channel\",\"text\":\"t\"}},{\"id\":\"c\",\"status\":\"lost\"},5,{\"status\":"
        "\"sent\"}]}";
    struct service_warnings warnings;
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct event e;
    size_t n = 0;

    (void)state;
    assert_int_equal(service_statuses(VIEW_LIT(body), &doc, &n, &fault), 0);
    assert_int_equal(n, 5);
    assert_int_equal(service_status(doc, 0, NOW_MS, &e, &warnings, &fault), 0);
    assert_int_equal(e.kind, EVENT_SERVICE_STATUS);
    assert_true(view_is(e.message_id, "a"));
    assert_true(view_is(e.status, "read"));
    assert_true(view_is(e.conversation, "c"));
    assert_int_equal(e.sent_ms, 1767225600000);
    assert_int_equal(service_status(doc, 1, NOW_MS, &e, &warnings, &fault), 0);
    assert_true(view_is(e.error_code, "not_on_channel"));
    assert_true(view_is(e.error_text, "t"));
    assert_int_equal(service_status(doc, 2, NOW_MS, &e, &warnings, &fault), SERVICE_E_FAULT);
    assert_string_equal(fault.field, "status");
    assert_true(view_is(e.message_id, "c"));
    assert_int_equal(service_status(doc, 3, NOW_MS, &e, &warnings, &fault), SERVICE_E_FAULT);
    assert_null(e.message_id.ptr);
    assert_int_equal(service_status(doc, 4, NOW_MS, &e, &warnings, &fault), SERVICE_E_FAULT);
    assert_string_equal(fault.field, "id");
    json_free(doc);
}

static void lists_have_a_length(void **state)
{
    static const char *const bad[] = {"{}", "{\"statuses\":{}}", "{\"statuses\":[]}"};
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct buf many;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(bad); i++) {
        assert_int_equal(service_statuses(view_of(bad[i]), &doc, &n, &fault), SERVICE_E_FAULT);
        assert_string_equal(fault.code, "required");
    }
    buf_init(&many, 4096);
    (void)buf_add_str(&many, "{\"statuses\":[0");
    for (size_t i = 1; i <= LIMIT_STATUSES; i++)
        (void)buf_add_str(&many, ",0");
    (void)buf_add_str(&many, "]}");
    assert_int_equal(service_statuses(buf_view(&many), &doc, &n, &fault), SERVICE_E_FAULT);
    assert_string_equal(fault.code, "too_long");
    buf_fini(&many);
}

static int read_all(void *arg)
{
    struct service_warnings warnings;
    struct service_fault fault = {0};
    struct service_normal normal;
    struct json *doc = NULL;
    struct event e;
    size_t n = 0;
    int rc = service_message(view_of(arg), NOW_MS, &normal, &fault);

    if (rc)
        return rc;
    service_normal_fini(&normal);
    rc = service_statuses(VIEW_LIT("{\"statuses\":[{\"id\":\"a\",\"status\":\"read\"}]}"), &doc,
                          &n, &fault);
    rc = rc ? rc : service_status(doc, 0, NOW_MS, &e, &warnings, &fault);
    json_free(doc);
    return rc;
}

static void without_memory_nothing_breaks(void **state)
{
    char body[] =
        TEXT "\"sender\":{\"id\":\"a\\u0000\"},\"post\":{\"id\":\"1\",\"url\":\"https://p\"}}";
    char place[] = LOCATION("1.", "2.");

    (void)state;
    testing_fail_each_allocation(read_all, body);
    testing_fail_each_allocation(read_all, place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_message_is_read_whole),
        cmocka_unit_test(what_is_only_shown_is_cut_or_left_out_by_name),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_file_is_a_link_with_what_is_known_about_it),
        cmocka_unit_test(what_is_only_shown_of_a_file_does_not_cost_it),
        cmocka_unit_test(what_is_wrong_with_a_file_is_named),
        cmocka_unit_test(places_and_cards_are_whole_or_refused),
        cmocka_unit_test(quotes_forwards_and_posts_are_read),
        cmocka_unit_test(who_wrote_on_the_services_side_is_told_apart),
        cmocka_unit_test(a_change_says_what_changes),
        cmocka_unit_test(a_reaction_is_an_emoji_or_none),
        cmocka_unit_test(typing_lasts_a_while),
        cmocka_unit_test(ids_have_their_letters_and_length),
        cmocka_unit_test(statuses_are_read_one_by_one),
        cmocka_unit_test(lists_have_a_length),
        cmocka_unit_test(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
