/* The table of refusals: counts by kind, within its bounds, whatever strangers send. */

#include "ingress/accept/trail.h"

#include <stdio.h>

#include "base/testing.h"

#define HOUR_MS 3600000
#define NOW_MS  INT64_C(1767225600000)

static struct trail all;

struct seen {
    size_t n;
    uint64_t refusals;
    size_t verified;
    struct refusal last;
    char id[REFUSAL_TEXT + 1];
};

static int begin(void **state)
{
    (void)state;
    trail_init(&all);
    return 0;
}

static int end(void **state)
{
    (void)state;
    trail_fini(&all);
    return 0;
}

static void see(void *arg, const struct refusal *r)
{
    struct seen *s = arg;

    s->n++;
    s->refusals += r->n;
    s->verified += r->verified;
    s->last = *r;
    assert_int_equal(view_copy(r->id, s->id, sizeof(s->id)), 0);
}

static struct seen told(void)
{
    struct seen s = {0};
    struct view text = trail_text(&all);

    if (text.ptr)
        assert_int_equal(refusals_decode(text, see, &s), 0);
    return s;
}

static void note(const char *name, unsigned status, const char *code, bool verified,
                 const char *id, int64_t now_ms)
{
    trail_note(&all,
               &(struct trail_what){.side = REFUSAL_CONNECTOR,
                                    .name = view_of(name),
                                    .status = status,
                                    .code = code,
                                    .verified = verified,
                                    .id = view_of(id),
                                    .from = "192.0.2.1"},
               now_ms);
}

static size_t kinds_of(const char *name, bool verified)
{
    size_t n = 0;

    for (size_t i = 0; i < TRAIL_ROWS; i++)
        n += all.rows[i].n && all.rows[i].verified == verified &&
             view_is(view_of(name), all.rows[i].name);
    return n;
}

static void a_kind_is_counted_and_the_last_one_kept(void **state)
{
    struct seen s;

    (void)state;
    assert_null(trail_text(&all).ptr);
    note("svc", 422, "required", true, "m-1", NOW_MS);
    note("svc", 422, "required", true, "m 2\n", NOW_MS + 5);
    s = told();
    assert_int_equal(s.n, 1);
    assert_true(s.last.n == 2 && s.last.since_ms == NOW_MS && s.last.last_ms == NOW_MS + 5);
    assert_string_equal(s.id, "m_2_");
    note("svc", 401, "required", true, "m-3", NOW_MS + 6);
    note("svc", 422, "required", false, "m-3", NOW_MS + 6);
    note("svc", 422, "too_long", true, "m-3", NOW_MS + 6);
    note("two", 422, "required", true, "m-3", NOW_MS + 6);
    assert_int_equal(kinds_of("svc", true) + kinds_of("svc", false) + kinds_of("two", true), 5);
}

static void after_an_hour_without_one_the_count_begins_anew(void **state)
{
    struct seen s;

    (void)state;
    note("svc", 401, "unauthorized", false, "", NOW_MS);
    note("svc", 401, "unauthorized", false, "", NOW_MS + HOUR_MS - 1);
    assert_int_equal(told().refusals, 2);
    note("svc", 401, "unauthorized", false, "", NOW_MS + 3 * (int64_t)HOUR_MS);
    s = told();
    assert_true(s.last.n == 1 && s.last.since_ms == NOW_MS + 3 * (int64_t)HOUR_MS);
}

/* Codes are constants in the program; here each is one of its own. */
static char words[2 * TRAIL_ROWS][8];

static const char *word(size_t i)
{
    (void)snprintf(words[i], sizeof(words[i]), "w%zu", i); /* fits */
    return words[i];
}

static void a_sender_has_so_many_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < (size_t)3 * TRAIL_OF_ONE; i++)
        note("svc", 422, word(i), true, "", NOW_MS + (int64_t)i);
    note("two", 422, "required", true, "", NOW_MS);
    note("svc", 401, "unauthorized", false, "", NOW_MS);
    assert_int_equal(kinds_of("svc", true), TRAIL_OF_ONE);
    assert_int_equal(kinds_of("svc", false), 1);
    assert_int_equal(kinds_of("two", true), 1);
}

