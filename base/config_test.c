#include "base/config.h"

#include <stdio.h>
#include <string.h>

#include "base/config_env.h"
#include "base/config_scan.h"
#include "base/testing.h"

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static struct config *loaded(const char *text)
{
    struct config *c = NULL;
    struct buf why;
    int rc = 0;

    buf_init(&why, 1000);
    if (text)
        write_file("amo.conf", text);
    rc = config_load(text ? "amo.conf" : NULL, &why, &c);
    assert_string_equal(buf_str(&why), "");
    assert_int_equal(rc, 0);
    buf_fini(&why);
    return c;
}

static void assert_refused(const char *text, const char *expected)
{
    struct config *c = NULL;
    struct buf why;

    buf_init(&why, 1000);
    write_file("amo.conf", text);
    assert_int_equal(config_load("amo.conf", &why, &c), -EINVAL);
    assert_null(c);
    assert_string_equal(buf_str(&why), expected);
    buf_fini(&why);
}

/* Of the file that is there. */
static void assert_last_line_refused(const char *expected)
{
    struct config *c = NULL;
    struct buf why;

    buf_init(&why, 10000);
    assert_int_equal(config_load("amo.conf", &why, &c), -EINVAL);
    assert_string_equal(strrchr(buf_str(&why), '\n') + 1, expected);
    buf_fini(&why);
}

static void without_file_and_environment_the_defaults_stand(void **state)
{
    struct config *c = loaded(NULL);

    (void)state;
    assert_string_equal(config_text(c, "ingress/listen"), "127.0.0.1:8080");
    assert_string_equal(config_text(c, "name"), "");
    assert_int_equal(config_number(c, "egress/concurrency"), 256);
    assert_true(config_number(c, "ingress/spool_max_bytes") == 4ULL << 30);
    assert_string_equal(config_text(c, "core/store"), "sqlite:var/data/core/core.db");
    assert_string_equal(config_text(c, "bus/tap"), "ipc://var/run/tap");
    assert_false(config_is_set(c, "ingress/listen"));
    config_free(c);
    config_free(NULL);
}

static void a_file_is_read_in_all_its_forms(void **state)
{
    struct config *c = loaded("# a comment\r\n"
                              "   # another, oddly indented\n"
                              "\n"
                              "data_dir = /srv/amo\r\n"
                              "ingress # the listener\n"
                              "    listen = 0.0.0.0:80\n"
                              "    role=http\n"
                              "log\n"
                              "    level = 'debug'   # for now\n"
                              "core/lease_ms = 15001\n"
                              "public_url = \"https://x/#y\"");

    (void)state;
    assert_string_equal(config_text(c, "ingress/listen"), "0.0.0.0:80");
    assert_string_equal(config_text(c, "log/level"), "debug");
    assert_string_equal(config_text(c, "public_url"), "https://x/#y");
    assert_int_equal(config_number(c, "core/lease_ms"), 15001);
    assert_string_equal(config_text(c, "ingress/spool"), "/srv/amo/ingress/spool.db");
    assert_true(config_is_set(c, "ingress/role"));
    config_free(c);
}

static void an_empty_file_changes_nothing(void **state)
{
    struct config *c = loaded("\xef\xbb\xbf\n# nothing\n");

    (void)state;
    assert_false(config_is_set(c, "data_dir"));
    config_free(c);
}

static void the_environment_wins_over_the_file(void **state)
{
    struct config *c = NULL;

    (void)state;
    testing_set_env("AMO_INGRESS_LISTEN", "127.0.0.1:1");
    testing_set_env("AMO_INGRESS_ADMIN_LISTEN", "");
    testing_set_env("AMO_SOMETHING_ELSE", "ignored");
    c = loaded("ingress\n    listen = 127.0.0.1:2\n    admin_listen = 127.0.0.1:3\n");
    assert_string_equal(config_text(c, "ingress/listen"), "127.0.0.1:1");
    assert_string_equal(config_text(c, "ingress/admin_listen"), "");
    assert_true(config_is_set(c, "ingress/admin_listen"));
    config_free(c);
    testing_set_env("AMO_INGRESS_LISTEN", NULL);
    testing_set_env("AMO_INGRESS_ADMIN_LISTEN", NULL);
}

static void a_bad_value_of_the_environment_is_named(void **state)
{
    struct config *c = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 1000);
    testing_set_env("AMO_EGRESS_CONCURRENCY", "many");
    assert_int_equal(config_load(NULL, &why, &c), -EINVAL);
    assert_string_equal(buf_str(&why), "AMO_EGRESS_CONCURRENCY: a number was expected");
    testing_set_env("AMO_EGRESS_CONCURRENCY", NULL);
    buf_fini(&why);
}

