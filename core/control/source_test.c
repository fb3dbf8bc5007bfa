/* Whose a number is: since when, and whose it was before. */

#include <string.h>

#include "base/process.h"
#include "core/control/control.h"
#include "core/testing/amoctl.h"

#define OF(source, scope)                                                                      \
    "{\"connector\":\"svc\",\"source\":\"" source "\",\"scope_id\":\"" scope "\",\"move\":"    \
    "true}"

/* What source.list says of the only source: whose it is, whose it was ("" nobody's), and that it is known who
 * gave it when. */
static void list_says(struct rig *r, const char *scope, const char *was)
{
    struct reply reply = ctl_ask(r, "source.list", "{}");
    const struct json_node *one = json_array_at(json_root(reply.doc), 0);
    struct view v = VIEW_NONE;

    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, one, "scope_id", scope);
    assert_int_equal(json_text(reply.doc, json_get(one, "was"), &v), 0);
    assert_true(was[0] ? view_is(v, was) : v.len == 0);
    assert_int_equal(json_text(reply.doc, json_get(one, "given_by"), &v), 0);
    assert_true(v.len > 0);
    assert_int_equal(json_text(reply.doc, json_get(one, "since"), &v), 0);
    assert_true(v.len > 0);
    json_free(reply.doc);
}

static void it_is_known_since_when_a_number_is_whose_and_whose_it_was(void **state)
{
    struct rig *r = *state;

    rig_register_account(r, "ch_far");
    ctl_fine(r, "source.add", OF("wa1", "ch_acc"));
    list_says(r, "ch_acc", "");
    ctl_fine(r, "source.add", OF("wa1", "ch_far"));
    list_says(r, "ch_far", "ch_acc");
    ctl_fine(r, "source.add", OF("wa1", "ch_far")); /* once more: nothing is forgotten */
    list_says(r, "ch_far", "ch_acc");
    rig_restart(r);
    list_says(r, "ch_far", "ch_acc");
    ctl_fine(r, "source.remove", "{\"connector\":\"svc\",\"source\":\"wa1\",\"move\":true}");
    ctl_fine(r, "source.add", OF("wa1", "ch_acc"));
    list_says(r, "ch_acc", "ch_far");
    ctl_fine(r, "source.move", "{\"connector\":\"svc\",\"source\":\"wa1\",\"to\":\"ch_far\"}");
    list_says(r, "ch_far", "ch_acc");
    ctl_fine(r, "source.move", "{\"connector\":\"svc\",\"source\":\"wa1\",\"undo\":true}");
    list_says(r, "ch_acc", "ch_far");
}

static void of_a_number_of_before_nobody_knows_since_when(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    struct view v = VIEW_NONE;

    rig_register_source(r, "wa1", "ch_acc");
    reply = ctl_ask(r, "source.list", "{}");
    assert_int_equal(
        json_text(reply.doc, json_path(json_array_at(json_root(reply.doc), 0), "since"), &v),
        0);
    assert_int_equal(v.len, 0);
    json_free(reply.doc);
    rig_register_account(r, "ch_far");
    ctl_fine(r, "source.add", OF("wa1", "ch_far"));
    list_says(r, "ch_far", "ch_acc");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_is_known_since_when_a_number_is_whose_and_whose_it_was),
        CASE(of_a_number_of_before_nobody_knows_since_when),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
