/* What amojo takes and what it refuses, by the documented calls. */
#include "tools/sandbox/amojo/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/testing/files.h"

static void every_documented_message_call_is_taken(void **state)
{
    static const char *const names[] = {
        "edit-bind-client-id",
        "edit-text",
        "edit-with-delivery-status",
        "import-history-1",
        "message-from-bot-text",
        "message-from-contact-audio",
        "message-from-contact-callback-data",
        "message-from-contact-comment",
        "message-from-contact-contact",
        "message-from-contact-file",
        "message-from-contact-forward",
        "message-from-contact-linked-write-first",
        "message-from-contact-location",
        "message-from-contact-picture",
        "message-from-contact-reply-by-id",
        "message-from-contact-reply-by-msgid",
        "message-from-contact-reply-descriptive",
        "message-from-contact-shared-post",
        "message-from-contact-sticker",
        "message-from-contact-text",
        "message-from-contact-video",
        "message-from-contact-voice",
        "message-from-user-text",
        "message-repeat-same-msgid",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        char path[128];
        struct json_object *o = NULL;
        struct jcheck c = {""};
        struct amojo_call call;

        (void)snprintf(path, sizeof(path), "tests/fixtures/requests/%s.json", names[i]);
        o = testing_read_json(path);
        amojo_check_message(&c, jread_object(o, "body"), false, &call);
        print_message("%s %s\n", names[i], c.words);
        assert_string_equal(c.words, "");
        assert_non_null(call.conversation_id);
        json_object_put(o);
    }
}

/* A good text from a client with one member of @where replaced by the JSON @value (NULL =
 * removed); the words it is refused with. */
static void assert_refused(const char *where, const char *key, const char *value,
                           const char *words)
{
    static const char good[] =
        "{\"event_type\":\"new_message\",\"payload\":{\"timestamp\":1767225720,"
        "\"msec_timestamp\":1767225720250,\"msgid\":\"m-1\",\"conversation_id\":\"c-1\","
        "\"source\":{\"external_id\":\"line 1\"},"
        "\"sender\":{\"id\":\"u-1\",\"name\":\"N\",\"profile\":{\"phone\":\"7900\"}},"
        "\"message\":{\"type\":\"text\",\"text\":\"hello\"}}}";
    struct json_object *o = jread_parse(VIEW_LIT(good));
    struct json_object *payload = jread_object(o, "payload");
    struct json_object *at = *where ? jread_object(payload, where) : payload;
    struct jcheck c = {""};
    struct amojo_call call;

    amojo_check_message(&c, o, false, &call);
    assert_string_equal(c.words, "");
    if (value)
        json_object_object_add(at, key, jread_parse(view_of(value)));
    else
        json_object_object_del(at, key);
    amojo_check_message(&c, o, false, &call);
    assert_string_equal(c.words, words);
    json_object_put(o);
}

static void numbers_must_be_numbers_and_strings_strings(void **state)
{
    (void)state;
    assert_refused("", "timestamp", "\"1767225720\"", "payload.timestamp: must be an integer");
    assert_refused("", "timestamp", NULL, "payload.timestamp: is required");
    assert_refused("", "msec_timestamp", "1767225720",
                   "payload.msec_timestamp: must be "
                   "milliseconds");
    assert_refused("", "msgid", "17", "payload.msgid: must be a string");
    assert_refused("", "msgid", "\"\"", "payload.msgid: cannot be blank");
    assert_refused("", "silent", "1", "payload.silent: must be a boolean");
    assert_refused("", "conversation_id", NULL, "payload.conversation_id: is required");
}

static void ids_and_sources_have_limits(void **state)
{
    static const char sixty_five[] =
        "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"";

    (void)state;
    assert_refused("", "msgid", sixty_five, "payload.msgid: is too long");
    assert_refused("", "conversation_id", sixty_five, "payload.conversation_id: is too long");
    assert_refused("sender", "id", sixty_five, "payload.sender.id: is too long");
    assert_refused("source", "external_id", "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
                   "source.external_id: is too long");
    assert_refused("source", "external_id", "\"\xD1\x8F\"",
                   "source.external_id: must be printable ASCII");
}

static void roles_are_checked(void **state)
{
    (void)state;
    assert_refused("", "sender", NULL, "payload.sender: is required");
    assert_refused("sender", "name", NULL, "payload.sender.name: is required");
    assert_refused("sender", "id", NULL, "payload.sender.id: cannot be blank");
    assert_refused("", "receiver", "{\"id\":\"u-2\",\"name\":\"M\"}",
                   "payload.sender.ref_id: cannot be blank");
    assert_refused("", "receiver", "{\"name\":\"M\"}", "payload.receiver.id: cannot be blank");
}

static void each_kind_needs_its_fields(void **state)
{
    (void)state;
    assert_refused("message", "type", "\"poem\"", "payload.message.type: is not a known type");
    assert_refused("message", "text", "\"\"", "payload.message.text: cannot be blank");
    assert_refused("message", "text", NULL, "payload.message.text: is required");
    assert_refused("message", "type", "\"picture\"", "payload.message.media: is required");
    assert_refused("message", "type", "\"voice\"", "payload.message.media: is required");
    assert_refused("message", "type", "\"location\"", "payload.message.location: is required");
    assert_refused("message", "type", "\"contact\"", "payload.message.contact: is required");
    assert_refused("message", "media", "\"file:///etc/passwd\"",
                   "payload.message.media: must be an address");
    assert_refused("message", "delivery_status", "{\"status_code\":1}",
                   "payload.message.delivery_status: belongs to an edit");
    assert_refused("", "forwards", "{\"messages\":[]}",
                   "payload.forwards.messages: must hold one message");
    assert_refused("", "reply_to", "{\"message\":{\"text\":\"x\"}}",
                   "payload.reply_to.message.type: is required");
    assert_refused("", "reply_to", "{\"message\":{\"id\":17}}",
                   "payload.reply_to.message.id: must be a string");
    assert_refused("", "forwards", "{\"messages\":[{\"id\":\"a\"},{\"id\":\"b\"}]}",
                   "payload.forwards.messages: must hold one message");
    assert_refused("message", "media", "\"https://e.com/a b\"",
                   "payload.message.media: must be an address");
}

