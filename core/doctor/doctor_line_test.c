/* What the doctor makes of figures and addresses. */

#include "core/doctor/doctor_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/testing.h"
#include "core/model/url.h"

#define MIB 1048576UL

/* A disk of @total MiB with @left of them free: its light and what is said. */
static void expect_room(unsigned long total, unsigned long left, const char *state,
                        const char *words)
{
    const struct statvfs s = {.f_frsize = MIB, .f_blocks = total, .f_bavail = left};
    struct json_writer w;
    struct json *doc = NULL;
    struct view v = VIEW_NONE;
    struct buf text;

    buf_init(&text, 4096);
    json_writer_init(&w, &text);
    check_room(&w, "/data", &s);
    assert_int_equal(json_parse(buf_view(&text), &doc), 0);
    assert_true(json_strict_text(json_get(json_root(doc), "state"), &v));
    if (!view_is(v, state))
        fail_msg("%lu MiB of %lu: %.*s", left, total, (int)v.len, v.ptr);
    assert_true(json_strict_text(json_get(json_root(doc), "words"), &v));
    assert_true(view_is(v, words));
    assert_true(json_strict_text(json_get(json_root(doc), "subject"), &v));
    assert_true(view_is(v, "/data"));
    json_free(doc);
    buf_fini(&text);
}

static void a_disk_is_judged_by_its_bytes_and_by_its_part(void **state)
{
    (void)state;
    expect_room(10000, 5000, "green", "5000 MiB free, 50 %");
    expect_room(10000, 2048, "green", "2048 MiB free, 20 %");
    expect_room(10000, 2047, "yellow", "2047 MiB free, 20 %");
    expect_room(1000, 256, "yellow", "256 MiB free, 25 %");
    expect_room(1000, 255, "red", "255 MiB free, 25 %");
    expect_room(100000, 5000, "green", "5000 MiB free, 5 %");
    expect_room(100000, 4999, "yellow", "4999 MiB free, 4 %");
    expect_room(1000000, 19999, "red", "19999 MiB free, 1 %");
    expect_room(0, 0, "red", "0 MiB free, 0 %");
}

static void an_address_is_judged_by_its_whole_host(void **state)
{
    const struct {
        const char *url;
        enum address want;
    } rows[] = {
        {"https://bridge.example",              ADDRESS_FINE  },
        {"https://bridge.example:8443/a?b=c@d", ADDRESS_FINE  },
        {"http://localhost",                    ADDRESS_FINE  },
        {"http://LocalHost:8080/x",             ADDRESS_FINE  },
        {"http://127.0.0.1:1/",                 ADDRESS_FINE  },
        {"http://127.9.8.7",                    ADDRESS_FINE  },
        {"http://[::1]:8080",                   ADDRESS_FINE  },
        {"http://[::1]",                        ADDRESS_FINE  },
        {"http://localhost.evil.example",       ADDRESS_OPEN  },
        {"http://localhostile",                 ADDRESS_OPEN  },
        {"http://127.evil.example",             ADDRESS_OPEN  },
        {"http://127.0.0.1.evil.example/",      ADDRESS_OPEN  },
        {"http://128.0.0.1",                    ADDRESS_OPEN  },
        {"http://[::1].evil.example",           ADDRESS_OPEN  },
        {"http://[::2]",                        ADDRESS_OPEN  },
        {"http://evil.example/localhost",       ADDRESS_OPEN  },
        {"http://bridge.example#@x",            ADDRESS_OPEN  },
        {"https://user:word@bridge.example",    ADDRESS_PERSON},
        {"http://user@127.0.0.1/",              ADDRESS_PERSON},
        {"http://localhost:x@evil.example",     ADDRESS_PERSON},
        {"ftp://bridge.example",                ADDRESS_NONE  },
        {"bridge.example",                      ADDRESS_NONE  },
        {"https://",                            ADDRESS_NONE  },
        {"http:///messages",                    ADDRESS_NONE  },
        {"",                                    ADDRESS_NONE  },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(rows); i++) {
        if (url_address(view_of(rows[i].url)) != rows[i].want)
            fail_msg("%s is taken for %d", rows[i].url, url_address(view_of(rows[i].url)));
    }
}

static void an_address_is_below_another_or_only_begins_like_it(void **state)
{
    static const char base[] = "https://bridge.example";

    (void)state;
    assert_true(
        url_is_below(view_of("https://bridge.example/messages/:scope_id"), view_of(base)));
    assert_true(url_is_below(view_of("https://bridge.example"), view_of(base)));
    assert_true(
        url_is_below(view_of("https://bridge.example/a"), VIEW_LIT("https://bridge.example/")));
    assert_false(
        url_is_below(view_of("https://bridge.example.evil.org/messages"), view_of(base)));
    assert_false(url_is_below(view_of("https://bridge.example:8443/"), view_of(base)));
    assert_false(url_is_below(view_of("https://bridge.exampl"), view_of(base)));
    assert_false(url_is_below(view_of("https://bridge.example/"), VIEW_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_is_judged_by_its_bytes_and_by_its_part),
        cmocka_unit_test(an_address_is_judged_by_its_whole_host),
        cmocka_unit_test(an_address_is_below_another_or_only_begins_like_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
