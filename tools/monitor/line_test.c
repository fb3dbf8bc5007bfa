#include "tools/monitor/line.h"

#include <assert.h>

#include "base/testing.h"
#include "proto/command.h"
#include "proto/content_testing.h"
#include "proto/event.h"
#include "proto/messages.h"
#include "proto/query.h"
#include "proto/registry.h"
#include "proto/session.h"

/* Every kind of text that must not come through, one that is in no other string here. */
#define PHONE  "79001234567"
#define SECRET "Chrysanthemum"

struct printer {
    struct line_style style;
    const struct tap_message *message;
    struct buf out;
    size_t n_items;
};

static void on_item(void *arg, const struct envelope *env, const struct decode_item *item)
{
    struct printer *p = arg;

    assert_int_equal(line_item(p->style, p->message, env, item, NULL, &p->out), 0);
    p->n_items++;
}

/* The lines of one frame with @body; the number of its items. */
static size_t print_frame(enum msg_kind kind, struct view body, struct line_style style,
                          struct buf *ret_lines)
{
    struct envelope env = {.version = ENVELOPE_VERSION, .kind = kind, .unix_ms = 1763816400123};
    char head[ENVELOPE_MAX_LEN];
    size_t head_len = 0;
    struct tap_message m = {
        .process = VIEW_LIT("core"), .number = 9, .direction = '<', .body = body};
    struct printer p = {.style = style, .message = &m};

    envelope_encode(&env, head, &head_len);
    m.head = view_make(head, head_len);
    buf_init(&p.out, 1 << 20);
    assert_int_equal(decode_frame(&m, on_item, &p), 0);
    *ret_lines = p.out;
    return p.n_items;
}

/* A pushed event, encoded from @e. */
static void push_of(const struct event *e, struct buf *ret_body)
{
    struct id spool = {{3}};
    struct buf bytes;

    buf_init(&bytes, 1 << 16);
    buf_init(ret_body, 1 << 16);
    assert_int_equal(event_encode(e, &bytes), 0);
    assert_int_equal(event_push_begin(ret_body, &spool, 1, 1), 0);
    assert_int_equal(event_push_add(ret_body, 12, buf_view(&bytes), 0), 0);
    buf_fini(&bytes);
}

static void an_event_is_one_line(void **state)
{
    struct event e = {.kind = EVENT_SERVICE_MESSAGE,
                      .trace = {{1, 2}},
                      .connector = VIEW_LIT("demo"),
                      .conversation = VIEW_LIT(PHONE),
                      .sender_name = VIEW_LIT("Ivan"),
                      .content.text = VIEW_LIT("Hello"),
                      .silent = true};
    struct line_style style = {.json = false};
    struct buf body;
    struct buf lines;

    (void)state;
    push_of(&e, &body);
    assert_int_equal(print_frame(MSG_EVENT_PUSH, buf_view(&body), style, &lines), 1);
    assert_string_equal(buf_str(&lines),
                        "13:00:00.123 core       < event number=12 "
                        "trace=01020000-0000-0000-0000-000000000000 kind=service.message "
                        "connector=demo conversation=***4567 sender_name=\xc2\xab"
                        "4 chars\xc2\xbb silent=yes "
                        "text=\xc2\xab"
                        "5 chars\xc2\xbb\n");
    buf_fini(&lines);
    style.json = true;
    assert_int_equal(print_frame(MSG_EVENT_PUSH, buf_view(&body), style, &lines), 1);
    assert_string_equal(
        buf_str(&lines),
        "{\"at\":\"2025-11-22T13:00:00.123Z\",\"process\":\"core\",\"direction\":\"in\","
        "\"frame\":\"EVENT_PUSH\",\"frame_number\":9,\"what\":\"event\",\"number\":12,"
        "\"trace\":\"01020000-0000-0000-0000-000000000000\",\"fields\":{\"kind\":\"service."
        "message\","
        "\"connector\":\"demo\",\"conversation\":\"***4567\",\"sender_name\":\"\xc2\xab"
        "4 chars\xc2\xbb\","
        "\"silent\":true,\"text\":\"\xc2\xab"
        "5 chars\xc2\xbb\"}}\n");
    buf_fini(&lines);
    buf_fini(&body);
}