static void unknown_keys_are_refused_with_their_line(void **state)
{
    (void)state;
    assert_refused("# c\n\ningress\n    lisen = 1\n", "amo.conf:4: ingress/lisen: unknown key");
    assert_refused("nonsense = 1\n", "amo.conf:1: nonsense: unknown key");
    assert_refused("nonsense\n", "amo.conf:1: nonsense: unknown key");
    assert_refused("name = x\n    more = y\n", "amo.conf:2: name/more: unknown key");
    assert_refused("ingress = x\n", "amo.conf:1: ingress: unknown key");
}

static void a_key_given_twice_is_refused(void **state)
{
    (void)state;
    assert_refused("name = a\nname = a\n", "amo.conf:2: name: given twice");
    assert_refused("log\n    level = info\nlog/level = warn\n",
                   "amo.conf:3: log/level: given twice");
    assert_refused("log\n    level = info\nlog\n    level = warn\n",
                   "amo.conf:4: log/level: given twice");
}

static void a_hash_that_would_cut_a_value_is_refused(void **state)
{
    const char *why =
        "amo.conf:2: an unquoted '#' would cut the value off: quote the value, or "
        "give the comment a line of its own";

    (void)state;
    assert_refused("name = a\npublic_url = https://x#y\n", why);
    assert_refused("name = a\npublic_url = https://x # y\n", why);
    assert_refused("name = a\npublic_url = # y\n", why);
}

static void bad_values_are_refused_with_their_line(void **state)
{
    (void)state;
    assert_refused("drain_ms = soon\n", "amo.conf:1: drain_ms: a number was expected");
    assert_refused("drain_ms =\n", "amo.conf:1: drain_ms: a number was expected");
    assert_refused("drain_ms = -1\n", "amo.conf:1: drain_ms: a number was expected");
    assert_refused("drain_ms = 99999999999999999999\n",
                   "amo.conf:1: drain_ms: the number is too large");
    assert_refused("ingress/spool_max_bytes = 4 GiB\n",
                   "amo.conf:1: ingress/spool_max_bytes: a size was expected, as 512MiB");
    assert_refused("egress/concurrency = 0\n",
                   "amo.conf:1: egress/concurrency: must be above 0");
    assert_refused("log/level = loud\n",
                   "amo.conf:1: log/level: one of error, warn, info, debug");
    assert_refused("log/format = xml\n", "amo.conf:1: log/format: logfmt or json");
    assert_refused("ingress/role = ftp\n",
                   "amo.conf:1: ingress/role: http is the only role there is");
    assert_refused("ingress/role = broker\n",
                   "amo.conf:1: ingress/role: broker comes with the MMS3 connector; use http");
    assert_refused("ingress/trusted_proxies = 10.0.0.0/8, proxy\n",
                   "amo.conf:1: ingress/trusted_proxies: addresses or networks, separated by "
                   "commas, as 10.0.0.0/8,::1");
    assert_refused("egress/status_spelling = ours\n",
                   "amo.conf:1: egress/status_spelling: both, old or new");
    assert_refused("ingress/listen = localhost:80\n",
                   "amo.conf:1: ingress/listen: an address is a numeric host and a port, as "
                   "127.0.0.1:8080 or [::1]:8080");
    assert_refused("ingress/listen = \"\"\n",
                   "amo.conf:1: ingress/listen: an address is a numeric host and a port, as "
                   "127.0.0.1:8080 or [::1]:8080");
    assert_refused("name = a/b\n",
                   "amo.conf:1: name: a name is made of letters, digits, '_', '-' "
                   "and '.', and does not begin with '.'");
    assert_refused("core/store = postgres://x\n",
                   "amo.conf:1: core/store: a store is sqlite:FILE, no other");
    assert_refused("core/store = sqlite:\n",
                   "amo.conf:1: core/store: a store is sqlite:FILE, no other");
    assert_refused(
        "bus/events = tcp://127.0.0.1:5555\n",
        "amo.conf:1: bus/events: an endpoint is ipc://PATH; tcp:// cannot be used yet");
    assert_refused("bus/tap = ipc://\n",
                   "amo.conf:1: bus/tap: an endpoint is ipc://PATH; tcp:// cannot be used yet");
    assert_refused("public_url = example.org\n",
                   "amo.conf:1: public_url: an address begins with https:// or http://");
    assert_refused("data_dir = ''\n", "amo.conf:1: data_dir: must not be empty");
    assert_refused("name\n", "amo.conf:1: name: '=' and a value were expected");
}