static void strangers_take_no_place_of_what_was_verified(void **state)
{
    char name[16];

    (void)state;
    note("svc", 422, "required", true, "", NOW_MS - 1000);
    for (size_t i = 0; i < (size_t)2 * TRAIL_ROWS; i++) {
        (void)snprintf(name, sizeof(name), "c%zu", i); /* fits */
        note(name, 401, "unauthorized", false, "", NOW_MS + (int64_t)i);
    }
    assert_int_equal(kinds_of("svc", true), 1);
    for (size_t i = 0; i < TRAIL_ROWS; i++) {          /* all of them are verified ones now */
        (void)snprintf(name, sizeof(name), "v%zu", i); /* fits */
        note(name, 422, "required", true, "", NOW_MS + 1000 + (int64_t)i);
    }
    note("svc", 401, "unauthorized", false, "", NOW_MS + 5000);
    assert_int_equal(kinds_of("svc", false), 0);
}

/* Of a full table each row is told, and again in its turn. */
static void all_are_told_some_at_a_time(void **state)
{
    struct seen s;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < TRAIL_ROWS; i++)
        note(word(i), 422, "required", true, "", NOW_MS);
    while (n < TRAIL_ROWS) {
        s = told();
        assert_in_range(s.n, 1, REFUSAL_ROWS);
        n += s.n;
    }
    for (size_t i = 0; i < TRAIL_ROWS; i++)
        assert_true(all.rows[i].told);
    s = told(); /* nothing is new */
    assert_int_equal(s.n, 1);
    trail_again(&all);
    assert_int_equal(told().n, REFUSAL_ROWS - 1);
}

static void the_longest_texts_have_room(void **state)
{
    char name[TRAIL_NAME + 2];
    char text[REFUSAL_TEXT + 1];

    (void)state;
    memset(name, 'n', sizeof(name));
    memset(text, 't', sizeof(text));
    name[TRAIL_NAME + 1] = text[REFUSAL_TEXT] = '\0';
    note(name, 422, "required", true, "", NOW_MS); /* longer than any that is known */
    assert_null(trail_text(&all).ptr);
    name[TRAIL_NAME] = '\0';
    for (size_t i = 0; i < REFUSAL_ROWS; i++) {
        name[0] = (char)('a' + i);
        trail_note(&all,
                   &(struct trail_what){.side = REFUSAL_CONNECTOR,
                                        .name = view_of(name),
                                        .status = 422,
                                        .code = "an_error_code_of_forty_letters_as_no_is",
                                        .field = text,
                                        .reason = "a_reason_of_forty_letters_as_there_is_no",
                                        .verified = true,
                                        .id = view_of(text),
                                        .from = text},
                   NOW_MS);
    }
    assert_in_range(told().n, REFUSAL_ROWS - 1, REFUSAL_ROWS);
}

static void without_memory_it_is_told_later(void **state)
{
    (void)state;
    note("svc", 422, "required", true, "", NOW_MS);
    mem_fail_at(1);
    assert_null(trail_text(&all).ptr);
    mem_fail_at(0);
    assert_int_equal(told().n, 1);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

static void no_stranger_pushes_out_what_only_a_good_token_causes(void **state)
{
    bool found = false;

    (void)state;
    note("svc", 403, "forbidden", false, "m-1", NOW_MS);
    for (unsigned i = 0; i < 60; i++) /* whatever he varies, at one name and at others */
        note("svc", 404 + i, "nonsense", false, "x", NOW_MS + 1 + i);
    for (unsigned i = 0; i < 3 * TRAIL_ROWS; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "svc-%u", i);
        note(name, 401, "unauthorized", false, "x", NOW_MS + 100 + i);
    }
    for (size_t i = 0; i < TRAIL_ROWS; i++)
        found = found || (all.rows[i].n && all.rows[i].status == 403);
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_kind_is_counted_and_the_last_one_kept),
        WITH(after_an_hour_without_one_the_count_begins_anew),
        WITH(a_sender_has_so_many_kinds),
        WITH(strangers_take_no_place_of_what_was_verified),
        WITH(all_are_told_some_at_a_time),
        WITH(the_longest_texts_have_room),
        WITH(without_memory_it_is_told_later),
        WITH(no_stranger_pushes_out_what_only_a_good_token_causes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