/* All texts of an event that are not in its content, which has its own list. */
/* clang-format 14 packs these rows differently at each run */
/* clang-format off */
#define EVENT_TEXTS(X)                                                                         \
    X(scope) X(connector) X(source) X(chat_id) X(chat_client_id) X(conversation)               \
    X(sender_id) X(sender_name) X(sender_phone) X(sender_email) X(sender_avatar)               \
    X(sender_link)                                                                             \
    X(receiver_id) X(receiver_client_id) X(receiver_name) X(receiver_phone) X(receiver_email)  \
    X(message_id) X(raw_type) X(author) X(post_id) X(status) X(error_code) X(error_text)       \
    X(message_client_id) X(emoji) X(raw) X(reason) X(dedup) X(webhook_id)
/* clang-format on */

/* Whoever adds a text to the event adds it to the list above, too. */
enum {
#define COUNT(field) TEXT_##field,
    EVENT_TEXTS(COUNT)
#undef COUNT
    N_EVENT_TEXTS
};
static_assert(sizeof(struct event) ==
                  N_EVENT_TEXTS * sizeof(struct view) + sizeof(struct content) + 88,
              "EVENT_TEXTS names every text of struct event");

/* What people wrote, are called, or can be found by. */
/* clang-format off */
#define EVENT_PERSONAL(X)                                                                      \
    X(sender_name) X(sender_phone) X(sender_email) X(sender_avatar) X(sender_link)             \
    X(receiver_name) X(receiver_phone) X(receiver_email) X(error_text) X(emoji) X(raw)
#define CONTENT_PERSONAL(X)                                                                    \
    X(text) X(media) X(media_name) X(thumbnail) X(lat) X(lon) X(contact_name)                  \
    X(contact_phone) X(callback_data) X(buttons) X(list) X(template) X(shared_post) X(post)    \
    X(reply_text) X(reply_author) X(forward_text) X(forward_media) X(forward_media_name)       \
    X(forward_author)
/* clang-format on */

static void no_field_of_an_event_leaks_a_phone(void **state)
{
    struct event e = {.kind = EVENT_AMO_MESSAGE};
    struct line_style styles[] = {{.json = false}, {.json = true}};

    (void)state;
#define FILL(field) e.field = VIEW_LIT(PHONE);
    EVENT_TEXTS(FILL)
#undef FILL
#define FILL(field) e.content.field = VIEW_LIT(PHONE);
    CONTENT_TEXTS(FILL)
#undef FILL
    e.scope = VIEW_LIT("chan_acc"); /* ours: no phone can be in these two */
    e.connector = VIEW_LIT("demo");
    for (size_t i = 0; i < AMO_COUNT(styles); i++) {
        struct buf body;
        struct buf lines;

        push_of(&e, &body);
        assert_int_equal(print_frame(MSG_EVENT_PUSH, buf_view(&body), styles[i], &lines), 1);
        assert_null(view_find(buf_view(&lines), "9001234"));
        assert_non_null(view_find(buf_view(&lines), "dedup"));
        buf_fini(&lines);
        buf_fini(&body);
    }
}

static void no_personal_field_of_an_event_leaks_words(void **state)
{
    struct event e = {.kind = EVENT_AMO_MESSAGE};
    struct line_style style = {.json = false};
    struct buf body;
    struct buf lines;

    (void)state;
#define FILL(field) e.field = VIEW_LIT(SECRET);
    EVENT_PERSONAL(FILL)
#undef FILL
#define FILL(field) e.content.field = VIEW_LIT(SECRET);
    CONTENT_PERSONAL(FILL)
#undef FILL
    push_of(&e, &body);
    (void)print_frame(MSG_EVENT_PUSH, buf_view(&body), style, &lines);
    assert_null(view_find(buf_view(&lines), SECRET));
    buf_fini(&lines);
    style.reveal = true; /* the same field by field shows it, so it was there to be hidden */
    (void)print_frame(MSG_EVENT_PUSH, buf_view(&body), style, &lines);
    assert_non_null(view_find(buf_view(&lines), "text=" SECRET));
    assert_non_null(view_find(buf_view(&lines), "raw=" SECRET));
    buf_fini(&lines);
    buf_fini(&body);
}

/* {key: [one map]} */
static void list_of(const char *key, struct view map, struct buf *ret_body)
{
    msgpack_packer pk;

    buf_init(ret_body, 1 << 16);
    pack_init(&pk, ret_body);
    (void)msgpack_pack_map(&pk, 1);
    pack_key(&pk, key);
    (void)msgpack_pack_array(&pk, 1);
    (void)buf_add_view(ret_body, map);
    assert_int_equal(buf_error(ret_body), 0);
}

