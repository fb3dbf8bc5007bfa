#include "base/url.h"

#include "base/testing.h"

static void an_address_comes_apart(void **state)
{
    struct url u;

    (void)state;
    assert_true(url_split(VIEW_LIT("http://a:b@h.example:80/p?q@x#f"), &u));
    assert_false(u.is_https);
    assert_true(view_is(u.person, "a:b"));
    assert_true(view_is(u.host, "h.example"));
    assert_true(view_is(u.port, "80"));
    assert_true(view_is(u.rest, "/p?q@x#f"));
    assert_true(url_split(VIEW_LIT("hTTpS://[::1]:?x"), &u));
    assert_true(u.is_https);
    assert_null(u.person.ptr);
    assert_true(view_is(u.host, "[::1]"));
    assert_true(u.port.ptr && u.port.len == 0);
    assert_true(view_is(u.rest, "?x"));
    assert_true(url_split(VIEW_LIT("https://"), &u));
    assert_int_equal(u.host.len, 0);
    assert_null(u.port.ptr);
    assert_false(url_split(VIEW_LIT("ftp://h"), &u));
    assert_false(url_split(VIEW_LIT("https:/h"), &u));
    assert_false(url_split(VIEW_NONE, &u));
}

/* What each judge says of the same addresses. */
static void every_judge_sees_the_same_pieces(void **state)
{
    static const struct {
        const char *url;
        bool link;
        bool plain;
        bool callable;
    } rows[] = {
        {"https://h.example",           true,  true,  true },
        {"HTTPS://h.example/p?q",       true,  true,  true },
        {"http://10.0.0.1:8080/p",      true,  true,  true },
        {"http://[::1]:1",              true,  true,  true },
        {"https://h.example/ф",        true,  false, false},
        {"https://h.example/a b",       false, false, false},
        {"https://h.example/\x7f",      false, false, false},
        {"https://h.example/#f",        true,  true,  false},
        {"https://u@h.example",         true,  true,  false},
        {"https://h.example\\p",        true,  true,  false},
        {"https://h.example:0",         true,  true,  false},
        {"https://h.example:65536",     true,  true,  false},
        {"https://h.example:",          true,  true,  false},
        {"https://h.example:80:80",     true,  true,  false},
        {"https://:80",                 true,  true,  false},
        {"https://[::1",                true,  true,  false},
        {"https://[]",                  true,  true,  false},
        {"https://[::1]x",              true,  true,  false},
        {"https:///p",                  true,  false, false},
        {"https://",                    false, false, false},
        {"h.example",                   false, false, false},
        {"javascript://h.example/%0a1", false, false, false},
        {"",                            false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(rows); i++) {
        struct view v = view_of(rows[i].url);

        if (url_is_link(v) != rows[i].link || url_is_plain(v) != rows[i].plain ||
            url_is_callable(v) != rows[i].callable)
            fail_msg("%s: %d %d %d", rows[i].url, url_is_link(v), url_is_plain(v),
                     url_is_callable(v));
    }
    assert_false(url_is_link(VIEW_LIT("https://h\0")));
    assert_false(url_is_https(VIEW_LIT("http://h")));
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
        {"HTTPS://bridge.example",              ADDRESS_FINE  },
        {"HTTP://bridge.example",               ADDRESS_OPEN  },
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
        cmocka_unit_test(an_address_comes_apart),
        cmocka_unit_test(every_judge_sees_the_same_pieces),
        cmocka_unit_test(an_address_is_judged_by_its_whole_host),
        cmocka_unit_test(an_address_is_below_another_or_only_begins_like_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