static void broken_lines_are_refused_with_their_number(void **state)
{
    (void)state;
    assert_refused("\n  name = a\n", "amo.conf:2: indent by four spaces");
    assert_refused("log\n\tlevel = info\n", "amo.conf:2: indent by four spaces");
    assert_refused("    name = a\n", "amo.conf:1: indented too far");
    assert_refused("log\n        level = info\n", "amo.conf:2: indented too far");
    assert_refused("= a\n", "amo.conf:1: a key was expected");
    assert_refused("/name = a\n", "amo.conf:1: a key was expected");
    assert_refused("log/\n    level = info\n", "amo.conf:1: a key was expected");
    assert_refused("name a\n", "amo.conf:1: '=' was expected behind the key");
    assert_refused("name: a\n", "amo.conf:1: '=' was expected behind the key");
    assert_refused("name = 'a\n", "amo.conf:1: the quote is never closed");
    assert_refused("name = \"\n", "amo.conf:1: the quote is never closed");
    assert_refused("name = \"a\" b\n", "amo.conf:1: text behind the closing quote");
    assert_refused("name = a\x01\n", "amo.conf:1: control character");
}

static void all_mistakes_are_told_at_once(void **state)
{
    struct buf text;

    (void)state;
    assert_refused("nonsense = 1\nlog\n    level = loud\n\tformat = xml\nname = 'a\n"
                   "drain_ms = soon\n",
                   "amo.conf:1: nonsense: unknown key\n"
                   "amo.conf:3: log/level: one of error, warn, info, debug\n"
                   "amo.conf:4: indent by four spaces\n"
                   "amo.conf:5: the quote is never closed\n"
                   "amo.conf:6: drain_ms: a number was expected");
    testing_set_env("AMO_LOG_FORMAT", "xml");
    assert_refused("log/level = loud\n",
                   "amo.conf:1: log/level: one of error, warn, info, debug\n"
                   "AMO_LOG_FORMAT: logfmt or json");
    testing_set_env("AMO_LOG_FORMAT", NULL);
    buf_init(&text, 100000);
    for (int i = 0; i < 25; i++)
        (void)buf_add_f(&text, "x%d = 1\n", i);
    write_file("amo.conf", buf_str(&text));
    buf_fini(&text);
    assert_last_line_refused("and 5 more");
}

/* Where it belongs is not known: one mistake is not told as many. */
static void what_stands_below_a_wrong_line_is_left_out(void **state)
{
    (void)state;
    assert_refused("log\n    level = warn\ningress:\n    listen = 1\n    nothing = x\n"
                   "name = a/b\n",
                   "amo.conf:3: '=' was expected behind the key\n"
                   "amo.conf:6: name: a name is made of letters, digits, '_', '-' "
                   "and '.', and does not begin with '.'");
    assert_refused("log\n    level: warn\n    format = logfmt\n",
                   "amo.conf:2: '=' was expected behind the key");
}

static void a_lease_is_longer_than_an_attempt(void **state)
{
    (void)state;
    assert_refused("core/lease_ms = 5000\n",
                   "amo.conf:1: core/lease_ms: must be longer than egress/attempt_ms (15000)");
    assert_refused("name = a\negress/attempt_ms = 20000\n",
                   "amo.conf:2: egress/attempt_ms: must be shorter than core/lease_ms (20000)");
    testing_set_env("AMO_CORE_LEASE_MS", "15000");
    assert_refused("", "AMO_CORE_LEASE_MS: must be longer than egress/attempt_ms (15000)");
    testing_set_env("AMO_CORE_LEASE_MS", NULL);
}

struct stranger {
    const char *name; /* the environment of the test has others */
    struct buf *out;
};

static void note_stranger(void *arg, const char *name, bool mistake, const char *like)
{
    const struct stranger *s = arg;

    if (strcmp(name, s->name) == 0)
        (void)buf_add_f(s->out, "%s %s %s\n", name, mistake ? "mistake" : "stranger",
                        like ? like : "-");
}

