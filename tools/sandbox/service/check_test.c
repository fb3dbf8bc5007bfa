/* What a service takes and what it refuses, by docs/connector.md. */
#include "tools/sandbox/service/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/kit/jread.h"

static const char created[] =
    "{\"type\":\"message.created\",\"timestamp\":\"2026-03-02T09:15:00.000Z\",\"data\":{"
    "\"id\":\"mid-1\",\"source\":\"wa1\",\"direction\":\"out\",\"write_first\":false,"
    "\"conversation\":{\"id\":\"c-1\"},\"receiver\":{\"id\":\"u-1\",\"phone\":\"7900\"},"
    "\"author\":{\"amo_user\":\"0d9c\"},\"type\":\"picture\",\"text\":\"box\","
    "\"media\":{\"url\":\"https://e.com/b.jpg\",\"name\":\"b.jpg\",\"size\":9,\"mime\":null,"
    "\"duration\":null,\"thumbnail\":null,\"group\":\"g\"},\"location\":null,\"contact\":null,"
    "\"reply_to\":{\"id\":\"wa1-3\"},\"forwarded\":{\"id\":null,\"author\":\"A\"},"
    "\"buttons\":[{\"text\":\"yes\",\"url\":\"https://e.com\",\"row\":0}],"
    "\"list\":{\"header\":\"h\",\"sections\":[{\"title\":\"t\",\"rows\":"
    "[{\"callback_data\":\"r1\",\"title\":\"R\"}]}]},"
    "\"template\":{\"id\":7,\"external_id\":\"x\",\"content\":\"c\","
    "\"params\":[{\"key\":\"k\",\"value\":\"v\"}]},\"post\":{\"id\":\"p-1\"}}}";

static void assert_words(struct json_object *whole, const char *words)
{
    struct jcheck c = {""};

    service_check(&c, whole, "mid-1");
    assert_string_equal(c.words, words);
}

/* The good message with the member @key of data (or of @inner in it) replaced by @value. */
static void assert_refused(const char *inner, const char *key, const char *value,
                           const char *words)
{
    struct json_object *whole = jread_parse(VIEW_LIT(created));
    struct json_object *at = jread_object(whole, "data");

    at = *inner ? jread_object(at, inner) : at;
    assert_words(whole, "");
    json_object_object_add(at, key, jread_parse(view_of(value)));
    assert_words(whole, words);
    json_object_put(whole);
}

static void assert_event(const char *text, const char *words)
{
    struct json_object *whole = jread_parse(view_of(text));

    assert_non_null(whole);
    assert_words(whole, words);
    json_object_put(whole);
}

static void members_of_a_message_have_their_types(void **state)
{
    (void)state;
    assert_refused("", "id", "7", "data.id: must be a string");
    assert_refused("", "source", "7", "data.source: must be a string");
    assert_refused("", "write_first", "null", "data.write_first: is required");
    assert_refused("", "conversation", "{\"id\":null}", "data.conversation.id: is required");
    assert_refused("", "direction", "\"in\"", "data.direction: must be out");
    assert_refused("", "author", "{}", "data.author.amo_user: is required");
    assert_refused("", "text", "1", "data.text: must be a string");
    assert_refused("", "reply_to", "{}", "data.reply_to.id: is required");
    assert_refused("", "reply_to", "\"x\"", "data.reply_to: must be an object");
    assert_refused("", "forwarded", "true", "data.forwarded: must be an object");
    assert_refused("", "post", "{\"id\":1}", "data.post.id: must be a string");
    assert_refused("", "buttons", "{}", "data.buttons: must be an array");
    assert_refused("", "buttons", "[{\"url\":\"x\"}]", "data.buttons.text: is required");
    assert_refused("list", "sections", "{}", "data.list.sections: must be an array");
    assert_refused("template", "id", "\"7\"", "data.template.id: must be an integer");
    assert_refused("receiver", "phone", "7900", "data.receiver.phone: must be a string");
}

