#include "tools/ctl/explain/page.h"

#include "base/nearest.h"
#include "base/testing.h"

static const char page[] =
    "# Page\n"
    "\n"
    "## Log\n"
    "\n"
    "| what | level | meaning, and what to do |\n"
    "|---|---|---|\n"
    "| `queue.full` | error | *often*: so many `a\\|b` wait. [The queue](#the-queue-is-full) "
    "|\n"
    "| `one`, `two` | info | both of them |\n"
    "| `amo_x{state,target}` | gauge | counted |\n"
    "| `queue drop --yes` | | gives up |\n"
    "\n"
    "## Runbook\n"
    "\n"
    "### The queue is full\n"
    "\n"
    "Help it, see [there](#log):\n"
    "- **first** this, which is so long that a line of forty columns cannot hold it;\n"
    "- then that [x, y], [{z}].\n"
    "\n"
    "```\n"
    "amoctl queue | grep x\n"
    "                as wide as it may be\n"
    "```\n"
    "\n"
    "| reason | what to do |\n"
    "|---|---|\n"
    "| `breaker` | wait |\n"
    "\n"
    "### Another's matter\n"
    "\n"
    "Nothing.\n";

/* The same page in Russian. */
static const char russian[] =
    "# Страница\n"
    "## Журнал\n"
    "| имя | что значит |\n"
    "|---|---|\n"
    "| `queue.full` | ждёт столько-то. [Очередь](#процесс-ждёт-очередь-я) |\n"
    "## Что делать, если\n"
    "### Процесс ждёт, Очередь Я\n"
    "| причина | что делать |\n"
    "|---|---|\n"
    "| `breaker` | ждать |\n"
    "### Чужое дело\n";

struct told {
    size_t n;
    struct buf out;
};

static int tell(void *arg, const struct page_part *part)
{
    struct told *t = arg;

    t->n++;
    (void)buf_add_char(&t->out, '[');
    (void)buf_add_view(&t->out, part->section);
    (void)buf_add_str(&t->out, "]\n");
    (void)buf_add_view(&t->out, part->text);
    if (part->more.ptr) {
        (void)buf_add_str(&t->out, "more: ");
        (void)buf_add_view(&t->out, part->more);
    }
    return buf_error(&t->out);
}

static int found(const char *name, struct told *t)
{
    *t = (struct told){0};
    buf_init(&t->out, 1 << 16);
    return page_find(view_of(page), view_of(name), 40, tell, t);
}

static void check(const char *name, const char *want)
{
    struct told t;

    assert_int_equal(found(name, &t), 0);
    assert_string_equal(buf_str(&t.out), want);
    buf_fini(&t.out);
}

#define THE_QUEUE                                                                              \
    "[The queue is full]\n"                                                                    \
    "Help it, see there:\n"                                                                    \
    "- first this, which is so long that a\n"                                                  \
    "  line of forty columns cannot hold it;\n"                                                \
    "- then that [x, y], [{z}].\n"                                                             \
    "\n"                                                                                       \
    "    amoctl queue | grep x\n"                                                              \
    "                    as wide as it may be\n"                                               \
    "\n"                                                                                       \
    "  breaker\n"                                                                              \
    "      wait"

static void a_row_is_found_by_its_name_and_what_it_points_to_follows(void **state)
{
    (void)state;
    check("queue.full", "[Log]\n"
                        "  what                     queue.full\n"
                        "  level                    error\n"
                        "  meaning, and what to do\n"
                        "    often: so many a|b wait. The queue\n" THE_QUEUE);
    check("two", "[Log]\n"
                 "  what                     one, two\n"
                 "  level                    info\n"
                 "  meaning, and what to do  both of them\n");
    check("amo_x", "[Log]\n"
                   "  what\n"
                   "    amo_x{state,target}\n"
                   "  level                    gauge\n"
                   "  meaning, and what to do  counted\n");
}

static void a_row_of_the_runbook_says_where_its_whole_page_is(void **state)
{
    (void)state;
    check("breaker", "[The queue is full]\n"
                     "  reason      breaker\n"
                     "  what to do  wait\n"
                     "more: the-queue-is-full");
}

