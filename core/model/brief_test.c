#include "core/model/brief.h"

#include <string.h>

#include "base/mem.h"
#include "base/testing.h"

#define CHANNEL "f90ba33d-c9d9-44da-b76c-c349b0ecbe41"
#define OTHER   "0a1b2c3d-c9d9-44da-b76c-c349b0ecbe41"
#define ONE     "2b13cae0-24f7-4058-b9ad-c13ee05e1b53"
#define TWO     "3c13cae0-24f7-4058-b9ad-c13ee05e1b53"

static struct registry *some_accounts(void)
{
    static const char *const scopes[] = {CHANNEL "_" ONE, CHANNEL "_" TWO, OTHER "_" TWO,
                                         "ch_acc"};
    static const char *const channels[] = {CHANNEL, OTHER, "ch"};
    struct registry *r = NULL;

    assert_int_equal(registry_new(&r), 0);
    for (size_t i = 0; i < AMO_COUNT(scopes); i++) {
        struct reg_scope *s = registry_add_scope(r);

        assert_non_null(s);
        s->id = mem_strdup(scopes[i]);
    }
    for (size_t i = 0; i < AMO_COUNT(channels); i++) {
        struct reg_channel *c = registry_add_channel(r);

        assert_non_null(c);
        c->id = mem_strdup(channels[i]);
    }
    return r;
}

static void an_account_is_found_by_the_beginning_of_its_id(void **state)
{
    static const struct {
        const char *word;
        const char *scope; /* NULL: nobody's */
        size_t n;
    } cases[] = {
        {CHANNEL "_" ONE,          CHANNEL "_" ONE, 1},
        {"ch_acc",                 "ch_acc",        1},
        {"2b13cae0",               CHANNEL "_" ONE, 1},
        {"2b13cae0-24f7",          CHANNEL "_" ONE, 1},
        {ONE,                      CHANNEL "_" ONE, 1},
        {"f90ba33d_2b13cae0",      CHANNEL "_" ONE, 1},
        {"0a1b2c3d_3c13cae0-24f7", OTHER "_" TWO,   1},
        {"3c13cae0",               NULL,            2},
        {TWO,                      NULL,            2},
        {"2b13cae",                NULL,            0}, /* too short */
        {"f90ba33d",               NULL,            0}, /* a channel, not an account */
        {"f90ba33d_2b1",           NULL,            0},
        {"f90ba33d_",              NULL,            0},
        {"_2b13cae0",              NULL,            0},
        {"2b13cae0-24f8",          NULL,            0},
        {ONE "0",                  NULL,            0},
        {"",                       NULL,            0},
    };
    struct registry *r = some_accounts();

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        size_t n = 7;
        const struct reg_scope *s = brief_scope(r, view_of(cases[i].word), &n);

        if (n != cases[i].n || (s != NULL) != (cases[i].scope != NULL))
            fail_msg("%s: %zu", cases[i].word, n);
        if (s)
            assert_string_equal(s->id, cases[i].scope);
    }
    registry_free(r);
}

static void a_channel_is_found_by_the_beginning_of_its_id(void **state)
{
    struct registry *r = some_accounts();
    size_t n = 0;

    (void)state;
    assert_string_equal(brief_channel(r, VIEW_LIT("f90ba33d"), &n)->id, CHANNEL);
    assert_string_equal(brief_channel(r, VIEW_LIT(OTHER), &n)->id, OTHER);
    assert_string_equal(brief_channel(r, VIEW_LIT("ch"), &n)->id, "ch");
    assert_null(brief_channel(r, VIEW_LIT("f90ba33"), &n));
    assert_int_equal(n, 0);
    registry_free(r);
}

/* The same whether the rows are in order or not. */
static void an_account_is_shown_by_what_finds_it(void **state)
{
    struct registry *r = some_accounts();
    char shown[BRIEF_MOST + 1];

    (void)state;
    for (int ordered = 0; ordered < 2; ordered++) {
        assert_true(brief_of_scope(r, registry_scope(r, VIEW_LIT(CHANNEL "_" ONE)), shown));
        assert_string_equal(shown, "2b13cae0");
        assert_true(brief_of_scope(r, registry_scope(r, VIEW_LIT(OTHER "_" TWO)), shown));
        assert_string_equal(shown, "0a1b2c3d_3c13cae0");
        assert_false(brief_of_scope(r, registry_scope(r, VIEW_LIT("ch_acc")), shown));
        assert_string_equal(shown, "");
        if (ordered == 0) {
            struct reg_scope first[2] = {r->scopes[0], r->scopes[1]};

            memmove(&r->scopes[0], &r->scopes[2], sizeof(first));
            memcpy(&r->scopes[2], first, sizeof(first));
            registry_ready(r);
            assert_int_equal(r->n_scopes_ordered, r->n_scopes);
        }
    }
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_shown_by_what_finds_it),
        cmocka_unit_test(an_account_is_found_by_the_beginning_of_its_id),
        cmocka_unit_test(a_channel_is_found_by_the_beginning_of_its_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
