/* Any bytes as the file of `conversation import`, as JSON lines, as CSV and as whichever it looks
 * like: rows come with rising line numbers, within their limits, and every refusal says why. */

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"
#include "tools/ctl/import/file.h"

static void check_why(const struct buf *why)
{
    FUZZ_MUST(why->len > 0 && buf_error(why) == 0);
}

static void check_row(const struct import_row *row)
{
    size_t sum = 0;

    for (size_t i = 0; i < IMPORT_N_COLUMNS; i++) {
        FUZZ_MUST(row->values[i].ptr);
        sum += row->values[i].len;
    }
    FUZZ_MUST(sum <= IMPORT_ROW_MAX);
}

/* Every row is one line of the file at least, so that reading ends. */
static void check_rows(struct import_file *f, size_t n_lines)
{
    uint64_t line = 0;
    size_t n = 0;
    int rc = 0;

    while (rc == 0 || rc == IMPORT_E_ROW) {
        struct import_row row = {0};
        struct buf why;

        buf_init(&why, 65536);
        rc = import_file_next(f, &row, &why);
        FUZZ_MUST(rc >= 0 && rc <= IMPORT_E_FILE);
        if (rc == IMPORT_E_ROW || rc == IMPORT_E_FILE)
            check_why(&why);
        if (rc == 0)
            check_row(&row);
        if (rc == 0 || rc == IMPORT_E_ROW) {
            FUZZ_MUST(row.line > line && row.line <= n_lines + 1);
            FUZZ_MUST(++n <= n_lines + 1);
            line = row.line;
        }
        buf_fini(&why);
    }
    for (size_t i = 0; i < IMPORT_N_COLUMNS; i++)
        FUZZ_MUST(import_column_name((enum import_column)i)[0]);
}

static void check_file(struct view bytes, size_t n_lines, enum import_format format)
{
    struct import_file *f = NULL;
    FILE *in = tmpfile();

    FUZZ_MUST(in && fwrite(bytes.ptr, 1, bytes.len, in) == bytes.len);
    FUZZ_MUST(fseek(in, 0, SEEK_SET) == 0);
    FUZZ_MUST(import_file_new(in, format, &f) == 0);
    check_rows(f, n_lines);
    import_file_free(f);
    FUZZ_MUST(fclose(in) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);
    size_t n_lines = 0;

    for (size_t i = 0; i < len; i++)
        n_lines += bytes[i] == '\n' || bytes[i] == '\r';
    check_file(v, n_lines, IMPORT_GUESS);
    check_file(v, n_lines, IMPORT_CSV);
    check_file(v, n_lines, IMPORT_JSONL);
    return 0;
}
