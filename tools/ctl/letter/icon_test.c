#include "tools/ctl/letter/icon.h"

#include <string.h>

#include "base/mem.h"
#include "base/testing.h"

#define NS      "xmlns=\"http://www.w3.org/2000/svg\""
#define FINE(s) check(s, NULL, NULL)

/* @words: it is refused with them; @doubt: it is taken with this doubt; NULL: with none. */
static void check(const char *svg, const char *words, const char *doubt)
{
    struct buf why;
    struct buf doubts;
    int rc = 0;

    buf_init(&why, 4096);
    buf_init(&doubts, 4096);
    rc = icon_check(view_of(svg), &why, &doubts);
    if ((rc != 0) != (words != NULL) || (words && !strstr(buf_str(&why), words)) ||
        (doubt && !strstr(buf_str(&doubts), doubt)) || (!words && !doubt && doubts.len))
        fail_msg("%s: %d, %s, %s", svg, rc, buf_str(&why), buf_str(&doubts));
    buf_fini(&why);
    buf_fini(&doubts);
}

static void an_icon_of_fourteen_by_fourteen_is_taken(void **state)
{
    (void)state;
    FINE("<svg " NS " width=\"14\" height=\"14\"/>");
    FINE("<svg " NS " width='14px' height='14.0'><path d=\"M0 0\"/></svg>\n");
    FINE("<svg " NS " viewBox=\"0 0 14 14\"></svg>");
    FINE("<svg " NS " width=\"14\" viewBox=\"0,0,14,14\"></svg>");
    FINE("<svg " NS " width=\"14\" height=\"14\" viewBox=\"0 0 24 24\"><g><a/></g></svg>");
    FINE(
        "\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" "
        "\"http://www.w3.org/svg11.dtd\">\n<!-- a > b --><svg " NS
        " width=\"14\" height=\"14\"><style><![CDATA[a>b{fill:url(#x)}]]></style>"
        "<use href=\"#x\"/><image href=\"data:image/png;base64,AA\"/></svg>");
    FINE("<svg:svg xmlns:svg=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 14 14\"/>");
}

static void another_size_is_refused(void **state)
{
    (void)state;
    check("<svg " NS " width=\"24\" height=\"14\"/>", "width", NULL);
    check("<svg " NS " width=\"14\" height=\"14em\"/>", "height", NULL);
    check("<svg " NS " width=\"100%\" height=\"100%\" viewBox=\"0 0 14 14\"/>", "width", NULL);
    check("<svg " NS " viewBox=\"0 0 24 24\"/>", "viewBox", NULL);
    check("<svg " NS " viewBox=\"0 0 14\"/>", "viewBox", NULL);
    check("<svg " NS " viewBox=\"0 0 14 14 14\"/>", "viewBox", NULL);
    check("<svg " NS "/>", "says no size", NULL);
    check("<svg " NS "><svg width=\"14\" height=\"14\"/></svg>", "says no size", NULL);
}

static void what_is_no_svg_is_refused(void **state)
{
    static const char *const cases[] = {
        "hello",
        "<html></html>",
        "<svg",
        "<svg width=14 height=14/>",
        "<svg a/>",
        "<svg><g></svg>",
        "<svg></g></svg>",
        "<svg>",
        "</svg>",
        "<svg/><svg/>",
        "<svg/>text",
        "<!-- <svg/>",
        "<?xml <svg/>",
        "<svg><![CDATA[</svg>",
        "<svg a=\"b></svg>",
        "<svg/ >",
        "< svg/>",
        "",
        "<!DOCTYPE svg",
        "\x89PNG\r\n",
        "<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>",
    };
    struct buf deep;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        check(cases[i], "", NULL);
    check("\x89PNG\r\n", "SVG is text", NULL);
    check("<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>", "entities", NULL);
    buf_init(&deep, 1 << 20);
    for (size_t i = 0; i < 70; i++)
        (void)buf_add_str(&deep, "<svg>");
    check(buf_str(&deep), "too deep", NULL);
    buf_reset(&deep);
    (void)buf_add_str(&deep, "<svg " NS " width=\"14\" height=\"14\">");
    while (deep.len <= ICON_BYTES_MAX)
        (void)buf_add_str(&deep, "          ");
    (void)buf_add_str(&deep, "</svg>");
    check(buf_str(&deep), "100 KB", NULL);
    buf_fini(&deep);
}