static void mistyped_names_of_the_environment_are_found(void **state)
{
    static const char *const names[] = {"AMO_INGRESS_LISTN", "AMO_DATADIR",
                                        "AMO_RUN_DIR",       "AMO_EGRESS_NOTHING_LIKE_IT",
                                        "AMO_UP_DIR",        "AMO_"};
    struct buf got;

    (void)state;
    buf_init(&got, 4096);
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        struct stranger s = {names[i], &got};

        testing_set_env(names[i], "x");
        config_strangers(note_stranger, &s);
        testing_set_env(names[i], NULL);
    }
    assert_string_equal(buf_str(&got), "AMO_INGRESS_LISTN mistake AMO_INGRESS_LISTEN\n"
                                       "AMO_DATADIR mistake AMO_DATA_DIR\n"
                                       "AMO_EGRESS_NOTHING_LIKE_IT mistake -\n"
                                       "AMO_UP_DIR stranger -\n"
                                       "AMO_ stranger -\n");
    buf_fini(&got);
}

static void what_is_too_long_is_refused(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 2 * CONFIG_FILE_MAX);
    (void)buf_add_str(&text, "name = ");
    for (size_t i = 0; i < CONFIG_LINE_MAX; i++)
        (void)buf_add_char(&text, 'a');
    assert_refused(buf_str(&text), "amo.conf:1: the line is too long");
    buf_reset(&text);
    for (int i = 0; i < 2001; i++)
        (void)buf_add_str(&text, "log\n");
    assert_refused(buf_str(&text), "amo.conf:2001: too many lines");
    buf_reset(&text);
    for (size_t i = 0; i <= CONFIG_FILE_MAX; i++)
        (void)buf_add_char(&text, '\n');
    assert_refused(buf_str(&text), "amo.conf: the file is too long");
    buf_fini(&text);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    struct config *c = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 1000);
    assert_int_equal(config_load("absent.conf", &why, &c), -ENOENT);
    assert_string_equal(buf_str(&why), "absent.conf: No such file or directory");
    buf_reset(&why);
    assert_int_equal(config_load(".", &why, &c), -EISDIR);
    assert_string_equal(buf_str(&why), ".: Is a directory");
    buf_fini(&why);
}

static const struct config_key secret_keys[] = {
    {"connector/name",   CONFIG_TEXT,   "demo"},
    {"connector/secret", CONFIG_SECRET, ""    },
};

static int load_secret(const char *text, struct buf *why, struct config **ret)
{
    write_file("amo.conf", text);
    buf_reset(why);
    return config_load_keys(secret_keys, AMO_COUNT(secret_keys), "amo.conf", why, ret);
}

static void a_secret_comes_as_value_or_as_file(void **state)
{
    struct config *c = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 1000);
    write_file("secret.txt", "s3cret\n");
    assert_int_equal(load_secret("connector\n    secret = abc\n", &why, &c), 0);
    assert_string_equal(config_text(c, "connector/secret"), "abc");
    config_free(c);
    assert_int_equal(load_secret("connector\n    secret_file = secret.txt\n", &why, &c), 0);
    assert_string_equal(config_text(c, "connector/secret"), "s3cret");
    config_free(c);
    testing_set_env("AMO_CONNECTOR_SECRET_FILE", "secret.txt");
    assert_int_equal(load_secret("connector/secret = abc\n", &why, &c), 0);
    assert_string_equal(config_text(c, "connector/secret"), "s3cret");
    config_free(c);
    testing_set_env("AMO_CONNECTOR_SECRET_FILE", NULL);
    buf_fini(&why);
}

static void a_secret_given_in_two_ways_is_refused(void **state)
{
    struct config *c = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 1000);
    write_file("secret.txt", "s3cret\n");
    assert_int_equal(
        load_secret("connector\n    secret = a\n    secret_file = secret.txt\n", &why, &c),
        -EINVAL);
    assert_string_equal(buf_str(&why), "amo.conf:3: connector/secret_file: given twice");
    testing_set_env("AMO_CONNECTOR_SECRET", "a");
    testing_set_env("AMO_CONNECTOR_SECRET_FILE", "secret.txt");
    assert_int_equal(load_secret("", &why, &c), -EINVAL);
    assert_string_equal(buf_str(&why),
                        "AMO_CONNECTOR_SECRET_FILE: the secret itself is also given");
    testing_set_env("AMO_CONNECTOR_SECRET", NULL);
    testing_set_env("AMO_CONNECTOR_SECRET_FILE", NULL);
    buf_fini(&why);
}