/* One good message of each type; a part of a wrong type is refused in its own words. */
static void parts_have_their_types(void **state)
{
    static const struct {
        const char *message;
        const char *words;
    } cases[] = {
        {"{\"type\":\"location\",\"location\":{\"lat\":55.7,\"lon\":37}}",            ""                                             },
        {"{\"type\":\"location\",\"location\":{\"lat\":\"55.7\",\"lon\":37}}",
         "location.lat: must be a number"                                                                                            },
        {"{\"type\":\"location\",\"location\":{\"lat\":97,\"lon\":37}}",
         "location.lat: is out of range"                                                                                             },
        {"{\"type\":\"contact\",\"contact\":{\"name\":\"A\",\"phone\":\"7900\"}}",    ""                                             },
        {"{\"type\":\"contact\",\"contact\":{\"name\":\"A\",\"phone\":7900}}",
         "contact.phone: must be a string"                                                                                           },
        {"{\"type\":\"contact\",\"contact\":{\"name\":\"A\"}}",                       "contact.phone: is required"                   },
        {"{\"type\":\"file\",\"media\":\"https://e.com/1\",\"file_name\":\"1\"}",
         "payload.message.file_size: is required"                                                                                    },
        {"{\"type\":\"video\",\"media\":\"https://e.com/1\",\"file_name\":\"1\","
         "\"file_size\":\"9\"}",                                             "payload.message.file_size: must be an integer"},
        {"{\"type\":\"voice\",\"media\":\"https://e.com/1\",\"media_duration\":1.5}",
         "payload.message.media_duration: must be an integer"                                                                        },
        {"{\"type\":\"sticker\",\"media\":\"https://e.com/1\",\"sticker_id\":7}",
         "payload.message.sticker_id: must be a string"                                                                              },
        {"{\"type\":\"text\",\"text\":\"x\",\"callback_data\":7}",
         "payload.message.callback_data: must be a string"                                                                           },
        {"{\"type\":\"text\",\"text\":\"\",\"shared_post\":{\"url\":\"https://e.com\","
         "\"type\":\"story\"}}",                                             "shared_post.type: must be post"               },
        {"{\"type\":\"text\",\"text\":\"x\",\"post\":{\"id\":\"p\"}}",                "post.url: is required"                        },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        assert_refused("", "message", cases[i].message, cases[i].words);
}

static void an_edit_may_leave_out_what_did_not_change(void **state)
{
    static const char edit[] =
        "{\"event_type\":\"edit_message\",\"payload\":{\"timestamp\":1767225720,"
        "\"msec_timestamp\":1767225720250,\"id\":\"a-1\",\"conversation_id\":\"c-1\","
        "\"message\":{\"type\":\"picture\",\"delivery_status\":{\"status_code\":5}}}}";
    struct json_object *o = jread_parse(VIEW_LIT(edit));
    struct json_object *m = jread_object(jread_object(o, "payload"), "message");
    struct jcheck c = {""};
    struct amojo_call call;

    (void)state;
    amojo_check_message(&c, o, false, &call);
    assert_string_equal(c.words, "delivery_status.status_code: must be -1, 1 or 2");
    json_object_object_del(m, "delivery_status");
    c = (struct jcheck){""};
    amojo_check_message(&c, o, false, &call);
    assert_string_equal(c.words, "");
    assert_true(call.edit);
    json_object_put(o);
}

static void a_files_name_and_size_may_be_missing_when_that_is_allowed(void **state)
{
    static const char picture[] =
        "{\"event_type\":\"new_message\",\"payload\":{\"timestamp\":1767225720,"
        "\"msec_timestamp\":1767225720250,\"msgid\":\"m-1\",\"conversation_id\":\"c-1\","
        "\"sender\":{\"id\":\"u-1\",\"name\":\"N\"},"
        "\"message\":{\"type\":\"picture\",\"text\":null,\"media\":\"https://e.com/1\"}}}";
    struct json_object *o = jread_parse(VIEW_LIT(picture));
    struct jcheck c = {""};
    struct amojo_call call;

    (void)state;
    amojo_check_message(&c, o, true, &call);
    assert_string_equal(c.words, "");
    amojo_check_message(&c, o, false, &call);
    assert_string_equal(c.words, "payload.message.file_name: is required");
    json_object_put(o);
}

static void an_emoji_is_no_word(void **state)
{
    struct jcheck c = {""};

    (void)state;
    amojo_check_emoji(&c, "\xf0\x9f\x91\x8d");
    amojo_check_emoji(&c, NULL);
    assert_false(jcheck_bad(&c));
    amojo_check_emoji(&c, "ok");
    assert_string_equal(c.words, "emoji: must be an emoji");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_documented_message_call_is_taken),
        cmocka_unit_test(numbers_must_be_numbers_and_strings_strings),
        cmocka_unit_test(ids_and_sources_have_limits),
        cmocka_unit_test(roles_are_checked),
        cmocka_unit_test(each_kind_needs_its_fields),
        cmocka_unit_test(parts_have_their_types),
        cmocka_unit_test(an_edit_may_leave_out_what_did_not_change),
        cmocka_unit_test(a_files_name_and_size_may_be_missing_when_that_is_allowed),
        cmocka_unit_test(an_emoji_is_no_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