static void what_runs_or_is_fetched_is_doubted(void **state)
{
#define IN(inside) "<svg " NS " width=\"14\" height=\"14\">" inside "</svg>"
    (void)state;
    check(IN("<script>x</script>"), NULL, "script");
    check(IN("<g onclick=\"x\"/>"), NULL, "script");
    check(IN("<a href=\"#\" x=\"JavaScript:y\"/>"), NULL, "script");
    check(IN("<image xlink:href=\"https://a/b.png\"/>"), NULL, "outside");
    check(IN("<g style=\"fill:url( 'http://a')\"/>"), NULL, "outside");
    check(IN("<style>@import 'a.css';</style>"), NULL, "outside");
    check("<svg width=\"14\" height=\"14\"/>", NULL, "namespace");
}

static void what_no_reader_of_xml_takes_is_refused(void **state)
{
    (void)state;
    check(IN("&nbsp;"), "undefined entity", NULL);
    check(IN("a & b"), "not well-formed", NULL);
    check(IN("<g a=\"1\" a=\"2\"/>"), "duplicate attribute", NULL);
    check(IN("<g a=\"<\"/>"), "not well-formed", NULL);
    check(IN("<g a=\"1\"b=\"2\"/>"), "not well-formed", NULL);
    check(IN("\n<!-- a -- b -->"), "in line 2", NULL);
    check(IN("]]>"), "not well-formed", NULL);
    check("<svg " NS " width=\"14\" height=\"14\">", "is cut off", NULL);
}

static void what_is_written_in_another_way_is_seen(void **state)
{
    (void)state;
    check(IN("<g style=\"fill:u&#114;l(http://a)\"/>"), NULL, "outside");
    check(IN("<style>a{fill:url<![CDATA[(//a)]]>}</style>"), NULL, "outside");
    check(IN("<a b=\"java&#x73;cript:y\"/>"), NULL, "script");
    check("<svg xmlns:s=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 14 14\"/>", NULL,
          "namespace");
    FINE("<svg " NS " width='14' height='1&#52;'/>");
    check("<svg " NS " width=\"\" height=\"14\"/>", "width", NULL);
}

static int check_all_of_it(void *arg)
{
    struct buf why;
    struct buf doubts;
    int rc = 0;

    buf_init(&why, 4096);
    buf_init(&doubts, 4096);
    rc = icon_check(view_of(arg), &why, &doubts);
    buf_fini(&why);
    buf_fini(&doubts);
    return rc;
}

static void memory_may_fail_anywhere(void **state)
{
    char svg[] =
        "<?xml version=\"1.0\"?><svg " NS " viewBox=\"0 0 14 14\" width=\"14\"><g a='b'>text"
        "<![CDATA[more]]></g></svg>";

    (void)state;
    testing_fail_each_allocation(check_all_of_it, svg);
}

/* Every beginning of a good icon is read without stepping over its end. */
static void a_cut_icon_is_never_read_behind_its_end(void **state)
{
    static const char whole[] = "<?xml version=\"1.0\"?><!-- c --><!DOCTYPE a><svg " NS
                                " width=\"14\" height='14'><g style=\"a:url(#b)\">"
                                "<![CDATA[url(]]></g>t</svg>";

    (void)state;
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        char *copy = mem_alloc(n); /* exactly, so that a sanitizer sees a step too far */
        struct buf why;
        struct buf doubts;

        assert_non_null(copy);
        memcpy(copy, whole, n);
        buf_init(&why, 4096);
        buf_init(&doubts, 4096);
        assert_int_equal(icon_check(view_make(copy, n), &why, &doubts), ICON_E_WRONG);
        buf_fini(&why);
        buf_fini(&doubts);
        mem_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_icon_of_fourteen_by_fourteen_is_taken),
        cmocka_unit_test(another_size_is_refused),
        cmocka_unit_test(what_is_no_svg_is_refused),
        cmocka_unit_test(what_runs_or_is_fetched_is_doubted),
        cmocka_unit_test(what_no_reader_of_xml_takes_is_refused),
        cmocka_unit_test(what_is_written_in_another_way_is_seen),
        cmocka_unit_test(memory_may_fail_anywhere),
        cmocka_unit_test(a_cut_icon_is_never_read_behind_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