static void a_message_holds_what_its_type_needs_and_nothing_else(void **state)
{
    (void)state;
    assert_refused("", "type", "\"poem\"", "data.type: is not known");
    assert_refused("", "media", "null", "data.media: is required");
    assert_refused("media", "url", "\"ftp://e.com\"", "data.media.url: must be an address");
    assert_refused("media", "size", "\"9\"", "data.media.size: must be an integer");
    assert_refused("media", "size", "0", "data.media.size: must be above zero");
    assert_refused("", "type", "\"text\"", "data.media: does not belong to this type");
    assert_refused("", "location", "{\"lat\":1,\"lon\":2}",
                   "data.location: does not belong to this type");
    assert_event(
        "{\"type\":\"message.created\",\"timestamp\":\"2026-03-02T09:15:00Z\",\"data\":"
        "{\"id\":\"mid-1\",\"source\":\"s\",\"direction\":\"out\","
        "\"write_first\":true,\"conversation\":{\"id\":null},"
        "\"receiver\":{\"phone\":\"7900\"},\"type\":\"text\",\"text\":\"\"}}",
        "data.text: cannot be blank");
    assert_event(
        "{\"type\":\"message.created\",\"timestamp\":\"2026-03-02T09:15:00Z\",\"data\":"
        "{\"id\":\"mid-1\",\"source\":\"s\",\"direction\":\"out\","
        "\"write_first\":true,\"conversation\":{\"id\":null},"
        "\"receiver\":{\"phone\":\"7900\"},\"type\":\"location\","
        "\"location\":{\"lat\":\"55\",\"lon\":37.5}}}",
        "data.location.lat: must be a number");
}

static void other_events_are_checked_too(void **state)
{
    static const char at[] = "\"timestamp\":\"2026-03-02T09:15:00.000Z\"";
    char text[512];
    static const struct {
        const char *type;
        const char *data;
        const char *words;
    } cases[] = {
        {"reaction.changed",
         "{\"message_id\":\"m\",\"emoji\":\"\xf0\x9f\x91\x8d\",\"set\":true}",             ""                       },
        {"reaction.changed", "{\"message_id\":\"m\",\"emoji\":null,\"set\":false}",        ""                       },
        {"reaction.changed", "{\"message_id\":\"m\",\"emoji\":null,\"set\":true}",
         "data.emoji: is required"                                                                                  },
        {"reaction.changed", "{\"message_id\":\"m\",\"emoji\":\"like\",\"set\":true}",
         "data.emoji: must be an emoji"                                                                             },
        {"reaction.changed", "{\"message_id\":\"m\"}",                                     "data.set: is required"  },
        {"typing.started",
         "{\"conversation\":{\"id\":\"c\"},"
         "\"expires_at\":\"2026-03-02T09:15:05.000Z\"}",                                   ""                       },
        {"typing.started",   "{\"conversation\":{\"id\":\"c\"},\"expires_at\":\"soon\"}",
         "data.expires_at: must be a time in UTC"                                                                   },
        {"delivery.failed",  "{\"id\":\"s\",\"mid\":\"m\",\"code\":\"x\",\"text\":\"w\"}", ""                       },
        {"delivery.failed",  "{\"id\":\"s\",\"mid\":\"m\",\"code\":\"x\",\"text\":null}",  ""                       },
        {"delivery.failed",  "{\"id\":\"s\",\"mid\":\"m\",\"text\":\"w\"}",
         "data.code: is required"                                                                                   },
        {"connector.test",   "{\"nonce\":\"n\"}",                                          ""                       },
        {"connector.test",   "{}",                                                         "data.nonce: is required"},
        {"message.gone",     "{}",                                                         "type: is not known"     },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        assert_true(snprintf(text, sizeof(text), "{\"type\":\"%s\",%s,\"data\":%s}",
                             cases[i].type, at, cases[i].data) < (int)sizeof(text));
        assert_event(text, cases[i].words);
    }
    assert_event("{\"type\":\"connector.test\",\"timestamp\":5,\"data\":{\"nonce\":\"n\"}}",
                 "timestamp: must be a string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_a_message_have_their_types),
        cmocka_unit_test(a_message_holds_what_its_type_needs_and_nothing_else),
        cmocka_unit_test(other_events_are_checked_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