static void a_section_is_found_by_its_heading_or_its_link(void **state)
{
    (void)state;
    check("The queue is full", THE_QUEUE);
    check("the QUEUE is full", THE_QUEUE);
    check("the-queue-is-full", THE_QUEUE);
    check("anothers-matter", "[Another's matter]\nNothing.");
}

static void a_verb_is_found_with_its_options_and_a_part_of_a_name_is_not(void **state)
{
    struct told t;

    (void)state;
    assert_int_equal(found("queue drop", &t), 0);
    assert_int_equal(t.n, 1);
    buf_fini(&t.out);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(
            found((const char *const[]){"queue", "", "amo_", "what", "breake"}[i], &t), 0);
        assert_int_equal(t.n, 0);
        buf_fini(&t.out);
    }
}

static void a_name_with_a_slip_of_the_pen_has_a_nearest_one(void **state)
{
    struct nearest n;

    (void)state;
    nearest_init(&n, VIEW_LIT("breakr"));
    page_offer_names(view_of(page), &n);
    assert_true(view_is(n.name, "breaker"));
}

static void bytes_of_any_kind_are_survived(void **state)
{
    static const char *const pages[] = {
        "",    "|",   "|\n|\n|`",     "|a|\n|`x|`|",
        "```", "#",   "## \n###  \n", "|`|`|\n|--|\n|`x`|\n",
        "- ",  "1. ", "[](#",         "| `x` | [](#",
    };
    struct told t = {0};

    (void)state;
    buf_init(&t.out, 1 << 16);
    for (size_t i = 0; i < AMO_COUNT(pages); i++) {
        assert_int_equal(page_find(view_of(pages[i]), VIEW_LIT("x"), 40, tell, &t), 0);
        assert_int_equal(page_find(view_of(pages[i]), VIEW_LIT(""), 1, tell, &t), 0);
    }
    buf_fini(&t.out);
}

static void a_page_in_russian_is_read_in_the_same_way(void **state)
{
    struct told t = {0};

    (void)state;
    buf_init(&t.out, 1 << 16);
    assert_int_equal(page_find(view_of(russian), VIEW_LIT("queue.full"), 40, tell, &t), 0);
    assert_string_equal(buf_str(&t.out), "[Журнал]\n"
                                         "  имя         queue.full\n"
                                         "  что значит  ждёт столько-то. Очередь\n"
                                         "[Процесс ждёт, Очередь Я]\n"
                                         "  breaker\n"
                                         "      ждать");
    buf_fini(&t.out);
    t = (struct told){0};
    buf_init(&t.out, 1 << 16);
    assert_int_equal(page_find(view_of(russian), VIEW_LIT("breaker"), 40, tell, &t), 0);
    assert_non_null(strstr(buf_str(&t.out), "more: процесс-ждёт-очередь-я"));
    buf_fini(&t.out);
}

static void a_heading_leads_to_the_one_in_the_other_language(void **state)
{
    (void)state;
    assert_true(view_is(
        page_same_heading(view_of(page), view_of(russian), VIEW_LIT("the-queue-is-full")),
        "Процесс ждёт, Очередь Я"));
    assert_true(
        view_is(page_same_heading(view_of(russian), view_of(page), VIEW_LIT("чужое дело")),
                "Another's matter"));
    assert_null(page_same_heading(view_of(page), view_of(russian), VIEW_LIT("queue.full")).ptr);
}

static int find_case(void *arg)
{
    struct told t;
    int rc = found("queue.full", &t);

    (void)arg;
    buf_fini(&t.out);
    return rc;
}

static void finding_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(find_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_found_by_its_name_and_what_it_points_to_follows),
        cmocka_unit_test(a_row_of_the_runbook_says_where_its_whole_page_is),
        cmocka_unit_test(a_section_is_found_by_its_heading_or_its_link),
        cmocka_unit_test(a_verb_is_found_with_its_options_and_a_part_of_a_name_is_not),
        cmocka_unit_test(a_name_with_a_slip_of_the_pen_has_a_nearest_one),
        cmocka_unit_test(a_page_in_russian_is_read_in_the_same_way),
        cmocka_unit_test(a_heading_leads_to_the_one_in_the_other_language),
        cmocka_unit_test(bytes_of_any_kind_are_survived),
        cmocka_unit_test(finding_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
