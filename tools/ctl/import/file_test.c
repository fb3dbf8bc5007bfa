#include "tools/ctl/import/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/testing.h"
#include "tools/ctl/import/duplicates.h"

/* A file of these bytes, read from its beginning. */
static FILE *file_of(struct view text)
{
    FILE *f = fopen("rows", "w+e");

    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    assert_int_equal(fseek(f, 0, SEEK_SET), 0);
    return f;
}

/* What becomes of a file, one line a row: "line connector|conversation|name", "line! words" for
 * one that cannot be read, "line!! words" for the end of reading. */
static void read_all(struct view text, enum import_format format, struct buf *out)
{
    static const enum import_column shown[] = {IMPORT_CONNECTOR, IMPORT_CONVERSATION,
                                               IMPORT_NAME};
    struct import_file *f = NULL;
    FILE *in = file_of(text);
    int rc = import_file_new(in, format, &f);

    buf_init(out, 1 << 20);
    while (rc == 0 || rc == IMPORT_E_ROW) {
        struct import_row row;
        struct buf why;

        buf_init(&why, 4096);
        rc = import_file_next(f, &row, &why);
        if (rc == IMPORT_E_ROW || rc == IMPORT_E_FILE)
            (void)buf_add_f(out, "%d%s %s\n", (int)row.line, rc == IMPORT_E_ROW ? "!" : "!!",
                            buf_str(&why));
        if (rc == 0) {
            (void)buf_add_f(out, "%d ", (int)row.line);
            for (size_t i = 0; i < AMO_COUNT(shown); i++) {
                (void)buf_add_str(out, i ? "|" : "");
                (void)buf_add_view(out, row.values[shown[i]]);
            }
            (void)buf_add_char(out, '\n');
        }
        buf_fini(&why);
    }
    assert_true(rc > 0);
    assert_int_equal(buf_error(out), 0);
    import_file_free(f);
    assert_int_equal(fclose(in), 0);
}

static void check(const char *text, const char *want)
{
    struct buf out;

    read_all(view_of(text), IMPORT_GUESS, &out);
    assert_string_equal(buf_str(&out), want);
    buf_fini(&out);
}

static void check_starts(const char *text, const char *want)
{
    struct buf out;

    read_all(view_of(text), IMPORT_GUESS, &out);
    if (strncmp(buf_str(&out), want, strlen(want)) != 0)
        fail_msg("%s", buf_str(&out));
    buf_fini(&out);
}

static void csv_is_read_with_quotes_and_any_separator(void **state)
{
    (void)state;
    check("connector,conversation,name\nwa,1,Ann\nwa,2,Bob\n", "2 wa|1|Ann\n3 wa|2|Bob\n");
    check("conversation;connector;name\r\n1;wa;Ann\r\n\r\n2;wa;\r\n", "2 wa|1|Ann\n4 wa|2|\n");
    check("\xef\xbb\xbf"
          "connector\tname\nwa\tAnn",
          "2 wa||Ann\n");
    check("\"connector\",\"name\"\nwa,\"Ann \"\"A\"\" B, C\"\nwa,\"two\nlines\"\nwa,x\n",
          "2 wa||Ann \"A\" B, C\n3 wa||two\nlines\n5 wa||x\n");
    check("connector,_note,name\n wa , anything, Ann \n", "2 wa||Ann\n");
    check("connector\nwa\n", "2 wa||\n");
    /* a quote in the middle of a field is a letter */
    check("connector,name\nwa,OOO \"Star\nwa,\"\"\n", "2 wa||OOO \"Star\n3 wa||\n");
}

static void json_lines_are_read_whatever_the_order(void **state)
{
    (void)state;
    check("{\"name\":\"Ann\",\"connector\":\"wa\",\"conversation\":79005550101}\n\n"
          "{\"connector\":\"wa\",\"name\":null,\"_more\":{\"a\":1},\"conversation\":\"\"}",
          "1 wa|79005550101|Ann\n3 wa||\n");
    check("\xef\xbb\xbf\n {\"connector\":\"wa\"}\r\n", "2 wa||\n");
}

static void a_row_that_cannot_be_read_stops_no_other(void **state)
{
    (void)state;
    check("{\"connector\":\"a\"}\n{oops\n[1]\n{\"connector\":[1]}\n{\"connector\":true}\n"
          "{\"connector\":\"b\"}\n",
          "1 a||\n2! is not a JSON object\n3! is not a JSON object\n"
          "4! connector is neither a text nor a number\n"
          "5! connector is neither a text nor a number\n6 b||\n");
    check("connector,name\nwa\nwa,a,b\nwa,\"a\"b\nwa,\xff\nwa,ok\n",
          "2! has 1 fields, the header has 2\n3! has 3 fields, the header has 2\n"
          "4! there is text after a closing quote\n5! is not UTF-8\n6 wa||ok\n");
}

static void a_mistyped_name_is_never_skipped(void **state)
{
    (void)state;
    check_starts("{\"connector\":\"a\",\"conversaton\":\"1\"}\n",
                 "1! unknown column conversaton; known are connector, source,");
    check_starts("connector,conversaton\na,b\n", "1!! unknown column conversaton; known are");
    /* begun like a BOM, which takes nothing off it */
    check_starts("\xef\xbb\xbaname\na\n", "1!! unknown column \xef\xbb\xbaname; known are");
    check_starts("\xef\xbc\xa1,name\na,b\n", "1!! unknown column \xef\xbc\xa1; known are");
    check("connector,name,connector\na,b,c\n", "1!! column connector is there twice\n");
}