static void commands_and_results_hide_people_and_answers(void **state)
{
    struct command c = {.kind = COMMAND_AMO_MESSAGE,
                        .id = 7,
                        .sender_name = VIEW_LIT(SECRET),
                        .sender_phone = VIEW_LIT(PHONE),
                        .sender_email = VIEW_LIT(SECRET),
                        .sender_avatar = VIEW_LIT(SECRET),
                        .sender_link = VIEW_LIT(SECRET),
                        .receiver_name = VIEW_LIT(SECRET),
                        .receiver_phone = VIEW_LIT(PHONE),
                        .receiver_id = VIEW_LIT(PHONE),
                        .receiver_ref_id = VIEW_LIT(PHONE),
                        .receiver_email = VIEW_LIT(SECRET),
                        .forward_conversation_id = VIEW_LIT(PHONE),
                        .content.text = VIEW_LIT(SECRET),
                        .error_text = VIEW_LIT(SECRET),
                        .title = VIEW_LIT(SECRET)};
    struct result r = {.id = 7,
                       .attempt = 1,
                       .outcome = OUTCOME_RETRY,
                       .cause = CAUSE_SERVER,
                       .status = 503,
                       .evidence = VIEW_LIT(SECRET),
                       .words = VIEW_LIT(SECRET),
                       .code = VIEW_LIT("busy_" PHONE)};
    struct line_style style = {.json = false};
    struct buf map;
    struct buf body;
    struct buf lines;

    (void)state;
    buf_init(&map, 1 << 16);
    assert_int_equal(command_encode(&c, &map), 0);
    list_of("commands", buf_view(&map), &body);
    assert_int_equal(print_frame(MSG_COMMAND_PUSH, buf_view(&body), style, &lines), 1);
    assert_null(view_find(buf_view(&lines), SECRET));
    assert_null(view_find(buf_view(&lines), "9001234"));
    assert_non_null(view_find(buf_view(&lines), "command kind=amo.message id=7"));
    buf_fini(&lines);
    buf_fini(&body);

    buf_reset(&map);
    assert_int_equal(result_encode(&r, &map), 0);
    list_of("results", buf_view(&map), &body);
    assert_int_equal(print_frame(MSG_RESULT_PUSH, buf_view(&body), style, &lines), 1);
    assert_null(view_find(buf_view(&lines), SECRET));
    assert_non_null(view_find(buf_view(&lines),
                              "result id=7 attempt=1 outcome=retry cause=server status=503"));
    buf_fini(&lines);
    buf_fini(&body);
    buf_fini(&map);
}

static void registry_bytes(struct buf *ret)
{
    struct registry *r = NULL;
    struct reg_channel *ch = NULL;
    struct reg_connector *co = NULL;

    assert_int_equal(registry_new(&r), 0);
    r->version = 4;
    ch = registry_add_channel(r);
    co = registry_add_connector(r);
    assert_true(ch && co);
    ch->id = mem_strdup(SECRET);
    co->name = mem_strdup(SECRET);
    assert_int_equal(secret_init(&ch->secrets[0], VIEW_LIT(SECRET)), 0);
    assert_int_equal(secret_init(&co->secrets[0], VIEW_LIT(SECRET)), 0);
    assert_int_equal(secret_init(&co->tokens[0], VIEW_LIT(SECRET)), 0);
    buf_init(ret, 1 << 16);
    assert_int_equal(registry_encode(r, ROLE_INGRESS, ret), 0);
    registry_free(r);
}

static void a_hint_is_shown_as_the_event_in_it(void **state)
{
    const struct event e = {.kind = EVENT_SERVICE_TYPING,
                            .trace = {{1, 2}},
                            .conversation = VIEW_LIT(PHONE),
                            .expires_ms = 1763816405123};
    struct line_style style = {.json = false};
    struct buf bytes;
    struct buf body;
    struct buf lines;

    (void)state;
    buf_init(&bytes, 4096);
    buf_init(&body, 4096);
    assert_int_equal(event_encode(&e, &bytes), 0);
    assert_int_equal(ephemeral_encode(buf_view(&bytes), &body), 0);
    assert_int_equal(print_frame(MSG_EVENT_EPHEMERAL, buf_view(&body), style, &lines), 1);
    assert_string_equal(buf_str(&lines),
                        "13:00:00.123 core       < event_ephemeral "
                        "trace=01020000-0000-0000-0000-000000000000 kind=service.typing "
                        "conversation=***4567 expires_ms=1763816405123\n");
    buf_fini(&lines);
    buf_fini(&bytes);
    buf_fini(&body);
}

