#include "core/model/reach.h"

#include <string.h>

#include "base/mem.h"
#include "base/testing.h"

/* Channels "c" and "d"; accounts a, b. Built by rows, as the store loads it. */
static struct registry *registry_of(const char *const *scopes, const char *const *sources)
{
    struct registry *r = NULL;

    assert_int_equal(registry_new(&r), 0);
    for (size_t i = 0; scopes[i]; i += 3) { /* id, connector, "" or "left" */
        struct reg_scope *s = registry_add_scope(r);

        assert_non_null(s);
        s->id = mem_strdup(scopes[i]);
        s->connector = mem_strdup(scopes[i + 1]);
        s->disconnected = scopes[i + 2][0] != '\0';
    }
    for (const char *const *name = (const char *const[]){"old", "new", NULL}; *name; name++) {
        struct reg_connector *con = registry_add_connector(r);

        assert_non_null(con);
        con->name = mem_strdup(*name);
    }
    for (size_t i = 0; sources[i]; i += 3) { /* connector, source, scope */
        struct reg_source *s = registry_add_source(r);

        assert_non_null(s);
        s->connector = mem_strdup(sources[i]);
        s->source = mem_strdup(sources[i + 1]);
        s->scope = mem_strdup(sources[i + 2]);
    }
    return r;
}

struct reach_case {
    const char *what;
    const char *scopes[13];
    const char *sources[7];
    const char *connector, *source, *scope; /* what the conversation remembers */
    enum reach_way way;
    const char *to, *by; /* NULL: nobody */
};

static const struct reach_case cases[] = {
    {"the only account takes any source",
     {"c_a", "old", "", NULL},
     {NULL},
     "old", "wa1",
     "c_a", REACH_STAYS,
     "c_a", "old"},
    {"a listed source is its account's",
     {"c_a", "old", "", "c_b", "old", "", NULL},
     {"old", "wa1", "c_b", NULL},
     "old", "wa1",
     "c_a", REACH_FOLLOWS,
     "c_b", "old"},
    {"what nobody has listed is nobody's when there are two",
     {"c_a", "old", "", "c_b", "old", "", NULL},
     {NULL},
     "old", "wa1",
     "c_a", REACH_NOBODY,
     NULL,  NULL },
    {"an account that left waits for its return",
     {"c_a", "old", "left", NULL},
     {NULL},
     "old", "wa1",
     "c_a", REACH_NOBODY,
     NULL,  NULL },
    {"whoever is alone on the connector has its clients",
     {"c_a", "old", "left", "c_b", "old", "", NULL},
     {NULL},
     "old", "wa1",
     "c_a", REACH_FOLLOWS,
     "c_b", "old"},
    {"but not those of a source that is listed for who left",
     {"c_a", "old", "left", "c_b", "old", "", NULL},
     {"old", "wa1", "c_a", NULL},
     "old", "wa1",
     "c_a", REACH_NOBODY,
     NULL,  NULL },
    {"an account under another channel is the same account",
     {"c_a", "old", "left", "d_a", "old", "", NULL},
     {NULL},
     "old", "wa1",
     "c_a", REACH_FOLLOWS,
     "d_a", "old"},
    {"also when its channel of before is not there any more",
     {"d_a", "new", "", NULL},
     {NULL},
     "old", "wa1",
     "c_a", REACH_FOLLOWS,
     "d_a", "new"},
    {"an account takes its conversations to its new connector",
     {"c_a", "new", "", "c_b", "old", "", NULL},
     {NULL},
     "old", "wa1",
     "c_a", REACH_FOLLOWS,
     "c_a", "new"},
    {"not to one where the source is another account's",
     {"c_a", "new", "", "c_b", "new", "", NULL},
     {"new", "wa1", "c_b", NULL},
     "old", "wa1",
     "c_a", REACH_NOBODY,
     NULL,  NULL },
    {"a conversation without a source stays with its account",
     {"c_a", "old", "", "c_b", "old", "", NULL},
     {"old", "wa1", "c_b", NULL},
     "old", "",
     "c_a", REACH_STAYS,
     "c_a", "old"},
    {"and is nobody else's when it left",
     {"c_a", "old", "left", "c_b", "old", "", NULL},
     {NULL},
     "old", "",
     "c_a", REACH_NOBODY,
     NULL,  NULL },
    {"a source listed for one that uses another connector now is not reached by this one",
     {"c_a", "new", "", "c_b", "new", "", NULL},
     {"old", "wa1", "c_b", NULL},
     "old", "wa1",
     "c_c", REACH_NOBODY,
     NULL,  NULL },
};

static void the_registry_says_who_is_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        const struct reach_case *k = &cases[i];
        struct registry *r = registry_of(k->scopes, k->sources);
        struct conversation conv = {.id = 1,
                                    .connector = mem_strdup(k->connector),
                                    .source = mem_strdup(k->source),
                                    .scope = mem_strdup(k->scope)};
        struct reach to = reach_of(r, &conv);

        print_message("%s\n", k->what);
        assert_int_equal(to.way, k->way);
        assert_int_equal(to.scope != NULL, k->to != NULL);
        if (k->to) {
            assert_string_equal(to.scope->id, k->to);
            assert_string_equal(to.scope->connector, k->by);
        }
        conversation_fini(&conv);
        registry_free(r);
    }
}

static void door_and_core_agree_about_every_listed_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        const struct reach_case *k = &cases[i];
        struct registry *r = registry_of(k->scopes, k->sources);
        bool known = false;

        for (size_t j = 0; j < r->n_sources; j++) {
            const struct reg_scope *s = registry_scope_of_source(
                r, view_of(r->sources[j].connector), view_of(r->sources[j].source), &known);

            assert_true(!s || strcmp(s->connector, r->sources[j].connector) == 0);
        }
        registry_free(r);
    }
}

static void what_does_not_decide_who_is_reached_changes_no_fingerprint(void **state)
{
    static const char *const scopes[] = {"c_a", "old", "", NULL};
    static const char *const none[] = {NULL};
    static const char *const one[] = {"old", "wa1", "c_a", NULL};
    struct registry *r = registry_of(scopes, none);
    struct registry *other = registry_of(scopes, one);
    uint64_t before = reach_fingerprint(r);

    (void)state;
    r->scopes[0].paused = true;
    r->version++;
    assert_true(reach_fingerprint(r) == before);
    r->scopes[0].disconnected = true;
    assert_true(reach_fingerprint(r) != before);
    assert_true(reach_fingerprint(other) != before);
    registry_free(r);
    registry_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_registry_says_who_is_reached),
        cmocka_unit_test(door_and_core_agree_about_every_listed_source),
        cmocka_unit_test(what_does_not_decide_who_is_reached_changes_no_fingerprint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