static void a_broken_secret_file_is_refused(void **state)
{
    struct config *c = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 1000);
    write_file("empty.txt", "\n");
    assert_int_equal(load_secret("connector/secret_file = absent.txt\n", &why, &c), -EINVAL);
    assert_string_equal(buf_str(&why),
                        "amo.conf:1: connector/secret_file: the file cannot be read");
    assert_int_equal(load_secret("connector/secret_file = empty.txt\n", &why, &c), -EINVAL);
    assert_string_equal(buf_str(&why), "amo.conf:1: connector/secret_file: the file is empty");
    assert_int_equal(load_secret("connector/name_file = empty.txt\n", &why, &c), -EINVAL);
    assert_string_equal(buf_str(&why), "amo.conf:1: connector/name_file: unknown key");
    buf_fini(&why);
}

static void note_value(void *arg, const char *key, const char *origin, const char *shown)
{
    (void)buf_add_f(arg, "%s|%s|%s\n", key, origin, shown);
}

static void values_are_shown_with_origins_and_without_secrets(void **state)
{
    struct config *c = NULL;
    struct buf out;

    (void)state;
    buf_init(&out, 100000);
    assert_int_equal(load_secret("connector/secret = abc\n", &out, &c), 0);
    assert_int_equal(config_walk(c, note_value, &out), 0);
    assert_string_equal(buf_str(&out),
                        "connector/name|default|demo\nconnector/secret|file|********\n");
    config_free(c);
    buf_reset(&out);
    c = loaded("public_url = https://amo:pa@ss@example.org:5432/amo\n");
    assert_int_equal(config_walk(c, note_value, &out), 0);
    assert_non_null(strstr(buf_str(&out), "https://amo:********@example.org:5432/amo\n"));
    assert_null(strstr(buf_str(&out), "pa@ss"));
    config_free(c);
    buf_fini(&out);
}

static void text_alone_is_checked_without_environment(void **state)
{
    struct config *c = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 1000);
    testing_set_env("AMO_NAME", "other");
    assert_int_equal(config_load_text(view_of("log/level = warn\n"), "some", &why, &c), 0);
    assert_string_equal(config_text(c, "log/level"), "warn");
    assert_string_equal(config_text(c, "name"), "");
    config_free(c);
    testing_set_env("AMO_NAME", NULL);
    assert_int_equal(config_load_text(view_of("x"), "some", &why, &c), -EINVAL);
    assert_string_equal(buf_str(&why), "some:1: x: unknown key");
    buf_fini(&why);
}

static int load_and_free(void *arg)
{
    struct config *c = NULL;
    struct buf why;
    int rc = 0;

    buf_init(&why, 1000);
    rc = config_load_keys(secret_keys, AMO_COUNT(secret_keys), arg, &why, &c);
    config_free(c);
    buf_fini(&why);
    return rc;
}

static void loading_survives_every_failed_allocation(void **state)
{
    char path[] = "amo.conf";

    (void)state;
    write_file("secret.txt", "s3cret\n");
    write_file(path, "connector\n    name = x\n    secret_file = secret.txt\n");
    testing_fail_each_allocation(load_and_free, path);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(without_file_and_environment_the_defaults_stand),
    cmocka_unit_test(a_file_is_read_in_all_its_forms),
    cmocka_unit_test(an_empty_file_changes_nothing),
    cmocka_unit_test(the_environment_wins_over_the_file),
    cmocka_unit_test(a_bad_value_of_the_environment_is_named),
    cmocka_unit_test(unknown_keys_are_refused_with_their_line),
    cmocka_unit_test(a_key_given_twice_is_refused),
    cmocka_unit_test(a_hash_that_would_cut_a_value_is_refused),
    cmocka_unit_test(bad_values_are_refused_with_their_line),
    cmocka_unit_test(broken_lines_are_refused_with_their_number),
    cmocka_unit_test(all_mistakes_are_told_at_once),
    cmocka_unit_test(what_stands_below_a_wrong_line_is_left_out),
    cmocka_unit_test(a_lease_is_longer_than_an_attempt),
    cmocka_unit_test(mistyped_names_of_the_environment_are_found),
    cmocka_unit_test(what_is_too_long_is_refused),
    cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    cmocka_unit_test(a_secret_comes_as_value_or_as_file),
    cmocka_unit_test(a_secret_given_in_two_ways_is_refused),
    cmocka_unit_test(a_broken_secret_file_is_refused),
    cmocka_unit_test(values_are_shown_with_origins_and_without_secrets),
    cmocka_unit_test(text_alone_is_checked_without_environment),
    cmocka_unit_test(loading_survives_every_failed_allocation),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