static void questions_answers_and_replays_show_ids_and_no_bodies(void **state)
{
    const struct query q = {
        .number = 3, .connector = VIEW_LIT("demo"), .message_id = VIEW_LIT(PHONE)};
    const struct answer a = {.number = 3,
                             .found = true,
                             .mid = VIEW_LIT("demo-m-1"),
                             .direction = VIEW_LIT("out"),
                             .state = VIEW_LIT("failed"),
                             .reason = VIEW_LIT("refused"),
                             .words = VIEW_LIT(SECRET),
                             .service_id = VIEW_LIT(PHONE),
                             .settled_ms = 1763816400123};
    const struct replay r = {
        .number = 12, .scope = VIEW_LIT("chan_acc"), .raw = VIEW_LIT(SECRET)};
    struct line_style style = {.json = false};
    struct buf body;
    struct buf lines;

    (void)state;
    buf_init(&body, 4096);
    assert_int_equal(query_encode(&q, &body), 0);
    (void)print_frame(MSG_QUERY, buf_view(&body), style, &lines);
    assert_non_null(
        view_find(buf_view(&lines), "< query number=3 connector=demo message_id=***4567\n"));
    buf_fini(&lines);
    buf_reset(&body);
    assert_int_equal(answer_encode(&a, &body), 0);
    (void)print_frame(MSG_ANSWER, buf_view(&body), style, &lines);
    assert_non_null(view_find(buf_view(&lines),
                              "< answer number=3 found=yes mid=demo-m-1 direction=out "
                              "state=failed reason=refused words=\xc2\xab"
                              "13 chars\xc2\xbb service_id=***4567 "
                              "settled_ms=1763816400123\n"));
    buf_fini(&lines);
    buf_reset(&body);
    assert_int_equal(replay_encode(&r, &body), 0);
    (void)print_frame(MSG_REPLAY, buf_view(&body), style, &lines);
    assert_non_null(view_find(buf_view(&lines), "< replay number=12 scope=chan_acc raw=\xc2\xab"
                                                "13 chars\xc2\xbb\n"));
    buf_fini(&lines);
    buf_fini(&body);
}

static void a_registry_shows_its_size_and_no_secret_even_when_asked(void **state)
{
    static const char want[] = "registry=version:4,channels:1,connectors:1,scopes:0,sources:0";
    struct line_style styles[] = {{.reveal = false}, {.reveal = true}};
    struct welcome w = {.credit = 5};
    struct buf registry;
    struct buf body;

    (void)state;
    registry_bytes(&registry);
    w.registry = buf_view(&registry);
    buf_init(&body, 1 << 16);
    assert_int_equal(welcome_encode(&w, &body), 0);
    for (size_t i = 0; i < AMO_COUNT(styles); i++) {
        struct buf lines;

        (void)print_frame(MSG_WELCOME, buf_view(&body), styles[i], &lines);
        assert_null(view_find(buf_view(&lines), SECRET));
        assert_non_null(view_find(buf_view(&lines), want));
        buf_fini(&lines);
        (void)print_frame(MSG_REGISTRY, buf_view(&registry), styles[i], &lines);
        assert_null(view_find(buf_view(&lines), SECRET));
        assert_non_null(view_find(buf_view(&lines), want));
        buf_fini(&lines);
    }
    buf_fini(&body);
    buf_fini(&registry);
}

static void ranges_are_written_as_ranges(void **state)
{
    struct id spool = {{3}};
    struct line_style style = {.json = false};
    struct buf pairs;
    struct buf body;
    struct buf lines;

    (void)state;
    buf_init(&pairs, 1024);
    buf_init(&body, 1024);
    assert_int_equal(pairs_add(&pairs, 1, 4), 0);
    assert_int_equal(pairs_add(&pairs, 7, 7), 0);
    assert_int_equal(taken_encode(&spool, buf_view(&pairs), &body), 0);
    (void)print_frame(MSG_EVENT_TAKEN, buf_view(&body), style, &lines);
    assert_non_null(
        view_find(buf_view(&lines),
                  "event_taken spool=03000000-0000-0000-0000-000000000000 pairs=1-4,7\n"));
    buf_fini(&lines);
    (void)print_frame(MSG_RESULT_TAKEN, buf_view(&body), style, &lines);
    assert_non_null(view_find(buf_view(&lines), "pairs=1/4,7/7\n"));
    buf_fini(&lines);
    buf_fini(&body);
    buf_fini(&pairs);
}