static void what_has_no_end_or_no_beginning_is_told(void **state)
{
    struct buf text;

    (void)state;
    check("", "1!! the file is empty\n");
    check(" \n\n", "3!! the file is empty\n");
    check("connector,name\nwa,\"Ann\nwa,Bob\n", "2!! a quote does not end\n");
    buf_init(&text, 1 << 20);
    (void)buf_add_str(&text, "connector,name\nwa,Ann\nwa,");
    for (size_t i = 0; i < IMPORT_ROW_MAX; i++)
        (void)buf_add_char(&text, 'x');
    check(buf_str(&text), "2 wa||Ann\n3!! is longer than 64 KiB\n");
    buf_fini(&text);
}

static void a_format_that_is_given_is_not_guessed(void **state)
{
    struct buf out;

    (void)state;
    read_all(VIEW_LIT("connector,name\n"), IMPORT_JSONL, &out);
    assert_string_equal(buf_str(&out), "1! is not a JSON object\n");
    buf_fini(&out);
    read_all(VIEW_LIT("{\"connector\":\"a\"}\n"), IMPORT_CSV, &out);
    assert_non_null(strstr(buf_str(&out), "1!! unknown column {"));
    buf_fini(&out);
}

/* Rows longer than a chunk's rest, so that each border is crossed somewhere. */
static void many_rows_are_read_in_the_room_of_a_few(void **state)
{
    struct import_file *f = NULL;
    struct import_row row;
    struct buf text;
    struct buf why;
    FILE *in = NULL;

    (void)state;
    buf_init(&text, 8 << 20);
    buf_init(&why, 4096);
    (void)buf_add_str(&text, "connector,conversation\n");
    for (int i = 0; i < 100000; i++)
        (void)buf_add_f(&text, "wa,\"%d\"\n", i);
    assert_int_equal(buf_error(&text), 0);
    in = file_of(buf_view(&text));
    assert_int_equal(import_file_new(in, IMPORT_GUESS, &f), 0);
    for (int i = 0; i < 100000; i++) {
        char want[16];

        (void)snprintf(want, sizeof(want), "%d", i);
        assert_int_equal(import_file_next(f, &row, &why), 0);
        assert_true(view_is(row.values[IMPORT_CONVERSATION], want));
        assert_int_equal(row.line, i + 2);
    }
    assert_int_equal(import_file_next(f, &row, &why), IMPORT_E_END);
    import_file_free(f);
    assert_int_equal(fclose(in), 0);
    buf_fini(&text);
    buf_fini(&why);
}

static void memory_may_fail_anywhere(void **state)
{
    static const char text[] = "{\"connector\":\"a\\u0000\",\"name\":\"Ann\"}\n";
    struct import_file *f = NULL;
    struct import_row row;
    struct buf why;
    int rc = -1;

    (void)state;
    buf_init(&why, 4096);
    for (uint64_t at = 1; rc; at++) {
        FILE *in = file_of(VIEW_LIT(text));

        mem_fail_at(at);
        rc = import_file_new(in, IMPORT_GUESS, &f);
        rc = rc ? rc : import_file_next(f, &row, &why);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        import_file_free(f);
        f = NULL;
        assert_int_equal(fclose(in), 0);
        assert_true(at < 100);
    }
    buf_fini(&why);
}

/* --- rows of a file that name the same ------------------------------------------------------ */

static struct import_row row_of(uint64_t line, const char *conversation, const char *client,
                                const char *chat)
{
    struct import_row row = {.line = line};

    for (size_t i = 0; i < IMPORT_N_COLUMNS; i++)
        row.values[i] = VIEW_LIT("");
    row.values[IMPORT_CONNECTOR] = VIEW_LIT("wa");
    row.values[IMPORT_CONVERSATION] = view_of(conversation);
    row.values[IMPORT_CLIENT_ID] = view_of(client);
    row.values[IMPORT_CHAT_ID] = view_of(chat);
    return row;
}

static void rows_that_share_an_id_are_found_over_batches(void **state)
{
    struct import_duplicates seen;
    struct import_match match;
    struct import_row row;

    (void)state;
    import_duplicates_init(&seen);
    for (uint64_t i = 1; i <= 20000; i++) { /* grows several times */
        char id[24];

        (void)snprintf(id, sizeof(id), "%d", (int)i);
        row = row_of(i, id, id, "");
        assert_int_equal(import_duplicates_add(&seen, &row, i, &match), 0);
        assert_int_equal(match.line, 0);
    }
    row = row_of(30000, "77", "77", "");
    assert_int_equal(import_duplicates_add(&seen, &row, 30000, &match), 0);
    assert_int_equal(match.line, 77);
    assert_true(match.whole);
    row = row_of(30001, "new", "78", "");
    assert_int_equal(import_duplicates_add(&seen, &row, 30000, &match), 0);
    assert_int_equal(match.line, 78);
    assert_false(match.whole);
    assert_int_equal(match.what, IMPORT_CLIENT_ID);
    row = row_of(30002, "new", "other", ""); /* the same batch: core sees both */
    assert_int_equal(import_duplicates_add(&seen, &row, 30000, &match), 0);
    assert_int_equal(match.line, 0);
    import_duplicates_fini(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_is_read_with_quotes_and_any_separator),
        cmocka_unit_test(json_lines_are_read_whatever_the_order),
        cmocka_unit_test(a_row_that_cannot_be_read_stops_no_other),
        cmocka_unit_test(a_mistyped_name_is_never_skipped),
        cmocka_unit_test(what_has_no_end_or_no_beginning_is_told),
        cmocka_unit_test(a_format_that_is_given_is_not_guessed),
        cmocka_unit_test(many_rows_are_read_in_the_room_of_a_few),
        cmocka_unit_test(memory_may_fail_anywhere),
        cmocka_unit_test(rows_that_share_an_id_are_found_over_batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