static void a_revealed_text_cannot_forge_a_field_or_a_line(void **state)
{
    struct event e = {.kind = EVENT_SERVICE_MESSAGE,
                      .content.text = VIEW_LIT("a \"b\" scope=x\nc\\\x1b[2J")};
    struct line_style style = {.reveal = true};
    struct buf body;
    struct buf lines;

    (void)state;
    push_of(&e, &body);
    (void)print_frame(MSG_EVENT_PUSH, buf_view(&body), style, &lines);
    assert_non_null(view_find(buf_view(&lines), " text=\"a \\\"b\\\" scope=x c\\\\[2J\"\n"));
    buf_fini(&lines);
    style.json = true;
    (void)print_frame(MSG_EVENT_PUSH, buf_view(&body), style, &lines);
    assert_non_null(
        view_find(buf_view(&lines), "\"text\":\"a \\\"b\\\" scope=x\\nc\\\\\\u001b[2J\""));
    buf_fini(&lines);
    buf_fini(&body);
}

static void frames_that_are_not_understood_are_still_shown(void **state)
{
    struct line_style style = {.json = false};
    struct view bodies[] = {VIEW_LIT(""),
                            VIEW_LIT("\xc1"),
                            VIEW_LIT("\x80"),
                            VIEW_LIT("\x93\x01\x02"),
                            VIEW_LIT("\x81\xa6"
                                     "events\x91\x01"),
                            VIEW_LIT("\x81\xa6"
                                     "events\x91\x92\x01\xc4\x01\xc1")};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(bodies); i++) {
        struct buf lines;

        assert_int_equal(print_frame(MSG_EVENT_PUSH, bodies[i], style, &lines), 1);
        assert_non_null(view_find(buf_view(&lines), "malformed=yes"));
        buf_fini(&lines);
        assert_int_equal(print_frame(MSG_EVENT_EPHEMERAL, bodies[i], style, &lines), 1);
        assert_non_null(view_find(buf_view(&lines), "malformed=yes"));
        buf_fini(&lines);
        (void)print_frame((enum msg_kind)99, bodies[i], style, &lines);
        assert_non_null(view_find(buf_view(&lines), "< unknown"));
        buf_fini(&lines);
    }
}

static void a_refusal_tells_its_reason(void **state)
{
    struct line_style style = {.json = false};
    struct buf lines;

    (void)state;
    (void)print_frame(MSG_REFUSED, VIEW_LIT("version not spoken here"), style, &lines);
    assert_non_null(
        view_find(buf_view(&lines), "refused reason=\"version not spoken here\"\n"));
    buf_fini(&lines);
}

static void dropped_frames_are_counted(void **state)
{
    struct line_style style = {.json = false};
    struct buf lines;

    (void)state;
    buf_init(&lines, 4096);
    assert_int_equal(line_dropped(style, VIEW_LIT("core"), 3, 1763816400123, &lines), 0);
    assert_string_equal(buf_str(&lines), "13:00:00.123 core       ! dropped 3\n");
    buf_reset(&lines);
    style.json = true;
    assert_int_equal(line_dropped(style, VIEW_LIT("core"), 3, 1763816400123, &lines), 0);
    assert_string_equal(
        buf_str(&lines),
        "{\"at\":\"2025-11-22T13:00:00.123Z\",\"process\":\"core\",\"dropped\":3}\n");
    buf_fini(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line),
        cmocka_unit_test(no_field_of_an_event_leaks_a_phone),
        cmocka_unit_test(no_personal_field_of_an_event_leaks_words),
        cmocka_unit_test(commands_and_results_hide_people_and_answers),
        cmocka_unit_test(a_hint_is_shown_as_the_event_in_it),
        cmocka_unit_test(questions_answers_and_replays_show_ids_and_no_bodies),
        cmocka_unit_test(a_registry_shows_its_size_and_no_secret_even_when_asked),
        cmocka_unit_test(ranges_are_written_as_ranges),
        cmocka_unit_test(a_revealed_text_cannot_forge_a_field_or_a_line),
        cmocka_unit_test(frames_that_are_not_understood_are_still_shown),
        cmocka_unit_test(a_refusal_tells_its_reason),
        cmocka_unit_test(dropped_frames_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
